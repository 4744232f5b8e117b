//! The request that a handler gets.

use std::sync::Arc;

use policy::{spillover::Spillover, workflow::penalty::Unblocked};

use crate::{authn::Caller, body::RequestBody, live::Current};

/// A request of a known caller.
#[derive(Debug)]
pub(crate) struct CallerRequest {
    /// The caller.
    pub(crate) caller: Caller,
    /// The deployment that the path names.
    pub(crate) deployment: Option<String>,
    /// The request's body.
    pub(crate) body: RequestBody,
    /// True if what the request keeps is shared with all principals of the resource.
    pub(crate) shared: bool,
    /// Proof that the resource is not blocked, and the rest of its limits.
    pub(crate) served: Unblocked,
    /// The configuration that was active when the request began.
    pub(crate) current: Arc<Current>,
    /// The decision that [`CallerRequest::deployment`] takes the request of another one.
    pub(crate) spillover: Option<Spillover>,
}
