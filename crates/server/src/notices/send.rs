//! One attempt to deliver a notice.

use std::time::Duration;

use bytes::Bytes;
use egress::{Egress, SendHeader, SendLimits, SendRequest};
use store::notices::NoticeId;
use tlog::hex;

use super::receiver::Receiver;
use crate::posted::{NotAccepted, Patience, post};

/// Whether the next notice to the destination would fail, too.
pub(super) fn is_of_destination(error: &NotAccepted) -> bool {
    match error {
        NotAccepted::NotListed(_) | NotAccepted::Egress(_) | NotAccepted::Late(_) => true,
        NotAccepted::Status(status) => matches!(status, 401 | 403 | 404 | 410 | 429 | 500..),
    }
}

/// Delivers a notice. Any status of success accepts it.
pub(super) async fn deliver(
    egress: &Egress,
    receiver: &Receiver,
    id: NoticeId,
    body: Vec<u8>,
    now_ms: u64,
) -> Result<(), NotAccepted> {
    let (id, seconds) = (text(id), now_ms / 1000);
    let signature = receiver.secret.sign(&id, seconds, &body);
    let request = SendRequest::post("application/json", Bytes::from(body))
        .header(SendHeader::WebhookId, &id)?
        .header(SendHeader::WebhookTimestamp, &seconds.to_string())?
        .header(SendHeader::WebhookSignature, &signature)?
        .authenticated();
    post(egress, &receiver.url, request, &PATIENCE).await.map(drop)
}

/// Returns a message's id: the same at each attempt.
fn text(NoticeId(bytes): NoticeId) -> String {
    format!("msg_{}", hex::encode(bytes.get(..16).unwrap_or_default()))
}

const PATIENCE: Patience = Patience {
    whole: Duration::from_secs(20),
    rest: Duration::from_secs(2),
    limits: SendLimits {
        connect: Duration::from_secs(10),
        first_byte: Duration::from_secs(15),
        silence: Duration::from_secs(2),
        body_bytes_max: 64 * 1024,
    },
};
