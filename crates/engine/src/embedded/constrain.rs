//! Enforces JSON schemas and tool calls by masking tokens.
//!
//! The constraint of a request becomes a grammar. For each next token, llguidance computes from the
//! grammar which tokens are allowed (the mask). Its limits bound the cost of a schema at the start
//! and at each token: a hostile schema fails its own request and does not slow down others.

use std::sync::Arc;

use llguidance::{Matcher, ParserFactory, api::TopLevelGrammar};
use serde_json::{Value, json};
use toktrie::{
    InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv,
};

use super::{
    ffi::Model,
    keys::{Holds, Keys},
    promise::Promise,
    tools,
};
use crate::{
    request::{Answer, Constraint, Refusal, Text, Tool, ToolChoice},
    schema::{self, Budget, Compiled, Problem, Promise as Kind, check::Check},
};

/// Maximum length of one schema, in bytes.
pub(crate) const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// Compiles constraints for the vocabulary of one model.
pub(crate) struct Constrainer {
    factory: ParserFactory,
}

impl std::fmt::Debug for Constrainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Constrainer")
    }
}

impl Constrainer {
    /// Indexes a model's vocabulary; `pieces` are the bytes of its tokens.
    ///
    /// # Errors
    /// If the model has no end token, or llguidance cannot index the vocabulary.
    pub(crate) fn new(model: &Arc<Model>, pieces: &[Vec<u8>]) -> Result<Self, String> {
        let eos = model.eot().or_else(|| model.eos()).ok_or("the model has no end token")?;
        let words: Vec<Vec<u8>> = (0_u32..)
            .zip(pieces)
            .map(|(token, piece)| {
                if model.is_control(token) || model.ends(token) {
                    // Marked as special, so that no text in a grammar matches a control token.
                    [&[TokTrie::SPECIAL_TOKEN_MARKER], piece.as_slice()].concat()
                } else {
                    piece.clone()
                }
            })
            .collect();
        let trie = TokTrie::from(&TokRxInfo::new(model.vocabulary(), eos), &words);
        Self::with(&(Arc::new(Vocabulary { model: Arc::clone(model), trie }) as TokEnv))
    }

    /// Creates a constrainer for a vocabulary, with the limits of the service.
    ///
    /// # Errors
    /// If llguidance cannot index the vocabulary.
    pub(crate) fn with(environment: &TokEnv) -> Result<Self, String> {
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory =
            ParserFactory::new(environment, InferenceCapabilities::default(), &slices)
                .map_err(|error| format!("cannot index the vocabulary: {error}"))?;
        factory.quiet();
        let limits = factory.limits_mut();
        // With verbose errors, llguidance quotes the text so far.
        limits.verbose_errors = false;
        // At most about 4 ms per token; the model itself takes about 10 ms.
        limits.step_lexer_fuel = 60_000;
        limits.step_max_items = 20_000;
        limits.max_lexer_states = 50_000;
        limits.max_grammar_size = 200_000;
        // At most about 20 ms at the start, on a thread that does not compute tokens.
        limits.initial_lexer_fuel = 1_000_000;
        limits.precompute_large_lexemes = false;
        Ok(Self { factory })
    }

    /// Compiles a constraint. Returns the state that constrains one choice (`None` if any text is
    /// allowed), and the promise that the finished choice is checked against.
    ///
    /// # Errors
    /// [`Refusal::BadSchema`] if a schema is invalid, costs too much, or is strict and cannot be
    /// enforced exactly.
    pub(crate) fn compile(
        &self,
        constraint: &Constraint,
        tools: &[Tool],
    ) -> Result<(Option<State>, Promise), Refusal> {
        let mut budget = Budget::default();
        let form = match constraint {
            Constraint::Free => return Ok((None, Promise::Nothing)),
            Constraint::JsonObject => Form::object(&mut budget)?,
            Constraint::JsonSchema { schema, strict } => Form::of(schema, *strict, &mut budget)?,
            Constraint::Tools { choice, parallel, answer } => {
                let form = match answer {
                    Answer::Free => None,
                    Answer::JsonObject => Some(Form::object(&mut budget)?),
                    Answer::JsonSchema { schema, strict } => {
                        Some(Form::of(schema, *strict, &mut budget)?)
                    }
                };
                let functions = functions(tools, choice, &mut budget)?;
                // A model that must call something never answers in this form. Its schema was read
                // nevertheless, so that all choices refuse the same schemas.
                let form = form.filter(|_| *choice == ToolChoice::Auto);
                return self.calls(functions, choice, *parallel, form);
            }
        };
        let state = self.state(answer(&form.made), Holds::Json, form.param)?;
        Ok((Some(state), form.promise))
    }

    /// Compiles calls of these functions, and the `form` of an answer that calls nothing. If their
    /// grammar costs too much, functions without `strict` accept any object instead: first those
    /// whose own schema costs too much, then all of them.
    fn calls(
        &self,
        mut functions: Vec<Function>,
        choice: &ToolChoice,
        parallel: bool,
        form: Option<Form>,
    ) -> Result<(Option<State>, Promise), Refusal> {
        let holds = if form.is_some() { Holds::Either } else { Holds::Calls };
        let compile = |functions: &[Function]| {
            self.state(call_grammar(functions, choice, parallel, form.as_ref()), holds, "tools")
        };
        let mut state = compile(&functions);
        if state.is_err() {
            for function in functions.iter_mut().filter(|function| !function.strict) {
                let alone = self.state(answer(&function.made), Holds::Json, "tools");
                if alone.is_err() {
                    *function = Function { param: function.param.clone(), ..any(&function.name)? };
                }
            }
            state = compile(&functions);
        }
        if state.is_err() {
            for function in functions.iter_mut().filter(|function| !function.strict) {
                *function = Function { param: function.param.clone(), ..any(&function.name)? };
            }
            state = compile(&functions);
        }
        if state.is_err() {
            for function in functions.iter().filter(|function| function.strict) {
                self.state(answer(&function.made), Holds::Json, &function.param)?;
            }
            if let Some(form) = &form {
                self.state(answer(&form.made), Holds::Json, form.param)?;
            }
        }
        let checks =
            functions.into_iter().map(|function| (function.name, function.check)).collect();
        let answer = form.map(|form| Box::new(form.promise));
        Ok((Some(state?), Promise::Calls { checks, parallel, answer }))
    }

    /// Returns the state of a schema that llguidance compiles itself, for comparing the costs.
    pub(super) fn library(&self, schema: Value) -> Option<State> {
        let parser = self.factory.create_parser(TopLevelGrammar::from_json_schema(schema)).ok()?;
        let matcher = Matcher::new(Ok(parser));
        matcher.get_error().is_none().then(|| State { matcher, keys: Keys::new(Holds::Json) })
    }

    /// Compiles the rules of a grammar, whose texts hold JSON in these places.
    fn state(&self, rules: String, holds: Holds, param: &str) -> Result<State, Refusal> {
        // The library's errors and panics may quote the schema, so none of them is passed on.
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let parser = self.factory.create_parser(TopLevelGrammar::from_lark(rules)).ok()?;
            let matcher = Matcher::new(Ok(parser));
            matcher.get_error().is_none().then_some(matcher)
        }));
        match made {
            Ok(Some(matcher)) => Ok(State { matcher, keys: Keys::new(holds) }),
            _ => Err(Refusal::BadSchema {
                param: param.to_owned(),
                reason: "the schema costs too much to enforce; make it smaller, or use fewer \
                         patterns and counts"
                    .to_owned(),
            }),
        }
    }
}

/// Maximum length of a text that a grammar may force at once, in bytes. This bounds the time for
/// finding and tokenizing it. In a grammar that could force more, the model chooses each token, as
/// it does where there is a choice.
const FORCED_BYTES_MAX: usize = 4096;

/// The vocabulary of a model, and its tokenizer: a text that the grammar forces gets the tokens that
/// the model was trained on.
struct Vocabulary {
    model: Arc<Model>,
    trie: TokTrie,
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, text: &[u8]) -> Vec<TokenId> {
        // Some tokenizers put a space in front of a text, or change its characters.
        let exact = std::str::from_utf8(text)
            .ok()
            .and_then(|text| self.model.tokenize(text, false, false).ok())
            .filter(|tokens| self.trie.decode_raw(tokens) == text);
        exact.unwrap_or_else(|| self.trie.greedy_tokenize(text))
    }

    /// llguidance forces tokens only with an environment that says so.
    fn tokenize_is_canonical(&self) -> bool {
        true
    }
}

/// The form of an answer in JSON, with its compiled schema.
struct Form {
    param: &'static str,
    made: Compiled,
    promise: Promise,
}

impl Form {
    /// Compiles the form of any object.
    fn object(budget: &mut Budget) -> Result<Self, Refusal> {
        let (param, object) = ("response_format", json!({"type": "object"}));
        let made = schema::compile(&object, Kind::Plain, budget)
            .map_err(|problem| bad(param, &problem))?;
        Ok(Self { param, made, promise: Promise::Json(Check::object()) })
    }

    /// Compiles the form that a schema describes.
    fn of(schema: &Text, strict: bool, budget: &mut Budget) -> Result<Self, Refusal> {
        let param = "response_format.json_schema.schema";
        let kind = if strict { Kind::Strict } else { Kind::Plain };
        let (made, check) = read(schema.0.reveal(), kind, param, budget)?;
        let promise = check.map_or(Promise::Nothing, Promise::Json);
        Ok(Self { param, made, promise })
    }
}

/// A function that the model may call, with its compiled schema.
struct Function {
    name: String,
    param: String,
    strict: bool,
    made: Compiled,
    check: Check,
}

/// Returns the function with a schema that accepts any object.
fn any(name: &str) -> Result<Function, Refusal> {
    let object = json!({"type": "object"});
    let made = schema::compile(&object, Kind::Tool, &mut Budget::default())
        .map_err(|problem| bad("tools", &problem))?;
    let (param, check) = ("tools".to_owned(), Check::object());
    Ok(Function { name: name.to_owned(), param, strict: false, made, check })
}

/// Compiles the schemas of the tools that `choice` allows.
fn functions(
    tools: &[Tool],
    choice: &ToolChoice,
    budget: &mut Budget,
) -> Result<Vec<Function>, Refusal> {
    let mut all = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        if matches!(choice, ToolChoice::Named(name) if *name != tool.name) {
            continue;
        }
        let param = format!("tools[{index}].function.parameters");
        let kind = if tool.strict { Kind::StrictTool } else { Kind::Tool };
        let (made, check) = read(tool.parameters.0.reveal(), kind, &param, budget)?;
        let check = check.unwrap_or_else(Check::object);
        all.push(Function { name: tool.name.clone(), param, strict: tool.strict, made, check });
    }
    Ok(all)
}

fn bad(param: &str, problem: &Problem) -> Refusal {
    Refusal::BadSchema { param: param.to_owned(), reason: problem.to_string() }
}

/// Compiles a schema. Also returns its check, if every keyword is enforced.
fn read(
    text: &str,
    kind: Kind,
    param: &str,
    budget: &mut Budget,
) -> Result<(Compiled, Option<Check>), Refusal> {
    match schema::inexact(text) {
        Some(problem) if kind != Kind::Tool => return Err(bad(param, &problem)),
        Some(_) => return parse(text, param).and_then(|_| Ok((any("")?.made, None))),
        None => {}
    }
    let root = parse(text, param)?;
    let made = schema::compile(&root, kind, budget).map_err(|problem| bad(param, &problem))?;
    let check = if made.relaxed.is_empty() { Check::of(&root) } else { None };
    if made.relaxed.is_empty() && check.is_none() && matches!(kind, Kind::Strict | Kind::StrictTool)
    {
        let problem = Problem::whole(
            "cannot be read by the validator that checks finished answers; make it simpler",
        );
        return Err(bad(param, &problem));
    }
    Ok((made, check))
}

fn answer(made: &Compiled) -> String {
    format!("{}start: answer\n{}", options(made.forced_max()), made.rules("answer"))
}

/// The position of one choice in its grammar.
pub(crate) struct State {
    matcher: Matcher,
    keys: Keys,
}

impl Clone for State {
    fn clone(&self) -> Self {
        // A deep clone: choices advance independently and must not share the lexer's lock.
        Self { matcher: self.matcher.deep_clone(), keys: self.keys.clone() }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

/// The constraint exceeded its limits or failed. Holds no details, because these would quote text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooCostly;

impl State {
    /// Returns the tokens that may come next; only the end token once the grammar is complete.
    ///
    /// # Errors
    /// If the grammar exceeds its limits.
    pub(crate) fn mask(&mut self) -> Result<SimpleVob, TooCostly> {
        self.matcher.compute_mask_or_eos().map_err(|_| TooCostly)
    }

    /// Returns the tokens that must come next, because the grammar allows no other text. Empty if
    /// there is a choice, or the grammar exceeds its limits.
    pub(crate) fn forced(&mut self) -> Vec<u32> {
        self.matcher.compute_ff_tokens()
    }

    /// Adds a token's bytes to the text, unless they would complete a duplicate key; then returns
    /// false and changes nothing. The grammar cannot check this.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        self.keys.take(bytes)
    }

    /// Advances the grammar by the chosen token.
    ///
    /// # Errors
    /// If the grammar does not allow the token, or exceeds its limits.
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), TooCostly> {
        self.matcher.consume_token(token).map_err(|_| TooCostly)
    }

    /// Whether the text is complete and no token can follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }
}

/// Returns the first line of a grammar that forces at most this many bytes at once.
fn options(forced_max: usize) -> &'static str {
    if forced_max > FORCED_BYTES_MAX { "%llguidance {\"no_forcing\": true}\n" } else { "" }
}

/// Writes the grammar of tool calls, in the form that [`tools`] describes. With a `form`, an answer
/// is either calls and nothing else, or JSON of this form. The first character decides: a call begins
/// with `<`, and no JSON does.
fn call_grammar(
    functions: &[Function],
    choice: &ToolChoice,
    parallel: bool,
    form: Option<&Form>,
) -> String {
    let mut calls = Vec::new();
    let mut rules = String::new();
    for (index, function) in functions.iter().enumerate() {
        let head = json!(format!("{{\"name\": {}, \"arguments\": ", json!(function.name)));
        calls.push(format!("call_{index}"));
        rules.push_str(&format!("call_{index}: {head} a{index}x \"}}\"\n"));
        rules.push_str(&function.made.rules(&format!("a{index}x")));
    }
    let (open, close) = (json!(format!("{}\n", tools::OPEN)), json!(format!("\n{}", tools::CLOSE)));
    let more = if parallel { "(\"\\n\" call)*" } else { "" };
    let start = match (choice, form) {
        (ToolChoice::Auto, Some(form)) => {
            rules.push_str(&form.made.rules("answer"));
            format!("start: answer | call {more}\n")
        }
        // Free text up to the first call, or without any call.
        (ToolChoice::Auto, None) => format!(
            "start: TEXT | first_call {more}\n\
             first_call: text_before body\n\
             text_before[lazy]: TEXT {open}\n\
             TEXT: /(\\n|.)*/\n"
        ),
        (ToolChoice::Required | ToolChoice::Named(_), _) => format!("start: call {more}\n"),
    };
    let calls = calls.join(" | ");
    let made = functions.iter().map(|function| &function.made);
    let made = made.chain(form.map(|form| &form.made));
    let options = options(made.map(Compiled::forced_max).max().unwrap_or(0));
    format!("{options}{start}call: {open} body\nbody: ({calls}) {close}\n{rules}")
}

/// Parses the JSON text of a schema.
fn parse(schema: &str, param: &str) -> Result<Value, Refusal> {
    let bad = |reason: &str| Refusal::BadSchema { param: param.into(), reason: reason.into() };
    if schema.len() > SCHEMA_BYTES_MAX {
        return Err(bad(&format!(
            "the schema is longer than {SCHEMA_BYTES_MAX} bytes; shorten it"
        )));
    }
    let schema: Value =
        serde_json::from_str(schema).map_err(|_| bad("the schema is not valid JSON"))?;
    if !schema.is_object() {
        return Err(bad("the schema must be a JSON object"));
    }
    Ok(schema)
}

#[cfg(test)]
mod keywords;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod together;
