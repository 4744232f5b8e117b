//! What came out of proving policies: an entry of the log for each, and the report that it commits to.

use policy::authz::proof::{Proof, ProofOutcome};
use rusqlite::{OptionalExtension as _, Transaction, params};
use tlog::{
    canon::Digest,
    entry::{Entry, Event},
    tile::WIDTH,
};

use crate::{
    Store,
    error::StoreError,
    log::Append,
    tiles::{LogError, Tiles},
};

impl Store {
    /// Tells the log what came out of a proof, and keeps the report, so that it can be shown. Returns
    /// the entry's number.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn log_proof(&self, proof: &Proof) -> Result<u64, StoreError> {
        let mut index = 0;
        self.change(|tx, log| {
            index = tell(tx, log, proof)?;
            Ok(())
        })?;
        Ok(index)
    }

    /// The log's entry on a policy set that counts: the newest that decided about it; while none
    /// has, the newest. It is read from the log itself.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn proof_entry(&self, policies: Digest) -> Result<Option<Event>, LogError> {
        let reader = self.reader();
        let connection = &reader.connection;
        let index: Option<u64> = connection
            .prepare_cached("SELECT idx FROM proof WHERE policies = ?1")?
            .query_row([policies.0], |row| row.get(0))
            .optional()?;
        let Some(index) = index else { return Ok(None) };
        let waiting: Option<Vec<u8>> = connection
            .prepare_cached("SELECT bytes FROM log_entry WHERE idx = ?1")?
            .query_row([index], |row| row.get(0))
            .optional()?;
        let bytes = match waiting {
            Some(bytes) => bytes,
            // It left the database, so its bundle is full, and on disk.
            None => {
                let full = (index / WIDTH).saturating_add(1).saturating_mul(WIDTH);
                Tiles::open(self.log())?.entry(index, full)?
            }
        };
        let entry = Entry::decode(&bytes).map_err(|_| StoreError::Damaged { what: "log_entry" })?;
        Ok(Some(entry.event))
    }
}

/// Tells the log what came out of a proof, and keeps the report.
pub(crate) fn tell(
    tx: &Transaction<'_>,
    log: &mut Append<'_>,
    proof: &Proof,
) -> Result<u64, StoreError> {
    let index = log.push(proof.event())?;
    let decided = proof.outcome() != ProofOutcome::Undecided;
    // That a solver could not tell takes nothing away from what was found out earlier.
    tx.prepare_cached(
        "INSERT INTO proof (policies, idx, decided, report) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (policies) DO UPDATE SET idx = excluded.idx, decided = excluded.decided,
            report = excluded.report
         WHERE excluded.decided OR NOT proof.decided",
    )?
    .execute(params![proof.report().digest.0, index, decided, proof.text()])?;
    Ok(index)
}

#[cfg(test)]
mod tests;
