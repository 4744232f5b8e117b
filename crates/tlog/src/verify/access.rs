//! Collects the accesses to records in the log, by the ids of their requests.
//!
//! The custodian opens a record only for an entry that names its request, for every caller and in
//! every role. With the ids of their own requests, a reader therefore sees every access here,
//! and in which name it happened. Only the reader knows whether the access was legitimate.

use super::Report;
use crate::entry::Event;

/// One access to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The number of the entry that records it.
    pub index: u64,
    /// The time, by the log's clock.
    pub time_ms: u64,
    /// The kind of access.
    pub kind: AccessKind,
}

/// A kind of access to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// A reviewer opened it.
    Looked,
    /// It was read in its owner's name.
    OwnerRead,
    /// It was deleted in its owner's name.
    OwnerDeleted,
}

impl AccessKind {
    /// Returns the access in plain words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Looked => "opened by a reviewer",
            Self::OwnerRead => "read by its owner",
            Self::OwnerDeleted => "deleted by its owner",
        }
    }
}

impl Report {
    /// Adds the access that an entry records, if any.
    pub(super) fn note_access(&mut self, (index, time_ms): (u64, u64), event: &Event) {
        let (request, kind) = match event {
            Event::Looked { request, .. } => (request, AccessKind::Looked),
            Event::OwnerRead { request, .. } => (request, AccessKind::OwnerRead),
            Event::OwnerDeleted { request, .. } => (request, AccessKind::OwnerDeleted),
            _ => return,
        };
        self.accesses.entry(*request).or_default().push(Access { index, time_ms, kind });
    }
}

#[cfg(test)]
mod tests;
