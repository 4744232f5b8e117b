//! The end of one log and its continuation by another, after its database was restored from a
//! backup. docs/spec/log.md, "Succession".
//!
//! The log that ended keeps its name. Its key signs only one more note under that name: the note
//! says that the log has ended and names its successor. The successor has the same first entries
//! and its own name, so a name never has two histories.

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
    /// The number of leaves.
    #[n(0)]
    pub size: u64,
    /// The root.
    #[n(1)]
    pub root: Digest,
}

/// The source of a known head.
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
    /// The log's files: the service's own, or a mirror.
    #[n(3)]
    Files,
}

impl Source {
    /// Returns the source's name in a note.
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

/// The newest checkpoint that a source knew.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Head {
    /// The source.
    #[n(0)]
    pub source: Source,
    /// The log of the checkpoint: the one that ended, or one before it.
    #[n(1)]
    pub origin: String,
    /// The size and root.
    #[n(2)]
    pub mark: Mark,
}

impl Head {
    /// Returns true if it is this checkpoint.
    #[must_use]
    pub fn is(&self, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { origin, size, root } = checkpoint;
        self.origin == *origin && self.mark == Mark { size: *size, root: *root }
    }
}

/// The losses among the entries that were cut off, if these entries are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Lost {
    /// The number of lost requests, and so of lost receipts.
    #[n(0)]
    pub requests: u64,
    /// The number of other lost entries.
    #[n(1)]
    pub others: u64,
    /// SHA-256 of the list of lost entries; the operator stores the list.
    #[n(2)]
    pub list: Digest,
}

/// The statement that a log succeeds another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// The log that ended.
    #[n(0)]
    pub old: String,
    /// The log that continues.
    #[n(1)]
    pub new: String,
    /// The common part of both logs: the entries before this one.
    #[n(2)]
    pub cut: Mark,
    /// The newest known heads, in the order of their sources.
    #[n(3)]
    pub heads: Vec<Head>,
    /// [`commit`](crate::entry::commit) of the reason.
    #[n(4)]
    pub reason: Digest,
    /// The losses; `None` if the entries that were cut off are not known.
    #[n(5)]
    pub lost: Option<Lost>,
}

/// A signature by the key of the log that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct EndSignature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 64]);

/// The reason why a note does not end a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEnd {
    /// The text is not a note, or the log that ended did not sign it.
    #[error(transparent)]
    Note(#[from] BadNote),
    /// The text is not the end of a log.
    #[error("the note does not say that a log has ended")]
    Malformed,
}

/// The note that ends a log, in parsed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The log that ended.
    pub old: String,
    /// The log that continues.
    pub new: String,
    /// The common part of both logs.
    pub cut: Mark,
    /// The newest known heads.
    pub heads: Vec<Head>,
}

impl Succession {
    /// Signs the end with the key of the log that ended.
    #[must_use]
    pub fn sign(&self, old: &Signer) -> EndSignature {
        EndSignature(old.sign_bytes(self.ended().text().as_bytes()))
    }

    /// Returns the note that ends the old log, or `None` if the key of the old log did not make the
    /// signature.
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

    /// Returns the size of the largest known head.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.heads.iter().map(|head| head.mark.size).max().unwrap_or(0).max(self.cut.size)
    }
}

impl Ended {
    /// Returns the text to sign. No checkpoint begins like it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { old, new, cut, heads } = self;
        let mut text = format!("{TITLE}\n{old}\n{new}\ncut {}\n", marked(cut));
        for Head { source, origin, mark } in heads {
            text.push_str(&format!("{} {} {origin}\n", source.name(), marked(mark)));
        }
        text
    }

    /// Verifies a note that the ended log signed.
    ///
    /// # Errors
    /// [`BadEnd`] if the note is not the end of this log, or has no valid signature.
    pub fn verify(note: &str, old: &Verifier) -> Result<Self, BadEnd> {
        let ended = Self::parse(Note::parse(note)?.verify(old)?.text).ok_or(BadEnd::Malformed)?;
        if ended.old == old.name() { Ok(ended) } else { Err(BadEnd::Malformed) }
    }

    /// Parses a note. Nothing is checked yet.
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
        // Each end has exactly one text.
        (ended.text() == text && !ended.old.is_empty() && !ended.new.is_empty()).then_some(ended)
    }

    /// Returns the checkpoint from which a follower of the old log follows the new one.
    #[must_use]
    pub fn start(&self) -> Checkpoint {
        Checkpoint { origin: self.new.clone(), size: self.cut.size, root: self.cut.root }
    }

    /// Returns true if this checkpoint of the old log is one of the heads.
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

/// Separates the first name of a log from the rest of a successor's name.
pub const NAME_MARK: char = '~';

/// Returns the first name of a log: a successor's is the first one, [`NAME_MARK`] and eight hex digits.
#[must_use]
pub fn first_name(origin: &str) -> &str {
    let is_mark = |rest: &str| {
        rest.len() == 8 && rest.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    match origin.rsplit_once(NAME_MARK) {
        Some((first, rest)) if is_mark(rest) => first,
        _ => origin,
    }
}

/// How the text begins.
const TITLE: &str = "bailiwick/log-ended/v1";

#[cfg(test)]
mod tests;
