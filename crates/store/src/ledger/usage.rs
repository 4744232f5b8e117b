//! Usage: requests and tokens, counted in the transaction that records them, so that the sums are
//! exactly those of the log.

use policy::id::{DeploymentId, ResourceId, TenantId};
use rusqlite::Row;

use super::Ledger;
use crate::error::StoreError;

/// What one caller used of one deployment in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Whose.
    pub tenant: TenantId,
    /// Which resource.
    pub resource: ResourceId,
    /// Which deployment; none for requests that named none of the resource's.
    pub deployment: Option<DeploymentId>,
    /// Which credential, by its name.
    pub caller: String,
    /// Hours since 1970, in UTC.
    pub hour: u64,
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens that were generated.
    pub completion_tokens: u64,
}

impl Ledger {
    /// Usage, of one resource or of all, by hour.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn usage(&self, resource: Option<ResourceId>) -> Result<Vec<UsageRow>, StoreError> {
        of(&self.reader(), resource)
    }
}

/// Usage as one database has it.
pub(crate) fn of(
    database: &rusqlite::Connection,
    resource: Option<ResourceId>,
) -> Result<Vec<UsageRow>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT * FROM usage WHERE ?1 IS NULL OR resource = ?1
         ORDER BY hour, tenant, resource, deployment, caller",
    )?;
    let rows = statement.query_map([resource.map(|id| *id.as_bytes())], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let deployment: [u8; 16] = row.get("deployment")?;
    Ok(UsageRow {
        tenant: TenantId::from_random(row.get("tenant")?),
        resource: ResourceId::from_random(row.get("resource")?),
        deployment: (deployment != [0; 16]).then(|| DeploymentId::from_random(deployment)),
        caller: row.get("caller")?,
        hour: row.get("hour")?,
        requests: row.get("requests")?,
        prompt_tokens: row.get("prompt_tokens")?,
        completion_tokens: row.get("completion_tokens")?,
    })
}
