//! A chat request, from its first byte to its answer. `answer` reads in the order in which things
//! happen; each step consumes what the one before it gave.

mod lower;
pub mod request;
pub mod response;

use bytes::BytesMut;
use engine::request::{Event, Work};
use policy::permit::Complete;
use tokio::time::Instant;

pub use self::lower::{ChatRequest, parse};
use self::response::{
    ChatCompletion, ChatCompletionChunk, ChatLogprobs, ChunkChoice, Delta, ToolCallDelta,
};
use super::{
    answer::{self, Envelope},
    error::ApiError,
    operation::Operation,
    sse::{self, EventStream, Writer},
    target::Target,
    usage::Usage,
};
use crate::{
    call::{Call, random},
    gateway::{Asked, Gateway, Reply},
};

/// Answers a chat request.
///
/// # Errors
/// When it is refused on the way; says why.
pub(crate) async fn answer(
    gateway: &Gateway,
    call: &mut Call,
    asked: Asked,
) -> Result<Reply, ApiError> {
    let Asked { caller, deployment, body, served, current } = asked;
    let limits = &current.config.limits;
    let request = parse(body.reveal(), limits, u64::from_le_bytes(random()))?;
    let target = Target::find(
        gateway,
        &caller,
        Operation::Chat,
        deployment.as_deref(),
        request.model.as_ref(),
    )?;
    let permit = target.authorize::<Complete>(gateway)?;
    target.holds(gateway, request.tokens_max_param, request.generate.tokens_max)?;
    target.admit(gateway, call, served, request.estimated_tokens)?;
    let worker = target.worker(gateway)?;

    let (choices, wants_logprobs) = (request.generate.choices, request.generate.logprobs.is_some());
    let mut events = worker
        .run(permit, target.reuse_prefix, Work::Generate(Box::new(request.generate)))
        .map_err(|refusal| target.refused(refusal))?;
    let first = answer::accepted(&mut events, Operation::Chat).await?;

    let envelope = Envelope::new("chatcmpl", call.id, target.model);
    if request.stream {
        let writer = ChatWriter { envelope, choices, include_usage: request.include_usage };
        return Ok(Reply::Events(Box::new(EventStream {
            answers: [events].into(),
            first,
            writer: Writer::Chat(writer),
            deadline: deadline(call, limits.request_ms),
        })));
    }
    let choices = answer::collect(first, events, choices, Operation::Chat, &mut call.usage).await?;
    let completion = ChatCompletion::new(&envelope, choices, wants_logprobs, call.usage);
    serde_json::to_vec(&completion)
        .map(|json| Reply::Json(json.into()))
        .map_err(|_| ApiError::Internal)
}

/// When a call must have ended, and the limit behind that.
pub(super) fn deadline(call: &Call, limit_ms: u64) -> (Instant, u64) {
    let limit = std::time::Duration::from_millis(limit_ms);
    (Instant::from_std(call.started) + limit, limit_ms)
}

/// Turns the engine's events into chat chunks.
#[derive(Debug)]
pub struct ChatWriter {
    envelope: Envelope,
    choices: u32,
    include_usage: bool,
}

impl ChatWriter {
    pub(super) fn event(&self, event: &Event, usage: &mut Usage, out: &mut BytesMut) {
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(*prompt_tokens, *cached_tokens);
                for choice in 0..self.choices {
                    self.delta(choice, Delta::start(), None, None, out);
                }
            }
            Event::Delta { choice, text, logprobs } => {
                let logprobs = (!logprobs.is_empty()).then(|| ChatLogprobs::new(logprobs));
                self.delta(*choice, Delta::text(text.0.reveal()), logprobs, None, out);
            }
            Event::ToolStart { choice, index, name } => {
                let id = self.envelope.call_id(*choice, *index);
                let call = ToolCallDelta::start(*index, &id, name);
                self.delta(*choice, Delta::call(call), None, None, out);
            }
            Event::ToolArguments { choice, index, text } => {
                let call = ToolCallDelta::arguments(*index, text.0.reveal());
                self.delta(*choice, Delta::call(call), None, None, out);
            }
            Event::Finished { choice, reason, completion_tokens } => {
                usage.completion(*completion_tokens);
                let reason = answer::finish_reason(*reason);
                self.delta(*choice, Delta::default(), None, Some(reason), out);
            }
            Event::Embedding { .. } | Event::Done | Event::Failed(_) => {}
        }
    }

    fn delta(
        &self,
        index: u32,
        delta: Delta<'_>,
        logprobs: Option<ChatLogprobs>,
        finish_reason: Option<&'static str>,
        out: &mut BytesMut,
    ) {
        let choice = ChunkChoice { index, delta, logprobs, finish_reason };
        // Where usage was asked for, every chunk but the last has it as null.
        let usage = self.include_usage.then_some(None);
        sse::data(out, &ChatCompletionChunk::new(&self.envelope, &[choice], usage));
    }

    pub(super) fn close(&self, usage: &Usage, out: &mut BytesMut) {
        if self.include_usage {
            sse::data(out, &ChatCompletionChunk::new(&self.envelope, &[], Some(Some(*usage))));
        }
    }
}
