//! Writes small files, either completely or not at all.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`: {source}", path.display())]
pub(crate) struct NotWritten {
    /// Path of the file.
    pub(crate) path: PathBuf,
    /// Error of the operating system.
    pub(crate) source: io::Error,
}

/// Writes a file with secrets, readable by its owner only; either completely or not at all.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), NotWritten> {
    write(path, text.as_bytes(), 0o600)
}

/// Writes a file that every user may read; either completely or not at all.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_public(path: &Path, text: &str) -> Result<(), NotWritten> {
    write(path, text.as_bytes(), 0o644)
}

/// Writes a file of bytes, readable by its owner only; either completely or not at all.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_private_bytes(path: &Path, bytes: &[u8]) -> Result<(), NotWritten> {
    write(path, bytes, 0o600)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), NotWritten> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let put = || -> io::Result<()> {
        // A leftover of a process with the same id is not reused: it may be a link.
        let _ = fs::remove_file(&part);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part)?;
        // Set the mode explicitly: the umask may have changed it.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    put().map_err(|source| {
        let _ = fs::remove_file(&part);
        NotWritten { path: path.to_owned(), source }
    })
}
