//! Receipts: `GET /openai/v1/receipts/{request_id}`, for callers of the same resource.

use bytes::Bytes;
use hyper::{HeaderMap, header::ACCEPT};
use policy::{
    id::RequestId,
    object::Class,
    permit::{Permit, ReadReceipt},
};
use serde::Serialize;
use store::ledger::{Ledger, OwnReceipt};
use tlog::receipt::{Attempt, Claims, Ran, Severity, VOUCHERS, Written};
use utoipa::ToSchema;

use super::{error::ApiError, reply::Reply};

/// The media type of a receipt's bytes (RFC 9052 §2).
pub(crate) const COSE: &str = "application/cose; cose-type=\"cose-sign1\"";

/// A receipt as JSON, for people and programs that do not read COSE. Only the COSE form is proof.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptView {
    /// Always `receipt`.
    object: &'static str,
    /// Id of the request.
    request: String,
    /// Opaque id of the tenant that sent the request.
    tenant: String,
    /// Opaque id of the called resource.
    resource: String,
    /// Opaque id of the deployment.
    deployment: Option<String>,
    /// Region in which the request was processed.
    region_processed: String,
    /// Region in which the stored data of the request is.
    region_stored: String,
    /// Name of the engine that ran the model.
    engine: String,
    /// Place of processing, and the allowed places; null if no engine got the request, and in
    /// receipts of older versions without this field.
    ran: Option<RanView>,
    /// Engines that were tried before, and did not answer.
    attempts: Vec<AttemptView>,
    /// SHA-256 of the model's file.
    model_sha256: Option<String>,
    /// The adapter of a fine-tuned model, whose base model's file is `model_sha256`.
    adapter: Option<AdapterView>,
    /// SHA-256 of the program's file.
    binary_sha256: String,
    /// SHA-256 of the configuration.
    configuration_sha256: String,
    /// The active authorization policies; null in receipts of older versions without this field.
    policies: Option<PoliciesView>,
    /// The customer's root and lockbox; null if the customer has no root.
    customer: Option<CustomerView>,
    /// SHA-256 of the request's body.
    request_sha256: String,
    /// SHA-256 of the response's body.
    response_sha256: String,
    /// Start of the request: milliseconds since 1970.
    started_ms: u64,
    /// End of the request: milliseconds since 1970.
    finished_ms: u64,
    /// The HTTP status.
    status: u16,
    /// Outcome of the request.
    outcome: &'static str,
    /// Number of prompt tokens.
    prompt_tokens: u64,
    /// Number of generated tokens.
    completion_tokens: u64,
    /// Fields of the request that had no effect.
    no_effect: Vec<String>,
    /// `content_filter` if a content filter applied; `none` for a request that ended before its
    /// deployment's filter was known, and in receipts of older versions without a filter.
    filter: &'static str,
    /// The content filter that applied, and its findings.
    content_filter: Option<ReceiptFilterView>,
    /// Treatment of personal data; null for a request that stayed inside the service's boundary and
    /// whose resource asks for nothing, and in receipts of older versions.
    personal_data: Option<PersonalDataView>,
    /// Objects that the request asked the service to keep, or had destroyed.
    objects: Vec<WrittenView>,
    /// Retention of the request's content.
    retention: RetentionView,
    /// Index of the receipt's entry in the log.
    log_index: u64,
    /// The party that vouches for each claim.
    vouchers: Vec<VoucherView>,
}

/// The place in which a request was processed, and the allowed places.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RanView {
    /// `embedded`, `openai` or `azure`.
    kind: &'static str,
    /// Processor that operates the engine; null for the operator of the service.
    processor: Option<String>,
    /// Country of the processor's seat: ISO 3166-1, two letters.
    country: Option<String>,
    /// Origin that was dialed; null for the embedded engine.
    destination: Option<String>,
    /// The engine's own name for the model; null for the embedded engine.
    model: Option<String>,
    /// SKU of the deployment.
    sku: String,
    /// Regions that the SKU allowed.
    allowed_regions: Vec<String>,
    /// Processors that the resource's owner allowed.
    allowed_processors: Vec<String>,
}

impl RanView {
    fn of(ran: &Ran) -> Self {
        Self {
            kind: ran.kind.name(),
            processor: ran.processor.clone(),
            country: ran.country.clone(),
            destination: ran.destination.clone(),
            model: ran.model.clone(),
            sku: ran.sku.clone(),
            allowed_regions: ran.regions.iter().cloned().collect(),
            allowed_processors: ran.processors.iter().cloned().collect(),
        }
    }
}

/// An engine that was tried before, and did not answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// Name of the engine.
    engine: String,
    /// Region of the engine.
    region: String,
    /// Processor that operates the engine; null for the operator of the service.
    processor: Option<String>,
    /// Reason why it did not answer.
    failure: &'static str,
}

impl AttemptView {
    fn of(attempt: &Attempt) -> Self {
        Self {
            engine: attempt.engine.clone(),
            region: attempt.region.clone(),
            processor: attempt.processor.clone(),
            failure: attempt.failure.name(),
        }
    }
}

/// The content filter that applied to a request, and its findings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptFilterView {
    /// Name of the filter.
    name: String,
    /// SHA-256 of the filter and of the lists that it names.
    policy_sha256: String,
    /// Detectors that looked, also if they found nothing.
    detectors: Vec<ReceiptDetectorView>,
    /// How far the prompt was checked: `nothing_to_check`, `filtered`, `filtered_later` (in part
    /// after it had gone on) or `not_filtered` (not all of it).
    prompt: &'static str,
    /// How far the completion was checked.
    completion: &'static str,
    /// Findings above `safe`.
    findings: Vec<ReceiptFindingView>,
}

/// A detector of the content filter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptDetectorView {
    /// Kind of the detector: `blocklist`, `lexicon`, `ngrams`, `encoder` or `guard_model`.
    layer: String,
    /// SHA-256 of the data that it decides with.
    sha256: String,
}

/// Finding of the content filter in one category on one side of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptFindingView {
    /// `prompt` or `completion`.
    side: &'static str,
    /// Category, as in the answers' `content_filter_results`.
    category: &'static str,
    /// `low`, `medium` or `high`; null for categories without severities.
    severity: Option<&'static str>,
    /// Whether a text was blocked because of it.
    filtered: bool,
}

impl ReceiptFilterView {
    fn of(claims: &Claims) -> Option<Self> {
        let filter = claims.terms.content_filter.as_ref()?;
        let screened = claims.facts.screened.as_ref()?;
        let detectors = filter.detectors.iter().map(|one| ReceiptDetectorView {
            layer: one.layer.clone(),
            sha256: one.digest.to_string(),
        });
        let findings = screened.findings.iter().map(|one| ReceiptFindingView {
            side: one.side.name(),
            category: one.category.name(),
            severity: one.severity.map(Severity::name),
            filtered: one.filtered,
        });
        Some(Self {
            name: filter.name.clone(),
            policy_sha256: filter.policy.to_string(),
            detectors: detectors.collect(),
            prompt: screened.prompt.name(),
            completion: screened.completion.name(),
            findings: findings.collect(),
        })
    }
}

/// Treatment of the personal data of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonalDataView {
    /// `off`, `report`, `pseudonymise` or `block`: the strictest setting that applied.
    handling: &'static str,
    /// The processor whose setting decided; null for the resource's own setting.
    processor: Option<String>,
    /// Number of different values by kind.
    found: std::collections::BTreeMap<String, u64>,
    /// Placeholders of the answer that were replaced by their values.
    restored: u64,
    /// Texts of the answer that look like placeholders, and stand for no value.
    unsure: u64,
    /// Whether an image, a sound or tokens went on, which cannot be looked into.
    unseen: bool,
}

impl PersonalDataView {
    fn of(claims: &Claims) -> Option<Self> {
        let personal = claims.terms.personal.as_ref()?;
        let found = claims.facts.personal.as_ref()?;
        Some(Self {
            handling: personal.handling.name(),
            processor: personal.processor.clone(),
            found: found.kinds.iter().map(|one| (one.kind.clone(), one.values)).collect(),
            restored: found.restored,
            unsure: found.unsure,
            unseen: found.unseen,
        })
    }
}

/// The adapter of a fine-tuned model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AdapterView {
    /// SHA-256 of the adapter.
    sha256: String,
    /// The fine-tuning job that made it.
    job: String,
}

/// The active authorization policies.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PoliciesView {
    /// SHA-256 of schema, policies and specifications.
    sha256: String,
    /// Whether a solver has proved that the policies keep the promises.
    proved: bool,
}

/// A customer with a root: the keys that name its people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomerView {
    /// The fingerprint of the root.
    root: String,
    /// Whether the customer must consent to each access request.
    lockbox: bool,
}

/// An object that a request wrote or destroyed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WrittenView {
    /// Id of the object, as in the API.
    id: String,
    /// Class of the object, as in the inventory.
    class: &'static str,
    /// Whether the request destroyed the object, with its parts.
    destroyed: bool,
    /// Time from which the object is unrecoverable: milliseconds since 1970; null if it is kept until
    /// its owner deletes it.
    until_ms: Option<u64>,
}

impl WrittenView {
    fn of(written: &Written) -> Self {
        let Written { object, class, destroyed, until_ms } = *written;
        Self { id: class.id(object), class: class.name(), destroyed, until_ms }
    }
}

/// Retention of a request's content.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionView {
    /// `stored` or `none`.
    class: &'static str,
    /// Agreed days of retention.
    days: u8,
    /// Deadline after which the content is unrecoverable: milliseconds since 1970.
    deadline_ms: Option<u64>,
    /// Id of the key that is destroyed at the deadline.
    key: Option<String>,
}

/// The party that vouches for a claim.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VoucherView {
    /// The claim.
    claim: &'static str,
    /// The party that vouches for it.
    by: &'static str,
}

/// Answers a request for a receipt: as COSE, or as JSON if `Accept` names it.
///
/// # Errors
/// If the caller's resource has no such request, or the log cannot be published.
pub(crate) async fn answer(
    ledger: Ledger,
    permit: Permit<ReadReceipt>,
    headers: &HeaderMap,
    request: &str,
) -> Result<Reply, ApiError> {
    let request: RequestId = request.parse().map_err(|_| ApiError::ReceiptNotFound)?;
    let resource = permit.spend().resource;
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
        ran: terms.ran.as_ref().map(RanView::of),
        attempts: facts.attempts.iter().flatten().map(AttemptView::of).collect(),
        model_sha256: terms.model.map(|digest| digest.to_string()),
        adapter: terms.adapter.map(|adapter| AdapterView {
            sha256: adapter.digest.to_string(),
            job: Class::Job.id(adapter.job),
        }),
        binary_sha256: terms.binary.to_string(),
        configuration_sha256: terms.configuration.to_string(),
        customer: terms.customer.map(|customer| CustomerView {
            root: customer.root.to_string(),
            lockbox: customer.lockbox,
        }),
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
        no_effect: facts.no_effect.clone().unwrap_or_default(),
        filter: terms.filter.name(),
        content_filter: ReceiptFilterView::of(&own.claims),
        personal_data: PersonalDataView::of(&own.claims),
        objects: facts.objects.iter().flatten().map(WrittenView::of).collect(),
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
