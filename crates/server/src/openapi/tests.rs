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

/// The sealed record keeps the whole request body, so no description may say that a field is not
/// kept. The four labels say where they are kept.
#[test]
fn no_description_says_that_a_field_is_not_kept() {
    fn descriptions(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(text)) = fields.get("description") {
                    found
                        .push(text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" "));
                }
                fields.values().for_each(|value| descriptions(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| descriptions(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    descriptions(&document, &mut found);
    assert!(found.len() > 50, "{found:?}");
    for text in &found {
        for lie in ["not kept", "not stored", "dropped", "discarded", "never kept"] {
            assert!(!text.contains(lie), "`{lie}` in: {text}");
        }
    }
    for (schema, fields) in [
        (
            "CreateChatCompletionRequest",
            &["user", "metadata", "safety_identifier", "user_security_context"][..],
        ),
        ("CreateCompletionRequest", &["user", "user_security_context"]),
        ("CreateEmbeddingRequest", &["user", "user_security_context"]),
    ] {
        for field in fields {
            let property = &document["components"]["schemas"][schema]["properties"][field];
            let text = property.to_string();
            assert!(text.contains("sealed"), "{schema}.{field} says: {text}");
        }
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
