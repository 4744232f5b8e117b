//! The data directory and its files: accessible to their owner only.
//!
//! Only SQLite opens the database's files: see [`crate::held`].

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::sys::statfs::{self, FsType, statfs};

use crate::error::StoreError;

/// The database's name in the data directory.
const DATABASE: &str = "bailiwick.db";

/// The database's files: the database, the write-ahead log, and the index that processes share. All
/// three are needed while a process has the database open.
pub(crate) const FILES: [&str; 3] = [DATABASE, "bailiwick.db-wal", "bailiwick.db-shm"];

/// Name of a backup's manifest. A folder with a manifest is a backup.
pub const MANIFEST: &str = "manifest.json";

/// Returns the path of a data directory's database.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

/// Creates the data directory if it is missing, and closes it to other users.
pub(crate) fn prepare(data: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(|source| file("create the directory", data, source))?;
    keep_others_out(data, &database(data))?;
    let found = statfs(data).map_err(|error| file("look at", data, error.into()))?;
    match network(found.filesystem_type()) {
        Some(kind) => Err(StoreError::NetworkFiles { path: data.to_owned(), kind }),
        None => Ok(()),
    }
}

/// Restricts the database's files to their owner.
pub(crate) fn close_to_others(data: &Path) -> Result<(), StoreError> {
    // Set the mode by name, which opens no file. SQLite gives the other two files the database's
    // mode, but they may exist already.
    FILES.iter().try_for_each(|name| close_file(&data.join(name)))
}

/// Restricts a file to its owner, if the file exists.
fn close_file(path: &Path) -> Result<(), StoreError> {
    let closed = match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o777 == 0o600 => Ok(()),
        Ok(_) => fs::set_permissions(path, Permissions::from_mode(0o600)),
        Err(error) => Err(error),
    };
    match closed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(file("close to others", path, source))
        }
        _ => Ok(()),
    }
}

/// Returns the name of a file system that several machines may share. Its locks may be missing,
/// late or lost, and SQLite's shared index is memory of one machine.
fn network(found: FsType) -> Option<&'static str> {
    NETWORK.iter().find(|(known, _)| *known == found).map(|(_, name)| *name)
}

/// Magic numbers of `statfs(2)` and of the Linux sources.
const NETWORK: [(FsType, &str); 12] = [
    (statfs::NFS_SUPER_MAGIC, "NFS"),
    (statfs::SMB_SUPER_MAGIC, "SMB"),
    (FsType(0xff53_4d42), "CIFS"),
    (FsType(0xfe53_4d42), "SMB"),
    (statfs::CODA_SUPER_MAGIC, "Coda"),
    (statfs::AFS_SUPER_MAGIC, "AFS"),
    (FsType(0x0102_1997), "9P"),
    (FsType(0x00c3_6400), "Ceph"),
    (FsType(0x7461_636f), "OCFS2"),
    (FsType(0x0116_1970), "GFS2"),
    (FsType(0x4750_4653), "GPFS"),
    (FsType(0x0bd0_0bd0), "Lustre"),
];

/// Closes a directory that is ours or still empty to other users. Refuses a directory that holds
/// other files and is open to others: it may be `/tmp`, or a home directory.
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

/// Opens a file that processes lock, for its owner only, with any umask and any mode of an earlier
/// version: a user that can open it can hold the lock, and so keep the service from starting.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_several_machines_are_refused() {
        assert_eq!(network(FsType(0x6969)), Some("NFS"));
        for local in [statfs::TMPFS_MAGIC, statfs::EXT4_SUPER_MAGIC, statfs::OVERLAYFS_SUPER_MAGIC]
        {
            assert_eq!(network(local), None);
        }
    }
}
