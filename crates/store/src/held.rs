//! The database's files, while this process has them open: which they are, and that no other process
//! may take them for unused.
//!
//! SQLite keeps a process's locks on files, and the system drops **all** of them as soon as the
//! process closes **any** descriptor of the file. The next process that opens the database then
//! believes that it is the last user, and deletes what was not yet copied into the database's file.
//! So only SQLite opens these files. [`Guard`] is the one exception, and never closes its own.
//!
//! `rm`, `mv` and `cp` ask for no lock: [`Held::check`] notices them.

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

/// Which file a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// The database's files as they were when they were opened. Clones share what they have found.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    files: [(&'static str, PathBuf, Identity); 3],
    /// What was found first. It stays: who wrote where in between, nobody knows.
    found: Arc<OnceLock<(&'static str, &'static str)>>,
}

impl Held {
    /// The files of a database that a connection of this process has open.
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

    /// Whether the paths still lead to the files that are open. Opens nothing.
    ///
    /// # Errors
    /// When one does not, and from then on.
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

    /// Notes that a file was displaced, unless something was noted before; the error says it.
    pub(crate) fn displaced(&self, file: &'static str, what: &'static str) -> StoreError {
        let (file, what) = self.found.get_or_init(|| (file, what));
        StoreError::Displaced { file, what }
    }

    /// Where the database's file and its log of writes are.
    pub(crate) fn paths(&self) -> (&Path, &Path) {
        let [(_, database, _), (_, wal, _), _] = &self.files;
        (database, wal)
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    Ok(identity_of(&fs::metadata(path)?))
}

fn identity_of(metadata: &fs::Metadata) -> Identity {
    Identity { device: metadata.dev(), inode: metadata.ino() }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A lock of the open file description, beside SQLite's own, on the bytes that SQLite locks as long
/// as it uses a database. Such a lock does not end when another descriptor is closed: whatever code
/// in this process touches the file, no other process takes the database for unused.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Never closed, because that would drop SQLite's locks. A file that is open again is found again.
    database: &'static File,
    shm: &'static File,
    files: Held,
}

impl Guard {
    /// Takes the lock on a database that a connection of this process has open.
    ///
    /// # Errors
    /// When the file system has no such locks, or another process is about to delete the files.
    pub(crate) fn take(data: &Path) -> Result<Self, StoreError> {
        let open = |path: &Path| kept_open(path).map_err(|error| failed("open", path, error));
        let path = files::database(data);
        let (database, shm) = (open(&path)?, open(&data.join(FILES[2]))?);
        let guard = Self { database, shm, files: Held::of(data)? };
        guard.set(libc::F_RDLCK).map_err(|error| failed("lock", &path, error))?;
        Ok(guard)
    }

    /// Whether a process copies the log of writes into the database's file at this moment.
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
        // SQLite's last connection tidies up, and deletes the log of writes by its name. Where that
        // name leads to another database's by now, it must not: the lock stays, as the file does.
        if self.files.check().is_ok() {
            let _ = self.set(libc::F_UNLCK);
        }
    }
}

/// Opens a file, once in this process and for as long as it lives.
fn kept_open(path: &Path) -> io::Result<&'static File> {
    static OPEN: Mutex<Vec<(Identity, &'static File)>> = Mutex::new(Vec::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = identity(path)?;
    if let Some((_, file)) = open.iter().find(|(known, _)| *known == wanted) {
        return Ok(file);
    }
    let file: &'static File = Box::leak(Box::new(File::open(path)?));
    open.push((identity_of(&file.metadata()?), file));
    Ok(file)
}

/// The bytes that whoever uses a database holds a lock on, far behind its end: `SHARED_FIRST` and
/// `SHARED_SIZE` of SQLite's file format, which no version can change.
const SHARED_FIRST: i64 = 0x4000_0002;
const SHARED_SIZE: i64 = 510;

/// The byte of the shared index that whoever checkpoints has locked: `WAL_CKPT_LOCK` of SQLite's WAL
/// format.
const CHECKPOINT_LOCK: i64 = 121;

#[cfg(test)]
mod tests;
