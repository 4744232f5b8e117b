//! Whether a promise is kept, from the answers of its checks and their times.

use serde::Serialize;

use super::{Found, Outcome, Promise};
use crate::words::{Lang, Message as _, home::Home};

/// The state of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All checks that it rests on hold, and are fresh.
    Kept,
    /// The operator's settings leave it open.
    NotKept,
    /// A check found that it is broken.
    Broken,
    /// A check gave no answer, or an old one.
    Stale,
    /// No check runs for it here.
    Unchecked,
}

impl State {
    /// All states, in the order of the page.
    pub(crate) const ALL: [Self; 5] =
        [Self::Broken, Self::Stale, Self::NotKept, Self::Kept, Self::Unchecked];

    /// Returns its name for programs and for the history.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::NotKept => "not_kept",
            Self::Broken => "broken",
            Self::Stale => "stale",
            Self::Unchecked => "unchecked",
        }
    }

    /// Returns the state with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub(super) fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Kept => Home::Kept,
            Self::NotKept => Home::NotKept,
            Self::Broken => Home::Broken,
            Self::Stale => Home::Stale,
            Self::Unchecked => Home::Unchecked,
        }
        .text(lang)
    }
}

/// How one check stands for one promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It holds, and is fresh.
    Holds,
    /// The settings leave it open.
    Open,
    /// It found that the promise is broken.
    Broken,
    /// It gave no answer yet, or could not be made.
    NoAnswer,
    /// Its answer is too old.
    Old,
}

impl Standing {
    /// Returns its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Open => "open",
            Self::Broken => "broken",
            Self::NoAnswer => "no_answer",
            Self::Old => "old",
        }
    }

    pub(super) fn remark(self, answered: bool, lang: Lang) -> Option<&'static str> {
        match self {
            Self::Holds | Self::Open | Self::Broken => None,
            Self::NoAnswer if answered => Some(Home::NoAnswer.text(lang)),
            Self::NoAnswer => Some(Home::NotYet.text(lang)),
            Self::Old => Some(Home::Old.text(lang)),
        }
    }
}

/// Returns how a check stands for a promise. A promise that was found broken stays broken until a
/// later check finds otherwise: an old answer does not heal it.
#[must_use]
pub fn standing(promise: Promise, found: Option<&Found>, now_ms: u64) -> Standing {
    let Some(found) = found else { return Standing::NoAnswer };
    let age = now_ms.saturating_sub(found.checked_ms);
    let is_old = age > found.check.fresh_ms();
    match found.outcome_for(promise) {
        Outcome::Broken => Standing::Broken,
        _ if is_old => Standing::Old,
        Outcome::Holds => Standing::Holds,
        Outcome::Open => Standing::Open,
        Outcome::Unknown => Standing::NoAnswer,
    }
}

/// Returns the state of a promise: the worst of its checks.
pub(super) fn state(promise: Promise, found: &[Found], now_ms: u64) -> State {
    let mut state = State::Kept;
    if promise.checks().is_empty() {
        return State::Unchecked;
    }
    for check in promise.checks() {
        let found = found.iter().find(|found| found.check == *check);
        match (standing(promise, found, now_ms), state) {
            (Standing::Broken, _) => return State::Broken,
            (Standing::NoAnswer | Standing::Old, _) => state = State::Stale,
            (Standing::Open, State::Kept) => state = State::NotKept,
            (Standing::Open | Standing::Holds, _) => {}
        }
    }
    state
}
