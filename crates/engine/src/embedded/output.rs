//! Turns the tokens of one choice into events: whole characters, stop texts, tool calls.
//!
//! Text is held back only while it may still be part of a character, a stop text or a call.

use std::sync::Arc;

use zeroize::Zeroize as _;

use super::{
    promise::{Fault, Promise},
    tools::{self, Piece},
};
use crate::{
    memory::on_own_stack,
    request::{Event, Text, TokenLogprob},
};

/// The stack of the check of a finished answer, whose recursion follows the answer's nesting.
const CHECK_STACK_BYTES: usize = 2 * 1024 * 1024;

/// The output of one choice.
pub(crate) struct Output {
    choice: u32,
    stops: Vec<Text>,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
    /// Content that may be the beginning of a stop text.
    held: String,
    tools: Option<tools::Reader>,
    promise: Arc<Promise>,
    /// All content so far, if it is checked at the end.
    said: String,
    logprobs: Vec<TokenLogprob>,
    stopped: bool,
}

impl std::fmt::Debug for Output {
    /// Shows no text: it is a customer's content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Output({})", self.choice)
    }
}

impl Output {
    /// Creates an empty output.
    pub(crate) fn new(choice: u32, stops: Vec<Text>, promise: Arc<Promise>) -> Self {
        let tools = promise.is_of_calls().then(|| tools::Reader::new(Arc::clone(&promise)));
        Self {
            choice,
            stops,
            partial: Vec::new(),
            held: String::new(),
            tools,
            promise,
            said: String::new(),
            logprobs: Vec::new(),
            stopped: false,
        }
    }

    /// Whether generation should end: a stop text occurred, a call was repeated, or there are
    /// enough calls.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped || self.tools.as_ref().is_some_and(tools::Reader::has_enough)
    }

    /// Whether any function was called.
    pub(crate) fn called(&self) -> bool {
        self.tools.as_ref().is_some_and(|tools| tools.calls() > 0)
    }

    /// Adds a token's bytes, with its log probability if the request asked for it; emits events.
    ///
    /// # Errors
    /// If a call is malformed or does not match its schema.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        logprob: Option<TokenLogprob>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), Fault> {
        self.logprobs.extend(logprob);
        self.partial.extend_from_slice(piece);
        let text = whole_characters(&mut self.partial);
        let Some(reader) = &mut self.tools else {
            self.content(&text, emit);
            return Ok(());
        };
        let mut pieces = Vec::new();
        let read = reader.push(&text, &mut pieces);
        self.give(pieces, emit);
        read
    }

    /// Ends the output and emits the text that was held back. Checks the answer unless it was `cut`
    /// off.
    ///
    /// # Errors
    /// [`Fault::Promise`] if the answer does not match its schema.
    pub(crate) fn finish(&mut self, cut: bool, emit: &mut dyn FnMut(Event)) -> Result<(), Fault> {
        if self.stopped {
            return Ok(());
        }
        // An incomplete character at the end is dropped.
        self.partial.zeroize();
        if let Some(reader) = &mut self.tools {
            let mut pieces = Vec::new();
            reader.finish(cut, &mut pieces);
            self.give(pieces, emit);
        }
        if self.stopped {
            return Ok(());
        }
        let rest = std::mem::take(&mut self.held);
        self.say(rest, true, emit);
        if cut || self.called() {
            return Ok(());
        }
        on_own_stack(CHECK_STACK_BYTES, || self.promise.is_kept_by(&self.said))
    }

    /// Emits pieces that the reader of calls found.
    fn give(&mut self, pieces: Vec<Piece>, emit: &mut dyn FnMut(Event)) {
        let choice = self.choice;
        let begun = pieces.iter().filter(|piece| matches!(piece, Piece::Start(_))).count();
        let calls = self.tools.as_ref().map_or(0, tools::Reader::calls);
        let mut calls = calls.saturating_sub(u32::try_from(begun).unwrap_or(u32::MAX));
        for piece in pieces {
            if self.stopped {
                return;
            }
            match piece {
                Piece::Text(text) => self.content(&text, emit),
                Piece::Start(name) => {
                    let rest = std::mem::take(&mut self.held);
                    self.say(rest, false, emit);
                    emit(Event::ToolStart { choice, index: calls, name });
                    calls = calls.saturating_add(1);
                }
                Piece::Arguments(text) => {
                    let index = calls.saturating_sub(1);
                    emit(Event::ToolArguments { choice, index, text: text.into() });
                }
            }
        }
    }

    /// Adds content and looks for stop texts, which apply to content only.
    fn content(&mut self, text: &str, emit: &mut dyn FnMut(Event)) {
        self.held.push_str(text);
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.0.reveal())).min();
        if let Some(at) = first {
            self.held.truncate(at);
            self.stopped = true;
            let text = std::mem::take(&mut self.held);
            self.say(text, true, emit);
            return;
        }
        let keep = self.stops.iter().map(|stop| tools::held_back(&self.held, stop.0.reveal()));
        let keep = keep.max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len().saturating_sub(keep));
        let text = std::mem::replace(&mut self.held, rest);
        self.say(text, false, emit);
    }

    /// Emits text, with the log probabilities that are due.
    fn say(&mut self, text: String, last: bool, emit: &mut dyn FnMut(Event)) {
        if self.promise.is_of_text() {
            self.said.push_str(&text);
        }
        let tools = self.tools.is_some();
        let logprobs = if text.is_empty() && (!last || tools) {
            Vec::new()
        } else {
            std::mem::take(&mut self.logprobs)
        };
        if !text.is_empty() || !logprobs.is_empty() {
            emit(Event::Delta { choice: self.choice, text: text.into(), logprobs });
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.partial.zeroize();
        self.held.zeroize();
        self.said.zeroize();
    }
}

/// Removes the whole characters from the front. Bytes that cannot become a character are replaced.
fn whole_characters(bytes: &mut Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                rest = &[];
                break;
            }
            Err(error) => {
                let (valid, after) =
                    rest.split_at_checked(error.valid_up_to()).unwrap_or((rest, &[]));
                text.push_str(&String::from_utf8_lossy(valid));
                rest = after;
                let Some(bad) = error.error_len() else { break };
                text.push(char::REPLACEMENT_CHARACTER);
                rest = rest.get(bad..).unwrap_or(&[]);
            }
        }
    }
    *bytes = rest.to_vec();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(output: &mut Output, pieces: &[&[u8]]) -> Vec<String> {
        let mut texts = Vec::new();
        let mut emit = |event| {
            if let Event::Delta { text, .. } = event {
                texts.push(text.0.reveal().to_owned());
            }
        };
        for piece in pieces {
            output.push(piece, None, &mut emit).unwrap();
        }
        output.finish(false, &mut emit).unwrap();
        texts
    }

    #[test]
    fn characters_spread_over_tokens_come_out_whole() {
        let euro = "€".as_bytes();
        let mut output = Output::new(0, Vec::new(), Arc::default());
        assert_eq!(
            run(&mut output, &[b"a", &euro[..1], &euro[1..2], &euro[2..], b"b"]),
            ["a", "€", "b"]
        );
        let mut output = Output::new(0, Vec::new(), Arc::default());
        assert_eq!(run(&mut output, &[b"a", &euro[..2]]).concat(), "a", "a cut leaves no half");
        let mut output = Output::new(0, Vec::new(), Arc::default());
        assert_eq!(run(&mut output, &[b"\xff\xfe", b"x"]).concat(), "\u{fffd}\u{fffd}x");
    }

    #[test]
    fn stop_texts_end_the_output_and_are_not_part_of_it() {
        let stops = vec![Text::from("STOP".to_owned()), Text::from("\n\n".to_owned())];
        let mut output = Output::new(0, stops.clone(), Arc::default());
        assert_eq!(run(&mut output, &[b"one S", b"TO", b"P two"]).concat(), "one ");
        assert!(output.is_stopped());
        let mut output = Output::new(0, stops.clone(), Arc::default());
        assert_eq!(run(&mut output, &[b"one\n", b"two ST"]).concat(), "one\ntwo ST");
        assert!(!output.is_stopped());
        let mut output = Output::new(0, stops, Arc::default());
        assert_eq!(run(&mut output, &[b"a\n\nSTOP"]).concat(), "a");
    }

    #[test]
    fn a_finished_answer_is_judged_and_a_cut_one_is_not() {
        use crate::schema::check::Check;
        let read = |text: &[u8], cut: bool| {
            let schema = serde_json::json!({"type": "array", "items": {"type": "integer"}});
            let promise = Promise::Json(Check::of(&schema).unwrap());
            let mut output = Output::new(0, Vec::new(), Arc::new(promise));
            output.push(text, None, &mut |_| {}).unwrap();
            output.finish(cut, &mut |_| {})
        };
        assert_eq!(read(b"[1, 2]", false), Ok(()));
        assert_eq!(read(b"[1, \"2\"]", false), Err(Fault::Promise));
        assert_eq!(read(b"[1, 2", false), Err(Fault::Promise));
        assert_eq!(read(b"[1, 2", true), Ok(()));
    }
}
