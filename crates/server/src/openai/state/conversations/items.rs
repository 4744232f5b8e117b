//! The items of a conversation.

use policy::object::Class;
use store::objects::Object;
use wire::{
    conversations::ItemList,
    page::{Page, Sizes},
    responses::item::Item,
};

use super::rows::{drafts, find, opened, rows};
use crate::{
    call::Call,
    openai::{
        error::ApiError,
        reply::Reply,
        state::{json, objects::Objects},
    },
};

/// Adds items.
pub(super) async fn create(
    objects: &Objects<'_>,
    call: &mut Call,
    id: &str,
    items: Vec<Item>,
) -> Result<Reply, ApiError> {
    let conversation = objects.find(Class::Conversation, id).await?;
    objects.may_write(&conversation)?;
    let present = rows(objects, &conversation).await?.len();
    let mut made = Vec::new();
    for (draft, item) in drafts(objects, call, &conversation, present, items).await? {
        call.writes(draft);
        made.push(item);
    }
    Ok(json(&ItemList::new(made, false)))
}

/// Lists items.
pub(super) async fn list(
    objects: &Objects<'_>,
    id: &str,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let page = Page::parse(query, Sizes::USUAL)?;
    let conversation = objects.find(Class::Conversation, id).await?;
    let mut rows = rows(objects, &conversation).await?;
    if !page.ascending {
        rows.reverse();
    }
    let (rows, more) = page.of(rows, |row, id| row.label == id)?;
    Ok(json(&ItemList::new(opened(objects, &rows).await?, more)))
}

/// Returns an item.
pub(super) async fn get(objects: &Objects<'_>, id: &str, item: &str) -> Result<Reply, ApiError> {
    let conversation = objects.find(Class::Conversation, id).await?;
    let row = find(objects, &conversation, item).await?;
    let items = opened(objects, &[row]).await?;
    items.first().map(json).ok_or(ApiError::ObjectNotFound { class: Class::Item })
}

/// Finds an item that the caller may delete, with its conversation.
pub(super) async fn find_to_delete(
    objects: &Objects<'_>,
    id: &str,
    item: &str,
) -> Result<(Object, Object), ApiError> {
    let conversation = objects.find(Class::Conversation, id).await?;
    let row = find(objects, &conversation, item).await?;
    Ok((conversation, row))
}
