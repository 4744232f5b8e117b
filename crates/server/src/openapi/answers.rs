//! The responses: each path's statuses with their headers, and the shape of errors.

use serde_json::{Map, Value, json};

use super::put;
use crate::openai::routes::{Endpoint, Page, Route, State};

/// The statuses of refusals and their meaning. docs/api.md has the details.
pub(super) const REFUSALS: [(&str, &str); 15] = [
    ("400", "The request is invalid; `param` names the field at fault, if there is one"),
    ("401", "No key or token, or one without access here"),
    ("403", "The caller, the network or the resource is not allowed"),
    ("404", "Not found, or not visible to this caller"),
    ("408", "The request took too long"),
    ("409", "Another request changed the same object in between"),
    ("413", "The body is too long, as received or decoded"),
    ("414", "The URL is too long"),
    ("415", "The body is not JSON or not a form, or its `Content-Encoding` is not supported"),
    ("429", "A rate limit, or a share of connections or uploads, is used up"),
    ("431", "Too many headers, or too long ones"),
    ("500", "The engine or the store failed"),
    ("501", "The transfer coding is not `chunked`"),
    ("502", "Another engine gave no valid answer"),
    ("503", "The model, or the service, is not ready, or cannot record the request"),
];

/// Refusals that every path may give: from the listener's checks before it looks at the path, and
/// from the check of `api-version`.
const ANYWHERE: [&str; 7] = ["400", "408", "414", "429", "431", "501", "503"];

/// Returns the responses of a route; `content` describes its answer.
pub(super) fn of(
    route: &Route,
    has_name: bool,
    has_body: bool,
    content: Value,
) -> Map<String, Value> {
    let endpoint = route.endpoint;
    let runs = matches!(
        endpoint,
        Endpoint::Deployment(_) | Endpoint::Body(_) | Endpoint::State(State::CreateResponse)
    );
    let keyed = needs_key(endpoint);
    let kept = matches!(endpoint, Endpoint::State(_));
    let answers = |status: &str| match status {
        "401" | "403" => keyed,
        // Without pages, and without a contact.
        "404" => has_name || has_body || matches!(endpoint, Endpoint::Page(_)),
        "409" => kept && (has_name || has_body),
        "413" | "415" => has_body,
        "502" => runs,
        "500" => keyed,
        other => ANYWHERE.contains(&other),
    };
    let (status, content) = good(route, content);
    let mut good = json!({"description": "The answer", "headers": headers(endpoint)});
    if let Some(content) = content {
        put(&mut good, "content", content);
    }
    let refusals = REFUSALS.iter().filter(|(status, _)| answers(status)).map(|(status, _)| {
        let reference = json!({"$ref": format!("#/components/responses/{status}")});
        ((*status).to_owned(), reference)
    });
    std::iter::once((status.to_owned(), good)).chain(refusals).collect()
}

/// Returns the status of a route's answer. Azure's older paths have their own.
fn good(route: &Route, content: Value) -> (&'static str, Option<Value>) {
    let classic = route.path.starts_with("/openai/") && !route.path.starts_with("/openai/v1/");
    match route.endpoint {
        Endpoint::State(State::CreateFile | State::CreateJob) if classic => ("201", Some(content)),
        Endpoint::State(State::DeleteJob) if classic => ("204", None),
        _ => ("200", Some(content)),
    }
}

/// Whether an endpoint requires a key or token.
pub(super) fn needs_key(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::Deployment(_)
        | Endpoint::Body(_)
        | Endpoint::State(_)
        | Endpoint::Models
        | Endpoint::Model
        | Endpoint::Receipt
        | Endpoint::Explain => true,
        // By `trust.pages`, anybody may get them without a key.
        Endpoint::Page(page) => page != Page::SecurityTxt,
        Endpoint::LogFile | Endpoint::OpenApi | Endpoint::About => false,
    }
}

/// Returns the summary of a page and the media types of its answer.
pub(super) fn page(page: Page) -> (&'static str, Value) {
    let both = || json!({"text/html; charset=utf-8": {}, "application/json": {}});
    match page {
        Page::Home => ("The state of each promise, with its evidence", both()),
        Page::Receipt => ("The receipt checker, which runs in the browser", both()),
        Page::SavedReceipt => {
            ("The receipt checker as one file", json!({"text/html; charset=utf-8": {}}))
        }
        Page::Log => ("The entries of the log in words", both()),
        Page::Entry => ("An entry of the log with the proof of its place", both()),
        Page::Evidence => (
            "A document for auditors, made from the states of the promises",
            json!({"application/json": {}}),
        ),
        Page::File => (
            "A file that the pages load",
            json!({
                "text/css; charset=utf-8": {},
                "text/javascript; charset=utf-8": {},
                "application/gzip": {},
            }),
        ),
        Page::SecurityTxt => (
            "The contact for reports about weaknesses (RFC 9116)",
            json!({"text/plain; charset=utf-8": {}}),
        ),
    }
}

/// Returns the refusals, for all paths to reference.
pub(super) fn refusals() -> Map<String, Value> {
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}});
    let refusal = |(status, description): &(&str, &str)| {
        let mut headers = always();
        headers.extend(match *status {
            "401" => vec![optional(
                "www-authenticate",
                text("Present if a token was refused, and at the pages."),
            )],
            "415" => vec![optional(
                "accept-encoding",
                text("The supported codings, if the coding is the problem."),
            )],
            "429" | "503" => vec![
                optional("retry-after", number("Seconds until a retry makes sense.")),
                optional("retry-after-ms", number("The same in milliseconds.")),
                optional("x-should-retry", never()),
            ],
            "408" => vec![optional("x-should-retry", never())],
            _ => Vec::new(),
        });
        headers.extend(once_known(false));
        let headers: Map<_, _> = headers.into_iter().collect();
        let response = json!({"description": description, "headers": headers, "content": error});
        ((*status).to_owned(), response)
    };
    REFUSALS.iter().map(refusal).collect()
}

/// Returns the headers of an answer.
fn headers(endpoint: Endpoint) -> Map<String, Value> {
    let runs = matches!(endpoint, Endpoint::Deployment(_) | Endpoint::Body(_));
    let mut headers = always();
    if runs {
        headers.extend(once_known(true));
    } else if matches!(endpoint, Endpoint::Page(_)) {
        headers.push(optional("x-ms-region", region()));
    } else if needs_key(endpoint) {
        headers.push(required("x-ms-region", region()));
    }
    headers.into_iter().collect()
}

type Named = (String, Value);

/// Returns the headers of every response.
fn always() -> Vec<Named> {
    let id = || json!({"type": "string", "pattern": "^req_[0-9a-f]{32}$"});
    vec![
        required("x-request-id", json!({"schema": id(), "description": "Id of the request."})),
        required("apim-request-id", json!({"schema": id(), "description": "The same id."})),
        required("cache-control", json!({"schema": {"const": "no-store"}})),
        required("x-content-type-options", json!({"schema": {"const": "nosniff"}})),
        optional("strict-transport-security", text("Under TLS.")),
        optional("x-ms-client-request-id", text("As sent in the request.")),
    ]
}

/// Returns the headers of responses to a known caller and deployment. They are required if the
/// model `ran`.
fn once_known(ran: bool) -> Vec<Named> {
    let header = if ran { required } else { optional };
    let receipt = text("The path of the signed receipt of this request.");
    let mut headers = vec![header("x-ms-region", region()), header("x-bailiwick-receipt", receipt)];
    let signed = "The compact receipt, in base64url. An answer that streams has it as a trailer.";
    headers.push(optional("x-bailiwick-signed-receipt", text(signed)));
    for (what, description) in [
        ("limit", "Limit per minute."),
        ("remaining", "Remaining in this minute."),
        ("reset", "Seconds until the full limit is available again."),
    ] {
        for of in ["requests", "tokens"] {
            headers.push(header(&format!("x-ratelimit-{what}-{of}"), number(description)));
        }
    }
    for (name, description) in [
        (
            "x-ms-spillover-from-deployment",
            "The deployment that had no capacity, if another one took the request.",
        ),
        ("x-ms-deployment-name", "The deployment that took its request."),
        ("x-ms-spillover-error", "The status that it would have answered with."),
    ] {
        headers.push(optional(name, text(description)));
    }
    headers
}

fn required(name: &str, header: Value) -> Named {
    let (name, mut header) = optional(name, header);
    put(&mut header, "required", json!(true));
    (name, header)
}

fn optional(name: &str, header: Value) -> Named {
    (name.to_owned(), header)
}

fn region() -> Value {
    text("Where the resource is.")
}

fn never() -> Value {
    json!({"schema": {"const": "false"}, "description": "The same request would get the same answer."})
}

fn text(description: &str) -> Value {
    json!({"schema": {"type": "string"}, "description": description})
}

fn number(description: &str) -> Value {
    json!({"schema": {"type": "integer", "minimum": 0}, "description": description})
}
