//! One request with its response, before it becomes a record and a receipt.
//!
//! An exchange begins when the caller is known. It ends exactly once: with [`Exchange::end`] before
//! the last byte goes out, or with [`Exchange::hung_up`] when the client is gone. The response is
//! hashed while it is sent, and kept only if it may be stored.

use std::sync::Arc;

use hyper::StatusCode;
use parking_lot::Mutex;
use policy::{
    content::ContentBytes,
    id::{DeploymentId, RequestId},
    retention::{self, RetentionPlan},
};
use sha2::{Digest as _, Sha256};
use store::{
    Content,
    batches::SealedLine,
    ledger::{Ended, Ledger, NotRecorded, Recorded},
    objects::{Draft, Written},
};
use tlog::{
    canon::Digest,
    receipt::{Adapter, Customer, EMBEDDED, Facts, Outcome, PolicySet, Terms},
};
use tokio::sync::oneshot;
use wire::{no_effect::Named, usage::Usage};

use crate::{
    abuse::{Monitor, Watched},
    authn::Caller,
    body::RequestBody,
    clock,
    named::NamedSubject,
    personal,
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
    asked: Asked,
    sent: Sha256,
    /// The bytes sent, if they may be stored.
    kept: Option<ContentBytes>,
}

/// The body of a request, as far as it arrived. Clones note into the same exchange.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Arrived>>);

/// A body that is kept as a whole, or the hash of one that is read in pieces.
#[derive(Debug)]
enum Arrived {
    Whole(RequestBody),
    Pieces(Sha256),
}

impl Default for Arrived {
    fn default() -> Self {
        Self::Whole(RequestBody::default())
    }
}

impl Asked {
    /// Notes a whole body.
    pub(crate) fn whole(&self, body: &RequestBody) {
        *self.0.lock() = Arrived::Whole(body.clone());
    }

    /// Notes the next piece of a body that is too long to be kept in memory: only its hash goes on.
    pub(crate) fn piece(&self, piece: &[u8]) {
        let mut arrived = self.0.lock();
        if let Arrived::Pieces(hash) = &mut *arrived {
            return hash.update(piece);
        }
        let mut hash = Sha256::new();
        hash.update(piece);
        *arrived = Arrived::Pieces(hash);
    }

    fn take(&self) -> (Digest, RequestBody) {
        match std::mem::take(&mut *self.0.lock()) {
            Arrived::Whole(body) => (Digest::of(&[body.reveal()]), body),
            Arrived::Pieces(hash) => (Digest(hash.finalize().into()), RequestBody::default()),
        }
    }
}

/// How the exchange ended.
#[derive(Debug)]
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
    /// What was decided and found about personal data.
    pub personal: personal::Record,
    /// What abuse monitoring needs to know.
    pub watched: Watched,
    /// The data subject that the request names.
    pub subject: NamedSubject,
    /// The objects that the request wrote.
    pub wrote: Vec<Draft>,
    /// The objects that the request destroyed.
    pub destroyed: Vec<Written>,
    /// The result of a batch's line.
    pub line: Option<SealedLine>,
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
            asked: Asked::default(),
            sent: Sha256::new(),
            kept: keeps.then(ContentBytes::default),
        }
    }

    /// Makes the exchange one without content: no prompt is answered, so no record is kept.
    #[must_use]
    pub(crate) fn without_content(mut self) -> Self {
        self.kept = None;
        self
    }

    /// Notes the request's body.
    pub(crate) fn note_request(&mut self, body: &RequestBody) {
        self.asked.whole(body);
    }

    /// Returns a handle that notes the request's body where it is read.
    pub(crate) fn asked(&self) -> Asked {
        self.asked.clone()
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
    pub(crate) async fn end(self, end: End) -> Result<Recorded, NotRecorded> {
        let (told, answer) = oneshot::channel();
        self.commit(end, move |result| drop(told.send(result)))?;
        let lost = |_| NotRecorded {
            reason: "the ledger stopped".to_owned(),
            help: "start the service again; its log says why".to_owned(),
        };
        answer.await.map_err(lost)?
    }

    /// Records that the client disconnected, without waiting for the result.
    pub(crate) fn hung_up(self, end: End) {
        let request = self.request;
        let told = move |result: Result<Recorded, NotRecorded>| {
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
        answer: impl FnOnce(Result<Recorded, NotRecorded>) + Send + 'static,
    ) -> Result<(), NotRecorded> {
        let End { status, outcome, deployment, usage, no_effect, processing, screening, .. } = end;
        let End { watched, mut subject, wrote, destroyed, line, personal, .. } = end;
        let (personal, personal_found) = personal.claims().unzip();
        let Claimed { filter, content_filter, screened } = screening.claims()?;
        let directory = &self.caller.directory;
        let resource = directory.resource(self.caller.resource).ok_or_else(gone)?;
        let model = deployment.and_then(|id| {
            let found = directory.deployments_of(resource.id).find(|d| d.id == id)?;
            Digest::from_hex(&directory.model(found.model)?.file.as_ref()?.sha256)
        });
        let adapter = deployment.and_then(|id| {
            let found = directory.deployments_of(resource.id).find(|d| d.id == id)?;
            let tuned = directory.model(found.model)?.tuned.as_ref()?;
            Some(Adapter { digest: tuned.adapter, job: tuned.job })
        });
        let processed = processing.and_then(|processing| processing.facts(directory));
        let (engine, region_processed, ran, attempts) = match processed {
            Some(Processed { engine, region, ran, attempts }) => {
                (engine, region, Some(ran), attempts)
            }
            None => (EMBEDDED.to_owned(), resource.region.clone(), None, None),
        };
        let (request_sha256, asked) = self.asked.take();
        if outcome != Outcome::Answered && self.kept.is_some() {
            subject.of_refused(asked.reveal());
        }
        let subject = subject.subject();
        // What cannot be asked for counts as restricted: a failure must not end a restriction.
        let is_restricted = subject.as_ref().is_some_and(|subject| {
            self.ledger.subjects().is_restricted(resource.tenant, subject).unwrap_or(true)
        });
        let facts = Facts {
            request: self.request,
            started_ms: self.started_ms,
            finished_ms: 0,
            status: status.as_u16(),
            outcome,
            request_sha256,
            response_sha256: Digest(self.sent.finalize().into()),
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            stored: None,
            no_effect: no_effect.fact(),
            attempts,
            screened,
            // The ledger adds what the request made.
            objects: Some(destroyed).filter(|objects| !objects.is_empty()),
            personal: personal_found,
        };
        let caller = self.caller.principal.name();
        let plan = retention::plan(&resource.retention, clock::now_ms());
        let (keep, retention_days) = match (plan, self.kept) {
            (RetentionPlan::Store(until), Some(kept)) if !is_restricted => {
                let content = Content {
                    request: self.request,
                    caller: caller.to_owned(),
                    deployment,
                    region: resource.region.clone(),
                    route: self.route.to_owned(),
                    started_ms: self.started_ms,
                    status: status.as_u16(),
                    outcome,
                    request_body: asked.reveal().to_vec(),
                    response_body: kept.reveal().to_vec(),
                };
                let days = until.days().get();
                (Some((until, content.encode())), days)
            }
            (RetentionPlan::Store(_) | RetentionPlan::Zero(_), _) => (None, 0),
        };
        let root = directory.root(resource.tenant, clock::now_ms());
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
            adapter,
            personal,
            customer: root.map(|root| Customer { root, lockbox: resource.lockbox }),
        });
        let cached_tokens = usage.prompt_tokens_details.cached_tokens;
        let seen = watched.seen(&screening, resource.id, self.request);
        let monitor = self.monitor;
        let recorded = move |result: Result<Recorded, NotRecorded>| {
            let is_recorded = result.is_ok();
            answer(result);
            // After the record is stored: a flag names it.
            if let Some(seen) = seen.filter(|_| is_recorded) {
                monitor.see(seen);
            }
        };
        let ended =
            Ended { terms, facts, caller, cached_tokens, keep, objects: wrote, line, subject };
        self.ledger.commit(ended, recorded);
        Ok(())
    }
}

fn gone() -> NotRecorded {
    NotRecorded {
        reason: "the caller's resource is not in the directory".to_owned(),
        help: "this should not happen: report it".to_owned(),
    }
}
