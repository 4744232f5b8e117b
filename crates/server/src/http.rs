//! The shared parts of the routers of the desks and of the administration: bodies, refusals,
//! credentials.

use axum::{
    Json,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use wire::coding::NotRead;

use crate::coding;

/// Largest request body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// A JSON body. axum's own extractor would refuse in plain text, and require a content type.
pub(crate) struct Parsed<T>(pub(crate) T);

/// Reason that a body was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotParsed {
    /// The body was not read.
    #[error(transparent)]
    Body(#[from] NotRead),
    /// The body is not the expected JSON.
    #[error("the body is not as expected: {0}")]
    Json(#[from] serde_json::Error),
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Parsed<T> {
    type Rejection = NotParsed;

    async fn from_request(request: Request, state: &S) -> Result<Self, NotParsed> {
        let body = coding::whole(request, state, BODY_BYTES_MAX).await?;
        Ok(Self(serde_json::from_slice(&body)?))
    }
}

impl IntoResponse for NotParsed {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::Body(error) => coding::status(error),
            Self::Json(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
        };
        let mut response = refusal((status, code), &self.to_string());
        if let Self::Body(error) = &self {
            coding::headers(error, response.headers_mut());
        }
        response
    }
}

/// Makes a refusal in Azure's form: a code for programs, and a message for people.
pub(crate) fn refusal((status, code): (StatusCode, &str), message: &str) -> Response {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    (status, Json(body)).into_response()
}

/// Returns the bearer value of the `Authorization` header, if there is exactly one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, presented) = only(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| presented.trim())
}

/// Returns the only header of this name. Attackers fool proxies with requests that two parsers read
/// differently, so a repeated header is refused.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut given = headers.get_all(name).iter();
    match (given.next(), given.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_one_credential_counts() {
        for (given, expected) in [
            (&["bearer  one "][..], Some("one")),
            (&[], None),
            (&["Bearer"], None),
            (&["Basic one"], None),
            (&["Bearer one", "Bearer two"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in given {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(bearer(&headers), expected, "{given:?}");
        }
    }
}
