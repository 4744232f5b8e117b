//! The inventory: everything that is kept for a resource, without content.
//!
//! It lists the objects of all principals. Only an object's owner opens it, shares it or changes its
//! end; its owner and the tenant's data protection officer delete it.

use policy::permit::ReadInventory;
use store::{
    inventory::Records,
    objects::{Change, Object, Select},
};
use wire::{
    error::Invalid,
    inventory::{EXPIRES_AT_MAX, Kept, Update},
    json::parse,
    page::{Page, Sizes, parameter},
};

use super::{Arriving, StateRequest, objects::Objects};
use crate::{
    authn::Caller,
    call::Call,
    clock, inventory,
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
    let StateRequest { state, caller, names: [id, _], query, current, .. } = asked;
    let objects = Objects::of(services, &caller);
    match state {
        State::Inventory => {
            let select = selected(&objects, query.as_deref())?;
            let (found, has_more) = objects.inventory(select).await?;
            let records = records(services, &caller).await?;
            let data: Vec<Kept> = found.iter().map(|object| kept(&objects, object)).collect();
            let metadata = current.config.retention.metadata();
            let also_kept = inventory::also_kept(caller.resource()?, records, metadata);
            json(&inventory::page(data, has_more, also_kept))
        }
        State::UpdateObject => {
            let object = objects.find_listed(&id).await?;
            let body = arriving.json(&caller, &current.config.limits).await?;
            let update: Update = parse(body.reveal())?;
            let changed = change(&objects, &object, &update).await?;
            json(&kept(&objects, &changed))
        }
        State::DeleteObject => {
            let object = objects.find_listed(&id).await?;
            objects.delete(&object).await?;
            call.destroyed(&object);
            json(&inventory::deleted(&object))
        }
        _ => json(&kept(&objects, &objects.find_listed(&id).await?)),
    }
}

/// Reads the selection of a list. `after` may be the id of any class.
fn selected(objects: &Objects<'_>, query: Option<&str>) -> Result<Select, ApiError> {
    let page = Page::parse(query, SIZES)?;
    let class = parameter(query, "class")?.map(|name| inventory::class(&name)).transpose()?;
    if let Some(class) = class {
        return objects.select(class, &page);
    }
    let cursor = |param: &'static str, id: &Option<String>| {
        let read = |id: &String| {
            let message = format!("Invalid '{param}': expected an id from an earlier page.");
            inventory::any(id)
                .map(|(_, object)| object)
                .ok_or_else(|| Invalid::value(param, message))
        };
        id.as_ref().map(read).transpose()
    };
    Ok(Select {
        after: cursor("after", &page.after)?,
        before: cursor("before", &page.before)?,
        ascending: page.ascending,
        limit: page.limit,
        ..Select::default()
    })
}

/// Applies a change to an object, and the sharing also to its parts.
async fn change(
    objects: &Objects<'_>,
    object: &Object,
    update: &Update,
) -> Result<Object, ApiError> {
    let expires_ms = match update.expires_at {
        None => None,
        Some(at) => Some(Some(end(object, at)?)),
    };
    let shared = update.shared;
    let change = || Change { shared, expires_ms, ..Change::default() };
    let changed = objects.rearrange(object, change()).await?;
    let mut select = Select {
        parent: Some(object.facts.object),
        ascending: true,
        limit: PARTS_AT_ONCE,
        ..Select::default()
    };
    loop {
        let (parts, more) = objects.inventory(select.clone()).await?;
        select.after = parts.last().map(|part| part.facts.object);
        for part in &parts {
            match objects.rearrange(part, change()).await {
                // A part of another principal's stays as its owner wants it.
                Ok(_) | Err(ApiError::ObjectNotFound { .. } | ApiError::NotTheOwner { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if !more {
            return Ok(changed);
        }
    }
}

/// Checks a new end: in the future, and not later than the class allows.
fn end(object: &Object, at: u64) -> Result<u64, ApiError> {
    let (now_ms, wanted_ms) = (clock::now_ms(), at.saturating_mul(1000));
    let latest_ms = policy::object::latest_ms(object.facts.class, object.created_ms);
    let fits = at <= EXPIRES_AT_MAX && latest_ms.is_none_or(|latest_ms| wanted_ms <= latest_ms);
    if wanted_ms > now_ms && fits {
        return Ok(wanted_ms);
    }
    let message = match latest_ms {
        None => {
            "Invalid 'expires_at': expected a time in the future, in seconds since 1970, at most \
             253402300799 (the end of the year 9999)."
        }
        Some(_) => {
            "Invalid 'expires_at': expected a time in the future, in seconds since 1970, at most 30 \
             days after the object was made."
        }
    };
    Err(Invalid::value("expires_at", message).into())
}

/// Describes an object, without content.
fn kept(objects: &Objects<'_>, object: &Object) -> Kept {
    inventory::kept(object, objects.may_delete(&object.facts))
}

/// Counts the records of the resource's requests.
async fn records(services: &Services, caller: &Caller) -> Result<Records, ApiError> {
    let (store, permit) = (services.store.clone(), services.permit::<ReadInventory>(caller)?);
    let counted = tokio::task::spawn_blocking(move || store.count_records(permit)).await;
    counted.map_err(|_| ApiError::Internal)?.map_err(|error| {
        tracing::error!(%error, "the records cannot be counted");
        ApiError::Store
    })
}

fn json(answer: &impl serde::Serialize) -> Result<Reply, ApiError> {
    serde_json::to_vec(answer).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}

/// The sizes of the inventory's pages.
const SIZES: Sizes = Sizes { default: 100, max: 1000 };

/// The parts that are changed at once with their whole.
const PARTS_AT_ONCE: usize = 100;
