//! The past that a request continues: earlier responses, or a conversation; and the items that it
//! refers to.

use std::collections::HashMap;

use policy::object::Class;
use wire::{
    error::{Code, Invalid},
    limits::CHAIN_MAX,
    responses::{Kept, ResponseRequest, item::Item, kept::response_of},
};

use super::states;
use crate::openai::{
    error::ApiError,
    state::{conversations, objects::Objects},
};

/// Returns the items before those of the request, oldest first.
///
/// # Errors
/// If an earlier response or the conversation does not exist for this caller.
pub(super) async fn earlier(
    objects: &Objects<'_>,
    request: &ResponseRequest,
) -> Result<Vec<Item>, ApiError> {
    if let Some(conversation) = &request.conversation {
        return conversations::load(objects, conversation.0.reveal()).await;
    }
    let mut next = request.previous.as_ref().map(|id| id.0.reveal().to_owned());
    let mut links = Vec::new();
    while let Some(id) = next.take() {
        if links.len() == CHAIN_MAX {
            return Err(too_long());
        }
        let kept = open(objects, &id).await.map_err(not_found)?;
        next = kept.previous.as_ref().map(|id| id.0.reveal().to_owned());
        links.push(kept);
    }
    Ok(links.into_iter().rev().flat_map(|kept| kept.input.into_iter().chain(kept.output)).collect())
}

/// Puts the items in the places of their references. An item that the request continues anyway is not
/// repeated.
///
/// # Errors
/// If there is no such item for this caller.
pub(super) async fn resolve(
    objects: &Objects<'_>,
    earlier: &[Item],
    input: Vec<Item>,
) -> Result<Vec<Item>, ApiError> {
    let mut opened: HashMap<String, Kept> = HashMap::new();
    let mut items = Vec::with_capacity(input.len());
    for (index, item) in input.into_iter().enumerate() {
        let Item::ItemReference(reference) = &item else {
            items.push(item);
            continue;
        };
        let id = reference.id.0.reveal();
        if earlier.iter().any(|item| item.id() == Some(id)) {
            continue;
        }
        let missing = || unknown_item(index);
        let response = response_of(id).ok_or_else(missing)?;
        if !opened.contains_key(response) {
            let kept = open(objects, &format!("{}{response}", Class::Response.prefix())).await;
            let kept = kept.map_err(|error| match error {
                ApiError::ObjectNotFound { .. } => missing(),
                error => error,
            })?;
            opened.insert(response.to_owned(), kept);
        }
        let found = opened.get(response).and_then(|kept| kept.item(id));
        items.push(found.cloned().ok_or_else(missing)?);
    }
    Ok(items)
}

async fn open(objects: &Objects<'_>, id: &str) -> Result<Kept, ApiError> {
    let object = objects.find(Class::Response, id).await?;
    if object.state == states::UNFINISHED {
        let message = "The previous response is not complete yet: read it until its 'status' is \
                       'completed'.";
        return Err(Invalid::value("previous_response_id", message).into());
    }
    let opened = objects.open(&object).await?;
    Kept::read(opened.head()).map_err(|_| ApiError::ObjectsUnavailable)
}

fn not_found(error: ApiError) -> ApiError {
    match error {
        ApiError::ObjectNotFound { .. } => Invalid {
            param: Some("previous_response_id".to_owned()),
            code: Code::PreviousNotFound,
            message: "Previous response not found: it or one before it does not exist for this \
                      caller, was deleted, has expired, or was made with 'store': false. Send the \
                      conversation so far in 'input'."
                .to_owned(),
        }
        .into(),
        error => error,
    }
}

fn too_long() -> ApiError {
    let message = format!(
        "The chain of responses is too long: at most {CHAIN_MAX} can continue each other. Send the \
         conversation so far in 'input', without 'previous_response_id'."
    );
    Invalid::value("previous_response_id", message).into()
}

fn unknown_item(index: usize) -> ApiError {
    let param = format!("input[{index}].id");
    let message = format!(
        "Item not found for '{param}': it does not exist for this caller, was deleted, has expired, \
         or its response was made with 'store': false. Send the item itself."
    );
    Invalid::value(&param, message).into()
}
