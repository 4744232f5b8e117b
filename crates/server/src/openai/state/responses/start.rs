//! Running a request for a response, up to the first event of its answer.

use std::collections::BTreeSet;

use engine::request::{Event, Refusal, Work};
use policy::{
    capability::Capability,
    permit::{Complete, Permit},
    workflow::penalty::Unblocked,
};
use tokio::time::Instant;
use upstream::{Failure, Why};
use wire::{
    filter::Checked,
    limits::RequestLimits,
    operation::Operation,
    responses::{Lowered, ResponseRequest, item::Item, lower::TIERED, request::Truncation},
};

use crate::{
    abuse::Watched,
    authn::Caller,
    call::Call,
    guard::{Screen, checked},
    ids::random,
    live::Current,
    meters::Wanted,
    openai::{
        answer,
        error::ApiError,
        events::Events,
        target::{Prepared, Sought, Target},
    },
    services::Services,
};

/// A request for a response, with all that it continues.
pub(super) struct Asked {
    pub(super) request: ResponseRequest,
    /// The items of earlier responses, or of the conversation.
    pub(super) earlier: Vec<Item>,
    /// The deployment that the path names.
    pub(super) path: Option<String>,
}

/// A request that may run.
pub(super) struct Begun<'a> {
    pub(super) target: Target<'a>,
    /// Whether the deployment's engine chooses the tier.
    pub(super) is_tiered: bool,
    permit: Permit<Complete>,
    lowered: Lowered,
    capabilities: BTreeSet<Capability>,
}

/// An answer that has begun.
pub(super) struct Started {
    pub(super) events: Events,
    pub(super) first: Event,
    pub(super) screen: Screen,
    pub(super) prompts: Vec<Checked>,
}

impl Asked {
    /// Checks the request, finds its deployment, asks the policies, and counts the call.
    ///
    /// # Errors
    /// If a step refuses the request.
    pub(super) fn prepare<'a>(
        &'a self,
        services: &Services,
        call: &mut Call,
        (caller, served): (&'a Caller, Unblocked),
        current: &Current,
    ) -> Result<Begun<'a>, ApiError> {
        let mut lowered = self.lower(0, &current.config.limits.request())?;
        self.watch(call, &lowered);
        let mut capabilities = BTreeSet::new();
        let Prepared { target, permit } =
            self.sought(caller, served).prepare(services, call, |target, call| {
                capabilities = target.capabilities(services)?;
                fit(services, call, target, &mut lowered, (&capabilities, current))
            })?;
        let is_tiered = capabilities.contains(&TIERED);
        Ok(Begun { target, is_tiered, permit, lowered, capabilities })
    }

    /// Makes the checks of [`Self::prepare`] for work that begins later. Returns the model's name, and
    /// whether the engine chooses the tier.
    ///
    /// # Errors
    /// If a step refuses the request.
    pub(super) fn check(
        &self,
        services: &Services,
        call: &mut Call,
        (caller, served): (&Caller, Unblocked),
        current: &Current,
    ) -> Result<(String, bool), ApiError> {
        let mut lowered = self.lower(0, &current.config.limits.request())?;
        let mut capabilities = BTreeSet::new();
        let sought = self.sought(caller, served);
        let target = sought.check::<Complete>(services, call, |target, call| {
            capabilities = target.capabilities(services)?;
            fit(services, call, target, &mut lowered, (&capabilities, current))
        })?;
        Ok((target.model.name.clone(), capabilities.contains(&TIERED)))
    }

    fn sought<'a>(&'a self, caller: &'a Caller, served: Unblocked) -> Sought<'a> {
        Sought {
            caller,
            served,
            operation: Operation::Responses,
            path: self.path.as_deref(),
            model: self.request.model.as_ref(),
            spillover: None,
        }
    }

    fn lower(&self, left_out: usize, limits: &RequestLimits) -> Result<Lowered, ApiError> {
        let entropy = u64::from_le_bytes(random());
        Ok(self.request.lower(&self.earlier, left_out, limits, entropy)?)
    }

    fn watch(&self, call: &mut Call, lowered: &Lowered) {
        let labels = &lowered.chat.labels;
        call.labelled(labels, Watched::of(labels, [&lowered.chat.generate.prompt]));
    }
}

/// Fits the request to the engine, and returns the share of the limits that it needs.
fn fit(
    services: &Services,
    call: &mut Call,
    target: &Target<'_>,
    lowered: &mut Lowered,
    (capabilities, current): (&BTreeSet<Capability>, &Current),
) -> Result<Wanted, ApiError> {
    let setting = current.config.requests.no_effect_fields;
    call.no_effect = lowered.fit(capabilities, setting)?;
    let chat = &lowered.chat;
    target.holds(services, chat.tokens_max_param, chat.generate.tokens_max)?;
    Ok(Wanted {
        tokens: chat.estimated_tokens,
        answers: chat.generate.choices.into(),
        param: chat.tokens_max_param,
    })
}

impl Begun<'_> {
    /// Runs the request. If the context cannot hold all items, and the request allows it, the oldest
    /// are left out.
    ///
    /// # Errors
    /// If a step refuses the request.
    pub(super) async fn run(
        self,
        services: &Services,
        call: &mut Call,
        (asked, current): (&Asked, &Current),
        deadline: Instant,
    ) -> Result<Started, ApiError> {
        let Self { target, is_tiered: _, mut permit, mut lowered, capabilities } = self;
        let mut left_out = 0;
        loop {
            let attempt = attempt(&target, services, call, (permit, lowered), deadline).await;
            let error = match attempt {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            let may_leave_out = asked.request.truncation == Truncation::Auto;
            let Some(left) = left(&error).filter(|_| may_leave_out) else { return Err(error) };
            let Some(more) = asked.request.leaves_out(&asked.earlier, left, left_out) else {
                return Err(error);
            };
            left_out = more;
            lowered = asked.lower(left_out, &current.config.limits.request())?;
            let setting = current.config.requests.no_effect_fields;
            lowered.fit(&capabilities, setting)?;
            permit = target.authorize::<Complete>(services)?;
        }
    }
}

async fn attempt(
    target: &Target<'_>,
    services: &Services,
    call: &mut Call,
    (permit, lowered): (Permit<Complete>, Lowered),
    deadline: Instant,
) -> Result<Started, ApiError> {
    call.personal.again();
    let chat = lowered.chat;
    let work = Work::Generate(Box::new(chat.generate));
    let screen = target.screen(services, call, &permit);
    let work = target.judge(services, call, &screen, work).await?;
    let prompts = vec![checked(work.results())];
    let mut events = target.run(services, call, permit, work, &chat.labels, deadline).await?;
    let first = answer::accepted(&mut events, Operation::Responses).await?;
    Ok(Started { events, first, screen, prompts })
}

/// Returns about how many of a thousand parts of the text the context can hold; `None` if the error
/// has another reason.
fn left(error: &ApiError) -> Option<usize> {
    match error {
        ApiError::Refused { refusal: Refusal::ContextLength { limit, asked }, .. } => {
            // A quarter of the context is for the answer.
            let share = u64::from(*limit).saturating_mul(750) / (*asked).max(1);
            usize::try_from(share).ok().map(|share| share.min(990))
        }
        ApiError::Unanswered { why: Why::Failed(Failure::ContextLength), .. } => Some(750),
        _ => None,
    }
}
