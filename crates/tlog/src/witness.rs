//! The request to a witness, and the conditions for its signature: C2SP tlog-witness,
//! `add-checkpoint`.
//!
//! A witness remembers the newest checkpoint that it signed for each log. It signs another one only
//! if that continues the newest. A log that shows two histories to two readers therefore cannot get
//! both signed.

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

/// The path of the log's POST request, under the witness's address.
pub const ADD_CHECKPOINT: &str = "add-checkpoint";

/// The path to which a log's successor posts the note that ended the log. The request has the
/// format of a cosignature request; its proof leads to the common part of both logs.
pub const SUCCEED_LOG: &str = "succeed-log";

/// The media type of a 409's body: the size that the witness has signed, and a line break.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// The maximum number of hashes in a consistency proof.
pub const PROOF_HASHES_MAX: usize = 63;

/// A log's request for a cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint<'a> {
    /// The size of the checkpoint that the witness signed last; 0 for none.
    pub old: u64,
    /// The proof that the new checkpoint continues that one.
    pub proof: Vec<Digest>,
    /// The new checkpoint: a note that the log signed.
    pub note: &'a str,
}

impl<'a> AddCheckpoint<'a> {
    /// Encodes the request's body.
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

    /// Parses a request's body.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] if the body is not a request.
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

    /// Returns the log's origin from the checkpoint. Nothing is checked yet.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] if there is no checkpoint.
    pub fn origin(&self) -> Result<&'a str, Refusal> {
        let text = Note::parse(self.note).map_err(|_| Refusal::Malformed)?.unverified_text();
        text.split('\n').next().filter(|origin| !origin.is_empty()).ok_or(Refusal::Malformed)
    }

    /// Decides whether a witness signs. `seen` is the last checkpoint of this log that it signed.
    ///
    /// # Errors
    /// The [`Refusal`] with the reason not to sign.
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
        // A log that grows from size 0 needs no proof.
        let proved = match size {
            0 => self.proof.is_empty() && (new.size > 0 || new.root == root),
            _ => continues((size, &root), (new.size, &new.root), &self.proof),
        };
        if proved { Ok(new) } else { Err(Refusal::Inconsistent) }
    }
}

/// The reason why a witness does not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is not a request.
    #[error("this is not an `add-checkpoint` request")]
    Malformed,
    /// The log is not configured at the witness.
    #[error("this witness does not know the log")]
    UnknownLog,
    /// The checkpoint has no signature by the log's key.
    #[error("the checkpoint is not signed with the log's key")]
    Unsigned,
    /// The log assumes another size than the witness has signed.
    #[error("the last checkpoint that was witnessed has {signed} entries")]
    Size {
        /// The last size that the witness signed.
        signed: u64,
    },
    /// The checkpoint has the size of the signed one, but another root.
    #[error("another checkpoint of {signed} entries was witnessed: the log has two histories")]
    OtherRoot {
        /// The size of both checkpoints.
        signed: u64,
    },
    /// The log has ended, and a successor continues it.
    #[error("the log has ended: its successor is `{successor}`")]
    Ended {
        /// The successor's name.
        successor: String,
    },
    /// The checkpoint does not continue the signed one.
    #[error("the proof does not show that the checkpoint continues the witnessed one")]
    Inconsistent,
}

impl Refusal {
    /// Returns the HTTP status of the refusal.
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

    /// Returns the signed size, for refusals that must report it to the log.
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

/// Parses a number without leading zeros or signs.
#[must_use]
pub fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn hash(line: &str) -> Option<Digest> {
    Some(Digest(STANDARD.decode(line).ok()?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
