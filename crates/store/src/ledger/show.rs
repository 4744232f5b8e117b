//! Shows the custodian which history the log has: at each start, every minute, and before each look.
//!
//! What it has seen it keeps apart from the data, so a log that was put back, or that somebody else
//! signs with a stolen key, is refused by the one who opens records.

use tlog::checkpoint::Checkpoint;

use super::Shared;
use crate::{
    custody::{CustodyError, Refusal, Shown},
    error::StoreError,
    tiles::LogError,
};

/// Why the custodian has not seen the newest checkpoint.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotShown {
    /// The log has another history than the custodian has seen, or cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The custodian does not take it.
    #[error(transparent)]
    Custody(#[from] CustodyError),
}

impl From<StoreError> for NotShown {
    fn from(error: StoreError) -> Self {
        Self::Log(error.into())
    }
}

impl Shared {
    /// Shows the published checkpoint. Returns it with its size; none before the first.
    pub(super) fn show(&self) -> Result<Option<(String, u64)>, NotShown> {
        self.show_after(&mut super::held(&self.seen))
    }

    /// The same, for who asks for a proof in that very checkpoint to be checked: as long as they
    /// hold what was seen, the custodian sees no other.
    pub(super) fn show_after(&self, last: &mut u64) -> Result<Option<(String, u64)>, NotShown> {
        let Some(note) = self.tiles.checkpoint()? else { return Ok(None) };
        let checkpoint = Checkpoint::verify(&note, &self.signer.verifier());
        let size = checkpoint.map_err(LogError::Checkpoint)?.size;
        let mut old = *last;
        // Twice, where it has seen another one than we remember.
        for _ in 0..2 {
            let proof = self.tiles.proof(old, size)?;
            let seen = self
                .custody
                .with(|client| {
                    client.see(Shown { old, proof: proof.clone(), checkpoint: note.clone() })
                })
                .map_err(not_seen)?;
            *last = seen;
            match seen {
                _ if seen == size => return Ok(Some((note, size))),
                _ if seen > size => return Err(other_history(&format!("{seen} entries")).into()),
                _ => old = seen,
            }
        }
        Err(CustodyError::Nonsense.into())
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
