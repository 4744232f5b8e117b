//! Reasons that management refuses, with remedies.

use std::{io, path::PathBuf};

use policy::{
    authz::{Forbidden, role::NoSuchRole},
    guard::{
        filter::{BadRule, TooWeak},
        verdict::BadName,
    },
    network::IP_RULES_MAX,
    retention::BadDays,
    workflow::workstation,
};
use store::{NoRandom, StoreError};

use super::{engines::BadEngine, filters::BadFields, models::SourceError};
use crate::{compare::NoSuchNeed, files::NotWritten};

/// Reason that management refused; [`ManageError::help`] names the remedy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManageError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A chat deployment was requested for an embedding model.
    #[error("the model `{model}` only makes embeddings and cannot chat")]
    ModelCannotChat {
        /// Name of the model.
        model: String,
    },
    /// An embeddings deployment was requested for a served model that chats.
    #[error("the model `{model}` is served for chat, and makes no embeddings")]
    ModelCannotEmbed {
        /// Name of the model.
        model: String,
    },
    /// The engine is refused.
    #[error(transparent)]
    Engine(#[from] BadEngine),
    /// A resource in another region was requested.
    #[error("this service stores data in `{here}`; a resource in `{region}` needs a service there")]
    OtherRegion {
        /// The requested region.
        region: String,
        /// The region of this service.
        here: String,
    },
    /// The file is not a model that can be run.
    #[error("`{}` is not a model that can be run: {reason}", path.display())]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// Problem that the worker found.
        reason: String,
    },
    /// The file is missing, differs from the expected one, or cannot be fetched.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// Operation that failed, as a verb.
        doing: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Fields of a content filter are wrong.
    #[error(transparent)]
    Fields(#[from] BadFields),
    /// A rule of a content filter is not allowed.
    #[error(transparent)]
    Rule(#[from] BadRule),
    /// The content filter is weaker than the operator allows.
    #[error(transparent)]
    TooWeak(#[from] TooWeak),
    /// The name of a blocklist is not allowed.
    #[error(transparent)]
    ListName(#[from] BadName),
    /// The number of days is not allowed.
    #[error(transparent)]
    Days(#[from] BadDays),
    /// The update has more network rules than a resource may have.
    #[error("the update has {given} IP rules, more than IP_RULES_MAX ({IP_RULES_MAX})")]
    TooManyIpRules {
        /// Number of rules in the update.
        given: usize,
    },
    /// No role has that name.
    #[error(transparent)]
    Role(#[from] NoSuchRole),
    /// The object id is not a GUID.
    #[error("the object id is not a GUID of the form 00000000-0000-0000-0000-000000000000")]
    ObjectId,
    /// The workstation cannot be enrolled or revoked.
    #[error(transparent)]
    Workstation(#[from] workstation::Refused),
    /// The person holds no role.
    #[error("the person with that object id has no role here")]
    NoRole,
    /// The action requires a reason, and none was given.
    #[error("the reason is missing")]
    NoReason,
    /// The change would undo a penalty for abuse.
    #[error(
        "this resource is under an abuse penalty until {until}; until then it cannot be deleted, and \
         its deployments cannot be created, changed or deleted"
    )]
    Penalised {
        /// Time at which the penalty expires.
        until: String,
    },
    /// The policies refuse it.
    #[error(transparent)]
    Forbidden(Forbidden),
    /// The action concerns the whole service, and the caller holds no role there.
    #[error("`{action}` concerns the whole service, and you hold no role there")]
    NotOfTheService {
        /// The action's name.
        action: &'static str,
    },
    /// The administrator tried to switch a lockbox off.
    #[error("only the owner of the resource `{name}` can switch its lockbox off")]
    OwnersLockbox {
        /// Name of the resource.
        name: String,
    },
    /// A caller other than the administrator tried to replace the administrator's key.
    #[error("only the administrator can replace the administrator's key")]
    NotTheAdministrator,
    /// The question about an inventory is not valid.
    #[error("{0}")]
    Question(String),
    /// A comparison by a need that the catalogue does not have.
    #[error(transparent)]
    Need(#[from] NoSuchNeed),
    /// A task panicked or was cancelled.
    #[error("the operation was interrupted: {0}")]
    Aborted(String),
}

impl From<NotWritten> for ManageError {
    fn from(error: NotWritten) -> Self {
        let NotWritten { path, source } = error;
        Self::File { doing: "write", path, source }
    }
}

impl From<NoRandom> for ManageError {
    fn from(error: NoRandom) -> Self {
        Self::Store(error.into())
    }
}

impl ManageError {
    /// Names the remedy.
    #[must_use]
    pub(crate) fn help(&self) -> String {
        match self {
            Self::Store(error) => error.help(),
            Self::Days(_) => {
                "to store no content at all, let the customer apply for zero retention at the desk \
                 (docs/operate/zero-retention.md)"
                    .to_owned()
            }
            Self::Fields(_) => "docs/operate/content-filter.md explains each field".to_owned(),
            Self::Rule(_) | Self::ListName(_) => {
                "docs/operate/content-filter.md lists the categories and the limits".to_owned()
            }
            Self::TooWeak(_) => {
                "raise these points, or let the customer apply for a weaker filter at the desk: \
                 `bailiwick desk apply --for content-filter`"
                    .to_owned()
            }
            Self::TooManyIpRules { .. } => "combine neighbouring addresses into ranges".to_owned(),
            Self::Role(_) => "write the full name of the role, in quotes".to_owned(),
            Self::ObjectId => {
                "give the token's `oid`: in Entra, the object id of the user, or of the enterprise \
                 application"
                    .to_owned()
            }
            Self::Workstation(refused) => refused.help().to_owned(),
            Self::NoRole => "assign a role first: `bailiwick role assign`".to_owned(),
            Self::Forbidden(forbidden) if forbidden.roles.is_empty() => {
                "no role allows this; docs/operate/administration.md lists the permissions"
                    .to_owned()
            }
            Self::Forbidden(_) | Self::NotOfTheService { .. } => {
                "ask the operator for a role (`bailiwick role assign`)".to_owned()
            }
            Self::OwnersLockbox { name } => format!(
                "let the customer's data protection officer or contributor do this, with a token, at \
                 the desk: PATCH /admin/v1/resources/{name}"
            ),
            Self::NotTheAdministrator => {
                "run `bailiwick key rotate --admin` on the machine with the data directory"
                    .to_owned()
            }
            Self::Penalised { .. } => {
                "appeal at the desk, ask the operator to lift it, or wait until it expires"
                    .to_owned()
            }
            Self::Question(_) => "docs/operate/state.md describes the inventory".to_owned(),
            Self::Need(_) => "`bailiwick compare --list` says what each need asks".to_owned(),
            Self::NoReason => "give a reason: the log commits to it".to_owned(),
            Self::ModelCannotChat { .. } => {
                "deploy it for embeddings (`--task embeddings`), or choose a model that generates \
                 text"
                    .to_owned()
            }
            Self::ModelCannotEmbed { .. } => {
                "add the engine's embedding model as a model of its own: `bailiwick model add NAME \
                 --served --task embeddings`"
                    .to_owned()
            }
            Self::Engine(error) => error.help(),
            Self::OtherRegion { .. } => {
                "leave the region out. `regions.here` of the configuration names the region of this \
                 service; on the command line, name the configuration: --config FILE"
                    .to_owned()
            }
            Self::Unsuitable { .. } => {
                "give one unsplit GGUF file of a chat or embedding model that llama.cpp runs"
                    .to_owned()
            }
            Self::Source(error) => error.help().to_owned(),
            Self::File { .. } => {
                "check that the file exists, that you may access it, and that the disk has space"
                    .to_owned()
            }
            Self::Aborted(_) => "try again".to_owned(),
        }
    }
}
