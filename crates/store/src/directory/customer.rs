//! The roots of customers, and the identity providers whose tokens count for them.

use std::collections::{BTreeMap, BTreeSet};

use policy::id::TenantId;
use tlog::{canon::Digest, people::Party, roll::Roll};

use super::Directory;

/// A customer's root and identity providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Customer {
    /// The fingerprints of its roots, each by the time from which it counts. The later one of two is
    /// an announced recovery.
    pub(crate) roots: BTreeMap<u64, Digest>,
    /// The names of the providers: [`tlog::people::issuer`] of each.
    pub(crate) issuers: BTreeSet<Digest>,
}

impl Customer {
    /// Returns the state of a tenant in the roll.
    pub(crate) fn of(roll: &Roll, tenant: TenantId) -> Self {
        let party = Party::Tenant { tenant };
        let root = roll.root(party).map(|rooted| (rooted.since_ms, rooted.root.fingerprint()));
        let recovery = roll.recoveries().find(|(of, _)| *of == party);
        let recovery =
            recovery.map(|(_, recovery)| (recovery.effective_ms, recovery.root.fingerprint()));
        let promises = roll.promises(tenant);
        Self {
            roots: root.into_iter().chain(recovery).collect(),
            issuers: promises.into_iter().flat_map(|promises| promises.issuers()).collect(),
        }
    }

    /// Returns the root that counts at a time.
    pub(crate) fn root(&self, now_ms: u64) -> Option<Digest> {
        self.roots.range(..=now_ms).next_back().map(|(_, root)| *root)
    }
}

impl Directory {
    /// Returns the fingerprint of a tenant's root; `None` if the tenant has none.
    #[must_use]
    pub fn root(&self, tenant: TenantId, now_ms: u64) -> Option<Digest> {
        self.people.customers.get(&tenant).and_then(|customer| customer.root(now_ms))
    }

    /// Returns the identity providers that a tenant named with its own keys. If it named none, the
    /// configuration alone decides.
    #[must_use]
    pub fn issuers(&self, tenant: TenantId) -> &BTreeSet<Digest> {
        static NONE: BTreeSet<Digest> = BTreeSet::new();
        self.people.customers.get(&tenant).map_or(&NONE, |customer| &customer.issuers)
    }
}
