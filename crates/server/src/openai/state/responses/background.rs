//! Responses that are made in the background: the work goes on after the request that began it.
//!
//! It goes on in this process only. A response that was not complete when the process ended is
//! reported as failed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use store::objects::{Draft, Object};
use tlog::receipt;
use wire::{
    responses::{
        ResponseWriter,
        response::{Made, Stage},
    },
    sse::Writer,
};

use super::{
    keeping::{Keeping, Place, note},
    progress::Live,
    start::{Asked, Started},
};
use crate::{
    authn::Caller,
    body::RequestBody,
    call::{Call, Outcome},
    clock,
    exchange::Exchange,
    openai::{
        chat::deadline,
        error::{ApiError, Retry},
        held::Held,
        reply::Reply,
        sse::EventStream,
        state::objects::Objects,
    },
    services::Services,
};

/// How long a response waits for its turn.
const WAIT: Duration = Duration::from_secs(600);

impl Live {
    /// Returns the events from a number on, as they come.
    pub(super) fn follow(self: Arc<Self>, first: usize) -> Reply {
        let seen = self.seen.subscribe();
        let pieces = stream::unfold((self, seen, first), |(live, mut seen, next)| async move {
            let (count, _) =
                *seen.wait_for(|(count, is_all)| *count > next || *is_all).await.ok()?;
            let piece = {
                let log = live.log.lock();
                let events = log.events.get(next..count).filter(|events| !events.is_empty())?;
                events.concat()
            };
            Some((Bytes::from(piece), (live, seen, count)))
        });
        Reply::Followed(Box::new(pieces.boxed()))
    }
}

/// Begins a response in the background, once the call that asks for it is recorded. Returns it, and
/// whether the caller wants its events.
pub(super) fn begin(
    services: &Arc<Services>,
    call: &mut Call,
    (asked, made, body): (Asked, Made, RequestBody),
    draft: Draft,
) -> (Arc<Live>, bool) {
    let live = Arc::new(Live::new());
    let object = draft.object().clone();
    let is_stream = asked.request.stream;
    call.writes(draft);
    let mut writer = ResponseWriter::new(made);
    let mut out = BytesMut::new();
    writer.queued(&mut out);
    live.push(&out.freeze());
    let work = Work {
        services: Arc::clone(services),
        call: call.follow_up(),
        asked,
        body,
        object,
        live: Arc::clone(&live),
    };
    call.then(move || {
        work.services.background.add(work.object.facts.object, Arc::clone(&work.live));
        tokio::spawn(work.run(writer));
    });
    (live, is_stream)
}

struct Work {
    services: Arc<Services>,
    call: Call,
    asked: Asked,
    body: RequestBody,
    object: Object,
    live: Arc<Live>,
}

impl Work {
    async fn run(self, writer: ResponseWriter) {
        let Self { services, call, asked, body, object, live } = self;
        let (id, made) = (call.id, writer.made().clone());
        let input = asked.request.input.clone();
        let stop = live.cancel.clone();
        let work = Box::pin(answer(&services, call, (asked, body), &object, (writer, &live)));
        let failed = tokio::select! {
            () = stop.cancelled() => Some(Stage::Cancelled),
            result = work => result.err().map(|error| {
                let body = error.answer().body;
                let (code, message) = (body.error.code.to_owned(), body.error.message);
                Stage::Failed { code, message }
            }),
        };
        if let Some(stage) = failed {
            let made = Made { stage, ..made };
            if let Stage::Failed { code, message } = &made.stage {
                let mut out = BytesMut::new();
                let mut writer = ResponseWriter::numbered(made.clone(), live.count());
                writer.fail(code, message, None, &mut out);
                live.push(&out.freeze());
            }
            let noted = match caller(&services, &object) {
                Ok(caller) => note(&Objects::of(&services, &caller), &object, &made, &input).await,
                Err(error) => Err(error),
            };
            if let Err(error) = noted {
                tracing::error!(request = %id, ?error, "the end of a response cannot be noted");
            }
        }
        live.end();
    }
}

/// Returns the principal in whose name the work goes on.
fn caller(services: &Services, object: &Object) -> Result<Caller, ApiError> {
    let directory = services.store.directory().map_err(|error| {
        tracing::error!(%error, "the store cannot be read");
        ApiError::Store
    })?;
    Caller::on_behalf(directory, object).map_err(ApiError::Revoked)
}

/// Makes the response. Its events go to `live`.
async fn answer(
    services: &Arc<Services>,
    mut call: Call,
    (mut asked, body): (Asked, RequestBody),
    object: &Object,
    (writer, live): (ResponseWriter, &Live),
) -> Result<(), ApiError> {
    let started = begin_answer(services, &mut call, (&asked, &body), object).await;
    let (started, caller, deadline) = match started {
        Ok(started) => started,
        Err(error) => {
            let answer = error.answer();
            call.fails(&answer);
            let is_failure = answer.status.is_server_error();
            let outcome =
                if is_failure { receipt::Outcome::Failed } else { receipt::Outcome::Refused };
            call.sent(&serde_json::to_vec(&answer.body).unwrap_or_default());
            call.record(answer.status, outcome).await?;
            call.outcome = Outcome::Answered(answer.status);
            return Err(error);
        }
    };
    live.log.lock().is_running = true;
    let conversation = asked.request.conversation.as_ref().map(|id| id.0.reveal().to_owned());
    let keeping = Keeping {
        services: Arc::clone(services),
        caller,
        input: std::mem::take(&mut asked.request.input),
        conversation,
        place: Place::Background(object.clone()),
    };
    let Started { events, first, screen, prompts } = started;
    let events = EventStream {
        answers: [events].into(),
        first,
        writer: Writer::Responses(Box::new(writer)),
        held: [Held::new(screen, 1)].into(),
        prompts,
        deadline,
        gathering: None,
        keeping: Some(Box::new(keeping)),
    };
    let mut pieces = std::pin::pin!(events.pieces(call));
    while let Some(piece) = pieces.next().await {
        live.push(&piece);
    }
    Ok(())
}

/// Waits for the response's turn, and runs it.
async fn begin_answer(
    services: &Arc<Services>,
    call: &mut Call,
    (asked, body): (&Asked, &RequestBody),
    object: &Object,
) -> Result<(Started, Caller, (tokio::time::Instant, u64)), ApiError> {
    let since = Instant::now();
    loop {
        let caller = caller(services, object)?;
        let current = services.live.current();
        if call.exchange.is_none() {
            let mut exchange = Exchange::begin(
                (services.ledger.clone(), services.monitor.clone()),
                current.identity.clone(),
                caller.clone(),
                call.id,
                call.route,
            );
            exchange.note_request(body);
            call.exchange = Some(Box::new(exchange));
        }
        let name = &caller.resource()?.name;
        let served = caller.penalty()?.verdict(clock::now_ms());
        let served = served.map_err(|blocked| ApiError::blocked(blocked, name))?;
        call.started = Instant::now();
        let deadline = deadline(call, current.config.limits.request_ms);
        let begun = asked.prepare(services, call, (&caller, served), &current);
        let started = match begun {
            Ok(begun) => begun.run(services, call, (asked, &*current), deadline.0).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(started) => return Ok((started, caller, deadline)),
            Err(error) => match error.answer().retry {
                // It waits where an interactive request would be asked to come back.
                Retry::AfterMs(wait) if since.elapsed() < WAIT => {
                    tokio::time::sleep(Duration::from_millis(wait.clamp(50, 30_000))).await;
                }
                _ => return Err(error),
            },
        }
    }
}
