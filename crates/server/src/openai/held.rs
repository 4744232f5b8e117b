//! The text of a streamed answer, held back until the content filter has judged it.
//!
//! The filter looks at windows of about 64 tokens, which overlap, and at the whole
//! (`policy::guard::window`). Which windows there are depends on the text alone, so an answer has the
//! same verdict however it is cut. No more than a window is held back. Events go out whole and in
//! order: nothing is cut here. Reasoning, names and arguments of function calls are text, too.

use std::collections::VecDeque;

use engine::request::Event;
use policy::{
    content::Content,
    guard::{
        guarded::Guarded,
        verdict::Side,
        window::{Extent, Look, Windows},
    },
};
use wire::filter::{Checked, Offsets};

use super::error::ApiError;
use crate::{
    guard::{Screen, checked, words},
    screening::Screening,
};

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
    /// An event without text.
    Silent(Event),
    /// Events that the filter let through, with its decision.
    Passed(Guarded<Vec<Event>>, Checked),
    /// An event ahead of the filter, whose mode is `Asynchronous_filter`.
    Ahead(Event),
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
    windows: Windows,
    /// The next look.
    look: Option<Look>,
    /// The characters that the windows so far cover.
    checked: u64,
    /// The text of a JSON answer so far. Its escapes can hide words from the windows.
    json: String,
    /// The kind of its last text.
    kind: Kind,
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
            out.push(Out::Silent(event));
            return;
        };
        if choice.state == State::Ended {
            return;
        }
        choice.add(&event);
        if ahead && choice.state == State::Open {
            screening.later(Side::Completion);
            out.push(Out::Ahead(event));
        } else {
            choice.waiting.push_back((choice.windows.length(), event));
        }
    }

    /// Returns the choice that must be looked at before the next event.
    pub(super) fn due(&self) -> Option<u32> {
        (0..).zip(&self.choices).find(|(_, choice)| choice.is_due()).map(|(number, _)| number)
    }

    /// Returns true if text goes out before it is checked.
    pub(super) fn is_ahead(&self) -> bool {
        self.screen.is_ahead()
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
        let look = choice.look.take();
        let free = look.as_ref().map_or(usize::MAX, |look| look.free);
        let is_whole = look.as_ref().is_some_and(|look| look.extent == Extent::Whole);
        let offsets = look.as_ref().filter(|_| screen.is_ahead()).map(|look| choice.offsets(look));
        let looks = match look {
            Some(look) => vec![look],
            None => choice.last_looks(),
        };
        let results = screen.completion(looks).await;
        let decision = checked(results.as_ref());
        let events = choice.go_on(free);
        let passed = match results {
            Ok(results) => {
                screening.add_results(&results);
                Guarded::pass(events, results)
            }
            Err(down) => Ok(screen.unchecked(events, down, screening)?),
        };
        let Ok(passed) = passed else {
            choice.waiting.clear();
            choice.state = State::Ended;
            out.push(Out::Filtered { choice: number, decision, offsets, tokens: choice.tokens });
            self.cut = true;
            return Ok(());
        };
        // The windows of a whole have annotations of their own.
        if let Some(offsets) = offsets.filter(|_| !is_whole) {
            out.push(Out::Annotation(number, decision.clone(), offsets));
        }
        out.push(Out::Passed(passed, decision));
        if free == usize::MAX {
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
        | Event::Words { .. }
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
                self.windows.end();
                self.state = State::Complete;
                self.look_ahead();
                return;
            }
            _ => return,
        };
        let named = matches!(event, Event::ToolStart { .. });
        if (named || kind != self.kind) && self.windows.length() > 0 {
            self.push("\n");
        }
        self.push(text);
        if named {
            self.push("\n");
        }
        self.kind = kind;
        self.tokens = self.tokens.saturating_add(1);
        self.look_ahead();
    }

    fn push(&mut self, text: &str) {
        self.windows.push(&Content::new(text.to_owned()));
        if !self.json.is_empty() || self.windows.length() == text.len() {
            self.json.push_str(text);
        }
        if !self.json.trim_start().starts_with(['{', '[', '"']) {
            self.json.clear();
        }
    }

    /// Prepares the next look, if there is enough text for one.
    fn look_ahead(&mut self) {
        if self.look.is_none() {
            self.look = self.windows.next();
        }
    }

    /// Returns true if a look is due, or if all of a complete answer was looked at.
    fn is_due(&self) -> bool {
        self.look.is_some() || self.state == State::Complete
    }

    /// Returns the looks after the last window: at the words of a JSON text whose escapes hide them.
    fn last_looks(&self) -> Vec<Look> {
        words(&self.json).map_or_else(Vec::new, |words| Windows::all(&words))
    }

    /// Returns the part of the text that a look is at, and how far all text is then checked.
    fn offsets(&mut self, look: &Look) -> Offsets {
        let number = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
        let end_offset = number(look.characters.end);
        if look.extent == Extent::Window {
            self.checked = self.checked.max(end_offset);
        }
        Offsets {
            check_offset: self.checked,
            start_offset: number(look.characters.start),
            end_offset,
        }
    }

    /// Goes on after a look: nothing before `free` is needed any more. Returns the events before it.
    fn go_on(&mut self, free: usize) -> Vec<Event> {
        drop(self.windows.release(free));
        self.look_ahead();
        let count = self.waiting.iter().take_while(|(end, _)| *end <= free).count();
        self.waiting.drain(..count).map(|(_, event)| event).collect()
    }
}

#[cfg(test)]
mod tests;
