//! The OpenAPI document of exactly what is served.
//!
//! Paths come from the table that the gateway finds its way by, schemas from the very types that
//! requests are parsed into and answers are written from. Nothing here is written a second time.

use bytes::Bytes;
use utoipa::{
    ToSchema,
    openapi::{
        ComponentsBuilder, Content, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi,
        OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
        SecurityRequirement,
        path::{OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::openai::{
    chat::{
        request::ChatBody,
        response::{ChatCompletion, ChatCompletionChunk},
    },
    completions::{Completion, CompletionBody},
    embeddings::{EmbeddingBody, EmbeddingList},
    error::ErrorBody,
    models::{ModelList, ModelOut},
    operation::Operation,
    receipts::{COSE, ReceiptView},
    routes::{Endpoint, ROUTES, Route},
};

/// The document, as JSON.
#[must_use]
pub fn document() -> Bytes {
    // The document is plain data with texts as keys, so it can always be written.
    serde_json::to_vec(&describe()).unwrap_or_default().into()
}

fn describe() -> OpenApi {
    let mut schemas = Schemas::default();
    let mut paths = PathsBuilder::new();
    for route in ROUTES {
        paths = paths.path(route.path, item(&route, &mut schemas));
    }
    schemas.add::<ErrorBody>();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas.0)
        .security_scheme(
            "api-key",
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("api-key"))),
        )
        .security_scheme(
            "bearer",
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        );
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Bailiwick")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "The OpenAI and Azure OpenAI APIs, served from machines that you control.",
                ))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").build())),
        )
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

#[derive(Default)]
struct Schemas(Vec<(String, RefOr<Schema>)>);

impl Schemas {
    /// Adds a type and all that it is made of.
    fn add<T: ToSchema>(&mut self) -> Ref {
        let name = T::name().into_owned();
        let reference = Ref::from_schema_name(&name);
        self.0.push((name, T::schema()));
        T::schemas(&mut self.0);
        reference
    }

    fn json<T: ToSchema>(&mut self) -> (&'static str, Content) {
        ("application/json", Content::new(Some(self.add::<T>())))
    }

    fn events<T: ToSchema>(&mut self) -> (&'static str, Content) {
        ("text/event-stream", Content::new(Some(self.add::<T>())))
    }
}

fn item(route: &Route, schemas: &mut Schemas) -> PathItem {
    let (summary, body, answers) = match route.endpoint {
        Endpoint::Deployment(operation) | Endpoint::Body(operation) => {
            let (body, answers) = run(operation, schemas);
            (summary(operation), Some(body), answers)
        }
        Endpoint::Models => (
            "Lists the resource's deployments as models",
            None,
            vec![schemas.json::<ModelList<'_>>()],
        ),
        Endpoint::Model => ("Describes a deployment", None, vec![schemas.json::<ModelOut<'_>>()]),
        Endpoint::Receipt => {
            let bytes = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
            let answers = vec![(COSE, bytes), schemas.json::<ReceiptView>()];
            ("The signed receipt of a request; as JSON where `Accept` asks for it", None, answers)
        }
        Endpoint::LogFile => {
            let bytes = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
            let summary = "A file of the transparency log, as C2SP tlog-tiles lays them out";
            (summary, None, vec![("application/octet-stream", bytes)])
        }
        Endpoint::About => {
            let text = Content::new(Some(ObjectBuilder::new().schema_type(Type::String)));
            ("What this service is", None, vec![("text/plain", text)])
        }
        Endpoint::OpenApi => {
            let content = Content::new(Some(ObjectBuilder::new().schema_type(Type::Object)));
            ("This document", None, vec![("application/json", content)])
        }
    };
    let mut good = ResponseBuilder::new().description("The answer");
    for (kind, content) in answers {
        good = good.content(kind, content);
    }
    let refusal = schemas.json::<ErrorBody>();
    let refused = ResponseBuilder::new()
        .description("An error; `x-request-id` says which call it was")
        .content(refusal.0, refusal.1);
    let mut operation = OperationBuilder::new()
        .summary(Some(summary))
        .operation_id(Some(operation_id(route.path)))
        .response("200", good)
        .response("default", refused);
    if let Some(body) = body {
        let body = RequestBodyBuilder::new().content(body.0, body.1).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    if !matches!(route.endpoint, Endpoint::OpenApi | Endpoint::LogFile | Endpoint::About) {
        operation = operation
            .security(SecurityRequirement::new("api-key", [""; 0]))
            .security(SecurityRequirement::new("bearer", [""; 0]));
    }
    for name in ["deployment", "model", "request_id", "file"] {
        if route.path.contains(&format!("{{{name}}}")) {
            operation = operation.parameter(parameter(name, ParameterIn::Path, Required::True));
        }
    }
    operation = operation.parameter(parameter("api-version", ParameterIn::Query, Required::False));
    let method = match route.endpoint {
        Endpoint::Deployment(_) | Endpoint::Body(_) => HttpMethod::Post,
        Endpoint::Models
        | Endpoint::Model
        | Endpoint::Receipt
        | Endpoint::LogFile
        | Endpoint::OpenApi
        | Endpoint::About => HttpMethod::Get,
    };
    PathItem::new(method, operation)
}

fn run(
    operation: Operation,
    schemas: &mut Schemas,
) -> ((&'static str, Content), Vec<(&'static str, Content)>) {
    match operation {
        Operation::Chat => (
            schemas.json::<ChatBody>(),
            vec![schemas.json::<ChatCompletion<'_>>(), schemas.events::<ChatCompletionChunk<'_>>()],
        ),
        Operation::Completions => (
            schemas.json::<CompletionBody>(),
            vec![schemas.json::<Completion<'_>>(), schemas.events::<Completion<'_>>()],
        ),
        Operation::Embeddings => {
            (schemas.json::<EmbeddingBody>(), vec![schemas.json::<EmbeddingList<'_>>()])
        }
    }
}

fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "Continues a conversation",
        Operation::Completions => "Continues a text",
        Operation::Embeddings => "Turns texts into vectors",
    }
}

fn parameter(name: &str, place: ParameterIn, required: Required) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
}

/// `/openai/v1/models/{model}` as `openai_v1_models_model`.
fn operation_id(path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.collect::<Vec<_>>().join("_");
    if id.is_empty() { "about".to_owned() } else { id }
}

#[cfg(test)]
mod tests;
