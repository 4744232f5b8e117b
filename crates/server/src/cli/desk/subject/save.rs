//! Saves a file that only one person may read: a new file of mode 0600 that is complete, or is not
//! there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::cli::output::Failure;

/// A new file. It is removed when this is dropped, unless it was kept.
pub(super) struct New {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl New {
    /// Creates the file.
    ///
    /// # Errors
    /// If there is a file of this name, or the folder cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| {
            let help = match error.kind() {
                io::ErrorKind::AlreadyExists => "give a name that no file has yet",
                _ => "give a file in a folder that you may write",
            };
            Failure::new(format!("cannot create `{}`: {error}", path.display()), help)
        })?;
        Ok(Self { path: path.to_owned(), file, kept: false })
    }

    /// Writes all that is read into the file, and returns the number of bytes.
    ///
    /// # Errors
    /// If it was cut short, or the disk is full.
    pub(super) fn fill(&mut self, mut from: impl Read) -> Result<u64, Failure> {
        io::copy(&mut from, &mut self.file).map_err(|error| {
            Failure::new(
                format!("nothing was saved: {error}"),
                "the answer was cut short, or the disk is full; the operator's log has the reason, \
                 try again",
            )
        })
    }

    /// Keeps the file.
    ///
    /// # Errors
    /// If it cannot be written to the disk.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        self.file.sync_all()?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for New {
    fn drop(&mut self) {
        if !self.kept {
            // Half of a person's data is of no use; an error leaves it to the person.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    struct Cut(u8);

    impl Read for Cut {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 2 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn a_file_is_whole_and_private_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.zip");
        assert!(New::create(&path).unwrap().fill(Cut(0)).is_err());
        assert!(!path.exists(), "half of it is not left behind");
        let mut new = New::create(&path).unwrap();
        assert_eq!(new.fill(&b"abc"[..]).unwrap(), 3);
        new.keep().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(New::create(&path).is_err(), "it is not written over");
        assert_eq!(fs::read(&path).unwrap(), b"abc");
    }
}
