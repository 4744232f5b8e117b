//! All errors of a call, and the only place that maps them to status, code, type and param.
//!
//! Messages that clients know are in OpenAI's and Azure's own words. No message holds content.

mod files;
mod personal;

use std::{collections::BTreeSet, time::Duration};

use audit::rfc3339;
use engine::request::Refusal;
use hyper::StatusCode;
use policy::{
    authz::Denied,
    guard::filter::Down,
    meter::{Balance, Exceeded, RateLimits},
    object::Class,
    principal::{Principal, Revoked},
    residency::Sku,
    workflow::penalty::{Blocked, Throttle},
};
use store::{
    custody::OBJECT_KEYS_PER_MINUTE_MAX,
    objects::{HEAD_BYTES_MAX, OBJECTS_MAX},
};
use upstream::{Failure, Why, body::Unfit};
use wire::{
    coding::NotRead,
    error::{Code, ErrorBody, ErrorDetail, Invalid},
    filter::FilterResults,
    operation::Operation,
    responses::body_field,
};

pub(crate) use self::files::FileRefusal;
use super::unserved::Unserved;
use crate::{
    coding,
    guard::{self, Stopped},
    limits,
    meters::Wanted,
};

/// The reason why a call does not get a regular answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// A field of the body is invalid.
    Invalid(Invalid),
    /// `api-version` is invalid.
    ApiVersion,
    /// No key, or one without access here. Also if `Host` names a resource that does not exist:
    /// callers must not find out names by trying them.
    Unauthorized,
    /// One of the resource's keys, but the resource accepts only tokens.
    KeysDisabled,
    /// A token that is invalid, or not for this resource. The operator's log has the reason.
    TokenRefused,
    /// A token of a tenant with several resources, without a host name that selects one.
    ResourceUnnamed,
    /// A token without the required role.
    PermissionDenied,
    /// The resource does not allow the caller's network.
    NetworkDenied,
    /// The resource answers only on the private listener.
    PublicAccessDisabled,
    /// The resource is blocked for abuse.
    Blocked {
        /// The resource's name.
        resource: String,
        /// End of the block: milliseconds since 1970.
        expires_ms: u64,
    },
    /// The keys of the token's issuer are not available.
    IssuerUnavailable,
    /// No such deployment for this caller.
    DeploymentNotFound {
        /// The caller's deployments, if the caller may list them.
        there: Vec<String>,
    },
    /// No such model for this caller.
    ModelNotFound,
    /// An uploaded file is refused.
    File(FileRefusal),
    /// No such path.
    RouteNotFound,
    /// A path of OpenAI's or Azure's API that this service does not support.
    NotServed(&'static Unserved),
    /// The path does not allow this method.
    MethodNotAllowed {
        /// The allowed methods.
        allow: &'static str,
    },
    /// The deployment's model is for another task.
    WrongTask {
        /// The requested operation.
        operation: Operation,
    },
    /// The received bytes are not HTTP.
    NotHttp,
    /// The request has no host, two hosts, or an invalid one.
    Host,
    /// The request gives its body's length in two ways.
    LengthTwice,
    /// The body has an unknown transfer coding.
    TransferCoding,
    /// The address or network has used its share of connections.
    ConnectionShare,
    /// All connections have requests in progress.
    ConnectionsFull,
    /// The resource has reached its limit of simultaneous request bodies.
    UploadsFull {
        /// Bodies allowed.
        limit: usize,
    },
    /// The request's URL is too long.
    UrlTooLong,
    /// The head took too long to arrive.
    HeadTimeout {
        /// Milliseconds allowed.
        limit_ms: u64,
    },
    /// The head ended early.
    HeadIncomplete,
    /// The client closed its sending side before the answer.
    HungUp,
    /// The body took too long to arrive.
    BodyTimeout {
        /// Milliseconds allowed.
        limit_ms: u64,
    },
    /// The whole request took too long.
    RequestTimeout {
        /// Milliseconds allowed.
        limit_ms: u64,
    },
    /// The body ended early.
    BodyIncomplete,
    /// The body is too long.
    BodyTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// The body is not declared as JSON.
    ContentType,
    /// The body cannot be decoded: see [`NotRead`].
    Undecoded(NotRead),
    /// Too many headers, or too long ones.
    HeadersTooLarge {
        /// Headers allowed.
        count: usize,
        /// Bytes allowed.
        bytes: usize,
    },
    /// The deployment's limit for this minute is used up, or too small for the request.
    RateLimited {
        /// The requested operation.
        operation: Operation,
        /// The exceeded limit.
        exceeded: Exceeded,
        /// The tokens and answers that the request needed.
        wanted: Wanted,
        /// The penalty that reduces the limit.
        throttle: Option<Throttle>,
        /// The resource's name.
        resource: String,
    },
    /// The engine did not run the request.
    Refused {
        /// The requested operation.
        operation: Operation,
        /// The engine's reason.
        refusal: Refusal,
    },
    /// The content filter blocks the prompt.
    ContentFiltered(FilterResults),
    /// A text could not be checked, and the deployment's filter lets nothing through unchecked.
    ContentFilterUnavailable(Down),
    /// The request may not go on because of personal data in it, or of a part that cannot be looked
    /// into.
    Personal(Box<policy::personal::Stopped>),
    /// The tokens of an answer would show placeholders, and the text the values.
    PersonalLogprobs,
    /// The rules of residency leave no engine for the request.
    NoEngine(NoEngine),
    /// An engine refused the request, or none answered.
    Unanswered {
        /// The requested operation.
        operation: Operation,
        /// The reason.
        why: Why,
    },
    /// The server is shutting down.
    Stopping,
    /// The caller's resource has no such request.
    ReceiptNotFound,
    /// There is no such object for this caller: it never was, was deleted, has expired, or belongs to
    /// another tenant or principal. All are answered alike.
    ObjectNotFound {
        /// The class of the object.
        class: Class,
    },
    /// The caller may know of the object, but only its owner may do this.
    NotTheOwner {
        /// The class of the object.
        class: Class,
    },
    /// The fine-tuned model of a deployment was deleted, or has expired.
    TunedModelGone,
    /// Another request changed the object in between.
    ObjectChanged {
        /// The class of the object.
        class: Class,
    },
    /// The resource is under zero retention and does not keep such objects.
    ZeroRetention {
        /// The field or the objects that ask for it, such as `store` or `files`.
        what: &'static str,
    },
    /// Nothing may be kept of the data subject that the request names.
    SubjectRestricted {
        /// The field or the objects that ask for it, such as `store` or `files`.
        what: &'static str,
    },
    /// The resource keeps as many objects as it may.
    ObjectsFull,
    /// The object's text is too long to be kept.
    ObjectTooLarge {
        /// The class of the object.
        class: Class,
    },
    /// The tenant opened too many objects in this minute.
    ObjectsBusy,
    /// The custodian, the database or the disk of kept objects cannot be used.
    ObjectsUnavailable,
    /// The customer withdrew its key.
    CustomerKeyWithdrawn,
    /// The principal in whose name work goes on may no longer act.
    Revoked(Revoked),
    /// The request could not be recorded, so it is not answered.
    NotRecorded,
    /// The log cannot be read or published.
    LogUnavailable,
    /// The store cannot be read.
    Store,
    /// The engine broke its protocol.
    Internal,
}

/// No engine may process a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoEngine {
    /// The deployment's SKU.
    pub sku: Sku,
    /// The regions that would fit.
    pub regions: BTreeSet<String>,
    /// The processors that have an engine in such a region, and that the resource's customer has
    /// not allowed.
    pub processors: BTreeSet<String>,
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Blocked(blocked) => Self::ContentFiltered(guard::findings(blocked.results())),
            Stopped::Unavailable(down) => Self::ContentFilterUnavailable(down.down().clone()),
        }
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<FileRefusal> for ApiError {
    fn from(refusal: FileRefusal) -> Self {
        Self::File(refusal)
    }
}

impl From<NotRead> for ApiError {
    fn from(error: NotRead) -> Self {
        match error {
            NotRead::TooLong { limit } => Self::BodyTooLarge { limit },
            error => Self::Undecoded(error),
        }
    }
}

impl ApiError {
    /// Returns the error for a denied caller. A key without access gets "does not exist"; a token of
    /// the right tenant gets the error for a missing role.
    pub(crate) fn denied(principal: &Principal, denied: &Denied) -> Self {
        match (principal, denied) {
            (Principal::Key(_), Denied::Hidden | Denied::Forbidden(_)) => {
                Self::DeploymentNotFound { there: Vec::new() }
            }
            (
                Principal::Person(_) | Principal::Workload(_),
                Denied::Hidden | Denied::Forbidden(_),
            ) => Self::PermissionDenied,
        }
    }

    /// Converts the engine's refusal of an operation to an error, and logs details for the operator.
    pub(super) fn refused(operation: Operation, refusal: Refusal) -> Self {
        if let Refusal::Engine { reason } = &refusal {
            tracing::error!(%reason, "the engine failed");
        }
        if matches!(refusal, Refusal::PromiseBroken) {
            tracing::error!(
                "a finished answer did not match the schema that it was promised to match"
            );
        }
        Self::Refused { operation, refusal }
    }

    /// Converts the reason why no engine answered to an error, and logs the cause for the operator.
    pub(super) fn unanswered(operation: Operation, why: Why) -> Self {
        if let Why::Failed(
            failure @ (Failure::Unauthorized { .. }
            | Failure::Missing
            | Failure::NotListed
            | Failure::NoToken(_)
            | Failure::Rejected { .. }
            | Failure::OtherModel
            | Failure::OtherRegion),
        ) = &why
        {
            tracing::error!(%failure, "an engine is configured wrongly, or does not keep to its API");
        }
        Self::Unanswered { operation, why }
    }

    /// Creates the error for a blocked resource.
    pub(crate) fn blocked(Blocked { expires_ms }: Blocked, resource: &str) -> Self {
        Self::Blocked { resource: resource.to_owned(), expires_ms }
    }
}

/// Status and body of an error, and when to retry.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: ErrorBody,
    /// Advice about a retry.
    pub retry: Retry,
}

/// Whether and when to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// No advice beyond the status.
    Unsaid,
    /// After this many milliseconds.
    AfterMs(u64),
    /// Never: the same request will get the same answer, although the status suggests otherwise.
    Never,
}

impl ApiError {
    /// Whether the client may still be sending its body, and would read the answer afterwards.
    #[must_use]
    pub(crate) fn leaves_body(&self) -> bool {
        !matches!(
            self,
            Self::BodyTimeout { .. }
                | Self::BodyIncomplete
                | Self::RequestTimeout { .. }
                | Self::File(FileRefusal::Idle { .. })
        )
    }

    /// Returns status, body and advice for this error. There is no catch-all arm: a new variant
    /// must choose.
    #[must_use]
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Invalid(wrong) => invalid(wrong.code.text(), wrong.param.clone(), &wrong.message),
            Self::File(refusal) => files::answer(refusal),
            Self::ApiVersion => invalid(
                "InvalidApiVersionParameter",
                Some("api-version".into()),
                "The api-version is not valid: use a date from 2023-05-15 on, as YYYY-MM-DD or \
                 YYYY-MM-DD-preview, or `v1`, `preview`, `latest`, or leave it out.",
            ),
            Self::Unauthorized => azure(StatusCode::UNAUTHORIZED, "401", UNAUTHORIZED),
            Self::KeysDisabled => azure(
                StatusCode::FORBIDDEN,
                "AuthenticationTypeDisabled",
                "Key based authentication is disabled for this resource.",
            ),
            Self::TokenRefused => azure(StatusCode::UNAUTHORIZED, "401", TOKEN_REFUSED),
            Self::ResourceUnnamed => azure(
                StatusCode::BAD_REQUEST,
                "ResourceUnnamed",
                "Your tenant has several resources, and a token does not select one: call \
                 the resource by its own host name.",
            ),
            Self::PermissionDenied => azure(
                StatusCode::FORBIDDEN,
                "PermissionDenied",
                "The principal lacks the required data action: the token does not carry a role \
                 that allows it.",
            ),
            Self::NetworkDenied => azure(
                StatusCode::FORBIDDEN,
                "403",
                "Access denied due to Virtual Network/Firewall rules. Call from a network that the \
                 resource allows, or ask its owner to allow yours.",
            ),
            Self::PublicAccessDisabled => azure(
                StatusCode::FORBIDDEN,
                "403",
                "Public access is disabled. Call the private endpoint of this service.",
            ),
            // Azure's own code is `Forbidden`, without details. The reviewer's reason is for the
            // resource's owner alone: other people may hold a key.
            Self::Blocked { resource, expires_ms } => azure(
                StatusCode::FORBIDDEN,
                "ResourceBlocked",
                &format!(
                    "Your resource has been temporarily blocked because of abusive use, until {}. \
                     A person made this decision: {}",
                    rfc3339(expires_ms / 1000),
                    appeal(resource)
                ),
            ),
            Self::IssuerUnavailable => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "The keys of the token's issuer cannot be fetched at the moment; the operator's \
                 log says why. Please retry.",
            )
            .retry(Retry::AfterMs(millis(limits::ISSUER_RETRY))),
            Self::RouteNotFound => azure(StatusCode::NOT_FOUND, "404", ROUTE_NOT_FOUND),
            Self::NotServed(Unserved { name, instead, .. }) => {
                let message = format!("{name}: not served here. {instead}");
                azure(StatusCode::NOT_FOUND, "404", &message)
            }
            Self::DeploymentNotFound { there } => {
                let message = deployment_not_found(there);
                azure(StatusCode::NOT_FOUND, "DeploymentNotFound", &message)
            }
            Self::ModelNotFound => openai(
                StatusCode::NOT_FOUND,
                "model_not_found",
                Some("model".into()),
                "The model does not exist or is not deployed in this resource; GET …/models lists \
                 those that are.",
            ),
            Self::MethodNotAllowed { allow } => azure(
                StatusCode::METHOD_NOT_ALLOWED,
                "405",
                &format!("Method not allowed; this path has {allow}"),
            ),
            Self::WrongTask { operation } => azure(
                StatusCode::BAD_REQUEST,
                "OperationNotSupported",
                &format!(
                    "The {} operation does not work with the model of this deployment. Please \
                     choose a different deployment and try again.",
                    operation.azure_name()
                ),
            ),
            Self::NotHttp => {
                azure(StatusCode::BAD_REQUEST, "400", "The received data is not an HTTP request")
            }
            Self::Host => azure(
                StatusCode::BAD_REQUEST,
                "400",
                "The request must name one valid host: send one `Host` header, with the host and \
                 the port that you call",
            ),
            Self::LengthTwice => azure(
                StatusCode::BAD_REQUEST,
                "400",
                "The request gives the length of its body in two ways: send either \
                 `Content-Length` or `Transfer-Encoding: chunked`",
            ),
            Self::TransferCoding => azure(
                StatusCode::NOT_IMPLEMENTED,
                "501",
                "The transfer coding of the body is not supported: send `Transfer-Encoding: \
                 chunked` or `Content-Length`",
            ),
            Self::ConnectionShare => azure(
                StatusCode::TOO_MANY_REQUESTS,
                "429",
                "Your address or network has used its share of connections \
                 (limits.connections_address_percent, connections_network_percent): close some, or \
                 send more requests over each",
            )
            .retry(Retry::AfterMs(millis(limits::CONNECTION_RETRY))),
            Self::ConnectionsFull => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "All connections are in use (limits.connections_max). Please retry.",
            )
            .retry(Retry::AfterMs(millis(limits::CONNECTION_RETRY))),
            Self::UploadsFull { limit } => azure(
                StatusCode::TOO_MANY_REQUESTS,
                "429",
                &format!(
                    "The resource is sending {limit} request bodies at once, which is its \
                     limit (limits.uploads_max). Please retry."
                ),
            )
            .retry(Retry::AfterMs(millis(limits::CONNECTION_RETRY))),
            Self::UrlTooLong => {
                azure(StatusCode::URI_TOO_LONG, "414", "The URL of the request is too long")
            }
            Self::HeadTimeout { limit_ms } => azure(
                StatusCode::REQUEST_TIMEOUT,
                "408",
                &format!(
                    "The request head did not arrive within {limit_ms} ms (limits.header_read_ms)"
                ),
            ),
            Self::HeadIncomplete => azure(
                StatusCode::BAD_REQUEST,
                "400",
                "The request head ended before it was complete",
            ),
            Self::HungUp => azure(
                StatusCode::BAD_REQUEST,
                "400",
                "The client closed its sending side before it was answered, which cancels the \
                 request: keep the connection open until the answer has arrived",
            ),
            Self::BodyTimeout { limit_ms } => azure(
                StatusCode::REQUEST_TIMEOUT,
                "408",
                &format!(
                    "The request body did not arrive within {limit_ms} ms (limits.body_read_ms)"
                ),
            ),
            // A retry would only repeat the same work.
            Self::RequestTimeout { limit_ms } => azure(
                StatusCode::REQUEST_TIMEOUT,
                "408",
                &format!(
                    "The request took longer than {limit_ms} ms (limits.request_ms); lower \
                     max_tokens or n, or stream and stop early."
                ),
            )
            .retry(Retry::Never),
            Self::BodyIncomplete => {
                invalid("incomplete_body", None, "The request body ended before it was complete.")
            }
            Self::BodyTooLarge { limit } => azure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "413",
                &format!(
                    "The request body is longer than {limit} bytes, as received or decoded \
                     (limits.body_bytes_max)"
                ),
            ),
            Self::ContentType => azure(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "415",
                "The request body must be JSON: send `Content-Type: application/json`",
            ),
            Self::Undecoded(error)
                if coding::status(error).0 == StatusCode::UNSUPPORTED_MEDIA_TYPE =>
            {
                azure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "415", &error.to_string())
            }
            Self::Undecoded(error) => invalid("invalid_content_encoding", None, &error.to_string()),
            Self::HeadersTooLarge { count, bytes } => azure(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "431",
                &format!(
                    "The request has more than {count} headers (limits.header_count_max) or more \
                     than {bytes} bytes of headers (limits.header_bytes_max)"
                ),
            ),
            Self::RateLimited { operation, exceeded, wanted, throttle, resource } => {
                rate_limited(*operation, exceeded, *wanted, penalty(*throttle, resource))
            }
            Self::Refused { operation, refusal } => refused(*operation, refusal),
            Self::ContentFiltered(results) => Answer {
                status: StatusCode::BAD_REQUEST,
                body: ErrorBody { error: ErrorDetail::prompt_filtered(results.clone()) },
                retry: Retry::Unsaid,
            },
            Self::ContentFilterUnavailable(down) => not_checked(down),
            Self::Personal(stopped) => personal::stopped(stopped),
            Self::PersonalLogprobs => personal::logprobs(),
            Self::NoEngine(none) => no_engine(none),
            Self::Unanswered { operation, why } => unanswered(*operation, why),
            Self::Stopping => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "The server is shutting down; please try again.",
            )
            .retry(Retry::AfterMs(1000)),
            Self::ReceiptNotFound => azure(
                StatusCode::NOT_FOUND,
                "ReceiptNotFound",
                "This resource has no request of this id; the id is in the header x-request-id of \
                 each response.",
            ),
            Self::ObjectNotFound { class } => openai(
                StatusCode::NOT_FOUND,
                "not_found",
                Some("id".into()),
                &format!("No {class} with this id exists for this caller."),
            ),
            Self::NotTheOwner { class } => azure(
                StatusCode::FORBIDDEN,
                "NotTheOwner",
                &format!(
                    "The {class} belongs to another principal of the resource: only its owner may change \
                     it, and only its owner or your data protection officer may delete it."
                ),
            ),
            Self::TunedModelGone => azure(
                StatusCode::NOT_FOUND,
                "ModelNotFound",
                "The fine-tuned model of this deployment was deleted or has expired: its key is \
                 destroyed. Delete the deployment, or create it again with another model.",
            ),
            Self::ObjectChanged { class } => azure(
                StatusCode::CONFLICT,
                "ObjectChanged",
                &format!("Another request changed the {class} in between. Please retry."),
            ),
            Self::ZeroRetention { what } => openai(
                StatusCode::BAD_REQUEST,
                "zero_data_retention",
                Some((*what).to_owned()),
                &format!(
                    "'{what}' is not available: the resource is under zero data retention, and its \
                     approval does not allow to keep this. {}",
                    way_out(what)
                ),
            ),
            Self::SubjectRestricted { what } => openai(
                StatusCode::BAD_REQUEST,
                "data_subject_restricted",
                Some((*what).to_owned()),
                &format!(
                    "'{what}' is not available for this end user: your data protection officer restricted \
                     the processing, so nothing is kept. {}",
                    if matches!(*what, "store" | "background" | "conversation") {
                        way_out(what)
                    } else {
                        "Leave the end user's lines or requests out."
                    }
                ),
            ),
            Self::ObjectsFull => azure(
                StatusCode::BAD_REQUEST,
                "ObjectsFull",
                &format!(
                    "The resource keeps {OBJECTS_MAX} objects, which is its limit. Delete some, or give \
                     them an end: GET /openai/v1/inventory lists them."
                ),
            ),
            Self::ObjectTooLarge { class } => azure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "413",
                &format!("The {class} is longer than {HEAD_BYTES_MAX} bytes, which is the limit."),
            ),
            Self::ObjectsBusy => azure(
                StatusCode::TOO_MANY_REQUESTS,
                "429",
                &format!(
                    "Your organization opened {OBJECT_KEYS_PER_MINUTE_MAX} kept objects within a minute, \
                     which is the limit. Please retry after a minute."
                ),
            )
            .retry(Retry::AfterMs(60_000)),
            Self::ObjectsUnavailable => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "What is kept for the resource cannot be read or written at the moment; the operator's \
                 log says why. Please retry.",
            )
            .retry(Retry::AfterMs(1000)),
            Self::CustomerKeyWithdrawn => azure(
                StatusCode::FORBIDDEN,
                "CustomerKeyWithdrawn",
                "Your organization withdrew the key that everything kept for it is sealed under: nothing \
                 can be kept or opened until the key is back.",
            )
            .retry(Retry::Never),
            Self::Revoked(revoked) => azure(
                StatusCode::FORBIDDEN,
                "PermissionDenied",
                &format!("The work does not go on in the name of who began it: {revoked}."),
            ),
            Self::NotRecorded => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "The request could not be recorded, so it is not answered: every answer needs \
                 a receipt. The operator's log says why; please retry.",
            )
            .retry(Retry::AfterMs(1000)),
            Self::LogUnavailable => azure(
                StatusCode::SERVICE_UNAVAILABLE,
                "503",
                "The log cannot be read at the moment; the operator's log says why. Please retry.",
            )
            .retry(Retry::AfterMs(1000)),
            Self::Store => azure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "500",
                "The service cannot read its store; the operator's log says why.",
            ),
            Self::Internal => azure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "500",
                "The engine gave an invalid answer; the operator's log has the details.",
            ),
        }
    }
}

/// The choices of a caller under zero retention.
fn way_out(what: &str) -> &'static str {
    match what {
        "store" => "Send \"store\": false, and the conversation so far with each request.",
        "previous_response_id" | "conversation" => {
            "Send the conversation so far in 'input' instead."
        }
        "background" => "Send the request without 'background', and wait for its answer.",
        _ => {
            "Your data protection officer can apply at the operator's desk for an approval that names \
             what may be kept: `bailiwick desk apply … --keep files,batches`."
        }
    }
}

fn rate_limited(
    operation: Operation,
    exceeded: &Exceeded,
    wanted: Wanted,
    penalty: String,
) -> Answer {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let name = operation.quota_name();
    let wait = |balance: &Balance, what: &str| {
        let seconds = balance.reset_ms.div_ceil(1000);
        let message = format!(
            "Requests to the {name} Operation have exceeded the {what} rate limit of this \
             deployment. Please retry after {seconds} seconds.{penalty}"
        );
        azure(status, "429", &message).retry(Retry::AfterMs(balance.reset_ms))
    };
    match exceeded {
        Exceeded::Requests(balance) => wait(balance, "request"),
        Exceeded::Tokens(balance) => wait(balance, "token"),
        Exceeded::Never(balance) => never_admitted(wanted, balance.limits, &penalty),
    }
}

fn penalty(throttle: Option<Throttle>, resource: &str) -> String {
    throttle.map_or_else(String::new, |Throttle { left, expires_ms }| {
        let (left, until) = (left.get(), rfc3339(expires_ms / 1000));
        let appeal = appeal(resource);
        format!(" A penalty for abusive use leaves {left} % of the limit until {until}: {appeal}")
    })
}

/// A retry does not help, so this is not a 429.
fn never_admitted(wanted: Wanted, limits: RateLimits, penalty: &str) -> Answer {
    let Wanted { tokens, param, .. } = wanted;
    let RateLimits { tokens_per_minute, requests_per_minute } = limits;
    let message = if requests_per_minute == 0 {
        format!(
            "This deployment's limit is 0 requests per minute (requestsPerMinute), so it answers \
             no request. Ask the operator of the service to raise it.{penalty}"
        )
    } else {
        format!(
            "This request reserves {tokens} tokens, and this deployment's limit is \
             {tokens_per_minute} tokens per minute (tokensPerMinute), so waiting does not help. \
             {advice}, or ask the operator of the service to raise the limit.{penalty}",
            advice = if param == "input" {
                "Send fewer or shorter inputs"
            } else {
                "Send a smaller 'max_tokens' for each answer, fewer answers or a shorter prompt"
            }
        )
    };
    invalid("request_too_large", Some(param.to_owned()), &message).retry(Retry::Never)
}

fn refused(operation: Operation, refusal: &Refusal) -> Answer {
    let prompt = Some(operation.prompt_param().to_owned());
    let unavailable = |after_ms, message: &str| {
        azure(StatusCode::SERVICE_UNAVAILABLE, "503", message).retry(Retry::AfterMs(after_ms))
    };
    match refusal {
        Refusal::ContextLength { limit, asked } => invalid(
            "context_length_exceeded",
            prompt,
            &format!(
                "This model's maximum context length is {limit} tokens. However, your {what} \
                 resulted in {asked} tokens. Please reduce the length of the {what}.",
                what = operation.prompt_param()
            ),
        ),
        Refusal::UnknownToken { vocabulary } => invalid(
            Code::InvalidValue.text(),
            prompt,
            &format!("A token id is not in the model's vocabulary of {vocabulary} tokens."),
        ),
        Refusal::UnknownBias { vocabulary } => invalid(
            Code::InvalidValue.text(),
            Some("logit_bias".to_owned()),
            &format!(
                "A token id in 'logit_bias' is not in the model's vocabulary of {vocabulary} tokens."
            ),
        ),
        Refusal::NoMiddle => invalid(
            Code::UnsupportedParameter.text(),
            Some("suffix".to_owned()),
            "Unsupported parameter: 'suffix' needs a model whose vocabulary has tokens for filling in \
             the middle, and this deployment's model has none. Leave 'suffix' out, or call a \
             deployment of such a model.",
        ),
        Refusal::BadSchema { param, reason } => {
            let param = match operation {
                Operation::Responses => body_field(param),
                Operation::Chat | Operation::Completions | Operation::Embeddings => param.clone(),
            };
            let message = format!("Invalid schema for '{param}': {reason}.");
            invalid("invalid_schema", Some(param), &message)
        }
        Refusal::BadConversation { reason } => invalid(
            Code::InvalidValue.text(),
            prompt,
            &format!("The model's chat template does not accept this conversation: {reason}."),
        ),
        Refusal::Unsupported { what } => azure(
            StatusCode::BAD_REQUEST,
            "OperationNotSupported",
            &format!("This model cannot {what}."),
        ),
        Refusal::EmptyPrompt => {
            invalid(Code::EmptyString.text(), prompt, "The prompt is empty: it has no tokens.")
        }
        Refusal::QueueFull { waiting } => {
            let message = format!(
                "The system is currently experiencing high demand and cannot process your \
                 request: {waiting} requests are waiting already. Please retry after a second."
            );
            azure(StatusCode::TOO_MANY_REQUESTS, "429", &message)
                .retry(Retry::AfterMs(millis(limits::QUEUE_RETRY)))
        }
        Refusal::NotReady { retry_after_ms } => {
            unavailable(*retry_after_ms, "The model is being loaded; please retry in a moment.")
        }
        // A retry does not help, so clients are advised against it.
        Refusal::ModelFailed { reason } => azure(
            StatusCode::SERVICE_UNAVAILABLE,
            "ModelFailed",
            &format!(
                "The model of this deployment cannot be loaded: {reason}. Retrying does not help: the \
                 service's operator has to act."
            ),
        )
        .retry(Retry::Never),
        Refusal::WorkerDied => unavailable(
            millis(limits::DEATH_RETRY),
            "The engine stopped while it ran the request and is being restarted; please retry.",
        ),
        Refusal::PromiseBroken => azure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "500",
            "The answer broke the guarantee to match its JSON schema, and is withheld. \
             Please retry, and inform the operator if it happens again.",
        ),
        // The engine's reason may be long or odd: it goes to the operator's log, not to the client.
        Refusal::Engine { reason: _ } => azure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "500",
            "The engine failed while it ran the request; the operator's log says why.",
        ),
    }
}

/// A text that was not checked does not go on.
fn not_checked(down: &Down) -> Answer {
    let (status, retry) = match down {
        Down::Stopped | Down::Late => {
            (StatusCode::SERVICE_UNAVAILABLE, Retry::AfterMs(millis(limits::FILTER_RETRY)))
        }
        Down::NotLookedFor(_) => (StatusCode::SERVICE_UNAVAILABLE, Retry::Never),
        Down::Unreadable | Down::TooLarge => (StatusCode::BAD_REQUEST, Retry::Unsaid),
    };
    let message = format!(
        "The content filter is not available, so the request was not processed: {down}. The \
         resource's owner can choose a filter that lets texts through unchecked (`whenDown`)."
    );
    azure(status, "content_filter_unavailable", &message).retry(retry)
}

/// No retry helps until a person changes something.
fn no_engine(NoEngine { sku, regions, processors }: &NoEngine) -> Answer {
    let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
    let processors = if processors.is_empty() {
        String::new()
    } else {
        format!(
            " Engines of these processors would fit, if your data protection officer allowed them \
             for this resource at the desk: {}.",
            list(processors)
        )
    };
    let message = format!(
        "No engine may process this request. The deployment's SKU is {}: {} may process it, here {}. \
         No engine that may process it serves the model.{processors} Ask the operator for an engine \
         in such a region, or change the deployment's SKU.",
        sku.name(),
        sku.rule(),
        list(regions)
    );
    azure(StatusCode::SERVICE_UNAVAILABLE, "no_engine_in_region", &message).retry(Retry::Never)
}

/// An engine's own words are never passed on: they may quote the prompt.
fn unanswered(operation: Operation, why: &Why) -> Answer {
    let after = |wait: Option<Duration>| {
        Retry::AfterMs(millis(wait.unwrap_or(limits::ENGINE_RETRY).min(limits::ENGINE_RETRY_MAX)))
    };
    let unavailable = |wait, message: &str| {
        azure(StatusCode::SERVICE_UNAVAILABLE, "503", message).retry(after(wait))
    };
    let busy = |wait| {
        let name = operation.quota_name();
        let message = format!(
            "Requests to the {name} Operation have exceeded what the engines of this deployment take \
             at once. Please retry."
        );
        azure(StatusCode::TOO_MANY_REQUESTS, "429", &message).retry(after(wait))
    };
    let wrong = || {
        azure(
            StatusCode::BAD_GATEWAY,
            "502",
            "The engine of this deployment did not give a valid answer; the operator's log says why.",
        )
    };
    match why {
        Why::NoEngine => unavailable(
            None,
            "No engine serves the model of this deployment now: the operator drains it, or its \
             cache may not hold requests of this resource.",
        ),
        Why::Busy { retry_after } => busy(Some(*retry_after)),
        Why::Ejected { retry_after } => unavailable(
            Some(*retry_after),
            "The engines of this deployment have failed and are left alone for a moment; please \
             retry.",
        ),
        Why::Failed(failure) => match failure {
            Failure::Busy { retry_after } => busy(*retry_after),
            Failure::ContentFiltered => openai(
                StatusCode::BAD_REQUEST,
                "content_filter",
                Some("prompt".to_owned()),
                "The response was filtered due to the prompt triggering the content management \
                 policy of the engine. Please modify your prompt and retry.",
            ),
            Failure::ContextLength => invalid(
                "context_length_exceeded",
                Some(operation.prompt_param().to_owned()),
                "The request has more tokens than the context of this deployment's model holds. \
                 Please reduce its length.",
            ),
            Failure::Unfit(Unfit::Lacks { param, capability }) => invalid(
                Code::UnsupportedParameter.text(),
                Some((*param).to_owned()),
                &format!(
                    "Unsupported parameter: '{param}' needs an engine with the capability \
                     `{capability}`, and this deployment's has not.",
                    capability = capability.name()
                ),
            ),
            Failure::Unfit(Unfit::NoForm { param }) => invalid(
                Code::UnsupportedParameter.text(),
                Some((*param).to_owned()),
                &format!(
                    "Unsupported parameter: '{param}' cannot be sent to the engine of this deployment \
                     in this form."
                ),
            ),
            Failure::NotSent
            | Failure::NoToken(_)
            | Failure::Unavailable { .. }
            | Failure::Broken
            | Failure::Slow => unavailable(
                failure.retry_after(),
                "The engine of this deployment cannot be reached; please retry.",
            ),
            Failure::Deadline => azure(
                StatusCode::REQUEST_TIMEOUT,
                "408",
                "The request took longer than limits.request_ms; lower max_tokens or n, or stream \
                 and stop early.",
            )
            .retry(Retry::Never),
            Failure::WrongRoute
            | Failure::NotServed
            | Failure::PrefixCache
            | Failure::NotListed
            | Failure::Silent
            | Failure::Redirect
            | Failure::Rejected { .. }
            | Failure::Unauthorized { .. }
            | Failure::Missing
            | Failure::Failed
            | Failure::OtherModel
            | Failure::OtherRegion
            | Failure::TooMuch
            | Failure::TooLong
            | Failure::Implausible
            | Failure::CutShort
            | Failure::Malformed => wrong(),
        },
    }
}

impl Answer {
    fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }
}

/// An error with status 400, in OpenAI's shape.
fn invalid(code: &'static str, param: Option<String>, message: &str) -> Answer {
    openai(StatusCode::BAD_REQUEST, code, param, message)
}

fn openai(status: StatusCode, code: &'static str, param: Option<String>, message: &str) -> Answer {
    let kind = Some("invalid_request_error");
    let error = ErrorDetail::new(code, message.to_owned(), kind, param);
    Answer { status, body: ErrorBody { error }, retry: Retry::Unsaid }
}

/// An error with a code and a message, in the shape of Azure's own layers.
fn azure(status: StatusCode, code: &'static str, message: &str) -> Answer {
    let error = ErrorDetail::new(code, message.to_owned(), None, None);
    Answer { status, body: ErrorBody { error }, retry: Retry::Unsaid }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Describes how the owner of a resource appeals.
fn appeal(resource: &str) -> String {
    format!(
        "the resource's owner can read the reason and appeal at the operator's desk: GET \
         /desk/v1/resources/{resource}/abusePenalty, POST /desk/v1/resources/{resource}/appeal."
    )
}

/// Starts with Azure's text; Azure's advice about subscriptions and regions would mislead here.
const UNAUTHORIZED: &str = "Access denied due to a missing or invalid key, or a wrong host name. \
    Send one of the two keys of your resource in the header `api-key`, or as `Authorization: Bearer \
    KEY`, to the address that the operator of this service gave you.";

const ROUTE_NOT_FOUND: &str = "This path does not exist on this service. GET /openapi.json lists \
    the paths that do.";

const TOKEN_REFUSED: &str =
    "Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired.";

/// Azure's first sentence. Its second sentence, to wait five minutes, does not apply here: a new
/// deployment is available to the next request.
fn deployment_not_found(there: &[String]) -> String {
    let first = "The API deployment for this resource does not exist.";
    let Some((shown, rest)) = there.split_at_checked(NAMED_MAX.min(there.len())) else {
        return first.to_owned();
    };
    match (shown.join(", "), rest.len()) {
        (names, _) if names.is_empty() => {
            format!("{first} GET /openai/v1/models lists the deployments of your resource.")
        }
        (names, 0) => format!("{first} The deployments of your resource are: {names}."),
        (names, more) => {
            format!("{first} The deployments of your resource are: {names}, and {more} more.")
        }
    }
}

/// Maximum number of deployments that an error names.
const NAMED_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use policy::{meter::RateLimits, workflow::penalty::Percentage};

    use super::*;

    #[test]
    fn errors_have_the_statuses_and_codes_that_clients_know() {
        let operation = Operation::Chat;
        let refused = |refusal| ApiError::Refused { operation, refusal };
        let limits = RateLimits { tokens_per_minute: 9, requests_per_minute: 1 };
        let balance =
            Balance { limits, remaining_tokens: 0, remaining_requests: 0, reset_ms: 2500 };
        let throttle = None;
        let named = || "prod".to_owned();
        let wanted = Wanted { tokens: 10, answers: 1, param: "max_tokens" };
        let limited = |exceeded| ApiError::RateLimited {
            operation,
            exceeded,
            wanted,
            throttle,
            resource: named(),
        };
        let cases = [
            (ApiError::ApiVersion, 400, "InvalidApiVersionParameter", Retry::Unsaid),
            (ApiError::Unauthorized, 401, "401", Retry::Unsaid),
            (ApiError::KeysDisabled, 403, "AuthenticationTypeDisabled", Retry::Unsaid),
            (ApiError::TokenRefused, 401, "401", Retry::Unsaid),
            (ApiError::ResourceUnnamed, 400, "ResourceUnnamed", Retry::Unsaid),
            (ApiError::PermissionDenied, 403, "PermissionDenied", Retry::Unsaid),
            (ApiError::NetworkDenied, 403, "403", Retry::Unsaid),
            (ApiError::PublicAccessDisabled, 403, "403", Retry::Unsaid),
            (
                ApiError::Blocked { resource: named(), expires_ms: 0 },
                403,
                "ResourceBlocked",
                Retry::Unsaid,
            ),
            (ApiError::ObjectNotFound { class: Class::File }, 404, "not_found", Retry::Unsaid),
            (ApiError::NotTheOwner { class: Class::File }, 403, "NotTheOwner", Retry::Unsaid),
            (ApiError::ObjectChanged { class: Class::Batch }, 409, "ObjectChanged", Retry::Unsaid),
            (ApiError::ZeroRetention { what: "store" }, 400, "zero_data_retention", Retry::Unsaid),
            (
                ApiError::SubjectRestricted { what: "store" },
                400,
                "data_subject_restricted",
                Retry::Unsaid,
            ),
            (ApiError::ObjectsFull, 400, "ObjectsFull", Retry::Unsaid),
            (ApiError::ObjectTooLarge { class: Class::Response }, 413, "413", Retry::Unsaid),
            (ApiError::ObjectsBusy, 429, "429", Retry::AfterMs(60_000)),
            (ApiError::ObjectsUnavailable, 503, "503", Retry::AfterMs(1000)),
            (ApiError::CustomerKeyWithdrawn, 403, "CustomerKeyWithdrawn", Retry::Never),
            (ApiError::Revoked(Revoked::KeyReplaced), 403, "PermissionDenied", Retry::Unsaid),
            (ApiError::IssuerUnavailable, 503, "503", Retry::AfterMs(5000)),
            (
                ApiError::DeploymentNotFound { there: Vec::new() },
                404,
                "DeploymentNotFound",
                Retry::Unsaid,
            ),
            (ApiError::RouteNotFound, 404, "404", Retry::Unsaid),
            (ApiError::WrongTask { operation }, 400, "OperationNotSupported", Retry::Unsaid),
            (ApiError::RequestTimeout { limit_ms: 5 }, 408, "408", Retry::Never),
            (ApiError::BodyTooLarge { limit: 5 }, 413, "413", Retry::Unsaid),
            (limited(Exceeded::Tokens(balance)), 429, "429", Retry::AfterMs(2500)),
            (limited(Exceeded::Never(balance)), 400, "request_too_large", Retry::Never),
            (ApiError::Stopping, 503, "503", Retry::AfterMs(1000)),
            (
                refused(Refusal::ContextLength { limit: 8, asked: 9 }),
                400,
                "context_length_exceeded",
                Retry::Unsaid,
            ),
            (refused(Refusal::QueueFull { waiting: 3 }), 429, "429", Retry::AfterMs(1000)),
            (refused(Refusal::NotReady { retry_after_ms: 700 }), 503, "503", Retry::AfterMs(700)),
            (
                refused(Refusal::ModelFailed { reason: "no file".into() }),
                503,
                "ModelFailed",
                Retry::Never,
            ),
            (refused(Refusal::UnknownBias { vocabulary: 9 }), 400, "invalid_value", Retry::Unsaid),
            (refused(Refusal::NoMiddle), 400, "unsupported_parameter", Retry::Unsaid),
            (refused(Refusal::WorkerDied), 503, "503", Retry::AfterMs(2000)),
            (refused(Refusal::PromiseBroken), 500, "500", Retry::Unsaid),
            (refused(Refusal::Engine { reason: "canary".into() }), 500, "500", Retry::Unsaid),
        ];
        for (error, status, code, retry) in cases {
            let answer = error.answer();
            assert_eq!(
                (answer.status.as_u16(), answer.body.error.code),
                (status, code),
                "{error:?}"
            );
            assert_eq!(answer.retry, retry, "{error:?}");
            assert!(!answer.body.error.message.contains("canary"));
        }
    }

    #[test]
    fn a_penalty_is_told_with_its_end_and_where_to_appeal() {
        let message = |error: ApiError| error.answer().body.error.message;
        let expires_ms = 1_795_491_985_000;
        let limits = RateLimits { tokens_per_minute: 2, requests_per_minute: 1 };
        let balance =
            Balance { limits, remaining_tokens: 0, remaining_requests: 0, reset_ms: 2500 };
        let throttled = |throttle| {
            [Exceeded::Requests(balance), Exceeded::Tokens(balance), Exceeded::Never(balance)].map(
                |exceeded| {
                    let operation = Operation::Chat;
                    let resource = "prod".to_owned();
                    let wanted = Wanted { tokens: 10, answers: 1, param: "max_tokens" };
                    message(ApiError::RateLimited {
                        operation,
                        exceeded,
                        wanted,
                        throttle,
                        resource,
                    })
                },
            )
        };
        let left = Percentage::new(20).unwrap();
        let penalised = throttled(Some(Throttle { left, expires_ms }));
        assert!(penalised.iter().all(|told| told.contains("leaves 20 % of the limit until 2026-")));
        let blocked = message(ApiError::Blocked { resource: "prod".to_owned(), expires_ms });
        for told in penalised.into_iter().chain([blocked]) {
            assert!(told.contains("until 2026-11-24T"), "{told}");
            assert!(told.ends_with("POST /desk/v1/resources/prod/appeal."), "{told}");
        }
        assert!(throttled(None).iter().all(|told| !told.contains("penalty")));
    }

    #[test]
    fn what_is_not_there_is_told_without_misleading_advice() {
        let text = |error: ApiError| serde_json::to_string(&error.answer().body).unwrap();
        assert_eq!(
            text(ApiError::RouteNotFound),
            r#"{"error":{"code":"404","message":"This path does not exist on this service. GET /openapi.json lists the paths that do."}}"#
        );
        let assistants = super::super::unserved::find("/openai/v1/assistants").unwrap();
        assert_eq!(
            text(ApiError::NotServed(assistants)),
            r#"{"error":{"code":"404","message":"The Assistants API: not served here. Use POST /openai/v1/chat/completions, and send the conversation so far with each request."}}"#
        );
        let there = |names: &[&str]| ApiError::DeploymentNotFound {
            there: names.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(
            text(there(&["a", "b"])),
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. The deployments of your resource are: a, b."}}"#
        );
        assert!(text(there(&[])).contains("GET /openai/v1/models"));
        assert!(text(there(&["a"; 23])).contains("a, and 3 more."));
    }
}
