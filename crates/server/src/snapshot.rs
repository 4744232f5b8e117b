//! The directory as each request must see it: with every change that was made before the request
//! arrived, also by another process.
//!
//! To see other processes' changes, the database is asked anew. One question serves all requests
//! that arrived before it began: under load, each turn of the runtime asks once.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use parking_lot::Mutex;
use store::{Directory, Store, StoreError};

/// Shares a question to the database among the requests that wait for its answer.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    /// Number of requests so far; each has the number before it.
    requests: AtomicU64,
    /// The answer to the last question, and the number of requests when the question began.
    last: Mutex<Option<(u64, Arc<Directory>)>>,
}

impl Snapshots {
    /// Returns a snapshot that was current at some moment after this call began.
    ///
    /// # Errors
    /// If the database cannot be read. No other request gets this error.
    pub(crate) async fn current(&self, store: &Store) -> Result<Arc<Directory>, StoreError> {
        self.after(|| store.directory()).await
    }

    async fn after(
        &self,
        ask: impl FnOnce() -> Result<Arc<Directory>, StoreError>,
    ) -> Result<Arc<Directory>, StoreError> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        // All requests that are ready now get their numbers first.
        tokio::task::yield_now().await;
        let mut last = self.last.lock();
        if let Some((before, directory)) = &*last
            && number < *before
        {
            return Ok(Arc::clone(directory));
        }
        let before = self.requests.load(Ordering::SeqCst);
        let directory = ask()?;
        *last = Some((before, Arc::clone(&directory)));
        Ok(directory)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn one_question_serves_the_requests_before_it_and_none_after_it() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("data"), crate::clock::read).unwrap();
        let (snapshots, asked) = (Snapshots::default(), Cell::new(0));
        let ask = || {
            asked.set(asked.get() + 1);
            store.directory()
        };
        let after = || snapshots.after(&ask);
        let (one, other) = tokio::join!(after(), after());
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(asked.get(), 1, "both arrived before the question");
        after().await.unwrap();
        assert_eq!(asked.get(), 2, "a later request asks again");
        // This request arrives while the other one waits, and its question comes later.
        let late = async {
            yield_now().await;
            yield_now().await;
            after().await
        };
        let (one, other) = tokio::join!(after(), late);
        assert!(one.is_ok() && other.is_ok());
        assert_eq!(asked.get(), 4, "an answer from before the request is none");
    }

    #[tokio::test]
    async fn an_error_is_the_error_of_one_request() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("data"), crate::clock::read).unwrap();
        let snapshots = Snapshots::default();
        let busy = snapshots.after(|| Err(StoreError::Busy)).await;
        assert!(matches!(busy, Err(StoreError::Busy)));
        snapshots.after(|| store.directory()).await.unwrap();
    }
}
