//! The requests of data subjects, with their deadlines: the officer notes them, extends one, and ends
//! them. They have the officer's own reference, and not the name of the person.

use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    id::{SubjectRequestId, TenantId},
    permit::{FindSubject, Permit},
    workflow::{
        Statement,
        subject_request::{Allowed, Kind, RequestView, State as Requested, Urgency},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::workflow::SubjectRequest;

use super::super::{Desk, Parsed, Visitor, blocking, error::DeskError};
use crate::clock;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Received {
    right: Kind,
    reference: String,
    received_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Reason {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::desk) struct Note {
    note: String,
}

/// Lists the requests: the most urgent first.
pub(in crate::desk) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let tenant = permit.spend().tenant;
    let states = blocking(move || Ok(desk.store.states::<SubjectRequest>()?)).await?;
    let now_ms = clock::now_ms();
    let mut views: Vec<_> = states.iter().filter_map(|state| state.view(tenant, now_ms)).collect();
    views.sort_by_key(|view| (view.urgency, view.due_ms));
    let data: Vec<Value> = views.iter().map(|view| shown(view, now_ms)).collect();
    Ok(Json(json!({"object": "list", "data": data, "has_more": false})))
}

/// Notes a request: its deadline begins.
pub(in crate::desk) async fn receive(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(given): Parsed<Received>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let id = SubjectRequestId::from_random(visitor.random());
    let reference = statement(&visitor, &given.reference)?;
    let of = (id, visitor.owner()?);
    let tenant = permit.scope().tenant;
    // Its deadline is in the statement that the officer signs.
    let received_ms = given.received_ms.or(visitor.counted_from());
    let allowed = Allowed::receive(permit, of, (given.right, reference), received_ms);
    step(&desk, &visitor, tenant, allowed).await
}

/// Extends the deadline.
pub(in crate::desk) async fn extend(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let (of, tenant) = ((named(&id)?, visitor.owner()?), permit.scope().tenant);
    step(&desk, &visitor, tenant, Allowed::extend(permit, of, statement(&visitor, &given.reason)?))
        .await
}

/// Ends a request that was answered.
pub(in crate::desk) async fn answer(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
    Parsed(given): Parsed<Note>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let (of, tenant) = ((named(&id)?, visitor.owner()?), permit.scope().tenant);
    step(&desk, &visitor, tenant, Allowed::answer(permit, of, statement(&visitor, &given.note)?))
        .await
}

/// Ends a request that was refused.
pub(in crate::desk) async fn refuse(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let (of, tenant) = ((named(&id)?, visitor.owner()?), permit.scope().tenant);
    step(&desk, &visitor, tenant, Allowed::refuse(permit, of, statement(&visitor, &given.reason)?))
        .await
}

fn named(id: &str) -> Result<SubjectRequestId, DeskError> {
    id.parse().map_err(|_| DeskError::NotFound)
}

fn statement(visitor: &Visitor, text: &str) -> Result<Statement, DeskError> {
    Ok(Statement::new(text, visitor.random())?)
}

async fn step(
    desk: &Desk,
    visitor: &Visitor,
    tenant: TenantId,
    allowed: Allowed,
) -> Result<Json<Value>, DeskError> {
    let state: Requested = visitor.decide::<SubjectRequest>(desk, tenant, allowed).await?.state;
    let now_ms = clock::now_ms();
    let view = state.view(tenant, now_ms).ok_or(DeskError::NotFound)?;
    Ok(Json(shown(&view, now_ms)))
}

fn shown(view: &RequestView<'_>, now_ms: u64) -> Value {
    json!({
        "id": view.id,
        "object": "subject.request",
        "right": view.kind.name(),
        "state": view.status.name(),
        "reference": view.reference,
        "received_ms": view.received_ms,
        "due_ms": view.due_ms,
        "extension": view.extended,
        "reason": view.reason,
        "ended_ms": view.ended_ms,
        "urgency": view.urgency.name(),
        "remark": remark(view, now_ms),
    })
}

/// Says the state of the deadline now.
fn remark(view: &RequestView<'_>, now_ms: u64) -> String {
    const DAY_MS: u64 = 86_400_000;
    let days = |from: u64, to: u64| to.saturating_sub(from) / DAY_MS;
    match view.urgency {
        Urgency::Overdue => format!("overdue by {} days", days(view.due_ms, now_ms)),
        Urgency::DueSoon | Urgency::InTime => format!("{} days left", days(now_ms, view.due_ms)),
        Urgency::Over => String::new(),
    }
}
