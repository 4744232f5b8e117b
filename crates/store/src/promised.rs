//! The promises that customers make with their own keys, in the tables. The log's entries decide; the tables
//! follow them, and no change of a resource may contradict them.

use policy::{
    id::{ResourceId, TenantId},
    retention::Days,
};
use tlog::entry::{Action, Subject};

use crate::{
    directory::{Customer, Resource},
    error::StoreError,
    log::Append,
    sqlite::Write,
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
