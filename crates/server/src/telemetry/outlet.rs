//! The way of the exporters to the network: `egress`, and nothing else.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use egress::{Egress, EgressError, NotListed, SendLimits, SendRequest};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::{runtime::Handle, time::timeout};

use super::counts::Counts;

/// The HTTP client of the exporters.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    egress: Egress,
    /// The exporters run on threads of their own.
    runtime: Handle,
    counts: Arc<Counts>,
}

/// The collector did not accept an export.
#[derive(Debug, thiserror::Error)]
enum NotExported {
    #[error(transparent)]
    NotListed(#[from] NotListed),
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("no answer within {TIME:?}")]
    Late,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("the service is stopping")]
    Stopping,
}

impl Outlet {
    pub(super) fn new(egress: Egress, runtime: Handle, counts: Arc<Counts>) -> Self {
        Self { egress, runtime, counts }
    }
}

#[async_trait]
impl HttpClient for Outlet {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().to_string();
        let sent = self.runtime.spawn(send(self.egress.clone(), url, request.into_body()));
        let sent = sent.await.unwrap_or(Err(NotExported::Stopping));
        self.counts.exported(sent.as_ref().err().map(ToString::to_string));
        let status = sent?;
        Ok(Response::builder().status(status).body(Bytes::new())?)
    }
}

/// Sends one export; returns the status. The headers that the exporter set are left out: some come from the
/// environment.
async fn send(egress: Egress, url: String, body: Bytes) -> Result<u16, NotExported> {
    let request = SendRequest::post("application/x-protobuf", body).authenticated();
    let permit = egress.permit(&url)?;
    let sent = timeout(TIME, egress.send(permit, request, LIMITS));
    let mut reply = sent.await.map_err(|_| NotExported::Late)??;
    let rest = async { while let Ok(Some(_)) = reply.chunk().await {} };
    drop(timeout(REST, rest).await);
    match reply.status() {
        status @ 200..300 => Ok(status),
        status => Err(NotExported::Status(status)),
    }
}

/// Time for one export.
const TIME: Duration = Duration::from_secs(10);
/// Time for the rest of an answer after its status.
const REST: Duration = Duration::from_secs(1);

const LIMITS: SendLimits = SendLimits {
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    silence: Duration::from_secs(1),
    body_bytes_max: 64 * 1024,
};
