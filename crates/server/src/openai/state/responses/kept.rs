//! Reading, stopping and deleting kept responses.

use policy::object::Class;
use store::objects::Object;
use wire::{
    error::Invalid,
    page::{Page, Sizes, parameter},
    responses::{Kept, response::Stage},
    stored::Deleted,
};

use super::{Background, states};
use crate::{
    call::Call,
    openai::{
        error::ApiError,
        reply::Reply,
        state::{json, objects::Objects},
    },
};

/// Returns a response, or the events of one that is made in the background.
pub(super) async fn get(
    objects: &Objects<'_>,
    background: &Background,
    id: &str,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let object = objects.find(Class::Response, id).await?;
    let is_stream = parameter(query, "stream")?.is_some_and(|word| word == "true");
    if is_stream {
        let live = background.find(object.facts.object).ok_or_else(not_followed)?;
        return Ok(live.follow(after(query)?));
    }
    read(objects, background, &object).await
}

/// Returns a response as JSON.
async fn read(
    objects: &Objects<'_>,
    background: &Background,
    object: &Object,
) -> Result<Reply, ApiError> {
    let opened = objects.open(object).await?;
    let mut kept = Kept::read(opened.head()).map_err(|_| ApiError::ObjectsUnavailable)?;
    if opened.object().state == states::UNFINISHED {
        match background.find(object.facts.object) {
            Some(live) => {
                kept.stop(&live.stage()).map_err(|_| ApiError::Internal)?;
            }
            None => {
                let head = kept.stop(&stopped()).map_err(|_| ApiError::Internal)?;
                // A caller that may only read it sees the same.
                let noted = objects.change(object, Some(head), Some(states::FAILED)).await;
                drop(noted);
            }
        }
    }
    Ok(Reply::Json(kept.json().to_vec().into()))
}

/// A response that the service did not complete before it stopped.
fn stopped() -> Stage {
    Stage::Failed {
        code: "server_error".to_owned(),
        message: "The service was restarted while it made this response. Please send the request \
                  again."
            .to_owned(),
    }
}

/// Deletes a response. One that is being made is stopped first.
pub(super) async fn delete(
    objects: &Objects<'_>,
    background: &Background,
    call: &mut Call,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = objects.find_to_delete(Class::Response, id).await?;
    if let Some(live) = background.find(object.facts.object) {
        live.cancel().await;
        background.forget(object.facts.object);
    }
    objects.delete(&object).await?;
    call.destroyed(&object);
    Ok(json(&Deleted::new(id, "response")))
}

/// Stops a response that is made in the background.
pub(super) async fn cancel(
    objects: &Objects<'_>,
    background: &Background,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = objects.find(Class::Response, id).await?;
    objects.may_write(&object)?;
    let opened = objects.open(&object).await?;
    let kept = Kept::read(opened.head()).map_err(|_| ApiError::ObjectsUnavailable)?;
    if !kept.background {
        let message = "Cannot cancel a synchronous response: only one with 'background' can be \
                       cancelled. Close the connection instead.";
        return Err(Invalid::value("response_id", message).into());
    }
    if let Some(live) = background.find(object.facts.object) {
        live.cancel().await;
    }
    let object = objects.find(Class::Response, id).await?;
    read(objects, background, &object).await
}

/// Lists the items of a response's own request.
pub(super) async fn input(
    objects: &Objects<'_>,
    id: &str,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let page = Page::parse(query, Sizes::USUAL)?;
    let object = objects.find(Class::Response, id).await?;
    let opened = objects.open(&object).await?;
    let kept = Kept::read(opened.head()).map_err(|_| ApiError::ObjectsUnavailable)?;
    Ok(json(&kept.page(&page)?))
}

/// Returns the number of the first event that is wanted.
fn after(query: Option<&str>) -> Result<usize, ApiError> {
    let Some(text) = parameter(query, "starting_after")? else { return Ok(0) };
    let number: usize = text.parse().map_err(|_| {
        Invalid::value("starting_after", "Invalid type for 'starting_after': expected an integer.")
    })?;
    Ok(number.saturating_add(1))
}

fn not_followed() -> ApiError {
    let message = "The events of this response are gone: they are there while a response with \
                   'background' is made, and for some minutes after that. Read the response without \
                   'stream'.";
    Invalid::value("stream", message).into()
}
