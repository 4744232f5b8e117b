//! Reads coded bodies of requests, for all listeners; `wire::coding` decodes them.
//!
//! Several codings or an unknown one give a 415 whose `Accept-Encoding` names the supported ones
//! (RFC 9110 §12.5.3).

use axum::extract::{FromRequest as _, Request};
use bytes::Bytes;
use hyper::{
    HeaderMap, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue},
};
use wire::coding::{ACCEPTED, Coding, NotRead};

/// Returns the status of a body that cannot be read, and the error code of the admin API and the
/// desk.
#[must_use]
pub(crate) fn status(error: &NotRead) -> (StatusCode, &'static str) {
    match error {
        NotRead::Coding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType"),
        NotRead::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge"),
        NotRead::Damaged(_) | NotRead::Window | NotRead::Unread(_) => {
            (StatusCode::BAD_REQUEST, "BadRequest")
        }
    }
}

/// Adds the headers of the refusal: the supported codings, if the coding is the problem.
pub(crate) fn headers(error: &NotRead, headers: &mut HeaderMap) {
    if *error == NotRead::Coding {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
    }
}

/// Returns the coding that a request declares.
///
/// # Errors
/// If it is unknown, or there are several.
pub(crate) fn declared(headers: &HeaderMap) -> Result<Coding, NotRead> {
    Coding::of(headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes))
}

/// Decodes a body on a thread that may block, to at most `limit` bytes.
///
/// # Errors
/// If the body is not valid in its coding, or becomes too long.
pub(crate) async fn decode(coding: Coding, body: Bytes, limit: usize) -> Result<Bytes, NotRead> {
    if coding == Coding::Identity {
        return Ok(body);
    }
    // A panic of a decoder fails this request only.
    let decoded = tokio::task::spawn_blocking(move || coding.decoded(&body, limit)).await;
    decoded.unwrap_or(Err(NotRead::Damaged("compressed data"))).map(Bytes::from)
}

/// Reads and decodes the whole body of a request to one of axum's routers. The router's
/// `DefaultBodyLimit` bounds the received bytes, and `limit` the decoded bytes.
///
/// # Errors
/// If the coding is unsupported, or the body is damaged or too long.
pub(crate) async fn whole<S: Send + Sync>(
    request: Request,
    state: &S,
    limit: usize,
) -> Result<Bytes, NotRead> {
    let coding = declared(request.headers())?;
    let body = Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            NotRead::TooLong { limit }
        } else {
            NotRead::Unread(rejection.body_text().to_lowercase())
        }
    })?;
    decode(coding, body, limit).await
}
