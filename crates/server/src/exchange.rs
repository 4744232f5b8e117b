//! One request with its response, before it becomes a record and a receipt.
//!
//! An exchange begins when the caller is known. It ends exactly once: with [`Exchange::end`] before
//! the last byte goes out, or with [`Exchange::hung_up`] when the client is gone. The response is
//! hashed while it is sent, and kept only if it may be stored.

use std::sync::Arc;

use hyper::StatusCode;
use policy::{
    content::ContentBytes,
    id::{DeploymentId, RequestId},
    retention::{self, RetentionPlan},
};
use sha2::{Digest as _, Sha256};
use store::{
    Content,
    ledger::{Ended, Ledger, NotRecorded},
};
use tlog::{
    canon::Digest,
    receipt::{EMBEDDED, Facts, Outcome, PolicySet, Terms},
};
use tokio::sync::oneshot;
use wire::{no_effect::Named, usage::Usage};

use crate::{
    abuse::{Monitor, Watched},
    authn::Caller,
    body::RequestBody,
    clock,
    processing::{Processed, Processing},
    screening::{Claimed, Screening},
};

/// Facts about the service in every receipt.
#[derive(Debug, Clone)]
pub(crate) struct ServiceIdentity {
    /// SHA-256 of the program.
    pub binary: Digest,
    /// SHA-256 of the active configuration.
    pub configuration: Digest,
    /// The active policies.
    pub policies: PolicySet,
}

/// A request with its response; see the module's documentation.
#[derive(Debug)]
pub(crate) struct Exchange {
    ledger: Ledger,
    monitor: Monitor,
    identity: ServiceIdentity,
    caller: Caller,
    request: RequestId,
    route: &'static str,
    started_ms: u64,
    asked: RequestBody,
    sent: Sha256,
    /// The bytes sent, if they may be stored.
    kept: Option<ContentBytes>,
}

/// How the exchange ended.
#[derive(Debug, Clone)]
pub(crate) struct End {
    /// The status that was sent to the client.
    pub status: StatusCode,
    /// The outcome, as the receipt records it.
    pub outcome: Outcome,
    /// The deployment that ran, if one was found.
    pub deployment: Option<DeploymentId>,
    /// The tokens used.
    pub usage: Usage,
    /// The request's fields that had no effect.
    pub no_effect: Named,
    /// Where the request was processed, if it got that far.
    pub processing: Option<Processing>,
    /// What the content filter saw.
    pub screening: Screening,
    /// What abuse monitoring needs to know.
    pub watched: Watched,
}

impl Exchange {
    /// Begins an exchange, once the caller is known.
    #[must_use]
    pub(crate) fn begin(
        (ledger, monitor): (Ledger, Monitor),
        identity: ServiceIdentity,
        caller: Caller,
        request: RequestId,
        route: &'static str,
    ) -> Self {
        let now_ms = clock::now_ms();
        let keeps = caller.resource().is_ok_and(|r| r.retention.content_logging.keeps(now_ms));
        Self {
            ledger,
            monitor,
            identity,
            caller,
            request,
            route,
            started_ms: now_ms,
            asked: RequestBody::default(),
            sent: Sha256::new(),
            kept: keeps.then(ContentBytes::default),
        }
    }

    /// Notes the request's body.
    pub(crate) fn note_request(&mut self, body: &RequestBody) {
        self.asked = body.clone();
    }

    /// Notes bytes that go to the client.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.sent.update(bytes);
        if let Some(kept) = &mut self.kept {
            kept.extend(bytes);
        }
    }

    /// Records the end, and returns once it is on disk.
    ///
    /// # Errors
    /// [`NotRecorded`] if the end cannot be recorded; the client must then not get the last byte.
    pub(crate) async fn end(self, end: End) -> Result<(), NotRecorded> {
        let (told, answer) = oneshot::channel();
        self.commit(end, move |result| drop(told.send(result)))?;
        let lost = |_| NotRecorded {
            reason: "the ledger stopped".to_owned(),
            help: "start the service again; its log says why".to_owned(),
        };
        answer.await.map_err(lost)?.map(drop)
    }

    /// Records that the client disconnected, without waiting for the result.
    pub(crate) fn hung_up(self, end: End) {
        let request = self.request;
        let told = move |result: Result<u64, NotRecorded>| {
            if let Err(error) = result {
                tracing::error!(%request, %error, "cannot record a request that was cut short");
            }
        };
        if let Err(error) = self.commit(end, told) {
            tracing::error!(%request, %error, "cannot record a request that was cut short");
        }
    }

    fn commit(
        self,
        end: End,
        answer: impl FnOnce(Result<u64, NotRecorded>) + Send + 'static,
    ) -> Result<(), NotRecorded> {
        let End { status, outcome, deployment, usage, no_effect, processing, screening, watched } =
            end;
        let Claimed { filter, content_filter, screened } = screening.claims()?;
        let directory = &self.caller.directory;
        let resource = directory.resource(self.caller.resource).ok_or_else(gone)?;
        let model = deployment.and_then(|id| {
            let found = directory.deployments_of(resource.id).find(|d| d.id == id)?;
            Digest::from_hex(&directory.model(found.model)?.file.as_ref()?.sha256)
        });
        let processed = processing.and_then(|processing| processing.facts(directory));
        let (engine, region_processed, ran, attempts) = match processed {
            Some(Processed { engine, region, ran, attempts }) => {
                (engine, region, Some(ran), attempts)
            }
            None => (EMBEDDED.to_owned(), resource.region.clone(), None, None),
        };
        let facts = Facts {
            request: self.request,
            started_ms: self.started_ms,
            finished_ms: 0,
            status: status.as_u16(),
            outcome,
            request_sha256: Digest::of(&[self.asked.reveal()]),
            response_sha256: Digest(self.sent.finalize().into()),
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            stored: None,
            no_effect: no_effect.fact(),
            attempts,
            screened,
        };
        let caller = self.caller.principal.name();
        let plan = retention::plan(&resource.retention, clock::now_ms());
        let (keep, retention_days) = match (plan, self.kept) {
            (RetentionPlan::Store(until), Some(kept)) => {
                let content = Content {
                    request: self.request,
                    caller: caller.to_owned(),
                    deployment,
                    region: resource.region.clone(),
                    route: self.route.to_owned(),
                    started_ms: self.started_ms,
                    status: status.as_u16(),
                    outcome,
                    request_body: self.asked.reveal().to_vec(),
                    response_body: kept.reveal().to_vec(),
                };
                let days = until.days().get();
                (Some((until, content.encode())), days)
            }
            (RetentionPlan::Store(_) | RetentionPlan::Zero(_), _) => (None, 0),
        };
        let terms = Arc::new(Terms {
            tenant: resource.tenant,
            resource: resource.id,
            deployment,
            region_processed,
            region_stored: resource.region.clone(),
            engine,
            model,
            binary: self.identity.binary,
            configuration: self.identity.configuration,
            filter,
            retention_days,
            policies: Some(self.identity.policies),
            ran,
            content_filter,
        });
        let cached_tokens = usage.prompt_tokens_details.cached_tokens;
        let seen = watched.seen(&screening, resource.id, self.request);
        let monitor = self.monitor;
        let recorded = move |result: Result<u64, NotRecorded>| {
            let is_recorded = result.is_ok();
            answer(result);
            // After the record is stored: a flag names it.
            if let Some(seen) = seen.filter(|_| is_recorded) {
                monitor.see(seen);
            }
        };
        self.ledger.commit(Ended { terms, facts, caller, cached_tokens, keep }, recorded);
        Ok(())
    }
}

fn gone() -> NotRecorded {
    NotRecorded {
        reason: "the caller's resource is not in the directory".to_owned(),
        help: "this should not happen: report it".to_owned(),
    }
}
