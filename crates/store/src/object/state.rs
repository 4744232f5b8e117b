//! What drafts, opened objects and the ledger's threads share: the folder of the bodies, the keys
//! that are in memory, and the drafts that were given up.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use policy::id::{ObjectId, TenantId};
use zeroize::Zeroizing;

/// The longest time that a key that no one uses stays in memory, in milliseconds.
pub(crate) const KEY_KEPT_MS: u64 = 30_000;

/// An object's key in memory.
pub(crate) struct Key {
    bytes: Zeroizing<[u8; 32]>,
    tenant: TenantId,
    revoked: AtomicBool,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>, tenant: TenantId) -> Self {
        Self { bytes, tenant, revoked: AtomicBool::new(false) }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Whether the object was deleted, or its tenant's key was withdrawn, since the key was given.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }
}

/// A key, and until when it is kept without use. Readers that have it may hold it longer.
struct Known {
    key: Weak<Key>,
    kept: Option<(Arc<Key>, u64)>,
}

/// The shared state.
pub(crate) struct State {
    folder: PathBuf,
    keys: Mutex<HashMap<ObjectId, Known>>,
    given_up: Mutex<Vec<ObjectId>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State(..)")
    }
}

impl State {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, keys: Mutex::default(), given_up: Mutex::default() }
    }

    /// The folder of the bodies.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<ObjectId, Known>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a key that is in memory.
    pub(crate) fn known(&self, object: ObjectId) -> Option<Arc<Key>> {
        self.keys().get(&object)?.key.upgrade().filter(|key| !key.is_revoked())
    }

    /// Keeps a key for a while.
    pub(crate) fn keep(&self, object: ObjectId, key: &Arc<Key>, now_ms: u64) {
        let until_ms = now_ms.saturating_add(KEY_KEPT_MS);
        let kept = Some((Arc::clone(key), until_ms));
        self.keys().insert(object, Known { key: Arc::downgrade(key), kept });
    }

    /// Forgets the keys whose time is over.
    pub(crate) fn forget_old(&self, now_ms: u64) {
        self.keys().retain(|_, known| {
            known.kept.take_if(|(_, until_ms)| *until_ms <= now_ms);
            known.key.strong_count() > 0
        });
    }

    /// Forgets an object's key, and stops its readers.
    pub(crate) fn forget(&self, object: ObjectId) {
        if let Some(known) = self.keys().remove(&object) {
            revoke(&known);
        }
    }

    /// The same for all objects of a tenant.
    pub(crate) fn forget_tenant(&self, tenant: TenantId) {
        self.keys().retain(|_, known| match known.key.upgrade() {
            Some(key) if key.tenant != tenant => true,
            _ => {
                revoke(known);
                false
            }
        });
    }

    /// Notes that a draft was given up: its key must be destroyed.
    pub(crate) fn give_up(&self, object: ObjectId) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).push(object);
    }

    /// Returns the drafts that were given up since the last call.
    pub(crate) fn take_given_up(&self) -> Vec<ObjectId> {
        std::mem::take(&mut *self.given_up.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes them again: their keys could not be destroyed.
    pub(crate) fn give_back(&self, objects: Vec<ObjectId>) {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).extend(objects);
    }
}

fn revoke(known: &Known) {
    if let Some(key) = known.key.upgrade() {
        key.revoked.store(true, Ordering::Release);
    }
}
