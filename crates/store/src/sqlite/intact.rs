//! How far SQLite has come with its files.

use super::Database;
use crate::error::StoreError;

/// Commits, as one connection counts them; pages in the write-ahead log; and how many of them are
/// in the database's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress(i64, i64, i64);

impl Database {
    /// Returns the progress that this connection sees.
    pub(crate) fn progress(&self) -> Result<Progress, StoreError> {
        // Each commit asks: the statements are kept.
        let mut version = self.connection.prepare_cached("PRAGMA data_version")?;
        let commits = version.query_row([], |row| row.get(0))?;
        let mut checkpoint = self.connection.prepare_cached(CHECKPOINT)?;
        let (pages, copied) = checkpoint.query_row([], |row| Ok((row.get(1)?, row.get(2)?)))?;
        Ok(Progress(commits, pages, copied))
    }

    /// Returns the shortest length that the write-ahead log can have, by the index that processes
    /// share.
    pub(crate) fn wal_bytes_needed(&self) -> Result<u64, StoreError> {
        let page: u64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let frames: i64 = self.connection.query_row(CHECKPOINT, [], |row| row.get(1))?;
        let frames = u64::try_from(frames).unwrap_or(0);
        let frame = page.saturating_add(WAL_FRAME_HEADER);
        Ok(if frames == 0 { 0 } else { frames.saturating_mul(frame).saturating_add(WAL_HEADER) })
    }
}

/// Reports the pages of the write-ahead log, and copies none.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(NOOP)";

/// Bytes before the first frame and before each page, by SQLite's file format.
const WAL_HEADER: u64 = 32;
const WAL_FRAME_HEADER: u64 = 24;
