//! Takes in a request's headers and body within their limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::{
    HeaderMap,
    body::{Body as _, Incoming},
    header::CONTENT_TYPE,
};
use tokio::time::timeout;

use crate::{body::RequestBody, config::Limits, limits, openai::error::ApiError};

/// Checks the number and size of headers.
///
/// # Errors
/// When there are too many, or too long ones.
pub fn check_headers(headers: &HeaderMap, limits: &Limits) -> Result<(), ApiError> {
    let bytes =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let (count, most) = (limits.header_count_max, limits.header_bytes_max);
    if headers.len() > count || bytes > most {
        return Err(ApiError::HeadersTooLarge { count, bytes: most });
    }
    Ok(())
}

/// Reads a body of JSON.
///
/// # Errors
/// When it is declared as something else, too long, too slow, or ends early.
pub async fn json(
    headers: &HeaderMap,
    body: &mut Incoming,
    limits: &Limits,
) -> Result<RequestBody, ApiError> {
    if !headers.get(CONTENT_TYPE).is_some_and(|kind| is_json(kind.as_bytes())) {
        return Err(ApiError::ContentType);
    }
    let limit = limits.body_bytes_max;
    let declared = body.size_hint().lower();
    if usize::try_from(declared).map_or(true, |declared| declared > limit) {
        return Err(ApiError::BodyTooLarge { limit });
    }
    let limit_ms = limits.body_read_ms;
    match timeout(Duration::from_millis(limit_ms), collect(body, limit)).await {
        Ok(bytes) => bytes.map(RequestBody::new),
        Err(_) => Err(ApiError::BodyTimeout { limit_ms }),
    }
}

async fn collect(body: &mut Incoming, limit: usize) -> Result<Bytes, ApiError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(ApiError::BodyIncomplete) };
        let Ok(data) = frame.into_data() else { continue };
        if collected.len().saturating_add(data.len()) > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        // Most bodies arrive in one piece, which then is not copied.
        if collected.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

/// Reads what is left of a refused body and throws it away, up to a limit: a client that is still
/// sending when its connection is closed would see a reset instead of the answer.
pub async fn discard(body: &mut Incoming, limits: &Limits) {
    if body.is_end_stream() {
        return;
    }
    let rest = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > limits::DISCARD_BYTES_MAX {
                return;
            }
        }
    };
    // Whether it ended or not, the answer goes out now.
    let _ = timeout(Duration::from_millis(limits.body_read_ms), rest).await;
}

/// `application/json`, with or without parameters.
fn is_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_from_other_types() {
        for good in ["application/json", "Application/JSON; charset=utf-8", " application/json "] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "application/json, text/plain"] {
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
    }
}
