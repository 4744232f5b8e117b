//! A difference between the tables and the log.

use serde::Serialize;

/// A difference between the tables and the log. It holds ids, names, numbers and settings, and never
/// content, a person's words or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind of thing.
    pub what: What,
    /// The thing: its name, or the id that the log has of it.
    pub which: String,
    /// The state that follows from the log; for a decision, the reason why it does not count.
    pub log: String,
    /// The state in the table; empty for a decision, which is an entry of the log itself.
    pub table: String,
}

/// The kind of thing that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A tenant.
    Tenant,
    /// A setting of a resource: its region, lockbox, retention, network rules and others.
    Resource,
    /// Whether content is stored, and by which approval it is not.
    ContentLogging,
    /// A deployment.
    Deployment,
    /// A model.
    Model,
    /// An engine: where it is, and who operates it.
    Engine,
    /// A processor that a resource's customer allows.
    Processor,
    /// The treatment of personal data.
    PersonalData,
    /// The digest of a key of a resource, or of the administrator's key.
    Key,
    /// A role of a person or a program.
    Role,
    /// A person or a program: the object of the directory behind a random id.
    Principal,
    /// A person's team.
    Team,
    /// A workstation.
    Workstation,
    /// A step of a review: a flag, an access request, its approval or its consent.
    Review,
    /// An application for an exemption, or an approval.
    Exemption,
    /// A penalty for abuse.
    Penalty,
    /// The place of a grant in the log.
    Grant,
    /// The tenant or the deadline of a key that records are sealed to.
    RecordKey,
    /// The text of a change, which says what was set.
    Change,
    /// What a person wrote, which a commitment opens to.
    Opening,
    /// A receipt.
    Receipt,
    /// A stored record.
    Record,
    /// The sums of requests and tokens in an hour.
    Usage,
    /// What a customer promised with its own key.
    Promise,
    /// An entry of the log with a decision of people that does not count.
    Decision,
    /// A customer's root.
    Root,
    /// An identity provider that a customer named with its own key.
    Issuer,
}

impl What {
    /// Returns the name of the kind.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::ContentLogging => "content logging",
            Self::Deployment => "deployment",
            Self::Model => "model",
            Self::Engine => "engine",
            Self::Processor => "allowed processor",
            Self::PersonalData => "treatment of personal data",
            Self::Key => "key",
            Self::Role => "role",
            Self::Principal => "person or program",
            Self::Team => "team",
            Self::Workstation => "workstation",
            Self::Review => "review",
            Self::Exemption => "exemption",
            Self::Penalty => "penalty",
            Self::Grant => "grant",
            Self::RecordKey => "key of records",
            Self::Change => "text of a change",
            Self::Opening => "text behind a commitment",
            Self::Receipt => "receipt",
            Self::Record => "record",
            Self::Usage => "usage",
            Self::Promise => "customer's promise",
            Self::Decision => "decision",
            Self::Root => "root",
            Self::Issuer => "identity provider",
        }
    }

    /// Returns true if the service must not run while this differs: it decides by this row.
    /// Otherwise the row is evidence only, or the custodian decides by the log itself.
    #[must_use]
    pub fn stops(self) -> bool {
        match self {
            Self::Tenant
            | Self::Resource
            | Self::ContentLogging
            | Self::Deployment
            | Self::Model
            | Self::Engine
            | Self::Processor
            | Self::PersonalData
            | Self::Key
            | Self::Role
            | Self::Principal
            | Self::Team
            | Self::Workstation
            | Self::Review
            | Self::Exemption
            | Self::Penalty
            | Self::RecordKey
            | Self::Change
            | Self::Root
            | Self::Issuer => true,
            Self::Grant
            | Self::Opening
            | Self::Receipt
            | Self::Record
            | Self::Usage
            | Self::Promise
            | Self::Decision => false,
        }
    }

    /// Returns the next step.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Resource | Self::Promise => {
                "find out who wrote into the database; then set what is true with `bailiwick resource \
                 update`, which the log records"
            }
            Self::Role | Self::Team => {
                "find out who wrote into the database; then remove or assign the role with `bailiwick \
                 role`, which the log records"
            }
            Self::Key => {
                "find out who wrote into the database; then replace the key with `bailiwick key rotate`"
            }
            Self::Tenant
            | Self::ContentLogging
            | Self::Deployment
            | Self::Model
            | Self::Engine
            | Self::Processor
            | Self::PersonalData
            | Self::Principal
            | Self::Workstation
            | Self::Review
            | Self::Exemption
            | Self::Penalty
            | Self::Grant
            | Self::RecordKey
            | Self::Root
            | Self::Issuer
            | Self::Change => {
                "find out who wrote into the database; then put the row back as the log has it, from a \
                 backup that was made before"
            }
            Self::Opening => {
                "find out who wrote into the database; the text is no evidence, and the log's entry \
                 stays"
            }
            Self::Receipt => {
                "find out who wrote into the database; the customer may have the receipt that its \
                 answer carried, and the log's entry stays. If `retention.receipts_days` was lower \
                 before, older receipts are missing for that reason"
            }
            Self::Decision => {
                "find out who wrote into the database; the entry stays in the log, where `bailiwick \
                 verify log` names it, and nothing opens by it"
            }
            Self::Usage => {
                "find out who wrote into the database; the sums of the receipts count, if no receipt \
                 is missing"
            }
            Self::Record => {
                "find out who wrote into the database; the custodian does not open a record in a place \
                 that is not its own"
            }
        }
    }
}

impl Finding {
    /// Makes the finding of a row that differs.
    pub(crate) fn new(
        what: What,
        which: impl Into<String>,
        log: impl Into<String>,
        table: impl Into<String>,
    ) -> Self {
        Self { what, which: which.into(), log: log.into(), table: table.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, which, log, table } = self;
        if *what == What::Decision {
            return write!(f, "{} {which} does not count: {log}", what.name());
        }
        write!(f, "{} {which}: the log says {log}; the table says {table}", what.name())
    }
}
