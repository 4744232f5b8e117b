//! The errors of a resource in the last hour, by code, with names instead of ids where the deployments
//! still exist.

use audit::rfc3339;
use policy::{authz::facts::Scope, id::DeploymentId, permit::ReadUsage};
use serde::Serialize;
use store::Kind;

use super::{Acting, ManageError, not_found};
use crate::{
    clock,
    recent_errors::{MINUTES_KEPT, RecentErrors},
};

/// The errors of a resource, and the period in which they were counted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorsView {
    /// Start of the period.
    pub from: String,
    /// End of the period: now.
    pub to: String,
    /// Minutes of a whole period.
    pub minutes: u64,
    /// Whether the period begins with the service's start: it is shorter then.
    pub since_start: bool,
    /// The errors by kind, the most frequent first.
    pub data: Vec<ErrorView>,
    /// Errors of further kinds: only so many kinds of a resource have a row.
    pub others_count: u64,
}

/// Errors of one kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorView {
    /// Name of the deployment, or its id if it was deleted; `None` for calls that did not get as far as
    /// a deployment's limits.
    pub deployment: Option<String>,
    /// The status.
    pub status: u16,
    /// The error's code, as the caller got it.
    pub code: &'static str,
    /// Number of these errors.
    pub count: u64,
    /// Time of the last one.
    pub last_at: String,
}

impl Acting {
    /// Returns the errors of a resource in the last hour. They are a part of its usage, with the same
    /// permission.
    ///
    /// # Errors
    /// No resource has that name, or the store cannot be read.
    pub(crate) fn errors(
        &self,
        name: &str,
        errors: &RecentErrors,
    ) -> Result<ErrorsView, ManageError> {
        let directory = self.store.directory()?;
        let scope = self.resource_for::<ReadUsage>(&directory, name)?.spend();
        let Scope::Resource(of) = scope else {
            return Err(not_found(Kind::Resource, name).into());
        };
        let now_ms = clock::now_ms();
        let seen = errors.of(of.resource, now_ms);
        let named = |id: DeploymentId| {
            let found = directory.deployments_of(of.resource).find(|one| one.id == id);
            found.map_or_else(|| id.to_string(), |one| one.name.clone())
        };
        let data = seen.rows.into_iter().map(|row| ErrorView {
            deployment: row.kind.deployment.map(named),
            status: row.kind.status,
            code: row.kind.code,
            count: row.count,
            last_at: rfc3339(row.last_ms / 1000),
        });
        Ok(ErrorsView {
            from: rfc3339(seen.from_ms / 1000),
            to: rfc3339(now_ms / 1000),
            minutes: MINUTES_KEPT,
            since_start: seen.since_start,
            data: data.collect(),
            others_count: seen.others,
        })
    }
}
