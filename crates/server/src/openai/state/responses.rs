//! The Responses API.

mod background;
mod chain;
mod create;
pub(in crate::openai) mod keeping;
mod kept;
pub(crate) mod progress;
mod start;

use std::sync::Arc;

pub(crate) use self::progress::Background;
use super::{Arriving, StateRequest, objects::Objects};
use crate::{
    call::Call,
    openai::{error::ApiError, reply::Reply, routes::State},
    services::Services,
};

/// The states of kept responses.
mod states {
    /// It is being made in the background, or was when the service stopped.
    pub(super) const UNFINISHED: u32 = 1;
    /// It is complete, or incomplete for a reason that it states.
    pub(super) const ENDED: u32 = 2;
    /// It failed.
    pub(super) const FAILED: u32 = 3;
    /// Its owner stopped it.
    pub(super) const CANCELLED: u32 = 4;
}

/// Answers a request.
///
/// # Errors
/// If a step refuses the request; the error has the reason.
pub(super) async fn answer(
    services: &Arc<Services>,
    call: &mut Call,
    asked: StateRequest,
    arriving: Arriving<'_>,
) -> Result<Reply, ApiError> {
    let StateRequest { state, caller, names: [id, _], query, .. } = &asked;
    let (objects, query) = (Objects::of(services, caller), query.as_deref());
    let background = &services.background;
    match state {
        State::CreateResponse => create::answer(services, call, asked, arriving).await,
        State::GetResponse => kept::get(&objects, background, id, query).await,
        State::DeleteResponse => kept::delete(&objects, background, call, id).await,
        State::CancelResponse => kept::cancel(&objects, background, id).await,
        State::ListInputItems => kept::input(&objects, id, query).await,
        _ => Err(ApiError::RouteNotFound),
    }
}
