//! The parts that all answers share: their id and model, the choices collected from the events of a
//! model, and the line that carries a chunk of a stream.

use bytes::{BufMut as _, BytesMut};
use engine::request::{Event, FinishReason, TokenLogprob};
use policy::content::Content;
use serde::Serialize;

use crate::usage::Usage;

/// The fields of every answer, and of every piece of a streamed one.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The answer's id: OpenAI's prefix, `-`, and the request's id in hex.
    pub id: String,
    /// Time of the answer: seconds since 1970.
    pub created: u64,
    /// The model's name.
    pub model: String,
    /// Changes when the model's file changes.
    pub fingerprint: String,
    /// The service tier, if the request names one.
    pub tier: Option<&'static str>,
}

impl Choice {
    /// Returns a choice that the filter blocked: its end, without anything that was said.
    pub(crate) fn blocked() -> Self {
        Self { finish: Some(FinishReason::ContentFilter), ..Self::default() }
    }
}

impl Envelope {
    /// Returns the id of a function call in this answer: unique, and hard to guess.
    #[must_use]
    pub(crate) fn call_id(&self, choice: u32, index: u32) -> String {
        let hex = self.id.rsplit('-').next().unwrap_or_default();
        format!("call_{}{choice:02x}{index:02x}", hex.get(..24).unwrap_or(hex))
    }
}

/// Returns OpenAI's word for the end of a choice.
#[must_use]
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
    }
}

/// Writes one `data:` line.
pub fn data<T: Serialize>(out: &mut BytesMut, chunk: &T) {
    out.put_slice(b"data: ");
    // Writing into memory does not fail, and all keys of the chunks are strings.
    let written = serde_json::to_writer((&mut *out).writer(), chunk);
    debug_assert!(written.is_ok(), "chunks are plain data");
    out.put_slice(b"\n\n");
}

/// One choice, collected from its events. Its text is content, so it has no `Debug`.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "holds a model's text, which is not printed")]
pub struct Choice {
    /// Its text.
    pub(crate) text: String,
    /// The reasoning before its text, if the engine reports it.
    pub(crate) reasoning: String,
    /// Its tokens, if log probabilities were requested.
    pub(crate) logprobs: Vec<TokenLogprob>,
    /// The function calls: name and arguments of each.
    pub(crate) calls: Vec<(String, String)>,
    /// The reason why it ended.
    pub(crate) finish: Option<FinishReason>,
}

impl Choice {
    /// Returns all that the model said: reasoning, text, names and arguments of calls, each on a line
    /// of its own.
    #[must_use]
    pub fn said(&self) -> Content {
        let calls = self.calls.iter().flat_map(|(name, arguments)| [name, arguments]);
        let texts = [&self.reasoning, &self.text].into_iter().chain(calls);
        let texts: Vec<&str> = texts.map(String::as_str).filter(|text| !text.is_empty()).collect();
        Content::new(texts.join("\n"))
    }
}

/// The choices of one prompt while their events arrive.
#[expect(missing_debug_implementations, reason = "holds a model's text, which is not printed")]
pub struct Collected(Vec<Choice>);

/// An event that does not belong into the answer: the worker broke its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker sent an event that does not belong into this answer")]
pub struct OutOfPlace;

impl Collected {
    /// Returns as many empty choices.
    #[must_use]
    pub fn new(choices: u32) -> Self {
        Self((0..choices).map(|_| Choice::default()).collect())
    }

    /// Adds an event to its choice, and its tokens to the usage.
    ///
    /// # Errors
    /// If the event names another choice or call, or is not an event of a text.
    pub fn add(&mut self, event: Event, usage: &mut Usage) -> Result<(), OutOfPlace> {
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(prompt_tokens, cached_tokens);
            }
            Event::Delta { choice, text, logprobs } => {
                let choice = self.choice(choice)?;
                choice.text.push_str(text.0.reveal());
                choice.logprobs.extend(logprobs);
            }
            Event::ToolStart { choice, index: _, name } => {
                self.choice(choice)?.calls.push((name, String::new()));
            }
            Event::ToolArguments { choice, index, text } => {
                let index = usize::try_from(index).map_err(|_| OutOfPlace)?;
                let call = self.choice(choice)?.calls.get_mut(index).ok_or(OutOfPlace)?;
                call.1.push_str(text.0.reveal());
            }
            Event::Finished { choice, reason, completion_tokens } => {
                self.choice(choice)?.finish = Some(reason);
                usage.completion(completion_tokens);
            }
            Event::Reasoning { choice, text } => {
                self.choice(choice)?.reasoning.push_str(text.0.reveal());
            }
            Event::Counted {
                prompt_tokens,
                cached_tokens,
                completion_tokens,
                reasoning_tokens,
            } => {
                usage.prompt(prompt_tokens, cached_tokens);
                usage.completion(completion_tokens);
                usage.reasoning(reasoning_tokens);
            }
            Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Done
            | Event::Failed(_) => return Err(OutOfPlace),
        }
        Ok(())
    }

    /// Returns the choices after their last event.
    #[must_use]
    pub fn choices(self) -> Vec<Choice> {
        self.0
    }

    fn choice(&mut self, choice: u32) -> Result<&mut Choice, OutOfPlace> {
        let choice = usize::try_from(choice).map_err(|_| OutOfPlace)?;
        self.0.get_mut(choice).ok_or(OutOfPlace)
    }
}

#[cfg(test)]
mod tests {
    use engine::request::Text;

    use super::*;

    #[test]
    fn a_line_break_in_a_text_stays_inside_its_data_line() {
        let mut out = BytesMut::new();
        data(&mut out, &serde_json::json!({ "content": "a\n\ndata: b" }));
        assert_eq!(&out[..], b"data: {\"content\":\"a\\n\\ndata: b\"}\n\n");
    }

    fn delta(choice: u32, text: &str) -> Event {
        Event::Delta { choice, text: Text::from(text.to_owned()), logprobs: Vec::new() }
    }

    #[test]
    fn events_join_their_choices_and_count() {
        let (mut collected, mut usage) = (Collected::new(2), Usage::default());
        let finished =
            |choice| Event::Finished { choice, reason: FinishReason::Length, completion_tokens: 3 };
        let start = Event::ToolStart { choice: 1, index: 0, name: "f".to_owned() };
        let arguments =
            Event::ToolArguments { choice: 1, index: 0, text: Text::from("{}".to_owned()) };
        let accepted = Event::Accepted { prompt_tokens: 5, cached_tokens: 4 };
        for event in
            [accepted, delta(0, "a"), start, delta(0, "b"), arguments, finished(0), finished(1)]
        {
            assert_eq!(collected.add(event, &mut usage), Ok(()));
        }
        let choices = collected.choices();
        assert_eq!(choices[0].text, "ab");
        assert_eq!(choices[1].calls, [("f".to_owned(), "{}".to_owned())]);
        assert!(choices.iter().all(|choice| choice.finish == Some(FinishReason::Length)));
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (5, 6, 11));
        assert_eq!(usage.prompt_tokens_details.cached_tokens, 4);
    }

    #[test]
    fn reasoning_is_apart_from_the_text_and_counted_by_the_engine() {
        let (mut collected, mut usage) = (Collected::new(1), Usage::default());
        let reasoning =
            |text: &str| Event::Reasoning { choice: 0, text: Text::from(text.to_owned()) };
        let reason = FinishReason::ContentFilter;
        for event in [
            Event::Accepted { prompt_tokens: 0, cached_tokens: 0 },
            reasoning("r"),
            reasoning("s"),
            delta(0, "a"),
            Event::Finished { choice: 0, reason, completion_tokens: 0 },
            Event::Counted {
                prompt_tokens: 7,
                cached_tokens: 2,
                completion_tokens: 9,
                reasoning_tokens: 5,
            },
        ] {
            assert_eq!(collected.add(event, &mut usage), Ok(()));
        }
        assert_eq!(
            collected
                .add(Event::Reasoning { choice: 1, text: Text::from(String::new()) }, &mut usage),
            Err(OutOfPlace)
        );
        let choices = collected.choices();
        assert_eq!((choices[0].reasoning.as_str(), choices[0].text.as_str()), ("rs", "a"));
        assert_eq!(choices[0].finish.map(finish_reason), Some("content_filter"));
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (7, 9, 16));
        assert_eq!(usage.completion_tokens_details.reasoning_tokens, 5);
    }

    #[test]
    fn an_event_out_of_place_is_an_error() {
        let arguments =
            Event::ToolArguments { choice: 0, index: 0, text: Text::from("{}".to_owned()) };
        let embedding = Event::Embedding { index: 0, vector: Vec::new() };
        for event in [delta(1, "a"), arguments, embedding, Event::Done] {
            let mut collected = Collected::new(1);
            assert_eq!(collected.add(event, &mut Usage::default()), Err(OutOfPlace));
        }
    }
}
