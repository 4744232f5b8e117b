//! An embeddings request, from its first byte to its answer.

use engine::request::{Event, Work};
use policy::permit::Embed;
use wire::{
    embeddings::{EmbeddingList, parse, shortened},
    error::{Code, Invalid},
    operation::Operation,
};

use super::{
    chat::deadline,
    error::ApiError,
    reply::Reply,
    request::CallerRequest,
    target::{Prepared, Sought},
};
use crate::{abuse::Watched, call::Call, guard::checked, meters::Wanted, services::Services};

/// Answers an embeddings request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(crate) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: CallerRequest,
) -> Result<Reply, ApiError> {
    let operation = Operation::Embeddings;
    let CallerRequest { caller, deployment, body, served, current, spillover, .. } = asked;
    let request = parse(body.reveal(), &current.config.limits.request())?;
    let inputs = request.embed.inputs.len();
    let watched = Watched::of_inputs(&request.labels, &request.embed.inputs);
    call.labelled(&request.labels, watched);
    let sought = Sought {
        caller: &caller,
        served,
        operation,
        path: deployment.as_deref(),
        model: request.model.as_ref(),
        spillover: spillover.as_ref(),
    };
    let Prepared { target, permit } = sought.prepare::<Embed>(services, call, |target, call| {
        let setting = current.config.requests.no_effect_fields;
        call.no_effect = request.no_effect.judged(setting, &target.capabilities(services)?)?;
        let most = target.model.facts.embedding_length;
        if request.dimensions.is_some_and(|dimensions| dimensions > most) {
            return Err(too_many_dimensions(most).into());
        }
        Ok(Wanted {
            tokens: request.estimated_tokens,
            answers: u64::try_from(inputs).unwrap_or(u64::MAX),
            param: "input",
        })
    })?;

    let (deadline, _) = deadline(call, current.config.limits.request_ms);
    let screen = target.screen(services, call, &permit);
    let work = Work::Embed(request.embed);
    let work = target.judge(services, call, &screen, work).await?;
    let prompts = [checked(work.results())];
    let mut events = target.run(services, call, permit, work, &request.labels, deadline).await?;
    let mut vectors = Vec::with_capacity(inputs);
    loop {
        match events.next().await.ok_or(ApiError::Internal)? {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                call.usage.prompt(prompt_tokens, cached_tokens);
            }
            Event::Embedding { index: _, vector } => {
                vectors.push(shortened(vector, request.dimensions));
            }
            Event::Counted { prompt_tokens, cached_tokens, .. } => {
                call.usage.prompt(prompt_tokens, cached_tokens);
            }
            Event::Done if vectors.len() == inputs => break,
            Event::Failed(refusal) => return Err(ApiError::refused(operation, refusal)),
            Event::Done
            | Event::Delta { .. }
            | Event::Reasoning { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Finished { .. } => return Err(ApiError::Internal),
        }
    }
    let name = &target.model.name;
    let list = EmbeddingList::new(name, vectors, request.format, call.usage, &prompts);
    serde_json::to_vec(&list).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}

fn too_many_dimensions(most: u32) -> Invalid {
    Invalid {
        param: Some("dimensions".into()),
        code: Code::IntegerAboveMax,
        message: format!(
            "Invalid 'dimensions': integer above maximum value. This model's vectors have {most} \
             numbers. Expected a value <= {most}."
        ),
    }
}
