//! Checks the owners' accesses in the log: a deleted record is not read again.

use alloc::{collections::BTreeSet, format};

use super::Found;
use crate::{entry::Event, id::RequestId};

#[derive(Debug, Default)]
pub(super) struct Owners {
    deleted: BTreeSet<RequestId>,
}

impl Owners {
    pub(super) fn entry(&mut self, event: &Event, found: &mut Found) {
        match event {
            Event::OwnerRead { request, .. } if self.deleted.contains(request) => {
                found.wrong(format!("{request} was read after its owner deleted it"));
            }
            // A reviewer may have requested the record just before its deletion, and seen nothing.
            Event::Looked { request, .. } if self.deleted.contains(request) => {
                found.notice(format!(
                    "{request} was opened by a reviewer after its owner deleted it"
                ));
            }
            Event::OwnerDeleted { request, .. } if !self.deleted.insert(*request) => {
                found.wrong(format!("{request} was deleted before"));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
