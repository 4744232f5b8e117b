//! One call, from its first byte to its last: what is known about it, the headers that follow from
//! that, and the one line that the log gets.
//!
//! The line and the metrics are written when the call is dropped, so that every exit has them:
//! success, refusal, an engine that broke, a client that hung up. They hold no content, no key, no
//! query and nothing else that a caller wrote.

use std::{sync::Arc, time::Instant};

use hyper::{
    HeaderMap, StatusCode,
    header::{HeaderName, HeaderValue},
};
use policy::{
    id::{DeploymentId, RequestId, ResourceId},
    meter::Balance,
    network::Arrival,
};

use tlog::receipt;

use crate::{
    clock,
    exchange::{End, Exchange},
    limits,
    metrics::Metrics,
    openai::{
        error::{ApiError, Retry},
        usage::Usage,
    },
};

/// One call.
#[derive(Debug)]
pub struct Call {
    /// Its id, as `x-request-id` carries it.
    pub id: RequestId,
    /// When its head had arrived.
    pub started: Instant,
    /// The path's template; empty for paths that do not exist.
    pub route: &'static str,
    /// From which network it comes.
    pub arrival: Arrival,
    /// The resource that was called, once the key is checked.
    pub resource: Option<ResourceId>,
    /// That resource's region.
    pub region: Option<HeaderValue>,
    /// The deployment that runs, once it is found.
    pub deployment: Option<DeploymentId>,
    /// What is left of the deployment's minute.
    pub balance: Option<Balance>,
    /// The tokens used so far.
    pub usage: Usage,
    /// Whether the answer was told to the client to its end.
    pub outcome: Outcome,
    /// What becomes its record and receipt, once it is known who calls.
    pub exchange: Option<Box<Exchange>>,
    client_id: Option<HeaderValue>,
    metrics: Arc<Metrics>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was answered: the client hung up.
    Unanswered,
    /// Answered with this status.
    Answered(StatusCode),
    /// A stream that began well and was cut short: by the client, or by an error that it was told.
    Cut,
}

impl Call {
    /// Begins a call.
    #[must_use]
    pub fn begin(headers: &HeaderMap, metrics: Arc<Metrics>) -> Self {
        Self {
            id: request_id(),
            started: Instant::now(),
            route: "",
            arrival: Arrival::Unknown,
            resource: None,
            region: None,
            deployment: None,
            balance: None,
            usage: Usage::default(),
            outcome: Outcome::Unanswered,
            exchange: None,
            client_id: headers.get(CLIENT_REQUEST_ID).filter(|id| echoable(id)).cloned(),
            metrics,
        }
    }

    /// Puts the headers that every answer of the API has, and those that this call has earned.
    pub fn headers(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::try_from(self.id.to_string()) {
            headers.insert("apim-request-id", id.clone());
            headers.insert("x-request-id", id);
        }
        if self.exchange.is_some()
            && let Ok(path) = HeaderValue::try_from(format!("{RECEIPTS}{}", self.id))
        {
            headers.insert("x-bailiwick-receipt", path);
        }
        if let Some(id) = &self.client_id {
            headers.insert(CLIENT_REQUEST_ID, id.clone());
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
    /// Notes bytes that go to the client.
    pub fn sent(&mut self, bytes: &[u8]) {
        if let Some(exchange) = &mut self.exchange {
            exchange.sent(bytes);
        }
    }

    /// Records how the call ended, before its last byte goes out.
    ///
    /// # Errors
    /// When it cannot be recorded: then it must not be answered.
    pub async fn record(
        &mut self,
        status: StatusCode,
        outcome: receipt::Outcome,
    ) -> Result<(), ApiError> {
        let Some(exchange) = self.exchange.take() else { return Ok(()) };
        let end = End { status, outcome, deployment: self.deployment, usage: self.usage };
        exchange.end(end).await.map_err(|error| {
            tracing::error!(request = %self.id, %error, "a request is not answered");
            ApiError::NotRecorded
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            let (deployment, usage) = (self.deployment, self.usage);
            // Of a stream that was cut, the client was told 200; otherwise it was told nothing.
            let status = match self.outcome {
                Outcome::Cut | Outcome::Answered(_) => StatusCode::OK,
                Outcome::Unanswered => HUNG_UP,
            };
            let outcome = receipt::Outcome::HungUp;
            exchange.hung_up(End { status, outcome, deployment, usage });
        }
        let elapsed = self.started.elapsed();
        let status = match self.outcome {
            Outcome::Unanswered | Outcome::Cut => HUNG_UP.as_u16(),
            Outcome::Answered(status) => status.as_u16(),
        };
        self.metrics.call(self.route, status, self.deployment, &self.usage, elapsed);
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

/// nginx's number for a client that did not wait. No client is ever told it.
const HUNG_UP: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::REQUEST_TIMEOUT,
};

/// Where receipts are: the path before a request's id.
const RECEIPTS: &str = "/openai/v1/receipts/";

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// Printable ASCII of a bounded length; anything else is not sent back.
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

/// Says when to try again, in the two ways that clients read.
pub fn retry(headers: &mut HeaderMap, retry: Retry) {
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

/// The id of a request that begins now.
pub fn request_id() -> RequestId {
    RequestId::at(clock::read().wall_ms, random())
}

/// Random bytes; where the system has none, the process cannot go on safely.
#[expect(clippy::expect_used, reason = "ids and seeds must not repeat")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // INVARIANT: Linux gives random bytes once it has booted.
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use policy::meter::Limits;
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

    fn told(call: &Call) -> HeaderMap {
        let mut headers = HeaderMap::new();
        call.headers(&mut headers);
        headers
    }

    #[test]
    fn every_answer_says_which_call_it_was() {
        let mut call = call(&[("x-ms-client-request-id", b"abc-1")]);
        let headers = told(&call);
        assert_eq!(headers["x-request-id"], call.id.to_string());
        assert_eq!(headers["apim-request-id"], call.id.to_string());
        assert_eq!(headers["x-ms-client-request-id"], "abc-1");
        assert!(!headers.contains_key("x-ms-region"));
        call.balance = Some(Balance {
            limits: Limits { tokens_per_minute: 100, requests_per_minute: 6 },
            remaining_tokens: 40,
            remaining_requests: 5,
            reset_ms: 1_001,
        });
        let headers = told(&call);
        assert_eq!(headers["x-ratelimit-limit-tokens"], "100");
        assert_eq!(headers["x-ratelimit-remaining-requests"], "5");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "2");
    }

    #[test]
    fn only_harmless_client_ids_are_echoed() {
        let long = [b'a'; 129];
        for bad in [&b""[..], b"caf\xc3\xa9", b"tab\there", &long] {
            let call = call(&[("x-ms-client-request-id", bad)]);
            assert!(!told(&call).contains_key("x-ms-client-request-id"), "{bad:?}");
        }
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
