//! All paths of the API in one table. The gateway routes by it and the OpenAPI document is
//! generated from it, so they cannot differ.

use hyper::Method;
use wire::operation::Operation;

use super::{error::ApiError, unserved};

/// One route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The path; each `{…}` stands for one segment. There are at most two.
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
    /// Works with objects that the customer asks the service to keep.
    State(State),
    /// Lists the resource's deployments as models.
    Models,
    /// Describes one deployment.
    Model,
    /// Returns the receipt of a request.
    Receipt,
    /// Explains the life of a request of the resource.
    Explain,
    /// Returns a file of the log; needs no key.
    LogFile,
    /// Returns the OpenAPI document; needs no key.
    OpenApi,
    /// Describes this service; needs no key.
    About,
    /// Returns a page that people check the service with. `trust.pages` says who gets it.
    Page(Page),
}

/// A page that people check the service with, or a file of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The state of each promise.
    Home,
    /// The receipt checker.
    Receipt,
    /// The receipt checker as one file.
    SavedReceipt,
    /// The log in words.
    Log,
    /// One entry of the log with its proof.
    Entry,
    /// A document for auditors, made from the states of the promises.
    Evidence,
    /// A file that pages load.
    File,
    /// The contact for reports about weaknesses (RFC 9116); needs no key.
    SecurityTxt,
}

/// Act of a path on objects that customers ask the service to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Answers a request of the Responses API.
    CreateResponse,
    /// Returns a stored response.
    GetResponse,
    /// Deletes a stored response.
    DeleteResponse,
    /// Cancels a response in the background.
    CancelResponse,
    /// Lists the input of a stored response.
    ListInputItems,
    /// Makes a conversation.
    CreateConversation,
    /// Returns a conversation.
    GetConversation,
    /// Changes the metadata of a conversation.
    UpdateConversation,
    /// Deletes a conversation with its items.
    DeleteConversation,
    /// Lists the items of a conversation.
    ListItems,
    /// Adds items to a conversation.
    CreateItems,
    /// Returns an item of a conversation.
    GetItem,
    /// Deletes an item of a conversation.
    DeleteItem,
    /// Lists stored chat completions.
    ListCompletions,
    /// Returns a stored chat completion.
    GetCompletion,
    /// Changes the metadata of a stored chat completion.
    UpdateCompletion,
    /// Deletes a stored chat completion.
    DeleteCompletion,
    /// Lists the messages of a stored chat completion.
    ListMessages,
    /// Uploads a file.
    CreateFile,
    /// Lists files.
    ListFiles,
    /// Describes a file.
    GetFile,
    /// Deletes a file.
    DeleteFile,
    /// Returns the content of a file.
    FileContent,
    /// Begins an upload in parts.
    CreateUpload,
    /// Uploads a part.
    AddPart,
    /// Makes a file of the parts.
    CompleteUpload,
    /// Cancels an upload.
    CancelUpload,
    /// Starts a batch.
    CreateBatch,
    /// Lists batches.
    ListBatches,
    /// Describes a batch.
    GetBatch,
    /// Cancels a batch.
    CancelBatch,
    /// Starts a fine-tuning job.
    CreateJob,
    /// Lists fine-tuning jobs.
    ListJobs,
    /// Describes a fine-tuning job.
    GetJob,
    /// Deletes a fine-tuning job.
    DeleteJob,
    /// Cancels a fine-tuning job.
    CancelJob,
    /// Pauses a fine-tuning job.
    PauseJob,
    /// Resumes a paused fine-tuning job.
    ResumeJob,
    /// Lists the events of a fine-tuning job.
    ListEvents,
    /// Lists the checkpoints of a fine-tuning job.
    ListCheckpoints,
    /// Deletes a fine-tuned model.
    DeleteModel,
    /// Lists everything that is kept for the resource, without content.
    Inventory,
    /// Describes an object, without content.
    GetObject,
    /// Shares an object, or changes its end.
    UpdateObject,
    /// Deletes an object of any class.
    DeleteObject,
}

impl State {
    /// Returns the allowed method.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::CreateResponse
            | Self::CancelResponse
            | Self::CreateConversation
            | Self::UpdateConversation
            | Self::CreateItems
            | Self::UpdateCompletion
            | Self::CreateFile
            | Self::CreateUpload
            | Self::AddPart
            | Self::CompleteUpload
            | Self::CancelUpload
            | Self::CreateBatch
            | Self::CancelBatch
            | Self::CreateJob
            | Self::CancelJob
            | Self::PauseJob
            | Self::ResumeJob
            | Self::UpdateObject => Method::POST,
            Self::GetResponse
            | Self::ListInputItems
            | Self::GetConversation
            | Self::ListItems
            | Self::GetItem
            | Self::ListCompletions
            | Self::GetCompletion
            | Self::ListMessages
            | Self::ListFiles
            | Self::GetFile
            | Self::FileContent
            | Self::ListBatches
            | Self::GetBatch
            | Self::ListJobs
            | Self::GetJob
            | Self::ListEvents
            | Self::ListCheckpoints
            | Self::Inventory
            | Self::GetObject => Method::GET,
            Self::DeleteResponse
            | Self::DeleteConversation
            | Self::DeleteItem
            | Self::DeleteCompletion
            | Self::DeleteFile
            | Self::DeleteJob
            | Self::DeleteModel
            | Self::DeleteObject => Method::DELETE,
        }
    }

    /// Whether the body is a file: it is read in pieces, and may take longer than other requests.
    #[must_use]
    pub fn takes_a_file(self) -> bool {
        matches!(self, Self::CreateFile | Self::AddPart)
    }

    /// Returns the function as a sentence without its full stop.
    #[must_use]
    pub fn summary(self) -> &'static str {
        match self {
            Self::CreateResponse => "Answers a request of the Responses API",
            Self::GetResponse => "Returns a stored response",
            Self::DeleteResponse => "Deletes a stored response",
            Self::CancelResponse => "Cancels a response in the background",
            Self::ListInputItems => "Lists the input of a stored response",
            Self::CreateConversation => "Makes a conversation",
            Self::GetConversation => "Returns a conversation",
            Self::UpdateConversation => "Changes the metadata of a conversation",
            Self::DeleteConversation => "Deletes a conversation with its items",
            Self::ListItems => "Lists the items of a conversation",
            Self::CreateItems => "Adds items to a conversation",
            Self::GetItem => "Returns an item of a conversation",
            Self::DeleteItem => "Deletes an item of a conversation",
            Self::ListCompletions => "Lists stored chat completions",
            Self::GetCompletion => "Returns a stored chat completion",
            Self::UpdateCompletion => "Changes the metadata of a stored chat completion",
            Self::DeleteCompletion => "Deletes a stored chat completion",
            Self::ListMessages => "Lists the messages of a stored chat completion",
            Self::CreateFile => "Uploads a file",
            Self::ListFiles => "Lists files",
            Self::GetFile => "Describes a file",
            Self::DeleteFile => "Deletes a file",
            Self::FileContent => "Returns the content of a file",
            Self::CreateUpload => "Begins an upload in parts",
            Self::AddPart => "Uploads a part",
            Self::CompleteUpload => "Makes a file of the parts",
            Self::CancelUpload => "Cancels an upload",
            Self::CreateBatch => "Starts a batch",
            Self::ListBatches => "Lists batches",
            Self::GetBatch => "Describes a batch",
            Self::CancelBatch => "Cancels a batch",
            Self::CreateJob => "Starts a fine-tuning job",
            Self::ListJobs => "Lists fine-tuning jobs",
            Self::GetJob => "Describes a fine-tuning job",
            Self::DeleteJob => "Deletes a fine-tuning job",
            Self::CancelJob => "Cancels a fine-tuning job",
            Self::PauseJob => "Pauses a fine-tuning job",
            Self::ResumeJob => "Resumes a paused fine-tuning job",
            Self::ListEvents => "Lists the events of a fine-tuning job",
            Self::ListCheckpoints => "Lists the checkpoints of a fine-tuning job",
            Self::DeleteModel => "Deletes a fine-tuned model",
            Self::Inventory => "Lists everything that is kept for the resource, without content",
            Self::GetObject => "Describes an object, without content",
            Self::UpdateObject => "Shares an object, or changes its end",
            Self::DeleteObject => "Deletes an object of any class",
        }
    }
}

impl Endpoint {
    /// Returns the allowed method.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::Deployment(_) | Self::Body(_) => Method::POST,
            Self::State(state) => state.method(),
            Self::Models
            | Self::Model
            | Self::Receipt
            | Self::Explain
            | Self::LogFile
            | Self::OpenApi
            | Self::About
            | Self::Page(_) => Method::GET,
        }
    }
}

use Endpoint::{About, Body, Deployment, Explain, LogFile, Model, Models, OpenApi, Receipt};
use Operation::{Chat, Completions, Embeddings};

/// The paths of all objects, below one of the surfaces.
macro_rules! state {
    ($at:literal) => {
        [
            route(concat!($at, "responses"), Endpoint::State(State::CreateResponse)),
            route(concat!($at, "responses/{response}"), Endpoint::State(State::GetResponse)),
            route(concat!($at, "responses/{response}"), Endpoint::State(State::DeleteResponse)),
            route(
                concat!($at, "responses/{response}/cancel"),
                Endpoint::State(State::CancelResponse),
            ),
            route(
                concat!($at, "responses/{response}/input_items"),
                Endpoint::State(State::ListInputItems),
            ),
            route(concat!($at, "conversations"), Endpoint::State(State::CreateConversation)),
            route(
                concat!($at, "conversations/{conversation}"),
                Endpoint::State(State::GetConversation),
            ),
            route(
                concat!($at, "conversations/{conversation}"),
                Endpoint::State(State::UpdateConversation),
            ),
            route(
                concat!($at, "conversations/{conversation}"),
                Endpoint::State(State::DeleteConversation),
            ),
            route(
                concat!($at, "conversations/{conversation}/items"),
                Endpoint::State(State::ListItems),
            ),
            route(
                concat!($at, "conversations/{conversation}/items"),
                Endpoint::State(State::CreateItems),
            ),
            route(
                concat!($at, "conversations/{conversation}/items/{item}"),
                Endpoint::State(State::GetItem),
            ),
            route(
                concat!($at, "conversations/{conversation}/items/{item}"),
                Endpoint::State(State::DeleteItem),
            ),
            route(concat!($at, "chat/completions"), Endpoint::State(State::ListCompletions)),
            route(
                concat!($at, "chat/completions/{completion}"),
                Endpoint::State(State::GetCompletion),
            ),
            route(
                concat!($at, "chat/completions/{completion}"),
                Endpoint::State(State::UpdateCompletion),
            ),
            route(
                concat!($at, "chat/completions/{completion}"),
                Endpoint::State(State::DeleteCompletion),
            ),
            route(
                concat!($at, "chat/completions/{completion}/messages"),
                Endpoint::State(State::ListMessages),
            ),
            route(concat!($at, "files"), Endpoint::State(State::CreateFile)),
            route(concat!($at, "files"), Endpoint::State(State::ListFiles)),
            route(concat!($at, "files/{file}"), Endpoint::State(State::GetFile)),
            route(concat!($at, "files/{file}"), Endpoint::State(State::DeleteFile)),
            route(concat!($at, "files/{file}/content"), Endpoint::State(State::FileContent)),
            route(concat!($at, "uploads"), Endpoint::State(State::CreateUpload)),
            route(concat!($at, "uploads/{upload}/parts"), Endpoint::State(State::AddPart)),
            route(
                concat!($at, "uploads/{upload}/complete"),
                Endpoint::State(State::CompleteUpload),
            ),
            route(concat!($at, "uploads/{upload}/cancel"), Endpoint::State(State::CancelUpload)),
            route(concat!($at, "batches"), Endpoint::State(State::CreateBatch)),
            route(concat!($at, "batches"), Endpoint::State(State::ListBatches)),
            route(concat!($at, "batches/{batch}"), Endpoint::State(State::GetBatch)),
            route(concat!($at, "batches/{batch}/cancel"), Endpoint::State(State::CancelBatch)),
            route(concat!($at, "fine_tuning/jobs"), Endpoint::State(State::CreateJob)),
            route(concat!($at, "fine_tuning/jobs"), Endpoint::State(State::ListJobs)),
            route(concat!($at, "fine_tuning/jobs/{job}"), Endpoint::State(State::GetJob)),
            route(concat!($at, "fine_tuning/jobs/{job}"), Endpoint::State(State::DeleteJob)),
            route(concat!($at, "fine_tuning/jobs/{job}/cancel"), Endpoint::State(State::CancelJob)),
            route(concat!($at, "fine_tuning/jobs/{job}/pause"), Endpoint::State(State::PauseJob)),
            route(concat!($at, "fine_tuning/jobs/{job}/resume"), Endpoint::State(State::ResumeJob)),
            route(
                concat!($at, "fine_tuning/jobs/{job}/events"),
                Endpoint::State(State::ListEvents),
            ),
            route(
                concat!($at, "fine_tuning/jobs/{job}/checkpoints"),
                Endpoint::State(State::ListCheckpoints),
            ),
            route(concat!($at, "models/{model}"), Endpoint::State(State::DeleteModel)),
            route(concat!($at, "inventory"), Endpoint::State(State::Inventory)),
            route(concat!($at, "inventory/{object}"), Endpoint::State(State::GetObject)),
            route(concat!($at, "inventory/{object}"), Endpoint::State(State::UpdateObject)),
            route(concat!($at, "inventory/{object}"), Endpoint::State(State::DeleteObject)),
        ]
    };
}

/// All paths, in the order in which they are looked for.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().chain(STATE.iter().flatten())
}

/// The paths of objects: on Azure's classic surface, on the v1 surface, and on OpenAI's own paths.
const STATE: [[Route; 45]; 3] = [state!("/openai/"), state!("/openai/v1/"), state!("/v1/")];

/// The other paths.
const ROUTES: [Route; 45] = [
    // Azure's classic surface.
    route("/openai/deployments/{deployment}/chat/completions", Deployment(Chat)),
    route("/openai/deployments/{deployment}/completions", Deployment(Completions)),
    route("/openai/deployments/{deployment}/embeddings", Deployment(Embeddings)),
    route("/openai/deployments/{deployment}/responses", Endpoint::State(State::CreateResponse)),
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
    route("/openai/v1/explain", Explain),
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
    route("/v1/explain", Explain),
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
    // The pages.
    route("/trust", Endpoint::Page(Page::Home)),
    route("/trust/receipt", Endpoint::Page(Page::Receipt)),
    route("/trust/receipt/saved", Endpoint::Page(Page::SavedReceipt)),
    route("/trust/log", Endpoint::Page(Page::Log)),
    route("/trust/log/{entry}", Endpoint::Page(Page::Entry)),
    route("/trust/evidence/{document}", Endpoint::Page(Page::Evidence)),
    route("/trust/files/{file}", Endpoint::Page(Page::File)),
    route("/.well-known/security.txt", Endpoint::Page(Page::SecurityTxt)),
];

const fn route(path: &'static str, endpoint: Endpoint) -> Route {
    Route { path, endpoint }
}

/// A matched route, with the values of its variable segments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The template.
    pub path: &'static str,
    /// The path's function.
    pub endpoint: Endpoint,
    /// The variable segments, still percent-encoded; empty if the template has fewer.
    pub names: [&'a str; 2],
}

/// Finds the route of a request.
///
/// # Errors
/// If there is no such path, or it does not allow the method.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, ApiError> {
    let mut others: Option<Vec<Method>> = None;
    for route in routes() {
        let Some(names) = variables(route, path) else { continue };
        if *method == route.endpoint.method() {
            return Ok(Found { path: route.path, endpoint: route.endpoint, names });
        }
        others.get_or_insert_default().push(route.endpoint.method());
    }
    match others {
        // A path of Azure's below `files/`, which is no file.
        Some(_) if *method == Method::POST && path.ends_with("/files/import") => {
            Err(not_found(path))
        }
        Some(allowed) => Err(match unserved::exactly(path) {
            Some(unserved) => ApiError::NotServed(unserved),
            None => ApiError::MethodNotAllowed { allow: allow(&allowed) },
        }),
        None => Err(not_found(path)),
    }
}

/// Returns the value of the header `Allow`.
fn allow(methods: &[Method]) -> &'static str {
    let has = |method: Method| methods.contains(&method);
    match (has(Method::GET), has(Method::POST), has(Method::DELETE)) {
        (true, true, true) => "GET, POST, DELETE",
        (true, true, false) => "GET, POST",
        (true, false, true) => "GET, DELETE",
        (false, true, true) => "POST, DELETE",
        (false, true, false) => "POST",
        (false, false, true) => "DELETE",
        (_, false, false) => "GET",
    }
}

/// Refuses OpenAI's and Azure's other paths by name.
fn not_found(path: &str) -> ApiError {
    unserved::find(path).map_or(ApiError::RouteNotFound, ApiError::NotServed)
}

/// Returns the values of the template's variable segments; `None` if the path does not match.
fn variables<'a>(route: &Route, path: &'a str) -> Option<[&'a str; 2]> {
    let template = route.path;
    let Some((before, rest)) = template.split_once('{') else {
        return (template == path).then_some(["", ""]);
    };
    let mut rest_of_path = path.strip_prefix(before)?;
    let (_, after) = rest.split_once('}')?;
    if route.endpoint == LogFile {
        return (!rest_of_path.is_empty()).then_some([rest_of_path, ""]);
    }
    let mut names = [""; 2];
    let mut template = after;
    for name in &mut names {
        let end = rest_of_path.find('/').unwrap_or(rest_of_path.len());
        let (value, left) = rest_of_path.split_at_checked(end)?;
        (*name, rest_of_path) = (value, left);
        let Some((between, rest)) = template.split_once('{') else { break };
        rest_of_path = rest_of_path.strip_prefix(between)?;
        (_, template) = rest.split_once('}')?;
        if rest_of_path.is_empty() {
            return None;
        }
    }
    let [first, _] = names;
    (rest_of_path == template && !first.is_empty()).then_some(names)
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
        assert_eq!((found.endpoint, found.names), (Deployment(Chat), ["my-dep", ""]));
        let found = find(&Method::GET, "/openai/v1/models/a%2Eb").unwrap();
        assert_eq!((found.endpoint, decode(found.names[0]).as_deref()), (Model, Some("a.b")));
        assert_eq!(find(&Method::POST, "/openai/v1/chat/completions").unwrap().names, ["", ""]);
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
            routes().filter_map(|r| Some((r.path.strip_prefix(prefix)?, r.endpoint))).collect()
        };
        let (mut long, mut short) = (below("/openai/v1/"), below("/v1/"));
        long.sort_by_key(|(path, _)| *path);
        short.sort_by_key(|(path, _)| *path);
        assert_eq!(long, short);
        assert!(!long.is_empty());
    }

    #[test]
    fn every_route_is_found_by_its_own_template() {
        for route in routes() {
            let path = route.path.replace(['{', '}'], "");
            assert_eq!(find(&route.endpoint.method(), &path).unwrap().path, route.path);
        }
    }

    #[test]
    fn two_variables_and_several_methods() {
        let item = "/openai/v1/conversations/conv_1/items/msg_2";
        let found = find(&Method::DELETE, item).unwrap();
        assert_eq!(found.endpoint, Endpoint::State(State::DeleteItem));
        assert_eq!(found.names, ["conv_1", "msg_2"]);
        let refused = ApiError::MethodNotAllowed { allow: "GET, DELETE" };
        assert_eq!(find(&Method::POST, item), Err(refused));
        let refused = ApiError::MethodNotAllowed { allow: "GET, POST, DELETE" };
        assert_eq!(find(&Method::PUT, "/v1/conversations/conv_1"), Err(refused));
        for unknown in ["/v1/conversations/conv_1/items/", "/v1/conversations//items/x"] {
            assert!(find(&Method::GET, unknown).is_err(), "{unknown}");
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
