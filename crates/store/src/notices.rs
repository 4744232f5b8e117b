//! The outcomes of notices: whether a destination has a notice already.
//!
//! The reasons for notices are not here. They follow from workflows and from the promises' states, so that
//! no notice is lost and none is about something that is over. Here is a hash, some times and a number: no
//! tenant, no request and no destination.

use sha2::{Digest as _, Sha256};

use crate::{Store, error::StoreError};

/// The hash of a destination and of a notice's reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub [u8; 32]);

/// The outcome of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeState {
    /// The time at which the service saw the reason first, in milliseconds since 1970.
    pub first_ms: u64,
    /// The time of the last attempt, or of the first sight.
    pub tried_ms: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// How it ended; `None` while it is tried again.
    pub ended: Option<NoticeEnd>,
}

/// How a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeEnd {
    /// The destination accepted it.
    Delivered,
    /// The destination did not accept it in time.
    GivenUp,
}

impl NoticeId {
    /// Returns the id of a notice. The texts are joined with their lengths, so that no two lists of texts
    /// have the same id.
    #[must_use]
    pub fn of(texts: &[&str]) -> Self {
        let mut hash = Sha256::new_with_prefix(b"bailiwick notice\0");
        for text in texts {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }
}

impl NoticeState {
    /// Returns the state of a notice that was not tried yet.
    #[must_use]
    pub fn seen(now_ms: u64) -> Self {
        Self { first_ms: now_ms, tried_ms: now_ms, attempts: 0, ended: None }
    }
}

impl Store {
    /// Returns the outcomes of all notices.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn notices(&self) -> Result<Vec<(NoticeId, NoticeState)>, StoreError> {
        self.reader().database.notices()
    }

    /// Stores the outcomes of notices.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn set_notices(&self, states: &[(NoticeId, NoticeState)]) -> Result<(), StoreError> {
        let mut writer = self.writer();
        let tx = writer.write()?;
        states.iter().try_for_each(|(id, state)| tx.set_notice(*id, state))?;
        tx.commit()
    }

    /// Forgets notices.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn forget_notices(&self, ids: &[NoticeId]) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer();
        let tx = writer.write()?;
        ids.iter().try_for_each(|id| tx.forget_notice(*id))?;
        tx.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn what_became_of_notices_survives() {
        let folder = tempfile::tempdir().unwrap();
        let clock =
            || policy::retention::clock::Reading { wall_ms: 1, boot: [0; 16], boottime_ms: 1 };
        let [one, other] = [NoticeId(random().unwrap()), NoticeId(random().unwrap())];
        let seen = NoticeState::seen(7);
        let over =
            NoticeState { attempts: 2, tried_ms: 9, ended: Some(NoticeEnd::GivenUp), ..seen };
        let store = Store::open(folder.path(), clock).unwrap();
        store.set_notices(&[(one, seen), (other, seen)]).unwrap();
        store.set_notices(&[(other, over)]).unwrap();
        drop(store);
        let store = Store::open(folder.path(), clock).unwrap();
        let mut all = store.notices().unwrap();
        all.sort_by_key(|(_, state)| state.attempts);
        assert_eq!(all, [(one, seen), (other, over)]);
        store.forget_notices(&[other]).unwrap();
        assert_eq!(store.notices().unwrap(), [(one, seen)]);
    }

    #[test]
    fn texts_do_not_run_into_each_other() {
        assert_eq!(NoticeId::of(&["ab", "c"]), NoticeId::of(&["ab", "c"]));
        assert_ne!(NoticeId::of(&["ab", "c"]), NoticeId::of(&["a", "bc"]));
        assert_ne!(NoticeId::of(&["ab", "c"]), NoticeId::of(&["abc"]));
    }
}
