//! Checkpoints: the log's size and root at one moment, as a signed note. C2SP tlog-checkpoint.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    canon::Digest,
    note::{BadNote, Note, Signer, Verifier},
};

/// The log's size and root at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, which is also its key's name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// The reason why a note is not a checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// The text is not a note, or the log did not sign it.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// The text is not origin, size and root.
    #[error("the note is not a checkpoint")]
    Malformed,
    /// The checkpoint belongs to another log.
    #[error("the checkpoint belongs to the log `{origin}`")]
    OtherLog {
        /// The name of the other log.
        origin: String,
    },
}

impl Checkpoint {
    /// Returns the text to sign.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0))
    }

    /// Returns the checkpoint as a note signed by `signer`.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&self.text())
    }

    /// Verifies a checkpoint that the log signed.
    ///
    /// # Errors
    /// [`BadCheckpoint`] if the note is not a checkpoint, has no valid signature, or belongs to
    /// another log.
    pub fn verify(note: &str, log: &Verifier) -> Result<Self, BadCheckpoint> {
        let checkpoint = Self::parse(Note::parse(note)?.verify(log)?.text)?;
        if checkpoint.origin != log.name() {
            return Err(BadCheckpoint::OtherLog { origin: checkpoint.origin });
        }
        Ok(checkpoint)
    }

    /// Verifies a checkpoint that this key signed, under any name in the checkpoint: after a
    /// succession, a log has another name but the same key. The caller checks that the names belong
    /// together.
    ///
    /// # Errors
    /// [`BadCheckpoint`] if the note is not a checkpoint, or has no valid signature by this key.
    pub fn verify_renamed(note: &str, log: &Verifier) -> Result<Self, BadCheckpoint> {
        let origin = Self::parse(Note::parse(note)?.unverified_text())?.origin;
        Self::verify(note, &log.renamed(&origin)?)
    }

    /// Parses a checkpoint's text.
    ///
    /// # Errors
    /// [`BadCheckpoint::Malformed`] if the text is not a checkpoint.
    pub fn parse(text: &str) -> Result<Self, BadCheckpoint> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(BadCheckpoint::Malformed);
        };
        let number: u64 = size.parse().map_err(|_| BadCheckpoint::Malformed)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = Digest(root.ok_or(BadCheckpoint::Malformed)?);
        // No leading zeros or signs, and no text after the line of the root.
        let ends = lines.next() == Some("") && lines.next().is_none();
        if origin.is_empty() || number.to_string() != size || !ends {
            return Err(BadCheckpoint::Malformed);
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::empty_root;

    #[test]
    fn a_checkpoint_is_read_as_it_was_signed() {
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        let checkpoint = Checkpoint { origin: "log.example".into(), size: 7, root: empty_root() };
        let note = checkpoint.sign(&signer);
        assert_eq!(Checkpoint::verify(&note, &signer.verifier()), Ok(checkpoint.clone()));
        let other = Checkpoint { origin: "other.example".into(), ..checkpoint };
        let refused = Checkpoint::verify(&other.sign(&signer), &signer.verifier());
        assert!(matches!(refused, Err(BadCheckpoint::OtherLog { .. })));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = STANDARD.encode([0; 32]);
        for text in [
            "",
            "log\n1\n",
            &format!("log\n01\n{root}\n"),
            &format!("log\n+1\n{root}\n"),
            &format!("log\n-1\n{root}\n"),
            &format!("\n1\n{root}\n"),
            &format!("log\n1\n{root}"),
            &format!("log\n1\n{root}\nextension\n"),
            "log\n1\nAAAA\n",
        ] {
            assert!(Checkpoint::parse(text).is_err(), "{text:?}");
        }
    }
}
