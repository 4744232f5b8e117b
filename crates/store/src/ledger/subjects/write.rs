//! Writing to the subject index: the keys that the gateway has for it, and the rows of a request.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use policy::{
    id::{ObjectId, TenantId},
    workflow::subject::Subject,
};
use zeroize::Zeroizing;

use super::super::{Ended, Shared, held};
use crate::{
    about::About,
    custody::{CustodyError, SubjectHash, SubjectKeyOf},
    error::StoreError,
    keys::day,
    object::Draft,
    sqlite::Write,
};

/// A key of the index in memory.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    pub(in crate::ledger) fn hash(&self, subject: &Subject) -> SubjectHash {
        SubjectHash::of(&self.0, subject.name().reveal().as_bytes())
    }

    /// Returns the hash of the empty name, which no data subject has.
    pub(super) fn check(&self) -> SubjectHash {
        SubjectHash::of(&self.0, b"")
    }
}

/// The keys of the index that the gateway has, and the restrictions.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Keys {
    known: Mutex<HashMap<SubjectKeyOf, (Arc<Key>, u64)>>,
    pub(super) restricted: Mutex<HashMap<TenantId, HashSet<SubjectHash>>>,
}

/// Keys that are remembered: those of some thousand tenants.
const KEYS_MAX: usize = 10_000;

impl Keys {
    /// The restrictions as the database has them.
    pub(in crate::ledger) fn new(restrictions: Vec<(TenantId, SubjectHash)>) -> Self {
        let keys = Self::default();
        for (tenant, hash) in restrictions {
            held(&keys.restricted).entry(tenant).or_default().insert(hash);
        }
        keys
    }
}

impl Shared {
    /// Returns a key of the index. Asks the custodian if it is not known, or of another day.
    pub(in crate::ledger) fn subject_key(
        &self,
        of: SubjectKeyOf,
    ) -> Result<Arc<Key>, CustodyError> {
        let today = day(self.reading().wall_ms);
        let current = |key: &&(Arc<Key>, u64)| match of {
            SubjectKeyOf::Records { .. } => key.1 == today,
            SubjectKeyOf::Objects(_) | SubjectKeyOf::Restrictions(_) => true,
        };
        if let Some((key, _)) = held(&self.subjects.known).get(&of).filter(current) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(Key(self.custody.with(|client| client.subject_key(of))?.0));
        let mut known = held(&self.subjects.known);
        if known.len() >= KEYS_MAX {
            known.clear();
        }
        // Keys of days before are given up here, too: the gateway has those of the present day.
        known.retain(|of, (_, day)| !matches!(of, SubjectKeyOf::Records { .. }) || *day == today);
        known.insert(of, (Arc::clone(&key), today));
        Ok(key)
    }

    /// Returns whether a key is still the one that is written under.
    fn is_subject_key(&self, of: SubjectKeyOf, key: &Arc<Key>) -> bool {
        held(&self.subjects.known).get(&of).is_some_and(|(known, _)| Arc::ptr_eq(known, key))
    }

    /// Returns the keys of objects that are known.
    pub(super) fn subject_keys_of_objects(&self) -> Vec<SubjectKeyOf> {
        let known = held(&self.subjects.known);
        let of_objects = |of: &&SubjectKeyOf| matches!(of, SubjectKeyOf::Objects(_));
        known.keys().filter(of_objects).copied().collect()
    }

    /// Gives up a key.
    pub(super) fn forget_subject_key(&self, of: SubjectKeyOf) {
        held(&self.subjects.known).remove(&of);
    }
}

/// What an object is about, as hashes.
#[derive(Debug)]
struct Hashed {
    object: ObjectId,
    of: Vec<(SubjectHash, Option<Vec<u32>>)>,
    same_as: Vec<ObjectId>,
}

/// The rows of the index for one request, or for some objects.
#[derive(Debug)]
pub(in crate::ledger) struct Indexed {
    tenant: TenantId,
    record: Option<SubjectHash>,
    objects: Vec<Hashed>,
    /// The key of the objects' hashes.
    key: Option<Arc<Key>>,
}

impl Indexed {
    /// Computes the rows of a request that ended.
    pub(in crate::ledger) fn of(shared: &Shared, ended: &Ended) -> Result<Self, CustodyError> {
        let tenant = ended.terms.tenant;
        let record = match (&ended.subject, &ended.keep) {
            (Some(subject), Some((until, _))) => {
                let deadline_ms = until.deadline_ms();
                let key = shared.subject_key(SubjectKeyOf::Records { tenant, deadline_ms })?;
                Some(key.hash(subject))
            }
            _ => None,
        };
        let mut indexed = Self { tenant, record, objects: Vec::new(), key: None };
        for draft in &ended.objects {
            let about = ended.subject.clone().map(About::Subject);
            let all = about.iter().chain(draft.about());
            indexed.add(shared, draft.object().facts.object, all)?;
        }
        Ok(indexed)
    }

    /// Computes the rows of drafts without a request.
    pub(in crate::ledger) fn of_drafts(
        shared: &Shared,
        tenant: TenantId,
        drafts: &[Draft],
    ) -> Result<Self, CustodyError> {
        let mut indexed = Self { tenant, record: None, objects: Vec::new(), key: None };
        for draft in drafts {
            indexed.add(shared, draft.object().facts.object, draft.about().iter())?;
        }
        Ok(indexed)
    }

    /// Computes the rows of one object.
    pub(super) fn of_object(
        shared: &Shared,
        (tenant, object): (TenantId, ObjectId),
        about: &About,
    ) -> Result<Self, CustodyError> {
        let mut indexed = Self { tenant, record: None, objects: Vec::new(), key: None };
        indexed.add(shared, object, std::iter::once(about))?;
        Ok(indexed)
    }

    fn add<'a>(
        &mut self,
        shared: &Shared,
        object: ObjectId,
        all: impl Iterator<Item = &'a About>,
    ) -> Result<(), CustodyError> {
        let mut hashed = Hashed { object, of: Vec::new(), same_as: Vec::new() };
        for about in all {
            match about {
                About::Subject(subject) => {
                    hashed.of.push((self.key(shared)?.hash(subject), None));
                }
                About::Lines(lines) => {
                    for (subject, lines) in lines.iter() {
                        let hash = self.key(shared)?.hash(subject);
                        hashed.of.push((hash, Some(lines.to_vec())));
                    }
                }
                About::SameAs(other) => hashed.same_as.push(*other),
            }
        }
        if !hashed.of.is_empty() || !hashed.same_as.is_empty() {
            self.objects.push(hashed);
        }
        Ok(())
    }

    fn key(&mut self, shared: &Shared) -> Result<Arc<Key>, CustodyError> {
        if let Some(key) = &self.key {
            return Ok(Arc::clone(key));
        }
        let key = shared.subject_key(SubjectKeyOf::Objects(self.tenant))?;
        self.key = Some(Arc::clone(&key));
        Ok(key)
    }

    /// Returns whether the hashes are under the key that is in use, while the database is locked: the
    /// key of a tenant's objects is destroyed with the last of them.
    pub(in crate::ledger) fn is_current(&self, shared: &Shared) -> bool {
        let of = SubjectKeyOf::Objects(self.tenant);
        self.key.as_ref().is_none_or(|key| shared.is_subject_key(of, key))
    }

    /// Writes the row of the record, whose request has this log entry.
    pub(in crate::ledger) fn write_record(
        &self,
        tx: &Write<'_>,
        index: u64,
    ) -> Result<(), StoreError> {
        self.record.map_or(Ok(()), |hash| tx.index_record(hash, index))
    }

    /// Writes the rows of the objects.
    pub(in crate::ledger) fn write_objects(&self, tx: &Write<'_>) -> Result<(), StoreError> {
        for Hashed { object, of, same_as } in &self.objects {
            let whose = (self.tenant, *object);
            for (hash, lines) in of {
                tx.index_object(whose, *hash, lines.as_deref())?;
            }
            same_as.iter().try_for_each(|from| tx.index_same(whose, *from))?;
        }
        Ok(())
    }
}
