//! The bodies of the paths that work with kept objects.

mod conversations;

use serde_json::{Value, json};
use wire::{
    batches::{BatchList, BatchObject, CreateBatch},
    files,
    fine_tuning::request::JobBody,
    inventory,
    keeping::{EXPIRES_SECONDS_MAX, EXPIRES_SECONDS_MIN},
    responses::{kept::ItemPage, request::ResponseBody, response::Response},
    stored::Deleted,
    uploads,
};

use super::{Schemas, put};
use crate::openai::routes::State;

/// Describes the answer with status 200.
pub(super) fn answer(state: State, schemas: &mut Schemas) -> Value {
    match state {
        State::CreateResponse | State::GetResponse | State::CancelResponse => {
            let mut content = schemas.json::<Response<'_>>();
            if state != State::CancelResponse {
                put(&mut content, "text/event-stream", json!({"schema": events()}));
            }
            return content;
        }
        State::DeleteResponse => return schemas.json::<Deleted<'_>>(),
        State::ListInputItems => return schemas.json::<ItemPage>(),
        State::Inventory => return schemas.json::<inventory::Inventory>(),
        State::GetObject | State::UpdateObject => return schemas.json::<inventory::Kept>(),
        State::DeleteObject => return schemas.json::<inventory::Deleted>(),
        State::CreateFile | State::GetFile => return schemas.json::<files::FileOut>(),
        State::ListFiles => return schemas.json::<files::FileList>(),
        State::DeleteFile => return schemas.json::<files::FileDeleted>(),
        State::FileContent => return json!({"application/octet-stream": {}}),
        State::CreateUpload | State::CompleteUpload | State::CancelUpload => {
            return schemas.json::<uploads::UploadOut>();
        }
        State::AddPart => return schemas.json::<uploads::PartOut>(),
        State::CreateBatch | State::GetBatch | State::CancelBatch => {
            return schemas.json::<BatchObject<'_>>();
        }
        State::ListBatches => return schemas.json::<BatchList<'_>>(),
        _ => {}
    }
    conversations::answer(state, schemas)
        .unwrap_or_else(|| json!({"application/json": {"schema": {"type": "object"}}}))
}

/// Describes the request's body, if there is one.
pub(super) fn body(state: State, schemas: &mut Schemas) -> Option<Value> {
    let content = match state {
        State::UpdateObject => schemas.json::<inventory::Update>(),
        State::CreateJob => schemas.json::<JobBody>(),
        State::CreateFile => form(
            &["file", "purpose"],
            json!({
                "file": {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream"},
                "purpose": {"enum": ["fine-tune", "batch"]},
                "expires_after[anchor]": {"const": "created_at"},
                "expires_after[seconds]": {"type": "integer", "minimum": EXPIRES_SECONDS_MIN, "maximum": EXPIRES_SECONDS_MAX},
            }),
        ),
        State::AddPart => form(
            &["data"],
            json!({"data": {"type": "string", "minLength": 1, "contentMediaType": "application/octet-stream"}}),
        ),
        State::CreateUpload => schemas.json::<uploads::CreateUpload>(),
        State::CompleteUpload => schemas.json::<uploads::CompleteUpload>(),
        State::CreateBatch => schemas.json::<CreateBatch>(),
        State::CreateResponse => {
            let mut content = schemas.json::<ResponseBody>();
            let example = json!({"value": {"model": "smollm2", "input": "Say hello."}});
            if let Some(json) = content.get_mut("application/json") {
                put(json, "examples", json!({"short": example}));
            }
            content
        }
        _ => return conversations::body(state, schemas),
    };
    Some(json!({"required": true, "content": content}))
}

/// Describes a form.
fn form(required: &[&str], properties: Value) -> Value {
    let schema = json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    });
    json!({"multipart/form-data": {"schema": schema}})
}

/// Describes one event of a streamed response.
fn events() -> Value {
    json!({
        "type": "object",
        "description": "With `stream`: one event. The first is `response.created`; the last is \
            `response.completed`, `response.incomplete` or `response.failed`, with the response.",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string"},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {
                    "type": "object",
                    "required": ["type", "sequence_number"],
                    "properties": {
                        "type": {"type": "string"},
                        "sequence_number": {"type": "integer", "minimum": 0},
                    },
                },
            },
        },
    })
}
