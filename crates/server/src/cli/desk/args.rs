//! What can be typed at the desks. The comments are what `--help` shows.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand, ValueEnum};
use policy::workflow::review::Category;

/// Where a desk is, and as whom it is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Desk<C: Subcommand> {
    #[command(flatten)]
    pub(super) visit: Visit,
    #[command(subcommand)]
    pub(super) command: C,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Visit {
    /// The desk's address [default: the variable BAILIWICK_DESK_URL, or for review BAILIWICK_REVIEW_URL]
    #[arg(long, value_name = "URL", global = true)]
    pub(super) url: Option<String>,
    /// File with a token of your identity provider [default: the variable BAILIWICK_TOKEN]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) token_file: Option<PathBuf>,
    /// PEM file with the authority that signed the server's certificate, where it is your own
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE", global = true)]
    pub(super) ca_file: Option<PathBuf>,
    /// PEM file with the certificate of this workstation, for review
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CERTIFICATE", global = true)]
    #[arg(requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CERTIFICATE_KEY", global = true)]
    #[arg(requires = "certificate")]
    pub(super) key: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeskCommand {
    /// Show the applications for zero retention that wait for a decision
    Applications,
    /// Show whether a resource's content is kept, and its application for zero retention
    ZeroRetention {
        /// The resource
        resource: String,
    },
    /// Apply for zero retention
    Apply {
        /// The resource
        resource: String,
        /// What it is used for
        #[arg(long, value_name = "TEXT")]
        use_case: String,
        /// What is done against abuse instead
        #[arg(long, value_name = "TEXT")]
        measures: String,
        /// For how long
        #[arg(long, value_name = "DAYS")]
        days: u64,
        /// Agree that people may look again once there was abuse
        #[arg(long)]
        review_after_abuse: bool,
    },
    /// Decide about an application, as one of the operator's officers
    #[command(group = ArgGroup::new("how").required(true))]
    Decide {
        /// The resource
        resource: String,
        /// The application, as `applications` shows it
        #[arg(long, value_name = "ID")]
        approval: String,
        /// Say yes
        #[arg(long, group = "how")]
        approve: bool,
        /// Say no
        #[arg(long, group = "how")]
        reject: bool,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take zero retention back: content is kept from the next request on
    Withdraw {
        /// The resource
        resource: String,
        /// The application
        #[arg(long, value_name = "ID")]
        approval: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show who has looked at records of a resource's calls, or asks to
    Looks {
        /// The resource
        resource: String,
    },
    /// Consent to a look, where the lockbox is on
    Consent(OfGrant),
    /// Refuse a look, or take a consent back
    Decline(Refusal),
    /// List the records that are kept of a resource's calls
    Records {
        /// The resource
        resource: String,
        /// Those after this one
        #[arg(long, value_name = "REQUEST")]
        after: Option<String>,
        /// At most so many
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
    },
    /// Show one record of your own: what was asked, and what was answered
    Record {
        /// The resource
        resource: String,
        /// The request's id
        request: String,
    },
    /// Erase one record of your own
    Erase {
        /// The resource
        resource: String,
        /// The request's id
        request: String,
    },
    /// List who of your own has read or deleted which record; `verify log --request` shows what the log
    /// has of it
    Acts {
        /// The resource
        resource: String,
        /// Those after this entry of the log
        #[arg(long, value_name = "ENTRY")]
        after: Option<u64>,
        /// At most so many
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
    },
    /// Show the penalty that a resource is under, and what its owner was told
    Penalty {
        /// The resource
        resource: String,
    },
    /// Appeal against a penalty
    Appeal {
        /// The resource
        resource: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Show which records of this workstation's region are flagged: ids and ages, no content
    Queue,
    /// Flag a record
    Flag {
        /// The request's id
        request: String,
        /// What for: hate, self_harm, sexual, violence, jailbreak or other
        #[arg(long, value_name = "CATEGORY")]
        category: Category,
    },
    /// Ask to see a record
    Look {
        /// The request's id
        request: String,
        /// Why: the manager and the customer read it
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let a reviewer of your team see a record, once
    Approve {
        #[command(flatten)]
        of: OfGrant,
        /// For how long
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u64>,
    },
    /// Refuse a look, or take an approval back
    Refuse(Refusal),
    /// See the record: once, and from the workstation that asked
    Open(OfGrant),
    /// Judge what you have seen
    Judge {
        #[command(flatten)]
        of: OfGrant,
        /// How it is judged
        #[arg(long)]
        outcome: Outcome,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show the resources that are under a penalty, and the appeals that wait
    Penalties,
    /// Tell a resource's owner of abuse
    Notice(OfResource),
    /// Throttle or block a resource for a time
    #[command(group = ArgGroup::new("how").required(true))]
    Penalise {
        #[command(flatten)]
        of: OfResource,
        /// Serve so much of its rate limit
        #[arg(long, value_name = "PERCENT", group = "how")]
        throttle: Option<u8>,
        /// Serve nothing
        #[arg(long, group = "how")]
        block: bool,
        /// For how long
        #[arg(long, value_name = "DAYS")]
        days: u64,
    },
    /// Lift a penalty
    Lift(OfResource),
    /// Hear an appeal, and let the penalty stand
    Uphold(OfResource),
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfGrant {
    /// The request's id
    pub(super) request: String,
    /// The look, as asking for it answered
    #[arg(long, value_name = "ID")]
    pub(super) grant: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Refusal {
    #[command(flatten)]
    pub(super) of: OfGrant,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfResource {
    /// The resource
    pub(super) resource: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Outcome {
    Dismissed,
    Confirmed,
    Escalated,
}
