//! The choice of an engine, and its health. Pure: the time is an argument.
//!
//! Each attempt takes a place at an engine and gives it back with its outcome, and each outcome is
//! counted in one place ([`Pool::ended`]). An engine is ejected after [`FAILURES_IN_A_ROW`] failures
//! in a row, or when more than half of at least [`WINDOW_MIN`] attempts in [`WINDOW`] failed. The
//! ejection lasts [`EJECTION_FIRST`], twice as long each time, and at most [`EJECTION_MAX`]. After it,
//! one request tries the engine: a new one, or a retry that has no healthy engine. The engine gets its
//! full share again when it begins to answer this request; until an answer is complete, one failure
//! ejects it again.
//!
//! At most half of the engines of a choice stay ejected, except for those that cannot be reached: a
//! fault of all engines must not end the service. The others get the requests for which no healthy
//! engine has a place.

mod budget;
mod counts;
mod health;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use policy::{engine::Engine, id::EngineId};

pub use self::counts::Counts;
use self::{budget::Budget, health::Health};
use crate::failure::Failure;

/// Failures in a row after which an engine is ejected.
pub const FAILURES_IN_A_ROW: u32 = 3;
/// The time in which the share of failures is counted.
pub const WINDOW: Duration = Duration::from_secs(10);
/// Attempts in the window from which the share of failures counts.
pub const WINDOW_MIN: usize = 10;
/// The length of the first ejection.
pub const EJECTION_FIRST: Duration = Duration::from_secs(5);
/// The maximum length of an ejection.
pub const EJECTION_MAX: Duration = Duration::from_secs(60);
/// The time that an engine rests after a 429 that names no time.
pub const REST_DEFAULT: Duration = Duration::from_secs(1);
/// The maximum time that an engine rests after a 429, also if it asks for more.
pub const REST_MAX: Duration = Duration::from_secs(60);
/// The time after which callers should try again when each engine is at its maximum.
pub const FULL_RETRY: Duration = Duration::from_secs(1);

/// The engines of the service.
#[derive(Debug, Default)]
pub struct Pool {
    seats: BTreeMap<EngineId, Seat>,
    budget: Budget,
    turn: u64,
}

/// One engine.
#[derive(Debug)]
struct Seat {
    address: String,
    weight: u32,
    concurrency: u32,
    serving: bool,
    outstanding: u32,
    /// The turn in which it was last chosen.
    chosen: u64,
    health: Health,
    counts: Counts,
}

/// The number of a request's attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// No engine has had the request.
    First,
    /// Another engine has failed. The request should not fail again, so healthy engines come first.
    Again,
}

/// How far an engine can be trusted with a request; the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trust {
    /// It answers.
    Healthy,
    /// Its ejection has ended, and one request tries it.
    Trial,
    /// It is ejected, but so are too many others.
    Ejected,
}

/// The result of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This engine; a place at it is taken.
    Take(EngineId),
    /// No candidate takes new requests: none is known, or each is being drained.
    NoEngine,
    /// Each candidate is at its maximum, or asked to wait.
    Busy {
        /// The time until one of them may have a place.
        retry_after: Duration,
    },
    /// Each candidate is ejected.
    Ejected {
        /// The time until the first of them is tried again.
        retry_after: Duration,
    },
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The engine answered.
    Answered,
    /// The caller disconnected, or its deadline passed: this says nothing about the engine.
    Abandoned,
    /// The attempt failed.
    Failed(Failure),
}

/// The state of an engine, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineState {
    /// The engine.
    pub engine: EngineId,
    /// Its condition.
    pub condition: Condition,
    /// Requests that it has now.
    pub outstanding: u32,
    /// Its last failure since it last answered.
    pub last_failure: Option<Failure>,
    /// Its numbers since the start of the service, or since it was added.
    pub counts: Counts,
}

/// The condition of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It takes requests.
    Ready,
    /// It takes no new requests, because the operator drains it.
    Draining,
    /// It has the maximum number of requests.
    Full,
    /// It asked to wait.
    Resting {
        /// The remaining time.
        left: Duration,
    },
    /// It failed, and gets no requests.
    Ejected {
        /// The remaining time.
        left: Duration,
    },
    /// It failed, and one request may try it.
    Trying,
}

impl Condition {
    /// The names of all conditions.
    pub const NAMES: [&str; 6] = ["ready", "draining", "full", "resting", "ejected", "trying"];

    /// Returns the condition's name, as `engine list` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Full => "full",
            Self::Resting { .. } => "resting",
            Self::Ejected { .. } => "ejected",
            Self::Trying => "trying",
        }
    }
}

impl Pool {
    /// Takes the engines as they are now. An engine with another address than before begins anew;
    /// the requests of a removed engine continue.
    pub fn follow(&mut self, engines: &[Engine]) {
        self.seats.retain(|id, _| engines.iter().any(|engine| engine.id == *id));
        for engine in engines {
            let seat = self.seats.entry(engine.id).or_insert_with(|| Seat {
                address: engine.address.clone(),
                weight: engine.weight,
                concurrency: engine.concurrency,
                serving: engine.serving,
                outstanding: 0,
                chosen: 0,
                health: Health::default(),
                counts: Counts::default(),
            });
            if seat.address != engine.address {
                seat.address.clone_from(&engine.address);
                seat.health = Health::default();
            }
            seat.weight = engine.weight.max(1);
            seat.concurrency = engine.concurrency;
            seat.serving = engine.serving;
        }
    }

    /// Counts a new request of a caller. Each adds a tenth of a retry to the budget.
    pub fn asked(&mut self) {
        self.budget.asked();
    }

    /// Takes one retry from the budget of the service; false if it is used up.
    #[must_use]
    pub fn retry(&mut self) -> bool {
        self.budget.retry()
    }

    /// Returns the number of retries that the budget did not allow.
    #[must_use]
    pub fn retries_refused(&self) -> u64 {
        self.budget.refused()
    }

    /// Chooses the candidate with the least outstanding work in relation to its weight, and takes a
    /// place at it. Among equals, the one that was chosen longest ago gets the request.
    ///
    /// The first attempt of a request may try an engine whose ejection has ended. A retry goes to such
    /// an engine only if no healthy one has a place, and an ejected engine gets only requests for
    /// which there is no other.
    pub fn choose(&mut self, candidates: &[EngineId], attempt: Attempt, now: Instant) -> Choice {
        let serving: Vec<EngineId> = candidates
            .iter()
            .copied()
            .filter(|id| self.seats.get(id).is_some_and(|seat| seat.serving))
            .collect();
        if serving.is_empty() {
            return Choice::NoEngine;
        }
        let open = self.open(&serving, now);
        if open.is_empty() {
            let left = serving.iter().filter_map(|id| self.seats.get(id)?.health.ejected(now));
            return Choice::Ejected { retry_after: left.min().unwrap_or(EJECTION_FIRST) };
        }
        let seats = open.iter().filter_map(|id| Some((*id, self.seats.get(id)?)));
        let free = seats.filter(|(_, seat)| seat.has_place(now));
        let ranked = free.map(|(id, seat)| (id, seat, seat.rank(attempt, now)));
        let best = ranked.min_by(|(_, one, first), (_, other, second)| {
            first.cmp(second).then_with(|| one.compare(other))
        });
        let best = best.map(|(id, ..)| id);
        let Some(seat) = best.and_then(|id| self.seats.get_mut(&id)) else {
            let resting = open.iter().filter_map(|id| self.seats.get(id)?.health.resting(now));
            return Choice::Busy { retry_after: resting.min().unwrap_or(FULL_RETRY) };
        };
        self.turn += 1;
        seat.chosen = self.turn;
        seat.outstanding += 1;
        seat.health.attempted(now);
        seat.counts.taken(attempt);
        best.map_or(Choice::NoEngine, Choice::Take)
    }

    /// Returns the candidates that may get a request: those that are not ejected, and of those that
    /// answered wrongly as many as more than half would be ejected otherwise.
    fn open(&self, candidates: &[EngineId], now: Instant) -> Vec<EngineId> {
        let mut open = Vec::with_capacity(candidates.len());
        let mut wrong = Vec::new();
        let mut ejected = 0;
        for id in candidates {
            let Some(seat) = self.seats.get(id) else { continue };
            match seat.health.ejected(now) {
                None => open.push(*id),
                Some(left) => {
                    ejected += 1;
                    if !seat.health.is_unreachable() {
                        wrong.push((left, *id));
                    }
                }
            }
        }
        wrong.sort_unstable();
        let surplus = usize::saturating_sub(ejected, candidates.len() / 2);
        open.extend(wrong.into_iter().take(surplus).map(|(_, id)| id));
        open
    }

    /// Notes that an engine began to answer a request: an engine that is tried gets its share.
    pub fn began(&mut self, engine: EngineId, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&engine) {
            seat.health.began(now);
        }
    }

    /// Gives a place back, with the outcome of its attempt.
    pub fn ended(&mut self, engine: EngineId, outcome: &Outcome, now: Instant) {
        // The engine may have been removed in between.
        let Some(seat) = self.seats.get_mut(&engine) else { return };
        seat.outstanding = seat.outstanding.saturating_sub(1);
        seat.counts.ended(outcome);
        seat.counts.ejected(seat.health.ended(outcome, now));
    }

    /// Records the outcome of a probe. An answer ends the ejection of an engine that could not be
    /// reached; one request then tries it. The ejection of an engine that answers wrongly stays: a
    /// probe does not ask it for text.
    pub fn probed(&mut self, engine: EngineId, outcome: &Outcome, now: Instant) {
        if let Some(seat) = self.seats.get_mut(&engine) {
            seat.counts.ejected(seat.health.probed(outcome, now));
        }
    }

    /// Returns the state of each engine.
    #[must_use]
    pub fn states(&self, now: Instant) -> Vec<EngineState> {
        let state = |(id, seat): (&EngineId, &Seat)| EngineState {
            engine: *id,
            condition: seat.condition(now),
            outstanding: seat.outstanding,
            last_failure: seat.health.last_failure().cloned(),
            counts: seat.counts.clone(),
        };
        self.seats.iter().map(state).collect()
    }
}

impl Seat {
    fn has_place(&self, now: Instant) -> bool {
        let resting = self.health.resting(now).is_some();
        self.outstanding < self.concurrency && !resting && !self.health.has_trial()
    }

    fn trust(&self, now: Instant) -> Trust {
        if self.health.ejected(now).is_some() {
            return Trust::Ejected;
        }
        if self.health.is_trying() { Trust::Trial } else { Trust::Healthy }
    }

    /// Returns the engine's place in the order of a choice, before its load counts. A trial costs a
    /// request that fails one retry, so a request that was retried already is not used for it.
    fn rank(&self, attempt: Attempt, now: Instant) -> Trust {
        match (attempt, self.trust(now)) {
            (Attempt::First, Trust::Trial) => Trust::Healthy,
            (Attempt::First | Attempt::Again, trust) => trust,
        }
    }

    /// Compares by outstanding work in relation to the weight, then by the last choice.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let load = |seat: &Self, weight: u32| u64::from(seat.outstanding) * u64::from(weight);
        load(self, other.weight).cmp(&load(other, self.weight)).then(self.chosen.cmp(&other.chosen))
    }

    fn condition(&self, now: Instant) -> Condition {
        if !self.serving {
            return Condition::Draining;
        }
        if let Some(left) = self.health.ejected(now) {
            return Condition::Ejected { left };
        }
        if let Some(left) = self.health.resting(now) {
            return Condition::Resting { left };
        }
        if self.health.is_trying() {
            return Condition::Trying;
        }
        if self.outstanding >= self.concurrency { Condition::Full } else { Condition::Ready }
    }
}

#[cfg(test)]
mod tests;
