//! The rules that the request types alone cannot express: bounds that the parser checks, and rules
//! about several fields.
//!
//! Each line names a schema by its JSON pointer and adds to it. The fields' descriptions state the
//! rules that a schema cannot express: `best_of` equals `n`, names refer to other names, the number
//! of images and sounds in a request, the capabilities of a deployment's engine, and the limits of a
//! model's context, vocabulary and template.

use serde_json::{Map, Value, json};

use crate::{
    batches::Endpoint,
    files::FILENAME_BYTES_MAX,
    fine_tuning::request::{BATCH_SIZE_MAX, EPOCHS_MAX, MULTIPLIER_MAX},
    inventory::EXPIRES_AT_MAX,
    keeping::{EXPIRES_SECONDS_MAX, EXPIRES_SECONDS_MIN},
    limits::{self, RequestLimits},
    media,
};

/// Adds the bounds; returns the pointers that match no schema.
pub fn apply(schemas: &mut Map<String, Value>, configured: &RequestLimits) -> Vec<String> {
    let mut root = Value::Object(std::mem::take(schemas));
    let mut astray = Vec::new();
    for (pointer, addition) in fields(configured).into_iter().chain(rules()) {
        match (root.pointer_mut(&pointer), addition) {
            (Some(Value::Object(schema)), Value::Object(addition)) => schema.extend(addition),
            _ => astray.push(pointer),
        }
    }
    for (name, variants) in
        [(MESSAGE, &messages()[..]), (PART, &parts()), ("ResponseFormat", &formats())]
    {
        split(&mut root, name, variants).unwrap_or_else(|| astray.push(name.to_owned()));
    }
    if let Value::Object(bounded) = root {
        *schemas = bounded;
    }
    astray
}

const MESSAGE: &str = "ChatCompletionRequestMessage";
const PART: &str = "ChatCompletionRequestMessageContentPart";

type Bound = (String, Value);

/// Returns the bounds of single fields.
fn fields(configured: &RequestLimits) -> Vec<Bound> {
    let tokens = || json!({"minimum": 1, "maximum": u32::MAX});
    let choices = || json!({"minimum": 1, "maximum": configured.choices_max});
    let identifier = || json!({"maxLength": limits::IDENTIFIER_MAX});
    let list = |most: usize| json!({"minItems": 1, "maxItems": most});
    let mut bounds = Vec::new();
    let mut add = |schema: &str, field: &str, bound: Value| {
        bounds.push((format!("/{schema}/properties/{field}"), bound));
    };
    for schema in [CHAT, COMPLETION, EMBEDDING] {
        add(schema, "model", identifier());
        add(schema, "user", identifier());
    }
    for schema in [CHAT, COMPLETION] {
        add(schema, "n", choices());
        add(schema, "max_tokens", tokens());
        add(schema, "seed", json!({"minimum": i64::MIN, "maximum": i64::MAX}));
        add(schema, "logit_bias", logit_bias());
    }
    add(CHAT, "messages", list(configured.messages_max));
    add(CHAT, "tools", list(configured.tools_max));
    add(CHAT, "max_completion_tokens", tokens());
    add(CHAT, "safety_identifier", identifier());
    add(CHAT, "prompt_cache_key", identifier());
    add(CHAT, "metadata", metadata());
    add(COMPLETION, "best_of", choices());
    add(COMPLETION, "prompt", inputs(limits::PROMPTS_MAX));
    add(EMBEDDING, "input", inputs(configured.embed_inputs_max));
    add(EMBEDDING, "dimensions", tokens());
    for field in ["application_name", "end_user_id", "end_user_tenant_id", "source_ip"] {
        add("UserSecurityContext", field, identifier());
    }
    for schema in [
        "CreateResponse",
        "CreateConversationRequest",
        "UpdateMetadataRequest",
        "CreateBatchRequest",
        "CreateFineTuningJobRequest",
    ] {
        add(schema, "metadata", metadata());
    }
    add("CreateResponse", "user", identifier());
    add(
        "CreateBatchRequest",
        "endpoint",
        json!({"enum": Endpoint::ALL.map(Endpoint::spellings).concat()}),
    );
    let name = json!({"minLength": 1, "maxLength": FILENAME_BYTES_MAX});
    add("CreateUploadRequest", "filename", name);
    add("CreateUploadRequest", "bytes", json!({"minimum": 1}));
    add("CompleteUploadRequest", "md5", json!({"pattern": "^([0-9a-fA-F]{32})?$"}));
    let seconds = json!({"minimum": EXPIRES_SECONDS_MIN, "maximum": EXPIRES_SECONDS_MAX});
    add("ExpiresAfter", "seconds", seconds);
    let end = json!({"minimum": 1, "maximum": EXPIRES_AT_MAX});
    add("UpdateInventoryObject", "expires_at", end);
    let auto = |number: Value| json!({"oneOf": [{"const": "auto"}, number]});
    let whole = |most: u32| json!({"type": "integer", "minimum": 1, "maximum": most});
    let rate = json!({"type": "number", "exclusiveMinimum": 0, "maximum": MULTIPLIER_MAX});
    add(HYPER, "n_epochs", auto(whole(EPOCHS_MAX)));
    add(HYPER, "batch_size", auto(whole(BATCH_SIZE_MAX)));
    add(HYPER, "learning_rate_multiplier", auto(rate));
    add("ChatCompletionMessageToolCall", "index", json!({"maximum": u32::MAX}));
    let media = |pattern| json!({"maxLength": configured.media_bytes_max, "pattern": pattern});
    add("ChatCompletionContentPartImage", "url", media(media::image_pattern()));
    add("ChatCompletionContentPartAudio", "data", media(media::sound_pattern()));
    let counted = |what: &str| {
        let most = configured.media_max;
        json!({"description": format!(
            "{what}. Refused if the deployment's model reads none. A request has at most {most} \
             images and sounds."
        )})
    };
    add(PART, "image_url", counted("The image of an `image_url` part, in users' messages"));
    add(PART, "input_audio", counted("The sound of an `input_audio` part, in users' messages"));
    add("PredictionContent", "content", json!({"oneOf": content(&[TEXT_PART, REFUSAL_PART])}));
    bounds.push(("/Stop".to_owned(), stop(configured.stop_max)));
    bounds.push(("/FineTuneMethodType".to_owned(), json!({"enum": ["supervised"]})));
    bounds
}

const CHAT: &str = "CreateChatCompletionRequest";
const COMPLETION: &str = "CreateCompletionRequest";
const HYPER: &str = "FineTuneHyperparameters";
const EMBEDDING: &str = "CreateEmbeddingRequest";

fn logit_bias() -> Value {
    json!({
        "maxProperties": limits::LOGIT_BIAS_MAX,
        "propertyNames": {"pattern": "^(0|[1-9][0-9]{0,8})$"},
        "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100},
    })
}

fn metadata() -> Value {
    json!({
        "maxProperties": limits::METADATA_PAIRS_MAX,
        "propertyNames": {"maxLength": limits::METADATA_KEY_MAX},
        "additionalProperties": {"type": "string", "maxLength": limits::METADATA_VALUE_MAX},
    })
}

fn stop(most: usize) -> Value {
    let text = json!({"type": "string", "minLength": 1, "maxLength": limits::STOP_BYTES_MAX});
    json!({"oneOf": [text, {"type": "array", "items": text, "maxItems": most}]})
}

/// Describes one text or token array, or up to `most` of them.
fn inputs(most: usize) -> Value {
    let text = json!({"type": "string", "minLength": 1});
    let token = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    let tokens = json!({"type": "array", "items": token, "minItems": 1});
    json!({"oneOf": [
        text,
        {"type": "array", "items": text, "minItems": 1, "maxItems": most},
        tokens,
        {"type": "array", "items": tokens, "minItems": 1, "maxItems": most},
    ]})
}

/// Returns the rules about several fields of one object; each lists its allowed alternatives.
fn rules() -> Vec<Bound> {
    let unset = |field: &str| json!({"properties": {field: {"type": "null"}}});
    let is =
        |field: &str, schema: Value| json!({"properties": {field: schema}, "required": [field]});
    let streamed =
        json!({"anyOf": [unset("stream_options"), is("stream", json!({"const": true}))]});
    let few = json!({"type": ["integer", "null"], "maximum": 0});
    let chat = json!([
        streamed,
        {"anyOf": [
            {"properties": {"top_logprobs": few}},
            is("logprobs", json!({"const": true})),
        ]},
        {"anyOf": [
            {"properties": {"tool_choice": {"enum": [null, "none", "auto"]}}},
            is("tools", json!({"type": "array"})),
        ]},
    ]);
    let text = json!({"type": ["string", "array"], "items": {"type": "string"}});
    let completion = json!([
        streamed,
        {"anyOf": [
            {"properties": {"echo": {"enum": [null, false]}}},
            {"properties": {"logprobs": {"type": "null"}, "prompt": text}},
        ]},
    ]);
    vec![
        (format!("/{CHAT}"), json!({"allOf": chat})),
        (format!("/{COMPLETION}"), json!({"allOf": completion})),
    ]
}

/// One form of an object, selected by the value of a field: its name, the fields whose schema
/// changes, and the required fields.
struct Variant {
    name: &'static str,
    by: (&'static str, &'static [&'static str]),
    fields: Vec<(&'static str, Value)>,
    required: &'static [&'static str],
    more: Value,
}

/// Returns the forms of a content: a text, or an array of these parts.
fn content(parts: &[&str]) -> Value {
    let items = match parts {
        [part] => reference(part),
        several => json!({"oneOf": several.iter().map(|part| reference(part)).collect::<Value>()}),
    };
    let parts =
        json!({"type": "array", "items": items, "minItems": 1, "maxItems": limits::PARTS_MAX});
    json!([{"type": "string"}, parts])
}

fn messages() -> [Variant; 4] {
    let null = || json!({"type": "null"});
    let said = || json!({"oneOf": content(&[TEXT_PART])});
    let shown = || json!({"oneOf": content(&[TEXT_PART, IMAGE_PART, AUDIO_PART])});
    let name = || json!({"type": ["string", "null"], "maxLength": limits::NAME_MAX});
    let calls = json!({
        "type": ["array", "null"],
        "items": reference("ChatCompletionMessageToolCall"),
        "maxItems": limits::TOOL_CALLS_MAX,
    });
    let mut by_assistant = content(&[TEXT_PART, REFUSAL_PART]);
    if let Value::Array(forms) = &mut by_assistant {
        forms.push(null());
    }
    let unset = || ["tool_calls", "refusal", "reasoning_content"].map(|field| (field, null()));
    let asked = |content| [("content", content), ("name", name()), ("tool_call_id", null())];
    let result =
        [("content", said()), ("name", name()), ("tool_call_id", json!({"type": "string"}))];
    let has =
        |field: &str, schema: Value| json!({"required": [field], "properties": {field: schema}});
    [
        Variant {
            name: "ChatCompletionRequestSystemMessage",
            by: ("role", &["system", "developer"]),
            fields: asked(said()).into_iter().chain(unset()).collect(),
            required: &["role", "content"],
            more: json!({}),
        },
        Variant {
            name: "ChatCompletionRequestUserMessage",
            by: ("role", &["user"]),
            fields: asked(shown()).into_iter().chain(unset()).collect(),
            required: &["role", "content"],
            more: json!({}),
        },
        Variant {
            name: "ChatCompletionRequestAssistantMessage",
            by: ("role", &["assistant"]),
            fields: vec![
                ("content", json!({"oneOf": by_assistant})),
                ("name", name()),
                ("tool_calls", calls),
                ("tool_call_id", null()),
            ],
            required: &["role"],
            more: json!({"anyOf": [
                has("content", json!({"type": ["string", "array"]})),
                has("refusal", json!({"type": "string"})),
                has("tool_calls", json!({"type": "array", "minItems": 1})),
            ]}),
        },
        Variant {
            name: "ChatCompletionRequestToolMessage",
            by: ("role", &["tool"]),
            fields: result.into_iter().chain(unset()).collect(),
            required: &["role", "content", "tool_call_id"],
            more: json!({}),
        },
    ]
}

const TEXT_PART: &str = "ChatCompletionRequestMessageContentPartText";
const REFUSAL_PART: &str = "ChatCompletionRequestMessageContentPartRefusal";
const IMAGE_PART: &str = "ChatCompletionRequestMessageContentPartImage";
const AUDIO_PART: &str = "ChatCompletionRequestMessageContentPartAudio";

fn parts() -> [Variant; 4] {
    // A kind of part has the field of its name, and none of the others.
    let part = |name, kind: &'static [&'static str; 1], own, required| {
        let others = ["text", "refusal", "image_url", "input_audio"].into_iter();
        let others = others.filter(|field| !kind.contains(field));
        let mut fields: Vec<_> = others.map(|field| (field, json!({"type": "null"}))).collect();
        let [field] = *kind;
        fields.push((field, own));
        Variant { name, by: ("type", kind), fields, required, more: json!({}) }
    };
    let text = || json!({"type": "string"});
    let (image, sound) =
        (reference("ChatCompletionContentPartImage"), reference("ChatCompletionContentPartAudio"));
    [
        part(TEXT_PART, &["text"], text(), &["type", "text"]),
        part(REFUSAL_PART, &["refusal"], text(), &["type", "refusal"]),
        part(IMAGE_PART, &["image_url"], image, &["type", "image_url"]),
        part(AUDIO_PART, &["input_audio"], sound, &["type", "input_audio"]),
    ]
}

fn formats() -> [Variant; 2] {
    let format = |name, kinds, schema, required| Variant {
        name,
        by: ("type", kinds),
        fields: vec![("json_schema", schema)],
        required,
        more: json!({}),
    };
    let schema = reference("ResponseFormatJsonSchema");
    [
        format("ResponseFormatPlain", &["text", "json_object"], json!({"type": "null"}), &["type"]),
        format("ResponseFormatSchema", &["json_schema"], schema, &["type", "json_schema"]),
    ]
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Replaces an object's schema by its variants, each with all of the object's fields.
fn split(root: &mut Value, name: &str, variants: &[Variant]) -> Option<()> {
    let whole = root.get(name)?.clone();
    let (mut forms, mut mapping) = (Vec::new(), Map::new());
    for variant in variants {
        let mut form = whole.as_object()?.clone();
        let properties = form.get_mut("properties")?.as_object_mut()?;
        let (field, values) = variant.by;
        let by = (field, json!({"type": "string", "enum": values}));
        for (field, schema) in std::iter::once(&by).chain(&variant.fields) {
            let told = properties.get(*field)?.get("description").cloned();
            let mut schema = schema.clone();
            if let (Value::Object(schema), Some(told)) = (&mut schema, told) {
                schema.insert("description".to_owned(), told);
            }
            properties.insert((*field).to_owned(), schema);
        }
        form.insert("required".to_owned(), json!(variant.required));
        form.extend(variant.more.as_object()?.clone());
        let reference = reference(variant.name);
        for value in values {
            mapping.insert((*value).to_owned(), reference.get("$ref")?.clone());
        }
        forms.push(reference);
        root.as_object_mut()?.insert(variant.name.to_owned(), Value::Object(form));
    }
    let by = variants.first()?.by.0;
    let discriminator = json!({"propertyName": by, "mapping": mapping});
    let told = whole.get("description").cloned().unwrap_or_default();
    let schema = json!({"description": told, "oneOf": forms, "discriminator": discriminator});
    root.as_object_mut()?.insert(name.to_owned(), schema);
    Some(())
}
