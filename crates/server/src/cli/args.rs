//! The arguments of the command line. `--help` shows these comments.

pub(crate) mod engines;
pub(crate) mod filters;
pub(crate) mod personal;
pub(crate) mod switch;

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgGroup, Parser, Subcommand, ValueEnum, builder::Styles};
use clap_complete::Shell;
use policy::{
    forward::Label,
    network::{self, IpRule},
    principal::KeyName,
    residency::Sku,
    task::Task,
};

use crate::{
    manage::{Period, Step},
    reports::Kind,
};

pub(crate) use self::switch::Switch;
use self::{
    engines::Engines,
    filters::{Blocklists, Filters},
};
use super::desk::args::{Desk, Review};

/// A private LLM service in one binary: the OpenAI and Azure OpenAI APIs, from machines that you
/// control.
///
/// Start with `bailiwick quickstart`, and talk to it with `bailiwick chat`.
#[derive(Debug, Parser)]
#[command(name = "bailiwick", version, propagate_version = true, styles = styles())]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API by a configuration file
    Serve(Serve),
    /// Create a demo tenant with keys and a small model, and serve it
    Quickstart(Quickstart),
    /// Talk to a deployment
    Chat(Chat),
    /// Manage tenants: the customers that own resources
    Tenant(Group<TenantCommand>),
    /// Manage resources: accounts with a region, two keys and deployments
    Resource(Group<ResourceCommand>),
    /// Manage deployments: names for models under a resource
    Deployment(Group<DeploymentCommand>),
    /// Manage content filters of resources: the categories that they annotate and block
    Filter(Filters),
    /// Manage blocklists of resources: own terms for content filters
    Blocklist(Blocklists),
    /// Manage the two keys of a resource, and the administrator's key
    Key(Group<KeyCommand>),
    /// Manage roles of people and programs that sign in with tokens
    Role(Group<RoleCommand>),
    /// Manage the workstations from which people may review records
    Workstation(Group<WorkstationCommand>),
    /// Make and show keys that sign decisions of people
    Signer(super::signer::Signers),
    /// Use the owner desk: zero retention, consent to access requests, your own records, appeals
    Desk(Desk),
    /// Review flagged records, from an enrolled workstation
    Review(Review),
    /// Manage models: GGUF files, pinned by their digests, and models that engines serve
    Model(Group<ModelCommand>),
    /// Manage engines: other programs that run models, on other machines
    Engine(Engines),
    /// List the companies that operate engines, and the use of each
    Processors(Shared),
    /// Set the treatment of personal data in requests, and show it
    #[command(name = "personal-data")]
    PersonalData(personal::PersonalData),
    /// Show requests, tokens and their cost by hour, day or month
    Usage(UsageArgs),
    /// List the objects kept for a resource: files, responses, batches and all else, without
    /// content
    Inventory(InventoryArgs),
    /// Explain the life of a request of a resource: each step, the settings behind it, and how to check
    /// it
    Explain(ExplainArgs),
    /// Compare other offerings, by their own words, and this service, by its settings
    Compare(CompareArgs),
    /// Make a report for data protection: record of processing, sub-processors, transfers, measures, facts
    /// for an assessment, scope of a breach, or terms of processing
    Report(ReportArgs),
    /// Compare the database with the log, and name every row that differs
    Doctor(DoctorArgs),
    /// Write one signed bundle of evidence for a period, to verify offline
    Evidence(EvidenceArgs),
    /// Send marked texts through the running service, and search every place for them
    #[command(name = "self-test")]
    SelfTest(SelfTestArgs),
    /// Back up the data directory while the service runs
    Backup(Backup),
    /// Restore a backup: the old log ends, and a new log continues it
    Restore(Restore),
    /// Prove that the configured policies keep the promises, and record the result in the log
    Prove(Prove),
    /// Check receipts, the log or a release offline, with only a public key
    Verify(audit::command::args::Verify),
    /// Copy a service's log and check it; repeat to check that its history stays the same
    Mirror(audit::command::args::Mirror),
    /// Witness other services' logs: sign checkpoints that continue one history
    Witness(audit::command::args::Witness),
    /// Print a completion script for a shell
    ///
    /// For bash: `bailiwick completions bash > ~/.local/share/bash-completion/completions/bailiwick`
    Completions {
        /// Name of the shell
        shell: Shell,
    },
    /// Hold a customer's own key-encryption key, for a server on this machine
    ///
    /// Without this process, nothing of the customer opens or runs. See docs/operate/customer-keys.md
    KeyHolder(KeyHolder),
    /// Hold the keys that open records, for the server that started this process
    #[command(hide = true)]
    Custodian {
        /// The key directory
        keys: PathBuf,
        /// Id that the key directory must have
        expected: store::keys::Expected,
        /// Public key of the log
        log: String,
        /// Public keys of the witnesses that must have cosigned the log
        witnesses: Vec<String>,
        /// A tenant whose key-encryption key its customer holds
        #[arg(long)]
        held: Vec<crate::custodian::Held>,
    },
    /// Run a model, confined, for the server that started this process
    #[cfg(feature = "embedded")]
    #[command(hide = true)]
    Worker,
    /// Train an adapter, confined, for the server that started this process
    #[cfg(feature = "embedded")]
    #[command(hide = true)]
    Train,
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyHolder {
    /// Unix socket to listen on. Each process that may write to it may use the key
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// Octal permissions of the socket
    #[arg(long, value_name = "MODE", default_value = "0600")]
    pub(crate) socket_mode: String,
    /// File with the key: 32 random bytes, for example of `openssl rand 32`
    #[arg(long, value_name = "FILE", required_unless_present = "pkcs11")]
    pub(crate) file: Option<PathBuf>,
    /// Module of PKCS#11 for a token with the key, for example /usr/lib/softhsm/libsofthsm2.so
    #[arg(long, value_name = "MODULE", conflicts_with = "file", requires_all = ["token", "key", "pin_file"])]
    pub(crate) pkcs11: Option<PathBuf>,
    /// Label of the token
    #[arg(long, value_name = "LABEL")]
    pub(crate) token: Option<String>,
    /// Label of the key: AES with 256 bits, for encryption and decryption
    #[arg(long, value_name = "LABEL")]
    pub(crate) key: Option<String>,
    /// File with the token's user PIN
    #[arg(long, value_name = "FILE")]
    pub(crate) pin_file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Configuration file; bailiwick.example.toml explains every field. If not given, the defaults
    /// apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Check whether a start would succeed, change nothing, and exit
    #[arg(long)]
    pub(crate) check: bool,
    /// Give up keys that are missing from the key directory, once: the log records that they are
    /// lost, and data sealed to them is deleted. Without this option, a start with missing keys is
    /// refused
    #[arg(long, conflicts_with = "check")]
    pub(crate) keys_are_lost: bool,
}

/// The bundle has the log's entries of the period with their proofs, the policies, the states of the
/// promises and their history, the map of controls, OSCAL, and the companies that operate engines. The log's
/// key signs it. It has no content and no person. docs/operate/evidence.md
///
/// The command then checks the bundle as `bailiwick verify evidence` does, with its exit status.
#[derive(Debug, clap::Args)]
pub(crate) struct EvidenceArgs {
    /// Begin of the period: a month as 2026-11, a day as 2026-11-28, or an hour, in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Period,
    /// End of the period: the last month, day or hour of it
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Period,
    /// File to write: an archive of tar
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Put in the whole log, so that all its rules can be checked with the bundle alone
    #[arg(long)]
    pub(crate) whole_log: bool,
    /// Data directory. The server may run
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Configuration file of the service
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print the result of the check as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The texts are in a prompt, an argument and a result of a tool, a header, the field `user`, and a file,
/// which is deleted again. They are searched in clear, in base64, in hex, in UTF-16 and escaped: in the
/// data directory, in the log files and the temporary folder that you name, in the metrics and in the
/// trust pages. The trust pages show the result. docs/operate/self-test.md
///
/// Exit status: 0 nothing found, 1 a text was found, 2 not everything could be sent or searched.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("said").required(true).multiple(true).args(["logs", "journal", "no_logs"]))]
pub(crate) struct SelfTestArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// A log file or a folder of log files, also of programs before the service; repeat it for each
    #[arg(long, value_name = "PATH")]
    pub(crate) logs: Vec<PathBuf>,
    /// A unit of systemd, whose journal is searched
    #[arg(long, value_name = "UNIT")]
    pub(crate) journal: Vec<String>,
    /// The service writes no log anywhere
    #[arg(long, conflicts_with_all = ["logs", "journal"])]
    pub(crate) no_logs: bool,
    /// The temporary folder of the service; repeat it for each [default: this command's own]
    #[arg(long, value_name = "DIR")]
    pub(crate) temp: Vec<PathBuf>,
    /// URL of the API, such as http://127.0.0.1:8080
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// A key of a resource. BAILIWICK_API_KEY is safer: other users can see options
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Deployment that answers
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment: Option<String>,
    /// URL of the operations listener, for the metrics (BAILIWICK_ADMIN_URL)
    #[arg(long, value_name = "URL")]
    pub(crate) operations: Option<String>,
    /// A file with BAILIWICK_URL, BAILIWICK_API_KEY, BAILIWICK_DEPLOYMENT and BAILIWICK_ADMIN_URL
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// PEM file with the authority that signed the server's certificate, if you use your own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// The backup contains the database, the log and `service.key`, all from one moment. It does not
/// contain the keys that open records: a copy would outlive its deadline. docs/operate/backup.md
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// Directory for the backup; it must not exist, or be empty
    pub(crate) folder: PathBuf,
    /// Data directory
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// If the newest data directory still exists, start with it instead. Restore only if it is lost:
/// data newer than the backup is lost, and the log records the loss. docs/operate/backup.md
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup that `bailiwick backup` made
    pub(crate) backup: PathBuf,
    /// Configuration file with the key directory and the witnesses. If not given, the defaults
    /// apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Directory to restore to; it must not exist, or be empty [default: the data directory, as
    /// configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The rest of the old log: the folder `log` of the old data directory, or a mirror of it. With
    /// it, the restore lists the lost entries
    #[arg(long, value_name = "FOLDER")]
    pub(crate) log: Option<PathBuf>,
    /// Reason for the restore; it is stored with the log, which commits to it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The key directory is lost, too
    #[arg(long)]
    pub(crate) keys_are_lost: bool,
}

/// A solver looks for a request that the built-in policies and those of `policies.files` allow but
/// a promise forbids. The result is logged; a running server keeps its policies.
///
/// Exit status: 0 all promises are proved, 1 one is broken, 2 the solver could not decide,
/// or the prover failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    /// Configuration file with the policies and the data directory. If not given, the defaults
    /// apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory whose log records the result [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the report as JSON, the exact bytes that the log commits to
    #[arg(long)]
    pub(crate) json: bool,
    /// Program that runs the solver [default: bailiwick-prove, beside this program or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) prover: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Quickstart {
    /// Data directory; created if it is missing
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Address of the API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Address for health, metrics and administration [default: this machine only, next port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) operations: Option<SocketAddr>,
    /// The GGUF file of a chat model [default: the file that `make model` fetches]
    #[arg(long, value_name = "FILE", env = "BAILIWICK_MODEL")]
    pub(crate) model: Option<PathBuf>,
}

/// Without a message, starts a conversation. `/reset` forgets it, `/quit` or Ctrl-D ends it, Ctrl-C
/// stops the current answer.
///
/// Missing options are read from the env file, then from the environment (BAILIWICK_URL,
/// BAILIWICK_API_KEY, BAILIWICK_DEPLOYMENT), then from the file that quickstart wrote to the data
/// directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Chat {
    /// Ask this question, print the answer, and exit
    pub(crate) message: Vec<String>,
    /// URL of the API, such as http://127.0.0.1:8080
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The key. Other users of this machine can see it in the process list: BAILIWICK_API_KEY is
    /// safer
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Deployment that answers
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment: Option<String>,
    /// A file with BAILIWICK_URL, BAILIWICK_API_KEY and BAILIWICK_DEPLOYMENT, such as the
    /// quickstart.env in a data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// System message before the conversation
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// Sampling temperature: 0 (always the likeliest token) to 2
    #[arg(long, value_name = "NUMBER")]
    pub(crate) temperature: Option<f32>,
    /// Check the answer's receipt with the service's public key, or a file that holds the key; for
    /// one question
    #[arg(long, value_name = "KEY", requires = "message")]
    pub(crate) verify: Option<String>,
    /// Save request, response and receipt in this folder, for `bailiwick verify receipt`
    #[arg(long, value_name = "FOLDER", requires = "verify")]
    pub(crate) save: Option<PathBuf>,
    /// At most this many tokens in an answer
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_tokens: Option<u32>,
    /// PEM file with the authority that signed the server's certificate, if you use your own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A group of management commands with their shared options.
#[derive(Debug, clap::Args)]
pub(crate) struct Group<C: Subcommand> {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: C,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Shared {
    /// Data directory. A running server notices each change at once
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data", global = true)]
    pub(crate) data: PathBuf,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is a promise follows from the log's entries; the tables of the database are a copy of it. A
/// row that was written without the log differs from it. The command changes nothing, and a server
/// may run at the same time. docs/operate/doctor.md
///
/// Exit status: 0 nothing differs, 1 something differs, or the comparison failed.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Configuration file whose `retention.receipts_days` says how long receipts are stored. If not
    /// given, the default applies
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Configuration file whose `[prices]` set the prices of tokens. If missing, no amounts are
    /// shown
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Only this resource
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Start with this month (2026-11), day (2026-11-28) or hour (2026-11-28T07), in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Period>,
    /// End with this month, day or hour
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Period>,
    /// Add up by hour, day or month
    #[arg(long, value_enum, default_value = "hour")]
    pub(crate) by: Step,
    /// Output format
    #[arg(long, value_enum, default_value = "table", conflicts_with = "json")]
    pub(crate) format: UsageFormat,
}

#[derive(Debug, clap::Args)]
pub(crate) struct InventoryArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Name of the resource
    pub(crate) resource: String,
    /// Configuration file whose `[retention]` says how long receipts and usage are kept
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only this class: response, conversation, item, completion, file, upload, part, batch, job, adapter
    /// or checkpoint
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Start after this object
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<String>,
    /// Most objects to list [default: 100]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Name of the resource. If not given, each resource is explained
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Configuration file of the service. If not given, the defaults apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only the sentences, without settings and checks
    #[arg(long, conflicts_with = "json")]
    pub(crate) brief: bool,
}

/// The catalogue quotes the providers: docs/offerings.md. This service's rows are computed from its
/// settings.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// A need, such as `eu-only` or `zero-retention`; repeat it for more
    #[arg(long, value_name = "NEED", required_unless_present = "list")]
    pub(crate) need: Vec<String>,
    /// List all needs, and the words of each offering about them
    #[arg(long)]
    pub(crate) list: bool,
    /// Compare this resource of the service only [default: each one]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Configuration file of the service. If not given, the defaults apply
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("about").required(true))]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Kind of report
    pub(crate) kind: Kind,
    /// About all resources of this tenant
    #[arg(long, value_name = "NAME", group = "about")]
    pub(crate) tenant: Option<String>,
    /// About this resource
    #[arg(long, value_name = "NAME", group = "about")]
    pub(crate) resource: Option<String>,
    /// Begin of the period, for `breach-scope` and `dpia`: a month, a day or an hour, in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Period>,
    /// End of the period
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Period>,
    /// Write one file of HTML, ready to print
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(crate) html: Option<PathBuf>,
    /// Configuration file of the service
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Output format of usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageFormat {
    /// For people, with a line of totals
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Add a tenant
    Create {
        /// Name of the tenant
        name: String,
    },
    /// List all tenants
    List,
    /// Show one tenant
    Show {
        /// Name of the tenant
        name: String,
    },
    /// Delete a tenant without resources
    Delete {
        /// Name of the tenant
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkstationCommand {
    /// Enrol a workstation by its certificate, until the certificate expires
    Enroll {
        /// PEM file with the certificate that the workstation presents
        certificate: PathBuf,
        /// Name of the workstation
        #[arg(long)]
        name: String,
        /// Region of the workstation: only records of this region may be seen from it
        #[arg(long)]
        region: String,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        keys: SignerKeys,
    },
    /// Revoke a workstation permanently
    Revoke {
        /// PEM file with the workstation's certificate
        certificate: PathBuf,
        /// Reason; it is stored with the log, which commits to it
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: By,
        #[command(flatten)]
        keys: SignerKeys,
    },
    /// List all workstations that were ever enrolled
    List,
}

/// The keys of people that sign what a command decides.
#[derive(Debug, clap::Args)]
pub(crate) struct SignerKeys {
    /// Key that signs: a file of `bailiwick signer new`, or `ssh:FILE`. Needed if the operator has a root
    #[arg(long, value_name = "KEY", env = "BAILIWICK_SIGNER")]
    pub(crate) signer: Vec<String>,
    /// Sign without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The person that a command names, by tenant and object id.
#[derive(Debug, clap::Args)]
pub(crate) struct By {
    /// Tenant of the person
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Object id of the person in the tenant's directory: the `oid` of their tokens
    #[arg(long, value_name = "GUID")]
    pub(crate) object: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TeamArgs {
    /// Name of the team; created if it does not exist
    pub(crate) team: String,
    #[command(flatten)]
    pub(crate) who: By,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Put a reviewer or a manager into a team
    Team(TeamArgs),
    /// Assign a role, from the next request on
    Assign(RoleArgs),
    /// Remove a role that was assigned at exactly this scope
    Remove(RoleArgs),
    /// List all role assignments
    List,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RoleArgs {
    /// The role, such as "Cognitive Services OpenAI User"
    pub(crate) role: String,
    /// Tenant of the holder
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Object id of the holder in the tenant's directory: the `oid` of their tokens
    #[arg(long, value_name = "GUID")]
    pub(crate) object: String,
    /// The holder is a program: a service principal or a managed identity
    #[arg(long)]
    pub(crate) workload: bool,
    /// Assign it at this resource and its deployments, instead of the whole tenant
    #[arg(long, value_name = "RESOURCE", conflicts_with = "service")]
    pub(crate) resource: Option<String>,
    /// Assign it at this deployment of the resource
    #[arg(long, value_name = "DEPLOYMENT", requires = "resource")]
    pub(crate) deployment: Option<String>,
    /// Assign it at the whole installation: for the operator's own people
    #[arg(long)]
    pub(crate) service: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Add a resource, and print its two keys. They are shown only once
    Create {
        /// Name of the resource: unique, and part of its host name
        name: String,
        /// Tenant that owns it
        #[arg(long)]
        tenant: String,
        /// Region of the resource. It must be this service's region [default: `regions.here`]
        #[arg(long)]
        region: Option<String>,
        /// Configuration file with `[regions]`. If not given, the defaults apply
        #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
        config: Option<PathBuf>,
        /// Never reuse a prompt's prefix for a later request, not even within the tenant
        #[arg(long)]
        no_prefix_cache: bool,
        /// Field of requests that other engines get; repeat for more. A company gets a pseudonym of
        /// the end user, never the name [default: none]
        #[arg(long, value_name = "FIELD")]
        forward: Vec<Forwarded>,
        /// Accept only tokens of the configured identity providers: neither key opens the resource
        #[arg(long)]
        disable_local_auth: bool,
        /// Days for which prompts and completions are stored, sealed: 1 to 30 [default: 30]
        #[arg(long, value_name = "DAYS")]
        retention_days: Option<u64>,
    },
    /// Change a resource
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Update {
        /// Name of the resource
        name: String,
        /// Whether a prompt's prefix may be reused for later requests of the same tenant
        #[arg(long, group = "change")]
        prefix_cache: Option<Switch>,
        /// Field of requests that other engines get; repeat for more. They replace the old ones.
        /// A company gets a pseudonym of the end user, never the name
        #[arg(long, value_name = "FIELD", group = "change")]
        forward: Vec<Forwarded>,
        /// `on`: accept only tokens of the configured identity providers; neither key opens the
        /// resource
        #[arg(long, group = "change")]
        disable_local_auth: Option<Switch>,
        /// `on`: the owner must consent to each access to a record
        #[arg(long, group = "change")]
        lockbox: Option<Switch>,
        /// `off`: callers may not ask to keep chat completions (`"store": true`)
        #[arg(long, group = "change")]
        stored_completions: Option<Switch>,
        /// Days for which prompts and completions are stored, sealed: 1 to 30. To store none, the
        /// customer applies for zero retention at the desk
        #[arg(long, value_name = "DAYS", group = "change")]
        retention_days: Option<u64>,
        /// Request header in which your application names the data subject, for requests whose body
        /// has no `safety_identifier` and no `user`; `none`: no header is read
        #[arg(long, value_name = "HEADER", group = "change")]
        subject_header: Option<String>,
    },
    /// Set the networks that a resource admits, from the next request on
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Network {
        /// Name of the resource
        name: String,
        /// `off`: only the private listener serves the resource (`listen.private` in the
        /// configuration)
        #[arg(long, group = "change")]
        public_access: Option<Switch>,
        /// Action for addresses that match no rule
        #[arg(long, value_name = "ACTION", group = "change")]
        default_action: Option<DefaultAction>,
        /// Address or range to admit, such as 203.0.113.0/24; repeat for more. The rules replace
        /// the existing ones
        #[arg(long, value_name = "CIDR", group = "change")]
        ip_rule: Vec<IpRule>,
        /// Remove all rules
        #[arg(long, group = "change", conflicts_with = "ip_rule")]
        no_ip_rules: bool,
    },
    /// List all resources
    List {
        /// Only those of this tenant
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Show one resource
    Show {
        /// Name of the resource
        name: String,
    },
    /// Delete a resource that has no deployments; its keys stop working at once
    Delete {
        /// Name of the resource
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Add a deployment
    Create {
        /// Name of the deployment, which clients send as the model
        name: String,
        /// Resource that it belongs to
        #[arg(long)]
        resource: String,
        /// Model that it runs
        #[arg(long)]
        model: String,
        /// Task that it serves
        #[arg(long, default_value = "chat")]
        task: TaskName,
        /// The regions that may process its requests: `Standard` the resource's own,
        /// `DataZoneStandard` those of its zone, `GlobalStandard` all that the configuration lists
        #[arg(long, value_name = "SKU", value_parser = sku, default_value = "Standard")]
        sku: Sku,
        /// Tokens per minute, prompts and answers together [default: 1000000]
        #[arg(long, value_name = "NUMBER")]
        tokens_per_minute: Option<u32>,
        /// Requests per minute [default: 6000]
        #[arg(long, value_name = "NUMBER")]
        requests_per_minute: Option<u32>,
        /// Deployment of the same resource, with the same SKU, that takes the requests for which
        /// this one has no capacity
        #[arg(long, value_name = "DEPLOYMENT")]
        spillover: Option<String>,
        /// Content filter of its requests, of the same resource; `default` is the built-in one
        #[arg(long, value_name = "FILTER", default_value = "default")]
        filter: String,
        /// Do not wait until a running service has loaded the model
        #[arg(long)]
        no_wait: bool,
    },
    /// Change a deployment's SKU, limits, spillover or content filter, from the next request on
    #[command(group(ArgGroup::new("change").required(true).multiple(true)))]
    Update {
        /// Name of the deployment
        name: String,
        /// Resource that it belongs to
        #[arg(long)]
        resource: String,
        /// The regions that may process its requests: Standard, DataZoneStandard or GlobalStandard
        #[arg(long, value_name = "SKU", value_parser = sku, group = "change")]
        sku: Option<Sku>,
        /// Tokens per minute, prompts and answers together
        #[arg(long, value_name = "NUMBER", group = "change")]
        tokens_per_minute: Option<u32>,
        /// Requests per minute
        #[arg(long, value_name = "NUMBER", group = "change")]
        requests_per_minute: Option<u32>,
        /// Deployment of the same resource, with the same SKU, that takes the requests for which
        /// this one has no capacity; `none` switches this off
        #[arg(long, value_name = "DEPLOYMENT", group = "change")]
        spillover: Option<String>,
        /// Content filter of its requests, of the same resource; `default` is the built-in one
        #[arg(long, value_name = "FILTER", group = "change")]
        filter: Option<String>,
    },
    /// List all deployments
    List {
        /// Only those of this resource
        #[arg(long)]
        resource: Option<String>,
    },
    /// Show one deployment
    Show {
        /// Name of the deployment
        name: String,
        /// Resource that it belongs to
        #[arg(long)]
        resource: String,
    },
    /// Delete a deployment; requests to it are refused at once
    Delete {
        /// Name of the deployment
        name: String,
        /// Resource that it belongs to
        #[arg(long)]
        resource: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show the names and ages of a resource's keys; never the keys
    List {
        /// Name of the resource
        resource: String,
    },
    /// Replace one key and print the new one, which is shown only once. The old one stops working
    /// at once; the other key keeps working
    Rotate {
        /// Name of the resource
        #[arg(required_unless_present = "admin")]
        resource: Option<String>,
        /// Key to replace
        #[arg(long, required_unless_present = "admin")]
        key: Option<KeyChoice>,
        /// Replace the administrator's key in DIR/admin.key instead
        #[arg(long, conflicts_with_all = ["resource", "key"])]
        admin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Add a model: inspect its file in a confined process, copy it, record its digest
    ///
    /// SOURCE is a GGUF file; or a folder with one, such as a clone of a Hugging Face repository or
    /// its local cache; or `hf:ORG/NAME@REVISION`, a repository that is fetched only from the
    /// mirror in the configuration (`models.mirror`). docs/models.md
    ///
    /// With `--served`, SOURCE is the name of a model without a file: engines serve it
    /// (docs/operate/engines.md).
    Add {
        /// A GGUF file, a folder with one, or a repository `hf:ORG/NAME@REVISION`; with `--served`,
        /// the model's name
        source: PathBuf,
        /// Name of the model
        #[arg(long, required_unless_present = "served")]
        name: Option<String>,
        /// The model has no file here: engines serve it
        #[arg(long, requires = "task")]
        #[arg(conflicts_with_all = ["name", "file", "sha256", "in_place"])]
        served: bool,
        /// Task of a served model
        #[arg(long, requires = "served")]
        task: Option<TaskName>,
        /// Tokens in the context of a served model
        #[arg(long, value_name = "NUMBER", requires = "served")]
        context_tokens: Option<u32>,
        /// File in the folder or repository
        #[arg(long, value_name = "PATH")]
        file: Option<String>,
        /// SHA-256 that the file must have
        #[arg(long, value_name = "DIGEST")]
        sha256: Option<String>,
        /// Use the file in place, instead of a copy in the data directory
        #[arg(long)]
        in_place: bool,
        /// Configuration file with the mirror and its entry under `[[egress]]`; for repositories
        #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
        config: Option<PathBuf>,
    },
    /// List all models
    List,
    /// Show one model
    Show {
        /// Name of the model
        name: String,
    },
    /// Delete a model that no deployment and no engine uses, and its copy in the data directory
    Delete {
        /// Name of the model
        name: String,
    },
}

fn sku(name: &str) -> Result<Sku, String> {
    Sku::from_name(name)
        .ok_or_else(|| format!("write one of: {}", Sku::ALL.map(Sku::name).join(", ")))
}

/// [`Label`] as an argument, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Forwarded {
    User,
    #[value(name = "safety_identifier", alias = "safety-identifier")]
    SafetyIdentifier,
    Metadata,
    None,
}

impl Forwarded {
    pub(crate) fn label(self) -> Option<Label> {
        match self {
            Self::User => Some(Label::User),
            Self::SafetyIdentifier => Some(Label::SafetyIdentifier),
            Self::Metadata => Some(Label::Metadata),
            Self::None => None,
        }
    }
}

/// [`network::DefaultAction`] as an argument.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DefaultAction {
    Allow,
    Deny,
}

impl From<DefaultAction> for network::DefaultAction {
    fn from(action: DefaultAction) -> Self {
        match action {
            DefaultAction::Allow => Self::Allow,
            DefaultAction::Deny => Self::Deny,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TaskName {
    Chat,
    Embeddings,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KeyChoice {
    #[value(name = "Key1", alias = "key1")]
    Key1,
    #[value(name = "Key2", alias = "key2")]
    Key2,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Chat => Self::Chat,
            TaskName::Embeddings => Self::Embeddings,
        }
    }
}

impl From<KeyChoice> for KeyName {
    fn from(choice: KeyChoice) -> Self {
        match choice {
            KeyChoice::Key1 => Self::Key1,
            KeyChoice::Key2 => Self::Key2,
        }
    }
}

fn styles() -> Styles {
    use clap::builder::styling::{AnsiColor, Effects};
    Styles::styled()
        .header(AnsiColor::Green.on_default() | Effects::BOLD)
        .usage(AnsiColor::Green.on_default() | Effects::BOLD)
        .literal(AnsiColor::Cyan.on_default())
        .placeholder(AnsiColor::Cyan.on_default() | Effects::DIMMED)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn shared_options_stand_anywhere_and_rotation_says_which_key() {
        let parse = |line: &str| Args::try_parse_from(line.split(' '));
        for line in [
            "bailiwick tenant --data d list --json",
            "bailiwick tenant list --data d --json",
            "bailiwick tenant --json --data d list",
        ] {
            let Command::Tenant(group) = parse(line).unwrap().command else { panic!("{line}") };
            assert!(group.shared.json && group.shared.data == std::path::Path::new("d"), "{line}");
        }
        assert!(parse("bailiwick key rotate demo --key key2").is_ok());
        assert!(parse("bailiwick key rotate --admin").is_ok());
        let update = "bailiwick deployment update d --resource r";
        for some in ["--tokens-per-minute 5", "--tokens-per-minute 5 --requests-per-minute 0"] {
            assert!(parse(&format!("{update} {some}")).is_ok(), "{some}");
        }
        for bad in [
            "bailiwick key rotate demo",
            "bailiwick key rotate demo --key Key3",
            update,
            "bailiwick deployment update d --resource r --tokens-per-minute -1",
            "bailiwick",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
