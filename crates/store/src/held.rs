//! The database's files while this process has them open: records which files they are, and keeps
//! other processes from taking them for unused.
//!
//! SQLite keeps a process's locks on files, and the system drops **all** of them as soon as the
//! process closes **any** descriptor of the file. The next process that opens the database then
//! takes itself for the last user, and deletes data that was not yet copied into the database's
//! file.
//! So only SQLite opens these files. [`Guard`] is the one exception, and never closes its own.
//!
//! `rm`, `mv` and `cp` take no lock: [`Held::check`] detects them.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc,
};

use crate::{
    error::StoreError,
    files::{self, FILES},
    keys::failed,
};

/// The file that a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The database's files at the time of opening. Clones share the result of the checks.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    files: [(&'static str, PathBuf, FileIdentity); 3],
    /// The first displacement that was found. It stays: writes in between may have gone to either
    /// file.
    found: Arc<OnceLock<(&'static str, &'static str)>>,
}

impl Held {
    /// Records the files of a database that a connection of this process has open.
    pub(crate) fn of(data: &Path) -> Result<Self, StoreError> {
        let [database, wal, shm] = FILES.map(|name| {
            let path = data.join(name);
            match identity(&path) {
                Ok(identity) => Ok((name, path, identity)),
                Err(error) => Err(failed("find", &path, error)),
            }
        });
        Ok(Self { files: [database?, wal?, shm?], found: Arc::default() })
    }

    /// Checks that the paths still lead to the open files. It opens no file.
    ///
    /// # Errors
    /// When a path leads elsewhere, and on every later call; or when a path cannot be read.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for (name, path, held) in &self.files {
            let what = match identity(path) {
                Ok(found) if found == *held => continue,
                Ok(_) => "replaced",
                Err(error) if is_absent(&error) => "moved or removed",
                Err(error) => return Err(failed("find", path, error)),
            };
            return Err(self.displaced(name, what));
        }
        match self.found.get() {
            Some((file, what)) => Err(StoreError::Displaced { file, what }),
            None => Ok(()),
        }
    }

    /// Records that a file was displaced, unless an earlier displacement is recorded; returns the
    /// recorded one as the error.
    pub(crate) fn displaced(&self, file: &'static str, what: &'static str) -> StoreError {
        let (file, what) = self.found.get_or_init(|| (file, what));
        StoreError::Displaced { file, what }
    }

    /// Returns the paths of the database's file and its write-ahead log.
    pub(crate) fn paths(&self) -> (&Path, &Path) {
        let [(_, database, _), (_, wal, _), _] = &self.files;
        (database, wal)
    }
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    Ok(identity_of(&fs::metadata(path)?))
}

fn identity_of(metadata: &fs::Metadata) -> FileIdentity {
    FileIdentity { device: metadata.dev(), inode: metadata.ino() }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A lock of the open file description, beside SQLite's own, on the bytes that SQLite locks while
/// it uses a database. Such a lock survives the closing of other descriptors: even if other code in
/// this process opens and closes the file, no other process takes the database for unused.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Never closed, because that would drop SQLite's locks. A file that is opened again uses the
    /// same descriptor.
    database: &'static File,
    shm: &'static File,
    files: Held,
}

impl Guard {
    /// Takes the lock on a database that a connection of this process has open.
    ///
    /// # Errors
    /// When the file system does not support such locks, or another process is about to delete the
    /// files.
    pub(crate) fn take(data: &Path) -> Result<Self, StoreError> {
        let open = |path: &Path| kept_open(path).map_err(|error| failed("open", path, error));
        let path = files::database(data);
        let (database, shm) = (open(&path)?, open(&data.join(FILES[2]))?);
        let guard = Self { database, shm, files: Held::of(data)? };
        guard.set(libc::F_RDLCK).map_err(|error| failed("lock", &path, error))?;
        Ok(guard)
    }

    /// Returns whether a process is copying the write-ahead log into the database's file.
    pub(crate) fn is_checkpointing(&self) -> io::Result<bool> {
        let mut lock = lock(libc::F_WRLCK, CHECKPOINT_LOCK, 1)?;
        fcntl(self.shm, FcntlArg::F_OFD_GETLK(&mut lock))?;
        Ok(i32::from(lock.l_type) != libc::F_UNLCK)
    }

    fn set(&self, kind: libc::c_int) -> io::Result<()> {
        let lock = lock(kind, SHARED_FIRST, SHARED_SIZE)?;
        fcntl(self.database, FcntlArg::F_OFD_SETLK(&lock))?;
        Ok(())
    }
}

fn lock(kind: libc::c_int, start: i64, bytes: i64) -> io::Result<libc::flock> {
    let short = |number: libc::c_int| i16::try_from(number).map_err(io::Error::other);
    Ok(libc::flock {
        l_type: short(kind)?,
        l_whence: short(libc::SEEK_SET)?,
        l_start: start,
        l_len: bytes,
        l_pid: 0,
    })
}

impl Drop for Guard {
    fn drop(&mut self) {
        // SQLite's last connection deletes the write-ahead log by its name. If that name now leads
        // to another database's log, it must not: so the lock and the file stay.
        if self.files.check().is_ok() {
            let _ = self.set(libc::F_UNLCK);
        }
    }
}

/// Opens a file once for the life of the process.
fn kept_open(path: &Path) -> io::Result<&'static File> {
    static OPEN: Mutex<Vec<(FileIdentity, &'static File)>> = Mutex::new(Vec::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = identity(path)?;
    if let Some((_, file)) = open.iter().find(|(known, _)| *known == wanted) {
        return Ok(file);
    }
    let file: &'static File = Box::leak(Box::new(File::open(path)?));
    open.push((identity_of(&file.metadata()?), file));
    Ok(file)
}

/// The bytes that each user of a database has locked, far behind its end: `SHARED_FIRST` and
/// `SHARED_SIZE` of SQLite's file format, which no version can change.
const SHARED_FIRST: i64 = 0x4000_0002;
const SHARED_SIZE: i64 = 510;

/// The byte of the shared index that a checkpointing process has locked: `WAL_CKPT_LOCK` of
/// SQLite's WAL format.
const CHECKPOINT_LOCK: i64 = 121;

#[cfg(test)]
mod tests;
