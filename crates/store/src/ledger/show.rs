//! Shows the custodian the history of the log, every entry of it: at each start, every minute, and
//! before each opening of a record.
//!
//! The custodian stores the last seen checkpoint apart from the data. It therefore refuses to open
//! records for a log that was restored from a copy, or that an attacker signs with a stolen key.

use minicbor::bytes::ByteVec;
use tlog::checkpoint::Checkpoint;

use super::Shared;
use crate::{
    custody::{Client, CustodyError, Proven, Refusal, SHOWN_BYTES_MAX, Shown},
    error::StoreError,
    tiles::LogError,
};

/// Reason why the custodian has not seen the newest checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotShown {
    /// The log has another history than the custodian has seen, or cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The custodian refused the checkpoint, or cannot be reached.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl From<StoreError> for NotShown {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl Shared {
    /// Shows the published checkpoint. Returns the checkpoint with its size, or `None` before the
    /// first checkpoint.
    pub(super) fn show(&self) -> Result<Option<(String, u64)>, NotShown> {
        self.show_after(&mut super::held(&self.seen))
    }

    /// Like [`Self::show`], for a caller that then asks the custodian to check a proof in this
    /// checkpoint. While the caller holds the lock of `last`, the custodian sees no other
    /// checkpoint.
    pub(super) fn show_after(&self, last: &mut u64) -> Result<Option<(String, u64)>, NotShown> {
        let Some(note) = self.tiles.checkpoint()? else { return Ok(None) };
        let checkpoint = Checkpoint::verify(&note, &self.signer.verifier());
        let size = checkpoint.map_err(LogError::Checkpoint)?.size;
        // Before the first answer we do not know the custodian's place in the log.
        let mut from = *last;
        let mut entries = self.piece(from, if from == 0 { 0 } else { size })?;
        let mut back = 0;
        loop {
            let shown = Shown { from, entries, checkpoint: note.clone() };
            let read = match self.custody.with(|client| client.see(shown.clone())) {
                Err(CustodyError::Refused(Refusal::Predecessor)) => {
                    self.succeed(&note, size)?;
                    0
                }
                seen => seen.map_err(not_seen)?,
            };
            *last = read;
            match read {
                _ if read == size => return Ok(Some((note, size))),
                _ if read > size => return Err(other_history(&format!("{read} entries")).into()),
                _ if read > from => {}
                // It begins again, as after its start; or it follows the log to its successor.
                _ if back < BACK_MAX => back += 1,
                _ => return Err(CustodyError::Nonsense.into()),
            }
            from = read;
            entries = self.piece(from, size)?;
        }
    }

    /// Returns entries for one message.
    fn piece(&self, from: u64, size: u64) -> Result<Vec<ByteVec>, LogError> {
        let entries = self.tiles.some_entries(from, size, SHOWN_BYTES_MAX)?;
        Ok(entries.into_iter().map(ByteVec::from).collect())
    }

    /// Moves the custodian from the log that it has seen to this log, its successor.
    fn succeed(&self, note: &str, size: u64) -> Result<u64, NotShown> {
        let mut last = Err(other_history("a log of another name").into());
        for &cut in &self.successions {
            let pinned = self.custody.with(Client::pinned)?;
            let proof = match pinned.size <= cut {
                true => self.tiles.proof_within((pinned.size, cut), size)?,
                false => Vec::new(),
            };
            let succeeded = Proven { entry: self.proved(cut, size)?, checkpoint: note.to_owned() };
            last = match self.custody.with(|c| c.succeed(succeeded.clone(), proof.clone())) {
                Ok(seen) => Ok(seen),
                // Refused for an earlier succession: the custodian may have seen a later log.
                Err(CustodyError::Refused(Refusal::OtherHistory)) => last,
                Err(error) => return Err(error.into()),
            };
        }
        last
    }
}

fn not_seen(error: CustodyError) -> NotShown {
    match error {
        CustodyError::Refused(Refusal::OtherHistory) => other_history("another history").into(),
        error => error.into(),
    }
}

fn other_history(seen: &str) -> LogError {
    LogError::TwoHistories(format!(
        "the custodian has seen {seen}, which this log does not continue"
    ))
}

/// How often the custodian may begin again before this is an error.
const BACK_MAX: u32 = 4;
