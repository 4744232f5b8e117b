//! Whom a kept object is about: the data subjects that the subject index gets with it.

use std::collections::BTreeMap;

use policy::{id::ObjectId, workflow::subject::Subject};
use sha2::{Digest as _, Sha256};

/// The data subjects of one object, each with the lines that name it. Filled while an object's lines
/// are read.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// By SHA-256 of the name, so that each is hashed under the key once.
    named: BTreeMap<[u8; 32], (Subject, Vec<u32>)>,
}

/// The maximum number of data subjects of one object.
pub const SUBJECTS_MAX: usize = 1_000_000;

impl Lines {
    /// Notes that a line names a data subject. Lines are numbered from 1, and come in order.
    ///
    /// # Errors
    /// [`TooManySubjects`] if the object has [`SUBJECTS_MAX`] data subjects already.
    pub fn add(&mut self, subject: Subject, line: u32) -> Result<(), TooManySubjects> {
        let digest = Sha256::digest(subject.name().reveal().as_bytes()).into();
        if let Some((_, lines)) = self.named.get_mut(&digest) {
            if lines.last() != Some(&line) {
                lines.push(line);
            }
            return Ok(());
        }
        if self.named.len() >= SUBJECTS_MAX {
            return Err(TooManySubjects);
        }
        self.named.insert(digest, (subject, vec![line]));
        Ok(())
    }

    /// Returns true if no line names a data subject.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Subject, &[u32])> {
        self.named.values().map(|(subject, lines)| (subject, lines.as_slice()))
    }
}

/// An object has too many data subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file has at most {SUBJECTS_MAX} data subjects; split it")]
pub struct TooManySubjects;

/// Whom an object is about. It is written with the object.
#[derive(Debug, Clone)]
pub enum About {
    /// One data subject: the whole object.
    Subject(Subject),
    /// The data subjects of its lines.
    Lines(Lines),
    /// The same data subjects as another object, such as a batch's input file.
    SameAs(ObjectId),
}
