//! One request with its response, on the way to becoming a record and a receipt.
//!
//! It begins when a caller is known and ends exactly once: [`Exchange::end`] before the last byte
//! goes out, or [`Exchange::hung_up`] when there is nobody to tell. What was sent is hashed as it is
//! sent, and kept only where it may be stored.

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
    receipt::{Facts, Filter, Outcome, PolicySet, Terms},
};
use tokio::sync::oneshot;

use crate::{authn::Caller, body::RequestBody, clock, openai::usage::Usage};

/// What the service says of itself in every receipt.
#[derive(Debug, Clone)]
pub struct Identity {
    /// SHA-256 of the program.
    pub binary: Digest,
    /// SHA-256 of the configuration in force.
    pub configuration: Digest,
    /// The policies in force.
    pub policies: PolicySet,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Exchange {
    ledger: Ledger,
    identity: Identity,
    caller: Caller,
    request: RequestId,
    route: &'static str,
    started_ms: u64,
    asked: RequestBody,
    sent: Sha256,
    /// What was sent, where it may be stored.
    kept: Option<ContentBytes>,
}

/// How it ended.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// The status that the client was told.
    pub status: StatusCode,
    /// In a word.
    pub outcome: Outcome,
    /// The deployment that ran, where one was found.
    pub deployment: Option<DeploymentId>,
    /// What it used.
    pub usage: Usage,
}

impl Exchange {
    /// Begins, once it is known who calls.
    #[must_use]
    pub fn begin(
        ledger: Ledger,
        identity: Identity,
        caller: Caller,
        request: RequestId,
        route: &'static str,
    ) -> Self {
        let now_ms = clock::now_ms();
        let keeps = caller.resource().is_ok_and(|r| r.retention.content_logging.keeps(now_ms));
        Self {
            ledger,
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
    pub fn asked(&mut self, body: &RequestBody) {
        self.asked = body.clone();
    }

    /// Notes bytes that go to the client.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.sent.update(bytes);
        if let Some(kept) = &mut self.kept {
            kept.extend(bytes);
        }
    }

    /// Records the end, and returns once that is on disk.
    ///
    /// # Errors
    /// When it cannot be recorded: then the client must not get the last byte.
    pub async fn end(self, end: End) -> Result<(), NotRecorded> {
        let (told, answer) = oneshot::channel();
        self.commit(end, move |result| drop(told.send(result)))?;
        let lost = |_| NotRecorded {
            reason: "the ledger stopped".to_owned(),
            help: "start the service again; its log says why".to_owned(),
        };
        answer.await.map_err(lost)?.map(drop)
    }

    /// Records that the client is gone. Nobody waits for it.
    pub fn hung_up(self, end: End) {
        let request = self.request;
        let told = move |result: Result<u64, NotRecorded>| {
            if let Err(error) = result {
                tracing::error!(%request, %error, "a request that was cut short is not recorded");
            }
        };
        if let Err(error) = self.commit(end, told) {
            tracing::error!(%request, %error, "a request that was cut short is not recorded");
        }
    }

    fn commit(
        self,
        end: End,
        answer: impl FnOnce(Result<u64, NotRecorded>) + Send + 'static,
    ) -> Result<(), NotRecorded> {
        let End { status, outcome, deployment, usage } = end;
        let directory = &self.caller.directory;
        let resource = directory.resource(self.caller.resource).ok_or_else(gone)?;
        let model = deployment.and_then(|id| {
            let found = directory.deployments_of(resource.id).find(|d| d.id == id)?;
            Digest::from_hex(&directory.model(found.model)?.sha256)
        });
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
            region_processed: resource.region.clone(),
            region_stored: resource.region.clone(),
            engine: "embedded".to_owned(),
            model,
            binary: self.identity.binary,
            configuration: self.identity.configuration,
            filter: Filter::None,
            retention_days,
            policies: Some(self.identity.policies),
        });
        let cached_tokens = usage.prompt_tokens_details.cached_tokens;
        self.ledger.commit(Ended { terms, facts, caller, cached_tokens, keep }, answer);
        Ok(())
    }
}

fn gone() -> NotRecorded {
    NotRecorded {
        reason: "the caller's resource is not in the directory".to_owned(),
        help: "this should not happen: report it".to_owned(),
    }
}
