//! The outcome of each notice: in memory, and in the database.

use std::collections::HashMap;

use parking_lot::Mutex;
use store::{
    Store, StoreError,
    notices::{NoticeId, NoticeState},
};

/// The outcome of each notice.
#[derive(Debug)]
pub(super) struct Book {
    store: Store,
    states: Mutex<HashMap<NoticeId, NoticeState>>,
}

impl Book {
    pub(super) fn open(store: &Store) -> Result<Self, StoreError> {
        let states = Mutex::new(store.notices()?.into_iter().collect());
        Ok(Self { store: store.clone(), states })
    }

    pub(super) fn get(&self, id: NoticeId) -> Option<NoticeState> {
        self.states.lock().get(&id).copied()
    }

    /// Returns whether a notice was delivered or given up.
    pub(super) fn is_over(&self, id: NoticeId) -> bool {
        self.get(id).is_some_and(|state| state.ended.is_some())
    }

    /// Notes the outcome of an attempt, or the first sight of a notice. May block. It counts for this process also if the database cannot be
    /// written; after a restart the destination may then get the notice once more.
    pub(super) fn note(&self, id: NoticeId, state: NoticeState) {
        self.states.lock().insert(id, state);
        if let Err(error) = self.store.set_notices(&[(id, state)]) {
            tracing::error!(%error, help = error.help(), "the outcome of a notice cannot be stored");
        }
    }

    /// Forgets the notices whose reason is gone, except those that ended after `since_ms`: a reason may
    /// come back. May block.
    pub(super) fn prune(&self, since_ms: u64, is_due: impl Fn(NoticeId) -> bool) {
        let gone: Vec<_> = {
            let mut states = self.states.lock();
            let old = |(id, state): (&NoticeId, &NoticeState)| {
                let is_recent = state.ended.is_some() && state.tried_ms >= since_ms;
                (!is_recent && !is_due(*id)).then_some(*id)
            };
            let gone: Vec<_> = states.iter().filter_map(old).collect();
            states.retain(|id, _| !gone.contains(id));
            gone
        };
        if let Err(error) = self.store.forget_notices(&gone) {
            tracing::error!(%error, help = error.help(), "old notices cannot be forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use store::notices::NoticeEnd;

    use super::*;

    #[test]
    fn what_is_gone_is_forgotten_and_what_ended_lately_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), crate::clock::read).unwrap();
        let book = Book::open(&store).unwrap();
        let [due, gone, ended, lately] = [1, 2, 3, 4].map(|n| NoticeId([n; 32]));
        let delivered = |tried_ms| NoticeState {
            tried_ms,
            ended: Some(NoticeEnd::Delivered),
            ..NoticeState::seen(1)
        };
        book.note(due, NoticeState::seen(1));
        book.note(gone, NoticeState::seen(1));
        book.note(ended, delivered(5));
        book.note(lately, delivered(10));
        book.prune(10, |id| id == due);
        for book in [book, Book::open(&store).unwrap()] {
            assert!(book.get(due).is_some() && book.is_over(lately));
            assert!(book.get(gone).is_none() && book.get(ended).is_none());
        }
    }
}
