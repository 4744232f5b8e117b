//! A completions request, from its first byte to its answer: the same steps as for chat, once for
//! each prompt.

use std::collections::VecDeque;

use engine::request::Work;
use policy::permit::Complete;
use wire::{
    completions::{Completion, CompletionWriter, parse},
    filter::Annotations,
    operation::Operation,
    sse::Writer,
};

use super::{
    answer,
    chat::deadline,
    error::ApiError,
    held::Held,
    reply::Reply,
    request::CallerRequest,
    sse::EventStream,
    target::{Prepared, Sought},
};
use crate::{
    abuse::Watched, call::Call, guard::checked, ids::random, meters::Wanted, services::Services,
};

/// Answers a completions request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(crate) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: CallerRequest,
) -> Result<Reply, ApiError> {
    let operation = Operation::Completions;
    let CallerRequest { caller, deployment, body, served, current, spillover, .. } = asked;
    let limits = &current.config.limits;
    let mut request = parse(body.reveal(), &limits.request(), u64::from_le_bytes(random()))?;
    let model = request.model.take();
    let prompts = request.prompts.iter().map(|prompt| &prompt.prompt);
    call.labelled(&request.labels, Watched::of(&request.labels, prompts));
    let sought = Sought {
        caller: &caller,
        served,
        operation,
        path: deployment.as_deref(),
        model: model.as_ref(),
        spillover: spillover.as_ref(),
    };
    let Prepared { target, permit } =
        sought.prepare::<Complete>(services, call, |target, call| {
            let setting = current.config.requests.no_effect_fields;
            call.no_effect = request.fit(&target.capabilities(services)?, setting)?;
            let tokens_max = request.prompts.iter().filter_map(|prompt| prompt.tokens_max).max();
            target.holds(services, "max_tokens", tokens_max)?;
            let prompts = u64::try_from(request.prompts.len()).unwrap_or(u64::MAX);
            Ok(Wanted {
                tokens: request.estimated_tokens,
                answers: prompts.saturating_mul(request.choices.into()),
                param: "max_tokens",
            })
        })?;

    // All prompts run at once, each with its own permit.
    let deadline = deadline(call, limits.request_ms);
    let mut answers = VecDeque::with_capacity(request.prompts.len());
    // No prompt runs before all are judged.
    let screen = target.screen(services, call, &permit);
    let mut judged = Vec::with_capacity(request.prompts.len());
    let screens: Vec<_> = request.prompts.iter().map(|_| screen.for_another_prompt()).collect();
    for (prompt, screen) in request.prompts.into_iter().zip(&screens) {
        let work = Work::Generate(Box::new(prompt));
        judged.push(target.judge(services, call, screen, work).await?);
    }
    let prompts = judged.iter().map(|work| checked(work.results())).collect();
    let mut first = Some(permit);
    for work in judged {
        let permit = first.take().map_or_else(|| target.authorize::<Complete>(services), Ok)?;
        let labels = &request.labels;
        answers.push_back(target.run(services, call, permit, work, labels, deadline.0).await?);
    }
    let front = answers.front_mut().ok_or(ApiError::Internal)?;
    let first = answer::accepted(front, operation).await?;

    let envelope = answer::envelope("cmpl", call.id, target.model);
    let (choices, echo) = (request.choices, request.echo.unwrap_or_default());
    if request.stream {
        let include_usage = request.include_usage;
        let writer = CompletionWriter::new(envelope, choices, echo, include_usage);
        let held = screens.into_iter().map(|screen| Held::new(screen, choices)).collect();
        return Ok(Reply::Events(Box::new(EventStream {
            answers,
            first,
            writer: Writer::Completions(writer),
            held,
            prompts,
            deadline,
            gathering: None,
            keeping: None,
        })));
    }
    let (mut collected, mut decisions) = (Vec::new(), Vec::new());
    let mut first = Some(first);
    for ((index, mut events), screen) in answers.into_iter().enumerate().zip(&screens) {
        let first = match first.take() {
            Some(first) => first,
            None => answer::accepted(&mut events, operation).await?,
        };
        let said = answer::collect(first, events, choices, operation, &mut call.usage).await?;
        decisions.extend(answer::judged(screen, &said, &mut call.screening).await?);
        let echo = echo.get(index).map_or("", |text| text.0.reveal());
        collected.extend(said.into_iter().map(|choice| (echo, choice)));
    }
    let annotations = Annotations { prompts, choices: decisions };
    let completion = Completion::whole(&envelope, collected, call.usage, &annotations);
    serde_json::to_vec(&completion)
        .map(|json| Reply::Json(json.into()))
        .map_err(|_| ApiError::Internal)
}
