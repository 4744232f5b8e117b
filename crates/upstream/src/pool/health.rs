//! The health of one engine: its failures, its ejection, and the time that it asked to wait.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    EJECTION_FIRST, EJECTION_MAX, FAILURES_IN_A_ROW, Outcome, REST_DEFAULT, REST_MAX, WINDOW,
    WINDOW_MIN,
};
use crate::failure::Failure;

#[derive(Debug, Default)]
pub(super) struct Health {
    in_a_row: u32,
    /// The attempts in the window: the time of each end, and whether it failed.
    window: VecDeque<(Instant, bool)>,
    ejection: Option<Ejection>,
    /// The length of the last ejection, from the begin of an answer that tried the engine to the
    /// next whole answer: a failure in between ejects it again, for longer.
    probation: Option<Duration>,
    /// The time until which the engine asked to wait.
    rest: Option<Instant>,
    last_failure: Option<Failure>,
}

/// The engine was ejected, and has not answered since.
#[derive(Debug)]
struct Ejection {
    until: Instant,
    length: Duration,
    /// The engine could not be reached.
    unreachable: bool,
    /// The request that tries the engine is under way.
    trial: bool,
}

impl Health {
    /// Returns the remaining time of the ejection; `None` if the engine may get requests.
    pub(super) fn ejected(&self, now: Instant) -> Option<Duration> {
        let ejection = self.ejection.as_ref()?;
        left(ejection.until, now)
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.ejection.as_ref().is_some_and(|ejection| ejection.unreachable)
    }

    /// Whether the engine was ejected and has to prove itself by one request.
    pub(super) fn is_trying(&self) -> bool {
        self.ejection.is_some()
    }

    /// Whether that request is under way.
    pub(super) fn has_trial(&self) -> bool {
        self.ejection.as_ref().is_some_and(|ejection| ejection.trial)
    }

    /// Returns the remaining time that the engine asked to wait.
    pub(super) fn resting(&self, now: Instant) -> Option<Duration> {
        left(self.rest?, now)
    }

    pub(super) fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// Notes that a request was given to the engine.
    pub(super) fn attempted(&mut self, now: Instant) {
        if let Some(ejection) = &mut self.ejection
            && left(ejection.until, now).is_none()
        {
            ejection.trial = true;
        }
    }

    /// Notes that the engine began to answer. This ends a trial: an answer may take minutes, and the
    /// others should not have to wait for its end.
    pub(super) fn began(&mut self, now: Instant) {
        // An answer that began before the ejection proves nothing after it.
        if self.ejected(now).is_none()
            && let Some(ejection) = self.ejection.take_if(|ejection| ejection.trial)
        {
            self.probation = Some(ejection.length);
        }
    }

    /// Takes the outcome of a request, and returns whether the engine is ejected for it.
    pub(super) fn ended(&mut self, outcome: &Outcome, now: Instant) -> bool {
        let trial =
            self.ejection.as_mut().is_some_and(|ejection| std::mem::take(&mut ejection.trial));
        match outcome {
            Outcome::Answered => {
                self.answered(now);
                false
            }
            Outcome::Abandoned => false,
            Outcome::Failed(failure) => self.failed(failure, trial, now),
        }
    }

    /// Takes the outcome of a probe, and returns whether the engine is ejected for it.
    pub(super) fn probed(&mut self, outcome: &Outcome, now: Instant) -> bool {
        match outcome {
            Outcome::Answered => {
                if let Some(ejection) = self.ejection.as_mut().filter(|one| one.unreachable) {
                    ejection.until = now;
                }
                false
            }
            Outcome::Abandoned => false,
            // A probe is no trial: a failed one does not lengthen an ejection.
            Outcome::Failed(failure) => self.failed(failure, false, now),
        }
    }

    fn answered(&mut self, now: Instant) {
        self.in_a_row = 0;
        self.last_failure = None;
        self.note(false, now);
        // An answer that began before the ejection proves nothing after it.
        if self.ejected(now).is_none() {
            let was_ejected = self.ejection.take().is_some();
            let was_on_probation = self.probation.take().is_some();
            if was_ejected || was_on_probation {
                self.window.clear();
            }
        }
    }

    /// Takes a failure, and returns whether the engine is ejected for it.
    fn failed(&mut self, failure: &Failure, trial: bool, now: Instant) -> bool {
        self.last_failure = Some(failure.clone());
        if let Failure::Busy { retry_after } = failure {
            let rest = retry_after.unwrap_or(REST_DEFAULT).min(REST_MAX);
            let until = now + rest;
            self.rest = Some(self.rest.map_or(until, |rest| rest.max(until)));
            return false;
        }
        if !failure.blames_engine() {
            return false;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.note(true, now);
        let unreachable = matches!(failure, Failure::NotSent | Failure::NoToken(_));
        let length = match &self.ejection {
            // Outcomes of requests from before the ejection change nothing.
            Some(_) if !trial => return false,
            Some(Ejection { length, .. }) => longer(*length),
            None if self.probation.is_some()
                || self.in_a_row >= FAILURES_IN_A_ROW
                || self.mostly_fails() =>
            {
                self.probation.map_or(EJECTION_FIRST, longer)
            }
            None => return false,
        };
        self.eject(length, unreachable, now);
        true
    }

    fn eject(&mut self, length: Duration, unreachable: bool, now: Instant) {
        self.probation = None;
        self.ejection = Some(Ejection { until: now + length, length, unreachable, trial: false });
    }

    fn note(&mut self, failed: bool, now: Instant) {
        while self.window.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > WINDOW)
        {
            self.window.pop_front();
        }
        // A busy engine does not need every outcome of the window to show its share of failures.
        if self.window.len() == WINDOW_MAX {
            self.window.pop_front();
        }
        self.window.push_back((now, failed));
    }

    fn mostly_fails(&self) -> bool {
        let failed = self.window.iter().filter(|(_, failed)| *failed).count();
        self.window.len() >= WINDOW_MIN && failed * 2 > self.window.len()
    }
}

/// Maximum number of outcomes in the window.
const WINDOW_MAX: usize = 256;

/// Returns the length of the ejection after one of this length.
fn longer(length: Duration) -> Duration {
    length.saturating_mul(2).min(EJECTION_MAX)
}

fn left(until: Instant, now: Instant) -> Option<Duration> {
    until.checked_duration_since(now).filter(|left| !left.is_zero())
}
