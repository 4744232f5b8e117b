//! Where a log ends and another goes on in its place: after its database was restored from a backup.
//! docs/spec/log.md, "Succession".
//!
//! The log that ended keeps its name, and nothing is ever signed under it again but one note, which
//! says that it has ended and where it goes on. The successor has the same first entries and a name
//! of its own, so no name ever has two histories.

use alloc::{
    borrow::ToOwned as _,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minicbor::{Decode, Encode};

use crate::{
    canon::Digest,
    checkpoint::Checkpoint,
    note::{BadNote, Note, Signer, Verifier},
};

/// The size and the root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Mark {
    /// Its leaves.
    #[n(0)]
    pub size: u64,
    /// Its root.
    #[n(1)]
    pub root: Digest,
}

/// Who knows of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Source {
    /// The backup itself.
    #[n(0)]
    Backup,
    /// The custodian, in the key directory.
    #[n(1)]
    Custodian,
    /// A witness.
    #[n(2)]
    Witness,
    /// The log's files: the service's own, or somebody's mirror.
    #[n(3)]
    Files,
}

impl Source {
    /// The source's name, as it stands in a note.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Custodian => "custodian",
            Self::Witness => "witness",
            Self::Files => "files",
        }
    }
}

/// The newest checkpoint that somebody knew of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Head {
    /// Who.
    #[n(0)]
    pub source: Source,
    /// Of which log: the one that ended, or one before it.
    #[n(1)]
    pub origin: String,
    /// Its size and root.
    #[n(2)]
    pub mark: Mark,
}

impl Head {
    /// Whether it is this checkpoint.
    #[must_use]
    pub fn is(&self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { origin, size, root } = checkpoint;
        self.origin == *origin && self.mark == Mark { size: *size, root: *root }
    }
}

/// What was lost with the entries that were cut off, where they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Lost {
    /// Requests among them: so many receipts.
    #[n(0)]
    pub requests: u64,
    /// Other entries.
    #[n(1)]
    pub others: u64,
    /// SHA-256 of the list of them, which the operator keeps.
    #[n(2)]
    pub list: Digest,
}

/// That a log succeeds another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// The log that ended.
    #[n(0)]
    pub old: String,
    /// The log that goes on.
    #[n(1)]
    pub new: String,
    /// What both have in common: the entries before this one.
    #[n(2)]
    pub cut: Mark,
    /// The newest heads that were known of, in the order of their sources.
    #[n(3)]
    pub heads: Vec<Head>,
    /// [`commit`](crate::entry::commit) of the reason that was given.
    #[n(4)]
    pub reason: Digest,
    /// What was lost; none: the entries that were cut off are not known.
    #[n(5)]
    pub lost: Option<Lost>,
}

/// A signature by the key of the log that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct EndSignature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 64]);

/// A note that is no end of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEnd {
    /// Not a note, or not signed by the log that ended.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// Not the text of an end.
    #[error("the note does not say that a log has ended")]
    Malformed,
}

/// The note that ends a log, as who follows it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The log that ended.
    pub old: String,
    /// The log that goes on.
    pub new: String,
    /// What both have in common.
    pub cut: Mark,
    /// The newest heads that were known of.
    pub heads: Vec<Head>,
}

impl Succession {
    /// Signs the end with the key of the log that ended.
    #[must_use]
    pub fn sign(&self, old: &Signer) -> EndSignature {
        EndSignature(old.sign_bytes(self.ended().text().as_bytes()))
    }

    /// The note that ends the old log; none where the signature is not its key's.
    #[must_use]
    pub fn note(&self, old: &Verifier, signature: &EndSignature) -> Option<String> {
        let text = self.ended().text();
        let is_good = old.name() == self.old && old.checks(text.as_bytes(), &signature.0);
        is_good.then(|| format!("{text}\n{}", old.line(&signature.0)))
    }

    fn ended(&self) -> Ended {
        let Self { old, new, cut, heads, .. } = self.clone();
        Ended { old, new, cut, heads }
    }

    /// The largest head that was known of.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.heads.iter().map(|head| head.mark.size).max().unwrap_or(0).max(self.cut.size)
    }
}

impl Ended {
    /// The text that is signed. No checkpoint begins like this.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { old, new, cut, heads } = self;
        let mut text = format!("{TITLE}\n{old}\n{new}\ncut {}\n", marked(cut));
        for Head { source, origin, mark } in heads {
            text.push_str(&format!("{} {} {origin}\n", source.name(), marked(mark)));
        }
        text
    }

    /// Reads a note that the log which ended has signed.
    ///
    /// # Errors
    /// When it is none.
    pub fn verify(note: &str, old: &Verifier) -> Result<Self, BadEnd> {
        let ended = Self::parse(Note::parse(note)?.verify(old)?.text).ok_or(BadEnd::Malformed)?;
        if ended.old == old.name() { Ok(ended) } else { Err(BadEnd::Malformed) }
    }

    /// Reads a note; nothing is checked yet.
    #[must_use]
    pub fn unverified(note: &str) -> Option<Self> {
        Self::parse(Note::parse(note).ok()?.unverified_text())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != TITLE {
            return None;
        }
        let (old, new) = (lines.next()?.to_owned(), lines.next()?.to_owned());
        let cut = mark(lines.next()?.strip_prefix("cut ")?)?;
        let heads = lines.map(head).collect::<Option<_>>()?;
        let ended = Self { old, new, cut, heads };
        // One text for one end.
        (ended.text() == text && !ended.old.is_empty() && !ended.new.is_empty()).then_some(ended)
    }

    /// The checkpoint that a follower of the old log begins to follow the new one from.
    #[must_use]
    pub fn start(&self) -> Checkpoint {
        Checkpoint { origin: self.new.clone(), size: self.cut.size, root: self.cut.root }
    }

    /// Whether the newest checkpoint that somebody has seen is one of the heads.
    #[must_use]
    pub fn names(&self, seen: &Checkpoint) -> bool {
        self.heads.iter().any(|head| head.is(seen))
    }
}

fn marked(mark: &Mark) -> String {
    format!("{} {}", mark.size, STANDARD.encode(mark.root.0))
}

fn mark(text: &str) -> Option<Mark> {
    let (size, root) = text.split_once(' ')?;
    let number: u64 = size.parse().ok().filter(|number: &u64| number.to_string() == size)?;
    Some(Mark { size: number, root: Digest(STANDARD.decode(root).ok()?.try_into().ok()?) })
}

fn head(line: &str) -> Option<Head> {
    let (source, rest) = line.split_once(' ')?;
    let (marked, origin) = rest.rsplit_once(' ')?;
    let sources = [Source::Backup, Source::Custodian, Source::Witness, Source::Files];
    let source = sources.into_iter().find(|known| known.name() == source)?;
    Some(Head { source, origin: origin.to_owned(), mark: mark(marked)? })
}

/// How the text begins.
const TITLE: &str = "bailiwick/log-ended/v1";

#[cfg(test)]
mod tests;
