//! The part of the KV cache that a request may use.

use policy::{
    id::TenantId,
    permit::{Inference, Permit},
};
use serde::{Deserialize, Serialize};

/// The tenant whose KV cache entries a request may reuse and leave behind.
///
/// It can only be made from a permit, so the tenant in it is the authorized one. A prefix is reused
/// only between requests with an equal scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CacheScope {
    tenant: TenantId,
    reuse: bool,
    behind: bool,
}

/// Whose share of the machine a request uses. Accounts take turns; those behind come after all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Whether the work may wait: a batch's.
    pub behind: bool,
    /// The tenant.
    pub tenant: TenantId,
}

impl CacheScope {
    /// Returns the scope of a permitted request. `reuse` is false if the resource has switched
    /// prefix reuse off; then the cache entries of the request are dropped when it ends.
    #[must_use]
    pub fn of<A: Inference>(permit: &Permit<A>, reuse: bool) -> Self {
        Self { tenant: permit.scope().tenant, reuse, behind: false }
    }

    /// Returns the scope of a request that waits while others run: a line of a batch.
    #[must_use]
    pub fn behind(self, behind: bool) -> Self {
        Self { behind, ..self }
    }

    /// Returns the account whose share of the machine the request uses.
    #[must_use]
    pub fn account(&self) -> Account {
        Account { behind: self.behind, tenant: self.tenant }
    }

    /// Returns the tenant that owns the entries.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether prefixes may stay in the cache and be reused.
    #[must_use]
    pub fn reuse(&self) -> bool {
        self.reuse
    }
}
