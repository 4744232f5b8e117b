//! The paths that work with objects which customers ask the service to keep.

mod batches;
pub(super) mod completions;
mod conversations;
mod files;
pub(crate) mod fine_tuning;
mod inventory;
pub(crate) mod objects;
pub(crate) mod responses;
mod uploads;

pub(crate) use self::fine_tuning::Tuning;

use std::sync::Arc;

pub(crate) use self::responses::Background;

use hyper::HeaderMap;
use policy::workflow::penalty::Unblocked;

use serde::Serialize;

use super::{error::ApiError, reply::Reply, routes::State};
use crate::{
    authn::Caller,
    body::RequestBody,
    call::Call,
    config::HttpLimits,
    exchange::Asked,
    intake::{self, Uploads},
    listen::Upload,
    live::Current,
    services::Services,
};

/// A request about kept objects, of a known caller.
#[derive(Debug)]
pub(crate) struct StateRequest {
    /// The function of the path.
    pub(crate) state: State,
    /// The caller.
    pub(crate) caller: Caller,
    /// The path's variable segments, decoded; empty if the path has fewer.
    pub(crate) names: [String; 2],
    /// The query, still encoded.
    pub(crate) query: Option<String>,
    /// Proof that the resource is not blocked, and the rest of its limits.
    pub(crate) served: Unblocked,
    /// The configuration that was active when the request began.
    pub(crate) current: Arc<Current>,
}

/// A body that has not been read yet.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    /// Counts the bodies that are being received.
    pub(crate) uploads: &'a Uploads,
    /// Counts the files that are being received.
    pub(crate) files: &'a Uploads,
    /// The request's headers.
    pub(crate) headers: &'a HeaderMap,
    /// The body.
    pub(crate) body: &'a mut Upload,
    /// Notes the body for the receipt. [`Self::json`] does so itself; a handler that reads the body
    /// in pieces hands each piece to [`Asked::piece`].
    pub(crate) asked: Asked,
}

impl Arriving<'_> {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// As [`intake::json`].
    pub(super) async fn json(
        self,
        caller: &Caller,
        limits: &HttpLimits,
    ) -> Result<RequestBody, ApiError> {
        let uploading = self.uploads.begin(caller.resource, limits.uploads_max)?;
        let body = intake::json(uploading, self.headers, self.body, limits).await?;
        self.asked.whole(&body);
        Ok(body)
    }
}

/// Makes an answer of JSON.
fn json<T: Serialize>(answer: &T) -> Reply {
    Reply::Json(wire::stored::json(answer).into())
}

/// Answers a request about kept objects.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(crate) async fn answer(
    services: &Arc<Services>,
    call: &mut Call,
    asked: StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    match asked.state {
        State::CreateResponse
        | State::GetResponse
        | State::DeleteResponse
        | State::CancelResponse
        | State::ListInputItems => responses::answer(services, call, asked, arriving).await,
        State::CreateConversation
        | State::GetConversation
        | State::UpdateConversation
        | State::DeleteConversation
        | State::ListItems
        | State::CreateItems
        | State::GetItem
        | State::DeleteItem => conversations::answer(services, call, asked, arriving).await,
        State::ListCompletions
        | State::GetCompletion
        | State::UpdateCompletion
        | State::DeleteCompletion
        | State::ListMessages => completions::answer(services, call, asked, arriving).await,
        State::CreateFile
        | State::ListFiles
        | State::GetFile
        | State::DeleteFile
        | State::FileContent => files::answer(services, call, asked, arriving).await,
        State::CreateUpload | State::AddPart | State::CompleteUpload | State::CancelUpload => {
            uploads::answer(services, call, asked, arriving).await
        }
        State::CreateBatch | State::ListBatches | State::GetBatch | State::CancelBatch => {
            batches::answer(services, call, asked, arriving).await
        }
        State::CreateJob
        | State::ListJobs
        | State::GetJob
        | State::DeleteJob
        | State::CancelJob
        | State::PauseJob
        | State::ResumeJob
        | State::ListEvents
        | State::ListCheckpoints
        | State::DeleteModel => fine_tuning::answer(services, call, asked, arriving).await,
        State::Inventory | State::GetObject | State::UpdateObject | State::DeleteObject => {
            inventory::answer(services, call, asked, arriving).await
        }
    }
}
