//! The blocklists that this process compiled last.
//!
//! Compiling a list can take a good part of a second, and every request waits for a snapshot that is
//! being loaded. So a change compiles the lists before its transaction, at its caller's expense,
//! and the snapshot takes them from here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use policy::guard::blocklist::Blocklist;

use crate::directory::OwnBlocklist;

/// The most lists that are kept: more than one filter can name.
const KEPT: usize = 32;

/// Lists, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Arc<Blocklist>>>);

impl Recent {
    /// Keeps a list, in the place of the oldest one if there are too many.
    pub(crate) fn keep(&self, list: Arc<Blocklist>) {
        let mut kept = self.lock();
        kept.retain(|one| (one.name(), one.digest()) != (list.name(), list.digest()));
        kept.push_back(list);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// Returns the list with the same name and terms. Lists of different resources that agree in
    /// both are the same list.
    pub(crate) fn find(&self, list: &OwnBlocklist) -> Option<Arc<Blocklist>> {
        let kept = self.lock();
        let same = |one: &&Arc<Blocklist>| *one.name() == list.name && one.digest() == list.digest;
        kept.iter().find(same).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Blocklist>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
