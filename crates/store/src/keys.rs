//! The key directory: the private keys that open records, apart from the data, for the custodian
//! only. docs/spec/keys.md gives its layout.
//!
//! A private key stands on disk only wrapped under its tenant's key-encryption key, which a
//! [`Vault`] holds: files here, an HSM where one is wanted.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, Payload},
};
use policy::{
    id::{GrantId, KeyId, TenantId},
    retention::clock::Clock,
};
use zeroize::Zeroizing;

use crate::{
    error::StoreError,
    random::{NoRandom, random, secret},
    seal::{self, PublicKey},
};

/// Wraps private keys under a key-encryption key of their tenant, which never leaves it.
pub trait Vault: std::fmt::Debug + Send {
    /// Wraps a private key, for one purpose that is bound to it. Makes the tenant's
    /// key-encryption key where there is none.
    ///
    /// # Errors
    /// When the vault cannot be used.
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
    /// The key was destroyed, or never was.
    #[error("there is no key `{key}`: it was destroyed at its deadline")]
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
    fn key(&self, tenant: TenantId) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let path = self.folder.join(format!("{tenant}.kek"));
        match File::open(&path) {
            Ok(mut file) => {
                let mut key = Zeroizing::new([0; 32]);
                file.read_exact(key.as_mut_slice()).map_err(|e| failed("read", &path, e))?;
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = secret()?;
                write_new(&path, key.as_slice())?;
                Ok(key)
            }
            Err(error) => Err(failed("read", &path, error).into()),
        }
    }
}

impl Vault for FileVault {
    fn wrap(&self, tenant: TenantId, purpose: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        let nonce: [u8; 12] = random()?;
        let sealed = Aes256Gcm::new((&*self.key(tenant)?).into())
            .encrypt(&nonce.into(), Payload { msg: key, aad: purpose })
            .map_err(|_| KeyError::Damaged { key: tenant.to_string() })?;
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
        let opened = Aes256Gcm::new((&*self.key(tenant)?).into())
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
}

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

    fn parse(name: &str) -> Option<Self> {
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
    records: PathBuf,
    grants: PathBuf,
    clock: PathBuf,
    vault: Box<dyn Vault>,
}

impl KeyDirectory {
    /// Opens the key directory, and makes it where it is not there: for its owner only.
    ///
    /// # Errors
    /// When it cannot be used, or others can enter it.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let (records, grants) = (folder.join("records"), folder.join("grants"));
        let tenants = folder.join("tenants");
        for folder in [folder, &records, &grants, &tenants] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| failed("create the directory", folder, e))?;
            let mode = fs::metadata(folder).map_err(|e| failed("read", folder, e))?;
            if mode.permissions().mode() & 0o077 != 0 {
                return Err(StoreError::Exposed { path: folder.to_owned() }.into());
            }
        }
        sync_folder(folder)?;
        let vault = Box::new(FileVault { folder: tenants });
        Ok(Self { records, grants, clock: folder.join("clock"), vault })
    }

    /// All key pairs that there are, with their deadlines.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<KeyEntry>, KeyError> {
        let folder = &self.records;
        let mut entries = Vec::new();
        for file in fs::read_dir(folder).map_err(|e| failed("read", folder, e))? {
            let name = file.map_err(|e| failed("read", folder, e))?.file_name();
            entries.extend(name.to_str().and_then(KeyEntry::parse));
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// The public key for a tenant's records of one deadline; the pair is made where there is none,
    /// and is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn public_key(&self, tenant: TenantId, deadline_ms: u64) -> Result<PublicKey, KeyError> {
        let same = |entry: &KeyEntry| entry.tenant == tenant && entry.deadline_ms == deadline_ms;
        if let Some(entry) = self.entries()?.into_iter().find(same) {
            let private = self.private_key(&entry)?;
            let damaged = |_| KeyError::Damaged { key: entry.id.to_string() };
            let bytes = seal::public_of(&private).map_err(damaged)?;
            return Ok(PublicKey { id: entry.id, tenant, deadline_ms, bytes });
        }
        let id = KeyId::from_random(random()?);
        let entry = KeyEntry { id, tenant, deadline_ms };
        let (private, bytes) = seal::key_pair()?;
        let wrapped = self.vault.wrap(tenant, &entry.purpose(), &private)?;
        write_new(&self.records.join(entry.file_name()), &wrapped)?;
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

    /// Destroys every key whose deadline has come, and says which. What a killed run left half
    /// destroyed has a deadline that has come, so it is destroyed now.
    ///
    /// `step` is told how far it is, and stops it by returning false.
    ///
    /// # Errors
    /// When a file cannot be overwritten or removed; those before it are destroyed.
    pub fn destroy_due(
        &self,
        now_ms: u64,
        step: &mut dyn FnMut(DestroyStep) -> bool,
    ) -> Result<Vec<KeyEntry>, KeyError> {
        let mut destroyed = Vec::new();
        for entry in self.entries()?.into_iter().filter(|entry| entry.deadline_ms <= now_ms) {
            if !self.destroy(&entry, step)? {
                break;
            }
            destroyed.push(entry);
        }
        Ok(destroyed)
    }

    fn destroy(
        &self,
        entry: &KeyEntry,
        step: &mut dyn FnMut(DestroyStep) -> bool,
    ) -> Result<bool, KeyError> {
        let path = self.records.join(entry.file_name());
        let overwrite = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
            file.rewind()?;
            file.write_all(&vec![0; length])?;
            file.sync_all()
        };
        overwrite().map_err(|e| failed("overwrite", &path, e))?;
        if !step(DestroyStep::Overwritten) {
            return Ok(false);
        }
        fs::remove_file(&path).map_err(|e| failed("remove", &path, e))?;
        if !step(DestroyStep::Unlinked) {
            return Ok(false);
        }
        sync_folder(&self.records)?;
        Ok(step(DestroyStep::Synced))
    }

    /// Uses a grant up, on disk: true once, false ever after.
    pub(crate) fn use_grant(&self, grant: GrantId) -> Result<bool, KeyError> {
        let path = self.grants.join(grant.to_string());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => {
                file.sync_all().map_err(|e| failed("write", &path, e))?;
                sync_folder(&self.grants)?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed("write", &path, error).into()),
        }
    }

    /// The clock as it was last seen.
    ///
    /// # Errors
    /// When the file cannot be read, or is not one: then nobody knows what time it is, and the
    /// custodian does not start.
    pub fn clock(&self) -> Result<Option<Clock>, KeyError> {
        match fs::read(&self.clock) {
            Ok(bytes) => Clock::from_bytes(&bytes)
                .map(Some)
                .ok_or_else(|| KeyError::Damaged { key: "clock".to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.clock, error).into()),
        }
    }

    /// Keeps the clock as it is seen now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_clock(&self, clock: &Clock) -> Result<(), KeyError> {
        Ok(replace(&self.clock, &clock.to_bytes())?)
    }
}

/// Writes a file under another name first, so that it is there whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("new");
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

/// Writes a file that is not there yet, and returns once it is on disk with its name.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    replace(path, bytes)
}

pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| failed("sync the directory", folder, e))
}

pub(crate) fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::File { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use policy::retention::DAY_MS;

    use super::*;

    const TENANT: TenantId = TenantId::from_random([1; 16]);

    #[test]
    fn a_key_is_made_once_and_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyDirectory::open(&folder.path().join("keys")).unwrap();
        let first = keys.public_key(TENANT, DAY_MS).unwrap();
        assert_eq!(keys.public_key(TENANT, DAY_MS).unwrap(), first);
        assert_ne!(keys.public_key(TENANT, 2 * DAY_MS).unwrap().id, first.id);
        for file in fs::read_dir(folder.path().join("keys/records")).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn keys_are_destroyed_when_they_are_due_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyDirectory::open(&folder.path().join("keys")).unwrap();
        let due = keys.public_key(TENANT, DAY_MS).unwrap();
        keys.public_key(TENANT, 2 * DAY_MS).unwrap();
        assert_eq!(keys.destroy_due(DAY_MS - 1, &mut |_| true).unwrap(), vec![]);
        let destroyed = keys.destroy_due(DAY_MS, &mut |_| true).unwrap();
        assert_eq!(destroyed.iter().map(|entry| entry.id).collect::<Vec<_>>(), vec![due.id]);
        let gone = keys.private_key(&destroyed[0]);
        assert!(matches!(gone, Err(KeyError::Gone { .. })));
        assert_eq!(keys.entries().unwrap().len(), 1);
    }

    /// The sweeper is killed after each step, and what it left is searched for the key.
    #[test]
    fn a_destruction_that_was_killed_is_finished_by_the_next_start() {
        for stop in [DestroyStep::Overwritten, DestroyStep::Unlinked, DestroyStep::Synced] {
            let folder = tempfile::tempdir().unwrap();
            let home = folder.path().join("keys");
            let keys = KeyDirectory::open(&home).unwrap();
            keys.public_key(TENANT, DAY_MS).unwrap();
            let entry = keys.entries().unwrap()[0];
            let wrapped = fs::read(home.join("records").join(entry.file_name())).unwrap();
            keys.destroy_due(DAY_MS, &mut |step| step != stop).unwrap();
            assert!(keys.private_key(&entry).is_err(), "{stop:?}");
            for file in fs::read_dir(home.join("records")).unwrap() {
                let left = fs::read(file.unwrap().path()).unwrap();
                assert!(!left.windows(16).any(|window| window == &wrapped[..16]), "{stop:?}");
            }
            let again = KeyDirectory::open(&home).unwrap();
            again.destroy_due(DAY_MS, &mut |_| true).unwrap();
            assert_eq!(again.entries().unwrap(), vec![], "{stop:?}");
        }
    }

    #[test]
    fn a_wrapped_key_serves_its_own_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("keys");
        let keys = KeyDirectory::open(&home).unwrap();
        keys.public_key(TENANT, DAY_MS).unwrap();
        let entry = keys.entries().unwrap()[0];
        // The same key under a later deadline: somebody wants more time.
        let later = KeyEntry { deadline_ms: 9 * DAY_MS, ..entry };
        let records = home.join("records");
        fs::rename(records.join(entry.file_name()), records.join(later.file_name())).unwrap();
        assert!(matches!(keys.private_key(&later), Err(KeyError::Damaged { .. })));
    }
}
