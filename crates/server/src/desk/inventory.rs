//! The inventory at the desk: a tenant's data protection officer sees what is kept for a resource, and
//! deletes it, of any owner. The officer reads no content.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use policy::permit::{DeleteObject, Permit, ReadInventory};
use serde::Deserialize;
use store::objects::{Object, ObjectError, Select};
use wire::inventory::{Deleted, Inventory};

use super::{Desk, Visitor, blocking, error::DeskError};
use crate::{inventory, looked::Looked};

/// Objects per page if `limit` is missing.
const LIMIT_DEFAULT: usize = 100;

/// Most objects per page.
const LIMIT_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    after: Option<String>,
    class: Option<String>,
}

impl Page {
    fn select(&self) -> Result<Select, DeskError> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(DeskError::BadRequest(format!(
                "`limit` is a number from 1 to {LIMIT_MAX}"
            )));
        }
        let class = self.class.as_deref().map(inventory::class).transpose();
        let class = class.map_err(|wrong| DeskError::BadRequest(wrong.message))?;
        let after =
            self.after.as_deref().map(|id| inventory::any(id).ok_or(DeskError::NoSuchCursor));
        let after = after.transpose()?.map(|(_, object)| object);
        Ok(Select { class, after, limit: limit.saturating_add(1), ..Select::default() })
    }
}

/// Lists the objects that are kept for a resource.
pub(super) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Inventory>, DeskError> {
    let looked = visitor.resource(&name);
    let permit: Permit<ReadInventory> = visitor.permit(&looked)?;
    let counted: Permit<ReadInventory> = visitor.permit(&looked)?;
    let Query(page) = page.map_err(|error| DeskError::BadRequest(error.body_text()))?;
    let select = page.select()?;
    let (of, limit) = (permit.spend(), select.limit.saturating_sub(1));
    let (objects, store) = (desk.ledger.objects(), desk.store.clone());
    let (mut found, records) = blocking(move || {
        Ok((objects.list(of, &select).map_err(failed)?, store.count_records(counted)?))
    })
    .await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let may_delete = |object: &Object| {
        visitor.permit::<DeleteObject>(&Looked::there(object.facts.clone())).is_ok()
    };
    let data = found.iter().map(|object| inventory::kept(object, may_delete(object))).collect();
    let also_kept = inventory::also_kept(visitor.shown(of)?, records, desk.ledger.metadata());
    Ok(Json(inventory::page(data, has_more, also_kept)))
}

/// Deletes an object and its parts: destroys their keys.
pub(super) async fn delete(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<Deleted>, DeskError> {
    let permit: Permit<ReadInventory> = visitor.permit(&visitor.resource(&name))?;
    let of = permit.spend();
    let (class, object) = inventory::any(&id).ok_or(DeskError::NotFound)?;
    let objects = desk.ledger.objects();
    let found = blocking(move || objects.find(of, object).map_err(failed)).await?;
    let is_it = |object: &Object| object.facts.class == class;
    let object = found.filter(is_it).ok_or(DeskError::NotFound)?;
    let permit = visitor.permit::<DeleteObject>(&Looked::there(object.facts.clone()))?;
    let objects = desk.ledger.objects();
    blocking(move || objects.delete(permit).map_err(failed)).await?;
    Ok(Json(inventory::deleted(&object)))
}

fn failed(error: ObjectError) -> DeskError {
    match error {
        ObjectError::Gone => DeskError::NotFound,
        error => {
            tracing::error!(%error, "an object cannot be listed or deleted");
            DeskError::Objects
        }
    }
}
