//! The arguments of `bailiwick desk` and `bailiwick review`. `--help` shows these comments.

pub(crate) mod roll;
pub(crate) mod subject;

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand, ValueEnum};
use policy::workflow::review::Category;

use self::{
    roll::{Issuer, Lockbox, Retention, RootCommand, SignerCommand},
    subject::SubjectCommand,
};

/// The owner desk's address, the credentials, and the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Desk {
    /// Address of the owner desk
    #[arg(long, value_name = "URL", env = "BAILIWICK_DESK_URL", global = true)]
    pub(super) url: Option<String>,
    #[command(flatten)]
    pub(super) visit: Visit,
    #[command(subcommand)]
    pub(super) command: AtDesk,
}

/// The review desk's address, the workstation, the credentials, and the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Review {
    /// Address of the review desk
    #[arg(long, value_name = "URL", env = "BAILIWICK_REVIEW_URL", global = true)]
    pub(super) url: Option<String>,
    /// PEM file with the certificate of this workstation
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CERTIFICATE", global = true)]
    #[arg(requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CERTIFICATE_KEY", global = true)]
    #[arg(requires = "certificate")]
    pub(super) key: Option<PathBuf>,
    #[command(flatten)]
    pub(super) visit: Visit,
    #[command(subcommand)]
    pub(super) command: ReviewCommand,
}

/// The options of both desks.
#[derive(Debug, clap::Args)]
pub(crate) struct Visit {
    /// File with a token of your identity provider [default: the variable BAILIWICK_TOKEN]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) token_file: Option<PathBuf>,
    /// PEM file with the authority that signed the server's certificate, if you use your own
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE", global = true)]
    pub(super) ca_file: Option<PathBuf>,
    /// Key that signs your decision: a file of `bailiwick signer new`, or `ssh:FILE` for a key of
    /// `ssh-keygen` or of your SSH agent; several with commas
    #[arg(
        long,
        value_name = "KEY",
        env = "BAILIWICK_SIGNER",
        global = true,
        value_delimiter = ','
    )]
    pub(super) signer: Vec<String>,
    /// Sign, or erase a data subject, without asking
    #[arg(long, global = true)]
    pub(super) yes: bool,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AtDesk {
    #[command(flatten)]
    Of(DeskCommand),
    /// Find, export, erase or restrict the data that is kept of one person, a data subject
    #[command(subcommand)]
    Subject(SubjectCommand),
    /// Make, show and replace roots: the keys that name the people of a tenant, or of the operator
    #[command(subcommand)]
    Root(RootCommand),
    /// Enrol, list and revoke the keys with which people sign their decisions
    #[command(subcommand)]
    Signer(SignerCommand),
    /// Promise that each look at a record takes your consent, or end that promise
    Lockbox(Lockbox),
    /// Promise for how many days your content is stored at most
    Retention(Retention),
    /// Promise whose tokens count for your tenant: once you name a provider, no other one counts,
    /// also if the operator configures it
    Issuer(Issuer),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeskCommand {
    /// Show the pending applications for zero retention, or for weaker content filters
    Applications {
        #[command(flatten)]
        of: OfExemption,
    },
    /// Show whether a resource's content is stored, and its application for zero retention
    ZeroRetention {
        /// The resource
        resource: String,
    },
    /// Show a resource's application for content filters that are weaker than the operator requires
    FilterExemption {
        /// The resource
        resource: String,
    },
    /// Apply for zero retention, or for weaker content filters
    Apply {
        /// The resource
        resource: String,
        #[command(flatten)]
        of: OfExemption,
        /// Purpose of the resource
        #[arg(long, value_name = "TEXT")]
        use_case: String,
        /// Your own measures against abuse
        #[arg(long, value_name = "TEXT")]
        measures: String,
        /// Days until the exemption ends, counted from the application: 1 to 365
        #[arg(long, value_name = "DAYS")]
        days: u64,
        /// Agree that human review may be reinstated after abuse, under zero retention
        #[arg(long)]
        review_after_abuse: bool,
        /// Classes that the resource still keeps under zero retention, with commas: responses,
        /// conversations, completions, files, batches, fine-tuning [default: nothing]
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        keep: Vec<String>,
    },
    /// Decide an application, as one of the operator's officers
    #[command(group = ArgGroup::new("how").required(true))]
    Decide {
        /// The resource
        resource: String,
        #[command(flatten)]
        of: OfExemption,
        /// Id of the application, from `applications`
        #[arg(long, value_name = "ID")]
        approval: String,
        /// Approve the application
        #[arg(long, group = "how")]
        approve: bool,
        /// Reject the application
        #[arg(long, group = "how")]
        reject: bool,
        /// Reason for the decision
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End an exemption: from the next request on, content is stored, or weak filters are not used
    Withdraw {
        /// The resource
        resource: String,
        #[command(flatten)]
        of: OfExemption,
        /// Id of the application
        #[arg(long, value_name = "ID")]
        approval: String,
        /// Reason for the end
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show access to a resource's records: past openings and current access requests
    Looks {
        /// The resource
        resource: String,
    },
    /// Consent to an access request, if the lockbox is on
    Consent(OfGrant),
    /// Refuse an access request, or revoke a consent
    Decline(Refusal),
    /// List the stored records of a resource
    Records {
        /// The resource
        resource: String,
        /// Start after this record
        #[arg(long, value_name = "REQUEST")]
        after: Option<String>,
        /// Most records to list
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
    },
    /// Show one record of your own: its request and its response
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
    /// List the objects kept for a resource: files, responses, batches and all else, without
    /// content
    Inventory {
        /// The resource
        resource: String,
        /// List this class only: response, conversation, item, completion, file, upload, part, batch, job,
        /// adapter or checkpoint
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
        /// Start after this object
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// Most objects to list
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
    },
    /// Make a report: record of processing, sub-processors, transfers, measures, facts for an assessment,
    /// scope of a breach, or terms of processing
    Report {
        /// Kind of report
        kind: crate::reports::Kind,
        /// About this resource only [default: all of your resources]
        #[arg(long, value_name = "NAME")]
        resource: Option<String>,
        /// Begin of the period, for `breach-scope` and `dpia`: a month, a day or an hour, in UTC
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// End of the period
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Write one file of HTML, ready to print
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Delete one object from the inventory, and destroy its key, of any owner
    Shred {
        /// The resource
        resource: String,
        /// Id of the object
        id: String,
    },
    /// List which of your own people have read or deleted which record; `verify log --request`
    /// shows the log's entries for a record
    Acts {
        /// The resource
        resource: String,
        /// Start after this entry of the log
        #[arg(long, value_name = "ENTRY")]
        after: Option<u64>,
        /// Most entries to list
        #[arg(long, value_name = "NUMBER")]
        limit: Option<u32>,
    },
    /// Show the companies that operate engines, and which of them a resource allows
    Processors {
        /// The resource
        resource: String,
    },
    /// Allow a company that operates engines: content of the resource may get there
    AllowProcessor(OfProcessor),
    /// Withdraw that a company is allowed, from the next request on
    WithdrawProcessor(OfProcessor),
    /// Show the counts of abuse monitoring: by day and category, and by end user
    ///
    /// An end user is shown as a hash; without its key no name can be tried against it. With
    /// `--end-user`, the command shows the hash of one name.
    Abuse {
        /// The resource
        resource: String,
        /// Your name for an end user, as in `user` or `safety_identifier` of your requests: show its
        /// hash instead
        #[arg(long, value_name = "NAME")]
        end_user: Option<String>,
    },
    /// Show the penalty of a resource, and the notices to its owner
    Penalty {
        /// The resource
        resource: String,
    },
    /// Appeal against a penalty
    Appeal {
        /// The resource
        resource: String,
        /// Reason for the appeal
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Show the flagged records of this workstation's region: ids and ages, no content
    Queue,
    /// Flag a record
    Flag {
        /// The request's id
        request: String,
        /// Category: hate, self_harm, sexual, violence, jailbreak or other
        #[arg(long, value_name = "CATEGORY")]
        category: Category,
    },
    /// Request access to a record
    Look {
        /// The request's id
        request: String,
        /// Reason for the request, which the manager and the customer read
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Approve an access request of a reviewer of your team: the record can be opened once
    Approve {
        #[command(flatten)]
        of: OfGrant,
        /// Minutes in which the record can be opened: 1 to 60, counted from the approval, or with
        /// lockbox from the customer's consent [default: 15]
        #[arg(long, value_name = "MINUTES")]
        minutes: Option<u64>,
    },
    /// Refuse an access request, or revoke an approval
    Refuse(Refusal),
    /// Open the record: once, and from the workstation that requested access
    ///
    /// The request and the response are printed. The terminal may keep them in its scrollback.
    Open(OfGrant),
    /// Decide about the record that you have opened
    Judge {
        #[command(flatten)]
        of: OfGrant,
        /// Decision about the record
        #[arg(long)]
        outcome: Outcome,
        /// Reason for the decision
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show the counts of abuse monitoring about a resource
    Abuse {
        /// The resource
        resource: String,
    },
    /// Show the resources under a penalty, and the open appeals
    Penalties,
    /// Notify a resource's owner of abuse
    Notice(OfResource),
    /// Throttle or block a resource for a time
    #[command(group = ArgGroup::new("how").required(true))]
    Penalise {
        #[command(flatten)]
        of: OfResource,
        /// Percentage of the rate limit that remains
        #[arg(long, value_name = "PERCENT", group = "how")]
        throttle: Option<u8>,
        /// Refuse all requests
        #[arg(long, group = "how")]
        block: bool,
        /// Days until the penalty expires
        #[arg(long, value_name = "DAYS")]
        days: u64,
    },
    /// Lift a penalty
    Lift(OfResource),
    /// Reject an appeal: the penalty stays
    Uphold(OfResource),
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfExemption {
    /// Rule that the exemption is from
    #[arg(long = "for", value_name = "RULE", default_value = "content-logging")]
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Content is stored: the exemption is zero retention
    ContentLogging,
    /// Content filters are as strong as the operator requires
    ContentFilter,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfGrant {
    /// The request's id
    pub(super) request: String,
    /// Id of the access request, from the answer of `look`
    #[arg(long, value_name = "ID")]
    pub(super) grant: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfProcessor {
    /// The resource
    pub(super) resource: String,
    /// Name of the company, from `processors`
    pub(super) processor: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Refusal {
    #[command(flatten)]
    pub(super) of: OfGrant,
    /// Reason for the refusal
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OfResource {
    /// The resource
    pub(super) resource: String,
    /// Reason for the step, which the owner reads
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Outcome {
    Dismissed,
    Confirmed,
    Escalated,
}
