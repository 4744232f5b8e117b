//! The model that a job trains: one that a deployment of the resource runs, so that its region, its
//! content filter and its permissions are decided as for a request.

use std::sync::Arc;

use policy::{
    forward::Forward,
    permit::{Complete, Permit},
    residency::{EngineFacts, Route},
};
use store::{ContentFilter, ModelFile};
use wire::operation::Operation;

use crate::{
    authn::Caller,
    clock,
    openai::{error::ApiError, target::Target},
    services::Services,
};

/// The model that a job trains.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'a> {
    target: Target<'a>,
    /// The model's file.
    pub(super) file: &'a ModelFile,
}

impl<'a> Base<'a> {
    /// Finds the model by its name, or by a deployment's name. `None` if no deployment of the caller's
    /// resource runs it from a file, or if it is fine-tuned already.
    pub(super) fn find(caller: &'a Caller, name: &str) -> Result<Option<Self>, ApiError> {
        let resource = caller.resource()?;
        let (directory, operation) = (&caller.directory, Operation::Chat);
        for deployment in directory.deployments_of(resource.id) {
            let Some(model) = directory.model(deployment.model) else { continue };
            let Some(file) = model.file.as_ref().filter(|_| model.tuned.is_none()) else {
                continue;
            };
            if !model.facts.generates || deployment.task != operation.task() {
                continue;
            }
            if model.name == name || deployment.name == name {
                let target = Target {
                    caller,
                    operation,
                    deployment,
                    model,
                    reuse_prefix: false,
                    forward: Forward::default(),
                    spillover: None,
                };
                return Ok(Some(Self { target, file }));
            }
        }
        Ok(None)
    }

    /// The model.
    pub(super) fn model(&self) -> &'a store::Model {
        self.target.model
    }

    /// Asks the policies whether the caller may use the model.
    ///
    /// # Errors
    /// If not.
    pub(super) fn permit(&self, services: &Services) -> Result<Permit<Complete>, ApiError> {
        self.target.authorize::<Complete>(services)
    }

    /// Asks the policies whether the resource's content may be processed on this machine.
    ///
    /// # Errors
    /// If not: then nothing is trained.
    pub(super) fn route(&self, services: &Services) -> Result<Route, ApiError> {
        let here = services.live.current().config.regions.here.clone();
        let allowed = self.target.allowed(services)?;
        let reaching = allowed.reaching(EngineFacts::embedded(here), clock::now_ms());
        match self.target.route(services, &reaching)? {
            Some(route) => Ok(route),
            None => Err(self.target.no_engine(allowed.regions, std::collections::BTreeSet::new())),
        }
    }

    /// The content filter of the deployment.
    pub(super) fn filter(&self, services: &Services) -> Arc<ContentFilter> {
        let floor = services.live.current().config.guard.floor.filter();
        let directory = &self.target.caller.directory;
        directory.content_filter(self.target.deployment, clock::now_ms(), &floor)
    }
}
