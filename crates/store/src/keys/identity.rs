//! The identity of a key directory: a marker file with an id, which the database is bound to.
//!
//! Without the marker, an empty mount point looks like a first start, and another service's keys
//! look like this one's. So before the marker is checked, the custodian creates and erases no file,
//! and takes no key for destroyed.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use policy::id::KeyDirectoryId;

use super::{ADDED, KeyError, failed, make, read_if_there, replace, sync_folder};

/// The key directory that the custodian must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The directory with this id; it is not created.
    Known(KeyDirectoryId),
    /// A first start: the directory is created with this id. An existing directory must be empty,
    /// or have this id from a start that was killed.
    New(KeyDirectoryId),
    /// A directory from a version without markers: it gets this id.
    Unmarked(KeyDirectoryId),
}

impl Expected {
    /// The directory's id.
    #[must_use]
    pub fn id(self) -> KeyDirectoryId {
        let (Self::Known(id) | Self::New(id) | Self::Unmarked(id)) = self;
        id
    }
}

/// The text form that the server passes to the custodian that it starts.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Known(_) => KNOWN,
            Self::New(_) => NEW,
            Self::Unmarked(_) => UNMARKED,
        };
        write!(f, "{word}:{}", self.id())
    }
}

impl FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` does not name the expected key directory");
        let (word, id) = text.split_once(':').ok_or_else(bad)?;
        let id = id.parse().map_err(|_| bad())?;
        match word {
            KNOWN => Ok(Self::Known(id)),
            NEW => Ok(Self::New(id)),
            UNMARKED => Ok(Self::Unmarked(id)),
            _ => Err(bad()),
        }
    }
}

/// Checks that a folder is the expected key directory, before any change in it.
pub(super) fn claim(folder: &Path, expected: Expected, parts: &[&str]) -> Result<(), KeyError> {
    match (found(folder)?, expected) {
        (Some(id), _) if id == expected.id() => {}
        (Some(_), _) => return Err(KeyError::Foreign { path: folder.to_owned() }),
        (None, Expected::Known(_)) => return Err(missing(folder)),
        (None, Expected::Unmarked(id)) => {
            if !folder.join("records").is_dir() {
                return Err(missing(folder));
            }
            parts.iter().try_for_each(|part| make(&folder.join(part)))?;
            mark(folder, id)?;
        }
        (None, Expected::New(id)) => {
            is_empty(folder, parts)?;
            make(folder)?;
            parts.iter().try_for_each(|part| make(&folder.join(part)))?;
            mark(folder, id)?;
        }
    }
    // A directory from an earlier version has all other folders.
    let lacks = |part: &&&str| !folder.join(part).is_dir();
    let missing_parts: Vec<_> = parts.iter().filter(lacks).collect();
    let is_earlier = missing_parts.iter().all(|part| ADDED.contains(*part));
    if !missing_parts.is_empty() && is_earlier {
        missing_parts.iter().try_for_each(|part| make(&folder.join(part)))?;
        sync_folder(folder)?;
    }
    // A folder in the directory may be a mount of its own.
    match parts.iter().find(|part| !folder.join(part).is_dir()) {
        Some(part) => Err(missing(&folder.join(part))),
        None => Ok(()),
    }
}

/// Checks that the directory is still there, and still the same.
pub(super) fn is_still(folder: &Path, id: KeyDirectoryId, parts: &[&str]) -> Result<(), KeyError> {
    match found(folder)? {
        Some(found) if found == id => {}
        Some(_) => return Err(KeyError::Foreign { path: folder.to_owned() }),
        None => return Err(missing(folder)),
    }
    match parts.iter().find(|part| !folder.join(part).is_dir()) {
        Some(part) => Err(missing(&folder.join(part))),
        None => Ok(()),
    }
}

fn found(folder: &Path) -> Result<Option<KeyDirectoryId>, KeyError> {
    let Some(bytes) = read_if_there(&folder.join(MARKER))? else { return Ok(None) };
    let id = str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok());
    id.map(Some).ok_or_else(|| KeyError::Damaged { key: MARKER.to_owned() })
}

fn mark(folder: &Path, id: KeyDirectoryId) -> Result<(), KeyError> {
    sync_folder(folder)?;
    Ok(replace(&folder.join(MARKER), format!("{id}\n").as_bytes())?)
}

/// Checks that a folder is missing, or holds only files that a killed first start leaves.
fn is_empty(folder: &Path, parts: &[&str]) -> Result<(), KeyError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("read", folder, error).into()),
    };
    let nothing_in = |path: &PathBuf| fs::read_dir(path).is_ok_and(|mut all| all.next().is_none());
    for entry in entries {
        let path = entry.map_err(|e| failed("read", folder, e))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Files of a new file system.
        let is_known = matches!(name, "lock" | "identity.new" | "lost+found");
        if !(is_known || parts.contains(&name) && nothing_in(&path)) {
            return Err(KeyError::Occupied { path: folder.to_owned() });
        }
    }
    Ok(())
}

fn missing(path: &Path) -> KeyError {
    KeyError::Missing { path: path.to_owned() }
}

/// Name of the marker file.
const MARKER: &str = "identity";

const KNOWN: &str = "known";
const NEW: &str = "new";
const UNMARKED: &str = "unmarked";
