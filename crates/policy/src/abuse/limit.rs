//! The limit of a window, from a resource's own first week.
//!
//! Detectors are wrong about some harmless requests, and about more of them in some kinds of
//! traffic. If a share `p` of harmless requests is found harmful by mistake, the points in a window
//! are about binomial: `B(100, p)`. A resource with `n` requests a week has at most `n` windows in a
//! week, so it is flagged by mistake at most `n · P(B(100, p) ≥ limit)` times a week on average. The
//! limit is the smallest at which this is [`MISTAKES_A_WEEK`] or less.
//!
//! The first week may be a week of abuse. The limit therefore has an upper bound, and a share above
//! [`SHARE_MOST`] counts as that: no harmless traffic is found harmful more often.

use super::WINDOW;

/// The smallest limit, and the limit until [`REQUESTS_LEAST`] requests are counted.
pub const LEAST: u32 = 8;

/// The largest limit.
pub const MOST: u32 = 20;

/// Requests from which a share is computed.
pub const REQUESTS_LEAST: u32 = 200;

/// The largest share of requests that counts as mistakes of the detectors.
pub const SHARE_MOST: f64 = 0.05;

/// Mistaken flags in a week that are accepted, on average.
pub const MISTAKES_A_WEEK: f64 = 0.1;

/// Returns the limit for counts of the first week, or of its part so far.
#[must_use]
pub fn of(requests: u32, points: u32) -> u32 {
    if requests < REQUESTS_LEAST {
        return LEAST;
    }
    // As if two points in a hundred more requests were seen: a short time proves no share of zero.
    let share = (f64::from(points) + 2.0) / (f64::from(requests) + 100.0);
    let share = share.min(SHARE_MOST);
    let accepted = MISTAKES_A_WEEK / f64::from(requests);
    (LEAST..MOST).find(|limit| chance(share, *limit) <= accepted).unwrap_or(MOST)
}

/// Returns the chance that a window has `limit` points or more: the tail of a binomial
/// distribution.
#[must_use]
pub fn chance(share: f64, limit: u32) -> f64 {
    let all = u32::try_from(WINDOW).unwrap_or(u32::MAX);
    let odds = share / (1.0 - share);
    let mut of_count = (1.0 - share).powi(i32::try_from(WINDOW).unwrap_or(i32::MAX));
    let mut tail = if limit == 0 { of_count } else { 0.0 };
    for count in 1..=all {
        of_count *= odds * f64::from(all - count + 1) / f64::from(count);
        if count >= limit {
            tail += of_count;
        }
    }
    tail
}
