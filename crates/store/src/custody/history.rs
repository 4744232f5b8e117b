//! The history of the log that the custodian accepts: it continues the newest checkpoint that the
//! custodian has seen, and every witness has signed it.
//!
//! The log's key alone is not enough. A thief of the key can sign a private log with a false
//! approval. But that log does not continue the public one, and no witness signs both.

use minicbor::{Decode, Encode};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    witness::{AddCheckpoint, PROOF_HASHES_MAX, Refusal as Unseen},
};

use super::Refusal;

/// The signers that the custodian trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Key that signs the log.
    pub log: Verifier,
    /// Witnesses: all of them must have cosigned before any record is opened.
    pub witnesses: Vec<Verifier>,
}

/// A checkpoint that the server shows to the custodian.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Shown {
    /// Entries in the checkpoint that the custodian has seen last, as far as the server knows; 0
    /// for none.
    #[n(0)]
    pub old: u64,
    /// Proof that this checkpoint continues that one: RFC 9162 §2.1.4.
    #[n(1)]
    pub proof: Vec<Digest>,
    /// The checkpoint: a signed note, with its cosignatures.
    #[n(2)]
    pub checkpoint: String,
}

/// The result of showing a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seeing {
    /// The checkpoint is now the newest.
    Newest(Checkpoint),
    /// The custodian has seen another checkpoint last, with this many entries: the proof must begin
    /// there.
    From(u64),
}

impl Trust {
    /// Returns the checkpoint of a note that the log and all witnesses have signed.
    pub(super) fn checkpoint(&self, note: &str) -> Result<Checkpoint, Refusal> {
        let checkpoint = Checkpoint::verify(note, &self.log).map_err(|_| Refusal::NotInTheLog)?;
        let note = Note::parse(note).map_err(|_| Refusal::NotInTheLog)?;
        if self.witnesses.iter().any(|witness| note.verify(witness).is_err()) {
            return Err(Refusal::NotWitnessed);
        }
        Ok(checkpoint)
    }

    /// Checks a checkpoint against the last one in `seen`. The custodian remembers as a witness
    /// does, so it follows a witness's rules.
    pub(super) fn see(&self, shown: &Shown, seen: Option<&Checkpoint>) -> Result<Seeing, Refusal> {
        self.checkpoint(&shown.checkpoint)?;
        if shown.proof.len() > PROOF_HASHES_MAX {
            return Err(Refusal::OtherHistory);
        }
        let Shown { old, proof, checkpoint } = shown;
        let add = AddCheckpoint { old: *old, proof: proof.clone(), note: checkpoint };
        match add.check(&self.log, seen) {
            Ok(newest) => Ok(Seeing::Newest(newest)),
            Err(Unseen::Size { signed }) => Ok(Seeing::From(signed)),
            Err(Unseen::Unsigned | Unseen::UnknownLog) => Err(Refusal::NotInTheLog),
            Err(
                Unseen::Malformed
                | Unseen::OtherRoot { .. }
                | Unseen::Ended { .. }
                | Unseen::Inconsistent,
            ) => Err(Refusal::OtherHistory),
        }
    }
}
