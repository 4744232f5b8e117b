//! The Files API.
//!
//! A file is sealed while it arrives and never in memory as a whole. It is checked on the way: a file
//! that is not JSONL is refused, and nothing of it is kept.

pub(super) mod arriving;
pub(super) mod sealing;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::{StatusCode, header::LOCATION};
use policy::{content::ContentBytes, object::Class};
use serde::Serialize;
use store::objects::{Draft, Object, Opened, Select};
use wire::{
    error::Invalid,
    files::{Field, FileDeleted, FileForm, FileHead, FileList, FileOut, Form, Listing},
    jsonl::Checker,
    multipart::Event,
};

use self::{
    arriving::{FileLimit, Incoming},
    sealing::Sealing,
};
use super::{
    Arriving, StateRequest,
    objects::{self, New, Objects},
};
use crate::named::LineSubjects;
use crate::{
    call::Call,
    clock,
    config::HttpLimits,
    openai::{
        error::{ApiError, FileRefusal},
        reply::{Pieces, Reply},
        routes::State,
    },
    services::Services,
};

/// Answers a request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(super) async fn answer(
    services: &Services,
    call: &mut Call,
    asked: StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    let [id, _] = &asked.names;
    match asked.state {
        State::CreateFile => create(services, call, &asked, arriving).await,
        State::ListFiles => list(objects, asked.query.as_deref()).await,
        State::GetFile => {
            let opened = objects.open(&objects.find(Class::File, id).await?).await?;
            json(&described(&opened)?)
        }
        State::FileContent => {
            let opened = objects.open(&objects.find(Class::File, id).await?).await?;
            Ok(content(opened))
        }
        State::DeleteFile => delete(services, call, objects, id).await,
        _ => Err(ApiError::RouteNotFound),
    }
}

async fn create(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    objects.must_keep(Class::File, "files")?;
    let shared = objects::shared(arriving.headers)?;
    let limits = &asked.current.config.limits;
    let limit = FileLimit { bytes: limits.file_bytes_max, named: "limits.file_bytes_max" };
    let mut incoming = Incoming::new(arriving, asked.caller.resource, limits, limit)?;
    let classic = is_classic(call.route);
    let mut receiving = Receiving::new(objects, call, shared, limits, limit);
    match receiving.receive(&mut incoming).await {
        Ok(()) => {}
        // The client may still be sending: it would not see the answer.
        Err(error @ (ApiError::Invalid(_) | ApiError::ZeroRetention { .. })) => {
            incoming.drain().await;
            return Err(error);
        }
        Err(error) => return Err(error),
    }
    let (draft, bytes, form) = receiving.finish(classic).await?;
    let file = FileOut {
        filename: form.filename,
        ..out(draft.object(), bytes, policy::content::Content::default())
    };
    call.writes(draft);
    if !classic {
        return json(&file);
    }
    let place = format!("/openai/files/{}", file.id);
    let body = body(&file)?;
    Ok(Reply::Made { status: StatusCode::CREATED, headers: vec![(LOCATION, place)], body })
}

/// A file that is being received.
struct Receiving<'a> {
    objects: Objects<'a>,
    request: policy::id::RequestId,
    shared: bool,
    limit: FileLimit,
    form: Form,
    checker: Checker,
    subjects: LineSubjects,
    sealing: Option<Sealing>,
    bytes: u64,
}

impl<'a> Receiving<'a> {
    fn new(
        objects: Objects<'a>,
        call: &Call,
        shared: bool,
        limits: &HttpLimits,
        limit: FileLimit,
    ) -> Self {
        Self {
            objects,
            request: call.id,
            shared,
            limit,
            form: Form::default(),
            checker: Checker::new(limits.line_bytes_max),
            subjects: LineSubjects::new(limits.line_bytes_max),
            sealing: None,
            bytes: 0,
        }
    }

    /// Reads the whole form. The fields may come in any order.
    async fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), ApiError> {
        let mut field = None;
        let mut value = Vec::new();
        while let Some(event) = incoming.next().await? {
            match (event, field) {
                (Event::Field(head), _) => {
                    let begun = self.form.begin(head)?;
                    field = Some(begun);
                    if begun == Field::File {
                        self.begin().await?;
                    }
                }
                (Event::Data(bytes), Some(Field::File)) => self.data(&bytes).await?,
                (Event::Data(bytes), _) => {
                    // One byte more than allowed is enough to refuse it.
                    let room = wire::files::FIELD_BYTES_MAX.saturating_add(1);
                    let room = room.saturating_sub(value.len());
                    value.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
                }
                (Event::End, Some(field)) if field != Field::File => {
                    self.form.set(field, &std::mem::take(&mut value))?;
                }
                (Event::End, _) => {}
            }
        }
        Ok(())
    }

    /// Begins the object, before the first byte of the file is read.
    async fn begin(&mut self) -> Result<(), ApiError> {
        let now_ms = clock::now_ms();
        let label = self.form.purpose().map_or("", |purpose| purpose.label()).to_owned();
        // What is not known yet is set at the end.
        let after_ms = self.form.expires_after_ms().unwrap_or_default();
        let new = New {
            class: Class::File,
            shared: self.shared,
            expires_ms: after_ms.map(|after_ms| now_ms.saturating_add(after_ms)),
            parent: None,
            state: 0,
            label,
        };
        self.sealing = Some(Sealing::new(self.objects.begin(self.request, new).await?));
        Ok(())
    }

    async fn data(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > self.limit.bytes {
            return Err(self.limit.refusal().into());
        }
        self.checker.read(bytes);
        self.subjects.read(bytes);
        if !self.checker.is_good() {
            // Nothing of it is kept; the rest is read for the other bad lines.
            self.sealing = None;
        }
        match &mut self.sealing {
            Some(sealing) => sealing.append(bytes).await,
            None => Ok(()),
        }
    }

    /// Ends the file, and seals its owner's statements about it.
    async fn finish(self, classic: bool) -> Result<(Draft, u64, FileForm), ApiError> {
        let form = self.form.finish()?;
        let checked = self.checker.finish();
        let sealing = match self.sealing {
            Some(sealing) if checked.bad.is_empty() && checked.objects > 0 => sealing,
            _ => return Err(FileRefusal::Lines { classic, bad: checked.bad }.into()),
        };
        let head = FileHead { filename: form.filename.clone() }.to_bytes();
        let label = form.purpose.label();
        let about = self.subjects.finish()?;
        let draft = sealing
            .finish(move |draft| {
                draft.set(0, label);
                if let Some(about) = about {
                    draft.set_about(about);
                }
                draft.seal_head(&head)
            })
            .await?;
        let created_ms = draft.object().created_ms;
        let expires_ms = form.expires_after_ms.map(|after_ms| created_ms.saturating_add(after_ms));
        let is_set = expires_ms.is_some() == draft.object().expires_ms.is_some();
        let draft = if is_set { draft } else { self.objects.end(draft, expires_ms).await? };
        Ok((draft, self.bytes, form))
    }
}

async fn list(objects: Objects<'_>, query: Option<&str>) -> Result<Reply, ApiError> {
    let Listing { purpose, page } = Listing::parse(query)?;
    let label = purpose.map(str::to_owned);
    let select = Select { label, ..objects.select(Class::File, &page)? };
    let (found, more) = objects.list(select).await?;
    let files = found.iter().map(described).collect::<Result<_, _>>()?;
    json(&FileList::new(files, more))
}

async fn delete(
    services: &Services,
    call: &mut Call,
    objects: Objects<'_>,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = objects.find_to_delete(Class::File, id).await?;
    let was_in_use_by = services.uses.of(object.facts.object);
    objects.delete(&object).await?;
    call.destroyed(&object);
    let id = Class::File.id(object.facts.object);
    json(&FileDeleted { id, object: "file", deleted: true, was_in_use_by })
}

/// Describes a file that was opened.
fn described(opened: &Opened) -> Result<FileOut, ApiError> {
    let head = FileHead::parse(opened.head()).ok_or_else(|| damaged(opened.object()))?;
    Ok(out(opened.object(), opened.body_bytes(), head.filename))
}

/// Describes a file.
pub(super) fn out(object: &Object, bytes: u64, filename: policy::content::Content) -> FileOut {
    FileOut {
        id: Class::File.id(object.facts.object),
        object: "file",
        bytes,
        created_at: object.created_ms / 1000,
        expires_at: object.expires_ms.map(|end| end / 1000),
        filename,
        purpose: object.label.clone(),
        status: "processed",
        status_details: None,
    }
}

/// A head that cannot be read, although its seal is whole.
pub(super) fn damaged(object: &Object) -> ApiError {
    tracing::error!(object = %object.facts.object, "the head of an object is damaged");
    ApiError::ObjectsUnavailable
}

/// Sends a file's bytes, piece by piece. A damaged file ends early, which its length reveals.
fn content(opened: Opened) -> Reply {
    let bytes = opened.body_bytes();
    let opened = Arc::new(opened);
    let pieces = stream::unfold((opened, 0_u64), async |(opened, at)| {
        let reader = Arc::clone(&opened);
        let read = tokio::task::spawn_blocking(move || reader.read(at)).await.ok()?;
        let piece = read
            .inspect_err(|error| tracing::error!(%error, "a file cannot be read to its end"))
            .ok()?;
        let piece: ContentBytes = piece;
        let length = u64::try_from(piece.reveal().len()).ok().filter(|length| *length > 0)?;
        Some((Bytes::copy_from_slice(piece.reveal()), (opened, at.saturating_add(length))))
    });
    let pieces: Pieces = Box::pin(pieces);
    let kind = "application/octet-stream".to_owned();
    Reply::Content { kind, bytes, pieces: Box::new(pieces) }
}

/// Whether a route belongs to Azure's surface with dated versions.
pub(super) fn is_classic(route: &str) -> bool {
    !route.starts_with("/openai/v1/") && !route.starts_with("/v1/")
}

/// Writes an answer.
pub(super) fn body(answer: &impl Serialize) -> Result<Bytes, ApiError> {
    let bytes = serde_json::to_vec(answer).map_err(|_| ApiError::Internal)?;
    Ok(Bytes::from(bytes))
}

/// Writes an answer with status 200.
pub(super) fn json(answer: &impl Serialize) -> Result<Reply, ApiError> {
    Ok(Reply::Json(body(answer)?))
}

/// The error of a missing field.
pub(super) fn missing(field: &str) -> ApiError {
    Invalid::missing(field).into()
}
