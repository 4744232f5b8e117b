//! Spillover: if a deployment has no capacity for a request, the deployment that its setting or the
//! caller names takes it. There is one hop.
//!
//! The other deployment decides about the request anew: its own permit, abilities, limits, engines
//! and routes. The policies decide whether it may take the request at all
//! ([`policy::spillover`]): it never widens the regions.

use engine::request::Refusal;
use policy::{meter::Exceeded, spillover::Spillover};
use store::Deployment;
use upstream::Why;
use wire::operation::Operation;

use super::{chat, completions, embeddings, error::ApiError, reply::Reply, request::CallerRequest};
use crate::{
    call::{Call, Spilled},
    clock,
    processing::{Place, Processing},
    services::Services,
};

/// The header with which a caller names the deployment that takes a request's overflow: Azure's.
pub(crate) const HEADER: &str = "x-ms-spillover-deployment";

/// Answers a request: by the deployment that was called, or else by its spillover. `named` is the
/// spillover that the caller names, which comes before the deployment's own.
///
/// # Errors
/// The refusal of the deployment that was called. If the request got as far as an engine of the
/// spillover, the refusal is the spillover's.
pub(crate) async fn answer(
    services: &Services,
    call: &mut Call,
    operation: Operation,
    asked: CallerRequest,
    named: Option<&str>,
) -> Result<Reply, ApiError> {
    let (caller, body, shared) = (asked.caller.clone(), asked.body.clone(), asked.shared);
    let current = std::sync::Arc::clone(&asked.current);
    let error = match once(services, call, operation, asked).await {
        Ok(reply) => return Ok(reply),
        Err(error) => error,
    };
    // No request is repeated of which a part was answered.
    if !lacks_capacity(&error) || call.engine.is_some() {
        return Err(error);
    }
    let deployments = || caller.directory.deployments_of(caller.resource);
    let Some(from) = deployments().find(|one| Some(one.id) == call.deployment) else {
        return Err(error);
    };
    let Some((to, spillover)) = target(from, named, deployments()) else { return Err(error) };
    // The verdict was used up by the first attempt. If the resource was blocked in between, the
    // call was begun before that.
    let Ok(served) = caller.penalty()?.verdict(clock::now_ms()) else { return Err(error) };
    tracing::debug!(request = %call.id, from = %from.id, to = %to.id, "spilling over");
    let before = (call.balance, call.no_effect.clone(), call.processing.clone());
    // A worker that refused the request has not run it.
    call.processing.take_if(|processing| matches!(processing.place, Place::Here { .. }));
    let attempts =
        |processing: &Option<Processing>| processing.as_ref().map_or(0, Processing::attempts);
    let earlier = attempts(&call.processing);
    call.spilled = Some(Spilled {
        from: from.name.clone(),
        to: to.name.clone(),
        status: error.answer().status,
    });
    call.personal.again();
    let from = from.id;
    let asked = CallerRequest {
        deployment: Some(to.name.clone()),
        caller: caller.clone(),
        body,
        shared,
        served,
        current,
        spillover: Some(spillover),
    };
    let refused = match once(services, call, operation, asked).await {
        Ok(reply) => return Ok(reply),
        Err(refused) => refused,
    };
    if attempts(&call.processing) > earlier {
        return Err(refused);
    }
    // The spillover did not take the request: the call is as it was.
    call.deployment = Some(from);
    (call.balance, call.no_effect, call.processing) = before;
    call.spilled = None;
    Err(error)
}

/// Answers a request by the deployment that it names.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(crate) async fn once(
    services: &Services,
    call: &mut Call,
    operation: Operation,
    asked: CallerRequest,
) -> Result<Reply, ApiError> {
    // Boxed: the three futures differ in size, and each connection reserves room for the largest.
    match operation {
        Operation::Chat => Box::pin(chat::answer(services, call, asked)).await,
        Operation::Completions => Box::pin(completions::answer(services, call, asked)).await,
        Operation::Embeddings => Box::pin(embeddings::answer(services, call, asked)).await,
        // A response keeps an object: its own path makes it.
        Operation::Responses => Err(ApiError::RouteNotFound),
    }
}

/// Returns the deployment that takes the overflow of `from`, with the decision that it may.
fn target<'a>(
    from: &Deployment,
    named: Option<&str>,
    mut deployments: impl Iterator<Item = &'a Deployment>,
) -> Option<(&'a Deployment, Spillover)> {
    let to = deployments.find(|one| match named {
        Some(name) => one.name == name,
        None => Some(one.id) == from.spillover,
    })?;
    let spillover = Spillover::permitted(from.side(), to.side()).ok()?;
    Some((to, spillover))
}

/// Whether a deployment refused a request for want of capacity, before any engine can have begun it.
pub(crate) fn lacks_capacity(error: &ApiError) -> bool {
    match error {
        ApiError::RateLimited { exceeded, .. } => {
            matches!(exceeded, Exceeded::Requests(_) | Exceeded::Tokens(_))
        }
        ApiError::Refused { refusal, .. } => matches!(
            refusal,
            Refusal::QueueFull { .. } | Refusal::NotReady { .. } | Refusal::ModelFailed { .. }
        ),
        ApiError::Unanswered { why, .. } => match why {
            Why::NoEngine | Why::Busy { .. } | Why::Ejected { .. } => true,
            // As for a retry at an engine of a processor: it must not have begun the request.
            Why::Failed(failure) => failure.allows_retry(true),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use policy::{
        id::{DeploymentId, ModelId, ResourceId},
        meter::{Balance, RateLimits},
        residency::Sku,
        task::Task,
    };
    use upstream::Failure;

    use super::*;
    use crate::{meters::Wanted, openai::error::NoEngine};

    fn deployment(number: u8, sku: Sku, spillover: Option<u8>) -> Deployment {
        Deployment {
            id: DeploymentId::from_random([number; 16]),
            resource: ResourceId::from_random([1; 16]),
            name: format!("d{number}"),
            model: ModelId::from_random([1; 16]),
            task: Task::Chat,
            sku,
            limits: RateLimits { tokens_per_minute: 1, requests_per_minute: 1 },
            spillover: spillover.map(|number| DeploymentId::from_random([number; 16])),
            filter: None,
            created_at: 1,
        }
    }

    #[test]
    fn the_caller_or_the_setting_names_the_target_and_the_policies_decide() {
        let from = deployment(1, Sku::Standard, Some(2));
        let all = [
            from.clone(),
            deployment(2, Sku::Standard, None),
            deployment(3, Sku::Standard, None),
            deployment(4, Sku::GlobalStandard, None),
            deployment(5, Sku::Standard, Some(3)),
        ];
        let target = |named| target(&from, named, all.iter()).map(|(to, _)| to.name.as_str());
        assert_eq!(target(None), Some("d2"));
        assert_eq!(target(Some("d3")), Some("d3"));
        for (refused, why) in [
            ("d1", "itself"),
            ("d4", "wider regions"),
            ("d5", "a second hop"),
            ("d9", "no such deployment"),
        ] {
            assert_eq!(target(Some(refused)), None, "{why}");
        }
        // A setting that no longer fits, because a row was changed by hand.
        let wide = deployment(1, Sku::DataZoneStandard, Some(2));
        assert!(super::target(&wide, None, all.iter()).is_none());
    }

    #[test]
    fn only_want_of_capacity_spills_over() {
        let operation = Operation::Chat;
        let limits = RateLimits { tokens_per_minute: 1, requests_per_minute: 1 };
        let balance = Balance { limits, remaining_tokens: 0, remaining_requests: 0, reset_ms: 1 };
        let limited = |exceeded| ApiError::RateLimited {
            operation,
            exceeded,
            wanted: Wanted { tokens: 1, answers: 1, param: "n" },
            throttle: None,
            resource: String::new(),
        };
        let unanswered = |why| ApiError::Unanswered { operation, why };
        let failed = |failure| unanswered(Why::Failed(failure));
        let refused = |refusal| ApiError::Refused { operation, refusal };
        let retry_after = Duration::from_secs(1);
        for error in [
            limited(Exceeded::Requests(balance)),
            limited(Exceeded::Tokens(balance)),
            refused(Refusal::QueueFull { waiting: 1 }),
            refused(Refusal::NotReady { retry_after_ms: 1 }),
            unanswered(Why::NoEngine),
            unanswered(Why::Busy { retry_after }),
            unanswered(Why::Ejected { retry_after }),
            failed(Failure::NotSent),
            failed(Failure::Busy { retry_after: None }),
            failed(Failure::Unavailable { status: 503, retry_after: None }),
        ] {
            assert!(lacks_capacity(&error), "{error:?}");
        }
        let rule = NoEngine {
            sku: Sku::Standard,
            regions: ["local".to_owned()].into(),
            processors: std::collections::BTreeSet::new(),
        };
        for error in [
            limited(Exceeded::Never(balance)),
            refused(Refusal::WorkerDied),
            // The rule of residency stays the answer.
            ApiError::NoEngine(rule),
            // The engine may have begun these.
            failed(Failure::Slow),
            failed(Failure::Broken),
            failed(Failure::ContentFiltered),
            ApiError::PermissionDenied,
        ] {
            assert!(!lacks_capacity(&error), "{error:?}");
        }
    }
}
