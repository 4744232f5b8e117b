//! Checks what the log tells of owners and their own records: what was deleted is read no more.

use alloc::{collections::BTreeSet, format};

use super::Found;
use crate::{entry::Event, id::RequestId};

#[derive(Debug, Default)]
pub(super) struct Owners {
    deleted: BTreeSet<RequestId>,
    /// The last entry that tells of a deletion.
    last_deletion: Option<u64>,
}

impl Owners {
    pub(super) fn entry(&mut self, index: u64, event: &Event, found: &mut Found) {
        match event {
            Event::OwnerRead { request, .. } if self.deleted.contains(request) => {
                found.wrong(format!("{request} is read after its owner deleted it"));
            }
            Event::OwnerDeleted { request, .. } => {
                self.last_deletion = Some(index);
                if !self.deleted.insert(*request) {
                    found.wrong(format!("{request} was deleted before"));
                }
            }
            _ => {}
        }
    }

    /// Whether an owner deleted a record after this entry.
    pub(super) fn deleted_since(&self, index: u64) -> bool {
        self.last_deletion.is_some_and(|last| last > index)
    }
}

#[cfg(test)]
mod tests;
