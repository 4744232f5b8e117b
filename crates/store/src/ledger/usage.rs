//! Usage: requests and tokens, counted in the transaction that records them, so that the sums are
//! exactly those of the log.

use std::ops::Range;

use policy::id::{DeploymentId, ResourceId, TenantId};
use rusqlite::{Row, params};
use tlog::receipt::Outcome;

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
    /// Requests that were served: answered, or cut short by their client. In rows of earlier versions,
    /// all requests.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that failed here.
    pub failed: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Of these, tokens that the tenant's cache held.
    pub cached_tokens: u64,
    /// Tokens that were generated.
    pub completion_tokens: u64,
}

impl Ledger {
    /// Usage, of one resource or of all, by hour.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn usage(&self, resource: Option<ResourceId>) -> Result<Vec<UsageRow>, StoreError> {
        of(&self.reader(), resource, 0..i64::MAX.cast_unsigned())
    }
}

/// One request that ended, as it is counted: served, refused, failed.
pub(super) fn counted(outcome: Outcome) -> [u64; 3] {
    match outcome {
        // Who hangs up has had some of an answer.
        Outcome::Answered | Outcome::HungUp => [1, 0, 0],
        Outcome::Refused => [0, 1, 0],
        Outcome::Failed => [0, 0, 1],
    }
}

/// Usage as one database has it.
pub(crate) fn of(
    database: &rusqlite::Connection,
    resource: Option<ResourceId>,
    hours: Range<u64>,
) -> Result<Vec<UsageRow>, StoreError> {
    let mut statement = database.prepare_cached(
        "SELECT * FROM usage WHERE hour >= ?2 AND hour < ?3 AND (?1 IS NULL OR resource = ?1)
         ORDER BY hour, tenant, resource, deployment, caller",
    )?;
    let resource = resource.map(|id| *id.as_bytes());
    let rows = statement.query_map(params![resource, hours.start, hours.end], read)?;
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
        refused: row.get("refused")?,
        failed: row.get("failed")?,
        prompt_tokens: row.get("prompt_tokens")?,
        cached_tokens: row.get("cached_tokens")?,
        completion_tokens: row.get("completion_tokens")?,
    })
}
