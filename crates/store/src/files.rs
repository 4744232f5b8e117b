//! The data directory and its files: for their owner only.
//!
//! Only SQLite opens the database's files: see [`crate::held`].

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use nix::sys::statfs::{self, FsType, statfs};
use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;

/// The database's name in the data directory.
const DATABASE: &str = "bailiwick.db";

/// The database's files: itself, the log of writes, and the index that processes share. All
/// three are needed as long as a process has the database open.
pub(crate) const FILES: [&str; 3] = [DATABASE, "bailiwick.db-wal", "bailiwick.db-shm"];

/// Where the database of a data directory is.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

/// Makes the data directory if it is not there, and keeps others out of it.
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

/// Opens the database of a prepared data directory; it is made if it is not there.
pub(crate) fn open(data: &Path) -> Result<Connection, StoreError> {
    // Not a URI: a directory may be named `file:`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database(data), flags)?;
    // The mode is set by name, which opens nothing. The other two files take the database's mode;
    // they may be there already.
    for name in FILES {
        close_to_others(&data.join(name))?;
    }
    Ok(connection)
}

/// Opens a database that is there, to look at it.
pub(crate) fn reopen(data: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(database(data), flags)?)
}

/// Gives a file to its owner alone, if it is there.
fn close_to_others(path: &Path) -> Result<(), StoreError> {
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

/// The name of a file system that several machines may share. Its locks may be missing, late or
/// lost, and SQLite's shared index is memory of one machine.
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

    /// Closing any descriptor of a file drops the locks of the whole process on it.
    #[test]
    fn the_files_are_closed_to_others_without_being_opened() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        prepare(&data).unwrap();
        let connection = open(&data).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE a (b)").unwrap();
        let mode = |name| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        for name in FILES {
            assert_eq!(mode(name), 0o600, "{name}");
            fs::set_permissions(data.join(name), Permissions::from_mode(0o666)).unwrap();
        }
        prepare(&data).unwrap();
        open(&data).unwrap();
        for name in FILES {
            assert_eq!(mode(name), 0o600, "{name}");
        }
    }
}
