//! The folder of a copy: the log's files as they are served, and beside them `incoming/` for what is
//! not yet checked, `checkpoints/` for every one that was, `ended/` for logs that this one succeeds, and
//! `evidence/` for what contradicts them.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tlog::canon::Digest;

use super::{Needed, of_folder};
use crate::cli::output::Failure;

/// A copy's folder. Only one process works on it.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Opens the folder; it is made where it is not there.
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

    /// Where files lie that are not yet checked.
    pub(super) fn incoming(&self) -> PathBuf {
        self.path.join("incoming")
    }

    /// The copy's checkpoint; none before the first.
    pub(super) fn checkpoint(&self) -> Result<Option<String>, Failure> {
        match fs::read_to_string(self.path.join("checkpoint")) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Whether a file is there, checked or not.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path.join(path).is_file() || self.incoming().join(path).is_file()
    }

    /// Puts a file where those lie that are not yet checked, as a whole or not at all.
    pub(super) fn stage(&self, path: &str, bytes: &[u8]) -> Result<(), Failure> {
        put(&self.incoming().join(path), bytes).map_err(|error| self.failed(&error))
    }

    /// Throws away what is not yet checked.
    pub(super) fn discard(&self) -> Result<(), Failure> {
        fs::remove_dir_all(self.incoming()).map_err(|error| self.failed(&error))
    }

    /// Makes what was checked a part of the copy; the checkpoint last, so that a copy never lacks what
    /// its checkpoint signs.
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

    /// Keeps the copy of a log that has ended, with the entries that its successor does not have, and
    /// makes room for the successor's files. The checkpoint stays until the successor's takes its place.
    /// Says where the copy is.
    pub(super) fn set_aside(&self, origin: &str) -> Result<PathBuf, Failure> {
        // A digest: a name may hold anything.
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

    /// Removes shorter parts of a tile that has grown: the longer one begins with the same bytes.
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

    /// Keeps what contradicts the copy, or is not signed: both checkpoints, and what was fetched with
    /// the one that was served. Says where.
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
                // The same evidence once more.
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

/// Copies a file or a folder; one that is not there is left out.
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

/// Writes a file as a whole or not at all.
fn put(file: &Path, bytes: &[u8]) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    fs::write(&part, bytes)?;
    fs::rename(part, file)
}
