//! Collects what the log tells of access to records, by the requests whose records they are.
//!
//! A record is opened only against an entry that names its request, whoever asks for it, and whatever
//! they call themselves. So who knows the ids of their requests learns here of everything that was
//! opened, and in whose name; whether it was theirs to open, they know themselves.

use super::Report;
use crate::entry::Event;

/// One thing that was done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The entry that tells of it.
    pub index: u64,
    /// When, by the log's clock.
    pub time_ms: u64,
    /// What was done.
    pub kind: AccessKind,
}

/// What is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// A reviewer looked at it.
    Looked,
    /// It was read in its owner's name.
    OwnerRead,
    /// It was deleted in its owner's name.
    OwnerDeleted,
}

impl AccessKind {
    /// What is done, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Looked => "looked at by a reviewer",
            Self::OwnerRead => "read by its owner",
            Self::OwnerDeleted => "deleted by its owner",
        }
    }
}

impl Report {
    /// Notes what an entry tells of a record.
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
