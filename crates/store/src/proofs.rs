//! The results of proving policies: a log entry for each, and the report that the entry commits to.

use policy::authz::proof::{Proof, ProofOutcome};
use tlog::{
    canon::Digest,
    entry::{Entry, Event},
    tile::WIDTH,
};

use crate::{
    Store,
    error::StoreError,
    log::Append,
    sqlite::Write,
    tiles::{LogError, Tiles},
};

impl Store {
    /// Records the result of a proof in the log, and stores the report for later display. Returns
    /// the entry's index.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn log_proof(&self, proof: &Proof) -> Result<u64, StoreError> {
        let mut index = 0;
        self.change(|tx, log| {
            index = tell(tx, log, proof)?;
            Ok(())
        })?;
        Ok(index)
    }

    /// Returns the log entry that counts for a policy set: the newest decisive result, or the newest
    /// result while none is decisive. Reads it from the log itself: the table only has its index.
    ///
    /// # Errors
    /// When the database or the log cannot be read.
    pub fn proof_entry(&self, policies: Digest) -> Result<Option<Event>, LogError> {
        let reader = self.reader();
        let Some(index) = reader.database.proof_entry(policies.0)? else { return Ok(None) };
        let waiting = reader.database.entry(index)?;
        let bytes = match waiting {
            Some(bytes) => bytes,
            // The entry left the database, so its bundle is full and on disk.
            None => {
                let full = (index / WIDTH).saturating_add(1).saturating_mul(WIDTH);
                Tiles::open(self.log())?.entry(index, full)?
            }
        };
        let entry = Entry::decode(&bytes).map_err(|_| StoreError::Damaged { what: "log_entry" })?;
        Ok(Some(entry.event))
    }
}

/// Records the result of a proof in the log, and stores the report. Returns the entry's index.
pub(crate) fn tell(tx: &Write<'_>, log: &mut Append<'_>, proof: &Proof) -> Result<u64, StoreError> {
    let index = log.push(proof.event())?;
    let decided = proof.outcome() != ProofOutcome::Undecided;
    tx.set_proof(proof.report().digest.0, (index, decided), proof.text())?;
    Ok(index)
}

#[cfg(test)]
mod tests;
