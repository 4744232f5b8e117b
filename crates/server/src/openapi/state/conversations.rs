//! The bodies of conversations and of stored chat completions.

use serde_json::{Value, json};
use wire::{
    chat::response::ChatCompletion,
    conversations::{Conversation, ConversationBody, ItemsBody},
    responses::item::ItemBody,
    stored::{Deleted, MetadataBody},
};

use super::Schemas;
use crate::openai::routes::State;

/// Describes the answer with status 200; `None` for other paths.
pub(super) fn answer(state: State, schemas: &mut Schemas) -> Option<Value> {
    let schema = match state {
        State::CreateConversation
        | State::GetConversation
        | State::UpdateConversation
        | State::DeleteItem => schemas.add::<Conversation<'_>>(),
        State::DeleteConversation | State::DeleteCompletion => schemas.add::<Deleted<'_>>(),
        State::ListItems | State::CreateItems => list(&schemas.add::<ItemBody>()),
        State::GetItem => schemas.add::<ItemBody>(),
        State::ListCompletions => list(&completion(schemas)),
        State::GetCompletion | State::UpdateCompletion => completion(schemas),
        State::ListMessages => list(&message()),
        _ => return None,
    };
    Some(json!({"application/json": {"schema": schema}}))
}

/// Describes the request's body; `None` for other paths.
pub(super) fn body(state: State, schemas: &mut Schemas) -> Option<Value> {
    let (schema, example) = match state {
        State::CreateConversation => {
            (schemas.add::<ConversationBody>(), json!({"metadata": {"topic": "demo"}}))
        }
        State::CreateItems => (
            schemas.add::<ItemsBody>(),
            json!({"items": [{"role": "user", "content": "What is a bailiwick?"}]}),
        ),
        State::UpdateConversation | State::UpdateCompletion => {
            (schemas.add::<MetadataBody>(), json!({"metadata": {"topic": "demo"}}))
        }
        _ => return None,
    };
    Some(json!({
        "required": true,
        "content": {"application/json": {"schema": schema, "example": example}},
    }))
}

fn list(of: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["object", "data", "first_id", "last_id", "has_more"],
        "properties": {
            "object": {"type": "string", "description": "Always `list`."},
            "data": {"type": "array", "items": of},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
            "has_more": {"type": "boolean", "description": "Whether there are more."},
        },
    })
}

/// The answer to a chat request, with the settings of the request.
fn completion(schemas: &mut Schemas) -> Value {
    let more = json!({
        "type": "object",
        "properties": {
            "request_id": {"type": "string", "description": "The request that made it."},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "tools": {"type": ["array", "null"]},
            "tool_choice": {},
            "response_format": {"type": ["object", "null"]},
            "input_user": {"type": ["string", "null"], "description": "The request's `user`."},
            "seed": {"type": ["integer", "null"]},
            "temperature": {"type": "number"},
            "top_p": {"type": "number"},
            "presence_penalty": {"type": "number"},
            "frequency_penalty": {"type": "number"},
        },
    });
    json!({"allOf": [schemas.add::<ChatCompletion<'_>>(), more]})
}

fn message() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "role": {"type": "string"},
            "content": {"type": ["string", "null"]},
            "content_parts": {
                "type": ["array", "null"],
                "description": "The parts, if the content is a list; then `content` is null.",
            },
            "name": {"type": ["string", "null"]},
        },
    })
}
