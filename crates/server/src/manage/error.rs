//! Why management was refused, and what to do.

use std::{io, path::PathBuf};

use policy::{
    authz::{Forbidden, role::NoSuchRole},
    network::IP_RULES_MAX,
    retention::BadDays,
    workflow::workstation,
};
use store::StoreError;

/// Why management was refused; [`ManageError::help`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// An embedding model was to chat.
    #[error("the model `{model}` only embeds, it cannot chat")]
    ModelCannotChat {
        /// The model.
        model: String,
    },
    /// The file is not a model that can be run.
    #[error("`{}` is not a model that can be run: {reason}", path.display())]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// What the worker found.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A number of days that is not allowed.
    #[error(transparent)]
    Days(#[from] BadDays),
    /// More network rules than a resource has.
    #[error("{given} IP rules are more than IP_RULES_MAX ({IP_RULES_MAX})")]
    TooManyIpRules {
        /// How many.
        given: usize,
    },
    /// No role of that name.
    #[error(transparent)]
    Role(#[from] NoSuchRole),
    /// Not somebody's id in a directory.
    #[error("the object id is no GUID of the form 00000000-0000-0000-0000-000000000000")]
    ObjectId,
    /// A workstation is not enrolled or revoked.
    #[error(transparent)]
    Workstation(#[from] workstation::Refused),
    /// Somebody without a role.
    #[error("nobody of that object id has a role here")]
    NoRole,
    /// Something was to be done without saying why.
    #[error("there is no reason")]
    NoReason,
    /// What would make up for a penalty for abuse was to be done.
    #[error(
        "the resource is under a penalty for abuse until {until}: before, neither it nor its \
         deployments are deleted, made or given other limits"
    )]
    Penalised {
        /// When the penalty expires.
        until: String,
    },
    /// The policies do not allow it.
    #[error(transparent)]
    Forbidden(Forbidden),
    /// It is done to the service as a whole, at which the caller holds no role.
    #[error("`{action}` concerns the whole service, and you hold no role there")]
    NotOfTheService {
        /// The action's name.
        action: &'static str,
    },
    /// The administrator was to switch a lockbox off.
    #[error("only the owner of the resource `{name}` can switch its lockbox off")]
    OwnersLockbox {
        /// The resource.
        name: String,
    },
    /// The administrator's key was to be replaced by another.
    #[error("only the administrator replaces the administrator's key")]
    NotTheAdministrator,
    /// A part of the program stopped.
    #[error("the work was cut off: {0}")]
    Aborted(String),
}

impl ManageError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Store(error) => error.help(),
            Self::Days(_) => {
                "to keep nothing at all, let the customer apply for zero retention at the desk \
                 (docs/operate/zero-retention.md)"
                    .to_owned()
            }
            Self::TooManyIpRules { .. } => "join neighbouring addresses into ranges".to_owned(),
            Self::Role(_) => "write the role's whole name, in quotes".to_owned(),
            Self::ObjectId => {
                "it is the token's `oid`: in Entra, the object id of the user, or of the enterprise \
                 application"
                    .to_owned()
            }
            Self::Workstation(refused) => refused.help().to_owned(),
            Self::NoRole => "give them one first: `bailiwick role assign`".to_owned(),
            Self::Forbidden(forbidden) if forbidden.roles.is_empty() => {
                "a role would not change it; docs/operate/administration.md says who may".to_owned()
            }
            Self::Forbidden(_) | Self::NotOfTheService { .. } => {
                "ask the operator for it (`bailiwick role assign`)".to_owned()
            }
            Self::OwnersLockbox { name } => format!(
                "let the customer's data protection officer or contributor do it, with a token, at \
                 the desk: PATCH /admin/v1/resources/{name}"
            ),
            Self::NotTheAdministrator => {
                "do it beside the data: `bailiwick key rotate --admin`".to_owned()
            }
            Self::Penalised { .. } => {
                "appeal at the desk, have it lifted, or wait until it expires".to_owned()
            }
            Self::NoReason => "say why: the log commits to it".to_owned(),
            Self::ModelCannotChat { .. } => {
                "deploy it for embeddings (`--task embeddings`), or choose a model that generates \
                 text"
                    .to_owned()
            }
            Self::Unsuitable { .. } => {
                "give a GGUF file of a chat or embedding model that llama.cpp runs, in one piece"
                    .to_owned()
            }
            Self::File { .. } => {
                "check that the file is there, that it is yours to use, and that the disk has space"
                    .to_owned()
            }
            Self::Random(_) | Self::Aborted(_) => "try again".to_owned(),
        }
    }
}
