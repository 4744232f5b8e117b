//! The memory that the custodian has of the log, in the key directory: the file `history`. Directories from
//! earlier versions have `seen` in its place, with the checkpoint only.

use std::{fs, io};

use tlog::{canon::Digest, checkpoint::Checkpoint};

use super::{KeyDirectory, KeyError, failed, read_if_there, replace};

/// The memory of the log in a key directory.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// The newest checkpoint that was seen, from an earlier version.
    Seen(Checkpoint),
    /// The bytes that the custodian wrote last.
    History(Vec<u8>),
}

impl KeyDirectory {
    /// Returns the memory of the log.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged: then the history is unknown.
    pub(crate) fn history(&self) -> Result<Kept, KeyError> {
        if let Some(bytes) = read_if_there(&self.folder.join(HISTORY))? {
            let whole = bytes.split_first_chunk::<32>().filter(|(sum, rest)| {
                // Against damage, not attackers: they would write a new sum.
                Digest(**sum) == Digest::of(&[rest])
            });
            let (_, rest) = whole.ok_or_else(damaged)?;
            return Ok(Kept::History(rest.to_vec()));
        }
        let Some(bytes) = read_if_there(&self.folder.join(SEEN))? else {
            return Ok(Kept::Nothing);
        };
        let damaged = || KeyError::Damaged { key: SEEN.to_owned() };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        Checkpoint::parse(text).map(Kept::Seen).map_err(|_| damaged())
    }

    /// Writes the memory of the log, and syncs it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn set_history(&self, bytes: &[u8]) -> Result<(), KeyError> {
        let sum = Digest::of(&[bytes]);
        replace(&self.folder.join(HISTORY), &[&sum.0, bytes].concat())?;
        // An old `seen` must not count if `history` is lost later.
        let seen = self.folder.join(SEEN);
        match fs::remove_file(&seen) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &seen, error).into())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// The error for a file that is missing or not as it was written.
pub(crate) fn damaged() -> KeyError {
    KeyError::Damaged { key: HISTORY.to_owned() }
}

/// The file's name.
const HISTORY: &str = "history";

/// The file of earlier versions.
const SEEN: &str = "seen";
