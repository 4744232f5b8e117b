//! Usage: requests and tokens, counted in the transaction that records them, so that the sums are
//! exactly those of the log.

use std::ops::Range;

use policy::id::ResourceId;
use tlog::receipt::Outcome;

use super::Ledger;
pub use crate::row::UsageRow;
use crate::{Store, error::StoreError};

/// The milliseconds of an hour.
pub(crate) const HOUR_MS: u64 = 60 * 60 * 1000;

impl Ledger {
    /// Returns the usage of one resource, or of all resources, by hour.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn usage(&self, resource: Option<ResourceId>) -> Result<Vec<UsageRow>, StoreError> {
        self.reader().usage(resource, 0..i64::MAX.cast_unsigned())
    }
}

impl Store {
    /// Returns the usage by hour of one resource or of all. `hours` is a range of hours since 1970.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn usage(
        &self,
        resource: Option<ResourceId>,
        hours: Range<u64>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        self.reader().database.usage(resource, hours)
    }
}

/// Returns the counts of one finished request: served, refused, failed.
pub(crate) fn outcome_counts(outcome: Outcome) -> [u64; 3] {
    match outcome {
        // A client that hung up has received part of an answer.
        Outcome::Answered | Outcome::HungUp => [1, 0, 0],
        Outcome::Refused => [0, 1, 0],
        Outcome::Failed => [0, 0, 1],
    }
}
