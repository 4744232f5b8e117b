//! All paths of the API in one table. The gateway routes by it and the OpenAPI document is
//! generated from it, so they cannot differ.

use hyper::Method;
use wire::operation::Operation;

use super::{error::ApiError, unserved};

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The path; `{…}` stands for one segment.
    pub path: &'static str,
    /// The path's function.
    pub endpoint: Endpoint,
}

/// The function of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Runs the model of the deployment that the path names.
    Deployment(Operation),
    /// Runs the model of the deployment that the body names.
    Body(Operation),
    /// Lists the resource's deployments as models.
    Models,
    /// Describes one deployment.
    Model,
    /// Returns the receipt of a request.
    Receipt,
    /// Returns a file of the log; needs no key.
    LogFile,
    /// Returns the OpenAPI document; needs no key.
    OpenApi,
    /// Describes this service; needs no key.
    About,
}

impl Endpoint {
    /// Returns the allowed method.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Deployment(_) | Self::Body(_) => Method::POST,
            Self::Models
            | Self::Model
            | Self::Receipt
            | Self::LogFile
            | Self::OpenApi
            | Self::About => Method::GET,
        }
    }

    fn allow(self) -> &'static str {
        match self {
            Self::Deployment(_) | Self::Body(_) => "POST",
            Self::Models
            | Self::Model
            | Self::Receipt
            | Self::LogFile
            | Self::OpenApi
            | Self::About => "GET",
        }
    }
}

use Endpoint::{About, Body, Deployment, LogFile, Model, Models, OpenApi, Receipt};
use Operation::{Chat, Completions, Embeddings};

/// All paths.
pub const ROUTES: [Route; 34] = [
    // Azure's classic surface.
    route("/openai/deployments/{deployment}/chat/completions", Deployment(Chat)),
    route("/openai/deployments/{deployment}/completions", Deployment(Completions)),
    route("/openai/deployments/{deployment}/embeddings", Deployment(Embeddings)),
    // async-openai sends every request under the deployment's path.
    route("/openai/deployments/{deployment}/models", Models),
    // The AI SDK leaves deployment and version out of the path.
    route("/openai/chat/completions", Body(Chat)),
    route("/openai/completions", Body(Completions)),
    route("/openai/embeddings", Body(Embeddings)),
    route("/openai/models", Models),
    route("/openai/models/{model}", Model),
    // The v1 surface.
    route("/openai/v1/chat/completions", Body(Chat)),
    route("/openai/v1/completions", Body(Completions)),
    route("/openai/v1/embeddings", Body(Embeddings)),
    route("/openai/v1/models", Models),
    route("/openai/v1/models/{model}", Model),
    route("/openai/v1/receipts/{request_id}", Receipt),
    // `AzureOpenAI` of OpenAI's JavaScript library, where OPENAI_BASE_URL is set.
    route("/openai/v1/deployments/{deployment}/chat/completions", Deployment(Chat)),
    route("/openai/v1/deployments/{deployment}/completions", Deployment(Completions)),
    route("/openai/v1/deployments/{deployment}/embeddings", Deployment(Embeddings)),
    route("/openai/v1/deployments/{deployment}/models", Models),
    // The v1 surface again, on OpenAI's own paths.
    route("/v1/chat/completions", Body(Chat)),
    route("/v1/completions", Body(Completions)),
    route("/v1/embeddings", Body(Embeddings)),
    route("/v1/models", Models),
    route("/v1/models/{model}", Model),
    route("/v1/receipts/{request_id}", Receipt),
    route("/v1/deployments/{deployment}/chat/completions", Deployment(Chat)),
    route("/v1/deployments/{deployment}/completions", Deployment(Completions)),
    route("/v1/deployments/{deployment}/embeddings", Deployment(Embeddings)),
    route("/v1/deployments/{deployment}/models", Models),
    // azure-ai-inference.
    route("/models/chat/completions", Body(Chat)),
    route("/models/embeddings", Body(Embeddings)),
    // The log's static files: the only template with a variable that may contain slashes.
    route("/log/{file}", LogFile),
    route("/openapi.json", OpenApi),
    route("/", About),
];

const fn route(path: &'static str, endpoint: Endpoint) -> Route {
    Route { path, endpoint }
}

/// A matched route, with the value of its variable segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The template.
    pub path: &'static str,
    /// The path's function.
    pub endpoint: Endpoint,
    /// The variable segment, still percent-encoded; empty if the template has none.
    pub name: &'a str,
}

/// Finds the route of a request.
///
/// # Errors
/// If there is no such path, or it does not allow the method.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, ApiError> {
    let (route, name) = ROUTES
        .iter()
        .find_map(|route| Some((route, variable(route, path)?)))
        .ok_or_else(|| not_found(path))?;
    if *method != route.endpoint.method() {
        return Err(ApiError::MethodNotAllowed { allow: route.endpoint.allow() });
    }
    Ok(Found { path: route.path, endpoint: route.endpoint, name })
}

/// Refuses OpenAI's and Azure's other paths by name.
fn not_found(path: &str) -> ApiError {
    unserved::find(path).map_or(ApiError::RouteNotFound, ApiError::NotServed)
}

/// Returns the value of the template's variable segment; `None` if the path does not match.
fn variable<'a>(route: &Route, path: &'a str) -> Option<&'a str> {
    let template = route.path;
    let Some((before, rest)) = template.split_once('{') else {
        return (template == path).then_some("");
    };
    let (_, after) = rest.split_once('}')?;
    let name = path.strip_prefix(before)?.strip_suffix(after)?;
    let spans = route.endpoint == LogFile;
    (!name.is_empty() && (spans || !name.contains('/'))).then_some(name)
}

/// Decodes percent-encoding; `None` if the encoding is invalid or the result is not UTF-8.
#[must_use]
pub(crate) fn decode(segment: &str) -> Option<String> {
    if !segment.contains('%') {
        return Some(segment.to_owned());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Checks the optional `api-version` in a query.
///
/// # Errors
/// If this service does not accept the version.
pub(crate) fn api_version(query: Option<&str>) -> Result<(), ApiError> {
    let pairs = query.unwrap_or_default().split('&');
    for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
        if name == "api-version" && !is_version(value) {
            return Err(ApiError::ApiVersion);
        }
    }
    Ok(())
}

/// The accepted versions, as a pattern for the OpenAPI document.
pub(crate) const API_VERSION: &str = "^(v1|preview|latest|(2023-05-(1[5-9]|2[0-9]|3[01])\
    |2023-(0[6-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
    |(202[4-9]|20[3-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
    )(-preview)?)$";

fn is_version(text: &str) -> bool {
    if matches!(text, "v1" | "preview" | "latest") {
        return true;
    }
    let date = text.strip_suffix("-preview").unwrap_or(text);
    let mut parts = date.splitn(3, '-');
    let mut part = |digits: usize, from: u32, to: u32| {
        let text = parts.next()?;
        let number = text.parse().ok()?;
        let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        (plain && (from..=to).contains(&number)).then_some(number)
    };
    let (Some(year), Some(month), Some(day)) =
        (part(4, 2023, 9999), part(2, 1, 12), part(2, 1, 31))
    else {
        return false;
    };
    (year, month, day) >= (2023, 5, 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_exactly() {
        let chat = "/openai/deployments/my-dep/chat/completions";
        let found = find(&Method::POST, chat).unwrap();
        assert_eq!((found.endpoint, found.name), (Deployment(Chat), "my-dep"));
        let found = find(&Method::GET, "/openai/v1/models/a%2Eb").unwrap();
        assert_eq!((found.endpoint, decode(found.name).as_deref()), (Model, Some("a.b")));
        assert_eq!(find(&Method::POST, "/openai/v1/chat/completions").unwrap().name, "");
        assert_eq!(find(&Method::GET, "/v1/receipts/req_1").unwrap().endpoint, Receipt);
        for unknown in [
            "/openai",
            "/v1",
            "/v2/chat/completions",
            "/openai/v1/chat/completions/",
            "/openai/deployments//chat/completions",
            "/openai/deployments/a/b/chat/completions",
        ] {
            assert_eq!(find(&Method::POST, unknown), Err(ApiError::RouteNotFound), "{unknown}");
        }
        let other = ApiError::MethodNotAllowed { allow: "POST" };
        assert_eq!(find(&Method::GET, chat), Err(other));
    }

    /// The routes under `/openai/v1/` and under `/v1/` are the same.
    #[test]
    fn v1_is_the_same_in_both_places() {
        let below = |prefix: &str| -> Vec<_> {
            let routes = ROUTES.iter();
            routes.filter_map(|r| Some((r.path.strip_prefix(prefix)?, r.endpoint))).collect()
        };
        let (mut long, mut short) = (below("/openai/v1/"), below("/v1/"));
        long.sort_by_key(|(path, _)| *path);
        short.sort_by_key(|(path, _)| *path);
        assert_eq!(long, short);
        assert!(!long.is_empty());
    }

    #[test]
    fn every_route_is_found_by_its_own_template() {
        for route in ROUTES {
            let path = route.path.replace("{deployment}", "x").replace("{model}", "x");
            assert_eq!(find(&route.endpoint.method(), &path).unwrap().path, route.path);
        }
    }

    #[test]
    fn api_versions() {
        for good in ["2024-10-21", "2023-05-15", "2025-04-01-preview", "v1", "preview", "latest"] {
            assert_eq!(api_version(Some(&format!("a=b&api-version={good}"))), Ok(()), "{good}");
        }
        assert_eq!(api_version(None), Ok(()));
        for bad in ["", "2023-05-14", "2024-13-01", "2024-1-01", "2024-10-21-beta", "v2", "%00"] {
            let query = format!("api-version={bad}");
            assert_eq!(api_version(Some(&query)), Err(ApiError::ApiVersion), "{bad}");
        }
    }

    #[test]
    fn broken_encodings_decode_to_nothing() {
        assert_eq!(decode("a%2"), None);
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode("%zz"), None);
        assert_eq!(decode("%C3%A9").as_deref(), Some("é"));
    }
}
