//! What a witness is asked, and when it signs: C2SP tlog-witness, `add-checkpoint`.
//!
//! A witness remembers the newest checkpoint that it signed of each log, and signs another one only
//! when that continues it. So a log that shows two histories to two readers cannot have both signed.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::{BadNote, Note, Verifier},
    tree::{continues, empty_root},
};

/// The path that a log posts to, under the witness's address.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The path that a log's successor posts the note to which ended the log, framed as a request for a
/// cosignature is: the proof leads to what both logs have in common.
pub const SUCCEED_LOG: &str = "succeed-log";

/// The media type of a 409's body: the size that the witness has signed, and a line break.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Hashes in a consistency proof, at most.
pub const PROOF_HASHES_MAX: usize = 63;

/// A log's request for a cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// The size of the checkpoint that the witness signed last; 0 for none.
    pub old: u64,
    /// That the new checkpoint continues that one.
    pub proof: Vec<Digest>,
    /// The new checkpoint: a note that the log signed.
    pub note: &'a str,
}

impl<'a> AddCheckpoint<'a> {
    /// The request's body.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&STANDARD.encode(hash.0));
            body.push('\n');
        }
        body.push('\n');
        body.push_str(self.note);
        body
    }

    /// Reads a request's body.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(body: &'a str) -> Result<Self, Refusal> {
        let (head, note) = body.split_once("\n\n").ok_or(Refusal::Malformed)?;
        let mut lines = head.split('\n');
        let size = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = size.and_then(number).ok_or(Refusal::Malformed)?;
        let proof: Vec<Digest> =
            lines.map(hash).collect::<Option<_>>().ok_or(Refusal::Malformed)?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(Refusal::Malformed);
        }
        Ok(Self { old, proof, note })
    }

    /// Which log this is about, as its checkpoint says; nothing is checked yet.
    ///
    /// # Errors
    /// When there is no checkpoint.
    pub fn origin(&self) -> Result<&'a str, Refusal> {
        let text = Note::parse(self.note).map_err(|_| Refusal::Malformed)?.unverified_text();
        text.split('\n').next().filter(|origin| !origin.is_empty()).ok_or(Refusal::Malformed)
    }

    /// Decides whether a witness signs. `seen` is what it signed last of this log.
    ///
    /// # Errors
    /// When it must not, and why.
    pub fn check(&self, log: &Verifier, seen: Option<&Checkpoint>) -> Result<Checkpoint, Refusal> {
        let new = Checkpoint::verify(self.note, log).map_err(|error| match error {
            BadCheckpoint::Note(BadNote::Malformed | BadNote::TooLong | BadNote::Name { .. })
            | BadCheckpoint::Malformed => Refusal::Malformed,
            BadCheckpoint::Note(_) | BadCheckpoint::OtherLog { .. } => Refusal::Unsigned,
        })?;
        let (size, root) = seen.map_or((0, empty_root()), |seen| (seen.size, seen.root));
        if self.old > new.size {
            return Err(Refusal::Malformed);
        }
        if self.old != size {
            return Err(Refusal::Size { signed: size });
        }
        if size == new.size && seen.is_some() && root != new.root {
            return Err(Refusal::OtherRoot { signed: size });
        }
        // From nothing to something there is nothing to prove.
        let proved = match size {
            0 => self.proof.is_empty() && (new.size > 0 || new.root == root),
            _ => continues((size, &root), (new.size, &new.root), &self.proof),
        };
        if proved { Ok(new) } else { Err(Refusal::Inconsistent) }
    }
}

/// Why a witness does not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is not one.
    #[error("this is no `add-checkpoint` request")]
    Malformed,
    /// Nobody told the witness about this log.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// The log did not sign it.
    #[error("the checkpoint is not signed with the log's key")]
    Unsigned,
    /// The log remembers another size than the witness.
    #[error("the last checkpoint that was witnessed has {signed} entries")]
    Size {
        /// What the witness signed last.
        signed: u64,
    },
    /// As many entries as were signed, and not the same.
    #[error("another checkpoint of {signed} entries was witnessed: the log has two histories")]
    OtherRoot {
        /// How many.
        signed: u64,
    },
    /// The log has ended, and another goes on in its place.
    #[error("the log has ended: its successor is `{successor}`")]
    Ended {
        /// Which.
        successor: String,
    },
    /// It does not continue what was signed.
    #[error("the checkpoint is not shown to continue the one that was witnessed")]
    Inconsistent,
}

impl Refusal {
    /// The HTTP status that says so.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Size { .. } | Self::OtherRoot { .. } => 409,
            Self::Ended { .. } => 410,
            Self::Inconsistent => 422,
        }
    }

    /// The size that was signed, where that is what the log must be told.
    #[must_use]
    pub fn signed(&self) -> Option<u64> {
        match self {
            Self::Size { signed } | Self::OtherRoot { signed } => Some(*signed),
            Self::Malformed
            | Self::UnknownLog
            | Self::Unsigned
            | Self::Ended { .. }
            | Self::Inconsistent => None,
        }
    }
}

/// A number without leading zeros or signs.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn hash(line: &str) -> Option<Digest> {
    Some(Digest(STANDARD.decode(line).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
