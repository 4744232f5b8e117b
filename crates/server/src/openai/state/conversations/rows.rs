//! The rows of a conversation's items: finding, opening and adding them.

use policy::object::Class;
use store::objects::{Draft, Object, Select};
use tlog::hex;
use wire::{conversations::is_item_id, error::Invalid, limits, responses::item::Item, stored};

use crate::{
    call::Call,
    openai::{
        error::ApiError,
        state::objects::{New, Objects, failed},
    },
};

/// Returns the items of a conversation that the caller may read, oldest first.
///
/// # Errors
/// If there is no such conversation for this caller.
pub(in crate::openai::state) async fn load(
    objects: &Objects<'_>,
    id: &str,
) -> Result<Vec<Item>, ApiError> {
    let conversation = objects.find(Class::Conversation, id).await?;
    let rows = rows(objects, &conversation).await?;
    opened(objects, &rows).await
}

/// Makes drafts of new items at the end of a conversation: the call writes them. An item keeps the id
/// that this service gave it; others get one.
///
/// # Errors
/// If there is no such conversation for this caller, or it gets too long.
pub(in crate::openai::state) async fn append(
    objects: &Objects<'_>,
    call: &Call,
    id: &str,
    items: Vec<Item>,
) -> Result<Vec<Draft>, ApiError> {
    let conversation = objects.find(Class::Conversation, id).await?;
    objects.may_write(&conversation)?;
    let present = rows(objects, &conversation).await?.len();
    let drafts = drafts(objects, call, &conversation, present, items).await?;
    Ok(drafts.into_iter().map(|(draft, _)| draft).collect())
}

/// Makes the drafts of items, each with the item as it will be. `present` is the number of items that
/// the conversation has.
pub(super) async fn drafts(
    objects: &Objects<'_>,
    call: &Call,
    conversation: &Object,
    present: usize,
    items: Vec<Item>,
) -> Result<Vec<(Draft, Item)>, ApiError> {
    if present.saturating_add(items.len()) > limits::ITEMS_MAX {
        let message = format!(
            "The conversation is too long: it may have at most {} items. Begin another one.",
            limits::ITEMS_MAX
        );
        return Err(Invalid::value("items", message).into());
    }
    let mut drafts = Vec::with_capacity(items.len());
    for (place, mut item) in (0..).zip(items) {
        let new = New {
            class: Class::Item,
            shared: conversation.facts.shared,
            // An item ends with its conversation.
            expires_ms: conversation.expires_ms,
            parent: Some(conversation.facts.object),
            state: place,
            label: String::new(),
        };
        let mut draft = objects.begin(call.id, new).await?;
        let id = match item.id().filter(|id| is_item_id(id)) {
            Some(id) => id.to_owned(),
            None => {
                let digits = hex::encode(draft.object().facts.object.as_bytes());
                format!("{}{digits}", item.prefix())
            }
        };
        draft.set(place, &id);
        item.keep_as(id);
        draft.seal_head(&stored::bytes(&item)).map_err(failed(Class::Item))?;
        drafts.push((draft, item));
    }
    Ok(drafts)
}

/// Returns the rows of a conversation's items that the caller may read, oldest first. The label of a
/// row is the item's id; its state is the item's place in the request that made it.
pub(super) async fn rows(
    objects: &Objects<'_>,
    conversation: &Object,
) -> Result<Vec<Object>, ApiError> {
    let select = Select {
        class: Some(Class::Item),
        parent: Some(conversation.facts.object),
        ascending: true,
        limit: limits::ITEMS_MAX,
        ..Select::default()
    };
    let (mut rows, _) = objects.listed(select).await?;
    // The store's order does not separate objects of the same millisecond.
    rows.sort_by_key(|row| (row.created_ms, row.state));
    Ok(rows)
}

/// Finds an item of a conversation by its id.
pub(super) async fn find(
    objects: &Objects<'_>,
    conversation: &Object,
    item: &str,
) -> Result<Object, ApiError> {
    let missing = ApiError::ObjectNotFound { class: Class::Item };
    if !is_item_id(item) {
        return Err(missing);
    }
    let select = Select {
        class: Some(Class::Item),
        parent: Some(conversation.facts.object),
        label: Some(item.to_owned()),
        limit: 1,
        ..Select::default()
    };
    let (rows, _) = objects.listed(select).await?;
    rows.into_iter().next().ok_or(missing)
}

/// Opens items; one that was deleted since it was listed is left out.
pub(super) async fn opened(objects: &Objects<'_>, rows: &[Object]) -> Result<Vec<Item>, ApiError> {
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        match objects.open(row).await {
            Ok(opened) => {
                let item = Item::from_json(opened.head().reveal());
                items.push(item.map_err(|_| ApiError::ObjectsUnavailable)?);
            }
            // It was deleted since it was listed.
            Err(ApiError::ObjectNotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(items)
}
