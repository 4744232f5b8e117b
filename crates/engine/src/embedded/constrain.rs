//! Output that is guaranteed to match: JSON schemas and tool calls as token masks.
//!
//! llguidance turns a grammar into the set of tokens that may come next. Its limits bound what a
//! schema may cost, at the start and at each token, so that a hostile schema ends its own request
//! and slows nobody else.

use std::sync::Arc;

use llguidance::{Matcher, ParserFactory, api::TopLevelGrammar};
use serde_json::{Value, json};
use toktrie::{ApproximateTokEnv, InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie};

use super::{ffi::Model, tools};
use crate::request::{Constraint, Refusal, Tool, ToolChoice};

/// Bytes of one schema, at most.
pub(crate) const SCHEMA_BYTES_MAX: usize = 256 * 1024;

/// Makes constraints for one model's vocabulary.
pub(crate) struct Constrainer {
    factory: ParserFactory,
}

impl std::fmt::Debug for Constrainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Constrainer")
    }
}

impl Constrainer {
    /// Reads the vocabulary.
    pub(crate) fn new(model: &Model, pieces: &[Vec<u8>]) -> Result<Self, String> {
        let eos = model.eot().or_else(|| model.eos()).ok_or("the model has no end token")?;
        let words: Vec<Vec<u8>> = (0_u32..)
            .zip(pieces)
            .map(|(token, piece)| {
                if model.is_control(token) || model.ends(token) {
                    // No text can spell a control token.
                    [&[TokTrie::SPECIAL_TOKEN_MARKER], piece.as_slice()].concat()
                } else {
                    piece.clone()
                }
            })
            .collect();
        let trie = TokTrie::from(&TokRxInfo::new(model.vocabulary(), eos), &words);
        Self::with(&(Arc::new(ApproximateTokEnv::new(trie)) as TokEnv))
    }

    fn with(environment: &TokEnv) -> Result<Self, String> {
        let slices = llguidance::earley::SlicedBiasComputer::general_slices();
        let mut factory =
            ParserFactory::new(environment, InferenceCapabilities::default(), &slices)
                .map_err(|error| format!("cannot index the vocabulary: {error}"))?;
        factory.quiet();
        let limits = factory.limits_mut();
        // Errors quote the text so far unless told otherwise.
        limits.verbose_errors = false;
        // Per token: about 4 ms at most, against some 10 ms that the model takes for it.
        limits.step_lexer_fuel = 60_000;
        limits.step_max_items = 20_000;
        limits.max_lexer_states = 50_000;
        limits.max_grammar_size = 200_000;
        // At the start, on a thread that computes nothing else: about 20 ms at most.
        limits.initial_lexer_fuel = 1_000_000;
        limits.precompute_large_lexemes = false;
        Ok(Self { factory })
    }

    /// The state that will constrain one choice, or `None` where anything goes.
    pub(crate) fn compile(
        &self,
        constraint: &Constraint,
        tools: &[Tool],
    ) -> Result<Option<State>, Refusal> {
        let (grammar, param) = match constraint {
            Constraint::Free => return Ok(None),
            Constraint::JsonObject => (json_grammar(json!({"type": "object"})), "response_format"),
            Constraint::JsonSchema(schema) => {
                let param = "response_format.json_schema.schema";
                (json_grammar(parse(schema.0.reveal(), param)?), param)
            }
            Constraint::Tools { choice, parallel } => {
                (tool_grammar(tools, choice, *parallel)?, "tools")
            }
        };
        let parser = self.factory.create_parser(grammar).map_err(|error| Refusal::BadSchema {
            param: param.to_owned(),
            reason: first_line(&error.to_string()),
        })?;
        let matcher = Matcher::new(Ok(parser));
        match matcher.get_error() {
            None => Ok(Some(State { matcher })),
            Some(error) => {
                Err(Refusal::BadSchema { param: param.to_owned(), reason: first_line(&error) })
            }
        }
    }
}

/// Where a constrained choice is in its grammar.
pub(crate) struct State {
    matcher: Matcher,
}

impl Clone for State {
    fn clone(&self) -> Self {
        // Choices run at their own pace: they must not share the lexer's lock.
        Self { matcher: self.matcher.deep_clone() }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

/// The constraint cost more than its limits allow, or broke; never says on what text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooCostly;

impl State {
    /// The tokens that may come next; the end token alone once the grammar is complete.
    pub(crate) fn mask(&mut self) -> Result<SimpleVob, TooCostly> {
        self.matcher.compute_mask_or_eos().map_err(|_| TooCostly)
    }

    /// Takes the chosen token.
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), TooCostly> {
        self.matcher.consume_token(token).map_err(|_| TooCostly)
    }

    /// Whether nothing can follow.
    pub(crate) fn is_complete(&self) -> bool {
        self.matcher.is_stopped() && !self.matcher.is_error()
    }
}

/// How JSON is written: the separators that models saw most, and no other white space, in which
/// small models otherwise lose themselves.
fn spaced(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert(
            "x-guidance".into(),
            json!({"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": false}),
        );
    }
    schema
}

fn json_grammar(schema: Value) -> TopLevelGrammar {
    TopLevelGrammar::from_json_schema(spaced(schema))
}

fn tool_grammar(
    tools: &[Tool],
    choice: &ToolChoice,
    parallel: bool,
) -> Result<TopLevelGrammar, Refusal> {
    let mut calls = Vec::new();
    let mut rules = String::new();
    for (index, tool) in tools.iter().enumerate() {
        if matches!(choice, ToolChoice::Named(name) if *name != tool.name) {
            continue;
        }
        let param = format!("tools[{index}].function.parameters");
        let schema = spaced(parse(tool.parameters.0.reveal(), &param)?);
        let head = json!(format!("{{\"name\": {}, \"arguments\": ", json!(tool.name)));
        calls.push(format!("call_{index}"));
        rules.push_str(&format!("call_{index}: {head} arguments_{index} \"}}\"\n"));
        rules.push_str(&format!("arguments_{index}: %json {schema}\n"));
    }
    let (open, close) = (json!(format!("{}\n", tools::OPEN)), json!(format!("\n{}", tools::CLOSE)));
    let more = if parallel { "(\"\\n\" call)*" } else { "" };
    let start = match choice {
        // Free text, up to the first call if there is one.
        ToolChoice::Auto => format!(
            "start: TEXT | first_call {more}\n\
             first_call: text_before body\n\
             text_before[lazy]: TEXT {open}\n\
             TEXT: /(\\n|.)*/\n"
        ),
        ToolChoice::Required | ToolChoice::Named(_) => format!("start: call {more}\n"),
    };
    let calls = calls.join(" | ");
    Ok(TopLevelGrammar::from_lark(format!(
        "{start}call: {open} body\nbody: ({calls}) {close}\n{rules}"
    )))
}

fn parse(schema: &str, param: &str) -> Result<Value, Refusal> {
    let bad = |reason: &str| Refusal::BadSchema { param: param.into(), reason: reason.into() };
    if schema.len() > SCHEMA_BYTES_MAX {
        return Err(bad(&format!("the schema is longer than {SCHEMA_BYTES_MAX} bytes")));
    }
    let schema: Value = serde_json::from_str(schema).map_err(|_| bad("not a JSON schema"))?;
    if !schema.is_object() {
        return Err(bad("a JSON schema is an object"));
    }
    Ok(schema)
}

/// A library's error, cut to what helps: its first line.
fn first_line(error: &str) -> String {
    let line = error.lines().next().unwrap_or("the schema cannot be used");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests;
