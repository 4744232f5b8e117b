//! Shared parts of all answers: their envelope, and the reading of the engine's events.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::request::Event;
use policy::{guard::window::Windows, id::RequestId};
use store::Model;
use tlog::hex;
use wire::{
    answer::{Choice, Collected, Envelope},
    filter::Checked,
    operation::Operation,
    usage::Usage,
};

use super::{error::ApiError, events::Events};
use crate::{
    guard::{self, Screen, checked},
    screening::Screening,
};

/// Creates the envelope of one answer; `prefix` is `chatcmpl` or `cmpl`.
#[must_use]
pub(super) fn envelope(prefix: &str, request: RequestId, model: &Model) -> Envelope {
    // Another file gets another fingerprint. A model without a file has its id for that.
    let digest = match &model.file {
        Some(file) => file.sha256.clone(),
        None => hex::encode(model.id.as_bytes()),
    };
    let digest = digest.get(..10).unwrap_or(&digest);
    Envelope {
        id: format!("{prefix}-{}", hex::encode(request.as_bytes())),
        created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        model: model.name.clone(),
        fingerprint: format!("fp_{digest}"),
        tier: None,
    }
}

/// Waits until the engine accepts the request: until then a refusal can still set the HTTP status.
///
/// # Errors
/// If the engine refuses the request.
pub(super) async fn accepted(events: &mut Events, operation: Operation) -> Result<Event, ApiError> {
    match events.next().await {
        Some(Event::Failed(refusal)) => Err(ApiError::refused(operation, refusal)),
        Some(event) => Ok(event),
        None => Err(ApiError::Internal),
    }
}

/// Lets the filter judge the choices of one prompt. Returns its decision about each: `wire` withholds
/// those that it blocks.
///
/// # Errors
/// If a detector does not answer, and the filter lets nothing through unchecked.
pub(super) async fn judged(
    screen: &Screen,
    choices: &[Choice],
    screening: &mut Screening,
) -> Result<Vec<Checked>, ApiError> {
    let mut decisions = Vec::with_capacity(choices.len());
    for choice in choices {
        let text = choice.said();
        // The same looks as for a stream.
        let mut looks = Windows::all(&text);
        if let Some(words) = guard::words(text.reveal()) {
            looks.extend(Windows::all(&words));
        }
        let results = screen.completion(looks).await;
        decisions.push(checked(results.as_ref()));
        match results {
            Ok(results) => screening.add_results(&results),
            Err(down) => drop(screen.unchecked((), down, screening)?),
        }
    }
    Ok(decisions)
}

/// Collects the choices of one prompt; `first` is the event from [`accepted`].
///
/// # Errors
/// If the engine refuses the request or breaks its protocol.
pub(super) async fn collect(
    first: Event,
    mut events: Events,
    choices: u32,
    operation: Operation,
    usage: &mut Usage,
) -> Result<Vec<Choice>, ApiError> {
    let mut collected = Collected::new(choices);
    let mut next = Some(first);
    loop {
        let event = match next.take() {
            Some(event) => event,
            None => events.next().await.ok_or(ApiError::Internal)?,
        };
        match event {
            Event::Done => return Ok(collected.choices()),
            Event::Failed(refusal) => return Err(ApiError::refused(operation, refusal)),
            event => collected.add(event, usage).map_err(|_| ApiError::Internal)?,
        }
    }
}
