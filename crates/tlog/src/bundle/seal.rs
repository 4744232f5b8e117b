//! The signed note of a bundle.

use alloc::{
    format,
    string::{String, ToString as _},
};

use super::archive::Archive;
use crate::{
    canon::Digest,
    note::{BadNote, Note, Signer, Verifier},
    succession::Mark,
};

/// The first line. No name of a log has blanks, so no checkpoint begins like this; and the second line of
/// a checkpoint is a number.
const FIRST: &str = "Bailiwick evidence bundle v1";

/// What the name in the signature line has after the log's name.
const SUFFIX: &str = "/evidence";

/// The text of the note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The log's name.
    pub origin: String,
    /// The begin of the period, in milliseconds since 1970.
    pub from_ms: u64,
    /// Its end.
    pub to_ms: u64,
    /// The time at which the bundle was made.
    pub made_ms: u64,
    /// The log before the period.
    pub first: Mark,
    /// The log at its end.
    pub last: Mark,
    /// The number of listed files.
    pub files: u64,
    /// SHA-256 of the list.
    pub manifest: Digest,
}

/// A bundle whose note is signed and whose files are those that the note stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The note's text.
    pub seal: Seal,
    /// The log's key, under the name that the note gives it.
    pub service: Verifier,
}

/// The reason why a bundle cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSeal {
    /// There is no note, or it is not one of a bundle.
    #[error("`evidence.note` is missing, or is not the note of a bundle of evidence")]
    Malformed,
    /// The note is not signed.
    #[error("`evidence.note`: {0}")]
    Note(#[from] BadNote),
    /// The list was changed.
    #[error("`manifest` is not the list that the note signs")]
    Manifest,
    /// A file was changed.
    #[error("`{path}` is not the file that the manifest lists: its SHA-256 differs")]
    Changed {
        /// The path.
        path: String,
    },
    /// A listed file is missing.
    #[error("`{path}` is missing: the manifest lists it")]
    Missing {
        /// The path.
        path: String,
    },
    /// A file is not listed.
    #[error("`{path}` is not in the manifest")]
    Additional {
        /// The path.
        path: String,
    },
}

impl Seal {
    /// Signs the note with the log's key, under the log's name and `/evidence`.
    ///
    /// # Errors
    /// [`BadNote::Name`] if signature lines cannot contain the name.
    pub fn sign(&self, log: &Signer) -> Result<String, BadNote> {
        Ok(log.renamed(&format!("{}{SUFFIX}", self.origin))?.sign(&self.text()))
    }

    /// Returns the text. Each field has one line, and each value one form.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { origin, from_ms, to_ms, made_ms, first, last, files, manifest } = self;
        format!(
            "{FIRST}\norigin {origin}\nperiod {from_ms} {to_ms}\nmade {made_ms}\nfirst {} {}\nlast {} {}\n\
             files {files}\nmanifest {manifest}\n",
            first.size, first.root, last.size, last.root
        )
    }

    /// Reads the text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split('\n');
        if lines.next() != Some(FIRST) {
            return None;
        }
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let number = |text: &str| text.parse::<u64>().ok();
        let mark = |text: &str| {
            let (size, root) = text.split_once(' ')?;
            Some(Mark { size: number(size)?, root: Digest::from_hex(root)? })
        };
        let origin = field("origin")?.to_string();
        let (from, to) = field("period")?.split_once(' ')?;
        let seal = Self {
            origin,
            from_ms: number(from)?,
            to_ms: number(to)?,
            made_ms: number(field("made")?)?,
            first: mark(field("first")?)?,
            last: mark(field("last")?)?,
            files: number(field("files")?)?,
            manifest: Digest::from_hex(field("manifest")?)?,
        };
        // Numbers without signs and zeros before them, and nothing after the last line.
        (seal.text() == text).then_some(seal)
    }

    /// Checks the note's signature by the log's key, and each file. The name of the log may be another than
    /// that of `service`, because a log may succeed another; the caller checks that.
    ///
    /// # Errors
    /// [`BadSeal`] names the first file that is wrong.
    pub fn verify(archive: &Archive<'_>, service: &Verifier) -> Result<Verified, BadSeal> {
        let note = archive.file(super::NOTE).and_then(|note| core::str::from_utf8(note).ok());
        let note = Note::parse(note.ok_or(BadSeal::Malformed)?)?;
        let seal = Self::parse(note.unverified_text()).ok_or(BadSeal::Malformed)?;
        note.verify(&service.renamed(&format!("{}{SUFFIX}", seal.origin))?)?;
        let service = service.renamed(&seal.origin)?;
        let list = archive.file(super::MANIFEST).unwrap_or_default();
        if Digest::of(&[list]) != seal.manifest {
            return Err(BadSeal::Manifest);
        }
        let list = core::str::from_utf8(list).map_err(|_| BadSeal::Manifest)?;
        let mut files = archive.listed().peekable();
        let mut count = 0_u64;
        for line in list.split_terminator('\n') {
            let (digest, path) = line.split_once("  ").ok_or(BadSeal::Manifest)?;
            let digest = Digest::from_hex(digest).ok_or(BadSeal::Manifest)?;
            let found = files.next_if(|(found, _)| *found <= path);
            let (found, bytes) = found.ok_or_else(|| BadSeal::Missing { path: path.into() })?;
            if found != path {
                return Err(BadSeal::Additional { path: found.into() });
            }
            if Digest::of(&[bytes]) != digest {
                return Err(BadSeal::Changed { path: path.into() });
            }
            count = count.saturating_add(1);
        }
        if let Some((path, _)) = files.next() {
            return Err(BadSeal::Additional { path: path.into() });
        }
        if count != seal.files {
            return Err(BadSeal::Manifest);
        }
        Ok(Verified { seal, service })
    }
}
