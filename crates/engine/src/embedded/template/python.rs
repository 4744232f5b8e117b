//! Python's ways of writing values, for templates that were written against Python.

use std::{borrow::Cow, fmt::Write as _};

use minijinja::{
    Environment, Error, ErrorKind, Value,
    value::{Kwargs, Tuple, ValueKind, from_args},
};

use super::control::MARKER;

/// A JSON value as templates see it. Keys keep their order.
pub(super) fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(truth),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => items.into_iter().map(value).collect(),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.into_iter().map(|(key, field)| (key, value(field))))
        }
        serde_json::Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                return Value::from(integer);
            }
            // Python's integers have no limit; these here have 128 bits.
            let large = number.to_string().parse::<i128>().ok().map(Value::from);
            large.unwrap_or_else(|| Value::from(number.as_f64().unwrap_or(f64::NAN)))
        }
    }
}

/// Python's `str`.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value.kind() {
        ValueKind::String => Cow::Borrowed(value.as_str().unwrap_or_default()),
        ValueKind::Number | ValueKind::Seq | ValueKind::Map => {
            let mut out = String::new();
            represent(value, &mut out);
            Cow::Owned(out)
        }
        _ => Cow::Owned(value.to_string()),
    }
}

/// Jinja's filters and tests where minijinja's have other results.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("trim", |value: &Value, letters: Option<&str>| {
        Value::from(strip(&text(value), letters, Ends::Both))
    });
    environment.add_filter("string", |value: &Value| Value::from(text(value)));
    environment.add_filter("indent", indent);
    environment.add_filter("int", int);
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_test("iterable", |value: &Value| match value.kind() {
        ValueKind::Undefined | ValueKind::String => true,
        ValueKind::None => false,
        _ => value.try_iter().is_ok(),
    });
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined
        )
    });
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
}

/// Indents each line but, unless asked for, the first and empty ones.
fn indent(
    value: &Value,
    width: Option<&Value>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Result<String, Error> {
    let width = width.cloned().or(named.get("width")?);
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    named.assert_all_used()?;
    let margin = match &width {
        None => " ".repeat(4),
        Some(width) => match width.as_str() {
            Some(margin) => margin.to_owned(),
            None => " ".repeat(usize::try_from(width.clone())?.min(PADDED_MAX)),
        },
    };
    let text = text(value);
    let mut indented = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            indented.push('\n');
        }
        if (at > 0 || first) && (blank || !line.is_empty() || at == 0) {
            indented.push_str(&margin);
        }
        indented.push_str(line);
    }
    Ok(indented)
}

/// What is no number becomes the default.
fn int(value: &Value, default: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = default.or(named.get("default")?).unwrap_or_else(|| Value::from(0));
    named.assert_all_used()?;
    let text = value.as_str().map(|text| text.trim().replace('_', ""));
    if let Some(integer) = text.as_deref().and_then(|text| text.parse::<i128>().ok()) {
        return Ok(Value::from(integer));
    }
    if value.is_integer() {
        return Ok(value.clone());
    }
    let float = match (&text, value.kind()) {
        (Some(text), _) => text.parse::<f64>().ok(),
        (None, ValueKind::Bool) => Some(f64::from(u8::from(value.is_true()))),
        (None, _) => f64::try_from(value.clone()).ok(),
    };
    Ok(float.filter(|float| float.is_finite()).map_or(default, |float| Value::from(float as i128)))
}

/// Escapes as MarkupSafe does.
fn escape(value: &Value) -> Value {
    let text = text(value);
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    Value::from_safe_string(escaped)
}

/// Python's `repr`.
fn represent(value: &Value, out: &mut String) {
    match value.kind() {
        ValueKind::Number => write_number(value, out),
        ValueKind::Seq if !value.is_tuple() => {
            out.push('[');
            for (at, item) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                represent(&item, out);
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                represent(&key, out);
                out.push_str(": ");
                represent(&value.get_item(&key).unwrap_or_default(), out);
            }
            out.push('}');
        }
        // The rest is the same in minijinja.
        _ => {
            let _ = write!(out, "{value:?}");
        }
    }
}

/// How `json.dumps` writes.
#[derive(Debug)]
pub(super) struct JsonStyle {
    /// Writes letters beyond ASCII as escapes.
    pub(super) ensure_ascii: bool,
    /// Writes items on lines of their own, behind this for each level.
    pub(super) indent: Option<String>,
    /// Between items.
    pub(super) item: String,
    /// Between a key and its value.
    pub(super) key: String,
    /// Sorts keys.
    pub(super) sort_keys: bool,
}

/// Python's `json.dumps`. The error is the kind of a value that has no JSON.
pub(super) fn dumps(value: &Value, style: &JsonStyle) -> Result<String, ValueKind> {
    let mut out = String::new();
    write_json(value, style, 0, &mut out)?;
    Ok(out)
}

fn write_json(
    value: &Value,
    style: &JsonStyle,
    depth: usize,
    out: &mut String,
) -> Result<(), ValueKind> {
    let kind = value.kind();
    match kind {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => write_number(value, out),
        ValueKind::String => {
            quote(value.as_str().unwrap_or_default(), style.ensure_ascii, out);
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter().map_err(|_| kind)?.collect();
            enclose(('[', ']'), items.len(), style, depth, out, &mut |at, out| {
                items
                    .get(at)
                    .map_or(Ok(()), |item| write_json(item, style, depth.saturating_add(1), out))
            })?;
        }
        ValueKind::Map => {
            let mut fields = Vec::new();
            for key in value.try_iter().map_err(|_| kind)? {
                let field = value.get_item(&key).map_err(|_| kind)?;
                fields.push((key_text(&key)?, field));
            }
            if style.sort_keys {
                fields.sort_by(|a, b| a.0.cmp(&b.0));
            }
            enclose(('{', '}'), fields.len(), style, depth, out, &mut |at, out| {
                let Some((key, field)) = fields.get(at) else { return Ok(()) };
                quote(key, style.ensure_ascii, out);
                out.push_str(&style.key);
                write_json(field, style, depth.saturating_add(1), out)
            })?;
        }
        _ => return Err(kind),
    }
    Ok(())
}

/// Writes so many entries between two brackets.
fn enclose(
    (open, close): (char, char),
    count: usize,
    style: &JsonStyle,
    depth: usize,
    out: &mut String,
    entry: &mut dyn FnMut(usize, &mut String) -> Result<(), ValueKind>,
) -> Result<(), ValueKind> {
    let line = |depth: usize, out: &mut String| {
        if let Some(indent) = &style.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    };
    out.push(open);
    for at in 0..count {
        if at > 0 {
            out.push_str(&style.item);
        }
        line(depth.saturating_add(1), out);
        entry(at, out)?;
    }
    if count > 0 {
        line(depth, out);
    }
    out.push(close);
    Ok(())
}

fn key_text(key: &Value) -> Result<String, ValueKind> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => {
            let mut text = String::new();
            write_number(key, &mut text);
            Ok(text)
        }
        kind => Err(kind),
    }
}

fn write_number(value: &Value, out: &mut String) {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => out.push_str(&float(number)),
        // Integers print as they are.
        _ => out.push_str(&value.to_string()),
    }
}

/// Python's `repr` of a float, and JSON's names for those that are none.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // Rust's shortest form has the same digits and the same limits, but a shorter exponent.
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn quote(text: &str, ensure_ascii: bool, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                // Writing to a `String` does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            // The marker is ours: it must be found again, whatever a template does.
            letter if ensure_ascii && !letter.is_ascii() && letter != MARKER => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// A text as it stands inside JSON, without its quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    quote(text, false, &mut quoted);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// Which ends of a text are stripped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// Both.
    Both,
    /// The beginning.
    Start,
    /// The end.
    End,
}

/// Python's `strip`, `lstrip`, `rstrip`.
pub(super) fn strip<'text>(text: &'text str, letters: Option<&str>, ends: Ends) -> &'text str {
    let goes = |letter: char| match letters {
        Some(letters) => letters.contains(letter),
        None => is_space(letter),
    };
    let text = if ends == Ends::End { text } else { text.trim_start_matches(goes) };
    if ends == Ends::Start { text } else { text.trim_end_matches(goes) }
}

/// Python's white space is Unicode's and four old separators.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

/// Methods that minijinja's own set lacks, or has with other results. `None` where that set is right.
pub(super) fn method(
    receiver: &Value,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, Error> {
    match receiver.kind() {
        ValueKind::String => {
            let text = receiver.as_str().unwrap_or_default();
            text_method(text, name, arguments)
        }
        ValueKind::Map if name == "copy" => {
            let () = from_args(arguments)?;
            Ok(Some(receiver.clone()))
        }
        ValueKind::Seq if name == "index" => {
            let (wanted,): (&Value,) = from_args(arguments)?;
            let at = receiver.try_iter()?.position(|item| item == *wanted);
            at.map(|at| Some(Value::from(at))).ok_or_else(|| missing("list.index"))
        }
        _ => Ok(None),
    }
}

fn text_method(text: &str, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let ends = match name {
        "strip" => Some(Ends::Both),
        "lstrip" => Some(Ends::Start),
        "rstrip" => Some(Ends::End),
        _ => None,
    };
    if let Some(ends) = ends {
        let (letters,): (Option<&str>,) = from_args(arguments)?;
        return Ok(Some(Value::from(strip(text, letters, ends))));
    }
    Ok(Some(match name {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "split" | "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(arguments)?;
            let most = most.and_then(|most| usize::try_from(most).ok());
            split(text, separator, most, name == "rsplit")?
        }
        "splitlines" => {
            let (keep,): (Option<bool>,) = from_args(arguments)?;
            lines(text, keep.unwrap_or(false)).into_iter().map(Value::from).collect()
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(arguments)?;
            let last = name == "rpartition";
            let cut = if last { text.rsplit_once(separator) } else { text.split_once(separator) };
            let parts = match cut {
                Some((before, after)) => [before, separator, after],
                None if last => ["", "", text],
                None => [text, "", ""],
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "index" => {
            let (part,): (&str,) = from_args(arguments)?;
            let before = text.split_once(part).ok_or_else(|| missing("str.index"))?.0;
            Value::from(before.chars().count())
        }
        "ljust" | "rjust" | "center" | "zfill" => padded(text, name, arguments)?,
        "swapcase" => {
            let () = from_args(arguments)?;
            let swap = |letter: char| -> String {
                if letter.is_uppercase() {
                    letter.to_lowercase().collect()
                } else {
                    letter.to_uppercase().collect()
                }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        "casefold" => {
            let () = from_args(arguments)?;
            Value::from(text.to_uppercase().to_lowercase())
        }
        "title" => {
            let () = from_args(arguments)?;
            Value::from(title(text))
        }
        "istitle" => {
            let () = from_args(arguments)?;
            Value::from(text == title(text) && text.chars().any(char::is_alphabetic))
        }
        "isdecimal" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit()))
        }
        "isspace" => {
            let () = from_args(arguments)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        _ => return Ok(None),
    }))
}

fn split(
    text: &str,
    separator: Option<&str>,
    most: Option<usize>,
    from_end: bool,
) -> Result<Value, Error> {
    let parts = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let Some(separator) = separator else {
        return Ok(words(text, parts, from_end).into_iter().map(Value::from).collect());
    };
    if separator.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "empty separator"));
    }
    let mut found: Vec<&str> = if from_end {
        text.rsplitn(parts, separator).collect()
    } else {
        text.splitn(parts, separator).collect()
    };
    if from_end {
        found.reverse();
    }
    Ok(found.into_iter().map(Value::from).collect())
}

/// Splits at runs of white space; what is left over keeps its own.
fn words(text: &str, parts: usize, from_end: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let inner = if from_end { Ends::End } else { Ends::Start };
    let mut rest = strip(text, None, inner);
    while !rest.is_empty() {
        let last = found.len().saturating_add(1) >= parts;
        let cut = if from_end {
            rest.rsplit_once(is_space).map(|(before, after)| (after, before))
        } else {
            rest.split_once(is_space)
        };
        match cut {
            Some((word, after)) if !last => {
                found.push(word);
                rest = strip(after, None, inner);
            }
            _ => {
                found.push(rest);
                rest = "";
            }
        }
    }
    if from_end {
        found.reverse();
    }
    found
}

/// A capital after each letter that is none.
fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            titled.extend(letter.to_lowercase());
        } else {
            titled.extend(letter.to_uppercase());
        }
        inside = letter.is_alphabetic();
    }
    titled
}

/// Python's lines end at more than line feeds.
fn lines(text: &str, keep_ends: bool) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = |letter: char| {
            matches!(
                letter,
                '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                    ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
        };
        let Some(at) = rest.find(ends) else {
            found.push(rest);
            break;
        };
        let (line, end) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let length =
            if end.starts_with("\r\n") { 2 } else { end.chars().next().map_or(0, char::len_utf8) };
        let (whole, after) = rest.split_at_checked(at.saturating_add(length)).unwrap_or((rest, ""));
        found.push(if keep_ends { whole } else { line });
        rest = after;
    }
    found
}

fn padded(text: &str, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<char>) = from_args(arguments)?;
    let missing = width.min(PADDED_MAX).saturating_sub(text.chars().count());
    let fill = |count: usize| std::iter::repeat_n(fill.unwrap_or(' '), count).collect::<String>();
    Ok(Value::from(match name {
        "ljust" => format!("{text}{}", fill(missing)),
        "rjust" => format!("{}{text}", fill(missing)),
        "zfill" => {
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => {
                    text.split_at_checked(text.len() - digits.len()).unwrap_or(("", text))
                }
                None => ("", text),
            };
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        // Where one is left over, Python's odd widths put it on the left.
        _ => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", fill(left), fill(missing.saturating_sub(left)))
        }
    }))
}

/// The widest field.
const PADDED_MAX: usize = 4096;

fn missing(method: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{method}: not found"))
}
