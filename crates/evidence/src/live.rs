//! The input of the documents: the service, the time and the answers of its checks.

use pages::trust::{Check, Found, Promise, Standing, State, standing, states};

use crate::Control;

/// The service and the answers of its checks at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// Name of the log, which is the service's name. UUIDs come from it.
    pub service: &'a str,
    /// Version of the program.
    pub version: &'a str,
    /// The time of the documents: milliseconds since 1970.
    pub now_ms: u64,
    /// The last answer of each check, as the page of the promises gets them.
    pub found: &'a [Found],
}

/// The answer of one check for one promise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) promise: Promise,
    pub(crate) check: Check,
    pub(crate) standing: Standing,
    /// `None` before the first answer.
    pub(crate) found: Option<&'a Found>,
}

impl<'a> Live<'a> {
    /// Returns the state of a promise now.
    pub(crate) fn state(&self, promise: Promise) -> State {
        let states = Promise::ALL.into_iter().zip(states(self.found, self.now_ms));
        states.into_iter().find(|(one, _)| *one == promise).map_or(State::Unchecked, |(_, s)| s)
    }

    /// Returns the state of a control's contribution: the worst state of its promises.
    pub(crate) fn state_of(&self, control: &Control) -> State {
        let states = control.promises.iter().map(|promise| self.state(*promise));
        states.max_by_key(|state| rank(*state)).unwrap_or(State::Unchecked)
    }

    /// Returns the checks of a promise with their answers.
    pub(crate) fn answers(self, promise: Promise) -> impl Iterator<Item = Answer<'a>> {
        promise.checks().iter().map(move |check| {
            let found = self.found.iter().find(|found| found.check == *check);
            Answer {
                promise,
                check: *check,
                standing: standing(promise, found, self.now_ms),
                found,
            }
        })
    }
}

/// Orders states from good to bad.
fn rank(state: State) -> u8 {
    match state {
        State::Kept => 0,
        State::Unchecked => 1,
        State::Stale => 2,
        State::NotKept => 3,
        State::Broken => 4,
    }
}

/// Returns a state in words.
pub(crate) fn state_words(state: State) -> &'static str {
    match state {
        State::Kept => "kept",
        State::NotKept => "not kept, because the operator's settings leave it open",
        State::Broken => "broken",
        State::Stale => "not known now, because a check gave no answer or an old one",
        State::Unchecked => "not checked by the running service",
    }
}
