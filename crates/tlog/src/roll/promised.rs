//! The promises that customers set: lockbox, retention, and the identity providers whose tokens count.

use alloc::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::{Roll, Wrong};
use crate::{
    canon::Digest,
    id::{ResourceId, TenantId},
    limits::{ISSUERS_MAX, PROMISED_RESOURCES_MAX},
    people::Promise,
};

/// The promises of a tenant, for all its resources and for single ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Promises {
    #[n(0)]
    tenant: Set,
    #[n(1)]
    resources: BTreeMap<ResourceId, Set>,
    #[n(2)]
    issuers: BTreeSet<Digest>,
}

/// The promises for a tenant or a resource; `None` if it was not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Set {
    #[n(0)]
    lockbox: Option<bool>,
    #[n(1)]
    retention_days: Option<u8>,
    /// The number of the entry by which the customer last ended zero retention.
    #[n(2)]
    content_kept: Option<u64>,
}

impl Promises {
    /// Returns whether the customer must consent to each access request; `None` if it did not say. A
    /// resource's own setting counts before the tenant's.
    #[must_use]
    pub fn lockbox(&self, resource: ResourceId) -> Option<bool> {
        self.own(resource).and_then(|set| set.lockbox).or(self.tenant.lockbox)
    }

    /// Returns for how many days content is stored at most; `None` if the customer did not say. A
    /// resource's own setting counts before the tenant's.
    #[must_use]
    pub fn retention_days(&self, resource: ResourceId) -> Option<u8> {
        self.own(resource).and_then(|set| set.retention_days).or(self.tenant.retention_days)
    }

    /// Returns the days after which no content of the tenant is stored any more, in each of its resources;
    /// `None` if the customer promised nothing for the whole tenant.
    #[must_use]
    pub fn longest_retention_days(&self) -> Option<u8> {
        let own = self.resources.values().filter_map(|set| set.retention_days);
        own.fold(self.tenant.retention_days, |longest, days| longest.map(|most| most.max(days)))
    }

    /// Returns the number of the entry by which the customer last ended zero retention.
    #[must_use]
    pub fn content_kept(&self, resource: ResourceId) -> Option<u64> {
        self.own(resource).and_then(|set| set.content_kept).max(self.tenant.content_kept)
    }

    /// Returns the identity providers whose tokens count: [`crate::people::issuer`] of each.
    pub fn issuers(&self) -> impl Iterator<Item = Digest> {
        self.issuers.iter().copied()
    }

    fn own(&self, resource: ResourceId) -> Option<&Set> {
        self.resources.get(&resource)
    }
}

impl Roll {
    /// Takes a promise into the roll.
    pub(super) fn promised(
        &mut self,
        index: u64,
        tenant: TenantId,
        promise: Promise,
        resource: Option<ResourceId>,
    ) -> Result<(), Wrong> {
        let promises = self.promises.entry(tenant).or_default();
        if let Promise::Issuer { issuer, counts } = promise {
            if resource.is_some() {
                return Err(Wrong::NotOfResource);
            }
            if !counts {
                promises.issuers.remove(&issuer);
            } else if promises.issuers.len() >= ISSUERS_MAX && !promises.issuers.contains(&issuer) {
                return Err(Wrong::TooManyIssuers);
            } else {
                promises.issuers.insert(issuer);
            }
            return Ok(());
        }
        let set = match resource {
            None => &mut promises.tenant,
            Some(resource) => {
                let new = !promises.resources.contains_key(&resource);
                if new && promises.resources.len() >= PROMISED_RESOURCES_MAX {
                    return Err(Wrong::TooManyResources);
                }
                promises.resources.entry(resource).or_default()
            }
        };
        match promise {
            Promise::Lockbox { on } => set.lockbox = Some(on),
            Promise::Retention { days } => set.retention_days = Some(days),
            Promise::ContentKept => {
                set.content_kept = Some(index);
                self.end_zero_retention(tenant, resource);
            }
            Promise::Issuer { .. } => {}
        }
        Ok(())
    }
}
