//! The arguments of `bailiwick desk root` and `bailiwick desk signer`. `--help` shows these comments.

use clap::{ArgGroup, Subcommand, ValueEnum};

use crate::cli::args::switch::Switch;

/// The party: a tenant, or the operator.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("party").required(true))]
pub(crate) struct Of {
    /// The tenant
    #[arg(long, value_name = "NAME", group = "party")]
    pub(crate) tenant: Option<String>,
    /// The operator
    #[arg(long, group = "party")]
    pub(crate) operator: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RootCommand {
    /// Show the roots and the keys of your tenant and of the operator
    Show,
    /// Make the first root: one key, or three of which two must sign. From then on, decisions of
    /// your people must be signed
    Make {
        #[command(flatten)]
        of: Of,
        /// Key: a file of `bailiwick signer new`, or `ssh:FILE`; one or three
        #[arg(long, value_name = "KEY", required = true)]
        key: Vec<String>,
    },
    /// Replace the root; `--signer` names the keys of the root before
    Replace {
        #[command(flatten)]
        of: Of,
        /// Key of the new root: a file, or the public key; one or three
        #[arg(long, value_name = "KEY", required = true)]
        key: Vec<String>,
    },
    /// Announce a new root for a party that lost its own; `--signer` names the operator's root
    Recover {
        #[command(flatten)]
        of: Of,
        /// Key of the new root: the public key; one or three
        #[arg(long, value_name = "KEY", required = true)]
        key: Vec<String>,
        /// Days until the new root counts, at least 7
        #[arg(long, value_name = "DAYS", default_value_t = 8)]
        days: u16,
    },
    /// Stop an announced recovery; `--signer` names one key of the root
    StopRecovery {
        #[command(flatten)]
        of: Of,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignerCommand {
    /// Show the keys of your people, and the roots
    List,
    /// Enrol a person's key; `--signer` names the root, or an enroller's key
    Enroll {
        #[command(flatten)]
        of: Of,
        /// Object id of the person in its directory
        #[arg(long, value_name = "GUID")]
        object: String,
        /// What the key may sign; may be given several times
        #[arg(long, value_name = "NAME", required = true)]
        capacity: Vec<CapacityName>,
        /// Days until the key ends, at most 365
        #[arg(long, value_name = "DAYS", default_value_t = 364)]
        days: u16,
        /// The person's key: a file of `bailiwick signer new`, or `ssh:FILE`
        #[arg(long, value_name = "KEY")]
        key: String,
    },
    /// Revoke a person's key, for good
    Revoke {
        #[command(flatten)]
        of: Of,
        /// Fingerprint of the key
        key: String,
    },
}

/// A tenant's promise about its lockbox.
#[derive(Debug, clap::Args)]
pub(crate) struct Lockbox {
    /// The new state
    pub(crate) state: Switch,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: String,
    /// One resource of it; by default all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// A tenant's promise about its retention.
#[derive(Debug, clap::Args)]
pub(crate) struct Retention {
    /// The most days for which content is stored, 1 to 30
    pub(crate) days: u32,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: String,
    /// One resource of it; by default all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

/// A tenant's promise about an identity provider.
#[derive(Debug, clap::Args)]
pub(crate) struct Issuer {
    /// Whether its tokens count
    pub(crate) state: Switch,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: String,
    /// The issuer: `iss` of its tokens
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: String,
    /// The receiver: `aud` of its tokens
    #[arg(long, value_name = "TEXT")]
    pub(crate) audience: String,
    /// Your directory at this issuer: `tid` of its tokens
    #[arg(long, value_name = "GUID")]
    pub(crate) directory: String,
}

/// A kind of decisions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CapacityName {
    /// Requests access to records, and decides on flags. Of the operator
    Reviewer,
    /// Approves access. Of the operator
    Manager,
    /// Decides on exemptions. Of the operator
    Decider,
    /// A customer's data protection officer
    Officer,
    /// Enrols the keys of other people
    Enroller,
}

impl CapacityName {
    /// Returns the name at the desk.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Reviewer => "reviewer",
            Self::Manager => "manager",
            Self::Decider => "decider",
            Self::Officer => "officer",
            Self::Enroller => "enroller",
        }
    }
}
