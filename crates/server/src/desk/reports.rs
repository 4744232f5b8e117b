//! Reports at the desk, for the customer's data protection officer: about one resource, or about all that
//! the officer is responsible for. The officer alone sees which of the customer's own people read
//! which record.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use policy::{
    authz::facts::ResourceFacts,
    permit::{ListOwnRecords, Permit, ReadInventory},
};
use serde::Deserialize;

use super::{Desk, Visitor, blocking, error::DeskError, facts};
use crate::{
    clock, html,
    looked::Looked,
    manage::Period,
    reports::{self, Covered, Kind, OfResource, Window},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    from: Option<Period>,
    to: Option<Period>,
    #[serde(default)]
    format: Format,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Html,
}

/// Makes a report about one resource.
pub(super) async fn of_resource(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, kind)): Path<(String, String)>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Response, DeskError> {
    let looked = visitor.resource(&name);
    let permit: Permit<ListOwnRecords> = visitor.permit(&looked)?;
    let tenant = permit.scope().tenant;
    let resource = permits(&visitor, &looked, permit)?;
    answer(desk, Covered { tenant, resources: vec![resource] }, &kind, question).await
}

/// Makes a report about all resources of the officer's tenant that the officer is responsible for.
pub(super) async fn of_tenant(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(kind): Path<String>,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Response, DeskError> {
    let (mut resources, mut tenant) = (Vec::new(), None);
    for resource in visitor.directory().resources() {
        let looked = Looked::there(facts(resource));
        let Ok(permit) = visitor.permit::<ListOwnRecords>(&looked) else { continue };
        tenant = Some(resource.tenant);
        resources.push(permits(&visitor, &looked, permit)?);
    }
    let tenant = tenant.ok_or(DeskError::NotFound)?;
    answer(desk, Covered { tenant, resources }, &kind, question).await
}

fn permits(
    visitor: &Visitor,
    looked: &Looked<ResourceFacts>,
    officer: Permit<ListOwnRecords>,
) -> Result<OfResource, DeskError> {
    let (records, objects): (Permit<ReadInventory>, Permit<ReadInventory>) =
        (visitor.permit(looked)?, visitor.permit(looked)?);
    Ok(OfResource { records, objects, officer: Some(officer) })
}

async fn answer(
    desk: Desk,
    covered: Covered,
    kind: &str,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Response, DeskError> {
    let bad = |error: &dyn std::fmt::Display| DeskError::BadRequest(error.to_string());
    let kind: Kind = kind.parse().map_err(|error| bad(&error))?;
    let Query(question) = question.map_err(|error| DeskError::BadRequest(error.body_text()))?;
    let window = Window::new(question.from, question.to);
    let report = blocking(move || {
        let config = desk.configured.read(Clone::clone);
        let (store, ledger) = (&desk.store, Some(&desk.ledger));
        let facts = reports::gather((store, ledger), &config, covered, window, clock::now_ms())?;
        Ok(reports::report(kind, &facts))
    })
    .await?;
    match question.format {
        Format::Json => Ok(Json(report).into_response()),
        Format::Html => {
            let policy = HeaderValue::try_from(html::policy()).map_err(|_| DeskError::Aborted)?;
            let headers: [(HeaderName, HeaderValue); 4] = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ];
            Ok((headers, reports::html(&report)).into_response())
        }
    }
}
