//! From tokens to text: whole characters, stop texts, tool calls.
//!
//! Text is held back while it could still turn out to be part of a character, a stop text or a
//! call, and not longer.

use zeroize::Zeroize as _;

use super::tools::{self, Malformed, Piece};
use crate::request::{Event, Text, TokenLogprob};

/// The text of one choice as it grows.
#[derive(Debug)]
pub(crate) struct Output {
    choice: u32,
    stops: Vec<Text>,
    /// Bytes of a character that is not complete yet.
    partial: Vec<u8>,
    /// Text that could be the beginning of a stop text.
    held: String,
    tools: Option<tools::Reader>,
    logprobs: Vec<TokenLogprob>,
    stopped: bool,
}

impl Output {
    /// An empty text.
    pub(crate) fn new(choice: u32, stops: Vec<Text>, tools: bool) -> Self {
        let tools = tools.then(tools::Reader::default);
        let (partial, held, logprobs) = (Vec::new(), String::new(), Vec::new());
        Self { choice, stops, partial, held, tools, logprobs, stopped: false }
    }

    /// Whether a stop text was met.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether any function was called.
    pub(crate) fn called(&self) -> bool {
        self.tools.as_ref().is_some_and(|tools| tools.calls() > 0)
    }

    /// Takes a token's bytes, and its log probability where asked for; gives out events.
    pub(crate) fn push(
        &mut self,
        piece: &[u8],
        logprob: Option<TokenLogprob>,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), Malformed> {
        self.logprobs.extend(logprob);
        self.partial.extend_from_slice(piece);
        let text = whole_characters(&mut self.partial);
        self.held.push_str(&text);
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.0.reveal())).min();
        if let Some(at) = first {
            self.held.truncate(at);
            self.stopped = true;
            let text = std::mem::take(&mut self.held);
            return self.give(&text, true, emit);
        }
        let keep = self.stops.iter().map(|stop| tools::held_back(&self.held, stop.0.reveal()));
        let keep = keep.max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len().saturating_sub(keep));
        let text = std::mem::replace(&mut self.held, rest);
        self.give(&text, false, emit)
    }

    /// Gives out what was held back, at the end.
    pub(crate) fn finish(&mut self, emit: &mut dyn FnMut(Event)) -> Result<(), Malformed> {
        if self.stopped {
            return Ok(());
        }
        let text = std::mem::take(&mut self.held);
        // What is left of a character that was cut off says nothing: the text ends before it.
        self.partial.zeroize();
        self.give(&text, true, emit)
    }

    fn give(
        &mut self,
        text: &str,
        last: bool,
        emit: &mut dyn FnMut(Event),
    ) -> Result<(), Malformed> {
        let choice = self.choice;
        let Some(reader) = &mut self.tools else {
            let logprobs = if text.is_empty() && !last {
                Vec::new()
            } else {
                std::mem::take(&mut self.logprobs)
            };
            if !text.is_empty() || !logprobs.is_empty() {
                emit(Event::Delta { choice, text: text.to_owned().into(), logprobs });
            }
            return Ok(());
        };
        let mut pieces = Vec::new();
        reader.push(text, &mut pieces)?;
        if last {
            reader.finish(&mut pieces);
        }
        let mut calls = reader.calls().saturating_sub(
            u32::try_from(pieces.iter().filter(|piece| matches!(piece, Piece::Start(_))).count())
                .unwrap_or(u32::MAX),
        );
        for piece in pieces {
            emit(match piece {
                Piece::Text(text) => {
                    let logprobs = std::mem::take(&mut self.logprobs);
                    Event::Delta { choice, text: text.into(), logprobs }
                }
                Piece::Start(name) => {
                    calls = calls.saturating_add(1);
                    Event::ToolStart { choice, index: calls.saturating_sub(1), name }
                }
                Piece::Arguments(text) => {
                    let index = calls.saturating_sub(1);
                    Event::ToolArguments { choice, index, text: text.into() }
                }
            });
        }
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.partial.zeroize();
        self.held.zeroize();
    }
}

/// Takes the whole characters off the front; bytes that can never become one are replaced.
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
        output.finish(&mut emit).unwrap();
        texts
    }

    #[test]
    fn characters_spread_over_tokens_come_out_whole() {
        let euro = "€".as_bytes();
        let mut output = Output::new(0, Vec::new(), false);
        assert_eq!(
            run(&mut output, &[b"a", &euro[..1], &euro[1..2], &euro[2..], b"b"]),
            ["a", "€", "b"]
        );
        let mut output = Output::new(0, Vec::new(), false);
        assert_eq!(run(&mut output, &[b"a", &euro[..2]]).concat(), "a", "a cut leaves no half");
        let mut output = Output::new(0, Vec::new(), false);
        assert_eq!(run(&mut output, &[b"\xff\xfe", b"x"]).concat(), "\u{fffd}\u{fffd}x");
    }

    #[test]
    fn stop_texts_end_the_output_and_are_not_part_of_it() {
        let stops = vec![Text::from("STOP".to_owned()), Text::from("\n\n".to_owned())];
        let mut output = Output::new(0, stops.clone(), false);
        assert_eq!(run(&mut output, &[b"one S", b"TO", b"P two"]).concat(), "one ");
        assert!(output.is_stopped());
        let mut output = Output::new(0, stops.clone(), false);
        assert_eq!(run(&mut output, &[b"one\n", b"two ST"]).concat(), "one\ntwo ST");
        assert!(!output.is_stopped());
        let mut output = Output::new(0, stops, false);
        assert_eq!(run(&mut output, &[b"a\n\nSTOP"]).concat(), "a");
    }
}
