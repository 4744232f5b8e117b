//! One attempt to deliver a notice.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use egress::{Egress, EgressError, NotListed, SendHeader, SendLimits, SendRequest};
use store::notices::NoticeId;
use tokio::time::timeout;

use super::receiver::Receiver;

/// The destination did not accept a notice.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDelivered {
    /// The destination is no longer listed.
    #[error(transparent)]
    NotListed(#[from] NotListed),
    /// There was no answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// There was no answer in time.
    #[error("no answer within {TIME:?}")]
    Late,
    /// The answer is a refusal.
    #[error("it answered with status {0}")]
    Status(u16),
}

impl NotDelivered {
    /// Returns true if the next notice would fare no better.
    pub(super) fn is_of_destination(&self) -> bool {
        match self {
            Self::NotListed(_) | Self::Egress(_) | Self::Late => true,
            Self::Status(status) => matches!(status, 401 | 403 | 404 | 410 | 429 | 500..),
        }
    }
}

/// Delivers a notice. Any status of success accepts it.
pub(super) async fn deliver(
    egress: &Egress,
    receiver: &Receiver,
    id: NoticeId,
    body: Vec<u8>,
    now_ms: u64,
) -> Result<(), NotDelivered> {
    let (id, seconds) = (text(id), now_ms / 1000);
    let signature = receiver.secret.sign(&id, seconds, &body);
    let permit = egress.permit(&receiver.url)?;
    let request = SendRequest::post("application/json", Bytes::from(body))
        .header(SendHeader::WebhookId, &id)?
        .header(SendHeader::WebhookTimestamp, &seconds.to_string())?
        .header(SendHeader::WebhookSignature, &signature)?
        .authenticated();
    let sent = timeout(TIME, egress.send(permit, request, LIMITS));
    let mut reply = sent.await.map_err(|_| NotDelivered::Late)??;
    let status = reply.status();
    // The status decides. The rest is read so that the connection ends as it should.
    let rest = async { while let Ok(Some(_)) = reply.chunk().await {} };
    drop(timeout(REST, rest).await);
    if (200..300).contains(&status) { Ok(()) } else { Err(NotDelivered::Status(status)) }
}

/// Returns a message's id: the same at each attempt.
fn text(NoticeId(bytes): NoticeId) -> String {
    let mut text = "msg_".to_owned();
    for byte in bytes.iter().take(16) {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Time for an attempt.
const TIME: Duration = Duration::from_secs(20);
/// Time for the rest of an answer after its status.
const REST: Duration = Duration::from_secs(2);

const LIMITS: SendLimits = SendLimits {
    connect: Duration::from_secs(10),
    first_byte: Duration::from_secs(15),
    silence: Duration::from_secs(2),
    body_bytes_max: 64 * 1024,
};
