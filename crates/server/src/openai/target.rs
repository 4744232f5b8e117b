//! The target of a call: the named deployment as its caller may see it, with its capabilities and its
//! rate limit.

use std::collections::BTreeSet;

use engine::request::{Refusal, Text};
use policy::{
    authz::{DeploymentFacts, context::Moment},
    capability::Capability,
    forward::Forward,
    meter::Exceeded,
    permit::{Inference, ListModels, Permit},
    spillover::Spillover,
    workflow::penalty::Unblocked,
};
use store::{Deployment, Model};
use wire::{error::Invalid, operation::Operation};

use super::error::ApiError;
use crate::{authn::Caller, call::Call, clock, meters::Wanted, services::Services};

/// A deployment that a caller may use, with its model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    /// The caller.
    pub(super) caller: &'a Caller,
    /// The requested operation.
    pub(super) operation: Operation,
    /// The deployment.
    pub(super) deployment: &'a Deployment,
    /// The model.
    pub(super) model: &'a Model,
    /// Whether later requests of the tenant may reuse prompt prefixes.
    pub(super) reuse_prefix: bool,
    /// The labels of requests that other engines get.
    pub(super) forward: Forward,
    /// The decision that the deployment takes the request of another one.
    pub(super) spillover: Option<&'a Spillover>,
}

/// What a caller asks for: an operation of a deployment that the path or the body names.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    /// The caller.
    pub(super) caller: &'a Caller,
    /// The penalty that the caller's resource has, if any.
    pub(super) served: Unblocked,
    /// The requested operation.
    pub(super) operation: Operation,
    /// The deployment that the path names.
    pub(super) path: Option<&'a str>,
    /// The deployment that the body names.
    pub(super) model: Option<&'a Text>,
    /// The decision that the deployment takes the request of another one.
    pub(super) spillover: Option<&'a Spillover>,
}

/// A call that may run: its target, and the permit for it.
#[derive(Debug)]
pub(super) struct Prepared<'a, A: Inference> {
    pub(super) target: Target<'a>,
    pub(super) permit: Permit<A>,
}

impl<'a> Sought<'a> {
    /// Finds the deployment, authorizes the caller, checks the task and the request against the
    /// model, and counts the call, in this order. `wanted` checks the request, notes in the call the
    /// fields that have no effect, and returns the part of the limits that the request needs.
    ///
    /// The order is a promise. The authorization comes before the checks and before anything is
    /// counted. So a caller without access learns nothing about the deployment's task, model,
    /// limits or load, and uses up none of its limits. A request that the model cannot serve is not
    /// counted.
    ///
    /// # Errors
    /// If a step refuses the call; the steps after it do not happen.
    pub(super) fn prepare<A: Inference>(
        self,
        services: &Services,
        call: &mut Call,
        wanted: impl FnOnce(&Target<'a>, &mut Call) -> Result<Wanted, ApiError>,
    ) -> Result<Prepared<'a, A>, ApiError> {
        let Self { caller, served, operation, path, model, spillover } = self;
        let mut target = Target::find(services, caller, operation, path, model)?;
        target.spillover = spillover;
        let permit = target.authorize::<A>(services)?;
        target.suits()?;
        let wanted = wanted(&target, call)?;
        target.admit(services, call, served, wanted)?;
        Ok(Prepared { target, permit })
    }

    /// Makes the same checks for work that begins later. Nothing is counted: the work is, when it
    /// begins.
    ///
    /// # Errors
    /// As [`Self::prepare`], but for the limits.
    pub(super) fn check<A: Inference>(
        self,
        services: &Services,
        call: &mut Call,
        wanted: impl FnOnce(&Target<'a>, &mut Call) -> Result<Wanted, ApiError>,
    ) -> Result<Target<'a>, ApiError> {
        let Self { caller, served: _, operation, path, model, spillover } = self;
        let mut target = Target::find(services, caller, operation, path, model)?;
        target.spillover = spillover;
        let _ = target.authorize::<A>(services)?;
        target.suits()?;
        wanted(&target, call)?;
        Ok(target)
    }
}

impl<'a> Target<'a> {
    /// Finds the deployment named by the path, or else by the body.
    ///
    /// # Errors
    /// If the caller has no such deployment.
    fn find(
        services: &Services,
        caller: &'a Caller,
        operation: Operation,
        path: Option<&str>,
        model: Option<&Text>,
    ) -> Result<Self, ApiError> {
        let name = path
            .or(model.map(|text| text.0.reveal()))
            .ok_or_else(|| ApiError::from(Invalid::missing("model")))?;
        let resource = caller.resource()?;
        let deployment = caller.directory.deployment(resource.id, name);
        let deployment = deployment.ok_or_else(|| not_found(services, caller))?;
        let model = caller.directory.model(deployment.model).ok_or(ApiError::Store)?;
        let (reuse_prefix, forward) = (resource.prefix_cache, resource.forward);
        Ok(Self { caller, operation, deployment, model, reuse_prefix, forward, spillover: None })
    }

    /// Authorizes the caller for the action `A` on the deployment.
    ///
    /// # Errors
    /// If the caller is not allowed. A deployment that the caller may not see is reported as
    /// missing.
    pub(super) fn authorize<A: Inference>(
        &self,
        services: &Services,
    ) -> Result<Permit<A>, ApiError> {
        let facts = self.facts()?;
        let authority = services.authorities.of(&self.caller.directory);
        let moment = Moment { now_ms: clock::now_ms() };
        authority
            .authorize(&self.caller.principal, &facts, &moment)
            .map_err(|denied| ApiError::denied(&self.caller.principal, &denied))
    }

    /// Returns the facts about the deployment that a decision reads.
    ///
    /// # Errors
    /// If the caller's resource is gone.
    pub(super) fn facts(&self) -> Result<DeploymentFacts, ApiError> {
        Ok(DeploymentFacts {
            tenant: self.caller.resource()?.tenant,
            resource: self.deployment.resource,
            deployment: self.deployment.id,
        })
    }

    /// Checks that the deployment is for the operation.
    ///
    /// # Errors
    /// If its model is for another task.
    fn suits(&self) -> Result<(), ApiError> {
        let operation = self.operation;
        if self.deployment.task == operation.task() {
            return Ok(());
        }
        Err(ApiError::WrongTask { operation })
    }

    /// Returns the capabilities of the deployment: those that each engine has that may process its
    /// requests. A request that needs another one is refused by name.
    ///
    /// # Errors
    /// If the caller's resource is gone.
    pub(super) fn capabilities(
        &self,
        services: &Services,
    ) -> Result<BTreeSet<Capability>, ApiError> {
        if self.model.file.is_some() {
            return Ok(embedded_capabilities());
        }
        let allowed = self.allowed(services)?;
        let engines = self.caller.directory.engines_of(self.model.id);
        let fitting =
            engines.filter(|engine| allowed.reaching(engine.facts(), 0).misfit().is_none());
        let common =
            fitting.map(|engine| engine.capabilities.clone()).reduce(|one, other| &one & &other);
        // Without any engine the request is refused later, with the reason.
        Ok(common.unwrap_or_else(|| Capability::ALL.into_iter().collect()))
    }

    /// Checks that the context can hold the requested number of tokens. Refusing now is better than
    /// generating until the context is full.
    ///
    /// # Errors
    /// If it cannot.
    pub(super) fn holds(
        &self,
        services: &Services,
        param: &'static str,
        tokens_max: Option<u32>,
    ) -> Result<(), ApiError> {
        let context = self.context(services);
        if tokens_max.is_none_or(|asked| asked <= context) {
            return Ok(());
        }
        Err(Invalid::value(
            param,
            format!(
                "'{param}' is too large: this model supports at most {context} tokens, those of the \
                 prompt included."
            ),
        )
        .into())
    }

    /// Returns the number of tokens in one of the model's sequences. The configuration limits those
    /// of the workers on this machine only.
    fn context(&self, services: &Services) -> u32 {
        // 0 means that neither the model's file nor the operator states the length.
        let own = Some(self.model.facts.context_train).filter(|&tokens| tokens > 0);
        if self.model.file.is_none() {
            return own.unwrap_or(u32::MAX);
        }
        let configured = services.live.current().config.engine.context_tokens;
        own.map_or(configured, |own| own.min(configured))
    }

    /// Counts the call against the deployment's limits for this minute, reduced by any penalty.
    ///
    /// # Errors
    /// If the limits are used up, or too small for this call.
    fn admit(
        &self,
        services: &Services,
        call: &mut Call,
        served: Unblocked,
        wanted: Wanted,
    ) -> Result<(), ApiError> {
        call.deployment = Some(self.deployment.id);
        call.model = Some(self.model.name.clone());
        // Reserves no more tokens than the call can use.
        let most = wanted.answers.saturating_mul(self.context(services).into());
        let estimated_tokens = wanted.tokens.min(most);
        tracing::trace!(request = %call.id, deployment = %self.deployment.id, estimated_tokens, "admitting");
        let throttle = served.throttle();
        let reserved = match call.behind {
            false => services.meters.reserve(self.deployment, served, estimated_tokens),
            // Batches use up nothing of the limits of other requests.
            true => {
                let limits = services.live.current().config.batch.limits();
                let deployment = Deployment { limits, ..self.deployment.clone() };
                services.batches.meters.reserve(&deployment, served, estimated_tokens)
            }
        };
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
                let wanted = Wanted { tokens: estimated_tokens, ..wanted };
                Err(ApiError::RateLimited { operation, exceeded, wanted, throttle, resource })
            }
        }
    }

    /// Converts the engine's refusal to this call's error.
    pub(super) fn refused(&self, refusal: Refusal) -> ApiError {
        ApiError::refused(self.operation, refusal)
    }
}

/// Returns the capabilities of the embedded engine, with any model. A model file without tokens for
/// filling in the middle lacks `Suffix`; the worker that has read the file refuses then.
fn embedded_capabilities() -> BTreeSet<Capability> {
    BTreeSet::from([
        Capability::Tools,
        Capability::JsonSchema,
        Capability::ToolsWithJsonSchema,
        Capability::Logprobs,
        Capability::Choices,
        Capability::LocalSampling,
        Capability::Suffix,
    ])
}

/// Returns the error for a missing deployment. Callers that may not list deployments get the same
/// error as for an existing deployment.
fn not_found(services: &Services, caller: &Caller) -> ApiError {
    match services.permit::<ListModels>(caller) {
        Ok(permit) => {
            let deployments = caller.directory.deployments_of(permit.spend().resource);
            let there = deployments.map(|deployment| deployment.name.clone()).collect();
            ApiError::DeploymentNotFound { there }
        }
        Err(denied) => denied,
    }
}
