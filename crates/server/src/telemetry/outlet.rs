//! The way of the exporters to the network: `egress`, and nothing else.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use egress::{Egress, SendLimits, SendRequest};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use super::counts::Counts;
use crate::posted::{NotAccepted, Patience, post};

/// The HTTP client of the exporters.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    egress: Egress,
    /// The exporters run on threads of their own.
    runtime: Handle,
    counts: Arc<Counts>,
}

/// An export failed.
#[derive(Debug, thiserror::Error)]
enum NotExported {
    #[error(transparent)]
    NotAccepted(#[from] NotAccepted),
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
    Ok(post(&egress, &url, request, &PATIENCE).await?)
}

const PATIENCE: Patience = Patience {
    whole: Duration::from_secs(10),
    rest: Duration::from_secs(1),
    limits: SendLimits {
        connect: Duration::from_secs(5),
        first_byte: Duration::from_secs(10),
        silence: Duration::from_secs(1),
        body_bytes_max: 64 * 1024,
    },
};
