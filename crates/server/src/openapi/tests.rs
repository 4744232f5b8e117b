//! The document describes exactly the served paths and fields.

use std::collections::BTreeSet;

use policy::guard::verdict::{BlocklistName, Category};
use serde_json::{Value, json};

use super::*;
use wire::{
    chat, completions, embeddings,
    error::{Code, Invalid},
    limits::RequestLimits,
    responses,
};

use crate::config::HttpLimits;

fn document() -> Value {
    serde_json::from_slice(&super::document(&HttpLimits::default())).unwrap()
}

/// Fails if a field is renamed without its bounds.
#[test]
fn every_bound_has_its_place() {
    assert_eq!(describe(&HttpLimits::default()).1, Vec::<String>::new());
}

/// The document shows the configured limits.
#[test]
fn bounds_are_those_of_the_configuration() {
    let limits = HttpLimits {
        choices_max: 3,
        messages_max: 7,
        stop_max: 2,
        media_max: 5,
        media_bytes_max: 2048,
        ..HttpLimits::default()
    };
    let document: Value = serde_json::from_slice(&super::document(&limits)).unwrap();
    let schemas = &document["components"]["schemas"];
    let chat = &schemas["CreateChatCompletionRequest"]["properties"];
    assert_eq!(chat["n"]["maximum"], json!(3));
    assert_eq!(chat["messages"]["maxItems"], json!(7));
    assert_eq!(schemas["Stop"]["oneOf"][1]["maxItems"], json!(2));
    for (schema, field, part) in [("Image", "url", "image_url"), ("Audio", "data", "input_audio")] {
        let media = &schemas[format!("ChatCompletionContentPart{schema}")]["properties"][field];
        assert_eq!(media["maxLength"], json!(2048));
        let part = &schemas[format!("ChatCompletionRequestMessageContentPart{schema}")]["properties"]
            [part];
        assert!(part["description"].as_str().unwrap().contains("at most 5 images"), "{part}");
    }
}

/// Only users' messages have images and sounds.
#[test]
fn each_role_has_its_parts() {
    let document = document();
    let parts = |message: &str| {
        let content = &document["components"]["schemas"][message]["properties"]["content"];
        let items = content["oneOf"][1]["items"].to_string();
        ["Text", "Refusal", "Image", "Audio"]
            .map(|part| items.contains(&format!("ChatCompletionRequestMessageContentPart{part}\"")))
    };
    assert_eq!(parts("ChatCompletionRequestSystemMessage"), [true, false, false, false]);
    assert_eq!(parts("ChatCompletionRequestUserMessage"), [true, false, true, true]);
    assert_eq!(parts("ChatCompletionRequestAssistantMessage"), [true, true, false, false]);
    assert_eq!(parts("ChatCompletionRequestToolMessage"), [true, false, false, false]);
}

/// Each status has its own description, and every path uses only described statuses.
#[test]
fn statuses_are_listed_and_those_that_docs_list() {
    let table = include_str!("../../../../docs/api.md");
    let told: BTreeSet<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(' '))
        .filter(|(status, _)| status.parse::<u16>().is_ok_and(|status| status >= 400))
        .map(|(status, _)| status.to_owned())
        .collect();
    let document = document();
    let responses = document["components"]["responses"].as_object().unwrap();
    let mut listed: BTreeSet<_> = responses.keys().cloned().collect();
    // The 405 belongs to other methods, so it is not a response of an operation.
    listed.insert("405".to_owned());
    assert_eq!(listed, told);
    let mut used = BTreeSet::from(["405".to_owned()]);
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().unwrap();
            let good = responses.keys().filter(|status| status.starts_with('2')).count();
            assert!(good == 1 && !responses.contains_key("default"));
            used.extend(responses.keys().filter(|status| !status.starts_with('2')).cloned());
        }
    }
    assert_eq!(used, listed);
}

/// The parser accepts the examples.
#[test]
fn examples_are_taken() {
    let limits = RequestLimits::default();
    for (path, item) in document()["paths"].as_object().unwrap() {
        let content = &item["post"]["requestBody"]["content"]["application/json"];
        let Some(example) = content["examples"]["short"].get("value") else { continue };
        let bytes = example.to_string();
        let taken = match path.rsplit('/').next().unwrap() {
            "embeddings" => embeddings::parse(bytes.as_bytes(), &limits).map(drop),
            _ if path.ends_with("chat/completions") => {
                chat::parse(bytes.as_bytes(), &limits, 0).map(drop)
            }
            "responses" => responses::parse(bytes.as_bytes()).map(drop),
            _ => completions::parse(bytes.as_bytes(), &limits, 0).map(drop),
        };
        assert_eq!(taken, Ok(()), "{path}: {example}");
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let all: std::collections::BTreeSet<_> = routes().map(|route| route.path).collect();
    assert_eq!(paths.len(), all.len());
    for route in routes() {
        let method = route.endpoint.method().as_str().to_lowercase();
        assert!(paths[route.path][&method].is_object(), "{method} {}", route.path);
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

/// The schema names exactly the fields that the parser accepts; fields that the parser refuses by
/// name are not in the schema.
#[test]
fn request_schemas_hold_exactly_the_accepted_fields() {
    let document = document();
    let fields = |schema: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][schema];
        assert_eq!(schema["additionalProperties"], json!(false));
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let limits = RequestLimits::default();
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
    for absent in ["audio", "functions", "data_sources", "moderation", "web_search_options"] {
        let text = document.to_string();
        assert!(!text.contains(&format!("\"{absent}\":")), "{absent}");
    }
}

/// Annotations and the error for a blocked prompt have a field for each category of the filter.
#[test]
fn annotations_have_a_field_for_each_category() {
    let document = document();
    let lists = Category::Blocklist(BlocklistName::new("a").unwrap());
    let mut wanted: BTreeSet<_> = Category::BUILT_IN.iter().map(Category::name).collect();
    wanted.insert(lists.name());
    let fields = |schema: &str| -> BTreeSet<String> {
        let fields = &document["components"]["schemas"][schema]["properties"];
        fields.as_object().unwrap().keys().cloned().collect()
    };
    let wanted: BTreeSet<_> = wanted.into_iter().map(str::to_owned).collect();
    assert_eq!(fields("ContentFilterResults"), wanted);
    let mut annotated = fields("ContentFilterResultsOrError");
    assert!(annotated.remove("error"));
    assert_eq!(annotated, wanted);
    let error = ["code", "innererror", "message", "param", "status", "type"];
    assert!(fields("ErrorDetail").iter().eq(&error));
    for schema in
        ["CreateChatCompletionResponse", "CreateCompletionResponse", "CreateEmbeddingResponse"]
    {
        assert!(fields(schema).contains("prompt_filter_results"), "{schema}");
        let required = &document["components"]["schemas"][schema]["required"];
        assert!(!required.to_string().contains("filter"), "{schema}: {required}");
    }
}

/// The sealed record stores the whole request body, so no description may state that a field is not
/// stored. The descriptions of the four labels name the place where they are stored.
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

/// Whether a body with only this field is refused as unsupported or as unknown.
fn refuses(field: &str, parse: impl Fn(&[u8]) -> Result<(), Invalid>) -> bool {
    let body = json!({ field: { "type": "none" } });
    matches!(
        parse(body.to_string().as_bytes()),
        Err(wrong)
            if matches!(wrong.code, Code::UnknownParameter | Code::UnsupportedParameter)
                && wrong.param.as_deref() == Some(field)
    )
}
