//! Data subjects of whom nothing may be kept: the customer's officer restricted them.

use crate::{authn::Caller, named::NamedSubject, openai::error::ApiError, services::Services};

/// Returns true if nothing may be kept of the data subject.
///
/// # Errors
/// If that cannot be found out: then nothing is kept, and the request is refused.
pub(crate) async fn is_restricted(
    services: &Services,
    caller: &Caller,
    named: &NamedSubject,
) -> Result<bool, ApiError> {
    let Some(subject) = named.subject() else { return Ok(false) };
    let (tenant, ledger) = (caller.resource()?.tenant, services.ledger.clone());
    let asked = move || ledger.subjects().is_restricted(tenant, &subject);
    let asked = tokio::task::spawn_blocking(asked).await.map_err(|_| ApiError::Internal)?;
    asked.map_err(|error| {
        tracing::error!(%error, "it cannot be found out whether a data subject is restricted");
        ApiError::ObjectsUnavailable
    })
}

/// Refuses to keep something of a restricted data subject. `what` is the field or thing that asks to
/// keep it.
///
/// # Errors
/// [`ApiError::SubjectRestricted`] if the data subject is restricted.
pub(crate) async fn may_keep(
    services: &Services,
    caller: &Caller,
    named: &NamedSubject,
    what: &'static str,
) -> Result<(), ApiError> {
    match is_restricted(services, caller, named).await? {
        false => Ok(()),
        true => Err(ApiError::SubjectRestricted { what }),
    }
}
