//! What a call runs: the deployment that it names, as its caller may see it, and that deployment's
//! place in the rate limit and among the workers.

use engine::{
    request::{Refusal, Text},
    supervise::Worker,
};
use policy::{
    authz::{Denied, DeploymentFacts, context::Moment},
    meter::Exceeded,
    permit::{Inference, ListModels, Permit},
    principal::Principal,
    workflow::penalty::Served,
};
use store::{Deployment, Model};

use super::{error::ApiError, fields, operation::Operation};
use crate::{authn::Caller, call::Call, clock, gateway::Gateway};

/// A deployment that a caller may use, with its model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// Who asked for it.
    pub(super) caller: &'a Caller,
    /// What was asked.
    pub(super) operation: Operation,
    /// The deployment.
    pub(super) deployment: &'a Deployment,
    /// What runs.
    pub(super) model: &'a Model,
    /// Whether prompts' prefixes may be reused for later requests of the tenant.
    pub(super) reuse_prefix: bool,
}

impl<'a> Target<'a> {
    /// Finds the deployment that the path, or else the body, names.
    ///
    /// # Errors
    /// When the caller has no such deployment, or it is for something else.
    pub(super) fn find(
        gateway: &Gateway,
        caller: &'a Caller,
        operation: Operation,
        path: Option<&str>,
        model: Option<&Text>,
    ) -> Result<Self, ApiError> {
        let name = path
            .or(model.map(|text| text.0.reveal()))
            .ok_or_else(|| ApiError::from(fields::missing("model")))?;
        let resource = caller.resource()?;
        let deployment = caller.directory.deployment(resource.id, name);
        let deployment = deployment.ok_or_else(|| not_found(gateway, caller))?;
        if deployment.task != operation.task() {
            return Err(ApiError::WrongTask { operation });
        }
        let model = caller.directory.model(deployment.model).ok_or(ApiError::Store)?;
        let reuse_prefix = resource.prefix_cache;
        Ok(Self { caller, operation, deployment, model, reuse_prefix })
    }

    /// Asks whether the caller may do `A` with it.
    ///
    /// # Errors
    /// When not; what the caller may not know of is answered as if it did not exist.
    pub(super) fn authorize<A: Inference>(&self, gateway: &Gateway) -> Result<Permit<A>, ApiError> {
        let facts = DeploymentFacts {
            tenant: self.caller.resource()?.tenant,
            resource: self.deployment.resource,
            deployment: self.deployment.id,
        };
        let authority = gateway.authorities.of(&self.caller.directory);
        let moment = Moment { now_ms: clock::now_ms() };
        authority
            .authorize(&self.caller.principal, &facts, &moment)
            .map_err(|denied| denied_to(&self.caller.principal, &denied))
    }

    /// Checks that the model can generate as many tokens as are asked for: at once, instead of
    /// generating until its context is full.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) fn holds(
        &self,
        gateway: &Gateway,
        param: &'static str,
        tokens_max: Option<u32>,
    ) -> Result<(), ApiError> {
        let configured = gateway.live.current().config.engine.context_tokens;
        // A model that does not say how long its context is has 0.
        let own = Some(self.model.facts.context_train).filter(|&tokens| tokens > 0);
        let context = own.map_or(configured, |own| own.min(configured));
        if tokens_max.is_none_or(|asked| asked <= context) {
            return Ok(());
        }
        Err(fields::wrong(
            param,
            format!(
                "'{param}' is too large: this model supports at most {context} tokens, those of the \
                 prompt included."
            ),
        )
        .into())
    }

    /// Counts the call against the deployment's minute, or what a penalty leaves of it.
    ///
    /// # Errors
    /// When the minute is used up.
    pub(super) fn admit(
        &self,
        gateway: &Gateway,
        call: &mut Call,
        served: Served,
        estimated_tokens: u64,
    ) -> Result<(), ApiError> {
        call.deployment = Some(self.deployment.id);
        tracing::trace!(request = %call.id, deployment = %self.deployment.id, estimated_tokens, "admitting");
        let throttle = served.throttle();
        let reserved = gateway.meters.reserve(self.deployment, served, estimated_tokens);
        let balance = match &reserved {
            Ok(balance) => balance,
            Err(
                Exceeded::Requests(balance) | Exceeded::Tokens(balance) | Exceeded::Never(balance),
            ) => balance,
        };
        call.balance = Some(*balance);
        let operation = self.operation;
        match reserved {
            Ok(_) => Ok(()),
            Err(exceeded) => {
                let resource = self.caller.resource()?.name.clone();
                Err(ApiError::RateLimited { operation, exceeded, throttle, resource })
            }
        }
    }

    /// The worker that runs the deployment's model.
    ///
    /// # Errors
    /// When it is only being started.
    pub(super) fn worker(&self, gateway: &Gateway) -> Result<Worker, ApiError> {
        gateway.fleet.worker(&self.caller.directory, self.deployment).map_err(|r| self.refused(r))
    }

    /// The engine's refusal as this call's error.
    pub(super) fn refused(&self, refusal: Refusal) -> ApiError {
        refused(self.operation, refusal)
    }
}

/// The engine's refusal of an operation; what the operator should know of it is logged.
pub(super) fn refused(operation: Operation, refusal: Refusal) -> ApiError {
    if let Refusal::Engine { reason } = &refusal {
        tracing::error!(%reason, "the engine failed");
    }
    ApiError::Refused { operation, refusal }
}

/// What a caller is told of a deployment that does not exist: those who may not list what there is
/// are told the same as of one that does.
fn not_found(gateway: &Gateway, caller: &Caller) -> ApiError {
    match gateway.permit::<ListModels>(caller) {
        Ok(permit) => {
            let deployments = caller.directory.deployments_of(permit.spend().resource);
            let there = deployments.map(|deployment| deployment.name.clone()).collect();
            ApiError::DeploymentNotFound { there }
        }
        Err(denied) => denied,
    }
}

/// What a caller is told who may not do what was asked. A key that does not see a thing is told that
/// there is none; a token of the right tenant, that it takes a role.
pub(crate) fn denied_to(principal: &Principal, denied: &Denied) -> ApiError {
    match (principal, denied) {
        (Principal::Key(_), Denied::Hidden | Denied::Forbidden(_)) => {
            ApiError::DeploymentNotFound { there: Vec::new() }
        }
        (Principal::Person(_) | Principal::Workload(_), Denied::Hidden | Denied::Forbidden(_)) => {
            ApiError::PermissionDenied
        }
    }
}
