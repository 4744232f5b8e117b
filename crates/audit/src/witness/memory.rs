//! A witness's memory on disk: the newest checkpoint that it signed for each log, with the log's
//! signature, and contradicting checkpoints as evidence.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tlog::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::Verifier,
    succession::Ended,
};

use super::disk::{self, PRIVATE};

/// The reason why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// An operation on a file failed.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// The operation.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// Another process uses the memory.
    #[error("another witness uses `{}`", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A stored checkpoint is not from its log.
    #[error("`{}` is not a checkpoint of its log: {source}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The problem.
        source: BadCheckpoint,
    },
    /// The stored end of a log is damaged.
    #[error("`{}` is not the end of its log", path.display())]
    End {
        /// The file.
        path: PathBuf,
    },
}

impl MemoryError {
    /// Returns advice.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::File { .. } => "check that the folder can be written, and that the disk has room",
            Self::Locked { .. } => {
                "stop the other witness, or give this one its own folder with --data"
            }
            Self::Checkpoint { .. } | Self::End { .. } => {
                "put the file back from a backup: a witness that forgets what it signed would sign a \
                 second history"
            }
        }
    }
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> MemoryError {
    MemoryError::File { doing, path: path.to_owned(), source }
}

/// The memory of one witness. Only one process can open it.
#[derive(Debug)]
pub(super) struct Seen {
    folder: PathBuf,
    _lock: File,
}

impl Seen {
    /// Opens the memory in a folder, and creates it if it is missing.
    ///
    /// # Errors
    /// If it cannot be used, or another process uses it.
    pub(super) fn open(folder: &Path) -> Result<Self, MemoryError> {
        for folder in ["seen", "evidence", "ended"].map(|part| folder.join(part)) {
            disk::make(&folder).map_err(|e| failed("make the folder", &folder, e))?;
        }
        let path = folder.join("witness.lock");
        let lock = disk::lock_file(&path).map_err(|e| failed("open", &path, e))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(MemoryError::Locked { path: folder.to_owned() })
            }
            Err(fs::TryLockError::Error(error)) => Err(failed("lock", &path, error)),
        }
    }

    /// Returns the newest checkpoint of a log, with its note; `None` before the first.
    ///
    /// # Errors
    /// If it cannot be read, or no longer verifies. Starting over could then sign a second history.
    pub(super) fn newest(
        &self,
        log: &Verifier,
    ) -> Result<Option<(Checkpoint, String)>, MemoryError> {
        let path = self.path(log);
        let note = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error)),
        };
        match Checkpoint::verify(&note, log) {
            Ok(checkpoint) => Ok(Some((checkpoint, note))),
            Err(source) => Err(MemoryError::Checkpoint { path, source }),
        }
    }

    /// Stores a checkpoint as the newest. It is on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn keep(&self, log: &Verifier, note: &str) -> Result<(), MemoryError> {
        replace(&self.path(log), note)
    }

    /// Returns the note that ended a log; `None` if the log has not ended.
    ///
    /// # Errors
    /// If it cannot be read, or no longer verifies.
    pub(super) fn ended(&self, log: &Verifier) -> Result<Option<(Ended, String)>, MemoryError> {
        let path = self.folder.join("ended").join(name(log.name()));
        let note = match fs::read_to_string(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error)),
        };
        match Ended::verify(&note, log) {
            Ok(ended) => Ok(Some((ended, note))),
            Err(_) => Err(MemoryError::End { path }),
        }
    }

    /// Stores the note that ended a log. It is on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn end(&self, log: &Verifier, note: &str) -> Result<(), MemoryError> {
        replace(&self.folder.join("ended").join(name(log.name())), note)
    }

    /// Stores a checkpoint that contradicts the newest one, together with that one. The log's own
    /// signatures on both prove that it has two histories. Returns the folder of the proof.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn accuse(&self, newest: &str, other: &str) -> Result<PathBuf, MemoryError> {
        let folder = self.folder.join("evidence").join(name(other));
        disk::make(&folder).map_err(|e| failed("make the folder", &folder, e))?;
        replace(&folder.join("witnessed"), newest)?;
        replace(&folder.join("contradicting"), other)?;
        Ok(folder)
    }

    fn path(&self, log: &Verifier) -> PathBuf {
        self.folder.join("seen").join(name(log.name()))
    }
}

fn replace(path: &Path, note: &str) -> Result<(), MemoryError> {
    disk::replace(path, note.as_bytes(), PRIVATE).map_err(|e| failed("write", path, e))
}

/// Returns a file name for an arbitrary text: its digest.
fn name(text: &str) -> String {
    Digest::of(&[text.as_bytes()]).to_string()
}

#[cfg(test)]
mod tests {
    use tlog::{note::Signer, tree::empty_root};

    use super::*;

    #[test]
    fn what_was_kept_is_there_and_checked_again() {
        let home = tempfile::tempdir().unwrap();
        let signer = Signer::new("log.example", &[1; 32]).unwrap();
        let log = signer.verifier();
        let checkpoint = Checkpoint { origin: "log.example".into(), size: 3, root: empty_root() };
        let note = checkpoint.sign(&signer);
        let seen = Seen::open(home.path()).unwrap();
        assert!(seen.newest(&log).unwrap().is_none());
        seen.keep(&log, &note).unwrap();
        assert!(Seen::open(home.path()).is_err(), "two processes would sign two histories");
        drop(seen);

        let seen = Seen::open(home.path()).unwrap();
        assert_eq!(seen.newest(&log).unwrap(), Some((checkpoint, note.clone())));
        seen.keep(&log, &note.replace("\n3\n", "\n4\n")).unwrap();
        assert!(seen.newest(&log).is_err(), "changed on disk");
        let proof = seen.accuse(&note, "other").unwrap();
        assert_eq!(fs::read_to_string(proof.join("witnessed")).unwrap(), note);
    }
}
