//! Making a response, from the request's first byte to its answer. The steps are in order of time, as
//! in `openai::chat`.

use std::sync::Arc;

use policy::object::Class;
use store::objects::Draft;
use tlog::hex;
use wire::{
    filter::Annotations,
    operation::Operation,
    responses::{
        ResponseRequest, ResponseWriter,
        kept::number,
        parse,
        response::{Head, Made, Stage},
    },
    sse::Writer,
};

use super::{
    background, chain,
    keeping::{Keeping, Place},
    start::{Asked, Started},
    states,
};
use crate::{
    call::Call,
    clock,
    openai::{
        answer,
        chat::deadline,
        error::ApiError,
        held::Held,
        reply::Reply,
        sse::EventStream,
        state::{
            Arriving, StateRequest, json,
            objects::{self, New, Objects, failed},
        },
    },
    restricted,
    services::Services,
};

/// Answers a request for a response.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(super) async fn answer(
    services: &Arc<Services>,
    call: &mut Call,
    asked: StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let StateRequest { caller, names: [path, _], served, current, .. } = asked;
    let shared = objects::shared(arriving.headers)?;
    let body = arriving.json(&caller, &current.config.limits).await?;
    if let Some(exchange) = &mut call.exchange {
        exchange.note_request(&body);
    }
    let mut request = parse(body.reveal())?;
    let objects = Objects::of(services, &caller);
    call.subject.of_body(&request.labels());
    let is_restricted = restricted::is_restricted(services, &caller, &call.subject).await?;
    let store = store(&objects, &request, is_restricted)?;
    let earlier = chain::earlier(&objects, &request).await?;
    let input = std::mem::take(&mut request.input);
    request.input = chain::resolve(&objects, &earlier, input).await?;
    let mut asked = Asked { request, earlier, path: (!path.is_empty()).then_some(path) };

    if asked.request.background {
        let (model, is_tiered) = asked.check(services, call, (&caller, served), &current)?;
        let mut draft = begin(&objects, call, shared).await?;
        let mut made = asked.begin(&id(&draft), model, (store, is_tiered));
        made.stage = Stage::Queued;
        let head = wire::responses::Kept::head(&made, &asked.request.input);
        let head = head.map_err(|_| ApiError::Internal)?;
        draft.seal_head(&head).map_err(failed(Class::Response))?;
        draft.set(states::UNFINISHED, "");
        let answer = json(&made.response());
        let live = background::begin(services, call, (asked, made, body), draft);
        return Ok(match live {
            (live, true) => live.follow(0),
            (_, false) => answer,
        });
    }

    let begun = asked.prepare(services, call, (&caller, served), &current)?;
    let (model, is_tiered) = (begun.target.model.name.clone(), begun.is_tiered);
    let draft = match store {
        true => Some(Box::pin(begin(&objects, call, shared)).await?),
        false => None,
    };
    let deadline = deadline(call, current.config.limits.request_ms);
    let started = begun.run(services, call, (&asked, &*current), deadline.0).await?;

    let id = draft.as_ref().map_or_else(
        || format!("{}{}", Class::Response.prefix(), hex::encode(call.id.as_bytes())),
        id,
    );
    let mut made = asked.begin(&id, model, (store, is_tiered));
    let conversation = asked.request.conversation.as_ref().map(|id| id.0.reveal().to_owned());
    let wants_logprobs = asked.request.wants_logprobs();
    let is_stream = asked.request.stream;
    let place = draft.map_or(Place::Nowhere, Place::New);
    let keeping = (store || conversation.is_some()).then(|| {
        let (services, input) = (Arc::clone(services), std::mem::take(&mut asked.request.input));
        Keeping { services, caller: caller.clone(), input, conversation, place }
    });
    let Started { events, first, screen, prompts } = started;
    if is_stream {
        return Ok(Reply::Events(Box::new(EventStream {
            answers: [events].into(),
            first,
            writer: Writer::Responses(Box::new(ResponseWriter::new(made))),
            held: [Held::new(screen, 1)].into(),
            prompts,
            deadline,
            gathering: None,
            keeping: keeping.map(Box::new),
        })));
    }
    let operation = Operation::Responses;
    let choices = answer::collect(first, events, 1, operation, &mut call.usage).await?;
    let judged = answer::judged(&screen, &choices, &mut call.screening).await?;
    let annotations = Annotations { prompts, choices: judged };
    let choice = choices.into_iter().next().ok_or(ApiError::Internal)?;
    made.complete(choice, wants_logprobs, call.usage, &annotations, clock::now_ms() / 1000);
    if let Some(keeping) = keeping {
        Box::pin(keeping.keep(call, &made)).await?;
    }
    Ok(json(&made.response()))
}

/// Decides whether the response is kept, and refuses what the resource does not keep.
fn store(
    objects: &Objects<'_>,
    request: &ResponseRequest,
    is_restricted: bool,
) -> Result<bool, ApiError> {
    let class = Class::Response;
    for (asked, class, what) in [
        (request.store == Some(true), class, "store"),
        (request.previous.is_some(), class, "previous_response_id"),
        (request.background, class, "background"),
        (request.conversation.is_some(), Class::Conversation, "conversation"),
    ] {
        if asked {
            objects.must_keep(class, what)?;
            // To read an earlier response keeps nothing new.
            if is_restricted && what != "previous_response_id" {
                return Err(ApiError::SubjectRestricted { what });
            }
        }
    }
    if is_restricted {
        return Ok(false);
    }
    request.store.map_or_else(|| objects.keeps(class), Ok)
}

async fn begin(objects: &Objects<'_>, call: &Call, shared: bool) -> Result<Draft, ApiError> {
    let class = Class::Response;
    let new = New { class, shared, expires_ms: None, parent: None, state: 0, label: String::new() };
    objects.begin(call.id, new).await
}

fn id(draft: &Draft) -> String {
    Class::Response.id(draft.object().facts.object)
}

impl Asked {
    /// Begins the response, and gives ids to the items of the request.
    fn begin(&mut self, id: &str, model: String, (store, is_tiered): (bool, bool)) -> Made {
        number(&mut self.request.input, id);
        let outline = self.request.outline(store, is_tiered);
        let created_at = clock::now_ms() / 1000;
        Made::new(Head { id: id.to_owned(), created_at, model, outline })
    }
}
