//! The key directory: the private keys that open records, stored apart from the data, for the
//! custodian only. docs/spec/keys.md defines its layout.
//!
//! On disk, a private key is always wrapped under its tenant's key-encryption key, which a
//! [`Vault`] holds: in files here, or in an HSM.

mod history;
pub mod holder;
mod identity;
mod objects;
mod subjects;

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError},
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
use tlog::canon::Digest;
use zeroize::Zeroizing;

pub(crate) use self::history::{Kept, damaged as damaged_history};
use self::holder::{Connection, Vaults};
pub use self::identity::Expected;
use self::objects::Index;
pub(crate) use self::objects::ObjectName;
pub(crate) use self::subjects::{SubjectName, SubjectUse, day};
use crate::{
    error::StoreError,
    random::{NoRandom, random, secret},
    seal::{self, PublicKey},
};

/// Wraps private keys under a tenant's key-encryption key, which never leaves the vault.
pub trait Vault: std::fmt::Debug + Send {
    /// Creates a tenant's key-encryption key if there is none. Called before the tenant's first key
    /// only: while a tenant has keys, a missing key-encryption key is damage.
    ///
    /// # Errors
    /// When the vault cannot be used.
    fn make(&self, tenant: TenantId) -> Result<(), KeyError>;

    /// Wraps a private key, and binds it to one purpose.
    ///
    /// # Errors
    /// When the tenant has no key-encryption key, or the vault cannot be used.
    fn wrap(&self, tenant: TenantId, purpose: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError>;

    /// Unwraps a private key.
    ///
    /// # Errors
    /// When the key was wrapped for another purpose, is damaged, or the vault cannot be used.
    fn unwrap(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeyError>;

    /// Whether the tenant's key-encryption key can be used now.
    ///
    /// # Errors
    /// When the vault cannot be used.
    fn usable(&self, tenant: TenantId) -> Result<bool, KeyError>;

    /// Destroys the key-encryption key of a tenant whose last key is about to be destroyed.
    ///
    /// # Errors
    /// When it cannot be destroyed.
    fn destroy(&self, tenant: TenantId) -> Result<(), KeyError>;

    /// Whether the tenant's customer holds its key-encryption key.
    fn is_held(&self, tenant: TenantId) -> bool {
        let _ = tenant;
        false
    }

    /// Returns the tenants whose customers hold their key-encryption keys, and whose keys may still
    /// be wrapped under keys in files.
    fn to_hand_over(&self) -> Vec<TenantId> {
        Vec::new()
    }

    /// Wraps a key again, from the key-encryption key in the file to the customer's; `None` if that
    /// was done before.
    ///
    /// # Errors
    /// When one of the two cannot be used, or the key is damaged.
    fn hand_over(
        &self,
        tenant: TenantId,
        purpose: &[u8],
        wrapped: &[u8],
    ) -> Result<Option<Vec<u8>>, KeyError> {
        let _ = (purpose, wrapped);
        Err(KeyError::Withheld { tenant })
    }

    /// Destroys the key-encryption key in the file, after all keys were wrapped again.
    ///
    /// # Errors
    /// When it cannot be destroyed.
    fn handed_over(&self, tenant: TenantId) -> Result<(), KeyError> {
        Err(KeyError::Withheld { tenant })
    }
}

/// Errors of the key directory.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] StoreError),
    /// The system gave no random bytes.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// A wrapped key does not open.
    #[error("the key `{key}` is damaged")]
    Damaged {
        /// Id of the key, id of the tenant, `clock`, `history` or `seen`.
        key: String,
    },
    /// A file that this program did not create: it may be a copy of a key, which would outlive the
    /// key.
    #[error("`{}` does not belong in the key directory: move it away, or destroy it", path.display())]
    Stranger {
        /// Path of the file.
        path: PathBuf,
    },
    /// Another custodian uses the directory.
    #[error("another custodian uses the key directory `{}`", path.display())]
    Held {
        /// Path of the key directory.
        path: PathBuf,
    },
    /// The directory, or a part of it, is missing or empty.
    #[error("the key directory `{}` is not there, or is empty: mount it, or put it back", path.display())]
    Missing {
        /// Path of the key directory.
        path: PathBuf,
    },
    /// The directory's id is not the one that the database is bound to.
    #[error("the key directory `{}` belongs to another service: configure this one's", path.display())]
    Foreign {
        /// Path of the key directory.
        path: PathBuf,
    },
    /// The directory for a new key directory is not empty.
    #[error("`{}` holds other files: choose an empty directory for the keys", path.display())]
    Occupied {
        /// Path of the directory.
        path: PathBuf,
    },
    /// Keys with deadlines further away than the clock allows.
    #[error(
        "{count} keys have deadlines that are more than {DAYS_MAX} days away: set the machine's \
         clock; if the clock is right, these keys were made while it was ahead: delete them from \
         `records/` by hand"
    )]
    Ahead {
        /// Number of such keys.
        count: usize,
    },
    /// The customer holds the tenant's key-encryption key, and withdrew it.
    #[error("the customer of {tenant} withdrew its key-encryption key, or its key holder is gone")]
    Withheld {
        /// The tenant.
        tenant: TenantId,
    },
    /// The key was destroyed, or never existed.
    #[error("there is no key `{key}`: it was destroyed")]
    Gone {
        /// Id of the key.
        key: KeyId,
    },
}

/// A vault that stores key-encryption keys in files.
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
            // A key of zeros is half destroyed.
            Ok(whole) if whole && *key != [0; 32] => Ok(Some(key)),
            Ok(_) => damaged(),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged(),
            Err(error) => Err(failed("read", &path, error).into()),
        }
    }

    /// Returns the tenant of a key-encryption key's file, by the file's name.
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
        // Random nonce: a key-encryption key wraps some dozen keys a month.
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

    fn usable(&self, tenant: TenantId) -> Result<bool, KeyError> {
        match self.key(tenant) {
            Ok(key) => Ok(key.is_some()),
            Err(KeyError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn destroy(&self, tenant: TenantId) -> Result<(), KeyError> {
        let path = self.path(tenant);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            _ => Ok(erase(&path, &mut |_| true).map(drop)?),
        }
    }
}

/// Suffix of a key-encryption key's file.
const KEK: &str = "kek";

/// A key pair in the directory: its id, tenant and deadline, without the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyEntry {
    /// The key's id.
    pub id: KeyId,
    /// Tenant that owns the records.
    pub tenant: TenantId,
    /// Time at which the key is destroyed, in Unix milliseconds.
    pub deadline_ms: u64,
}

impl KeyEntry {
    fn file_name(&self) -> String {
        format!("{}.{}.{}", self.id, self.tenant, self.deadline_ms)
    }

    /// Parses a file's name into the key's entry.
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
    /// A permission from a grant, with the time at which it expires.
    pub(crate) fn grant(grant: GrantId, until_ms: u64) -> Self {
        Self { name: grant.to_string(), until_ms }
    }

    /// A permission from a log entry, by the hash of its leaf, with the time at which it expires.
    pub(crate) fn entry(leaf: &Digest, until_ms: u64) -> Self {
        Self { name: leaf.to_string(), until_ms }
    }
}

/// The steps of a destruction; a test stops after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestroyStep {
    /// The file's bytes were overwritten and are on disk.
    Overwritten,
    /// The file was removed.
    Unlinked,
    /// The removal is on disk.
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
    objects: Index,
    subjects: subjects::Index,
    vault: Box<dyn Vault>,
    /// The lock, held while the directory is open: one custodian at a time.
    _lock: File,
}

impl KeyDirectory {
    /// Opens the expected key directory, or creates a new one for its owner only. No customer holds a
    /// key-encryption key.
    ///
    /// # Errors
    /// When the directory is missing or another one, cannot be used, is open to other users, is
    /// used by another custodian, or holds a file that does not belong there.
    pub fn open(folder: &Path, expected: Expected) -> Result<Self, KeyError> {
        Self::open_held(folder, expected, BTreeMap::new())
    }

    /// Opens the key directory. `held` are the connections to the holders of the key-encryption keys
    /// that customers hold.
    ///
    /// # Errors
    /// As [`KeyDirectory::open`].
    pub fn open_held(
        folder: &Path,
        expected: Expected,
        held: BTreeMap<TenantId, Connection>,
    ) -> Result<Self, KeyError> {
        let tenants = folder.join(TENANTS);
        let files = FileVault { folder: tenants.clone() };
        let vault = Box::new(Vaults { files, held });
        let keys = Self::open_with(folder, expected, vault)?;
        match list(&tenants, FileVault::tenant)?.1.pop() {
            Some(path) => Err(KeyError::Stranger { path }),
            None => Ok(keys),
        }
    }

    /// Opens the key directory, with another vault for the key-encryption keys.
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
        let clock = folder.join("clock");
        let objects = Index::load(folder.join(OBJECTS))?;
        let subjects = subjects::Index::load(folder.join(SUBJECTS))?;
        let (folder, id) = (folder.to_owned(), expected.id());
        let _lock = lock;
        Ok(Self { folder, id, records, destroyed, grants, clock, objects, subjects, vault, _lock })
    }

    /// Checks that the directory is still there: it may be unmounted while the custodian uses it.
    ///
    /// # Errors
    /// When the directory is missing, or is another one.
    pub(crate) fn is_there(&self) -> Result<(), KeyError> {
        identity::is_still(&self.folder, self.id, &PARTS)
    }

    /// Lists all key pairs with their deadlines.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<KeyEntry>, KeyError> {
        // Ignore foreign files that appeared since the start: they must not keep due keys from
        // being destroyed.
        let (mut entries, _) = list(&self.records, KeyEntry::parse)?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Returns the public key for a tenant's records of one deadline. Creates the pair if there is
    /// none; the pair is on disk when this returns.
    ///
    /// # Errors
    /// When the pair cannot be created or read.
    pub fn public_key(&self, tenant: TenantId, deadline_ms: u64) -> Result<PublicKey, KeyError> {
        self.public_key_where(tenant, deadline_ms, |_| true)
    }

    /// Returns the public key that replaces another one of the same tenant and deadline, before its
    /// destruction ahead of the deadline. There are never more than these two.
    ///
    /// # Errors
    /// When the pair cannot be created or read.
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
        let has_others = self.objects.has(tenant) || self.subjects.has(tenant);
        if !entries.iter().any(|entry| entry.tenant == tenant) && !has_others {
            self.vault.make(tenant)?;
        }
        let id = KeyId::from_random(random()?);
        let entry = KeyEntry { id, tenant, deadline_ms };
        let (private, bytes) = seal::key_pair()?;
        let wrapped = self.vault.wrap(tenant, &entry.purpose(), &private)?;
        replace(&self.records.join(entry.file_name()), &wrapped)?;
        Ok(PublicKey { id, tenant, deadline_ms, bytes })
    }

    /// Returns the public half of an existing key.
    pub(crate) fn public(&self, entry: &KeyEntry) -> Result<PublicKey, KeyError> {
        let private = self.private_key(entry)?;
        let damaged = |_| KeyError::Damaged { key: entry.id.to_string() };
        let bytes = seal::public_of(&private).map_err(damaged)?;
        let &KeyEntry { id, tenant, deadline_ms } = entry;
        Ok(PublicKey { id, tenant, deadline_ms, bytes })
    }

    /// Returns one private key.
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

    /// Lists the keys that this custodian destroyed. The log records them later if a crash
    /// prevented it. A missing key alone does not prove its destruction.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn destroyed(&self) -> Result<Vec<KeyEntry>, KeyError> {
        let (mut entries, _) = list(&self.destroyed, KeyEntry::parse)?;
        entries.sort_unstable();
        Ok(entries)
    }

    /// Lists the keys whose file, or whose tenant's key-encryption key, is damaged.
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

    /// Counts the keys whose deadlines are more than the maximum of days away.
    pub(crate) fn ahead(&self, now_ms: u64) -> Result<usize, KeyError> {
        let latest_ms = now_ms.saturating_add(u64::from(DAYS_MAX).saturating_mul(DAY_MS));
        Ok(self.entries()?.iter().filter(|entry| entry.deadline_ms > latest_ms).count())
    }

    /// Destroys every key whose deadline has passed, and returns them. It also destroys keys that a
    /// killed run left half destroyed. After an interrupted [`Self::destroy`], the caller repeats
    /// the call.
    ///
    /// `step` is called after each step, and stops the destruction by returning false.
    ///
    /// # Errors
    /// When a file cannot be overwritten or removed; all other due keys are destroyed.
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
            // Ignore a failure: the deadline alone proves the destruction, and a full disk must not
            // keep a key alive.
            let _ = self.note_destroyed(&entry);
            // Destroy the key-encryption key first: after a crash in between, the file remains and
            // the next run destroys it. Skip tenants without keys: their files may only be missing,
            // and may be restored.
            let others = left.iter().filter(|other| other.tenant == entry.tenant).count();
            if others == 1
                && !self.objects.has(entry.tenant)
                && !self.subjects.has(entry.tenant)
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

    /// Destroys one key before its deadline. Returns whether the key was there: a key that was
    /// destroyed already is no error, because an interrupted caller repeats the call.
    ///
    /// `step` is called after each step, and stops the destruction by returning false.
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

    /// Records that a key is destroyed, before its destruction.
    fn note_destroyed(&self, key: &KeyEntry) -> Result<(), KeyError> {
        let path = self.destroyed.join(key.file_name());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => Ok(sync_folder(&self.destroyed)?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(failed("write", &path, error).into()),
        }
    }

    /// Marks a permission as used, on disk. Returns true once, and false while any record exists
    /// that it could open.
    pub(crate) fn use_up(&self, permission: &Used) -> Result<bool, KeyError> {
        Ok(use_up(&self.grants, permission)?)
    }

    /// Forgets used permissions thirty days after they expired. By then, every record from before
    /// is gone, so the permission could open none, even with a wrong clock.
    pub(crate) fn forget_used(&self, now_ms: u64) -> Result<(), KeyError> {
        let expired_ms = now_ms.saturating_sub(u64::from(DAYS_MAX).saturating_mul(DAY_MS));
        for (until_ms, path) in used(&self.grants)? {
            if until_ms.is_some_and(|until_ms| until_ms < expired_ms) {
                fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
            }
        }
        // By then the log has recorded the destruction, or the deadline alone proves it.
        for entry in self.destroyed()? {
            if entry.deadline_ms < expired_ms {
                let path = self.destroyed.join(entry.file_name());
                fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
            }
        }
        Ok(())
    }

    /// Returns the clock as last written.
    ///
    /// # Errors
    /// When the file cannot be read or is malformed: then the time is unknown, and the custodian
    /// does not start.
    pub fn clock(&self) -> Result<Option<Clock>, KeyError> {
        let Some(bytes) = read_if_there(&self.clock)? else { return Ok(None) };
        let damaged = || KeyError::Damaged { key: "clock".to_owned() };
        Clock::from_bytes(&bytes).map(Some).ok_or_else(damaged)
    }

    /// Writes the current clock.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_clock(&self, clock: &Clock) -> Result<(), KeyError> {
        Ok(replace(&self.clock, &clock.to_bytes())?)
    }
}

/// Returns a file's bytes, or `None` if there is no such file.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Marks a permission as used. The exclusive creation of its file decides which caller was first.
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

/// Lists the files of used permissions, each with its time of expiry; `None` where a crash
/// prevented the write of that time.
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

/// Writes a file under a temporary name first, then renames it: so the file is complete or absent.
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

/// Overwrites a file with zeros and removes it. The caller syncs its folder.
fn erase_unsynced(path: &Path) -> Result<(), StoreError> {
    let mut step = |step: DestroyStep| step != DestroyStep::Unlinked;
    erase(path, &mut step).map(drop)
}

/// Overwrites a file with zeros and removes it. Returns whether every step was done.
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

/// Creates a folder for its owner only, if it is missing.
fn make(folder: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|e| failed("create the directory", folder, e))
}

/// Checks one of our folders: other users must not be able to read it. Destroys files that a crash
/// left half written, because such a file may hold a key that no deadline would destroy.
fn check(folder: &Path) -> Result<(), KeyError> {
    let closed = |path: &Path, metadata: io::Result<Metadata>| -> Result<(), KeyError> {
        let metadata = metadata.map_err(|e| failed("read", path, e))?;
        match metadata.permissions().mode() & 0o077 {
            0 => Ok(()),
            _ => Err(StoreError::Exposed { path: path.to_owned() }.into()),
        }
    };
    if !folder.exists() {
        return Ok(());
    }
    // The folder itself may be behind a link, as in a unit of systemd with a dynamic user.
    closed(folder, fs::metadata(folder))?;
    for file in fs::read_dir(folder).map_err(|e| failed("read", folder, e))? {
        let path = file.map_err(|e| failed("read", folder, e))?.path();
        if path.extension().is_some_and(|extension| extension == NEW) {
            erase(&path, &mut |_| true)?;
        } else {
            closed(&path, fs::symlink_metadata(&path))?;
        }
    }
    Ok(())
}

/// Parses the names of the files in a folder. Returns the parsed names, and the paths that do not
/// belong to us.
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

/// Locks the directory for this custodian. Waits, because the custodian before may still be about
/// to exit.
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

/// Interval and number of attempts to take the lock: five seconds together.
const HOLD_EVERY: Duration = Duration::from_millis(20);
const HOLD_TRIES: u32 = 250;

/// Folder of the key-encryption keys.
const TENANTS: &str = "tenants";

/// Folders of a key directory.
const PARTS: [&str; 6] = ["records", "grants", "destroyed", TENANTS, OBJECTS, SUBJECTS];

/// Folder of the keys of kept objects. Directories from earlier versions lack it.
const OBJECTS: &str = "objects";

/// Folder of the keys of the subject index. Directories from earlier versions lack it.
const SUBJECTS: &str = "subjects";

/// The folders that directories from earlier versions lack.
const ADDED: [&str; 2] = [OBJECTS, SUBJECTS];

/// Extension of a file that is not complete yet.
const NEW: &str = "new";

pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| failed("sync the directory", folder, e))
}

pub(crate) fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { doing, path: path.to_owned(), source }
}

/// A key directory's id, for tests.
#[cfg(test)]
pub(crate) const DIRECTORY: KeyDirectoryId = KeyDirectoryId::from_random([7; 16]);

#[cfg(test)]
mod tests;
