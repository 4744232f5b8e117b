//! The keys of the subject index: for each tenant one for each deadline of its records and day of
//! writing, one for its objects, and one for its restrictions. docs/spec/subject-index.md says why.
//!
//! They are few, and wrapped like all other keys. The names are read once, at the start.

use std::{collections::BTreeSet, fs, path::PathBuf};

use policy::{id::TenantId, retention::DAY_MS};
use zeroize::Zeroizing;

use super::{KeyDirectory, KeyError, erase, list, read_if_there, replace, sync_folder};
use crate::random::secret;

/// Purpose of the hashes under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum SubjectUse {
    /// Records with this deadline, which were written on this day since 1970.
    Records {
        /// Time at which the key is destroyed, in Unix milliseconds.
        deadline_ms: u64,
        /// The only day on which the key is given out.
        day: u64,
    },
    /// Objects.
    Objects,
    /// Restricted data subjects: nothing is kept of them.
    Restrictions,
}

/// The name of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SubjectName {
    /// The tenant.
    pub(crate) tenant: TenantId,
    /// Its purpose.
    pub(crate) of: SubjectUse,
}

impl SubjectName {
    fn file_name(&self) -> String {
        let Self { tenant, of } = self;
        match of {
            SubjectUse::Records { deadline_ms, day } => {
                format!("{tenant}.{RECORDS}.{deadline_ms}.{day}")
            }
            SubjectUse::Objects => format!("{tenant}.{OBJECTS}"),
            SubjectUse::Restrictions => format!("{tenant}.{RESTRICTIONS}"),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let tenant = parts.next()?.parse().ok()?;
        let of = match parts.next()? {
            RECORDS => SubjectUse::Records {
                deadline_ms: parts.next()?.parse().ok()?,
                day: parts.next()?.parse().ok()?,
            },
            OBJECTS => SubjectUse::Objects,
            RESTRICTIONS => SubjectUse::Restrictions,
            _ => return None,
        };
        let name_of = Self { tenant, of };
        (name_of.file_name() == name).then_some(name_of)
    }

    fn purpose(&self) -> Vec<u8> {
        [PURPOSE, self.file_name().as_bytes()].concat()
    }

    fn is_due(&self, now_ms: u64) -> bool {
        matches!(self.of, SubjectUse::Records { deadline_ms, .. } if deadline_ms <= now_ms)
    }
}

/// The names of all keys.
#[derive(Debug)]
pub(super) struct Index {
    folder: PathBuf,
    names: BTreeSet<SubjectName>,
}

impl Index {
    /// Reads the names of the files in the folder.
    pub(super) fn load(folder: PathBuf) -> Result<Self, KeyError> {
        let (names, mut strangers) = list(&folder, SubjectName::parse)?;
        if let Some(path) = strangers.pop() {
            return Err(KeyError::Stranger { path });
        }
        Ok(Self { folder, names: names.into_iter().collect() })
    }

    /// Returns whether a tenant has keys of the subject index.
    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.names.iter().any(|name| name.tenant == tenant)
    }

    /// Returns whether it has others than this one.
    fn has_others(&self, than: &SubjectName) -> bool {
        self.names.iter().any(|name| name.tenant == than.tenant && name != than)
    }
}

impl KeyDirectory {
    /// Returns a key of the subject index. Makes it if there is none; it is on disk when this returns.
    pub(crate) fn subject_key(
        &mut self,
        name: SubjectName,
    ) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        if let Some(key) = self.known_subject_key(&name)? {
            return Ok(key);
        }
        if !self.has_keys(name.tenant)? {
            self.vault.make(name.tenant)?;
        }
        let key = secret()?;
        let wrapped = self.vault.wrap(name.tenant, &name.purpose(), &key)?;
        replace(&self.subjects.folder.join(name.file_name()), &wrapped)?;
        self.subjects.names.insert(name);
        Ok(key)
    }

    fn known_subject_key(
        &self,
        name: &SubjectName,
    ) -> Result<Option<Zeroizing<[u8; 32]>>, KeyError> {
        if !self.subjects.names.contains(name) {
            return Ok(None);
        }
        let path = self.subjects.folder.join(name.file_name());
        match read_if_there(&path)? {
            Some(wrapped) => self.vault.unwrap(name.tenant, &name.purpose(), &wrapped).map(Some),
            // Removed by hand: things that were indexed under it are not found any more.
            None => Ok(None),
        }
    }

    /// Returns the keys of a tenant's records and objects whose time is not over: for a search.
    pub(crate) fn subject_keys(
        &self,
        tenant: TenantId,
        now_ms: u64,
    ) -> Result<Vec<Zeroizing<[u8; 32]>>, KeyError> {
        let names = self.subjects.names.iter().filter(|name| {
            name.tenant == tenant && name.of != SubjectUse::Restrictions && !name.is_due(now_ms)
        });
        names.filter_map(|name| self.known_subject_key(name).transpose()).collect()
    }

    /// Returns whether the time of a key of the subject index is over.
    pub(crate) fn has_due_subject_keys(&self, now_ms: u64) -> bool {
        self.subjects.names.iter().any(|name| name.is_due(now_ms))
    }

    /// Destroys the keys whose time is over. Called before the keys of records are destroyed, which
    /// have the same deadlines.
    pub(crate) fn destroy_due_subject_keys(&mut self, now_ms: u64) -> Result<(), KeyError> {
        let due: Vec<SubjectName> =
            self.subjects.names.iter().filter(|name| name.is_due(now_ms)).copied().collect();
        let mut failed = None;
        for name in due {
            if let Err(error) = self.destroy_subject_key(&name) {
                failed = failed.or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Destroys one key. Returns whether it was there.
    pub(crate) fn destroy_subject_key(&mut self, name: &SubjectName) -> Result<bool, KeyError> {
        if !self.subjects.names.contains(name) {
            return Ok(false);
        }
        // As for records: first the key-encryption key, if this is the tenant's last key.
        let has_others = self.subjects.has_others(name)
            || self.objects.has(name.tenant)
            || self.entries()?.iter().any(|key| key.tenant == name.tenant);
        if !has_others {
            self.vault.destroy(name.tenant)?;
        }
        let path = self.subjects.folder.join(name.file_name());
        if fs::symlink_metadata(&path).is_ok() {
            erase(&path, &mut |_| true)?;
        } else {
            sync_folder(&self.subjects.folder)?;
        }
        self.subjects.names.remove(name);
        Ok(true)
    }

    /// Returns the purpose and the path of each key of a tenant's subject index.
    pub(super) fn subjects_of(&self, tenant: TenantId) -> Vec<(Vec<u8>, PathBuf)> {
        let names = self.subjects.names.iter().filter(|name| name.tenant == tenant);
        names.map(|name| (name.purpose(), self.subjects.folder.join(name.file_name()))).collect()
    }

    /// Returns whether a tenant has any key.
    pub(super) fn has_keys(&self, tenant: TenantId) -> Result<bool, KeyError> {
        Ok(self.objects.has(tenant)
            || self.subjects.has(tenant)
            || self.entries()?.iter().any(|key| key.tenant == tenant))
    }
}

/// Returns the number of a day since 1970.
pub(crate) fn day(now_ms: u64) -> u64 {
    now_ms / DAY_MS
}

/// Binds a wrapped key to its purpose.
const PURPOSE: &[u8] = b"bailiwick/subject-key/v1\0";

/// In a file's name: purpose of the key.
const RECORDS: &str = "records";
const OBJECTS: &str = "objects";
const RESTRICTIONS: &str = "restrictions";

#[cfg(test)]
mod tests;
