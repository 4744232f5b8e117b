//! Jinja with the settings of Hugging Face's tokenizers, for which chat templates are written.
//!
//! A program can access only its inputs: no files, no other templates, and no clock except the
//! given time. Its steps and the bytes that it writes are limited.

use std::io;

use minijinja::{
    Environment, Error, ErrorKind, State, UndefinedBehavior, Value,
    formatting::{FormatStyle, format},
    syntax::SyntaxConfig,
    value::{Kwargs, Rest},
};
use minijinja_contrib::{add_to_environment, pycompat::unknown_method_callback};

use super::{
    dialect,
    json::{self, JsonStyle},
    methods,
    moment::Moment,
    python,
};

/// Maximum number of steps; long conversations need some thousands. Written bytes count as steps
/// too.
const FUEL: u64 = 20_000_000;

/// Maximum number of bytes that a program may write.
const WRITTEN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A compiled template.
#[derive(Debug)]
pub(super) struct Program {
    environment: Environment<'static>,
}

impl Program {
    /// Compiles a template. The error has the line and the problem.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| error.to_string())?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_unknown_method_callback(method);
        environment.set_fuel(Some(FUEL));
        add_to_environment(&mut environment);
        environment.add_function("raise_exception", raise);
        environment.add_filter("tojson", to_json);
        environment.add_filter(dialect::PERCENT, percent);
        python::add_filters(&mut environment);
        environment.set_formatter(|out, _, value| Ok(out.write_str(&python::text(value))?));
        environment.add_template_owned(NAME, dialect::translate(source)).map_err(|error| {
            let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            format!("it is not a Jinja template{line} ({}{detail})", error.kind())
        })?;
        Ok(Self { environment })
    }

    /// Runs the program with these variables; `now` is the time that it sees.
    pub(super) fn run(&self, variables: Variables, now: Moment) -> Result<String, Failed> {
        let Variables(mut variables) = variables;
        let clock = move |format: &str| now.strftime(format);
        variables.push(("strftime_now", Value::from_function(clock)));
        let template = self.environment.get_template(NAME).map_err(|error| Failed::of(&error))?;
        let mut written = Bounded(Vec::new());
        let run = template.render_captured_to(Value::from_pairs(variables), &mut written);
        drop(run.map_err(|error| Failed::of(&error))?);
        String::from_utf8(written.0).map_err(|_| Failed("it writes text that is not UTF-8".into()))
    }
}

const NAME: &str = "chat";

/// The inputs of a program, by name.
#[derive(Debug, Default)]
pub(super) struct Variables(Vec<(&'static str, Value)>);

impl Variables {
    /// Adds a variable.
    pub(super) fn set(&mut self, name: &'static str, value: serde_json::Value) {
        self.0.push((name, python::value(value)));
    }
}

/// The reason why a program failed: its own error text, or the limit that it exceeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed(pub(super) String);

impl Failed {
    fn of(error: &Error) -> Self {
        Self(match error.kind() {
            ErrorKind::OutOfFuel => "it takes too many steps for this conversation".to_owned(),
            ErrorKind::WriteFailure => "it writes too much for this conversation".to_owned(),
            kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
        })
    }
}

/// A text with a limited length.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > WRITTEN_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn raise(message: &Value) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message.to_string()))
}

/// Hugging Face's `tojson`, which is Python's `json.dumps` with its arguments.
fn to_json(value: &Value, positional: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let mut positional = positional.0.into_iter();
    let mut argument = |name: &str| -> Result<Option<Value>, Error> {
        let given = positional.next().or(named.get::<Option<Value>>(name)?);
        Ok(given.filter(|value| !value.is_none() && !value.is_undefined()))
    };
    let ensure_ascii = argument("ensure_ascii")?.is_some_and(|value| value.is_true());
    let indent = match argument("indent")? {
        None => None,
        Some(indent) => Some(match indent.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(usize::try_from(i64::try_from(indent)?.clamp(0, 64)).unwrap_or(0)),
        }),
    };
    let separators = argument("separators")?.map(|pair| {
        let part = |at: usize| pair.get_item(&Value::from(at)).map(|part| part.to_string());
        Ok::<_, Error>((part(0)?, part(1)?))
    });
    let sort_keys = argument("sort_keys")?.is_some_and(|value| value.is_true());
    named.assert_all_used()?;
    let comma = if indent.is_some() { "," } else { ", " };
    let (item, key) = separators.transpose()?.unwrap_or((comma.into(), ": ".into()));
    let style = JsonStyle { ensure_ascii, indent, item, key, sort_keys };
    let unserializable = |kind| {
        let reason = format!("a value of kind `{kind}` cannot be written as JSON");
        Error::new(ErrorKind::BadSerialization, reason)
    };
    json::dumps(value, &style).map(Value::from).map_err(unserializable)
}

/// Python's `'text' % value`.
fn percent(text: &str, value: &Value) -> Result<String, Error> {
    if value.is_tuple() {
        let values: Vec<Value> = value.try_iter()?.collect();
        return format(FormatStyle::Printf, text, &values);
    }
    format(FormatStyle::Printf, text, std::slice::from_ref(value))
}

/// Python's methods: our own if minijinja's are missing or differ, else minijinja's.
fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    match methods::method(value, name, arguments)? {
        Some(result) => Ok(result),
        None => unknown_method_callback(state, value, name, arguments),
    }
}
