//! A record's content, as the desks show it to a person with a permit.

use axum::{
    Json,
    http::header::CACHE_CONTROL,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use policy::content::ContentBytes;
use serde_json::{Value, json};
use store::Content;

use super::error::DeskError;

/// Decodes the content of an opened record.
pub(super) fn read(opened: &ContentBytes) -> Result<Content, DeskError> {
    Content::decode(opened.reveal()).map_err(|_| DeskError::Aborted)
}

/// Builds an answer with content; its headers forbid caching.
pub(super) fn show(content: &Content) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(json(content))).into_response()
}

/// Returns the content as JSON.
pub(super) fn json(content: &Content) -> Value {
    let mut shown = json!({
        "request": content.request,
        "caller": content.caller,
        "deployment": content.deployment,
        "region": content.region,
        "route": content.route,
        "started_ms": content.started_ms,
        "status": content.status,
    });
    put(&mut shown, "request_body", &content.request_body);
    put(&mut shown, "response_body", &content.response_body);
    shown
}

/// Adds a body as text; if it is not UTF-8, adds its bytes as well.
fn put(shown: &mut Value, name: &str, body: &[u8]) {
    let Some(shown) = shown.as_object_mut() else { return };
    let text = String::from_utf8_lossy(body);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        shown.insert(format!("{name}_base64"), STANDARD.encode(body).into());
    }
    shown.insert(name.to_owned(), text.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_no_text_is_shown_with_its_bytes() {
        let mut shown = json!({});
        put(&mut shown, "a", "grün".as_bytes());
        put(&mut shown, "b", b"\xff\x00");
        assert_eq!(shown, json!({"a": "grün", "b": "\u{fffd}\u{0}", "b_base64": "/wA="}));
    }
}
