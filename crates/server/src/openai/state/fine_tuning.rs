//! The Fine-tuning API.
//!
//! A job reads the caller's own files, and nothing else: see [`files`]. It trains in a confined process
//! ([`run`]). The result is a model for the caller's resource only ([`serving`]).

mod base;
mod delete;
mod files;
mod keep;
mod make;
mod outcome;
pub(crate) mod queue;
mod run;
pub(crate) mod serving;
mod stopped;
mod validate;
mod work;

use std::sync::Arc;

use hyper::{StatusCode, header::LOCATION};
use policy::{object::Class, permit::FineTune};
use serde::Serialize;
use store::objects::{Object, Select};
use wire::{
    error::Invalid,
    fine_tuning::{
        Surface, checkpoint,
        event::Level,
        job::{Job, JobError, Page, Status},
    },
    page,
};

pub(crate) use self::{queue::Tuning, work::run};
use super::{Arriving, StateRequest, objects::Objects};
use crate::{
    authn::Caller,
    call::Call,
    clock,
    openai::{error::ApiError, reply::Reply, routes::State},
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
    let surface = Surface::of(call.route);
    let caller = &asked.caller;
    // A role without fine-tuning does not learn which jobs there are.
    let _allowed = services.permit::<FineTune>(caller)?;
    let objects = Objects::of(services, caller);
    let [name, _] = &asked.names;
    match asked.state {
        State::CreateJob => make::answer(services, call, &asked, arriving, surface).await,
        State::ListJobs => list(&objects, asked.query.as_deref(), surface).await,
        State::GetJob => {
            let (object, job) = find(&objects, name).await?;
            let (object, job) = settled(caller, &objects, object, job).await?;
            shown(&object, &job, surface)
        }
        State::CancelJob => change(services, &objects, name, Wish::Cancel, surface).await,
        State::PauseJob => change(services, &objects, name, Wish::Pause, surface).await,
        State::ResumeJob => change(services, &objects, name, Wish::Resume, surface).await,
        State::ListEvents => events(&objects, name, asked.query.as_deref(), surface).await,
        State::ListCheckpoints => checkpoints(&objects, name, asked.query.as_deref()).await,
        State::DeleteJob => delete::job(&objects, call, name).await,
        State::DeleteModel => delete::model(services, caller, call, name, surface).await,
        _ => Err(ApiError::RouteNotFound),
    }
}

/// An owner's wish for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Cancel,
    Pause,
    Resume,
}

impl Wish {
    /// Returns the state that follows, and the message of the event.
    fn step(self, from: Status) -> Option<(Status, &'static str)> {
        match (self, from) {
            (
                Self::Cancel,
                Status::Validating | Status::Queued | Status::Running | Status::Paused,
            ) => Some((Status::Cancelled, "The job was cancelled")),
            (Self::Pause, Status::Queued | Status::Running) => {
                Some((Status::Paused, "The job was paused"))
            }
            (Self::Resume, Status::Paused) => Some((Status::Queued, "The job goes on")),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Pause => "paused",
            Self::Resume => "resumed",
        }
    }
}

/// Finds a job that the caller may read.
async fn find(objects: &Objects<'_>, id: &str) -> Result<(Object, Job), ApiError> {
    let object = objects.find(Class::Job, id).await?;
    let opened = objects.open(&object).await?;
    let job = Job::read(opened.head()).ok_or(ApiError::Internal)?;
    Ok((object, job))
}

/// Ends a job that cannot go on, because the credential that made it no longer counts. Only its
/// owner can write that down.
async fn settled(
    caller: &Caller,
    objects: &Objects<'_>,
    object: Object,
    job: Job,
) -> Result<(Object, Job), ApiError> {
    if status(&object)?.is_final() {
        return Ok((object, job));
    }
    let Err(revoked) = Caller::on_behalf(Arc::clone(&caller.directory), &object) else {
        return Ok((object, job));
    };
    let now = clock::now_ms() / 1000;
    let message = format!("The job does not go on in the name of who made it: {revoked}.");
    keep::update(objects, &object, |job, from| {
        if from.is_final() {
            return None;
        }
        job.note(now, Level::Error, message.clone());
        let code = "permission_revoked".to_owned();
        job.error = Some(JobError { code, message: message.clone(), param: None });
        job.finished_at = Some(now);
        Some(Status::Failed)
    })
    .await
}

fn status(object: &Object) -> Result<Status, ApiError> {
    Status::from_number(object.state).ok_or(ApiError::Internal)
}

fn shown(object: &Object, job: &Job, surface: Surface) -> Result<Reply, ApiError> {
    let id = Class::Job.id(object.facts.object);
    json(&job.view(id, status(object)?, surface))
}

async fn list(
    objects: &Objects<'_>,
    query: Option<&str>,
    surface: Surface,
) -> Result<Reply, ApiError> {
    let page = page::Page::parse(query, page::Sizes::USUAL)?;
    let (found, more) = objects.list(objects.select(Class::Job, &page)?).await?;
    let jobs: Vec<_> = found
        .iter()
        .filter_map(|opened| Some((opened.object(), Job::read(opened.head())?)))
        .collect();
    let mut data = Vec::with_capacity(jobs.len());
    for (object, job) in &jobs {
        data.push(job.view(Class::Job.id(object.facts.object), status(object)?, surface));
    }
    json(&Page::new(data, more))
}

async fn change(
    services: &Services,
    objects: &Objects<'_>,
    id: &str,
    wish: Wish,
    surface: Surface,
) -> Result<Reply, ApiError> {
    let object = objects.find(Class::Job, id).await?;
    let now = clock::now_ms() / 1000;
    let mut refused = None;
    let (object, job) = keep::update(objects, &object, |job, from| {
        let Some((to, message)) = wish.step(from) else {
            refused = Some(from);
            return None;
        };
        job.note(now, Level::Info, message);
        if to.is_final() {
            job.finished_at = Some(now);
            job.estimated_finish = None;
        }
        Some(to)
    })
    .await?;
    if let Some(from) = refused {
        let message =
            format!("A job with the status '{}' cannot be {}.", from.name(surface), wish.name());
        return Err(Invalid::value("fine_tuning_job_id", message).into());
    }
    services.tuning.told(object.facts.object);
    shown(&object, &job, surface)
}

async fn events(
    objects: &Objects<'_>,
    id: &str,
    query: Option<&str>,
    surface: Surface,
) -> Result<Reply, ApiError> {
    let page = page::Page::parse(query, page::Sizes::USUAL)?;
    let (object, job) = find(objects, id).await?;
    let hex = Class::Job.id(object.facts.object);
    let hex = hex.strip_prefix(Class::Job.prefix()).unwrap_or_default();
    let mut views = job.events.views(hex, surface);
    if page.ascending {
        views.reverse();
    }
    let from = match &page.after {
        Some(after) => match views.iter().position(|view| view.id == *after) {
            Some(at) => at.saturating_add(1),
            None => {
                let message = "Invalid 'after': expected the id of an event from an earlier page.";
                return Err(Invalid::value("after", message).into());
            }
        },
        None => 0,
    };
    let mut data: Vec<_> = views.into_iter().skip(from).collect();
    let more = data.len() > page.limit;
    data.truncate(page.limit);
    json(&Page::new(data, more))
}

async fn checkpoints(
    objects: &Objects<'_>,
    id: &str,
    query: Option<&str>,
) -> Result<Reply, ApiError> {
    let page = page::Page::parse(query, page::Sizes { default: 10, max: 100 })?;
    let job = objects.find(Class::Job, id).await?;
    let select = objects.select(Class::Checkpoint, &page)?;
    let (parent, label) = (Some(job.facts.object), Some(keep::EPOCH.to_owned()));
    let (found, more) = objects.list(Select { parent, label, ..select }).await?;
    let heads: Vec<(String, checkpoint::Checkpoint)> = found
        .iter()
        .filter_map(|opened| {
            let head = serde_json::from_slice(opened.head().reveal()).ok()?;
            Some((Class::Checkpoint.id(opened.object().facts.object), head))
        })
        .collect();
    let job = Class::Job.id(job.facts.object);
    let data = heads.iter().map(|(id, head)| head.view(id.clone(), job.clone())).collect();
    json(&Page::new(data, more))
}

fn json<T: Serialize>(value: &T) -> Result<Reply, ApiError> {
    serde_json::to_vec(value).map(|json| Reply::Json(json.into())).map_err(|_| ApiError::Internal)
}

/// Answers with a new thing: Azure's older surface says 201 and where it is.
fn made<T: Serialize>(value: &T, path: String, surface: Surface) -> Result<Reply, ApiError> {
    let body = serde_json::to_vec(value).map_err(|_| ApiError::Internal)?;
    Ok(match surface {
        Surface::V1 => Reply::Json(body.into()),
        Surface::Classic => Reply::Made {
            status: StatusCode::CREATED,
            headers: vec![(LOCATION, path)],
            body: body.into(),
        },
    })
}
