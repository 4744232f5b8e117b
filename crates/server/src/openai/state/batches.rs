//! The Batch API.

use policy::{object::Class, retention::DAY_MS};
use store::{
    objects::{Object, Opened},
    subjects::About,
};
use wire::{
    batches::{self, BatchList, BatchObject, Counts, Head, Listed, Status},
    error::Invalid,
    page::{Page, Sizes},
};

use super::{
    Arriving, StateRequest,
    objects::{New, Objects, failed, shared},
};
use crate::{
    call::Call,
    clock,
    openai::{error::ApiError, reply::Reply, routes::State},
    services::Services,
};

/// Answers a request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(super) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    let [id, _] = &asked.names;
    match asked.state {
        State::CreateBatch => create(services, call, &asked, arriving).await,
        State::ListBatches => list(&objects, asked.query.as_deref()).await,
        State::GetBatch => get(&objects, id).await,
        State::CancelBatch => cancel(services, &objects, id).await,
        _ => Err(ApiError::RouteNotFound),
    }
}

/// Makes a batch. The runner checks its input, and runs it.
async fn create(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    objects.must_keep(Class::Batch, "batches")?;
    objects.must_keep(Class::File, "files")?;
    let shared = shared(arriving.headers)?;
    let body = arriving.json(&asked.caller, &asked.current.config.limits).await?;
    let wanted = batches::create(body.reveal())?;
    let input = objects.find(Class::File, &wanted.input).await?;
    if input.label != INPUT {
        let message = "Invalid 'input_file_id': the file is for another purpose. Upload it with the \
                       purpose 'batch'.";
        return Err(Invalid::value("input_file_id", message).into());
    }
    if input.bytes > INPUT_BYTES_MAX {
        let message = format!(
            "Invalid 'input_file_id': the file has more than {INPUT_BYTES_MAX} bytes. Split it into several \
             batches."
        );
        return Err(Invalid::value("input_file_id", message).into());
    }
    let now_ms = clock::now_ms();
    let new = New {
        class: Class::Batch,
        shared,
        expires_ms: Some(now_ms.saturating_add(KEPT_DAYS.saturating_mul(DAY_MS))),
        parent: None,
        state: Status::Validating.number(),
        label: wanted.endpoint.path().to_owned(),
    };
    let mut draft = objects.begin(call.id, new).await?;
    let head = Head::new(&wanted);
    draft.seal_head(&head.write()).map_err(failed(Class::Batch))?;
    draft.set_about(About::SameAs(input.facts.object));
    let reply = described(draft.object(), &head, &Counts::default());
    call.writes(draft);
    services.batches.wake();
    reply
}

async fn list(objects: &Objects<'_>, query: Option<&str>) -> Result<Reply, ApiError> {
    let page = Page::parse(query, Sizes::USUAL)?;
    let (found, more) = objects.list(objects.select(Class::Batch, &page)?).await?;
    let mut listed = Vec::with_capacity(found.len());
    for batch in &found {
        let (object, head, counts) = read(objects, batch).await?;
        listed.push(Listed {
            id: Class::Batch.id(object.facts.object),
            created_ms: object.created_ms,
            status: status(object)?,
            head,
            counts,
        });
    }
    let list = BatchList::new(&listed, more);
    serde_json::to_vec(&list).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}

async fn get(objects: &Objects<'_>, id: &str) -> Result<Reply, ApiError> {
    let batch = objects.find(Class::Batch, id).await?;
    let opened = objects.open(&batch).await?;
    let (object, head, counts) = read(objects, &opened).await?;
    described(object, &head, &counts)
}

/// Cancels a batch. Its running lines end, and its files are written.
async fn cancel(services: &Services, objects: &Objects<'_>, id: &str) -> Result<Reply, ApiError> {
    // The runner may change the batch at the same time: then it is read again.
    for _ in 0..CANCEL_TRIES {
        let batch = objects.find(Class::Batch, id).await?;
        let opened = objects.open(&batch).await?;
        let (object, mut head, counts) = read(objects, &opened).await?;
        let status = status(object)?;
        if !status.can_cancel() {
            return match status {
                Status::Cancelling | Status::Cancelled => described(object, &head, &counts),
                _ => {
                    let message = "The batch has ended already, or its files are being written: it \
                                   cannot be cancelled any more.";
                    Err(Invalid::value("id", message).into())
                }
            };
        }
        head.begin(Status::Cancelling, clock::now_ms() / 1000);
        let number = Some(Status::Cancelling.number());
        match objects.change(object, Some(head.write()), number).await {
            Ok(changed) => {
                services.batches.cancel(changed.facts.object);
                return described(&changed, &head, &counts);
            }
            Err(ApiError::ObjectChanged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ApiError::ObjectChanged { class: Class::Batch })
}

/// Returns the parts of a batch's description.
async fn read<'a>(
    objects: &Objects<'_>,
    opened: &'a Opened,
) -> Result<(&'a Object, Head, Counts), ApiError> {
    let head = Head::read(opened.head())?;
    let counts = match head.counts {
        Some(counts) => counts,
        None => objects.counts(opened.object()).await?,
    };
    Ok((opened.object(), head, counts))
}

fn described(object: &Object, head: &Head, counts: &Counts) -> Result<Reply, ApiError> {
    let id = Class::Batch.id(object.facts.object);
    let batch = BatchObject::new(id, object.created_ms, status(object)?, head, counts);
    serde_json::to_vec(&batch).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}

fn status(object: &Object) -> Result<Status, ApiError> {
    Status::of(object.state).ok_or(ApiError::Internal)
}

/// The purpose of an input file.
const INPUT: &str = "batch";

/// OpenAI's limit for an input file: 200 MB.
const INPUT_BYTES_MAX: u64 = 200 * 1024 * 1024;

/// Days for which a batch is kept; its files have their own ends.
const KEPT_DAYS: u64 = 30;

/// Changes of the runner in between that a cancellation outlasts.
const CANCEL_TRIES: usize = 5;
