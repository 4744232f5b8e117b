//! Uploads in parts: a file that is sent in several requests.
//!
//! The upload and its parts are objects of their own for an hour. Completing the upload makes one file
//! of the parts, and destroys them.

use md5::{Digest as _, Md5};
use policy::{
    content::{Content, ContentBytes},
    object::Class,
};
use store::objects::{Draft, Object, ObjectError, Opened, Select};
use wire::{
    error::{Code, Invalid},
    jsonl::Checker,
    multipart::Event,
    uploads::{
        self, Completion, NewUpload, PART_BYTES_MAX, PARTS_MAX, PartOut, UPLOAD_MS, UploadHead,
        UploadOut,
    },
};

use super::{
    Arriving, StateRequest,
    files::{
        self,
        arriving::{FileLimit, Incoming},
        sealing::Sealing,
    },
    objects::{self, New, Objects},
};
use crate::named::LineSubjects;
use crate::{
    call::Call,
    clock,
    openai::{
        error::{ApiError, FileRefusal},
        reply::Reply,
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
    match asked.state {
        State::CreateUpload => create(services, call, &asked, arriving).await,
        State::AddPart => add_part(services, call, &asked, arriving).await,
        State::CompleteUpload => complete(services, call, &asked, arriving).await,
        State::CancelUpload => cancel(services, call, &asked).await,
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
    objects.must_keep(Class::Upload, "uploads")?;
    let shared = objects::shared(arriving.headers)?;
    let limits = &asked.current.config.limits;
    let body = arriving.json(&asked.caller, limits).await?;
    let NewUpload { purpose, head } = uploads::parse(body.reveal(), limits.file_bytes_max)?;
    let new = New {
        class: Class::Upload,
        shared,
        expires_ms: Some(clock::now_ms().saturating_add(UPLOAD_MS)),
        parent: None,
        state: 0,
        label: purpose.label().to_owned(),
    };
    let mut draft = objects.begin(call.id, new).await?;
    let sealed = head.to_bytes();
    let draft = blocking(Class::Upload, move || draft.seal_head(&sealed).map(|()| draft)).await?;
    let answer = out(draft.object(), head, "pending");
    call.writes(draft);
    files::json(&answer)
}

async fn add_part(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    let [id, _] = &asked.names;
    let upload = objects.find(Class::Upload, id).await?;
    let head = head(&objects.open(&upload).await?)?;
    let select = Select {
        class: Some(Class::Part),
        parent: Some(upload.facts.object),
        limit: PARTS_MAX,
        ..Select::default()
    };
    let (parts, more) = objects.listed(select).await?;
    if more || parts.len() >= PARTS_MAX {
        return Err(FileRefusal::PartsFull { limit: PARTS_MAX }.into());
    }
    // A part may be sent again, if its answer was lost: so twice the file's length is enough.
    let sent = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.bytes));
    let left = head.bytes.saturating_mul(2).saturating_sub(sent);
    let limit = if left < PART_BYTES_MAX {
        FileLimit { bytes: left, named: "all parts together: twice the `bytes` of the upload" }
    } else {
        FileLimit { bytes: PART_BYTES_MAX, named: "one part: 64 MiB" }
    };
    let limits = &asked.current.config.limits;
    let mut incoming = Incoming::new(arriving, asked.caller.resource, limits, limit)?;
    let new = New {
        class: Class::Part,
        shared: upload.facts.shared,
        expires_ms: upload.expires_ms,
        parent: Some(upload.facts.object),
        state: 0,
        label: String::new(),
    };
    let mut sealing = Sealing::new(objects.begin(call.id, new).await?);
    match receive(&mut incoming, &mut sealing, limit).await {
        Ok(()) => {}
        Err(error @ ApiError::Invalid(_)) => {
            incoming.drain().await;
            return Err(error);
        }
        Err(error) => return Err(error),
    }
    let draft = sealing.finish(|draft| draft.seal_head(&ContentBytes::default())).await?;
    let part = draft.object();
    let answer = PartOut {
        id: Class::Part.id(part.facts.object),
        object: "upload.part",
        created_at: part.created_ms / 1000,
        upload_id: Class::Upload.id(upload.facts.object),
    };
    call.writes(draft);
    files::json(&answer)
}

/// Reads a form whose only field is `data`.
async fn receive(
    incoming: &mut Incoming<'_>,
    sealing: &mut Sealing,
    limit: FileLimit,
) -> Result<(), ApiError> {
    let mut seen = false;
    let mut bytes = 0_u64;
    while let Some(event) = incoming.next().await? {
        match event {
            Event::Field(head) if head.name.reveal() != "data" => {
                let message = "Unknown field in the form: expected 'data'.".to_owned();
                return Err(Invalid { param: None, code: Code::UnknownParameter, message }.into());
            }
            Event::Field(_) if seen => {
                return Err(Invalid::value("data", "Duplicate field: 'data'. Send it once.").into());
            }
            Event::Field(_) => seen = true,
            Event::Data(piece) => {
                bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                if bytes > limit.bytes {
                    return Err(limit.refusal().into());
                }
                sealing.append(&piece).await?;
            }
            Event::End => {}
        }
    }
    if bytes == 0 {
        return Err(files::missing("data"));
    }
    Ok(())
}

async fn complete(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    let [id, _] = &asked.names;
    let limits = &asked.current.config.limits;
    let body = arriving.json(&asked.caller, limits).await?;
    let Completion { part_ids, md5 } = uploads::parse_completion(body.reveal())?;
    let upload = objects.find_to_delete(Class::Upload, id).await?;
    let alone = services.uses.alone(upload.facts.object, "completion");
    let _alone = alone.ok_or(FileRefusal::Completing)?;
    let head = head(&objects.open(&upload).await?)?;
    let after_ms = head.expires_after_ms;
    let new = New {
        class: Class::File,
        shared: upload.facts.shared,
        expires_ms: after_ms.map(|after_ms| clock::now_ms().saturating_add(after_ms)),
        parent: None,
        state: 0,
        label: upload.label.clone(),
    };
    let mut joining = Joining {
        draft: objects.begin(call.id, new).await?,
        checker: Checker::new(limits.line_bytes_max),
        subjects: LineSubjects::new(limits.line_bytes_max),
        digest: Md5::new(),
        bytes: 0,
        limit: head.bytes,
    };
    for id in &part_ids {
        let part = objects.find(Class::Part, id.reveal()).await?;
        if part.parent != Some(upload.facts.object) {
            return Err(ApiError::ObjectNotFound { class: Class::Part });
        }
        let part = objects.open(&part).await?;
        joining = blocking(Class::Part, move || joining.append(&part)).await?;
        if joining.bytes > head.bytes {
            break;
        }
    }
    let Joining { mut draft, checker, subjects, digest, bytes, .. } = joining;
    if bytes != head.bytes {
        return Err(FileRefusal::Length { expected: head.bytes }.into());
    }
    if md5.is_some_and(|expected| digest.finalize()[..] != expected[..]) {
        return Err(FileRefusal::Digest.into());
    }
    let checked = checker.finish();
    if !checked.bad.is_empty() || checked.objects == 0 {
        let classic = files::is_classic(call.route);
        return Err(FileRefusal::Lines { classic, bad: checked.bad }.into());
    }
    let sealed = wire::files::FileHead { filename: head.filename.clone() }.to_bytes();
    if let Some(about) = subjects.finish()? {
        draft.set_about(about);
    }
    let draft = blocking(Class::File, move || {
        draft.finish_body()?;
        draft.seal_head(&sealed).map(|()| draft)
    })
    .await?;
    // The file is on the disk. The parts go before it is committed with the receipt: a copy of them
    // must not stay because a request ended in between.
    objects.delete(&upload).await?;
    call.destroyed(&upload);
    let file = files::out(draft.object(), bytes, head.filename.clone());
    call.writes(draft);
    files::json(&UploadOut { file: Some(file), ..out(&upload, head, "completed") })
}

/// A file that is made of parts.
struct Joining {
    draft: Draft,
    checker: Checker,
    subjects: LineSubjects,
    digest: Md5,
    bytes: u64,
    /// Bytes that the file may have.
    limit: u64,
}

impl Joining {
    /// Appends a part. Blocks on the disk.
    fn append(mut self, part: &Opened) -> Result<Self, ObjectError> {
        let mut at = 0_u64;
        loop {
            let piece = part.read(at)?;
            let bytes = piece.reveal();
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            (at, self.bytes) = (at.saturating_add(length), self.bytes.saturating_add(length));
            if bytes.is_empty() || self.bytes > self.limit {
                return Ok(self);
            }
            self.checker.read(bytes);
            self.subjects.read(bytes);
            self.digest.update(bytes);
            self.draft.append(bytes)?;
        }
    }
}

async fn cancel(
    services: &Services,
    call: &mut Call,
    asked: &StateRequest,
) -> Result<Reply, ApiError> {
    let objects = Objects::of(services, &asked.caller);
    let [id, _] = &asked.names;
    let upload = objects.find_to_delete(Class::Upload, id).await?;
    let head = head(&objects.open(&upload).await?)?;
    objects.delete(&upload).await?;
    call.destroyed(&upload);
    files::json(&out(&upload, head, "cancelled"))
}

fn head(opened: &Opened) -> Result<UploadHead, ApiError> {
    UploadHead::parse(opened.head()).ok_or_else(|| files::damaged(opened.object()))
}

fn out(upload: &Object, head: UploadHead, status: &'static str) -> UploadOut {
    let UploadHead { filename, bytes, .. } = head;
    UploadOut {
        id: Class::Upload.id(upload.facts.object),
        object: "upload",
        bytes,
        created_at: upload.created_ms / 1000,
        filename: Content::clone(&filename),
        purpose: upload.label.clone(),
        status,
        expires_at: upload.expires_ms.unwrap_or_default() / 1000,
        file: None,
    }
}

/// Runs a step that blocks on the disk.
async fn blocking<T: Send + 'static>(
    class: Class,
    step: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(step).await;
    done.map_err(|_| ApiError::Internal)?.map_err(objects::failed(class))
}
