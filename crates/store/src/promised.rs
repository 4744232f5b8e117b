//! The promises that customers make with their own keys, in the tables. The log's entries decide; the tables
//! follow them, and no change of a resource may contradict them.

use policy::{
    id::{ResourceId, TenantId},
    retention::Days,
};
use tlog::{
    entry::{Action, Subject},
    roll::Roll,
};

use crate::{
    directory::{Customer, Resource},
    error::StoreError,
    log::Append,
    sqlite::{Database, Write},
};

/// Brings the tables in line with the root and the promises of a tenant, after the entries of this
/// transaction.
pub(crate) fn follow(
    tx: &Write<'_>,
    log: &mut Append<'_>,
    tenant: TenantId,
) -> Result<(), StoreError> {
    let roll = log.roll()?;
    tx.set_customer(tenant, &Customer::of(&roll, tenant))?;
    // These rows have no opening, and the snapshot has them.
    tx.set_open_change(log.next().saturating_sub(1))?;
    let Some(promises) = roll.promises(tenant) else { return Ok(()) };
    for resource in tx.resources()?.into_iter().filter(|resource| resource.tenant == tenant) {
        let Resource { id, lockbox, retention, .. } = resource;
        if let Some(on) = promises.lockbox(id).filter(|on| *on != lockbox) {
            tx.set_lockbox(id, on)?;
            let state = format!("lockbox={on}");
            log.changed(Subject::Lockbox, *id.as_bytes(), Action::Updated, &state)?;
        }
        if let Some(most) = promises.retention_days(id).filter(|most| *most < retention.days.get())
        {
            let damaged = |_| StoreError::Damaged { what: "log_entry.bytes" };
            let days = Days::new(most.into()).map_err(damaged)?;
            tx.change_settings(id, [None; 3], None, Some(days))?;
            let state = format!("retention_days={most}");
            log.changed(Subject::Resource, *id.as_bytes(), Action::Updated, &state)?;
        }
    }
    Ok(())
}

/// Fills the tables for tenants that have no rows there although the log has a root or a provider of
/// theirs: an earlier version wrote this database. Rows that are there stay: they are compared.
pub(crate) fn fill(database: &mut Database, roll: &Roll) -> Result<(), StoreError> {
    let there = database.customers()?;
    let tenants = database.tenants()?.into_iter().filter(|one| !there.contains_key(&one.id));
    let missing: Vec<_> = tenants
        .map(|tenant| (tenant.id, Customer::of(roll, tenant.id)))
        .filter(|(_, customer)| *customer != Customer::default())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let tx = database.write()?;
    missing.iter().try_for_each(|(tenant, customer)| tx.set_customer(*tenant, customer))?;
    // A snapshot that was loaded before does not have them.
    tx.set_open_change(tx.log_next()?)?;
    tx.commit()
}

/// Checks that a resource is as its customer promised, after a change in this transaction.
///
/// # Errors
/// [`StoreError::Promised`] if it is not.
pub(crate) fn keeps(
    tx: &Write<'_>,
    log: &Append<'_>,
    resource: ResourceId,
) -> Result<(), StoreError> {
    let roll = log.roll()?;
    let Some(resource) = tx.resources()?.into_iter().find(|other| other.id == resource) else {
        return Ok(());
    };
    let Some(promises) = roll.promises(resource.tenant) else { return Ok(()) };
    if promises.lockbox(resource.id).is_some_and(|on| on != resource.lockbox) {
        let state = if resource.lockbox { "off" } else { "on" };
        return Err(StoreError::Promised { what: format!("its lockbox is {state}") });
    }
    match promises.retention_days(resource.id) {
        Some(most) if most < resource.retention.days.get() => {
            Err(StoreError::Promised { what: format!("content is stored for at most {most} days") })
        }
        Some(_) | None => Ok(()),
    }
}
