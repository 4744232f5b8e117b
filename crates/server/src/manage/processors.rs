//! The list of processors: the companies that operate engines, from the engines and the log's
//! history of them.

use audit::rfc3339;
use policy::{
    authz::facts::Service,
    id::{PersonId, ResourceId},
    permit::ReadEngines,
};
use serde::Serialize;
use store::{Directory, ProcessorUse};

use super::{Acting, ManageError};

/// A processor: a company that operates engines, and is not the operator of this service.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessorView {
    /// Name of the processor.
    pub name: String,
    /// Country of its seat.
    pub country: String,
    /// Reference of its contract.
    pub contract: String,
    /// Time at which its first engine was added.
    pub since: String,
    /// Its engines, present and former, the earliest first.
    pub engines: Vec<ProcessorEngineView>,
    /// The resources whose customers allow it.
    pub allowed: Vec<AllowedView>,
    /// The requests that it got, by resource.
    pub requests: Vec<RequestsView>,
}

/// An engine that a processor operates or operated.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProcessorEngineView {
    /// Name of the engine.
    pub name: String,
    /// Region in which it processes requests.
    pub region: String,
    /// Time from which on the processor operates it in that region.
    pub since: String,
    /// Time of its removal or change; left out if it is still so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A resource whose customer allows a processor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AllowedView {
    /// Name of the resource.
    pub resource: String,
    /// Time at which it was allowed.
    pub since: String,
    /// Id in the log of the customer's officer who allowed it.
    pub by: PersonId,
}

/// The requests of a resource that a processor got.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestsView {
    /// Name of the resource, or its id if it was deleted.
    pub resource: String,
    /// Number of requests, answered or not.
    pub requests: u64,
}

impl Acting {
    /// Lists the processors that ever operated an engine here, by name.
    ///
    /// # Errors
    /// The caller may not see engines, or the store cannot be read.
    pub(crate) fn processors(&self) -> Result<Vec<ProcessorView>, ManageError> {
        let Service = self.of_service::<ReadEngines>()?.spend();
        let directory = self.store.directory()?;
        let uses = self.store.processor_uses()?;
        Ok(uses.into_iter().map(|one| ProcessorView::of(one, &directory)).collect())
    }
}

impl ProcessorView {
    fn of(one: ProcessorUse, directory: &Directory) -> Self {
        let time = |ms: u64| rfc3339(ms / 1000);
        let since = one.since_ms().map_or_else(String::new, time);
        let named = |id: ResourceId| {
            let found = directory.resource(id);
            found.map_or_else(|| id.to_string(), |resource| resource.name.clone())
        };
        let engines = one.engines.into_iter().map(|engine| ProcessorEngineView {
            name: engine.name,
            region: engine.region,
            since: time(engine.since_ms),
            until: engine.until_ms.map(time),
        });
        let allowed = one.permissions.into_iter().map(|permission| AllowedView {
            resource: named(permission.resource),
            since: time(permission.since_ms),
            by: permission.person,
        });
        let requests = one.requests.into_iter().map(|requests| RequestsView {
            resource: named(requests.resource),
            requests: requests.requests,
        });
        Self {
            name: one.processor.name,
            country: one.processor.country,
            contract: one.processor.contract,
            since,
            engines: engines.collect(),
            allowed: allowed.collect(),
            requests: requests.collect(),
        }
    }
}
