//! Reasons for which the desk refuses, with remedies.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use policy::{
    authz::{Denied, Forbidden},
    permit::NoPerson,
    workflow::{
        BadStatement, exemption, penalty, review, subject::BadSubject, subject_request, workstation,
    },
};
use store::{
    NoRandom, StoreError,
    custody::{CustodyError, Refusal},
    ledger::{NotDeleted, NotListed, NotOpened},
    signed::NotLogged,
    subjects::SubjectError,
    tiles::LogError,
    workflow::NotStepped,
};

use super::drafted::Drafted;
use crate::{http::refusal, sign_in::NotSignedIn};

/// Reason that the desk refused a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    /// The token is missing or refused, or its holder has no role.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// The decision needs a signature: here is the statement to sign.
    #[error(
        "the decision needs your signature: sign the statement, and send the same request again with \
         `bailiwick-draft` and `bailiwick-signature` (on the command line: `--signer FILE`); \
         docs/operate/signing.md"
    )]
    Unsigned(Box<Drafted>),
    /// A step of an access request has no signature, although its party has a root.
    #[error(
        "the log has no signature of {0} for this access request, and their party has a root: request \
         access again, so that each person signs; docs/operate/signing.md"
    )]
    StepUnsigned(&'static str),
    /// The signatures do not count, or a rule about roots and keys refuses the statement.
    #[error("{0}; {help}", help = .0.help())]
    NotLogged(NotLogged),
    /// The draft is used, old, or of another request.
    #[error(
        "there is no such draft for this request: each counts once, for ten minutes; send the request \
         without `bailiwick-draft` and `bailiwick-signature` to get a new one"
    )]
    NoDraft,
    /// A signature header is malformed.
    #[error(
        "`bailiwick-signature` is the key's fingerprint, then `raw` or `ssh` and the signature in \
         base64, or `passkey` and authenticator data, client data and signature in base64; one header \
         a key, three at most"
    )]
    BadSignature,
    /// The caller is a program.
    #[error("only people can do this; sign in as a person, not as an application")]
    NoPerson,
    /// The policies refuse it.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// The exemption workflow refuses the step.
    #[error("{0}; {help}", help = .0.help())]
    Exemption(exemption::Refused),
    /// The review workflow refuses the step.
    #[error("{0}; {help}", help = .0.help())]
    Review(review::Refused),
    /// The penalty workflow refuses the step.
    #[error("{0}; {help}", help = .0.help())]
    Penalty(penalty::Refused),
    /// The workstation was never enrolled, was revoked, or its certificate has expired.
    #[error("{0}; {help}", help = .0.help())]
    Workstation(#[from] workstation::Refused),
    /// The thing does not exist, or the caller may not know of it; both get the same words.
    #[error("not found, or not visible to you; check the name or id")]
    NotFound,
    /// A reviewer or manager without a team.
    #[error(
        "you are not in a review team; ask the operator to add you to one (`bailiwick role team`)"
    )]
    NoTeam,
    /// The application names something that is not kept in any case.
    #[error(
        "one of the names in `keep` is not known: the names are responses, conversations, completions, \
         files, batches and fine-tuning"
    )]
    NoSuchClass,
    /// The record was not opened.
    #[error(
        "{0}; this access request is used up: see the operator's log, fix the cause and request \
         access again"
    )]
    NotOpened(#[from] NotOpened),
    /// The kept objects cannot be listed or deleted.
    #[error("what is kept cannot be listed or deleted now; try again, and see the operator's log")]
    Objects,
    /// An owner's record was not opened.
    #[error("{0}; try again, and see the operator's log")]
    NotRead(NotOpened),
    /// An owner's record was not deleted.
    #[error("{0}; {help}", help = .0.help())]
    NotDeleted(LogError),
    /// The cursor `after` is not in the list.
    #[error(
        "`after` is not an id in this list; give the `last_id` of a page, or leave `after` out to \
         begin again"
    )]
    NoSuchCursor,
    /// The request of a data subject does not take the step.
    #[error("{0}; {help}", help = .0.help())]
    SubjectRequest(subject_request::Refused),
    /// The name of the data subject cannot be used.
    #[error("{0}; give it as your application sends it in `safety_identifier` or `user`")]
    BadSubject(#[from] BadSubject),
    /// The data of a data subject cannot be found, exported or erased.
    #[error("{0}; try again, and see the operator's log")]
    Subject(SubjectError),
    /// There is an erasure for this request already.
    #[error(
        "there is an erasure for this request already: GET …/subjects/erasures/REQUEST has its          certificate; leave `request` out to erase again"
    )]
    ErasedBefore,
    /// The name is not the name of a processor that operates an engine for this customer.
    #[error(
        "no company of this name operates an engine here; GET …/processors lists those that do"
    )]
    NoSuchProcessor,
    /// The text is empty or too long.
    #[error("{0}; {help}", help = .0.help())]
    Statement(#[from] BadStatement),
    /// The request is malformed.
    #[error("{0}")]
    BadRequest(String),
    /// The path does not exist.
    #[error(
        "this path does not exist; docs/operate/review.md, records.md, data-subjects.md, residency.md, \
         zero-retention.md and content-filter-exemption.md list the paths"
    )]
    NoSuchPath,
    /// The path does not support the method.
    #[error(
        "this path does not support this method; use GET to read, POST for each step, PUT to \
         allow, DELETE to delete or to withdraw"
    )]
    MethodNotAllowed,
    /// The store failed.
    #[error("{0}; {help}", help = .0.help())]
    Store(#[from] StoreError),
    /// The operating system provides no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The service failed: a task panicked, or an opened record could not be decoded.
    #[error("the operation was interrupted; try again")]
    Aborted,
}

impl From<Denied> for DeskError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::NotFound,
            Denied::Forbidden(forbidden) => Self::Forbidden(forbidden),
        }
    }
}

impl From<NoPerson> for DeskError {
    fn from(_: NoPerson) -> Self {
        Self::NoPerson
    }
}

impl From<NotStepped<exemption::Refused>> for DeskError {
    fn from(error: NotStepped<exemption::Refused>) -> Self {
        match error {
            NotStepped::Refused(refused) => Self::Exemption(refused),
            NotStepped::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotStepped<review::Refused>> for DeskError {
    fn from(error: NotStepped<review::Refused>) -> Self {
        match error {
            NotStepped::Refused(refused) => Self::Review(refused),
            NotStepped::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotStepped<penalty::Refused>> for DeskError {
    fn from(error: NotStepped<penalty::Refused>) -> Self {
        match error {
            NotStepped::Refused(refused) => Self::Penalty(refused),
            NotStepped::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotStepped<subject_request::Refused>> for DeskError {
    fn from(error: NotStepped<subject_request::Refused>) -> Self {
        match error {
            NotStepped::Refused(refused) => Self::SubjectRequest(refused),
            NotStepped::Store(error) => Self::Store(error),
        }
    }
}

impl From<SubjectError> for DeskError {
    fn from(error: SubjectError) -> Self {
        match error {
            SubjectError::Erased => Self::ErasedBefore,
            SubjectError::NotFound => Self::NotFound,
            SubjectError::NoPerson => Self::NoPerson,
            error => Self::Subject(error),
        }
    }
}

impl From<NotListed> for DeskError {
    fn from(error: NotListed) -> Self {
        match error {
            NotListed::NoSuchRecord => Self::NoSuchCursor,
            NotListed::Store(error) => Self::Store(error),
        }
    }
}

impl From<NotDeleted> for DeskError {
    fn from(error: NotDeleted) -> Self {
        match error {
            // Another request deleted it first.
            NotDeleted::NoRecord => Self::NotFound,
            NotDeleted::Log(error) => Self::NotDeleted(error),
        }
    }
}

impl DeskError {
    /// Maps a failed read of an owner's record; a destroyed record counts as not found.
    pub(super) fn not_read(error: NotOpened) -> Self {
        match error {
            NotOpened::NoRecord | NotOpened::Custody(CustodyError::Refused(Refusal::Destroyed)) => {
                Self::NotFound
            }
            error => Self::NotRead(error),
        }
    }

    /// Takes out the reason why a decision was not logged. Another error comes back.
    pub(super) fn not_logged(self) -> Result<Box<NotLogged>, Self> {
        match self {
            Self::Store(StoreError::NotLogged(error))
            | Self::NotRead(NotOpened::Log(LogError::Store(StoreError::NotLogged(error))))
            | Self::NotDeleted(LogError::Store(StoreError::NotLogged(error)))
            | Self::Subject(SubjectError::Log(LogError::Store(StoreError::NotLogged(error)))) => {
                Ok(error)
            }
            other => Err(other),
        }
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unsigned(_) => (StatusCode::CONFLICT, "statement_unsigned"),
            Self::StepUnsigned(_) => (StatusCode::FORBIDDEN, "step_unsigned"),
            Self::NoDraft => (StatusCode::CONFLICT, "draft_unknown"),
            Self::BadSignature => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::NotLogged(_) | Self::Store(StoreError::NotLogged(_)) => {
                (StatusCode::FORBIDDEN, "statement_refused")
            }
            Self::NotSignedIn(NotSignedIn::Unauthorized) => {
                (StatusCode::UNAUTHORIZED, "Unauthorized")
            }
            Self::NotSignedIn(NotSignedIn::Unavailable) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable")
            }
            Self::NotSignedIn(NotSignedIn::NoRole)
            | Self::NoPerson
            | Self::NoTeam
            | Self::Workstation(_)
            | Self::Forbidden(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound | Self::NoSuchProcessor | Self::NoSuchPath => {
                (StatusCode::NOT_FOUND, "NotFound")
            }
            // Another person, or another workstation, must do it.
            Self::Exemption(
                exemption::Refused::OwnApplication | exemption::Refused::DecidedBefore,
            )
            | Self::Penalty(penalty::Refused::OwnPenalty)
            | Self::Review(
                review::Refused::OtherRegion
                | review::Refused::WorkstationElsewhere
                | review::Refused::WorkstationExpired
                | review::Refused::OwnLook
                | review::Refused::OtherTeam
                | review::Refused::OtherTenant
                | review::Refused::OwnConsent
                | review::Refused::OtherPerson
                | review::Refused::OtherWorkstation
                | review::Refused::OwnEscalation,
            ) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::SubjectRequest(subject_request::Refused::Unknown)
            | Self::Exemption(exemption::Refused::NoSuchApplication)
            | Self::Review(review::Refused::OtherLook) => (StatusCode::NOT_FOUND, "NotFound"),
            Self::Exemption(exemption::Refused::KeepsAnyway) => {
                (StatusCode::BAD_REQUEST, "BadRequest")
            }
            // The step is not possible in the current state.
            Self::Exemption(_)
            | Self::Review(_)
            | Self::Penalty(_)
            | Self::SubjectRequest(_)
            | Self::ErasedBefore => (StatusCode::CONFLICT, "Conflict"),
            Self::NotOpened(NotOpened::NoRecord | NotOpened::NoGrant) => {
                (StatusCode::NOT_FOUND, "NotFound")
            }
            Self::Statement(_)
            | Self::BadSubject(_)
            | Self::BadRequest(_)
            | Self::NoSuchCursor
            | Self::NoSuchClass => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::NotSignedIn(NotSignedIn::Store(_))
            | Self::Store(_)
            | Self::Random(_)
            | Self::Aborted
            | Self::NotOpened(_)
            | Self::Objects
            | Self::Subject(_)
            | Self::NotRead(_)
            | Self::NotDeleted(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        }
    }
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "a request at the desk failed");
        }
        match &self {
            Self::Unsigned(drafted) => {
                let error = serde_json::json!({"code": code, "message": self.to_string()});
                let mut body = serde_json::to_value(drafted).unwrap_or_default();
                if let Some(body) = body.as_object_mut() {
                    body.insert("error".to_owned(), error);
                }
                (status, Json(body)).into_response()
            }
            _ => refusal((status, code), &self.to_string()),
        }
    }
}
