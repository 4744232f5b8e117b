//! What the customer's own people did with the resource's records, for their officer to see: the
//! customer knows who of theirs was to read what.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use policy::{
    id::{PersonId, RequestId},
    permit::{ListOwnRecords, Permit},
};
use serde::Serialize;
use store::ledger::{Act, OwnAct};

use super::{
    Desk, Visitor, blocking,
    error::DeskError,
    records::{Listed, Page},
};

/// One act: no content.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    entry: u64,
    object: &'static str,
    act: &'static str,
    request: RequestId,
    at_ms: u64,
    person: PersonId,
    /// The person in the customer's own directory.
    object_id: String,
}

impl Item {
    fn new(act: OwnAct) -> Self {
        Self {
            entry: act.entry,
            object: "act",
            act: match act.act {
                Act::Read => "read",
                Act::Deleted => "deleted",
            },
            request: act.request,
            at_ms: act.at_ms,
            person: act.person,
            object_id: act.object.to_string(),
        }
    }
}

/// What was read and deleted, in the log's order: who may know which records there are may know that.
pub(super) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Listed<Item, u64>>, DeskError> {
    let permit: Permit<ListOwnRecords> = visitor.permit(&visitor.resource(&name))?;
    let Query(page) = page.map_err(|error| DeskError::BadRequest(error.body_text()))?;
    let (limit, after) = (page.limit()?, page.after()?);
    let ledger = desk.ledger.clone();
    let found = blocking(move || Ok(ledger.own_acts(permit, after, limit)?)).await?;
    let data = found.acts.into_iter().map(Item::new).collect();
    Ok(Json(Listed::new(data, found.has_more, |item: &Item| item.entry)))
}
