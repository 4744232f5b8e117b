//! The write-ahead log: its length, and the copying of its pages into the database's file.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::Database;
use crate::error::StoreError;

/// Number of pages in the write-ahead log after the last commit of one connection. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct WalPages(Arc<AtomicU32>);

/// Pages of the write-ahead log, and how many of them are in the database's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) pages: u32,
    pub(crate) copied: u32,
}

impl WalPages {
    /// Returns the number.
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Database {
    /// From now on, commits of this connection copy no pages: the caller must do so
    /// ([`Database::copy_wal`]), or the write-ahead log grows without a limit.
    pub(crate) fn count_wal_pages(&mut self) -> Result<WalPages, StoreError> {
        let counted = WalPages::default();
        let pages = counted.clone();
        // SQLite's own limit is such a hook, which this one replaces.
        self.connection.wal_hook(Some(move |_: &mut _, found| {
            pages.0.store(u32::try_from(found).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(counted)
    }

    /// Copies the pages of the write-ahead log into the database's file, as far as no reader needs
    /// the older ones, and waits until both are on disk. Other connections read and write
    /// meanwhile. `None` if another connection copies already.
    ///
    /// # Errors
    /// When the files cannot be read or written.
    pub(crate) fn copy_wal(&self) -> Result<Option<Copied>, StoreError> {
        let mut statement = self.connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
        let (busy, pages, copied): (bool, i64, i64) =
            statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let number = |pages| u32::try_from(pages).unwrap_or(0);
        Ok((!busy).then(|| Copied { pages: number(pages), copied: number(copied) }))
    }
}
