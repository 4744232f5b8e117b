//! Receipts: `GET /openai/v1/receipts/{request_id}`, for the resource's own callers.

use bytes::Bytes;
use hyper::{HeaderMap, header::ACCEPT};
use policy::{
    id::RequestId,
    permit::{Permit, ReadReceipt},
};
use serde::Serialize;
use store::ledger::OwnReceipt;
use tlog::receipt::{Claims, VOUCHERS};
use utoipa::ToSchema;

use super::error::ApiError;
use crate::gateway::{Gateway, Reply};

/// The media type of a receipt's bytes: RFC 9052 §2.
pub const COSE: &str = "application/cose; cose-type=\"cose-sign1\"";

/// A receipt, for people and programs that do not read COSE. Only the COSE form proves anything.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Always `receipt`.
    object: &'static str,
    /// The request.
    request: String,
    /// Opaque ids of whose request it was.
    tenant: String,
    /// The resource that was called.
    resource: String,
    /// The deployment that ran.
    deployment: Option<String>,
    /// Where it was processed.
    region_processed: String,
    /// Where what is kept of it is kept.
    region_stored: String,
    /// What ran the model.
    engine: String,
    /// SHA-256 of the model's file.
    model_sha256: Option<String>,
    /// SHA-256 of the program's file.
    binary_sha256: String,
    /// SHA-256 of the configuration.
    configuration_sha256: String,
    /// The policies that decided who may do what; none: the receipt is of a version that did not
    /// tell.
    policies: Option<PoliciesView>,
    /// SHA-256 of the request's body.
    request_sha256: String,
    /// SHA-256 of the response's body.
    response_sha256: String,
    /// When it began: milliseconds since 1970.
    started_ms: u64,
    /// When it was complete.
    finished_ms: u64,
    /// The HTTP status.
    status: u16,
    /// How it ended.
    outcome: &'static str,
    /// Tokens of the prompt.
    prompt_tokens: u64,
    /// Tokens generated.
    completion_tokens: u64,
    /// What filters did.
    filter: &'static str,
    /// What is kept.
    retention: RetentionView,
    /// Its place in the log.
    log_index: u64,
    /// Who stands behind which claim.
    vouchers: Vec<VoucherView>,
}

/// The policies that decided who may do what.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoliciesView {
    /// SHA-256 of schema, policies and specifications.
    sha256: String,
    /// Whether a solver had proved that they keep the promises.
    proved: bool,
}

/// What is kept of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// `stored` or `none`.
    class: &'static str,
    /// Days agreed on.
    days: u8,
    /// When it is unrecoverable: milliseconds since 1970.
    deadline_ms: Option<u64>,
    /// The key that is destroyed then.
    key: Option<String>,
}

/// Who stands behind a claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoucherView {
    /// What is claimed.
    claim: &'static str,
    /// Who says so.
    by: &'static str,
}

/// Answers a request for a receipt: COSE, or JSON where `Accept` asks for it.
///
/// # Errors
/// When the caller's resource had no such request, or the log cannot be published.
pub(crate) async fn answer(
    gateway: &Gateway,
    permit: Permit<ReadReceipt>,
    headers: &HeaderMap,
    request: &str,
) -> Result<Reply, ApiError> {
    let request: RequestId = request.parse().map_err(|_| ApiError::ReceiptNotFound)?;
    let (ledger, resource) = (gateway.ledger.clone(), permit.spend().resource);
    let found = tokio::task::spawn_blocking(move || ledger.receipt(resource, request)).await;
    let found = found.map_err(|_| ApiError::Internal)?.map_err(|error| {
        tracing::error!(%error, help = error.help(), "a receipt cannot be made");
        ApiError::LogUnavailable
    })?;
    let own = found.ok_or(ApiError::ReceiptNotFound)?;
    let json = headers.get(ACCEPT).is_some_and(|accept| {
        accept.to_str().is_ok_and(|accept| accept.contains("application/json"))
    });
    if json {
        let view = serde_json::to_vec(&view(&own)).map_err(|_| ApiError::Internal)?;
        return Ok(Reply::Json(view.into()));
    }
    Ok(Reply::Bytes(COSE, Bytes::from(own.receipt.encode())))
}

fn view(own: &OwnReceipt) -> ReceiptView {
    let Claims { terms, facts } = &own.claims;
    let stored = facts.stored.as_ref();
    ReceiptView {
        object: "receipt",
        request: facts.request.to_string(),
        tenant: terms.tenant.to_string(),
        resource: terms.resource.to_string(),
        deployment: terms.deployment.map(|id| id.to_string()),
        region_processed: terms.region_processed.clone(),
        region_stored: terms.region_stored.clone(),
        engine: terms.engine.clone(),
        model_sha256: terms.model.map(|digest| digest.to_string()),
        binary_sha256: terms.binary.to_string(),
        configuration_sha256: terms.configuration.to_string(),
        policies: terms.policies.map(|policies| PoliciesView {
            sha256: policies.digest.to_string(),
            proved: policies.proved,
        }),
        request_sha256: facts.request_sha256.to_string(),
        response_sha256: facts.response_sha256.to_string(),
        started_ms: facts.started_ms,
        finished_ms: facts.finished_ms,
        status: facts.status,
        outcome: facts.outcome.name(),
        prompt_tokens: facts.prompt_tokens,
        completion_tokens: facts.completion_tokens,
        filter: "none",
        retention: RetentionView {
            class: if stored.is_some() { "stored" } else { "none" },
            days: terms.retention_days,
            deadline_ms: stored.map(|stored| stored.deadline_ms),
            key: stored.map(|stored| stored.key.to_string()),
        },
        log_index: own.receipt.proof.index,
        vouchers: VOUCHERS
            .iter()
            .map(|(claim, voucher)| VoucherView { claim, by: voucher.name() })
            .collect(),
    }
}
