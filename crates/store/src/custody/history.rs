//! Which history of the log the custodian believes: one that continues what it has seen, and that
//! every witness has seen as well.
//!
//! The log's key alone is not enough. Who steals it can sign a private log in which a look was
//! approved; but that log neither continues the public one, nor does a witness sign both.

use minicbor::{Decode, Encode};
use tlog::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::{Note, Verifier},
    witness::{AddCheckpoint, PROOF_HASHES_MAX, Refusal as Unseen},
};

use super::Refusal;

/// Whose word the custodian takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Who signs the log.
    pub log: Verifier,
    /// Who cosigns it: all of them must have, before anything is opened.
    pub witnesses: Vec<Verifier>,
}

/// A checkpoint that the custodian is shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Shown {
    /// Entries in the checkpoint that it has seen last, as far as the server knows; 0 for none.
    #[n(0)]
    pub old: u64,
    /// That this one continues that one: RFC 9162 §2.1.4.
    #[n(1)]
    pub proof: Vec<Digest>,
    /// The checkpoint: a signed note, with its cosignatures.
    #[n(2)]
    pub checkpoint: String,
}

/// What comes of being shown a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seeing {
    /// It is the newest now.
    Newest(Checkpoint),
    /// Another one was seen last, of so many entries: the proof must begin there.
    From(u64),
}

impl Trust {
    /// A checkpoint that the log and all witnesses have signed.
    pub(super) fn checkpoint(&self, note: &str) -> Result<Checkpoint, Refusal> {
        let checkpoint = Checkpoint::verify(note, &self.log).map_err(|_| Refusal::NotInTheLog)?;
        let note = Note::parse(note).map_err(|_| Refusal::NotInTheLog)?;
        if self.witnesses.iter().any(|witness| note.verify(witness).is_err()) {
            return Err(Refusal::NotWitnessed);
        }
        Ok(checkpoint)
    }

    /// Judges a checkpoint that is shown, by the one that was `seen` last. The custodian remembers
    /// as a witness does, and so the rules are a witness's.
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
