//! Everything that is kept of one person, a data subject, over all resources of a tenant: its data
//! protection officer finds, exports, erases and restricts it. The name of the data subject is in
//! the body of a request only, so no path, query or log line has it.

mod export;
mod gather;
mod looks;
mod page;
mod requests;
mod talk;
mod view;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use policy::{
    authz::{context::Moment, facts::TenantFacts},
    content::{Content, wire},
    id::SubjectRequestId,
    permit::{Action, EraseSubject, ExportSubject, FindSubject, Permit, RestrictSubject},
    workflow::subject::{Erase, Export, Find, Restrict, Subject},
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::subjects::{Certified, Erasure, Files};

pub(super) use self::requests::{answer, extend, list, receive, refuse};
use super::{Desk, Parsed, Visitor, blocking, error::DeskError};
use crate::{archive, clock, looked::Looked};

/// A data subject, and the request of it that the act answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(with = "wire")]
    subject: Content,
    request: Option<SubjectRequestId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Erased {
    #[serde(with = "wire")]
    subject: Content,
    request: Option<SubjectRequestId>,
    #[serde(default)]
    files: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restricted {
    #[serde(with = "wire")]
    subject: Content,
    request: Option<SubjectRequestId>,
    restricted: bool,
}

impl Visitor {
    /// Asks the policies whether the person may do `A` with the data subjects of their own tenant.
    fn officer<A>(&self) -> Result<Permit<A>, DeskError>
    where
        A: Action<Thing = TenantFacts, Context = Moment>,
    {
        let tenant = self.directory().tenant(self.signed_in.principal.tenant());
        self.permit(&Looked::tenant(tenant))
    }

    /// Returns the request that an act answers; without one, the act is one of its own.
    fn answers(&self, given: Option<SubjectRequestId>) -> SubjectRequestId {
        given.unwrap_or_else(|| SubjectRequestId::from_random(self.random()))
    }
}

/// Shows what is kept of a data subject, without content.
pub(super) async fn find(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(asked): Parsed<Asked>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let (subject, request) = (Subject::new(&asked.subject)?, visitor.answers(asked.request));
    let find = Find::new(permit, (request, visitor.owner()?), subject, visitor.random());
    let (store, subjects) = (desk.store.clone(), desk.ledger.subjects().signed(visitor.act()));
    let (found, looks) = blocking(move || {
        let found = subjects.find(&find)?;
        let looks = gather::looks(&store, &found)?;
        Ok((found, looks))
    })
    .await
    .map_err(|error| visitor.told(&desk, error))?;
    Ok(Json(view::found(&found, &looks, visitor.directory(), request)))
}

/// Sends everything that is kept of a data subject as one archive. It is made while it is sent.
pub(super) async fn export(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(asked): Parsed<Asked>,
) -> Result<Response, DeskError> {
    let permit: Permit<ExportSubject> = visitor.officer()?;
    let tenant = permit.scope().tenant;
    let (subject, request) = (Subject::new(&asked.subject)?, visitor.answers(asked.request));
    let about = export::About {
        subject: subject.name().clone(),
        request: request.to_string(),
        tenant: visitor.directory().tenant(tenant).map(|t| t.name.clone()).unwrap_or_default(),
        officer: visitor.person.to_string(),
        now_ms: clock::now_ms(),
    };
    let export = Export::new(permit, (request, visitor.owner()?), subject, visitor.random());
    let subjects = desk.ledger.subjects().signed(visitor.act());
    // Refused before the first byte is sent: what follows can only cut the archive short.
    let exporting = blocking(move || Ok(subjects.export(&export)?))
        .await
        .map_err(|error| visitor.told(&desk, error))?;
    let (out, incoming) = archive::channel();
    tokio::task::spawn_blocking(move || {
        let end = out.handle();
        if let Err(error) = gather::write(&desk, &visitor, &exporting, about, out) {
            tracing::error!(%request, %error, "an export was cut short");
            archive::Outgoing::fail(&end, error);
        }
    });
    let headers = [
        (CONTENT_TYPE, "application/zip"),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_DISPOSITION, "attachment; filename=\"export.zip\""),
    ];
    Ok((headers, Body::from_stream(incoming)).into_response())
}

/// Erases what is kept of a data subject, and returns the certificate (200). If keys cannot be
/// destroyed at once, the certificate follows (202): ask for it again.
pub(super) async fn erase(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(asked): Parsed<Erased>,
) -> Result<Response, DeskError> {
    let permit: Permit<EraseSubject> = visitor.officer()?;
    let (subject, request) = (Subject::new(&asked.subject)?, visitor.answers(asked.request));
    let salt = visitor.random();
    let erase = Erase::new(permit, (request, visitor.owner()?), subject, salt);
    let files = if asked.files { Files::Erase } else { Files::Keep };
    let subjects = desk.ledger.subjects().signed(visitor.act());
    let erased = blocking(move || Ok(subjects.erase(&erase, files)?))
        .await
        .map_err(|error| visitor.told(&desk, error))?;
    Ok(erasure(&erased, request, Some(salt)))
}

/// Shows the certificate of an erasure, once it is there. The salt is not stored: who erased has it.
pub(super) async fn certificate(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Result<Response, DeskError> {
    let permit: Permit<FindSubject> = visitor.officer()?;
    let request = id.parse().map_err(|_| DeskError::NotFound)?;
    let found = blocking(move || Ok(desk.ledger.subjects().erasure(permit, request)?)).await?;
    Ok(erasure(&found.ok_or(DeskError::NotFound)?, request, None))
}

/// Builds the answer about an erasure.
fn erasure(erasure: &Erasure, request: SubjectRequestId, salt: Option<[u8; 16]>) -> Response {
    let salt = salt.map(|salt| tlog::hex::encode(&salt));
    let (status, told) = match erasure {
        Erasure::Done(certified) => {
            let Certified { certificate, signed, entry } = certified.as_ref();
            let told = json!({
                "object": "subject.erasure", "request": request, "state": "done", "salt": salt,
                "started_ms": certificate.started_ms, "finished_ms": certificate.finished_ms,
                "stores": view::erased(certificate), "entry": entry,
                "certificate": STANDARD.encode(signed.encode()),
            });
            (StatusCode::OK, told)
        }
        Erasure::Pending(_) => {
            let told = json!({"object": "subject.erasure", "request": request, "state": "pending",
                "salt": salt, "stores": []});
            (StatusCode::ACCEPTED, told)
        }
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(told)).into_response()
}

/// Keeps nothing new of a data subject from the next request on, or ends that.
pub(super) async fn restrict(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(asked): Parsed<Restricted>,
) -> Result<Json<Value>, DeskError> {
    let permit: Permit<RestrictSubject> = visitor.officer()?;
    let (subject, request) = (Subject::new(&asked.subject)?, visitor.answers(asked.request));
    let restrict = Restrict::new(permit, (request, visitor.owner()?), subject, visitor.random());
    let on = asked.restricted;
    let subjects = desk.ledger.subjects().signed(visitor.act());
    blocking(move || Ok(subjects.restrict(&restrict, on)?))
        .await
        .map_err(|error| visitor.told(&desk, error))?;
    Ok(Json(json!({"object": "subject", "request": request, "restricted": on})))
}
