//! What a witness remembers on disk: of each log the newest checkpoint that it signed, as the log
//! signed it; and checkpoints that contradict one, as evidence.

use std::{
    fs::{self, DirBuilder, File},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use tlog::{
    canon::Digest,
    checkpoint::{BadCheckpoint, Checkpoint},
    note::Verifier,
    succession::Ended,
};

use crate::{
    error::StoreError,
    files,
    keys::{failed, replace},
    tiles::LogError,
};

/// The memory of one witness. Only one process holds it.
#[derive(Debug)]
pub struct Seen {
    folder: PathBuf,
    _lock: File,
}

impl Seen {
    /// Opens the memory in a folder; it is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be used, or another process holds it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        for folder in ["seen", "evidence", "ended"].map(|part| folder.join(part)) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(|e| failed("create the directory", &folder, e))?;
        }
        let path = folder.join("witness.lock");
        let lock = files::lock_file(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(StoreError::Locked { path: folder.to_owned() })
            }
            Err(fs::TryLockError::Error(error)) => Err(failed("lock", &path, error)),
        }
    }

    /// The newest checkpoint of a log, with its note; none before the first.
    ///
    /// # Errors
    /// When it cannot be read, or is not the log's any more: starting over would sign a second
    /// history.
    pub fn newest(&self, log: &Verifier) -> Result<Option<(Checkpoint, String)>, LogError> {
        let path = self.path(log);
        let note = match fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes)
                .map_err(|_| LogError::Checkpoint(BadCheckpoint::Malformed))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error).into()),
        };
        Ok(Some((Checkpoint::verify(&note, log)?, note)))
    }

    /// Keeps a checkpoint as the newest: it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, log: &Verifier, note: &str) -> Result<(), StoreError> {
        replace(&self.path(log), note.as_bytes())
    }

    /// The note that ended a log; none as long as it goes on.
    ///
    /// # Errors
    /// When it cannot be read, or is not the log's any more.
    pub fn ended(&self, log: &Verifier) -> Result<Option<(Ended, String)>, LogError> {
        let path = self.folder.join("ended").join(name(log.name()));
        let note = match fs::read_to_string(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error).into()),
        };
        let damaged = |_| StoreError::Damaged { what: "the end of a log" };
        Ok(Some((Ended::verify(&note, log).map_err(damaged)?, note)))
    }

    /// Keeps the note that ended a log: it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(&self, log: &Verifier, note: &str) -> Result<(), StoreError> {
        replace(&self.folder.join("ended").join(name(log.name())), note.as_bytes())
    }

    /// Keeps a checkpoint that contradicts the newest, beside it: the log's own signature under
    /// both is the proof that it has two histories. Returns the folder of the proof.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accuse(&self, newest: &str, other: &str) -> Result<PathBuf, StoreError> {
        let folder = self.folder.join("evidence").join(name(other));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|e| failed("create the directory", &folder, e))?;
        replace(&folder.join("witnessed"), newest.as_bytes())?;
        replace(&folder.join("contradicting"), other.as_bytes())?;
        Ok(folder)
    }

    fn path(&self, log: &Verifier) -> PathBuf {
        self.folder.join("seen").join(name(log.name()))
    }
}

/// A file's name for a text that may hold anything.
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
