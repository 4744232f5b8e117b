//! The key directory: the private keys that open records, apart from the data, for the custodian
//! only. docs/spec/keys.md gives its layout.
//!
//! A private key stands on disk only wrapped under its tenant's key-encryption key, which a
//! [`Vault`] holds: files here, an HSM where one is wanted.

mod identity;

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use policy::{
    id::{GrantId, KeyDirectoryId, KeyId, TenantId},
    retention::{DAY_MS, DAYS_MAX, clock::Clock},
};
use tlog::{canon::Digest, checkpoint::Checkpoint};
use zeroize::Zeroizing;

pub use self::identity::Expected;
use crate::{
    error::StoreError,
    random::{NoRandom, random, secret},
    seal::{self, PublicKey},
};

/// Wraps private keys under a key-encryption key of their tenant, which never leaves it.
pub trait Vault: std::fmt::Debug + Send {
    /// Makes a tenant's key-encryption key where there is none. Asked for before the tenant's first
    /// key only: while a tenant has keys, a missing one is damage.
    ///
    /// # Errors
    /// When the vault cannot be used.
    fn make(&self, tenant: TenantId) -> Result<(), KeyError>;

    /// Wraps a private key, for one purpose that is bound to it.
    ///
    /// # Errors
    /// When the tenant has no key-encryption key, or the vault cannot be used.
    fn wrap(&self, tenant: TenantId, purpose: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError>;

    /// Unwraps a private key.
    ///
    /// # Errors
    /// When it was wrapped for something else, is damaged, or the vault cannot be used.
    fn unwrap(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeyError>;

    /// Destroys the key-encryption key of a tenant whose last key is about to be destroyed.
    ///
    /// # Errors
    /// When it cannot be destroyed.
    fn destroy(&self, tenant: TenantId) -> Result<(), KeyError>;
}

/// What can go wrong with the key directory.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] StoreError),
    /// There are no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// A wrapped key does not open.
    #[error("the key `{key}` is damaged")]
    Damaged {
        /// Which.
        key: String,
    },
    /// A file that this program did not put there: maybe the copy of a key, which would outlive it.
    #[error("`{}` does not belong in the key directory: move it away, or destroy it", path.display())]
    Stranger {
        /// Which.
        path: PathBuf,
    },
    /// Another custodian works with the directory.
    #[error("another custodian uses the key directory `{}`", path.display())]
    Held {
        /// The directory.
        path: PathBuf,
    },
    /// The directory, or a part of it, is not there or is empty.
    #[error("the key directory `{}` is not there, or is empty: mount it, or put it back", path.display())]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// The directory has another id than the database is bound to.
    #[error("the key directory `{}` belongs to another service: configure this one's", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// A directory that is to become a key directory, and has something in it.
    #[error("`{}` holds other files: choose an empty directory for the keys", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// Keys with deadlines that no clock allows.
    #[error(
        "{count} keys have deadlines that are more than {DAYS_MAX} days away: set the machine's \
         clock; where it is right, these keys were made while it was ahead, and are to be deleted \
         from `records/` by hand"
    )]
    Ahead {
        /// How many.
        count: usize,
    },
    /// The key was destroyed, or never was.
    #[error("there is no key `{key}`: it was destroyed")]
    Gone {
        /// Which.
        key: KeyId,
    },
}

/// Key-encryption keys in files.
#[derive(Debug)]
pub struct FileVault {
    folder: PathBuf,
}

impl FileVault {
    fn path(&self, tenant: TenantId) -> PathBuf {
        self.folder.join(format!("{tenant}.{KEK}"))
    }

    fn key(&self, tenant: TenantId) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
        let path = self.path(tenant);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error).into()),
        };
        let mut key = Zeroizing::new([0; 32]);
        let mut read = || -> io::Result<bool> {
            file.read_exact(key.as_mut_slice())?;
            Ok(file.read(&mut [0])? == 0)
        };
        let damaged = || Err(KeyError::Damaged { key: tenant.to_string() });
        match read() {
            // Zeros are one that is being destroyed.
            Ok(whole) if whole && *key != [0; 32] => Ok(Some(key)),
            Ok(_) => damaged(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged(),
            Err(error) => Err(failed("read", &path, error).into()),
        }
    }

    /// Whose key-encryption key a file is, by its name.
    fn tenant(name: &str) -> Option<TenantId> {
        name.strip_suffix(KEK)?.strip_suffix('.')?.parse().ok()
    }
}

impl Vault for FileVault {
    fn make(&self, tenant: TenantId) -> Result<(), KeyError> {
        match self.key(tenant)? {
            Some(_) => Ok(()),
            None => Ok(replace(&self.path(tenant), secret()?.as_slice())?),
        }
    }

    fn wrap(&self, tenant: TenantId, purpose: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        let damaged = || KeyError::Damaged { key: tenant.to_string() };
        let kek = self.key(tenant)?.ok_or_else(damaged)?;
        // Random: a key-encryption key wraps some dozen keys a month.
        let nonce: [u8; 12] = random()?;
        let sealed = Aes256Gcm::new((&*kek).into())
            .encrypt(&nonce.into(), Payload { msg: key, aad: purpose })
            .map_err(|_| damaged())?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn unwrap(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let damaged = || KeyError::Damaged { key: tenant.to_string() };
        let (nonce, sealed) = wrapped.split_first_chunk::<12>().ok_or_else(damaged)?;
        let kek = self.key(tenant)?.ok_or_else(damaged)?;
        let opened = Aes256Gcm::new((&*kek).into())
            .decrypt(&(*nonce).into(), Payload { msg: sealed, aad: purpose })
            .map_err(|_| damaged())?;
        let opened = Zeroizing::new(opened);
        let mut key = Zeroizing::new([0; 32]);
        if opened.len() != key.len() {
            return Err(damaged());
        }
        key.copy_from_slice(&opened);
        Ok(key)
    }

    fn destroy(&self, tenant: TenantId) -> Result<(), KeyError> {
        let path = self.path(tenant);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            _ => Ok(erase(&path, &mut |_| true).map(drop)?),
        }
    }
}

/// How a key-encryption key's file ends.
const KEK: &str = "kek";

/// A key pair in the directory: everything but the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry {
    /// Its id.
    pub id: KeyId,
    /// Whose records.
    pub tenant: TenantId,
    /// When it is destroyed.
    pub deadline_ms: u64,
}

impl KeyEntry {
    fn file_name(&self) -> String {
        format!("{}.{}.{}", self.id, self.tenant, self.deadline_ms)
    }

    /// The entry that a file is, by its name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let entry = Self {
            id: parts.next()?.parse().ok()?,
            tenant: parts.next()?.parse().ok()?,
            deadline_ms: parts.next()?.parse().ok()?,
        };
        (entry.file_name() == name).then_some(entry)
    }

    fn purpose(&self) -> Vec<u8> {
        format!("bailiwick/wrapped-key/v1\0{}", self.file_name()).into_bytes()
    }
}

/// A permission that serves once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    name: String,
    until_ms: u64,
}

impl Used {
    /// A grant, and when it expires.
    pub(crate) fn grant(grant: GrantId, until_ms: u64) -> Self {
        Self { name: grant.to_string(), until_ms }
    }

    /// An entry of the log, by the hash of its leaf, and how long it serves.
    pub(crate) fn entry(leaf: &Digest, until_ms: u64) -> Self {
        Self { name: leaf.to_string(), until_ms }
    }
}

/// How far a destruction has got; a test stops after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestroyStep {
    /// The file's bytes were overwritten and are on disk.
    Overwritten,
    /// The file has no name any more.
    Unlinked,
    /// The directory is on disk without it.
    Synced,
}

/// The key directory.
#[derive(Debug)]
pub struct KeyDirectory {
    folder: PathBuf,
    id: KeyDirectoryId,
    records: PathBuf,
    destroyed: PathBuf,
    grants: PathBuf,
    clock: PathBuf,
    seen: PathBuf,
    vault: Box<dyn Vault>,
    /// Held as long as this is open: one custodian at a time.
    _lock: File,
}

impl KeyDirectory {
    /// Opens the key directory that is expected; a new one is made, for its owner only.
    ///
    /// # Errors
    /// When it is not there or another one, cannot be used, others can enter it, another custodian
    /// has it, or there is something in it that does not belong there.
    pub fn open(folder: &Path, expected: Expected) -> Result<Self, KeyError> {
        let tenants = folder.join(TENANTS);
        let vault = Box::new(FileVault { folder: tenants.clone() });
        let keys = Self::open_with(folder, expected, vault)?;
        match list(&tenants, FileVault::tenant)?.1.pop() {
            Some(path) => Err(KeyError::Stranger { path }),
            None => Ok(keys),
        }
    }

    /// Opens the key directory, with key-encryption keys that are held elsewhere.
    ///
    /// # Errors
    /// As [`KeyDirectory::open`].
    pub fn open_with(
        folder: &Path,
        expected: Expected,
        vault: Box<dyn Vault>,
    ) -> Result<Self, KeyError> {
        identity::claim(folder, expected, &PARTS)?;
        let lock = hold(folder)?;
        check(folder)?;
        PARTS.iter().try_for_each(|part| check(&folder.join(part)))?;
        let [records, grants, destroyed] =
            ["records", "grants", "destroyed"].map(|part| folder.join(part));
        for folder in [&records, &destroyed] {
            if let Some(path) = list(folder, KeyEntry::parse)?.1.pop() {
                return Err(KeyError::Stranger { path });
            }
        }
        let (clock, seen) = (folder.join("clock"), folder.join("seen"));
        let (folder, id) = (folder.to_owned(), expected.id());
        Ok(Self { folder, id, records, destroyed, grants, clock, seen, vault, _lock: lock })
    }

    /// Whether the directory is still there: it may be unmounted while it is used.
    ///
    /// # Errors
    /// When it is not, or is another one.
    pub(crate) fn is_there(&self) -> Result<(), KeyError> {
        identity::is_still(&self.folder, self.id, &PARTS)
    }

    /// All key pairs that there are, with their deadlines.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<KeyEntry>, KeyError> {
        // Strangers that came since the start must not keep what is due from being destroyed.
        let (mut entries, _) = list(&self.records, KeyEntry::parse)?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// The public key for a tenant's records of one deadline; the pair is made where there is none,
    /// and is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn public_key(&self, tenant: TenantId, deadline_ms: u64) -> Result<PublicKey, KeyError> {
        self.public_key_where(tenant, deadline_ms, |_| true)
    }

    /// The public key that takes the place of another one of the same tenant and deadline, which is
    /// to be destroyed before its time. There are never more than the two.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn successor(&self, of: &KeyEntry) -> Result<PublicKey, KeyError> {
        self.public_key_where(of.tenant, of.deadline_ms, |id| id != of.id)
    }

    fn public_key_where(
        &self,
        tenant: TenantId,
        deadline_ms: u64,
        serves: impl Fn(KeyId) -> bool,
    ) -> Result<PublicKey, KeyError> {
        let same = |entry: &KeyEntry| {
            entry.tenant == tenant && entry.deadline_ms == deadline_ms && serves(entry.id)
        };
        let entries = self.entries()?;
        if let Some(entry) = entries.iter().find(|entry| same(entry)) {
            return self.public(entry);
        }
        if !entries.iter().any(|entry| entry.tenant == tenant) {
            self.vault.make(tenant)?;
        }
        let id = KeyId::from_random(random()?);
        let entry = KeyEntry { id, tenant, deadline_ms };
        let (private, bytes) = seal::key_pair()?;
        let wrapped = self.vault.wrap(tenant, &entry.purpose(), &private)?;
        replace(&self.records.join(entry.file_name()), &wrapped)?;
        Ok(PublicKey { id, tenant, deadline_ms, bytes })
    }

    /// The public half of a key that is there.
    pub(crate) fn public(&self, entry: &KeyEntry) -> Result<PublicKey, KeyError> {
        let private = self.private_key(entry)?;
        let damaged = |_| KeyError::Damaged { key: entry.id.to_string() };
        let bytes = seal::public_of(&private).map_err(damaged)?;
        let &KeyEntry { id, tenant, deadline_ms } = entry;
        Ok(PublicKey { id, tenant, deadline_ms, bytes })
    }

    /// One private key.
    pub(crate) fn private_key(&self, entry: &KeyEntry) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let path = self.records.join(entry.file_name());
        let wrapped = match fs::read(&path) {
            Ok(wrapped) => wrapped,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Gone { key: entry.id });
            }
            Err(error) => return Err(failed("read", &path, error).into()),
        };
        self.vault.unwrap(entry.tenant, &entry.purpose(), &wrapped)
    }

    /// Keys that were destroyed here: what the log is told, where a crash kept it from being told.
    /// That a key is not there says nothing by itself.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn destroyed(&self) -> Result<Vec<KeyEntry>, KeyError> {
        let (mut entries, _) = list(&self.destroyed, KeyEntry::parse)?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Keys whose file, or whose tenant's key-encryption key, is damaged.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub(crate) fn damaged(&self) -> Result<Vec<KeyEntry>, KeyError> {
        let mut damaged = Vec::new();
        for entry in self.entries()? {
            match self.private_key(&entry) {
                Ok(_) | Err(KeyError::Gone { .. }) => {}
                Err(KeyError::Damaged { .. }) => damaged.push(entry),
                Err(error) => return Err(error),
            }
        }
        Ok(damaged)
    }

    /// How many keys have deadlines that are further away than any can be.
    pub(crate) fn ahead(&self, now_ms: u64) -> Result<usize, KeyError> {
        let latest_ms = now_ms.saturating_add(u64::from(DAYS_MAX).saturating_mul(DAY_MS));
        Ok(self.entries()?.iter().filter(|entry| entry.deadline_ms > latest_ms).count())
    }

    /// Destroys every key whose deadline has come, and says which. What a killed run of this
    /// left half destroyed is destroyed now; what [`Self::destroy`] did, whoever asked asks again.
    ///
    /// `step` is told how far it is, and stops it by returning false.
    ///
    /// # Errors
    /// When a file cannot be overwritten or removed; all others that are due are destroyed.
    pub fn destroy_due(
        &self,
        now_ms: u64,
        step: &mut dyn FnMut(DestroyStep) -> bool,
    ) -> Result<Vec<KeyEntry>, KeyError> {
        let mut left = self.entries()?;
        let is_due = |entry: &&KeyEntry| entry.deadline_ms <= now_ms;
        let due: Vec<KeyEntry> = left.iter().filter(is_due).copied().collect();
        let (mut destroyed, mut failed) = (Vec::new(), None);
        for entry in due {
            // Its deadline says it as well: a full disk must not keep a key alive.
            let _ = self.note_destroyed(&entry);
            // First, so that a crash in between leaves the file, and this is done again. Not of
            // tenants who have no keys: theirs may be missing, and be put back.
            let others = left.iter().filter(|other| other.tenant == entry.tenant).count();
            if others == 1
                && let Err(error) = self.vault.destroy(entry.tenant)
            {
                failed = failed.or(Some(error));
            }
            match erase(&self.records.join(entry.file_name()), step) {
                Ok(true) => {
                    left.retain(|other| *other != entry);
                    destroyed.push(entry);
                }
                Ok(false) => return Ok(destroyed),
                Err(error) => failed = failed.or(Some(error.into())),
            }
        }
        failed.map_or(Ok(destroyed), Err)
    }

    /// Destroys one key before its deadline. Says whether it was there: one that was destroyed already
    /// is no error, so that whoever was interrupted begins again.
    ///
    /// `step` is told how far it is, and stops it by returning false.
    ///
    /// # Errors
    /// When the file cannot be overwritten or removed.
    pub fn destroy(
        &self,
        key: &KeyEntry,
        step: &mut dyn FnMut(DestroyStep) -> bool,
    ) -> Result<bool, KeyError> {
        let is_there = self.entries()?.contains(key);
        if is_there {
            self.note_destroyed(key)?;
            erase(&self.records.join(key.file_name()), step)?;
        }
        Ok(is_there)
    }

    /// Writes down that a key is destroyed, before it is.
    fn note_destroyed(&self, key: &KeyEntry) -> Result<(), KeyError> {
        let path = self.destroyed.join(key.file_name());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(sync_folder(&self.destroyed)?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(failed("write", &path, error).into()),
        }
    }

    /// Uses a permission up, on disk: true once, false as long as anything is kept that it could open.
    pub(crate) fn use_up(&self, permission: &Used) -> Result<bool, KeyError> {
        Ok(use_up(&self.grants, permission)?)
    }

    /// Forgets what was used up thirty days after it expired: no record is left that was there then, so
    /// it could open none even by a clock that was wrong meanwhile.
    pub(crate) fn forget_used(&self, now_ms: u64) -> Result<(), KeyError> {
        let expired_ms = now_ms.saturating_sub(u64::from(DAYS_MAX).saturating_mul(DAY_MS));
        for (until_ms, path) in used(&self.grants)? {
            if until_ms.is_some_and(|until_ms| until_ms < expired_ms) {
                fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
            }
        }
        // By then the log was told, or the deadline alone says it.
        for entry in self.destroyed()? {
            if entry.deadline_ms < expired_ms {
                let path = self.destroyed.join(entry.file_name());
                fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// The clock as it was last seen.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one: then nobody knows what time it is, and the
    /// custodian does not start.
    pub fn clock(&self) -> Result<Option<Clock>, KeyError> {
        let Some(bytes) = read_if_there(&self.clock)? else { return Ok(None) };
        let damaged = || KeyError::Damaged { key: "clock".to_owned() };
        Clock::from_bytes(&bytes).map(Some).ok_or_else(damaged)
    }

    /// Keeps the clock as it is seen now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_clock(&self, clock: &Clock) -> Result<(), KeyError> {
        Ok(replace(&self.clock, &clock.to_bytes())?)
    }

    /// The newest checkpoint of the log that the custodian has seen.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one: then nobody knows which history it was.
    pub(crate) fn seen(&self) -> Result<Option<Checkpoint>, KeyError> {
        let Some(bytes) = read_if_there(&self.seen)? else { return Ok(None) };
        let damaged = || KeyError::Damaged { key: "seen".to_owned() };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        Checkpoint::parse(text).map(Some).map_err(|_| damaged())
    }

    /// Keeps the newest checkpoint that the custodian has seen.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn set_seen(&self, checkpoint: &Checkpoint) -> Result<(), KeyError> {
        Ok(replace(&self.seen, checkpoint.text().as_bytes())?)
    }
}

/// A file's bytes; none where there is no such file.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Uses a permission up. The file system says who was first.
fn use_up(grants: &Path, permission: &Used) -> Result<bool, StoreError> {
    let path = grants.join(&permission.name);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => {
            file.write_all(permission.until_ms.to_string().as_bytes())
                .and_then(|()| file.sync_all())
                .map_err(|e| failed("write", &path, e))?;
            sync_folder(grants)?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("write", &path, error)),
    }
}

/// The files of what was used up, with until when it could have been used; where a crash left that
/// out, nobody knows.
fn used(grants: &Path) -> Result<Vec<(Option<u64>, PathBuf)>, StoreError> {
    let mut used = Vec::new();
    for file in fs::read_dir(grants).map_err(|e| failed("read", grants, e))? {
        let path = file.map_err(|e| failed("read", grants, e))?.path();
        let until_ms =
            read_if_there(&path)?.and_then(|bytes| str::from_utf8(&bytes).ok()?.parse().ok());
        used.push((until_ms, path));
    }
    Ok(used)
}

/// Writes a file under another name first, so that it is there whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension(NEW);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|e| failed("write", path, e))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Overwrites a file and removes it. Says whether it got to the end.
fn erase(path: &Path, step: &mut dyn FnMut(DestroyStep) -> bool) -> Result<bool, StoreError> {
    let overwrite = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        file.write_all(&vec![0; length])?;
        file.sync_all()
    };
    overwrite().map_err(|e| failed("overwrite", path, e))?;
    if !step(DestroyStep::Overwritten) {
        return Ok(false);
    }
    fs::remove_file(path).map_err(|e| failed("remove", path, e))?;
    if !step(DestroyStep::Unlinked) {
        return Ok(false);
    }
    path.parent().map_or(Ok(()), sync_folder)?;
    Ok(step(DestroyStep::Synced))
}

/// Makes a folder where it is not there, for its owner only.
fn make(folder: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|e| failed("create the directory", folder, e))
}

/// Looks over a folder of ours: others can read nothing in it, and what a crash left half written
/// is destroyed, because it may be a key that nobody would look for at its deadline.
fn check(folder: &Path) -> Result<(), KeyError> {
    let closed = |path: &Path| -> Result<(), KeyError> {
        let metadata = fs::symlink_metadata(path).map_err(|e| failed("read", path, e))?;
        match metadata.permissions().mode() & 0o077 {
            0 => Ok(()),
            _ => Err(StoreError::Exposed { path: path.to_owned() }.into()),
        }
    };
    if !folder.exists() {
        return Ok(());
    }
    closed(folder)?;
    for file in fs::read_dir(folder).map_err(|e| failed("read", folder, e))? {
        let path = file.map_err(|e| failed("read", folder, e))?.path();
        if path.extension().is_some_and(|extension| extension == NEW) {
            erase(&path, &mut |_| true)?;
        } else {
            closed(&path)?;
        }
    }
    Ok(())
}

/// What the files in a folder are, by their names; and those that are nothing of ours.
fn list<T>(
    folder: &Path,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(Vec<T>, Vec<PathBuf>), StoreError> {
    let (mut ours, mut strangers) = (Vec::new(), Vec::new());
    for file in fs::read_dir(folder).map_err(|e| failed("read", folder, e))? {
        let name = file.map_err(|e| failed("read", folder, e))?.file_name();
        match name.to_str().and_then(&parse) {
            Some(item) => ours.push(item),
            None => strangers.push(folder.join(name)),
        }
    }
    Ok((ours, strangers))
}

/// Takes the directory for this custodian. The one before may still be about to end.
fn hold(folder: &Path) -> Result<File, KeyError> {
    let path = folder.join("lock");
    let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let lock = lock.map_err(|e| failed("open", &path, e))?;
    for _ in 0..HOLD_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(HOLD_EVERY),
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path, error).into()),
        }
    }
    Err(KeyError::Held { path: folder.to_owned() })
}

/// How often, and how often in all, the lock is asked for: five seconds.
const HOLD_EVERY: Duration = Duration::from_millis(20);
const HOLD_TRIES: u32 = 250;

/// The folder of key-encryption keys.
const TENANTS: &str = "tenants";

/// The folders of a key directory.
const PARTS: [&str; 4] = ["records", "grants", "destroyed", TENANTS];

/// How a file's name ends until it is whole.
const NEW: &str = "new";

pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| failed("sync the directory", folder, e))
}

pub(crate) fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { doing, path: path.to_owned(), source }
}

/// A directory's id, for tests.
#[cfg(test)]
pub(crate) const DIRECTORY: KeyDirectoryId = KeyDirectoryId::from_random([7; 16]);

#[cfg(test)]
mod tests;
