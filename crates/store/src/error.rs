//! What can go wrong with the store, and what to do about it.
//!
//! No message holds a key or a digest.

use std::{fmt, io, path::PathBuf};

use crate::files::FILES;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A tenant.
    Tenant,
    /// A resource.
    Resource,
    /// A deployment.
    Deployment,
    /// A model.
    Model,
    /// A role that was given.
    RoleAssignment,
}

impl Kind {
    /// The kind's name: as written in messages and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::RoleAssignment => "role assignment",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why something was not read from or written to the store; [`StoreError::help`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A name that is not allowed.
    #[error("`{given}` cannot be the name of a {kind}")]
    BadName {
        /// Of what.
        kind: &'static str,
        /// The name.
        given: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// The name is taken.
    #[error("there is a {kind} `{name}` already")]
    Exists {
        /// What.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// There is no such thing.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// What.
        kind: Kind,
        /// The name that was asked for.
        name: String,
    },
    /// It cannot be deleted as long as others need it.
    #[error(transparent)]
    InUse(InUse),
    /// Somebody who is known as a person, and is said to be a program; or the other way round.
    #[error("they are known as a {is} here, and hold roles as one")]
    OtherKind {
        /// What they are known as.
        is: &'static str,
    },
    /// A permit for a thing of another kind than the change is made to.
    #[error("the permit is for another kind of thing than this changes")]
    OtherThing,
    /// What was decided about is not so any more.
    #[error("another process changed this in the meantime")]
    Meanwhile,
    /// The data directory is open to others and holds what is not ours.
    #[error("`{}` holds other files, and other users can enter it", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error("the database has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// Its format.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// A row that this program cannot have written.
    #[error("the database holds a damaged row ({what})")]
    Damaged {
        /// Which column.
        what: &'static str,
    },
    /// Nobody knows what time it is.
    #[error(transparent)]
    Clock(policy::retention::clock::Behind),
    /// There are no random bytes.
    #[error(transparent)]
    NoRandom(#[from] crate::random::NoRandom),
    /// Another server runs on the data directory.
    #[error("another bailiwick serves `{}`", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory is on a file system that other machines may use at the same time.
    #[error("`{}` is on a network file system ({kind})", path.display())]
    NetworkFiles {
        /// The directory.
        path: PathBuf,
        /// Which file system.
        kind: &'static str,
    },
    /// Another program took a file away that this one has open.
    #[error("the database's file `{file}` was {what} while it was in use")]
    Displaced {
        /// Its name.
        file: &'static str,
        /// What was done to it.
        what: &'static str,
    },
    /// A backup, or a copy of one, is used as a data directory.
    #[error("`{}` has a copy of a database that `bailiwick backup` made", path.display())]
    Backup {
        /// The directory.
        path: PathBuf,
    },
    /// Another process holds the database.
    #[error("the database is busy: another process is writing to it")]
    Busy,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(rusqlite::Error),
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
}

impl StoreError {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::BadName { rule, .. } => format!("use {rule}"),
            Self::Exists { kind, .. } => {
                format!("choose another name; `bailiwick {kind} list` shows what there is")
            }
            Self::NotFound { kind, .. } => format!("`bailiwick {kind} list` shows what there is"),
            Self::OtherKind { .. } => {
                "say `--workload` for a program alone; if they were taken for the wrong one, take \
                 those roles first: `bailiwick role list` shows them, `bailiwick role remove` takes one"
                    .to_owned()
            }
            Self::InUse(InUse { by: Kind::RoleAssignment, .. }) => {
                "take the roles of its people first: `bailiwick role list` shows them, `bailiwick \
                 role remove` takes one"
                    .to_owned()
            }
            Self::InUse(InUse { by, example, .. }) => {
                format!("delete first what uses it: `bailiwick {by} delete {example}`")
            }
            Self::Exposed { path } => format!(
                "choose a new directory, or close this one to others: `chmod 700 {}`",
                path.display()
            ),
            Self::Newer { .. } => "run the newer bailiwick that wrote it".to_owned(),
            Self::Damaged { .. } => "restore the data directory from a backup".to_owned(),
            Self::Clock(_) => {
                "set the machine's clock, or let it be set over the network".to_owned()
            }
            Self::NoRandom(_) => {
                "look into the system: /dev/urandom should always answer".to_owned()
            }
            Self::Locked { .. } => {
                "stop the other one, or give this one its own directory".to_owned()
            }
            Self::NetworkFiles { .. } => {
                "put it on a disk of this machine: on that one a second machine could open the \
                 database, and delete what this one has written"
                    .to_owned()
            }
            Self::Displaced { .. } => {
                "stop the service, put the file back, and start it again: docs/operate/records.md \
                 says which one holds what was recorded"
                    .to_owned()
            }
            Self::Backup { .. } => {
                "restore it with `bailiwick restore` (docs/operate/backup.md): a log that goes on from an \
                 older database under the same name is a fork"
                    .to_owned()
            }
            Self::Busy | Self::Meanwhile => "try again in a moment".to_owned(),
            Self::OtherThing => "report this: it is a fault of this program".to_owned(),
            Self::Database(_) | Self::File { .. } => {
                "check that the disk has space and that the directory is yours".to_owned()
            }
        }
    }
}

/// Something that others still need.
#[derive(Debug, PartialEq, Eq)]
pub struct InUse {
    /// What was to be deleted.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What still needs it.
    pub by: Kind,
    /// How many there are.
    pub count: u64,
    /// The first of them, as typed on the command line to delete it.
    pub example: String,
}

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, by, count, .. } = self;
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "the {kind} `{name}` is in use by {count} {by}{plural}")
    }
}

impl std::error::Error for InUse {}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy,
            // The hook of every connection: the files are not those that it writes to.
            _ if extended_code(&error) == Some(rusqlite::ffi::SQLITE_CONSTRAINT_COMMITHOOK) => {
                Self::Displaced { file: FILES[0], what: "moved, removed or replaced" }
            }
            _ => Self::Database(error),
        }
    }
}
