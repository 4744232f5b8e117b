//! Checks what the log tells of owners and their own records: what was deleted is read no more.

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
                found.wrong(format!("{request} is read after its owner deleted it"));
            }
            // Who looks may have asked for it just before it was deleted, and seen nothing.
            Event::Looked { request, .. } if self.deleted.contains(request) => {
                found.notice(format!("{request} is looked at after its owner deleted it"));
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
