//! The text of a streamed answer, held back until the content filter has judged it.
//!
//! The filter looks at windows of [`WINDOW`] bytes, about 64 tokens, which overlap, and at the end
//! of the whole answer. No more than a window is held back. Events go out whole and in order, so
//! nothing is cut, and what is joined are bytes. Reasoning, names and arguments of function calls are
//! text, too.

use std::collections::VecDeque;

use engine::request::Event;
use policy::{content::Content, guard::verdict::Side};
use wire::filter::{Checked, Offsets};

use super::error::ApiError;
use crate::{
    guard::{Screen, checked, words},
    screening::Screening,
};

/// A window, in bytes: 64 tokens of English text.
const WINDOW: usize = 320;

/// How many bytes of a window were in the window before. A term of a list fits into them.
const OVERLAP: usize = 192;

/// The bytes before the first look, so that an answer begins soon: 24 tokens.
const FIRST: usize = 96;

/// How much of the answer so far is looked at as a whole, and how often.
const WHOLE: usize = 1000;

/// The answer to one prompt.
pub(crate) struct Held {
    screen: Screen,
    choices: Vec<Choice>,
    /// True if the filter ended a choice.
    cut: bool,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} choices)", self.choices.len())
    }
}

/// What goes to the caller.
pub(crate) enum Out {
    /// An event, with the filter's decision about the text so far.
    Event(Event, Option<Checked>),
    /// A decision about text that went out before it.
    Annotation(u32, Checked, Offsets),
    /// The filter ended a choice.
    Filtered {
        /// The choice.
        choice: u32,
        /// The decision that blocks it.
        decision: Checked,
        /// The blocked text, if it went out before.
        offsets: Option<Offsets>,
        /// About as many tokens were generated.
        tokens: u32,
    },
}

#[derive(Default)]
struct Choice {
    /// Its text so far; between two kinds of text stands a line break.
    text: String,
    /// The kind of its last text.
    kind: Kind,
    /// The bytes that were looked at.
    judged: usize,
    /// The bytes that were looked at as a whole.
    judged_whole: usize,
    /// The events that wait, each with the end of its text.
    waiting: VecDeque<(usize, Event)>,
    /// About as many tokens were generated.
    tokens: u32,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// More text can follow.
    #[default]
    Open,
    /// Its last event has arrived.
    Complete,
    /// All of it went out, or it was ended.
    Ended,
}

/// The kinds of text in an answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Text,
    Reasoning,
    Call(u32),
}

impl Held {
    /// Begins the answer to one prompt.
    pub(super) fn new(screen: Screen, choices: u32) -> Self {
        let choices = (0..choices).map(|_| Choice::default()).collect();
        Self { screen, choices, cut: false }
    }

    /// Takes an event. `out` gets what can go out now.
    pub(super) fn push(&mut self, event: Event, screening: &mut Screening, out: &mut Vec<Out>) {
        let ahead = self.screen.is_ahead();
        let Some(choice) = of(&event).and_then(|number| self.choice(number)) else {
            out.push(Out::Event(event, (!ahead).then(Checked::nothing)));
            return;
        };
        if choice.state == State::Ended {
            return;
        }
        choice.add(&event);
        if ahead && choice.state == State::Open {
            screening.later(Side::Completion);
            out.push(Out::Event(event, None));
        } else {
            choice.waiting.push_back((choice.text.len(), event));
        }
    }

    /// Returns the choice that must be looked at before the next event.
    pub(super) fn due(&self) -> Option<u32> {
        (0..).zip(&self.choices).find(|(_, choice)| choice.is_due()).map(|(number, _)| number)
    }

    /// Returns true if the filter ended a choice, and no other choice goes on.
    pub(super) fn is_cut(&self) -> bool {
        self.cut && self.choices.iter().all(|choice| choice.state == State::Ended)
    }

    /// Looks at a choice. `out` gets what can go out now.
    ///
    /// # Errors
    /// If a detector does not answer, and the filter lets nothing through unchecked.
    pub(super) async fn look(
        &mut self,
        number: u32,
        screening: &mut Screening,
        out: &mut Vec<Out>,
    ) -> Result<(), ApiError> {
        let screen = self.screen.clone();
        let Some(choice) = self.choice(number) else { return Err(ApiError::Internal) };
        let from = choice.judged;
        let results = screen.completion(choice.window()).await;
        let decision = checked(results.as_ref());
        let blocked = match results {
            Ok(results) => {
                screening.add_results(&results);
                results.is_blocked()
            }
            Err(down) => {
                screen.unchecked_completion(down, screening)?;
                false
            }
        };
        let offsets = screen.is_ahead().then(|| choice.offsets(from));
        if blocked {
            choice.waiting.clear();
            choice.state = State::Ended;
            out.push(Out::Filtered { choice: number, decision, offsets, tokens: choice.tokens });
            self.cut = true;
            return Ok(());
        }
        if let Some(offsets) = offsets {
            out.push(Out::Annotation(number, decision.clone(), offsets));
        }
        let clear = choice.clear(screen.has_lists());
        while choice.waiting.front().is_some_and(|(end, _)| *end <= clear) {
            let Some((_, event)) = choice.waiting.pop_front() else { break };
            let annotation = match event {
                _ if screen.is_ahead() => None,
                Event::Finished { .. } => Some(Checked::nothing()),
                _ => Some(decision.clone()),
            };
            out.push(Out::Event(event, annotation));
        }
        if choice.state == State::Complete {
            choice.state = State::Ended;
        }
        Ok(())
    }

    fn choice(&mut self, number: u32) -> Option<&mut Choice> {
        self.choices.get_mut(usize::try_from(number).ok()?)
    }
}

/// Returns the choice that an event belongs to, if it has text or ends it.
fn of(event: &Event) -> Option<u32> {
    match event {
        Event::Delta { choice, .. }
        | Event::ToolStart { choice, .. }
        | Event::ToolArguments { choice, .. }
        | Event::Finished { choice, .. }
        | Event::Reasoning { choice, .. } => Some(*choice),
        Event::Accepted { .. }
        | Event::Embedding { .. }
        | Event::Judged { .. }
        | Event::Read { .. }
        | Event::Done
        | Event::Failed(_)
        | Event::Counted { .. } => None,
    }
}

impl Choice {
    fn add(&mut self, event: &Event) {
        let (kind, text) = match event {
            Event::Delta { text, .. } => (Kind::Text, text.0.reveal()),
            Event::Reasoning { text, .. } => (Kind::Reasoning, text.0.reveal()),
            Event::ToolArguments { index, text, .. } => (Kind::Call(*index), text.0.reveal()),
            Event::ToolStart { index, name, .. } => (Kind::Call(*index), name.as_str()),
            Event::Finished { .. } => {
                self.state = State::Complete;
                return;
            }
            _ => return,
        };
        let named = matches!(event, Event::ToolStart { .. });
        if (named || kind != self.kind) && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        if named {
            self.text.push('\n');
        }
        self.kind = kind;
        self.tokens = self.tokens.saturating_add(1);
    }

    fn is_due(&self) -> bool {
        let new = self.text.len() - self.judged;
        let enough = if self.judged == 0 { FIRST } else { WINDOW - OVERLAP };
        match self.state {
            State::Open => new >= enough,
            State::Complete => true,
            State::Ended => false,
        }
    }

    /// Returns the texts of a look: the window, from time to time the end of the whole, and at the end
    /// of the answer the words of a JSON text whose escapes hide them.
    fn window(&mut self) -> Vec<Content> {
        let start = self.judged.saturating_sub(OVERLAP);
        let mut texts = vec![self.from(start)];
        let complete = self.state == State::Complete;
        if start > 0 && (complete || self.text.len() - self.judged_whole >= WHOLE) {
            texts.push(self.from(self.text.len().saturating_sub(WHOLE)));
            self.judged_whole = self.text.len();
        }
        if complete {
            texts.extend(words(&self.text));
        }
        self.judged = self.text.len();
        texts
    }

    fn from(&self, at: usize) -> Content {
        let at = self.text.floor_char_boundary(at);
        Content::new(self.text.get(at..).unwrap_or_default().to_owned())
    }

    /// Returns the end of the text that can go out: all of a complete answer; otherwise the last
    /// sentence, or all but the part that the next window has, too.
    fn clear(&self, has_lists: bool) -> usize {
        if self.state == State::Complete {
            return self.text.len();
        }
        let sentence = self.text.rfind(". ").into_iter().chain(self.text.rfind('\n')).max();
        let sentence = sentence.filter(|_| !has_lists).map_or(0, |at| at + 1);
        sentence.max(self.text.len().saturating_sub(OVERLAP))
    }

    fn offsets(&self, from: usize) -> Offsets {
        let characters = |end: usize| {
            let end = self.text.floor_char_boundary(end);
            let count = self.text.get(..end).unwrap_or_default().chars().count();
            u64::try_from(count).unwrap_or(u64::MAX)
        };
        let end = characters(self.text.len());
        Offsets { check_offset: end, start_offset: characters(from), end_offset: end }
    }
}

#[cfg(test)]
mod tests;
