//! Notices: the things that wait for a person go to the webhooks that the configuration lists, without content.
//!
//! There is no queue. The due notices follow from the workflows in the database and from the promises'
//! states, at each look; a small table has the outcome of each. So a notice survives a restart, and there is
//! none about a thing that is over. A destination that does not answer is tried again after growing
//! pauses, by a task of its own: no request waits for it.

mod book;
mod due;
mod message;
mod plan;
mod receiver;
mod send;
mod watch;

use std::sync::Arc;

use store::{Store, StoreError};
use tokio::sync::watch::Sender;

pub(crate) use self::receiver::{Receiver, Secret};
use self::{book::Book, due::Due};
use crate::waiting::Waiting;

/// The destinations of notices, the due notices, and their outcomes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Notices(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    receivers: Vec<Receiver>,
    due: Sender<Arc<Vec<Due>>>,
    book: Book,
    waiting: Waiting,
}

impl Notices {
    /// Begins with the outcomes of earlier notices.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(crate) fn open(
        store: &Store,
        receivers: Vec<Receiver>,
        waiting: Waiting,
    ) -> Result<Self, StoreError> {
        let (due, _) = tokio::sync::watch::channel(Arc::default());
        let book = Book::open(store)?;
        Ok(Self(Arc::new(Inner { receivers, due, book, waiting })))
    }

    /// Returns the numbers of things that wait.
    #[must_use]
    pub(crate) fn waiting(&self) -> Waiting {
        self.0.waiting.clone()
    }
}

impl Inner {
    /// Counts the notices that a destination does not have yet.
    fn count(&self) {
        let due = Arc::clone(&*self.due.borrow());
        let open = |receiver: &Receiver| {
            let its = due.iter().filter(|due| receiver.gets(due));
            its.filter(|due| !self.book.is_over(receiver.id(due))).count()
        };
        let undelivered: usize = self.receivers.iter().map(open).sum();
        self.waiting.set_undelivered(u64::try_from(undelivered).unwrap_or(u64::MAX));
    }
}
