//! The OpenAPI document of exactly the served API.
//!
//! Paths come from the gateway's routing table. Schemas come from the types that requests are
//! parsed into and answers are written from. Bounds come from the constants and limits that the
//! parser checks. `answers` describes the responses, `wire::bounds` the rules that types alone
//! cannot express.

mod answers;
mod state;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, Schema},
};
use wire::{
    bounds,
    chat::{
        request::ChatBody,
        response::{ChatCompletion, ChatCompletionChunk},
    },
    completions::{Completion, CompletionBody},
    embeddings::{EmbeddingBody, EmbeddingList},
    error::ErrorBody,
    models::{ModelList, ModelOut},
    operation::Operation,
    responses::{request::ResponseBody, response::Response},
};

use crate::{
    config::HttpLimits,
    explain::Explanation,
    openai::{
        receipts::{COSE, ReceiptView},
        routes::{API_VERSION, Endpoint, Page, Route, routes},
    },
};

/// Returns the document under these limits, as JSON.
#[must_use]
pub(crate) fn document(limits: &HttpLimits) -> Bytes {
    // The document is plain data with strings as keys, so serialization cannot fail.
    serde_json::to_vec(&describe(limits).0).unwrap_or_default().into()
}

/// Returns the document, and the bounds that match no field: there are none as long as all name
/// real fields.
fn describe(limits: &HttpLimits) -> (Value, Vec<String>) {
    let mut schemas = Schemas::default();
    schemas.add::<ErrorBody>();
    let mut paths = Map::new();
    for route in routes() {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        let method = route.endpoint.method().as_str().to_ascii_lowercase();
        put(methods, &method, operation(route, &mut schemas));
    }
    let mut schemas = schemas.0;
    let astray = bounds::apply(&mut schemas, &limits.request());
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bailiwick",
            "description": "The OpenAI and Azure OpenAI APIs, served from machines that you control.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": answers::refusals(),
            "securitySchemes": {
                "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    });
    (document, astray)
}

/// The schemas of types, by name.
#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    /// Adds a type and all its parts; returns a reference to it.
    fn add<T: ToSchema>(&mut self) -> Value {
        let name = T::name().into_owned();
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        let mut found: Vec<(String, RefOr<Schema>)> = vec![(name, T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            self.0.entry(name).or_insert_with(|| json!(schema));
        }
        reference
    }

    fn json<T: ToSchema>(&mut self) -> Value {
        json!({"application/json": {"schema": self.add::<T>()}})
    }
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let names = variables(route.path);
    let (summary, content) = match route.endpoint {
        Endpoint::Deployment(operation) | Endpoint::Body(operation) => {
            (summary(operation), answer(operation, schemas))
        }
        Endpoint::State(state) => (state.summary(), state::answer(state, schemas)),
        Endpoint::Models => {
            ("Lists the resource's deployments as models", schemas.json::<ModelList<'_>>())
        }
        Endpoint::Model => ("Describes a deployment", schemas.json::<ModelOut<'_>>()),
        Endpoint::Receipt => {
            let mut content = schemas.json::<ReceiptView>();
            put(&mut content, COSE, json!({}));
            ("The signed receipt of a request; as JSON if `Accept` names it", content)
        }
        Endpoint::Explain => (
            "What happens to a request of the resource, in sentences with their settings",
            schemas.json::<Explanation>(),
        ),
        Endpoint::LogFile => (
            "A file of the transparency log, as C2SP tlog-tiles lays them out",
            json!({"application/octet-stream": {}, "text/plain; charset=utf-8": {}}),
        ),
        Endpoint::Page(page) => answers::page(page),
        Endpoint::About => ("Describes this service", json!({"text/plain; charset=utf-8": {}})),
        Endpoint::OpenApi => {
            ("This document", json!({"application/json": {"schema": {"type": "object"}}}))
        }
    };
    let mut parameters: Vec<_> = names.iter().map(|name| named(name, route.endpoint)).collect();
    parameters.extend([api_version(), client_request_id()]);
    if matches!(route.endpoint, Endpoint::Deployment(_) | Endpoint::Body(_)) {
        parameters.push(spillover());
    }
    let body = match route.endpoint {
        Endpoint::Deployment(which) | Endpoint::Body(which) => {
            Some(body(which, route.endpoint, schemas))
        }
        Endpoint::State(which) => state::body(which, schemas),
        _ => None,
    };
    let mut operation = json!({
        "summary": summary,
        "operationId": operation_id(route),
        "parameters": parameters,
        "responses": answers::of(route, !names.is_empty(), body.is_some(), content),
    });
    if let Some(body) = body {
        put(&mut operation, "requestBody", body);
    }
    if answers::needs_key(route.endpoint) {
        put(&mut operation, "security", json!([{"api-key": []}, {"bearer": []}]));
    }
    operation
}

/// Describes the request's body; `model` is required if the path does not name the deployment.
fn body(operation: Operation, endpoint: Endpoint, schemas: &mut Schemas) -> Value {
    let (reference, mut example) = match operation {
        Operation::Chat => {
            let messages = json!([{"role": "user", "content": "Say hello."}]);
            (schemas.add::<ChatBody>(), json!({"messages": messages, "max_tokens": 16}))
        }
        Operation::Completions => (
            schemas.add::<CompletionBody>(),
            json!({"prompt": "Once upon a time", "max_tokens": 16}),
        ),
        Operation::Embeddings => {
            (schemas.add::<EmbeddingBody>(), json!({"input": ["What is a bailiwick?"]}))
        }
        Operation::Responses => {
            let example = json!({"input": "Say hello.", "max_output_tokens": 16, "store": false});
            (schemas.add::<ResponseBody>(), example)
        }
    };
    let schema = if matches!(endpoint, Endpoint::Body(_)) {
        put(&mut example, "model", json!(deployment(endpoint)));
        let model = json!({"required": ["model"], "properties": {"model": {"type": "string"}}});
        json!({"allOf": [reference, model]})
    } else {
        reference
    };
    json!({
        "required": true,
        "description": "JSON; compressed if `Content-Encoding` is `gzip` or `zstd`.",
        "content": {"application/json": {"schema": schema, "examples": {"short": {"value": example}}}},
    })
}

/// Describes the response with status 200.
fn answer(operation: Operation, schemas: &mut Schemas) -> Value {
    let (mut content, event) = match operation {
        Operation::Chat => {
            (schemas.json::<ChatCompletion<'_>>(), Some(schemas.add::<ChatCompletionChunk<'_>>()))
        }
        Operation::Completions => {
            (schemas.json::<Completion<'_>>(), Some(schemas.add::<Completion<'_>>()))
        }
        Operation::Embeddings => (schemas.json::<EmbeddingList<'_>>(), None),
        Operation::Responses => (schemas.json::<Response<'_>>(), None),
    };
    if let Some(event) = event {
        put(&mut content, "text/event-stream", json!({"schema": events(&event, schemas)}));
    }
    content
}

/// Describes one event of a stream: in OpenAPI 3.1, `schema` describes each event.
fn events(chunk: &Value, schemas: &mut Schemas) -> Value {
    let either = json!({"anyOf": [chunk, schemas.add::<ErrorBody>()]});
    json!({
        "type": "object",
        "description": "With `stream`: one event. An error ends the stream, as `[DONE]` does.",
        "required": ["data"],
        "properties": {"data": {"anyOf": [
            {"const": "[DONE]"},
            {"type": "string", "contentMediaType": "application/json", "contentSchema": either},
        ]}},
    })
}

fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "Continues a conversation",
        Operation::Completions => "Continues a text",
        Operation::Embeddings => "Turns texts into vectors",
        Operation::Responses => "Makes a response",
    }
}

/// Returns the names of a path's variable segments.
fn variables(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

/// Describes a path's variable segment, with an example that `bailiwick quickstart` serves.
fn named(name: &str, endpoint: Endpoint) -> Value {
    let example = match endpoint {
        Endpoint::LogFile => "checkpoint",
        Endpoint::Page(Page::Entry) => "0",
        Endpoint::Page(Page::Evidence) => "controls.json",
        Endpoint::Page(_) => "none",
        Endpoint::Receipt => "req_00000000000000000000000000000000",
        Endpoint::State(_) => "none",
        _ => deployment(endpoint),
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "schema": {"type": "string", "minLength": 1},
        "example": example,
    })
}

/// Returns a deployment of `bailiwick quickstart` that works with the endpoint.
fn deployment(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Deployment(Operation::Embeddings) | Endpoint::Body(Operation::Embeddings) => {
            "smollm2-embed"
        }
        _ => "smollm2",
    }
}

fn api_version() -> Value {
    json!({
        "name": "api-version",
        "in": "query",
        "required": false,
        "description": "Azure's API version: a date from 2023-05-15 on, with or without `-preview`, \
                        or `v1`, `preview`, `latest`. It has no effect.",
        "schema": {"type": "string", "pattern": API_VERSION},
        "example": "2024-10-21",
    })
}

fn client_request_id() -> Value {
    json!({
        "name": "x-ms-client-request-id",
        "in": "header",
        "required": false,
        "description": "Returned in the answer if it is printable ASCII of at most 128 \
                        characters.",
        "schema": {"type": "string"},
    })
}

fn spillover() -> Value {
    json!({
        "name": "x-ms-spillover-deployment",
        "in": "header",
        "required": false,
        "description": "The deployment that takes the request if this one has no capacity. It \
                        belongs to the same resource and has the same task and SKU; another name \
                        has no effect.",
        "schema": {"type": "string"},
    })
}

/// Adds a key to an object.
fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

/// Converts `/openai/v1/models/{model}` to `openai_v1_models_model`. Where a path has several methods,
/// the method comes first.
fn operation_id(route: &Route) -> String {
    let method = match route.endpoint {
        Endpoint::State(state) => state.method().as_str().to_ascii_lowercase(),
        _ => String::new(),
    };
    let path = format!("{method}/{}", route.path);
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.collect::<Vec<_>>().join("_");
    if id.is_empty() { "about".to_owned() } else { id }
}

#[cfg(test)]
mod tests;
