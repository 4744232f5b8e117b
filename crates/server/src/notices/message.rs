//! A notice as JSON. It has ids, times, names of resources and addresses of pages: no content, no reason,
//! no person and no end user.

use serde::Serialize;

use crate::config::NoticeKind;

/// The facts in a notice. Each kind has some of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    /// The request whose record is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The access request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The application for an exemption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The request of a data subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_request: Option<String>,
    /// The name of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The promise's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<&'static str>,
    /// The promise's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// The listener with the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<&'static str>,
    /// The time until which a person must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// At most so many days are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<u64>,
    /// The path of the page where a person acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    timestamp: String,
    data: WithService<'a>,
}

#[derive(Serialize)]
struct WithService<'a> {
    service: &'a str,
    #[serde(flatten)]
    data: &'a Data,
}

/// Returns the body of a notice. `first_ms` is the time at which the service saw the reason: each attempt
/// sends the same bytes.
pub(super) fn body(service: &str, kind: NoticeKind, data: &Data, first_ms: u64) -> Vec<u8> {
    let data = WithService { service, data };
    let timestamp = time(first_ms);
    let message = Message { r#type: kind.name(), timestamp, data };
    serde_json::to_vec(&message).unwrap_or_default()
}

/// Returns a time as text, to the second.
pub(super) fn time(ms: u64) -> String {
    audit::rfc3339(ms / 1000)
}
