//! The keys of kept objects: one for each object, wrapped under its tenant's key-encryption key.
//!
//! The names of the files are read once, at the start. So neither a new key nor the search for due
//! keys lists the folder, however many there are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use policy::{
    id::{ObjectId, TenantId},
    object::Class,
};
use zeroize::Zeroizing;

use super::{KeyDirectory, KeyError, erase, failed, list, sync_folder};
use crate::random::secret;

/// The name of an object's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectName {
    /// The object.
    pub(crate) object: ObjectId,
    /// Its tenant.
    pub(crate) tenant: TenantId,
    /// Its class.
    pub(crate) class: Class,
    /// Time at which the key is destroyed, in Unix milliseconds; `None` for keys without an end.
    pub(crate) expires_ms: Option<u64>,
}

impl ObjectName {
    fn file_name(&self) -> String {
        let Self { object, tenant, class, expires_ms } = self;
        match expires_ms {
            Some(expires_ms) => format!("{object}.{tenant}.{class}.{expires_ms}"),
            None => format!("{object}.{tenant}.{class}.{KEPT}"),
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let object = parts.next()?.parse().ok()?;
        let tenant = parts.next()?.parse().ok()?;
        let class = parts.next()?;
        let class = Class::ALL.into_iter().find(|known| known.name() == class)?;
        let expires_ms = match parts.next()? {
            KEPT => None,
            expires_ms => Some(expires_ms.parse().ok()?),
        };
        let entry = Self { object, tenant, class, expires_ms };
        (entry.file_name() == name).then_some(entry)
    }

    fn purpose(&self) -> Vec<u8> {
        [PURPOSE, self.file_name().as_bytes()].concat()
    }
}

/// The names of all keys, by object and by end.
#[derive(Debug)]
pub(super) struct Index {
    folder: PathBuf,
    names: BTreeMap<ObjectId, ObjectName>,
    due: BTreeSet<(u64, ObjectId)>,
    /// Number of keys of each tenant.
    tenants: HashMap<TenantId, usize>,
}

impl Index {
    /// Reads the names of the files in the folder.
    pub(super) fn load(folder: PathBuf) -> Result<Self, KeyError> {
        let (names, mut strangers) = list(&folder, ObjectName::parse)?;
        if let Some(path) = strangers.pop() {
            return Err(KeyError::Stranger { path });
        }
        let mut index =
            Self { folder, names: BTreeMap::new(), due: BTreeSet::new(), tenants: HashMap::new() };
        for name in names {
            // A crash during a change of the end leaves two keys of one object: the older one goes.
            // The shorter time wins: so a copy never outlives its object.
            match index.names.get(&name.object).copied() {
                Some(other) => {
                    let shorter = |a: &ObjectName, b: &ObjectName| {
                        a.expires_ms.unwrap_or(u64::MAX) <= b.expires_ms.unwrap_or(u64::MAX)
                    };
                    let (keep, give_up) =
                        if shorter(&name, &other) { (name, other) } else { (other, name) };
                    index.remove(&other);
                    index.add(keep);
                    erase(&index.folder.join(give_up.file_name()), &mut |_| true)?;
                }
                None => index.add(name),
            }
        }
        Ok(index)
    }

    /// Returns whether a tenant has keys of objects.
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.tenants.contains_key(&tenant)
    }

    fn add(&mut self, name: ObjectName) {
        self.names.insert(name.object, name);
        self.due.extend(name.expires_ms.map(|expires_ms| (expires_ms, name.object)));
        let count = self.tenants.entry(name.tenant).or_default();
        *count = count.saturating_add(1);
    }

    fn remove(&mut self, name: &ObjectName) {
        if self.names.remove(&name.object).is_none() {
            return;
        }
        if let Some(expires_ms) = name.expires_ms {
            self.due.remove(&(expires_ms, name.object));
        }
        if let Some(count) = self.tenants.get_mut(&name.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.tenants.remove(&name.tenant);
            }
        }
    }
}

impl KeyDirectory {
    /// Makes the keys of new objects of one tenant. They are on disk when this returns.
    pub(crate) fn new_object_keys(
        &mut self,
        tenant: TenantId,
        names: &[ObjectName],
    ) -> Result<Vec<Zeroizing<[u8; 32]>>, KeyError> {
        if !self.has_keys(tenant)? {
            self.vault.make(tenant)?;
        }
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let key = secret()?;
            self.write_object_key(name, &key)?;
            keys.push(key);
        }
        sync_folder(&self.objects.folder)?;
        names.iter().for_each(|name| self.objects.add(*name));
        Ok(keys)
    }

    /// Writes one key. The caller syncs the folder. A crash before that leaves a key without an
    /// object, which the gateway gives up at its next start.
    fn write_object_key(&self, name: &ObjectName, key: &[u8; 32]) -> Result<(), KeyError> {
        let wrapped = self.vault.wrap(name.tenant, &name.purpose(), key)?;
        let path = self.objects.folder.join(name.file_name());
        let temporary = self.objects.folder.join(format!("{}.new", name.object));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(&wrapped)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        Ok(write().map_err(|e| failed("write", &path, e))?)
    }

    /// Returns the name of an object's key.
    pub(crate) fn object_name(&self, object: ObjectId) -> Option<ObjectName> {
        self.objects.names.get(&object).copied()
    }

    /// Returns the names of keys after an object, in order.
    pub(crate) fn object_names(&self, after: Option<ObjectId>, limit: usize) -> Vec<ObjectName> {
        let from = match after {
            Some(after) => std::ops::Bound::Excluded(after),
            None => std::ops::Bound::Unbounded,
        };
        let names = self.objects.names.range((from, std::ops::Bound::Unbounded));
        names.take(limit).map(|(_, name)| *name).collect()
    }

    /// Returns an object's key; `None` if there is none.
    pub(crate) fn object_key(
        &self,
        name: &ObjectName,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
        let path = self.objects.folder.join(name.file_name());
        match super::read_if_there(&path)? {
            Some(wrapped) => self.vault.unwrap(name.tenant, &name.purpose(), &wrapped).map(Some),
            None => Ok(None),
        }
    }

    /// Gives an object's key another end. Writes the key under its new name before it destroys the
    /// old file.
    pub(crate) fn move_object_key(
        &mut self,
        name: &ObjectName,
        expires_ms: Option<u64>,
    ) -> Result<bool, KeyError> {
        let moved = ObjectName { expires_ms, ..*name };
        if moved == *name {
            return Ok(true);
        }
        let Some(key) = self.object_key(name)? else { return Ok(false) };
        self.write_object_key(&moved, &key)?;
        sync_folder(&self.objects.folder)?;
        erase(&self.objects.folder.join(name.file_name()), &mut |_| true)?;
        self.objects.remove(name);
        self.objects.add(moved);
        Ok(true)
    }

    /// Destroys the keys of objects, and returns those that were there.
    pub(crate) fn destroy_object_keys(
        &mut self,
        objects: &[ObjectId],
    ) -> Result<Vec<ObjectName>, KeyError> {
        let (mut destroyed, mut failed) = (Vec::new(), None);
        for object in objects {
            let Some(name) = self.object_name(*object) else { continue };
            match self.destroy_object_key(&name) {
                Ok(()) => destroyed.push(name),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if !destroyed.is_empty() {
            sync_folder(&self.objects.folder)?;
        }
        failed.map_or(Ok(destroyed), Err)
    }

    /// Returns whether the time of an object is over.
    pub(crate) fn has_due_objects(&self, now_ms: u64) -> bool {
        self.objects.due.first().is_some_and(|(expires_ms, _)| *expires_ms <= now_ms)
    }

    /// Destroys the keys of objects whose time is over.
    pub(crate) fn destroy_due_objects(&mut self, now_ms: u64) -> Result<(), KeyError> {
        let due = self.objects.due.iter().take_while(|(expires_ms, _)| *expires_ms <= now_ms);
        let due: Vec<ObjectId> = due.map(|(_, object)| *object).collect();
        self.destroy_object_keys(&due).map(drop)
    }

    /// Overwrites and removes one key. The caller syncs the folder once for all.
    fn destroy_object_key(&mut self, name: &ObjectName) -> Result<(), KeyError> {
        // As for records: first the key-encryption key, if this is the tenant's last key.
        let is_last = self.objects.tenants.get(&name.tenant) == Some(&1);
        if is_last
            && !self.subjects.has(name.tenant)
            && !self.entries()?.iter().any(|key| key.tenant == name.tenant)
        {
            self.vault.destroy(name.tenant)?;
        }
        let path = self.objects.folder.join(name.file_name());
        if fs::symlink_metadata(&path).is_ok() {
            super::erase_unsynced(&path)?;
        }
        self.objects.remove(name);
        Ok(())
    }

    /// Returns the purpose and the path of each key of a tenant's objects.
    pub(super) fn objects_of(&self, tenant: TenantId) -> Vec<(Vec<u8>, PathBuf)> {
        let names = self.objects.names.values().filter(|name| name.tenant == tenant);
        names.map(|name| (name.purpose(), self.objects.folder.join(name.file_name()))).collect()
    }

    /// Returns whether a tenant's key-encryption key can be used. A tenant without keys has none yet.
    pub(crate) fn is_usable(&self, tenant: TenantId) -> Result<bool, KeyError> {
        if self.vault.usable(tenant)? {
            return Ok(true);
        }
        if self.vault.is_held(tenant) {
            return Ok(false);
        }
        Ok(!self.has_keys(tenant)?)
    }
}

/// Binds a wrapped key to its purpose.
const PURPOSE: &[u8] = b"bailiwick/object-key/v1\0";

/// In a file's name: the key has no end.
const KEPT: &str = "kept";
