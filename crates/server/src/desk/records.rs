//! The owner's own records: a tenant's data protection officer lists the stored records of a
//! resource, reads one, and deletes one before its deadline. The operator's people take no part,
//! and this view shows them no record.

use std::str::FromStr;

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use policy::{
    authz::facts::RecordFacts,
    id::RequestId,
    permit::{DeleteOwnRecord, ListOwnRecords, Permit, ReadOwnRecord},
    workflow::owner::{DeleteOwn, ReadOwn},
};
use serde::{Deserialize, Serialize};
use store::{
    Directory,
    ledger::{Deleted, OwnRecord},
};

use super::{Desk, Visitor, blocking, case::Case, content, error::DeskError};
use crate::looked::Looked;

/// Records per page if `limit` is missing.
const LIMIT_DEFAULT: usize = 100;

/// Most records per page.
const LIMIT_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    after: Option<String>,
}

impl Page {
    /// Returns the number of items requested.
    pub(super) fn limit(&self) -> Result<usize, DeskError> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) {
            Ok(limit)
        } else {
            Err(DeskError::BadRequest(format!("`limit` is a number from 1 to {LIMIT_MAX}")))
        }
    }

    /// Returns the id after which the page begins.
    pub(super) fn after<T: FromStr>(&self) -> Result<Option<T>, DeskError> {
        let parse = |text: &String| text.parse().map_err(|_| DeskError::NoSuchCursor);
        self.after.as_ref().map(parse).transpose()
    }
}

/// A page of a list, in OpenAI's shape.
#[derive(Debug, Serialize)]
pub(super) struct Listed<Item, Id> {
    object: &'static str,
    data: Vec<Item>,
    first_id: Option<Id>,
    last_id: Option<Id>,
    has_more: bool,
}

impl<Item, Id> Listed<Item, Id> {
    /// Makes a page; `id` returns the cursor of an item.
    pub(super) fn new(data: Vec<Item>, has_more: bool, id: impl Fn(&Item) -> Id) -> Self {
        let (first_id, last_id) = (data.first().map(&id), data.last().map(&id));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// A record in a list, without content.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    id: RequestId,
    object: &'static str,
    deployment: Option<String>,
    started_ms: u64,
    finished_ms: u64,
    status: u16,
    prompt_tokens: u64,
    completion_tokens: u64,
    deadline_ms: u64,
}

impl Item {
    fn new(record: OwnRecord, directory: &Directory) -> Self {
        let called = |id| directory.deployments().iter().find(|d| d.id == id);
        Self {
            id: record.request,
            object: "record",
            // A deleted deployment has no name; its id is shown.
            deployment: record
                .deployment
                .map(|id| called(id).map_or_else(|| id.to_string(), |d| d.name.clone())),
            started_ms: record.started_ms,
            finished_ms: record.finished_ms,
            status: record.status,
            prompt_tokens: record.prompt_tokens,
            completion_tokens: record.completion_tokens,
            deadline_ms: record.deadline_ms,
        }
    }
}

/// Lists the stored records in the order in which they were stored.
pub(super) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Listed<Item, RequestId>>, DeskError> {
    let permit: Permit<ListOwnRecords> = visitor.permit(&visitor.resource(&name))?;
    let Query(page) = page.map_err(|error| DeskError::BadRequest(error.body_text()))?;
    let (limit, after) = (page.limit()?, page.after()?);
    let ledger = desk.ledger.clone();
    let found = blocking(move || Ok(ledger.own_records(permit, after, limit)?)).await?;
    let item = |record| Item::new(record, visitor.directory());
    let data = found.records.into_iter().map(item).collect();
    Ok(Json(Listed::new(data, found.has_more, |item| item.id)))
}

/// Shows one record's content. The log records the read before the content leaves the custodian.
pub(super) async fn read(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, request)): Path<(String, String)>,
) -> Result<Response, DeskError> {
    let record = find(&desk, &visitor, &name, &request).await?;
    let permit: Permit<ReadOwnRecord> = visitor.permit(&record)?;
    let read = ReadOwn::new(permit, visitor.owner()?);
    let (ledger, signed) = (desk.ledger.clone(), visitor.signed());
    let opened = blocking(move || {
        let opened = ledger.read_own_signed(&read, signed).map_err(DeskError::not_read)?;
        content::read(&opened)
    })
    .await
    .map_err(|error| visitor.told(&desk, error))?;
    Ok(content::show(&opened))
}

/// Deletes one record. Its key is destroyed before the answer (200), or soon after if that failed
/// (202).
pub(super) async fn delete(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, request)): Path<(String, String)>,
) -> Result<Response, DeskError> {
    let record = find(&desk, &visitor, &name, &request).await?;
    let permit: Permit<DeleteOwnRecord> = visitor.permit(&record)?;
    let id = permit.scope().record;
    let delete = DeleteOwn::new(permit, visitor.owner()?);
    let (ledger, signed) = (desk.ledger.clone(), visitor.signed());
    let deleted = blocking(move || Ok(ledger.delete_own_signed(&delete, signed)?))
        .await
        .map_err(|error| visitor.told(&desk, error))?;
    let (status, shredded) = match deleted {
        Deleted::Shredded => (StatusCode::OK, true),
        Deleted::Pending => (StatusCode::ACCEPTED, false),
    };
    let told =
        serde_json::json!({"id": id, "object": "record", "deleted": true, "shredded": shredded});
    Ok((status, Json(told)).into_response())
}

/// Finds a record of the resource in the path, for a person with permission to list its records. A
/// record of another resource is decided and answered like a missing record.
async fn find(
    desk: &Desk,
    visitor: &Visitor,
    name: &str,
    request: &str,
) -> Result<Looked<RecordFacts>, DeskError> {
    let permit: Permit<ListOwnRecords> = visitor.permit(&visitor.resource(name))?;
    let of = permit.spend();
    let Case { record, .. } = Case::find(desk, visitor, request).await?;
    Ok(record.only_if(|record| record.of == of))
}
