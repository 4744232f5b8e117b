//! An embeddings request, from its first byte to its answer.

mod request;
mod response;

use engine::request::{Event, Work};
use policy::permit::Embed;

pub use self::{
    request::{EmbeddingBody, EmbeddingRequest, EncodingFormat, parse},
    response::{Embedding, EmbeddingList, EmbeddingUsage, Vector, shortened},
};
use super::{
    error::{ApiError, Code, Invalid},
    operation::Operation,
    target::{Target, refused},
};
use crate::{
    call::Call,
    gateway::{Asked, Gateway, Reply},
};

/// Answers an embeddings request.
///
/// # Errors
/// When it is refused on the way; says why.
pub(crate) async fn answer(
    gateway: &Gateway,
    call: &mut Call,
    asked: Asked,
) -> Result<Reply, ApiError> {
    let operation = Operation::Embeddings;
    let Asked { caller, deployment, body, served, current } = asked;
    let limits = &current.config.limits;
    let request = parse(body.reveal(), limits)?;
    let target =
        Target::find(gateway, &caller, operation, deployment.as_deref(), request.model.as_ref())?;
    let permit = target.authorize::<Embed>(gateway)?;
    let most = target.model.facts.embedding_length;
    if request.dimensions.is_some_and(|dimensions| dimensions > most) {
        return Err(too_many_dimensions(most).into());
    }
    target.admit(gateway, call, served, request.estimated_tokens)?;
    let worker = target.worker(gateway)?;

    let inputs = request.embed.inputs.len();
    let mut events = worker
        .run(permit, target.reuse_prefix, Work::Embed(request.embed))
        .map_err(|refusal| target.refused(refusal))?;
    let mut vectors = Vec::with_capacity(inputs);
    loop {
        match events.next().await.ok_or(ApiError::Internal)? {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                call.usage.prompt(prompt_tokens, cached_tokens);
            }
            Event::Embedding { index: _, vector } => {
                vectors.push(shortened(vector, request.dimensions));
            }
            Event::Done if vectors.len() == inputs => break,
            Event::Failed(refusal) => return Err(refused(operation, refusal)),
            Event::Done
            | Event::Delta { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Finished { .. } => return Err(ApiError::Internal),
        }
    }
    let list = EmbeddingList::new(&target.model.name, vectors, request.format, call.usage);
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
