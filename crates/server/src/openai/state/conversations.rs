//! The Conversations API. A conversation is an object; each item is an object of its own, a part of
//! the conversation, and ends with it.

mod items;
pub(super) mod rows;

use policy::{content::ContentBytes, object::Class};
use store::objects::Object;
use wire::{
    conversations::{self, Conversation},
    stored::{self, Deleted},
};

pub(super) use self::rows::load;
use super::{
    Arriving, StateRequest, json,
    objects::{self, New, Objects, failed},
};
use crate::{
    call::Call,
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
    let StateRequest { state, caller, names, query, served: _, current } = asked;
    let [id, item] = &names;
    let objects = Objects::of(services, &caller);
    let limits = &current.config.limits;
    match state {
        State::CreateConversation => {
            objects.must_keep(Class::Conversation, "conversations")?;
            let shared = objects::shared(arriving.headers)?;
            let body = arriving.json(&caller, limits).await?;
            let new = conversations::create(body.reveal())?;
            create(&objects, call, shared, &new).await
        }
        State::GetConversation => {
            let object = objects.find(Class::Conversation, id).await?;
            let opened = objects.open(&object).await?;
            described(&object, opened.head())
        }
        State::UpdateConversation => {
            let body = arriving.json(&caller, limits).await?;
            let metadata = stored::update(body.reveal())?;
            let object = objects.find(Class::Conversation, id).await?;
            let head = conversations::head(&metadata);
            let object = objects.change(&object, Some(head.clone()), None).await?;
            described(&object, &head)
        }
        State::DeleteConversation => {
            let object = objects.find_to_delete(Class::Conversation, id).await?;
            objects.delete(&object).await?;
            call.destroyed(&object);
            Ok(json(&Deleted::new(id, "conversation.deleted")))
        }
        State::ListItems => items::list(&objects, id, query.as_deref()).await,
        State::CreateItems => {
            objects.must_keep(Class::Item, "items")?;
            let body = arriving.json(&caller, limits).await?;
            let new = conversations::items(body.reveal())?;
            items::create(&objects, call, id, new).await
        }
        State::GetItem => items::get(&objects, id, item).await,
        State::DeleteItem => {
            let (conversation, part) = items::find_to_delete(&objects, id, item).await?;
            objects.delete(&part).await?;
            call.destroyed(&part);
            let opened = objects.open(&conversation).await?;
            described(&conversation, opened.head())
        }
        _ => Err(ApiError::RouteNotFound),
    }
}

async fn create(
    objects: &Objects<'_>,
    call: &mut Call,
    shared: bool,
    new: &conversations::NewConversation,
) -> Result<Reply, ApiError> {
    let class = Class::Conversation;
    let label = String::new();
    let begun = New { class, shared, expires_ms: None, parent: None, state: 0, label };
    let mut draft = objects.begin(call.id, begun).await?;
    let head = conversations::head(&new.metadata);
    draft.seal_head(&head).map_err(failed(class))?;
    let object = draft.object().clone();
    let items = rows::drafts(objects, call, &object, 0, new.items.clone()).await?;
    call.writes(draft);
    items.into_iter().for_each(|(item, _)| call.writes(item));
    described(&object, &head)
}

fn described(object: &Object, head: &ContentBytes) -> Result<Reply, ApiError> {
    let id = Class::Conversation.id(object.facts.object);
    let conversation = Conversation::read(id, object.created_ms / 1000, head);
    Ok(json(&conversation.map_err(|_| ApiError::ObjectsUnavailable)?))
}
