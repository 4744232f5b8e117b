//! Usage by hour.

use std::ops::Range;

use policy::id::{DeploymentId, ResourceId, TenantId};
use rusqlite::{Row, params};

use super::{Database, Write};
use crate::{error::StoreError, row::UsageRow};

impl Database {
    /// Returns the usage of one resource or of all, in a range of hours.
    pub(crate) fn usage(
        &self,
        resource: Option<ResourceId>,
        hours: Range<u64>,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM usage WHERE hour >= ?2 AND hour < ?3 AND (?1 IS NULL OR resource = ?1)
             ORDER BY hour, tenant, resource, deployment, caller",
        )?;
        let resource = resource.map(|id| *id.as_bytes());
        let rows = statement.query_map(params![resource, hours.start, hours.end], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Write<'_> {
    /// Adds to the usage of one hour.
    pub(crate) fn add_usage(&self, used: &UsageRow) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO usage (tenant, resource, deployment, caller, hour, requests, refused,
                    failed, prompt_tokens, cached_tokens, completion_tokens)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                    refused = refused + excluded.refused,
                    failed = failed + excluded.failed,
                    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
                    cached_tokens = cached_tokens + excluded.cached_tokens,
                    completion_tokens = completion_tokens + excluded.completion_tokens",
            )?
            .execute(params![
                used.tenant.as_bytes(),
                used.resource.as_bytes(),
                used.deployment.map_or(NO_DEPLOYMENT, |id| *id.as_bytes()),
                used.caller,
                used.hour,
                used.requests,
                used.refused,
                used.failed,
                used.prompt_tokens,
                used.cached_tokens,
                used.completion_tokens,
            ])?;
        Ok(())
    }
}

/// Stands for no deployment: a column of the primary key must have a value.
const NO_DEPLOYMENT: [u8; 16] = [0; 16];

fn read(row: &Row<'_>) -> rusqlite::Result<UsageRow> {
    let deployment: [u8; 16] = row.get("deployment")?;
    Ok(UsageRow {
        tenant: TenantId::from_random(row.get("tenant")?),
        resource: ResourceId::from_random(row.get("resource")?),
        deployment: (deployment != NO_DEPLOYMENT).then(|| DeploymentId::from_random(deployment)),
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
