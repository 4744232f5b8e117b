//! The administrator's key: made on the first start, stored in a file that only its owner can read.

use std::{fs, path::PathBuf};

use policy::principal::Key;
use zeroize::Zeroizing;

use super::{Acting, Actor, ManageError, new_key};
use crate::files::write_private;

/// The name of the key file in the data directory.
pub(crate) const ADMIN_KEY_FILE: &str = "admin.key";

impl Acting {
    /// Makes the administrator's key if there never was one. Returns the file if it was written.
    ///
    /// # Errors
    /// The store or the file cannot be written.
    pub(crate) fn ensure_admin_key(&self) -> Result<Option<PathBuf>, ManageError> {
        match self.store.admin_key()? {
            // The file may be missing because the operator keeps the key elsewhere: do not replace
            // it.
            Some(_) => Ok(None),
            None => self.rotate_admin_key().map(Some),
        }
    }

    /// Replaces the administrator's key; the old one stops working at once. Returns the file with
    /// the new one.
    ///
    /// # Errors
    /// [`ManageError::NotTheAdministrator`] if the actor is another; otherwise the store or the
    /// file cannot be written.
    pub(crate) fn rotate_admin_key(&self) -> Result<PathBuf, ManageError> {
        let Actor::Administrator(administrator) = &self.actor else {
            return Err(ManageError::NotTheAdministrator);
        };
        let key = new_key()?;
        let path = self.data.join(ADMIN_KEY_FILE);
        // Write the file first: a digest without its key would lock every administrator out.
        let line = Zeroizing::new(format!("{}\n", key.reveal()));
        write_private(&path, &line)?;
        self.store.set_admin_key(administrator, &key.digest())?;
        Ok(path)
    }

    /// Reads the administrator's key from its file, if the file exists and holds the active key.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn admin_key(&self) -> Result<Option<Key>, ManageError> {
        let Ok(text) = fs::read_to_string(self.data.join(ADMIN_KEY_FILE)) else { return Ok(None) };
        let key = Key::presented(Zeroizing::new(text).trim());
        let digest = self.store.admin_key()?;
        Ok(digest.is_some_and(|digest| digest.matches(&key.digest())).then_some(key))
    }
}
