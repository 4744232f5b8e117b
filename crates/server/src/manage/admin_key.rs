//! The administrator's key: made on the first start, kept in a file that only its owner can read.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use policy::principal::Key;
use zeroize::Zeroizing;

use super::{Acting, Actor, ManageError, new_key};

/// The file's name in the data directory.
pub const ADMIN_KEY_FILE: &str = "admin.key";

impl Acting {
    /// Makes the administrator's key if there never was one. Returns the file that it was written
    /// to if so.
    ///
    /// # Errors
    /// When the store or the file cannot be written.
    pub fn ensure_admin_key(&self) -> Result<Option<PathBuf>, ManageError> {
        match self.store.admin_key()? {
            // The file may be gone because the operator keeps the key elsewhere: leave it so.
            Some(_) => Ok(None),
            None => self.rotate_admin_key().map(Some),
        }
    }

    /// Replaces the administrator's key; the old one stops working at once. Returns the file that
    /// the new one was written to.
    ///
    /// # Errors
    /// When the actor is not the administrator, or the store or the file cannot be written.
    pub fn rotate_admin_key(&self) -> Result<PathBuf, ManageError> {
        let Actor::Administrator(administrator) = &self.actor else {
            return Err(ManageError::NotTheAdministrator);
        };
        let key = new_key()?;
        let path = self.data.join(ADMIN_KEY_FILE);
        // The file first: a digest without its key would lock everybody out.
        let line = Zeroizing::new(format!("{}\n", key.reveal()));
        write_private(&path, &line)?;
        self.store.set_admin_key(administrator, &key.digest())?;
        Ok(path)
    }

    /// The administrator's key from its file, if it is there and still the one in force.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn admin_key(&self) -> Result<Option<Key>, ManageError> {
        let Ok(text) = fs::read_to_string(self.data.join(ADMIN_KEY_FILE)) else { return Ok(None) };
        let key = Key::presented(Zeroizing::new(text).trim());
        let digest = self.store.admin_key()?;
        Ok(digest.is_some_and(|digest| digest.matches(&key.digest())).then_some(key))
    }
}

/// Writes a file with secrets: for its owner only, and either as a whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), ManageError> {
    write(path, text, 0o600)
}

/// Writes a file that everybody may read, as a whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub fn write_public(path: &Path, text: &str) -> Result<(), ManageError> {
    write(path, text, 0o644)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), ManageError> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    let put = || -> io::Result<()> {
        // A leftover of a process with the same id is not written into: it may be a link.
        let _ = fs::remove_file(&part);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&part)?;
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    put().map_err(|source| {
        let _ = fs::remove_file(&part);
        ManageError::File { doing: "write", path: path.to_owned(), source }
    })
}
