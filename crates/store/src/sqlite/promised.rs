//! The roots of tenants, and the identity providers that they named: a copy of what the log says.

use std::collections::BTreeMap;

use policy::id::TenantId;
use rusqlite::{Row, params};
use tlog::canon::Digest;

use super::{Database, Write, directory::column};
use crate::{directory::Customer, error::StoreError};

impl Database {
    /// Returns the roots and the providers of all tenants that have some.
    pub(crate) fn customers(&self) -> Result<BTreeMap<TenantId, Customer>, StoreError> {
        let mut customers: BTreeMap<TenantId, Customer> = BTreeMap::new();
        for (tenant, since_ms, root) in self.all("SELECT * FROM tenant_root", root)? {
            customers.entry(tenant).or_default().roots.insert(since_ms, root);
        }
        for (tenant, issuer) in self.all("SELECT * FROM tenant_issuer", issuer)? {
            customers.entry(tenant).or_default().issuers.insert(issuer);
        }
        Ok(customers)
    }
}

fn root(row: &Row<'_>) -> Result<(TenantId, u64, Digest), StoreError> {
    let (tenant, fingerprint) = named(row, "fingerprint")?;
    Ok((tenant, column(row, "since_ms")?, fingerprint))
}

fn issuer(row: &Row<'_>) -> Result<(TenantId, Digest), StoreError> {
    named(row, "issuer")
}

fn named(row: &Row<'_>, digest: &'static str) -> Result<(TenantId, Digest), StoreError> {
    Ok((TenantId::from_random(column(row, "tenant")?), Digest(column(row, digest)?)))
}

impl Write<'_> {
    /// Replaces the roots and the providers of a tenant.
    pub(crate) fn set_customer(
        &self,
        tenant: TenantId,
        customer: &Customer,
    ) -> Result<(), StoreError> {
        self.forget_customer(tenant)?;
        let add = "INSERT INTO tenant_root (tenant, since_ms, fingerprint) VALUES (?1, ?2, ?3)";
        for (since_ms, root) in &customer.roots {
            self.connection.execute(add, params![tenant.as_bytes(), since_ms, root.0])?;
        }
        let add = "INSERT INTO tenant_issuer (tenant, issuer) VALUES (?1, ?2)";
        for issuer in &customer.issuers {
            self.connection.execute(add, params![tenant.as_bytes(), issuer.0])?;
        }
        Ok(())
    }

    /// Removes the roots and the providers of a tenant.
    pub(super) fn forget_customer(&self, tenant: TenantId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM tenant_root WHERE tenant = ?1",
            "DELETE FROM tenant_issuer WHERE tenant = ?1",
        ] {
            self.connection.execute(sql, [tenant.as_bytes()])?;
        }
        Ok(())
    }
}
