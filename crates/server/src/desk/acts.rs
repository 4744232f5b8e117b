//! The reads and deletions of a resource's records by the customer's own people, for the customer's
//! officer.

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

/// One read or deletion, without content.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    entry: u64,
    object: &'static str,
    act: &'static str,
    request: RequestId,
    at_ms: u64,
    person: PersonId,
    /// Object id of the person in the customer's directory.
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

/// Lists reads and deletions in the log's order, for a person with permission to list the records.
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
