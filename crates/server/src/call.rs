//! One call, from its first byte to its last: its facts, the response headers that follow from
//! them, and its one line in the server's log.
//!
//! The line and the metrics are written when the call is dropped, so that every exit has them:
//! success, refusal, an engine that broke, a client that disconnected. They hold no content, no
//! key, no query and no other text of the caller.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use policy::{
    forward::CallerLabels,
    id::{DeploymentId, RequestId, ResourceId},
    meter::Balance,
    network::Arrival,
};
use store::{
    batches::SealedLine,
    objects::{Draft, Object, Written},
};
use tlog::receipt;
use tokio_util::sync::CancellationToken;
use wire::{no_effect::Named, usage::Usage};

use crate::{
    abuse::Watched,
    clock,
    exchange::{End, Exchange},
    ids::request_id,
    limits,
    metrics::Metrics,
    named::NamedSubject,
    openai::error::{Answer, ApiError, Retry},
    personal,
    processing::Processing,
    recent_errors::Kind,
    screening::Screening,
    telemetry::Called,
};

/// The header or trailer with the compact receipt, in base64url.
pub(crate) const SIGNED_RECEIPT: &str = "x-bailiwick-signed-receipt";

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    /// The request id, as in `x-request-id`.
    pub id: RequestId,
    /// The moment at which the head had arrived.
    pub started: Instant,
    /// The path's template; empty for paths that do not exist.
    pub route: &'static str,
    /// Cancelled when the customer withdraws its key, if it holds one.
    pub key: Option<CancellationToken>,
    /// The network that the call comes from.
    pub arrival: Arrival,
    /// The resource that was called, once the credential is checked.
    pub resource: Option<ResourceId>,
    /// That resource's region.
    pub region: Option<HeaderValue>,
    /// The deployment that runs, once it is found.
    pub deployment: Option<DeploymentId>,
    /// The name of the model that runs, as the operator gave it.
    pub model: Option<String>,
    /// The rest of the deployment's limits for this minute.
    pub balance: Option<Balance>,
    /// The tokens used so far.
    pub usage: Usage,
    /// The fields of the request that have no effect.
    pub no_effect: Named,
    /// Where the request is processed, once it is sent to an engine.
    pub processing: Option<Processing>,
    /// Findings of the content filter.
    pub screening: Screening,
    /// The decision and the findings about personal data.
    pub personal: personal::Record,
    /// Facts for abuse monitoring.
    pub watched: Watched,
    /// The data subject that the call names, for the subject index.
    pub subject: NamedSubject,
    /// The name of the engine that answers, if it is another program.
    pub engine: Option<String>,
    /// The deployment that could not take the call, if another one does.
    pub spilled: Option<Spilled>,
    /// How the call ended.
    pub outcome: Outcome,
    /// The future record and receipt, once the caller is known.
    pub exchange: Option<Box<Exchange>>,
    /// Whether all other calls come first: a line of a batch.
    pub behind: bool,
    /// Whether no client waits for the call: work in the background.
    detached: bool,
    /// Status and code of the error that the client gets.
    error: Option<(StatusCode, &'static str)>,
    /// The line of a batch that the call answers.
    line: Option<SealedLine>,
    /// The objects that the call wrote; they are committed with its receipt.
    wrote: Vec<Draft>,
    /// The objects that the call destroyed.
    destroyed: Vec<Written>,
    /// Work that begins once the call is recorded.
    then: Option<Then>,
    /// The compact receipt, once the call is recorded.
    signed: Arc<OnceLock<HeaderValue>>,
    client_id: Option<HeaderValue>,
    metrics: Arc<Metrics>,
}

/// A call that another deployment takes than the one that was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spilled {
    /// The name of the deployment that was called.
    pub from: String,
    /// The name of the deployment that takes the call.
    pub to: String,
    /// The status that the caller would have got.
    pub status: StatusCode,
}

/// Work that begins once a call is recorded.
struct Then(Box<dyn FnOnce() + Send + Sync>);

impl std::fmt::Debug for Then {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Then(..)")
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client disconnected before an answer.
    Unanswered,
    /// The answer was complete, with this status.
    Answered(StatusCode),
    /// A stream began well and was cut short: by the client, or by an error that was sent to it.
    Cut,
}

impl Call {
    /// Begins a call.
    #[must_use]
    pub(crate) fn begin(headers: &HeaderMap, metrics: Arc<Metrics>) -> Self {
        Self {
            id: request_id(),
            started: Instant::now(),
            route: "",
            key: None,
            arrival: Arrival::Unknown,
            resource: None,
            region: None,
            deployment: None,
            model: None,
            balance: None,
            usage: Usage::default(),
            no_effect: Named::default(),
            processing: None,
            screening: Screening::default(),
            personal: personal::Record::default(),
            watched: Watched::default(),
            subject: NamedSubject::default(),
            engine: None,
            spilled: None,
            outcome: Outcome::Unanswered,
            exchange: None,
            behind: false,
            detached: false,
            error: None,
            line: None,
            wrote: Vec::new(),
            destroyed: Vec::new(),
            then: None,
            signed: Arc::default(),
            client_id: headers.get(CLIENT_REQUEST_ID).filter(|id| echoable(id)).cloned(),
            metrics,
        }
    }

    /// Adds the headers that every answer of the API has, and those that depend on this call.
    pub(crate) fn headers(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::try_from(self.id.to_string()) {
            headers.insert("apim-request-id", id.clone());
            headers.insert("x-request-id", id);
        }
        if self.exchange.is_some()
            && let Ok(path) = HeaderValue::try_from(format!("{RECEIPTS}{}", self.id))
        {
            headers.insert("x-bailiwick-receipt", path);
        }
        if let Some(fields) = self.no_effect.header()
            && let Ok(fields) = HeaderValue::try_from(fields)
        {
            headers.insert("x-bailiwick-no-effect", fields);
        }
        if let Some(id) = &self.client_id {
            headers.insert(CLIENT_REQUEST_ID, id.clone());
        }
        if let Some(Spilled { from, to, status }) = &self.spilled {
            for (name, text) in [
                ("x-ms-spillover-from-deployment", from.as_str()),
                ("x-ms-deployment-name", to.as_str()),
                ("x-ms-spillover-error", status.as_str()),
            ] {
                if let Ok(text) = HeaderValue::try_from(text) {
                    headers.insert(name, text);
                }
            }
        }
        if let Some(region) = &self.region {
            headers.insert("x-ms-region", region.clone());
        }
        if let Some(balance) = &self.balance {
            rate_limits(headers, balance);
        }
    }
}

impl Call {
    /// Adds the compact receipt of a call that is recorded.
    pub(crate) fn signed_receipt(&self, headers: &mut HeaderMap) {
        if let Some(signed) = self.signed.get() {
            headers.insert(SIGNED_RECEIPT, signed.clone());
        }
    }

    /// Returns the place of the compact receipt: it is there once the call is recorded.
    pub(crate) fn signed(&self) -> Arc<OnceLock<HeaderValue>> {
        Arc::clone(&self.signed)
    }

    /// Notes the caller's statement about its end user: for abuse monitoring, and for the subject
    /// index.
    pub(crate) fn labelled(&mut self, labels: &CallerLabels, watched: Watched) {
        self.subject.of_body(labels);
        self.watched = watched;
    }

    /// Waits until the customer withdraws its key; forever if it holds none.
    pub(crate) async fn key_withdrawn(&self) {
        match &self.key {
            Some(key) => key.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Notes the engine that began to answer, and the time that it took.
    pub(crate) fn began(&mut self, engine: String, waited: Duration) {
        self.metrics.began(&engine, waited);
        self.engine = Some(engine);
    }

    /// Notes the error that the client gets: in place of an answer, or at the end of a stream that began
    /// well. The last one counts.
    pub(crate) fn fails(&mut self, answer: &Answer) {
        self.error = Some((answer.status, answer.body.error.code));
    }

    /// Hands over an object that this call wrote. It is committed in one transaction with the receipt,
    /// which names it, before the last byte of the answer goes out. A call that is refused, fails or is
    /// cut short writes nothing.
    pub(crate) fn writes(&mut self, draft: Draft) {
        self.wrote.push(draft);
    }

    /// Hands over the result of a batch's line. It is committed in one transaction with the receipt,
    /// however the line ended.
    pub(crate) fn line(&mut self, line: SealedLine) {
        self.line = Some(line);
    }

    /// Notes the batch that this call answers a line of, for its receipt.
    pub(crate) fn writes_into(&mut self, batch: &Object) {
        self.destroyed.push(Written {
            object: batch.facts.object,
            class: batch.facts.class,
            destroyed: false,
            until_ms: batch.expires_ms,
        });
    }

    /// Notes an object that this call destroyed, for its receipt.
    pub(crate) fn destroyed(&mut self, object: &Object) {
        self.destroyed.push(Written {
            object: object.facts.object,
            class: object.facts.class,
            destroyed: true,
            until_ms: None,
        });
    }

    /// Begins the call of work that goes on after this one: another call, with a record and a receipt
    /// of its own.
    #[must_use]
    pub(crate) fn follow_up(&self) -> Self {
        let mut call = Self::begin(&HeaderMap::new(), Arc::clone(&self.metrics));
        (call.route, call.arrival, call.resource) = (self.route, self.arrival, self.resource);
        call.subject = self.subject.clone();
        call.detached = true;
        call
    }

    /// Does something once this call is recorded as answered: its output is there then.
    pub(crate) fn then(&mut self, work: impl FnOnce() + Send + Sync + 'static) {
        self.then = Some(Then(Box::new(work)));
    }

    /// Notes bytes that go to the client.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        if let Some(exchange) = &mut self.exchange {
            exchange.sent(bytes);
        }
    }

    /// Records how the call ended, before its last byte goes out.
    ///
    /// # Errors
    /// [`ApiError::NotRecorded`] if the end cannot be recorded; the call must then not be answered.
    pub(crate) async fn record(
        &mut self,
        status: StatusCode,
        outcome: receipt::Outcome,
    ) -> Result<(), ApiError> {
        let Some(exchange) = self.exchange.take() else { return Ok(()) };
        let no_effect = std::mem::take(&mut self.no_effect);
        let (deployment, usage) = (self.deployment, self.usage);
        let processing = self.processing.take();
        let screening = std::mem::take(&mut self.screening);
        let personal = self.personal.clone();
        let watched = std::mem::take(&mut self.watched);
        let subject = std::mem::take(&mut self.subject);
        let (wrote, destroyed) = self.objects(outcome);
        let end = End {
            status,
            outcome,
            deployment,
            usage,
            no_effect,
            processing,
            screening,
            personal,
            watched,
            subject,
            wrote,
            destroyed,
            line: self.line.take(),
        };
        let recorded = match exchange.end(end).await {
            Ok(recorded) => recorded,
            Err(error) => {
                tracing::error!(request = %self.id, %error, "no answer: the call cannot be recorded");
                self.fails(&ApiError::NotRecorded.answer());
                return Err(ApiError::NotRecorded);
            }
        };
        let compact = URL_SAFE_NO_PAD.encode(recorded.compact_receipt().encode());
        if let Ok(value) = HeaderValue::try_from(compact) {
            // A call is recorded once.
            let _ = self.signed.set(value);
        }
        if let Some(Then(work)) = self.then.take()
            && outcome == receipt::Outcome::Answered
        {
            work();
        }
        Ok(())
    }

    /// Returns the error that the call counts as, and the resource that it counts for. `None` if it ended
    /// well, or if no resource has it: a call with a wrong key.
    ///
    /// Lines of batches count for no resource: no client waits for them, they are tried again, and the
    /// batch's own files have their codes. Work in the background counts by its error; it has no client
    /// that could hang up.
    fn counted_error(&self) -> Option<(ResourceId, Kind)> {
        let resource = self.resource.filter(|_| !self.behind)?;
        let (status, code) = match (self.error, self.outcome) {
            (Some(error), _) => error,
            (None, Outcome::Unanswered | Outcome::Cut) if !self.detached => (HUNG_UP, HUNG_UP_CODE),
            (None, _) => return None,
        };
        Some((resource, Kind { deployment: self.deployment, status: status.as_u16(), code }))
    }

    /// Returns the objects of a call that ends: its output counts only if it was answered.
    fn objects(&mut self, outcome: receipt::Outcome) -> (Vec<Draft>, Vec<Written>) {
        let (mut wrote, destroyed) =
            (std::mem::take(&mut self.wrote), std::mem::take(&mut self.destroyed));
        if outcome != receipt::Outcome::Answered {
            wrote.clear();
        }
        (wrote, destroyed)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A line of a batch that did not end runs again; until then, nothing of it is recorded.
        if let Some(exchange) = self.exchange.take().filter(|_| !self.behind) {
            let (deployment, usage) = (self.deployment, self.usage);
            // The client of a cut stream got status 200; otherwise it got no status.
            let status = match self.outcome {
                Outcome::Cut | Outcome::Answered(_) => StatusCode::OK,
                Outcome::Unanswered => HUNG_UP,
            };
            let outcome = receipt::Outcome::HungUp;
            let no_effect = std::mem::take(&mut self.no_effect);
            let processing = self.processing.take();
            let screening = std::mem::take(&mut self.screening);
            let personal = self.personal.clone();
            let watched = std::mem::take(&mut self.watched);
            let subject = std::mem::take(&mut self.subject);
            let (wrote, destroyed) = self.objects(outcome);
            let end = End {
                status,
                outcome,
                deployment,
                usage,
                no_effect,
                processing,
                screening,
                personal,
                watched,
                subject,
                wrote,
                destroyed,
                // A line without an end has no result.
                line: None,
            };
            exchange.hung_up(end);
        }
        let elapsed = self.started.elapsed();
        let status = match self.outcome {
            Outcome::Unanswered | Outcome::Cut => HUNG_UP.as_u16(),
            Outcome::Answered(status) => status.as_u16(),
        };
        let engine = self.engine.as_deref();
        if let Some(mode) = self.personal.mode() {
            self.metrics.personal(self.personal.found(), mode);
        }
        self.metrics.call(self.route, status, self.deployment, engine, &self.usage, elapsed);
        if let Some((resource, kind)) = self.counted_error() {
            self.metrics.errors().count(resource, kind, clock::now_ms());
        }
        self.metrics.telemetry().called(&Called {
            request: self.id,
            route: self.route,
            model: self.model.as_deref(),
            status,
            usage: &self.usage,
            elapsed,
        });
        tracing::info!(
            request = %self.id,
            route = self.route,
            resource = self.resource.map(tracing::field::display),
            deployment = self.deployment.map(tracing::field::display),
            status,
            ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            prompt_tokens = self.usage.prompt_tokens,
            completion_tokens = self.usage.completion_tokens,
            "call"
        );
    }
}

/// nginx's status code for a client that did not wait. It is recorded, but never sent.
const HUNG_UP: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::REQUEST_TIMEOUT,
};

/// The code of such a call in the counts of errors. No answer has it.
const HUNG_UP_CODE: &str = "ClientClosedRequest";

/// The path of receipts, before a request's id.
const RECEIPTS: &str = "/openai/v1/receipts/";

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// Whether an id is printable ASCII of a bounded length; other ids are not sent back.
fn echoable(id: &HeaderValue) -> bool {
    (1..=limits::CLIENT_REQUEST_ID_MAX).contains(&id.len())
        && id.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn rate_limits(headers: &mut HeaderMap, balance: &Balance) {
    let reset = balance.reset_ms.div_ceil(1000);
    let limits = balance.limits;
    for (name, number) in [
        ("x-ratelimit-limit-requests", u64::from(limits.requests_per_minute)),
        ("x-ratelimit-remaining-requests", u64::from(balance.remaining_requests)),
        ("x-ratelimit-reset-requests", reset),
        ("x-ratelimit-limit-tokens", u64::from(limits.tokens_per_minute)),
        ("x-ratelimit-remaining-tokens", u64::from(balance.remaining_tokens)),
        ("x-ratelimit-reset-tokens", reset),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}

/// Adds the two headers in which clients look for the retry delay.
pub(crate) fn retry(headers: &mut HeaderMap, retry: Retry) {
    match retry {
        Retry::Unsaid => {}
        Retry::AfterMs(ms) => {
            headers.insert("retry-after-ms", HeaderValue::from(ms));
            headers.insert("retry-after", HeaderValue::from(ms.div_ceil(1000)));
        }
        Retry::Never => {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::meter::RateLimits;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::fleet::Fleet;

    fn call(given: &[(&'static str, &[u8])]) -> Call {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.insert(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let fleet = Fleet::new(&crate::config::Config::default(), TaskTracker::new());
        Call::begin(&headers, Arc::new(Metrics::new(fleet)))
    }

    fn headers_of(call: &Call) -> HeaderMap {
        let mut headers = HeaderMap::new();
        call.headers(&mut headers);
        headers
    }

    #[test]
    fn every_answer_says_which_call_it_was() {
        let mut call = call(&[("x-ms-client-request-id", b"abc-1")]);
        let headers = headers_of(&call);
        assert_eq!(headers["x-request-id"], call.id.to_string());
        assert_eq!(headers["apim-request-id"], call.id.to_string());
        assert_eq!(headers["x-ms-client-request-id"], "abc-1");
        assert!(!headers.contains_key("x-ms-region"));
        call.balance = Some(Balance {
            limits: RateLimits { tokens_per_minute: 100, requests_per_minute: 6 },
            remaining_tokens: 40,
            remaining_requests: 5,
            reset_ms: 1_001,
        });
        let headers = headers_of(&call);
        assert_eq!(headers["x-ratelimit-limit-tokens"], "100");
        assert_eq!(headers["x-ratelimit-remaining-requests"], "5");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "2");
    }

    #[test]
    fn only_harmless_client_ids_are_echoed() {
        let long = [b'a'; 129];
        for bad in [&b""[..], b"caf\xc3\xa9", b"tab\there", &long] {
            let call = call(&[("x-ms-client-request-id", bad)]);
            assert!(!headers_of(&call).contains_key("x-ms-client-request-id"), "{bad:?}");
        }
    }

    /// Ends a call of a resource as `end` says, and returns the status and code that it counts as.
    fn counts_as(end: impl FnOnce(&mut Call)) -> Option<(u16, &'static str)> {
        let mut call = call(&[]);
        let resource = ResourceId::from_random([1; 16]);
        call.resource = Some(resource);
        end(&mut call);
        let metrics = Arc::clone(&call.metrics);
        drop(call);
        let seen = metrics.errors().of(resource, clock::now_ms());
        seen.rows.first().map(|row| (row.kind.status, row.kind.code))
    }

    #[test]
    fn each_end_but_a_good_one_counts_as_an_error_of_the_resource() {
        let timeout = ApiError::RequestTimeout { limit_ms: 5 }.answer();
        let answered = Outcome::Answered(StatusCode::OK);
        assert_eq!(counts_as(|call| call.outcome = answered), None);
        // The client left before the answer, or within a stream.
        let hung_up = Some((499, "ClientClosedRequest"));
        assert_eq!(counts_as(|_| ()), hung_up);
        assert_eq!(counts_as(|call| call.outcome = Outcome::Cut), hung_up);
        // A refusal, and the end of a stream that began well: by the status that it would have had.
        for outcome in [Outcome::Answered(timeout.status), Outcome::Cut] {
            let end = |call: &mut Call| {
                call.fails(&timeout);
                call.outcome = outcome;
            };
            assert_eq!(counts_as(end), Some((408, "408")));
        }
    }

    #[test]
    fn calls_of_no_resource_and_lines_of_batches_are_not_counted() {
        let refusal = ApiError::Stopping.answer();
        let fail = |call: &mut Call| call.fails(&refusal);
        assert_eq!(counts_as(fail), Some((503, "503")));
        let of_none = |call: &mut Call| {
            fail(call);
            call.resource = None;
        };
        assert_eq!(counts_as(of_none), None);
        let line = |call: &mut Call| {
            fail(call);
            call.behind = true;
        };
        assert_eq!(counts_as(line), None);
    }

    /// A response in the background that its caller cancels is no error; one that fails is.
    #[test]
    fn work_in_the_background_counts_by_its_error_alone() {
        let quiet = |call: &mut Call| {
            // The call that began the work has its answer.
            call.outcome = Outcome::Answered(StatusCode::OK);
            *call = call.follow_up();
        };
        assert_eq!(counts_as(quiet), None);
        let fails = |call: &mut Call| {
            quiet(call);
            call.fails(&ApiError::Internal.answer());
        };
        assert_eq!(counts_as(fails), Some((500, "500")));
    }

    #[test]
    fn retries_are_told_in_both_ways_or_ruled_out() {
        let mut headers = HeaderMap::new();
        retry(&mut headers, Retry::AfterMs(1_500));
        assert_eq!(
            (&headers["retry-after-ms"], &headers["retry-after"]),
            (&"1500".parse().unwrap(), &"2".parse().unwrap())
        );
        let mut headers = HeaderMap::new();
        retry(&mut headers, Retry::Never);
        assert_eq!(headers["x-should-retry"], "false");
    }
}
