//! Answers of the pages, with their headers.

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, REFERRER_POLICY},
    },
    response::{IntoResponse as _, Response},
};
use pages::assets;
use serde_json::Value;

use super::api::Answered;
use crate::asked::{Asked, HTML, JSON};

/// Answers with a page.
pub(super) fn html(asked: &Asked, (status, page): (StatusCode, String)) -> Response {
    respond(asked, status, HTML, page.into())
}

/// Answers with the page that runs the receipt checker.
pub(super) fn with_checker(asked: &Asked, page: String) -> Response {
    let policy = assets::policy_of_playground();
    respond_by(policy, asked, (StatusCode::OK, HTML), page.into())
}

/// Answers with a page's JSON.
pub(super) fn json(asked: &Asked, value: &Value) -> Response {
    respond(asked, StatusCode::OK, JSON, value.to_string().into())
}

/// Passes a file of the API on, as a download.
pub(super) fn found(asked: &Asked, answered: Answered) -> Response {
    let Answered { headers, body, .. } = answered;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or("application/octet-stream").to_owned();
    let mut response = respond(asked, StatusCode::OK, &kind, body.into());
    let name = headers.get(CONTENT_DISPOSITION).cloned();
    let name = name.unwrap_or_else(|| HeaderValue::from_static("attachment"));
    response.headers_mut().insert(CONTENT_DISPOSITION, name);
    response
}

/// Answers with a file of the pages.
pub(super) fn named(asked: &Asked, name: &str) -> Response {
    match assets::find(name) {
        Some(asset) => respond(asked, StatusCode::OK, asset.kind, asset.bytes.into()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Leads to another page of ours.
pub(super) fn redirect(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn respond(asked: &Asked, status: StatusCode, kind: &str, body: Body) -> Response {
    respond_by(assets::policy_of_person(), asked, (status, kind), body)
}

fn respond_by(
    policy: String,
    asked: &Asked,
    (status, kind): (StatusCode, &str),
    body: Body,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in asked.headers(kind, policy) {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    // Browsers name the origin of a form only if they may name the page to its own website.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
