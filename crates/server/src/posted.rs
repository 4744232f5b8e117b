//! Sends requests of which only the status of the answer matters: notices and exports of telemetry.

use std::time::Duration;

use egress::{Egress, EgressError, NotListed, SendLimits, SendRequest};
use tokio::time::timeout;

/// The receiver did not accept a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAccepted {
    /// The destination is no longer listed.
    #[error(transparent)]
    NotListed(#[from] NotListed),
    /// There was no answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// There was no answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The answer is a refusal.
    #[error("it answered with status {0}")]
    Status(u16),
}

/// The times and sizes of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Time until the status of the answer.
    pub whole: Duration,
    /// Time for the rest of the answer.
    pub rest: Duration,
    /// Limits of the single steps.
    pub limits: SendLimits,
}

/// Sends a request, and returns the status if it is one of success.
///
/// # Errors
/// If the destination is not listed, does not answer in time, or refuses.
pub(crate) async fn post(
    egress: &Egress,
    url: &str,
    request: SendRequest,
    patience: &Patience,
) -> Result<u16, NotAccepted> {
    let permit = egress.permit(url)?;
    let sent = timeout(patience.whole, egress.send(permit, request, patience.limits));
    let mut reply = sent.await.map_err(|_| NotAccepted::Late(patience.whole))??;
    // The status decides. The rest is read so that the connection ends as it should.
    let rest = async { while let Ok(Some(_)) = reply.chunk().await {} };
    drop(timeout(patience.rest, rest).await);
    match reply.status() {
        status @ 200..300 => Ok(status),
        status => Err(NotAccepted::Status(status)),
    }
}
