//! The errors of the last hour: calls that were refused, failed, or were given up by their client, by
//! resource, deployment, status and code.
//!
//! They are in memory only, and end with the process. A row has ids, numbers, a time and a code. It has
//! no text of a caller, and cannot have one: a code is a `&'static str`, a text of this program's source.
//! The time is an argument.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, VecDeque},
};

use parking_lot::Mutex;
use policy::id::{DeploymentId, ResourceId};

/// Minutes that are counted; older ones are dropped.
pub(crate) const MINUTES_KEPT: u64 = 60;

/// Most rows of a resource. Errors that need one more are counted together, without their kind.
pub(crate) const ROWS_MAX: usize = 100;

/// The errors of all resources.
#[derive(Debug, Default)]
pub(crate) struct RecentErrors {
    /// Start of the counting.
    since_ms: u64,
    tables: Mutex<Tables>,
}

/// The kind of an error: errors of the same kind are counted in one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// The deployment that was called, once the call had found it.
    pub deployment: Option<DeploymentId>,
    /// The status.
    pub status: u16,
    /// The error's code, for programs.
    pub code: &'static str,
}

/// The errors of one resource.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Start of the period, in milliseconds since 1970.
    pub from_ms: u64,
    /// Whether the period begins with the counting: it is shorter than an hour.
    pub since_start: bool,
    /// The errors by kind, the most frequent first.
    pub rows: Vec<Counted>,
    /// Errors of further kinds, for which there was no row.
    pub others: u64,
}

/// Errors of one kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Their kind.
    pub kind: Kind,
    /// Their number.
    pub count: u64,
    /// The time of the last one, in milliseconds since 1970.
    pub last_ms: u64,
}

impl RecentErrors {
    /// Begins to count.
    #[must_use]
    pub(crate) fn since(since_ms: u64) -> Self {
        Self { since_ms, tables: Mutex::default() }
    }

    /// Counts an error of a resource.
    pub(crate) fn count(&self, resource: ResourceId, kind: Kind, now_ms: u64) {
        let mut tables = self.tables.lock();
        tables.forget(first_minute(now_ms));
        let table = tables.of.entry(resource).or_default();
        let is_full = table.rows.len() >= ROWS_MAX;
        match table.rows.get_mut(&kind) {
            Some(row) => row.add(now_ms),
            None if is_full => table.others.add(now_ms),
            None => table.rows.entry(kind).or_default().add(now_ms),
        }
    }

    /// Returns the errors of a resource.
    #[must_use]
    pub(crate) fn of(&self, resource: ResourceId, now_ms: u64) -> Seen {
        let first = first_minute(now_ms);
        let hour_ms = first.saturating_mul(MINUTE_MS);
        let tables = self.tables.lock();
        let table = tables.of.get(&resource);
        let counted = table.into_iter().flat_map(|table| &table.rows).map(|(kind, row)| Counted {
            kind: *kind,
            count: row.since(first),
            last_ms: row.last_ms,
        });
        let mut rows: Vec<_> = counted.filter(|row| row.count > 0).collect();
        rows.sort_by_key(|row| (Reverse(row.count), row.kind));
        Seen {
            from_ms: self.since_ms.max(hour_ms),
            since_start: self.since_ms > hour_ms,
            rows,
            others: table.map_or(0, |table| table.others.since(first)),
        }
    }
}

/// The tables of the resources that had an error. There are no more than resources.
#[derive(Debug, Default)]
struct Tables {
    of: HashMap<ResourceId, Table>,
    /// The first minute that is kept.
    first: u64,
}

impl Tables {
    /// Drops the counts before a minute: once a minute, of all resources.
    fn forget(&mut self, first: u64) {
        if self.first == first {
            return;
        }
        self.first = first;
        self.of.retain(|_, table| {
            table.rows.retain(|_, row| row.keeps(first));
            table.others.keeps(first) || !table.rows.is_empty()
        });
    }
}

/// The errors of one resource.
#[derive(Debug, Default)]
struct Table {
    rows: BTreeMap<Kind, Row>,
    /// Errors for which there was no row.
    others: Row,
}

/// Errors by minute.
#[derive(Debug, Default)]
struct Row {
    /// Minutes since 1970, each with its number of errors; minutes without one are left out.
    minutes: VecDeque<(u64, u64)>,
    last_ms: u64,
}

impl Row {
    fn add(&mut self, now_ms: u64) {
        let now = now_ms / MINUTE_MS;
        match self.minutes.back_mut() {
            // Two calls may end in another order than they read the clock.
            Some((minute, count)) if *minute >= now => *count = count.saturating_add(1),
            _ => self.minutes.push_back((now, 1)),
        }
        self.last_ms = self.last_ms.max(now_ms);
    }

    /// Drops the counts before a minute; returns whether any count is left.
    fn keeps(&mut self, first: u64) -> bool {
        while self.minutes.front().is_some_and(|(minute, _)| *minute < first) {
            self.minutes.pop_front();
        }
        !self.minutes.is_empty()
    }

    /// Returns the number of errors from a minute on.
    fn since(&self, first: u64) -> u64 {
        let counted = self.minutes.iter().filter(|(minute, _)| *minute >= first);
        counted.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// Returns the first minute of the hour that ends now: the current minute is the last one.
fn first_minute(now_ms: u64) -> u64 {
    (now_ms / MINUTE_MS).saturating_sub(MINUTES_KEPT - 1)
}

const MINUTE_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 30 November 2026, 08:00 UTC.
    const NOW: u64 = 1_796_025_600_000;

    const ACME: ResourceId = ResourceId::from_random([1; 16]);
    const OTHER: ResourceId = ResourceId::from_random([2; 16]);

    fn kind(status: u16, code: &'static str) -> Kind {
        Kind { deployment: None, status, code }
    }

    fn numbers(seen: &Seen) -> Vec<(u16, &'static str, u64)> {
        seen.rows.iter().map(|row| (row.kind.status, row.kind.code, row.count)).collect()
    }

    #[test]
    fn errors_are_counted_by_kind_and_by_resource() {
        let errors = RecentErrors::since(NOW);
        let deployment = Some(DeploymentId::from_random([7; 16]));
        errors.count(ACME, kind(404, "DeploymentNotFound"), NOW + 10);
        for second in 1..=3 {
            errors.count(ACME, Kind { deployment, ..kind(429, "429") }, NOW + second * 1000);
        }
        errors.count(ACME, kind(429, "429"), NOW + 20);
        errors.count(OTHER, kind(500, "500"), NOW);
        let seen = errors.of(ACME, NOW + 5000);
        let expected = [(429, "429", 3), (404, "DeploymentNotFound", 1), (429, "429", 1)];
        assert_eq!(numbers(&seen), expected);
        assert_eq!(seen.rows[0].kind.deployment, deployment);
        assert_eq!((seen.rows[0].last_ms, seen.others), (NOW + 3000, 0));
        assert_eq!(numbers(&errors.of(OTHER, NOW)), [(500, "500", 1)]);
        assert!(errors.of(ResourceId::from_random([3; 16]), NOW).rows.is_empty());
    }

    #[test]
    fn an_hour_later_an_error_is_forgotten() {
        let errors = RecentErrors::since(NOW);
        errors.count(ACME, kind(400, "invalid_value"), NOW);
        errors.count(ACME, kind(400, "invalid_value"), NOW + 30 * MINUTE_MS);
        let last = NOW + MINUTES_KEPT * MINUTE_MS - 1;
        assert_eq!(numbers(&errors.of(ACME, last)), [(400, "invalid_value", 2)]);
        assert_eq!(numbers(&errors.of(ACME, last + 1)), [(400, "invalid_value", 1)]);
        assert!(errors.of(ACME, last + 30 * MINUTE_MS + 1).rows.is_empty());
        // An error of another resource frees the memory of the first one.
        errors.count(OTHER, kind(400, "invalid_value"), last + 30 * MINUTE_MS + 1);
        assert_eq!(errors.tables.lock().of.len(), 1);
    }

    #[test]
    fn the_period_begins_with_the_counting_or_an_hour_ago() {
        let errors = RecentErrors::since(NOW + 1234);
        let young = errors.of(ACME, NOW + 10 * MINUTE_MS);
        assert_eq!((young.from_ms, young.since_start), (NOW + 1234, true));
        let old = errors.of(ACME, NOW + 90 * MINUTE_MS + 5);
        assert_eq!((old.from_ms, old.since_start), (NOW + 31 * MINUTE_MS, false));
    }

    /// Memory is bounded: neither many kinds nor many errors make more than some rows of some minutes.
    #[test]
    fn rows_and_minutes_are_bounded() {
        let errors = RecentErrors::since(NOW);
        for minute in 0..200 {
            for status in 0..150 {
                errors.count(ACME, kind(status, "x"), NOW + minute * MINUTE_MS);
            }
        }
        let now_ms = NOW + 199 * MINUTE_MS;
        let seen = errors.of(ACME, now_ms);
        assert_eq!(seen.rows.len(), ROWS_MAX);
        assert!(seen.rows.iter().all(|row| row.count == MINUTES_KEPT));
        assert_eq!(seen.others, 50 * MINUTES_KEPT);
        let tables = errors.tables.lock();
        let kept = usize::try_from(MINUTES_KEPT).unwrap();
        assert!(tables.of[&ACME].rows.values().all(|row| row.minutes.len() == kept));
    }

    #[test]
    fn a_call_that_ends_late_is_counted_in_the_newest_minute() {
        let errors = RecentErrors::since(NOW);
        errors.count(ACME, kind(408, "408"), NOW + MINUTE_MS);
        errors.count(ACME, kind(408, "408"), NOW);
        let seen = errors.of(ACME, NOW + MINUTE_MS);
        assert_eq!((seen.rows[0].count, seen.rows[0].last_ms), (2, NOW + MINUTE_MS));
    }
}
