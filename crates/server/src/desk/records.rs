//! The owner's own view: a tenant's data protection officer lists the records that are kept of a
//! resource's calls, reads one, and deletes one before its deadline. It takes nobody of the
//! operator's, and shows them nothing.

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

/// Records of a page, where nobody says how many.
const LIMIT_DEFAULT: usize = 100;

/// Records of a page, at most.
const LIMIT_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    after: Option<String>,
}

impl Page {
    /// How many are asked for.
    pub(super) fn limit(&self) -> Result<usize, DeskError> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if (1..=LIMIT_MAX).contains(&limit) {
            Ok(limit)
        } else {
            Err(DeskError::BadRequest(format!("`limit` is a number from 1 to {LIMIT_MAX}")))
        }
    }

    /// What the page is to begin after.
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
    /// A page, and the name by which each of its items is gone on after.
    pub(super) fn new(data: Vec<Item>, has_more: bool, id: impl Fn(&Item) -> Id) -> Self {
        let (first_id, last_id) = (data.first().map(&id), data.last().map(&id));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

/// A record in a list: no content.
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
            // One that does not exist any more has no name.
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

/// The records that are kept, in the order in which they were stored.
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

/// One record's content: the read is in the log before it leaves the custodian.
pub(super) async fn read(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, request)): Path<(String, String)>,
) -> Result<Response, DeskError> {
    let record = find(&desk, &visitor, &name, &request).await?;
    let permit: Permit<ReadOwnRecord> = visitor.permit(&record)?;
    let read = ReadOwn::new(permit, visitor.owner()?);
    let ledger = desk.ledger.clone();
    let opened = blocking(move || {
        let opened = ledger.read_own(&read).map_err(DeskError::not_read)?;
        content::read(&opened)
    })
    .await?;
    Ok(content::show(&opened))
}

/// Deletes one record: with the answer it is gone, or, where its key could not be destroyed at once,
/// about to be.
pub(super) async fn delete(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, request)): Path<(String, String)>,
) -> Result<Response, DeskError> {
    let record = find(&desk, &visitor, &name, &request).await?;
    let permit: Permit<DeleteOwnRecord> = visitor.permit(&record)?;
    let id = permit.scope().record;
    let delete = DeleteOwn::new(permit, visitor.owner()?);
    let ledger = desk.ledger.clone();
    let deleted = blocking(move || Ok(ledger.delete_own(&delete)?)).await?;
    let (status, shredded) = match deleted {
        Deleted::Shredded => (StatusCode::OK, true),
        Deleted::Pending => (StatusCode::ACCEPTED, false),
    };
    let told =
        serde_json::json!({"id": id, "object": "record", "deleted": true, "shredded": shredded});
    Ok((status, Json(told)).into_response())
}

/// Finds a record of the resource that the path names, for a person who may know which there are. One
/// of another resource is decided about and answered as one that does not exist.
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
