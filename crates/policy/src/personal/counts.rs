//! How much of each kind was found.

use std::collections::BTreeMap;

use super::{Found, Kind};

/// Numbers of places by kind. It has no content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Kind, u64>);

impl Counts {
    /// Counts the places that were found in a text.
    #[must_use]
    pub fn of(found: &[Found]) -> Self {
        let mut counts = Self::default();
        for one in found {
            counts.add(one.kind, 1);
        }
        counts
    }

    /// Adds places of one kind. The number stops at the largest that there is.
    pub fn add(&mut self, kind: Kind, places: u64) {
        if places > 0 {
            let count = self.0.entry(kind).or_default();
            *count = count.saturating_add(places);
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (kind, places) in other.iter() {
            self.add(kind, places);
        }
    }

    /// Returns the number of places of one kind.
    #[must_use]
    pub fn get(&self, kind: Kind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// Returns the number of places of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, places| sum.saturating_add(*places))
    }

    /// Returns true if nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the kinds that were found, in order, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        self.0.iter().map(|(kind, places)| (*kind, *places))
    }
}
