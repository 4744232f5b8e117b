//! What all answers share: their ids, and how the engine's events are read.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::{
    request::{Event, FinishReason, TokenLogprob},
    supervise::Events,
};
use policy::id::RequestId;
use store::Model;

use super::{error::ApiError, operation::Operation, target::refused, usage::Usage};

/// What stands in every answer, and in every piece of a streamed one.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    /// The answer's id: the request's, with OpenAI's prefix.
    pub(super) id: String,
    /// When it was made: seconds since 1970.
    pub(super) created: u64,
    /// The model's name.
    pub(super) model: String,
    /// Changes when the model's file does.
    pub(super) fingerprint: String,
}

impl Envelope {
    /// The envelope of one answer; `prefix` is `chatcmpl` or `cmpl`.
    #[must_use]
    pub(super) fn new(prefix: &str, request: RequestId, model: &Model) -> Self {
        let digest = model.sha256.get(..10).unwrap_or(&model.sha256);
        Self {
            id: format!("{prefix}-{}", hex(request)),
            created: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            model: model.name.clone(),
            fingerprint: format!("fp_{digest}"),
        }
    }

    /// The id of a function call in this answer: unique, and hard to guess.
    #[must_use]
    pub(super) fn call_id(&self, choice: u32, index: u32) -> String {
        let hex = self.id.rsplit('-').next().unwrap_or_default();
        format!("call_{}{choice:02x}{index:02x}", hex.get(..24).unwrap_or(hex))
    }
}

fn hex(id: RequestId) -> String {
    let text = id.to_string();
    text.rsplit('_').next().unwrap_or_default().to_owned()
}

/// OpenAI's word for why a choice ended.
#[must_use]
pub(super) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
    }
}

/// Waits for the engine to accept the request, so that a refusal still becomes a status.
///
/// # Errors
/// When the engine refuses.
pub(super) async fn accepted(events: &mut Events, operation: Operation) -> Result<Event, ApiError> {
    match events.next().await {
        Some(Event::Failed(refusal)) => Err(refused(operation, refusal)),
        Some(event) => Ok(event),
        None => Err(ApiError::Internal),
    }
}

/// One choice, put together from its events.
#[derive(Default)]
pub(super) struct Choice {
    /// Its text.
    pub(super) text: String,
    /// Its tokens, where log probabilities were asked for.
    pub(super) logprobs: Vec<TokenLogprob>,
    /// Functions that it calls: name and arguments.
    pub(super) calls: Vec<(String, String)>,
    /// Why it ended.
    pub(super) finish: Option<FinishReason>,
}

/// Collects the choices of one prompt; `first` is what [`accepted`] gave.
///
/// # Errors
/// When the engine refuses or breaks its protocol.
pub(super) async fn collect(
    first: Event,
    mut events: Events,
    choices: u32,
    operation: Operation,
    usage: &mut Usage,
) -> Result<Vec<Choice>, ApiError> {
    let mut collected: Vec<Choice> = (0..choices).map(|_| Choice::default()).collect();
    let mut next = Some(first);
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => events.next().await.ok_or(ApiError::Internal)?,
        };
        let at = |choice: u32| usize::try_from(choice).map_err(|_| ApiError::Internal);
        match event {
            Event::Accepted { prompt_tokens, cached_tokens } => {
                usage.prompt(prompt_tokens, cached_tokens);
            }
            Event::Delta { choice, text, logprobs } => {
                let choice = collected.get_mut(at(choice)?).ok_or(ApiError::Internal)?;
                choice.text.push_str(text.0.reveal());
                choice.logprobs.extend(logprobs);
            }
            Event::ToolStart { choice, index: _, name } => {
                let choice = collected.get_mut(at(choice)?).ok_or(ApiError::Internal)?;
                choice.calls.push((name, String::new()));
            }
            Event::ToolArguments { choice, index, text } => {
                let choice = collected.get_mut(at(choice)?).ok_or(ApiError::Internal)?;
                let call = choice.calls.get_mut(at(index)?).ok_or(ApiError::Internal)?;
                call.1.push_str(text.0.reveal());
            }
            Event::Finished { choice, reason, completion_tokens } => {
                let choice = collected.get_mut(at(choice)?).ok_or(ApiError::Internal)?;
                choice.finish = Some(reason);
                usage.completion(completion_tokens);
            }
            Event::Embedding { .. } => return Err(ApiError::Internal),
            Event::Done => return Ok(collected),
            Event::Failed(refusal) => return Err(refused(operation, refusal)),
        }
    }
}
