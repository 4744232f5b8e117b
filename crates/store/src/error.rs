//! The errors of the store, each with the remedy. No message contains a key or a digest.

use std::{error::Error, fmt, io, path::PathBuf};

/// The kind of thing that a message names.
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
    /// A role assignment.
    RoleAssignment,
    /// An engine.
    Engine,
    /// A processor: the operator of an engine, if it is not the operator of this service.
    Processor,
    /// A content filter.
    Filter,
    /// A blocklist.
    Blocklist,
    /// An item of a blocklist.
    Item,
}

impl Kind {
    /// Returns the kind's name, as in messages and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::RoleAssignment => "role assignment",
            Self::Engine => "engine",
            Self::Processor => "processor",
            Self::Filter => "filter",
            Self::Blocklist => "blocklist",
            Self::Item => "item",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The reason why the store refused or failed; [`StoreError::help`] gives the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The name is not allowed.
    #[error("`{given}` cannot be the name of {} {kind}", article(kind))]
    BadName {
        /// Kind of the named thing.
        kind: &'static str,
        /// The name.
        given: String,
        /// The names that are allowed.
        rule: &'static str,
    },
    /// A field of an engine is not allowed.
    #[error("the engine's {field} is not allowed")]
    BadEngine {
        /// The field.
        field: &'static str,
        /// The values that are allowed.
        rule: &'static str,
    },
    /// A word or a pattern of a setting about personal data is not accepted.
    #[error("the setting about personal data is not accepted: {0}")]
    BadPersonalTerm(policy::personal::BadTerm),
    /// An engine was to serve a model that has a file.
    #[error("the model `{model}` has a file, so no other engine serves it")]
    HasFile {
        /// The model's name.
        model: String,
    },
    /// A deployment may not take the overflow of another one.
    #[error("`{to}` cannot be the spillover of `{from}`: {refused}")]
    Spillover {
        /// The name of the deployment with the spillover.
        from: String,
        /// The name of the spillover.
        to: String,
        /// The reason.
        refused: policy::spillover::NoSpillover,
    },
    /// A term of a blocklist, or the list, is over a limit. No text of a term is in the error.
    #[error("{problem}{}", item.as_ref().map(|item| format!(" (item `{item}`)")).unwrap_or_default())]
    BadTerm {
        /// The name of the item, unless the list as a whole is refused.
        item: Option<String>,
        /// The problem.
        problem: policy::guard::blocklist::BadTerm,
    },
    /// A resource has as many of these things as it may have.
    #[error("a resource has at most {most} {kind}s")]
    TooMany {
        /// Kind of the things.
        kind: Kind,
        /// Their largest number.
        most: usize,
    },
    /// The change requires a person.
    #[error(transparent)]
    NoPerson(#[from] policy::permit::NoPerson),
    /// The name is taken.
    #[error("there is {} {kind} `{name}` already", article(kind.name()))]
    Exists {
        /// Kind of the existing thing.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// The thing does not exist.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// Kind of the missing thing.
        kind: Kind,
        /// The name in the request.
        name: String,
    },
    /// The thing cannot be deleted while other things use it.
    #[error(transparent)]
    InUse(InUse),
    /// A person was named as a workload, or a workload as a person.
    #[error("this object id is registered as a {is}, and has roles")]
    OtherKind {
        /// The registered kind: `person` or `workload`.
        is: &'static str,
    },
    /// The permit is for another kind of thing than the change.
    #[error("the permit is for another kind of thing than the change")]
    OtherThing,
    /// Another process changed the data after the decision.
    #[error("another process changed this in the meantime")]
    Meanwhile,
    /// The data directory holds foreign files, and other users can enter it.
    #[error("`{}` holds other files, and other users can enter it", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// A newer program wrote the database.
    #[error("the database has format {found}, and this program knows formats up to {known}")]
    Newer {
        /// The format of the database.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// A row has a value that this program never writes.
    #[error("the database holds a damaged row ({what})")]
    Damaged {
        /// The column.
        what: &'static str,
    },
    /// The change contradicts what the customer promised with its own key.
    #[error("the customer of this resource promised in the log: {what}")]
    Promised {
        /// The promise.
        what: String,
    },
    /// A decision of people is not signed as it must be.
    #[error(transparent)]
    NotLogged(#[from] Box<crate::not_logged::NotLogged>),
    /// The machine's clock is wrong.
    #[error(transparent)]
    Clock(policy::retention::clock::Behind),
    /// The system gave no random bytes.
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
        /// The file system.
        kind: &'static str,
    },
    /// Another program moved, replaced or changed an open file of the database.
    #[error("the database's file `{file}` was {what} while it was in use")]
    Displaced {
        /// The name of the file.
        file: &'static str,
        /// The change, such as `removed`.
        what: &'static str,
    },
    /// A row of the database says something else than the log.
    #[error("{count} rows of the database differ from the log. The first: {first}")]
    Differs {
        /// The first difference.
        first: String,
        /// The number of differences with which the service must not run.
        count: usize,
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
    Database(Box<dyn Error + Send + Sync>),
    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    File {
        /// The operation, such as `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl StoreError {
    /// Returns the remedy.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::BadName { rule, .. } => format!("use {rule}"),
            Self::Exists { kind: Kind::Filter, .. } => {
                "choose another name; `bailiwick filter update` changes the existing one".to_owned()
            }
            Self::Exists { kind: Kind::Blocklist, .. } => {
                "choose another name; `bailiwick blocklist add` adds terms to the existing one"
                    .to_owned()
            }
            Self::Exists { kind, .. } => {
                format!("choose another name; `bailiwick {kind} list` shows the existing ones")
            }
            Self::BadEngine { rule, .. } => format!("use {rule}"),
            Self::BadPersonalTerm(_) => {
                "correct the list of words or patterns, and send it again".to_owned()
            }
            Self::HasFile { .. } => {
                "name a model without a file: `bailiwick model add NAME --served` adds one".to_owned()
            }
            Self::Spillover { from, refused, .. } => format!(
                "{}; `bailiwick deployment update {from} --resource RESOURCE --spillover none` switches it off",
                refused.help()
            ),
            Self::NoPerson(_) => "use the token of a person".to_owned(),
            Self::NotFound { kind: Kind::Processor, .. } => {
                "`bailiwick processors` shows the processors that operate an engine".to_owned()
            }
            Self::NotFound { kind: kind @ (Kind::Filter | Kind::Blocklist), .. } => {
                format!("`bailiwick {kind} list RESOURCE` shows the existing ones")
            }
            Self::NotFound { kind: Kind::Item, .. } => {
                "`bailiwick blocklist show RESOURCE NAME --terms` shows the items".to_owned()
            }
            Self::BadTerm { .. } => {
                "nothing was changed; docs/operate/content-filter.md lists the limits".to_owned()
            }
            Self::TooMany { kind, .. } => {
                format!("delete one that nothing uses: `bailiwick {kind} list RESOURCE` shows them")
            }
            Self::NotFound { kind, .. } => format!("`bailiwick {kind} list` shows the existing ones"),
            Self::OtherKind { .. } => {
                "use `--workload` for programs only; to register it as the other kind, first remove \
                 its roles: `bailiwick role list` shows them, `bailiwick role remove` removes one"
                    .to_owned()
            }
            Self::InUse(InUse { by: Kind::RoleAssignment, .. }) => {
                "first remove the roles of its people: `bailiwick role list` shows them, \
                 `bailiwick role remove` removes one"
                    .to_owned()
            }
            Self::InUse(InUse { by: Kind::Engine, example, .. }) => format!(
                "first update or remove each engine that uses it: `bailiwick engine remove {example}`"
            ),
            Self::InUse(InUse { kind: Kind::Filter, example, .. }) => format!(
                "first give each deployment that uses it another filter: `bailiwick deployment \
                 update {example} --filter default`"
            ),
            Self::InUse(InUse { kind: Kind::Blocklist, example, .. }) => format!(
                "first remove it from each filter that names it: `bailiwick filter update {example} \
                 --no-blocklist NAME`"
            ),
            Self::InUse(InUse { kind: Kind::Deployment, by: Kind::Deployment, example, .. }) => {
                format!(
                    "first switch the spillover of each deployment that uses it off: `bailiwick \
                     deployment update {example} --resource RESOURCE --spillover none`"
                )
            }
            Self::InUse(InUse { by, example, .. }) => {
                format!("first delete each {by} that uses it: `bailiwick {by} delete {example}`")
            }
            Self::Exposed { path } => format!(
                "choose a new directory, or close this one to others: `chmod 700 {}`",
                path.display()
            ),
            Self::Newer { .. } => "run the newer bailiwick that wrote it".to_owned(),
            Self::Damaged { .. } => "restore the data directory from a backup".to_owned(),
            Self::Promised { .. } => {
                "nothing was changed; only the customer changes its promise: `bailiwick desk lockbox`, \
                 `bailiwick desk retention`"
                    .to_owned()
            }
            Self::NotLogged(error) => error.help().to_owned(),
            Self::Clock(_) => {
                "set the machine's clock, or let it be set over the network".to_owned()
            }
            Self::NoRandom(_) => {
                "check the system: /dev/urandom should always answer".to_owned()
            }
            Self::Locked { .. } => {
                "stop the other server, or give this one its own directory".to_owned()
            }
            Self::NetworkFiles { .. } => {
                "put it on a disk of this machine: on a network file system a second machine could \
                 open the database, and delete the data of this one"
                    .to_owned()
            }
            Self::Displaced { .. } => {
                "stop the service, put the file back, and start it again: docs/operate/records.md \
                 says which file holds the records"
                    .to_owned()
            }
            Self::Differs { .. } => {
                "`bailiwick doctor` lists them all, with the next step for each (docs/operate/doctor.md)"
                    .to_owned()
            }
            Self::Backup { .. } => {
                "restore it with `bailiwick restore` (docs/operate/backup.md): a log that continues from an \
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

/// Returns the article of a kind's name.
fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// A thing that other things still use.
#[derive(Debug, PartialEq, Eq)]
pub struct InUse {
    /// Kind of the thing to delete.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Kind of the things that use it.
    pub by: Kind,
    /// Number of these things.
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

impl Error for InUse {}
