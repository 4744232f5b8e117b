//! A chat request, from its first byte to its answer. The steps in `answer` are in order of time;
//! each step consumes the result of the previous one.

use engine::request::Work;
use policy::{object::Class, permit::Complete};
use tokio::time::Instant;
use wire::{
    chat::{ChatWriter, parse, response::ChatCompletion},
    error::Invalid,
    filter::Annotations,
    operation::Operation,
    sse::Writer,
};

use super::{
    answer,
    error::ApiError,
    held::Held,
    reply::Reply,
    request::CallerRequest,
    sse::EventStream,
    state::{
        completions::keeping::{Gathering, Keeping},
        objects::Objects,
    },
    target::{Prepared, Sought},
};
use crate::{
    abuse::Watched, authn::Caller, call::Call, guard::checked, ids::random, meters::Wanted,
    restricted, services::Services,
};

/// Answers a chat request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(crate) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: CallerRequest,
) -> Result<Reply, ApiError> {
    let CallerRequest { caller, deployment, body, shared, served, current, spillover } = asked;
    let limits = &current.config.limits;
    let mut request = parse(body.reveal(), &limits.request(), u64::from_le_bytes(random()))?;
    if request.store {
        may_store(services, &caller)?;
    }
    let model = request.model.take();
    let watched = Watched::of(&request.labels, [&request.generate.prompt]);
    call.labelled(&request.labels, watched);
    if request.store {
        restricted::may_keep(services, &caller, &call.subject, "store").await?;
    }
    let sought = Sought {
        caller: &caller,
        served,
        operation: Operation::Chat,
        path: deployment.as_deref(),
        model: model.as_ref(),
        spillover: spillover.as_ref(),
    };
    let Prepared { target, permit } =
        sought.prepare::<Complete>(services, call, |target, call| {
            let setting = current.config.requests.no_effect_fields;
            call.no_effect = request.fit(&target.capabilities(services)?, setting)?;
            target.holds(services, request.tokens_max_param, request.generate.tokens_max)?;
            Ok(Wanted {
                tokens: request.estimated_tokens,
                answers: request.generate.choices.into(),
                param: request.tokens_max_param,
            })
        })?;

    let (choices, wants_logprobs) = (request.generate.choices, request.generate.logprobs.is_some());
    let deadline = deadline(call, limits.request_ms);
    let work = Work::Generate(Box::new(request.generate));
    let keeping = match request.store {
        true => {
            let kept = (body, request.labels.metadata.clone());
            let begun = Keeping::begin((services, &caller), call, shared, &target, kept);
            Some(Box::pin(begun).await?)
        }
        false => None,
    };
    let screen = target.screen(services, call, &permit);
    let work = target.judge(services, call, &screen, work).await?;
    let prompts = vec![checked(work.results())];
    let mut events = target.run(services, call, permit, work, &request.labels, deadline.0).await?;
    let first = answer::accepted(&mut events, Operation::Chat).await?;

    let mut envelope = answer::envelope("chatcmpl", call.id, target.model);
    envelope.tier = request.tier;
    if let Some(keeping) = &keeping {
        envelope.id = keeping.id();
    }
    if request.stream {
        let writer = ChatWriter { envelope, choices, include_usage: request.include_usage };
        return Ok(Reply::Events(Box::new(EventStream {
            answers: [events].into(),
            first,
            writer: Writer::Chat(writer),
            held: [Held::new(screen, choices)].into(),
            prompts,
            deadline,
            gathering: keeping
                .map(|keeping| Box::new(Gathering::new(keeping, choices, wants_logprobs))),
            keeping: None,
        })));
    }
    let choices = answer::collect(first, events, choices, Operation::Chat, &mut call.usage).await?;
    let judged = answer::judged(&screen, &choices, &mut call.screening).await?;
    let annotations = Annotations { prompts, choices: judged };
    let completion =
        ChatCompletion::new(&envelope, choices, wants_logprobs, call.usage, &annotations);
    let json = serde_json::to_vec(&completion).map_err(|_| ApiError::Internal)?;
    if let Some(keeping) = keeping {
        call.writes(keeping.complete(&json)?);
    }
    Ok(Reply::Json(json.into()))
}

/// Refuses `store` where the resource keeps no chat completions.
fn may_store(services: &Services, caller: &Caller) -> Result<(), ApiError> {
    Objects::of(services, caller).must_keep(Class::Completion, "store")?;
    if caller.resource()?.stored_completions {
        return Ok(());
    }
    let message = "Unsupported parameter: 'store' is not supported: stored chat completions are switched \
                   off for this resource. Leave it out or send false, or ask the operator of this service \
                   to switch them on.";
    Err(Invalid::unsupported("store", message).into())
}

/// Returns the time by which a call must have ended, and the limit in milliseconds.
pub(super) fn deadline(call: &Call, limit_ms: u64) -> (Instant, u64) {
    let limit = std::time::Duration::from_millis(limit_ms);
    (Instant::from_std(call.started) + limit, limit_ms)
}
