//! Stored chat completions: what a chat request with `store` keeps.
//!
//! The label of such an object is its deployment's id, by which `model` selects. The answer, the
//! request's messages and the labels are in the sealed head.

pub(in crate::openai) mod keeping;

use std::collections::BTreeSet;

use policy::object::Class;
use store::objects::{Object, Opened};
use wire::{
    page::{self, Page, Sizes},
    stored::{self, CompletionList, Deleted, MessageList, Stored},
};

use super::{Arriving, StateRequest, json, objects::Objects};
use crate::{
    authn::Caller,
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
    let StateRequest { state, caller, names: [id, _], query, served: _, current } = asked;
    let objects = Objects::of(services, &caller);
    match state {
        State::ListCompletions => list(&objects, &caller, query.as_deref()).await,
        State::GetCompletion => {
            let object = objects.find(Class::Completion, &id).await?;
            described(&objects.open(&object).await?)
        }
        State::UpdateCompletion => {
            let body = arriving.json(&caller, &current.config.limits).await?;
            let metadata = stored::update(body.reveal())?;
            let object = objects.find(Class::Completion, &id).await?;
            let opened = objects.open(&object).await?;
            let head = Stored::read(opened.head()).and_then(|stored| stored.with(&metadata));
            let head = head.map_err(damaged)?;
            objects.change(&object, Some(head.clone()), None).await?;
            let stored = Stored::read(&head).map_err(damaged)?;
            let completion = stored.completion(&object.request.to_string()).map_err(damaged)?;
            Ok(json(&completion))
        }
        State::DeleteCompletion => {
            let object = objects.find_to_delete(Class::Completion, &id).await?;
            objects.delete(&object).await?;
            call.destroyed(&object);
            Ok(json(&Deleted::new(&id, "chat.completion.deleted")))
        }
        State::ListMessages => {
            let page = ascending(query.as_deref())?;
            let object = objects.find(Class::Completion, &id).await?;
            let opened = objects.open(&object).await?;
            let stored = Stored::read(opened.head()).map_err(damaged)?;
            let mut messages = stored.messages(&id).map_err(damaged)?;
            if !page.ascending {
                messages.reverse();
            }
            let (messages, more) = page.of(messages, |message, id| message.id == id)?;
            Ok(json(&MessageList::new(messages, more)))
        }
        _ => Err(ApiError::RouteNotFound),
    }
}

/// Reads a page of a list that is in ascending order unless the caller asks otherwise.
fn ascending(query: Option<&str>) -> Result<Page, ApiError> {
    let mut page = Page::parse(query, Sizes::USUAL)?;
    page.ascending |= page::parameter(query, "order")?.is_none();
    Ok(page)
}

async fn list(
    objects: &Objects<'_>,
    caller: &Caller,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let page = ascending(query)?;
    let labels = page::object(query, "metadata")?;
    let mut select = objects.select(Class::Completion, &page)?;
    let deployments = match page::parameter(query, "model")? {
        Some(model) => Some(deployments(caller, &model)?),
        None => None,
    };
    if let Some(only) = &deployments
        && only.len() == 1
    {
        select.label = only.first().cloned();
    }
    let fits = |object: &Object| {
        deployments.as_ref().is_none_or(|deployments| deployments.contains(&object.label))
    };
    // One more than fits on the page says whether there are more.
    select.limit = page.limit.saturating_add(1);
    let mut found = Vec::new();
    loop {
        let (rows, more) = objects.listed(select.clone()).await?;
        select.after = rows.last().map(|row| row.facts.object);
        for row in rows.iter().filter(|row| fits(row)) {
            let opened = match objects.open(row).await {
                Ok(opened) => opened,
                // It was deleted since it was listed.
                Err(ApiError::ObjectNotFound { .. }) => continue,
                Err(error) => return Err(error),
            };
            let stored = Stored::read(opened.head()).map_err(damaged)?;
            if found.len() <= page.limit && stored.has(&labels).map_err(damaged)? {
                let completion = stored.completion(&row.request.to_string()).map_err(damaged)?;
                found.push((Class::Completion.id(row.facts.object), completion));
            }
        }
        if !more || found.len() > page.limit {
            break;
        }
    }
    let more = found.len() > page.limit;
    found.truncate(page.limit);
    Ok(json(&CompletionList::new(found, more)))
}

/// Returns the ids of the caller's deployments that a model's name means: the deployment of that name,
/// or all deployments of the model.
fn deployments(caller: &Caller, model: &str) -> Result<BTreeSet<String>, ApiError> {
    let resource = caller.resource()?.id;
    let of = caller.directory.deployments_of(resource);
    let of_model = |id| caller.directory.model(id).is_some_and(|found| found.name == model);
    let named = of.filter(|one| one.name == model || of_model(one.model));
    Ok(named.map(|one| one.id.to_string()).collect())
}

fn described(opened: &Opened) -> Result<Reply, ApiError> {
    let stored = Stored::read(opened.head()).map_err(damaged)?;
    let request = opened.object().request.to_string();
    Ok(json(&stored.completion(&request).map_err(damaged)?))
}

/// Our own bytes that cannot be read back.
fn damaged<E>(_: E) -> ApiError {
    ApiError::ObjectsUnavailable
}
