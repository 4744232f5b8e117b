//! Usage, with names in place of ids where the things still exist.

use std::collections::HashMap;

use policy::{
    authz::facts::{ResourceFacts, Scope},
    permit::ReadUsage,
};
use serde::Serialize;
use store::ledger::UsageRow;

use super::{Acting, ManageError, time};

/// What one caller used of one deployment in one hour.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageView {
    /// The hour's beginning, in UTC.
    pub hour: String,
    /// The tenant: its name, or its id where it was deleted.
    pub tenant: String,
    /// The resource.
    pub resource: String,
    /// The deployment; empty for requests that named none.
    pub deployment: String,
    /// Which credential.
    pub caller: String,
    /// Requests.
    pub requests: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens generated.
    pub completion_tokens: u64,
}

impl UsageView {
    /// The rows as CSV, with a header. No field needs quoting: names are words.
    #[must_use]
    pub fn csv(views: &[Self]) -> String {
        let mut text = String::from(
            "hour,tenant,resource,deployment,caller,requests,prompt_tokens,completion_tokens\n",
        );
        for view in views {
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{}\n",
                view.hour,
                view.tenant,
                view.resource,
                view.deployment,
                view.caller,
                view.requests,
                view.prompt_tokens,
                view.completion_tokens
            ));
        }
        text
    }
}

impl Acting {
    /// Usage by hour, of one resource or of all whose usage the caller may read.
    ///
    /// # Errors
    /// When there is no such resource, or the store cannot be read.
    pub fn usage(&self, resource: Option<&str>) -> Result<Vec<UsageView>, ManageError> {
        let directory = self.store.directory()?;
        let of = match resource {
            Some(name) => match self.resource_for::<ReadUsage>(&directory, name)?.spend() {
                Scope::Resource(of) => Some(of.resource),
                Scope::Service | Scope::Tenant(_) | Scope::Deployment(_) => None,
            },
            None => None,
        };
        let view = |row: UsageRow| {
            let UsageRow { tenant, resource, deployment, caller, hour, requests, .. } = row;
            let named = |name: Option<&String>, id: String| name.cloned().unwrap_or(id);
            UsageView {
                hour: time(hour.saturating_mul(3600)),
                tenant: named(directory.tenant(tenant).map(|t| &t.name), tenant.to_string()),
                resource: named(
                    directory.resource(resource).map(|r| &r.name),
                    resource.to_string(),
                ),
                deployment: deployment.map_or_else(String::new, |id| {
                    let found = directory.deployments_of(resource).find(|d| d.id == id);
                    named(found.map(|d| &d.name), id.to_string())
                }),
                caller,
                requests,
                prompt_tokens: row.prompt_tokens,
                completion_tokens: row.completion_tokens,
            }
        };
        let rows = self.store.usage(of)?;
        // The permit for each resource, asked for once.
        let mut shown = HashMap::new();
        let mut shows = |row: &UsageRow| {
            let facts = ResourceFacts { tenant: row.tenant, resource: row.resource };
            let ask = || self.shows::<ReadUsage>(Scope::Resource(facts));
            shown.entry(facts).or_insert_with(ask).is_some()
        };
        Ok(rows.into_iter().filter(|row| shows(row)).map(view).collect())
    }
}
