//! Reads the texts that the operator protects.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use policy::guard::known::{Builder, Full, Kind, Known};

use crate::config::GuardConfig;

/// The operator's known texts cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKnown {
    /// A folder or a file cannot be read, or a file is not UTF-8.
    #[error("the known texts in `{}` cannot be read: {source}; give a folder of UTF-8 files", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There are too many.
    #[error(transparent)]
    Full(#[from] Full),
}

/// Reads the files in the configured folders; without folders, nothing is known.
///
/// # Errors
/// If one cannot be read, or there are too many.
pub(super) fn read(config: &GuardConfig) -> Result<Known, NotKnown> {
    let mut builder = Builder::default();
    for (kind, folder) in [(Kind::Text, &config.known_text), (Kind::Code, &config.known_code)] {
        let Some(folder) = folder else { continue };
        for file in files(folder)? {
            let text = fs::read_to_string(&file);
            let text =
                text.map_err(|source| NotKnown::Unreadable { path: file.clone(), source })?;
            if !builder.add(kind, &text)? {
                tracing::warn!(file = %file.display(), "a known text is too short to be recognised");
            }
        }
    }
    Ok(builder.build())
}

/// Returns the files of a folder, sorted by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, NotKnown> {
    let unreadable = |source| NotKnown::Unreadable { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
