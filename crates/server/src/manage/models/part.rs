//! A model's file on its way into the data directory: hashed while it is written, and removed
//! unless it is kept.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use policy::id::ModelId;
use sha2::{Digest as _, Sha256};
use tlog::hex;

use super::file;
use crate::manage::{ManageError, random};

/// The folder of model copies in the data directory.
const MODELS: &str = "models";

/// A file that is not complete yet. Dropping it removes it.
///
/// Its writer holds a lock on it. The lock distinguishes a file that another process is writing
/// from one that a killed process left behind.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl Part {
    /// Begins a file in the folder of models, which is created if it is missing. Leftovers of
    /// killed processes are removed.
    pub(super) fn begin(data: &Path) -> Result<Self, ManageError> {
        let models = data.join(MODELS);
        let make = DirBuilder::new().recursive(true).mode(0o700).create(&models);
        make.map_err(file("create", &models))?;
        let models = models.canonicalize().map_err(file("read", &models))?;
        remove_abandoned(&models);
        let path = models.join(format!(".{}.part", ModelId::from_random(random()?)));
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let part = Self {
            file: opened.map_err(file("write", &path))?,
            path,
            digest: Sha256::new(),
            bytes: 0,
        };
        part.file.lock().map_err(file("lock", &part.path))?;
        Ok(part)
    }

    /// Appends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.digest.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of the bytes written so far, in hex.
    pub(super) fn sha256(&self) -> String {
        hex::encode(&self.digest.clone().finalize())
    }

    /// Syncs the file to disk, renames it to its digest, and returns the path.
    pub(super) fn keep(self) -> Result<PathBuf, ManageError> {
        let path = self.path.with_file_name(format!("{}.gguf", self.sha256()));
        let kept = self.file.sync_all().and_then(|()| fs::rename(&self.path, &path));
        kept.map_err(file("write", &path))?;
        Ok(path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After `keep` no file has this name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns the folder of copies, if it exists.
pub(super) fn copies(data: &Path) -> Option<PathBuf> {
    data.join(MODELS).canonicalize().ok()
}

/// Removes parts that no process writes any more. Parts that cannot be removed stay.
fn remove_abandoned(models: &Path) {
    for entry in fs::read_dir(models).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.')
            && name.ends_with(".part")
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_gone_unless_it_is_kept() {
        let data = tempfile::tempdir().unwrap();
        let names = || fs::read_dir(data.path().join(MODELS)).unwrap().count();
        let mut part = Part::begin(data.path()).unwrap();
        part.write(b"half").unwrap();
        // Another writer must not take it for a leftover.
        let other = Part::begin(data.path()).unwrap();
        assert_eq!((names(), part.bytes()), (2, 4));
        drop(other);
        drop(part);
        assert_eq!(names(), 0);
        // The next writer removes the leftover of a killed process.
        fs::write(data.path().join(MODELS).join(".model_x.part"), "left").unwrap();
        let mut part = Part::begin(data.path()).unwrap();
        assert_eq!(names(), 1);
        part.write(b"").unwrap();
        let kept = part.keep().unwrap();
        assert!(kept.to_string_lossy().contains("e3b0c44298fc1c14"), "{}", kept.display());
        assert_eq!(names(), 1);
    }
}
