//! Abuse monitoring: a few findings are noise, many are a pattern. It counts the findings of the
//! content filter for each resource and for each end user, and says when people must look.
//!
//! [`observe`] takes one finished request. It counts the request in a window of the last
//! [`WINDOW`] requests. When the points in the window reach the limit, the request's record is
//! flagged for the review desk. If this happens again on the same day, the owner is notified; once
//! more, and the resource is throttled for a day at most. All else takes a person. Under zero
//! retention there is no record to flag: the owner is notified instead.
//!
//! Only harm counts: hate, sexual content, violence and self-harm from medium on, and jailbreaks.
//! Profanity, protected material, attacks that a document carried and a resource's own lists do not:
//! they are the customer's concern, or were done to the customer.
//!
//! Nothing here holds content. A text is a keyed hash, only to count a repeated text once. The
//! limits are computed, not tuned: see [`limit`].

mod act;
mod end_user;
pub mod limit;
mod window;

use serde::{Deserialize, Serialize};
use tlog::limits::{DAY_MS, PENALTY_AUTOMATIC_MS_MAX};

pub use act::{Act, Flag, Notice, Throttle};
pub use end_user::{BadPseudonym, EndUser, Pseudonym};

use self::window::{Crossing, Window};
use crate::{
    guard::verdict::{self, Severity, Side},
    id::{RequestId, ResourceId},
    workflow::{penalty::Percentage, review},
};

/// Requests in a window.
pub const WINDOW: u64 = 100;

/// The first time of a resource, from which its limit is computed.
pub const CALIBRATION_MS: u64 = 7 * DAY_MS;

/// Most end users with findings that are counted for one resource. Beyond it the least recent one is
/// forgotten. An end user without findings takes no place.
pub const END_USERS_MAX: usize = 1000;

/// Most records of one resource that monitoring flags in a day.
pub const FLAGS_A_DAY: usize = 10;

/// The crossing of a day at which the owner is notified.
pub const NOTICE_AT: usize = 2;

/// The crossing of a day at which the resource is throttled.
pub const THROTTLE_AT: usize = 3;

/// How long a throttle lasts that no person is responsible for.
pub const THROTTLE_MS: u64 = PENALTY_AUTOMATIC_MS_MAX;

/// The time after the start of a throttle in which monitoring does not throttle the resource again:
/// people decide then.
pub const THROTTLE_REST_MS: u64 = 7 * DAY_MS;

/// One finding of the content filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where the text stands.
    pub side: Side,
    /// The category.
    pub category: verdict::Category,
    /// The highest severity that was found.
    pub severity: Severity,
    /// True if the filter blocked the text.
    pub filtered: bool,
}

impl Finding {
    /// Returns the category at the review desk and the points of a finding that counts as abuse.
    #[must_use]
    pub fn points(&self) -> Option<(review::Category, u32)> {
        use review::Category as Desk;
        use verdict::Category;
        let category = match self.category {
            Category::Hate => Desk::Hate,
            Category::Sexual => Desk::Sexual,
            Category::Violence => Desk::Violence,
            Category::SelfHarm => Desk::SelfHarm,
            Category::Jailbreak => Desk::Jailbreak,
            Category::IndirectAttack
            | Category::Profanity
            | Category::ProtectedMaterialText
            | Category::ProtectedMaterialCode
            | Category::Blocklist(_) => return None,
        };
        let points = match self.severity {
            Severity::Safe => return None,
            // A jailbreak is found or not: it has no severity.
            _ if !self.category.is_graded() => 1,
            Severity::Low => return None,
            Severity::Medium => 1,
            Severity::High => 2,
        };
        Some((category, points))
    }
}

/// A finished request, as monitoring sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The request.
    pub request: RequestId,
    /// The time of the observation, in milliseconds since 1970.
    pub at_ms: u64,
    /// Everything that the content filter found.
    pub findings: Vec<Finding>,
    /// True if the request's record is stored. Under zero retention there is none: then the owner is
    /// notified instead of a flag.
    pub recorded: bool,
    /// The first bytes of a keyed hash of the request's text. The same text counts once in a window.
    pub text: u64,
}

impl Observation {
    /// Returns the finding with the most points.
    fn worst(&self) -> Option<(review::Category, u32)> {
        let counted = self.findings.iter().filter_map(Finding::points);
        counted.reduce(|most, next| if next.1 > most.1 { next } else { most })
    }
}

/// The state of one resource. It is bounded: see [`WINDOW`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    resource: ResourceId,
    since_ms: u64,
    first: Calibration,
    window: Window,
    /// Times of the last day at which the window reached the limit, oldest first.
    crossings: Vec<u64>,
    /// Times of the last day at which monitoring flagged a record, oldest first.
    flags: Vec<u64>,
    notified_ms: Option<u64>,
    throttled_ms: Option<u64>,
}

/// Counts of the first week.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Calibration {
    requests: u32,
    points: u32,
}

/// Everything that follows from an observation.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "store the states, and carry out the acts"]
pub struct Next {
    /// The next state of the resource.
    pub state: State,
    /// The next state of the end user, if the request names one.
    pub end_user: Option<EndUser>,
    /// The acts, each at most once.
    pub acts: Vec<Act>,
}

impl State {
    /// Begins to monitor a resource.
    #[must_use]
    pub fn begin(resource: ResourceId, now_ms: u64) -> Self {
        Self {
            resource,
            since_ms: now_ms,
            first: Calibration::default(),
            window: Window::default(),
            crossings: Vec::new(),
            flags: Vec::new(),
            notified_ms: None,
            throttled_ms: None,
        }
    }

    /// Returns the time of the first counted request.
    #[must_use]
    pub fn since_ms(&self) -> u64 {
        self.since_ms
    }

    /// Returns the points in a window at which a record is flagged.
    #[must_use]
    pub fn limit(&self) -> u32 {
        limit::of(self.first.requests, self.first.points)
    }

    /// Returns true once the first week is over: the limit is final.
    #[must_use]
    pub fn is_calibrated(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= CALIBRATION_MS
    }

    /// Returns the points since the last crossing in the window, which a further crossing needs.
    #[must_use]
    pub fn points(&self) -> u32 {
        self.window.points()
    }

    fn calibrate(&mut self, at_ms: u64, points: u32) {
        if !self.is_calibrated(at_ms) {
            let Calibration { requests, points: before } = &mut self.first;
            *requests = requests.saturating_add(1);
            *before = before.saturating_add(points);
        }
    }

    /// Returns the acts of a crossing by this request.
    fn acts(&mut self, crossing: &Crossing, limit: u32, seen: &Observation) -> Vec<Act> {
        let at_ms = seen.at_ms;
        let mut acts = Vec::new();
        recent(&mut self.crossings, at_ms);
        // More than these change nothing.
        if self.crossings.len() < THROTTLE_AT {
            self.crossings.push(at_ms);
        }
        let reason = crossing.reason(limit);
        let throttles = self.crossings.len() >= THROTTLE_AT
            && self
                .throttled_ms
                .is_none_or(|since| at_ms.saturating_sub(since) >= THROTTLE_REST_MS);
        acts.extend(self.flag(crossing, seen));
        if throttles {
            self.throttled_ms = Some(at_ms);
            let until_ms = at_ms.saturating_add(THROTTLE_MS);
            acts.push(Act::Throttle(Throttle::new(
                self.resource,
                Percentage::HALF,
                until_ms,
                reason,
            )));
        } else if self.crossings.len() >= NOTICE_AT || !seen.recorded {
            acts.extend(self.notify(reason, at_ms));
        }
        acts
    }

    /// Returns the flag of the request's record, if there is one.
    fn flag(&mut self, crossing: &Crossing, seen: &Observation) -> Option<Act> {
        recent(&mut self.flags, seen.at_ms);
        if !seen.recorded || self.flags.len() >= FLAGS_A_DAY {
            return None;
        }
        self.flags.push(seen.at_ms);
        Some(Act::Flag(Flag::new(seen.request, crossing.category)))
    }

    /// Returns the notice to the owner, once a day.
    fn notify(&mut self, reason: String, at_ms: u64) -> Option<Act> {
        if self.notified_ms.is_some_and(|since| at_ms.saturating_sub(since) < DAY_MS) {
            return None;
        }
        self.notified_ms = Some(at_ms);
        Some(Act::Notify(Notice::new(self.resource, reason)))
    }
}

/// Counts one finished request. `end_user` is the state of the end user that the request names, or
/// a new one.
pub fn observe(state: &State, end_user: Option<&EndUser>, seen: &Observation) -> Next {
    let mut next = state.clone();
    let worst = seen.worst();
    let limit = state.limit();
    let (counted, crossing) = next.window.add(seen.text, worst, limit);
    next.calibrate(seen.at_ms, counted);
    let mut acts = crossing.map_or_else(Vec::new, |crossing| next.acts(&crossing, limit, seen));
    let end_user = end_user.map(|before| {
        let (after, crossing) = before.observe(seen, worst, limit);
        // The resource's own crossing has flagged this record already.
        if let Some(crossing) = crossing.filter(|_| acts.is_empty()) {
            acts.extend(match seen.recorded {
                true => next.flag(&crossing, seen),
                false => next.notify(crossing.reason(limit), seen.at_ms),
            });
        }
        after
    });
    Next { state: next, end_user, acts }
}

/// Forgets times that are older than a day.
fn recent(times: &mut Vec<u64>, now_ms: u64) {
    times.retain(|time| now_ms.saturating_sub(*time) < DAY_MS);
}

#[cfg(test)]
mod tests;
