//! The data directory and its files: for their owner only.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::error::StoreError;

/// The database's name in the data directory.
const DATABASE: &str = "bailiwick.db";

/// Where the database of a data directory is.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

/// Makes the data directory if it is not there, keeps others out of it, and returns the path of
/// the database file, which exists then.
pub(crate) fn prepare(data: &Path) -> Result<PathBuf, StoreError> {
    let database = database(data);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(|source| file("create the directory", data, source))?;
    keep_others_out(data, &database)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&database)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
        .map_err(|source| file("open the database", &database, source))?;
    Ok(database)
}

/// Closes a directory that is ours or still empty. One that holds other things and is open to
/// others is refused: it may be `/tmp`, or somebody's home.
fn keep_others_out(data: &Path, database: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(data).map_err(|source| file("read", data, source))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    let empty = || fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_none());
    if !database.exists() && !empty() {
        return Err(StoreError::Exposed { path: data.to_owned() });
    }
    fs::set_permissions(data, Permissions::from_mode(0o700))
        .map_err(|source| file("close the directory", data, source))
}

/// Opens a file that processes lock, for its owner only, whatever the umask and whatever mode an
/// earlier version gave it: who can open it can hold the lock, and so keep the service from starting.
pub(crate) fn lock_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|source| self::file("open", path, source))?;
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(|source| self::file("close to others", path, source))?;
    Ok(file)
}

fn file(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { doing, path: path.to_owned(), source }
}
