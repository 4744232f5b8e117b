//! The folder of a copy, with the log's files as they are served. It also has `incoming/` for
//! unchecked files, `checkpoints/` for all checked checkpoints, `ended/` for logs that this one
//! continues, and `evidence/` for files that contradict the copy.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tlog::canon::Digest;

use super::{Needed, of_folder};
use crate::Failure;

/// The folder of a copy. Only one process can open it.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder, and creates it if it is missing.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| of_folder(path, &error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = path.join("mirror.lock");
        let lock = File::options().create(true).truncate(false).write(true).open(lock);
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(Failure::new(
                format!("another process mirrors into `{}`", path.display()),
                "wait until it has ended",
            )),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of unchecked files.
    pub(super) fn incoming(&self) -> PathBuf {
        self.path.join("incoming")
    }

    /// Returns the copy's checkpoint; `None` before the first.
    pub(super) fn checkpoint(&self) -> Result<Option<String>, Failure> {
        match fs::read_to_string(self.path.join("checkpoint")) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Whether a file exists, checked or not.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path.join(path).is_file() || self.incoming().join(path).is_file()
    }

    /// Adds an unchecked file atomically.
    pub(super) fn stage(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        put(&self.incoming().join(path), bytes).map_err(|error| self.failed(&error))
    }

    /// Deletes the unchecked files.
    pub(super) fn discard(&self) -> Result<(), Failure> {
        fs::remove_dir_all(self.incoming()).map_err(|error| self.failed(&error))
    }

    /// Moves the checked files into the copy. The checkpoint comes last, so that a copy always has
    /// all files of its checkpoint.
    pub(super) fn adopt(
        &self,
        needed: impl Iterator<Item = Needed>,
        (size, note): (u64, &str),
    ) -> Result<(), Failure> {
        let failed = |error: io::Error| self.failed(&error);
        for Needed { path, full } in needed {
            for path in [&path, &full] {
                let staged = self.incoming().join(path);
                if staged.is_file() {
                    let file = self.path.join(path);
                    file.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
                    fs::rename(&staged, &file).map_err(failed)?;
                    self.supersede(path).map_err(failed)?;
                }
            }
        }
        put(&self.path.join("checkpoints").join(size.to_string()), note.as_bytes())
            .map_err(failed)?;
        put(&self.path.join("checkpoint"), note.as_bytes()).map_err(failed)?;
        fs::remove_dir_all(self.incoming()).map_err(failed)
    }

    /// Stores the copy of a log that has ended, because its successor does not have all its
    /// entries. Then makes room for the successor's files. The checkpoint stays until the
    /// successor's checkpoint replaces it. Returns the folder of the stored copy.
    pub(super) fn set_aside(&self, origin: &str) -> Result<PathBuf, Failure> {
        // A digest, because a name may contain any characters.
        let ended = self.path.join("ended").join(Digest::of(&[origin.as_bytes()]).to_string());
        let failed = |error: io::Error| self.failed(&error);
        for name in ["tile", "checkpoints", "checkpoint"] {
            copy(&self.path.join(name), &ended.join(name)).map_err(failed)?;
        }
        for name in ["tile", "checkpoints"] {
            match fs::remove_dir_all(self.path.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        Ok(ended)
    }

    /// Removes shorter versions of a tile that has grown; the longer one begins with the same
    /// bytes.
    fn supersede(&self, path: &str) -> io::Result<()> {
        let parts = match path.split_once(".p/") {
            Some((full, _)) => format!("{full}.p"),
            None => format!("{path}.p"),
        };
        let parts = self.path.join(parts);
        let Ok(listed) = fs::read_dir(&parts) else { return Ok(()) };
        for part in listed {
            let part = part?.path();
            if part != self.path.join(path) {
                fs::remove_file(part)?;
            }
        }
        Ok(())
    }

    /// Stores the evidence against a log that contradicts the copy or has a bad signature: both
    /// checkpoints, and the files fetched with the served one. Returns the folder of the evidence.
    pub(super) fn accuse(&self, served: &str, kept: Option<&str>) -> Result<PathBuf, Failure> {
        let folder = self.path.join("evidence").join(Digest::of(&[served.as_bytes()]).to_string());
        let failed = |error: io::Error| self.failed(&error);
        put(&folder.join("served"), served.as_bytes()).map_err(failed)?;
        if let Some(kept) = kept {
            put(&folder.join("mirrored"), kept.as_bytes()).map_err(failed)?;
        }
        let incoming = self.incoming();
        if incoming.is_dir() {
            let files = folder.join("files");
            if files.exists() {
                // The same evidence exists already.
                fs::remove_dir_all(&incoming).map_err(failed)?;
            } else {
                fs::rename(&incoming, files).map_err(failed)?;
            }
        }
        Ok(folder)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        of_folder(&self.path, error)
    }
}

/// Copies a file or a folder; a missing one is ignored.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    match fs::read(from) {
        Ok(bytes) => put(to, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a file atomically.
fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    fs::write(&part, bytes)?;
    fs::rename(part, file)
}
