//! The document describes what is served: no path more, no field less.

use serde_json::{Value, json};

use super::*;
use crate::{
    config::Limits,
    openai::{chat, completions, embeddings},
};

fn document() -> Value {
    serde_json::from_slice(&super::document()).unwrap()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), ROUTES.len());
    for route in ROUTES {
        let method = route.endpoint.method().as_str().to_lowercase();
        assert!(paths[route.path][&method].is_object(), "{method} {}", route.path);
        assert_eq!(paths[route.path].as_object().unwrap().len(), 1);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(to)) = fields.get("$ref") {
                    found.push(to.clone());
                }
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        let at = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(at).is_some(), "{reference}");
    }
}

/// Each field that the schema names is one that the parser knows, and the parser knows no other:
/// those it refuses by name are not in the schema.
#[test]
fn request_schemas_hold_exactly_the_accepted_fields() {
    let document = document();
    let fields = |schema: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][schema];
        assert_eq!(schema["additionalProperties"], json!(false));
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let limits = Limits::default();
    let chat_knows = |field: &str| {
        let body = json!({ "messages": [{ "role": "user", "content": "a" }], field: null });
        let known =
            field == "messages" || chat::parse(body.to_string().as_bytes(), &limits, 0).is_ok();
        known && !refuses(field, |body| chat::parse(body, &limits, 0).map(drop))
    };
    let completions_knows =
        |field: &str| !refuses(field, |body| completions::parse(body, &limits, 0).map(drop));
    let embeddings_knows =
        |field: &str| !refuses(field, |body| embeddings::parse(body, &limits).map(drop));
    for field in fields("CreateChatCompletionRequest") {
        assert!(chat_knows(&field), "{field}");
    }
    for field in fields("CreateCompletionRequest") {
        assert!(completions_knows(&field), "{field}");
    }
    for field in fields("CreateEmbeddingRequest") {
        assert!(embeddings_knows(&field), "{field}");
    }
    for absent in ["store", "audio", "functions", "data_sources", "reasoning_effort", "suffix"] {
        let text = document.to_string();
        assert!(!text.contains(&format!("\"{absent}\":")), "{absent}");
    }
}

/// Whether a body with only this field is refused for knowing it and not having it, or for not
/// knowing it at all.
fn refuses(
    field: &str,
    parse: impl Fn(&[u8]) -> Result<(), crate::openai::error::Invalid>,
) -> bool {
    use crate::openai::error::Code;
    let body = json!({ field: { "type": "none" } });
    matches!(
        parse(body.to_string().as_bytes()),
        Err(wrong)
            if matches!(wrong.code, Code::UnknownParameter | Code::UnsupportedParameter)
                && wrong.param.as_deref() == Some(field)
    )
}
