//! Why the desk refuses, and what to do.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use policy::{
    authz::{Denied, Forbidden},
    permit::NoPerson,
    workflow::{BadStatement, exemption, penalty, review, workstation},
};
use store::{
    NoRandom, StoreError,
    custody::{CustodyError, Refusal},
    ledger::{NotDeleted, NotListed, NotOpened},
    tiles::LogError,
    workflow::NotStepped,
};

use crate::sign_in::NotSignedIn;

/// Why the desk refuses.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeskError {
    /// No token, or one that opens nothing.
    #[error(transparent)]
    NotSignedIn(#[from] NotSignedIn),
    /// A program.
    #[error("only people decide; sign in as a person, not as an application")]
    NoPerson,
    /// The policies do not allow it.
    #[error("{0}")]
    Forbidden(Forbidden),
    /// The workflow refuses it.
    #[error("{0}; {help}", help = .0.help())]
    Exemption(exemption::Refused),
    /// The review refuses it.
    #[error("{0}; {help}", help = .0.help())]
    Review(review::Refused),
    /// No such step about a penalty.
    #[error("{0}; {help}", help = .0.help())]
    Penalty(penalty::Refused),
    /// The workstation is not let in.
    #[error("{0}; {help}", help = .0.help())]
    Workstation(#[from] workstation::Refused),
    /// There is no such thing, or the caller may not know of it: in the same words.
    #[error("not found, or not visible to you; check the name or id")]
    NotFound,
    /// A reviewer or manager without a team.
    #[error("you are in no team; ask the operator to put you into one (`bailiwick role team`)")]
    NoTeam,
    /// The record was not opened.
    #[error("{0}; the look is over: ask again once this is mended, and see the operator's log")]
    NotOpened(#[from] NotOpened),
    /// An owner's record was not opened.
    #[error("{0}; try again, and see the operator's log")]
    NotRead(NotOpened),
    /// An owner's record was not deleted.
    #[error("{0}; {help}", help = .0.help())]
    NotDeleted(LogError),
    /// A list that cannot go on where it is to.
    #[error(
        "`after` names nothing in this list: give the `last_id` of a page, or leave it out and begin again"
    )]
    NoSuchCursor,
    /// A text that is none.
    #[error("{0}; {help}", help = .0.help())]
    Statement(#[from] BadStatement),
    /// The request is not as expected.
    #[error("{0}")]
    BadRequest(String),
    /// No such path.
    #[error(
        "there is nothing at this path; docs/operate/review.md, records.md and zero-retention.md list \
         them"
    )]
    NoSuchPath,
    /// No such method.
    #[error(
        "this path does not take this method; reading is GET, every step is POST, deleting DELETE"
    )]
    MethodNotAllowed,
    /// The store failed.
    #[error("{0}; {help}", help = .0.help())]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// A part of the program stopped.
    #[error("the work was cut off; try again")]
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
            // Somebody was faster.
            NotDeleted::NoRecord => Self::NotFound,
            NotDeleted::Log(error) => Self::NotDeleted(error),
        }
    }
}

impl DeskError {
    /// Why an owner's record was not opened: one that is gone is none.
    pub(super) fn not_read(error: NotOpened) -> Self {
        match error {
            NotOpened::NoRecord | NotOpened::Custody(CustodyError::Refused(Refusal::Destroyed)) => {
                Self::NotFound
            }
            error => Self::NotRead(error),
        }
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self {
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
            Self::NotFound | Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            // It is for another person, or from another place.
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
            Self::Exemption(exemption::Refused::NoSuchApplication)
            | Self::Review(review::Refused::OtherLook) => (StatusCode::NOT_FOUND, "NotFound"),
            // It is not the time for it.
            Self::Exemption(_) | Self::Review(_) | Self::Penalty(_) => {
                (StatusCode::CONFLICT, "Conflict")
            }
            Self::NotOpened(NotOpened::NoRecord | NotOpened::NoGrant) => {
                (StatusCode::NOT_FOUND, "NotFound")
            }
            Self::Statement(_) | Self::BadRequest(_) | Self::NoSuchCursor => {
                (StatusCode::BAD_REQUEST, "BadRequest")
            }
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::NotSignedIn(NotSignedIn::Store(_))
            | Self::Store(_)
            | Self::Random(_)
            | Self::Aborted
            | Self::NotOpened(_)
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
        let body = serde_json::json!({"error": {"code": code, "message": self.to_string()}});
        (status, Json(body)).into_response()
    }
}
