//! The numbers of one engine: what it got, and how each request ended.

use std::collections::BTreeMap;

use super::{Attempt, Outcome};

/// The numbers of an engine. They only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent to it, or were about to be.
    pub requests: u64,
    /// Those of the requests that another engine had failed before.
    pub retries: u64,
    /// Requests that ended with a whole answer.
    pub answered: u64,
    /// Requests that the caller ended by hanging up.
    pub abandoned: u64,
    /// Requests that failed, by the failure's name ([`crate::Failure::name`]).
    pub failed: BTreeMap<&'static str, u64>,
    /// Ejections, of which each trial that fails is one more.
    pub ejections: u64,
}

impl Counts {
    pub(super) fn taken(&mut self, attempt: Attempt) {
        self.requests += 1;
        self.retries += u64::from(attempt == Attempt::Again);
    }

    pub(super) fn ended(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Abandoned => self.abandoned += 1,
            Outcome::Failed(failure) => *self.failed.entry(failure.name()).or_default() += 1,
        }
    }

    pub(super) fn ejected(&mut self, was_ejected: bool) {
        self.ejections += u64::from(was_ejected);
    }
}
