//! The files of a log, from a folder or from memory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use tlog::verify::{Files, NoAudit};

use crate::Failure;

/// The files of a log, with a name for error messages.
pub trait LogFiles: Files<Error = io::Error> {
    /// Returns the name.
    fn name(&self) -> String;
}

/// The files of a log in a folder.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    incoming: Option<PathBuf>,
}

impl Folder {
    /// Uses the files in this folder.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), incoming: None }
    }

    /// Also uses the files in `incoming`; these take precedence.
    #[must_use]
    pub fn after(self, incoming: &Path) -> Self {
        Self { incoming: Some(incoming.to_owned()), ..self }
    }
}

impl LogFiles for Folder {
    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Files for Folder {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        for folder in self.incoming.iter().chain([&self.path]) {
            match fs::read(folder.join(path)) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The files of a log in memory.
#[derive(Debug, Clone, Default)]
pub struct InMemory<'a> {
    /// Name for error messages.
    pub name: String,
    /// Each file under its path: `checkpoint`, `tile/…`.
    pub files: BTreeMap<&'a str, &'a [u8]>,
}

impl LogFiles for InMemory<'_> {
    fn name(&self) -> String {
        self.name.clone()
    }
}

impl Files for InMemory<'_> {
    type Error = io::Error;

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files.get(path).map(|bytes| bytes.to_vec()))
    }
}

/// Returns the checkpoint's note, unchecked; empty if there is no checkpoint.
pub(crate) fn checkpoint(files: &impl LogFiles) -> Result<String, Failure> {
    let note = files.read("checkpoint");
    let note = note.map_err(|error| Failure::unreadable(error.to_string(), "check the path"))?;
    Ok(String::from_utf8_lossy(&note.unwrap_or_default()).into_owned())
}

/// Returns the failure for a log that cannot be read.
pub(crate) fn unusable(files: &impl LogFiles, error: &NoAudit<io::Error>) -> Failure {
    Failure::unreadable(
        format!("`{}`: {error}", files.name()),
        "give the log's folder: the service's own, or a copy made by `bailiwick mirror`",
    )
}
