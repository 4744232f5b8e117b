//! What can be typed. The comments are what `--help` shows.

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgGroup, Parser, Subcommand, ValueEnum, builder::Styles};
use clap_complete::Shell;
use policy::{
    network::{self, IpRule},
    principal::KeyName,
    task::Task,
};
use tlog::id::RequestId;

use crate::manage::{Period, Step};

use super::desk::args::{Desk, DeskCommand, ReviewCommand};

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
    /// Serve the API as a configuration file says
    Serve(Serve),
    /// Make a demo tenant with keys and a small model, and serve it
    Quickstart(Quickstart),
    /// Talk to a deployment
    Chat(Chat),
    /// Manage tenants: customers, who own resources
    Tenant(Group<TenantCommand>),
    /// Manage resources: accounts with a region, two keys and deployments
    Resource(Group<ResourceCommand>),
    /// Manage deployments: names for models under a resource
    Deployment(Group<DeploymentCommand>),
    /// Manage the two keys of a resource, and the administrator's key
    Key(Group<KeyCommand>),
    /// Say who may do what: roles of people and programs that sign in with tokens
    Role(Group<RoleCommand>),
    /// Say which workstations records may be seen from
    Workstation(Group<WorkstationCommand>),
    /// Decide at the desk: zero retention, consent to looks, your own records, appeals
    Desk(Desk<DeskCommand>),
    /// Review flagged records, from an enrolled workstation
    Review(Desk<ReviewCommand>),
    /// Manage models: GGUF files, pinned by their digests
    Model(Group<ModelCommand>),
    /// Show requests and tokens by hour, day or month, and what they cost
    Usage(UsageArgs),
    /// Back the data directory up, while the service runs
    Backup(Backup),
    /// Restore a backup: the old log ends, and another goes on in its place
    Restore(Restore),
    /// Prove that the configured policies keep the promises, and tell the log
    Prove(Prove),
    /// Check receipts and the log, offline, with the service's public key alone
    Verify(Verify),
    /// Copy a service's log and check it: again and again, to see that its history stays
    Mirror(Mirror),
    /// Watch other services' logs: sign that each shows one history
    Witness(WitnessArgs),
    /// Print a completion script for a shell
    ///
    /// For bash: `bailiwick completions bash > ~/.local/share/bash-completion/completions/bailiwick`
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Hold the keys that open records, for the server that started this process
    #[command(hide = true)]
    Custodian {
        /// The key directory
        keys: PathBuf,
        /// Which directory that must be
        expected: store::keys::Expected,
        /// Whose log
        log: String,
        /// Who must have cosigned it
        witnesses: Vec<String>,
    },
    /// Run a model, confined, for the server that started this process
    #[cfg(feature = "embedded")]
    #[command(hide = true)]
    Worker,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Configuration; every field is explained in bailiwick.example.toml. Without it, the defaults
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Look whether a start would succeed, change nothing, and stop
    #[arg(long)]
    pub(crate) check: bool,
    /// Give up keys that are missing from the key directory, once: the log says that they are lost,
    /// and what is sealed to them is deleted. Without it, a start with missing keys is refused
    #[arg(long, conflicts_with = "check")]
    pub(crate) keys_are_lost: bool,
}

/// The backup has the database, the log and `service.key`, all of one moment. The keys that open records
/// are not in it: a copy would outlive its deadline. docs/operate/backup.md
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// Where to put it: a directory that is not there yet, or is empty
    pub(crate) folder: PathBuf,
    /// Data directory
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
}

/// Where the newest data directory is there, start with that instead. A restore is for when it is gone:
/// what came after the backup is lost, and the log says so. docs/operate/backup.md
#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// The backup, as `bailiwick backup` made it
    pub(crate) backup: PathBuf,
    /// Configuration: names the key directory and the witnesses. Without it, the defaults
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where to restore to: not there yet, or empty [default: the data directory, as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What is left of the old log: the folder `log` of the old data directory, or a mirror of it.
    /// With it, the restore says which entries are lost
    #[arg(long, value_name = "FOLDER")]
    pub(crate) log: Option<PathBuf>,
    /// Why: kept with the log, which commits to it
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The key directory is lost, too
    #[arg(long)]
    pub(crate) keys_are_lost: bool,
}

/// A solver looks for a request that the built-in policies and those of `policies.files` allow and a
/// promise does not. What comes out is logged; a server that runs goes on with what it has.
///
/// Exit status: 0 all promises are proved, 1 one is broken, 2 it could not be found out.
#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    /// Configuration: names the policies and the data directory. Without it, the defaults
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory whose log is told [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print the report as JSON, to the byte that the log commits to
    #[arg(long)]
    pub(crate) json: bool,
    /// The program that asks the solver [default: bailiwick-prove, beside this one or on the PATH]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) prover: Option<PathBuf>,
}

/// It answers to C2SP tlog-witness: a log posts its checkpoints to `add-checkpoint`, and gets a
/// cosignature for each that continues the last one. `GET /checkpoint/ORIGIN` shows the newest.
#[derive(Debug, clap::Args)]
pub(crate) struct WitnessArgs {
    /// Where the witness keeps its key, and what it has signed; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,
    /// A log to watch: its public key, or the file it is in. Again for each
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) log: Vec<String>,
    /// The witness's name, when its key is made [default: a random one]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// PEM file with a certificate: TLS instead of plain HTTP
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Quickstart {
    /// Data directory; made if it is not there
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where health, metrics and administration listen [default: this machine only, next port]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) operations: Option<SocketAddr>,
    /// The GGUF file of a chat model [default: what `make model` fetches]
    #[arg(long, value_name = "FILE", env = "BAILIWICK_MODEL")]
    pub(crate) model: Option<PathBuf>,
}

/// Without a message: a conversation. `/reset` forgets it, `/quit` or Ctrl-D ends it, Ctrl-C stops
/// the current answer.
///
/// What no option says is looked up in the env file, then in the environment (BAILIWICK_URL,
/// BAILIWICK_API_KEY, BAILIWICK_DEPLOYMENT), then in what quickstart wrote to the data directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Chat {
    /// Ask this, print the answer, and stop
    pub(crate) message: Vec<String>,
    /// Where the API is, such as http://127.0.0.1:8080
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The key. Other users of this machine can see it in the list of processes: rather set
    /// BAILIWICK_API_KEY
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// Which deployment answers
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment: Option<String>,
    /// A file with BAILIWICK_URL, BAILIWICK_API_KEY and BAILIWICK_DEPLOYMENT, such as the
    /// quickstart.env in a data directory
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Instructions that stand before the conversation
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// How freely words are chosen: 0 (always the likeliest) to 2
    #[arg(long, value_name = "NUMBER")]
    pub(crate) temperature: Option<f32>,
    /// Check the answer's receipt with the service's public key, or the file that it is in; for one
    /// question
    #[arg(long, value_name = "KEY", requires = "message")]
    pub(crate) verify: Option<String>,
    /// Save request, response and receipt in this folder, for `bailiwick verify receipt`
    #[arg(long, value_name = "FOLDER", requires = "verify")]
    pub(crate) save: Option<PathBuf>,
    /// At most this many tokens in an answer
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_tokens: Option<u32>,
    /// PEM file with the authority that signed the server's certificate, where it is your own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A group of management commands with what they share.
#[derive(Debug, clap::Args)]
pub(crate) struct Group<C: Subcommand> {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: C,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Shared {
    /// Data directory. A server that runs on it notices each change at once
    #[arg(long, value_name = "DIR", env = "BAILIWICK_DATA", default_value = "data", global = true)]
    pub(crate) data: PathBuf,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    pub(crate) shared: Shared,
    /// Configuration whose `[prices]` say what tokens cost. Without it, no amounts
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Only this tenant
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Only this resource
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// From the beginning of this month (2026-11), day (2026-11-28) or hour (2026-11-28T07) on, in UTC
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Period>,
    /// Until the end of this month, day or hour
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Period>,
    /// Add up by hour, day or month
    #[arg(long, value_enum, default_value = "hour")]
    pub(crate) by: Step,
    /// How to print it
    #[arg(long, value_enum, default_value = "table", conflicts_with = "json")]
    pub(crate) format: UsageFormat,
}

/// How usage is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UsageFormat {
    /// For people, with a line of totals
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

/// The first line is the verdict: VERIFIED, FAILED or INCOMPLETE.
///
/// Exit status: 0 verified, 1 a check failed, 2 wrong usage or unreadable input, 3 incomplete: files
/// are missing, or a check could not be made.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The service's public key, or the file that it is in (`service.pub` in the data directory)
    #[arg(long, value_name = "KEY", global = true, default_value = "service.pub")]
    pub(crate) service_key: String,
    /// Print JSON instead of text: verdict, checks, and what was read
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: VerifyCommand,
}

/// Fetches what is new, checks that it continues what the folder has, and verifies the whole log.
/// Run it again and again: what was fetched stays, and a history that was rewritten is found.
///
/// Exit status: 0 verified, 1 a check failed (what proves it is kept), 2 wrong usage, or the service
/// cannot be reached, 3 incomplete.
#[derive(Debug, clap::Args)]
pub(crate) struct Mirror {
    /// The service's address, such as https://llm.example
    pub(crate) url: String,
    /// Where the copy is; made if it is not there
    pub(crate) folder: PathBuf,
    /// The service's public key, or the file that it is in
    #[arg(long, value_name = "KEY", default_value = "service.pub")]
    pub(crate) service_key: String,
    /// A witness that must have cosigned: its verifier key; again for each
    #[arg(long, value_name = "KEY")]
    pub(crate) witness: Vec<String>,
    /// PEM file with the authority that signed the server's certificate, where it is your own
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Print JSON instead of text, as `bailiwick verify` does
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// A receipt, against the request and the response as you saved them
    Receipt {
        /// The receipt, as GET /openai/v1/receipts/{request_id} gave it
        receipt: PathBuf,
        /// The body that you sent
        #[arg(long, value_name = "FILE")]
        request: Option<PathBuf>,
        /// The body that you got; of a stream, all bytes of it
        #[arg(long, value_name = "FILE")]
        response: Option<PathBuf>,
        /// The folder of the log, as for `verify log`: it is replayed, and must bear the receipt out
        #[arg(long, value_name = "FOLDER")]
        log: Option<PathBuf>,
        /// A witness that must have cosigned the receipt's checkpoint: its verifier key; again for
        /// each
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// A whole log: that nothing was changed, and that every promise in it was kept
    Log {
        /// The folder with `checkpoint` and `tile/`: the service's, or a mirror of /log/
        folder: PathBuf,
        /// A request of yours: tells when its record was looked at, read or deleted; again for each
        #[arg(long, value_name = "ID")]
        request: Vec<RequestId>,
        /// A checkpoint that you saved earlier: the log must continue it
        #[arg(long, value_name = "FILE")]
        older: Option<PathBuf>,
        /// A witness that must have cosigned: its verifier key; again for each
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Add a tenant
    Create {
        /// Its name
        name: String,
    },
    /// List all tenants
    List,
    /// Show one tenant
    Show {
        /// Its name
        name: String,
    },
    /// Delete a tenant that owns nothing
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkstationCommand {
    /// Enrol a workstation by its certificate, until that expires
    Enroll {
        /// PEM file with the certificate that it presents
        certificate: PathBuf,
        /// What people call it
        #[arg(long)]
        name: String,
        /// Where it stands: records of this region may be seen from it
        #[arg(long)]
        region: String,
        #[command(flatten)]
        by: By,
    },
    /// Revoke a workstation, for good
    Revoke {
        /// PEM file with its certificate
        certificate: PathBuf,
        /// Why: kept with the log, which commits to it
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// List all workstations that were ever enrolled
    List,
}

/// Who does it: somebody with a role.
#[derive(Debug, clap::Args)]
pub(crate) struct By {
    /// The tenant that you are of
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Who you are in its directory: the `oid` of your tokens
    #[arg(long, value_name = "GUID")]
    pub(crate) object: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct TeamArgs {
    /// The team's name; it is made where there is none
    pub(crate) team: String,
    #[command(flatten)]
    pub(crate) who: By,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Put a reviewer or a manager into a team
    Team(TeamArgs),
    /// Give a role, from the next request on
    Assign(RoleArgs),
    /// Take a role that was given at this very place
    Remove(RoleArgs),
    /// List all roles that were given
    List,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RoleArgs {
    /// The role, such as "Cognitive Services OpenAI User"
    pub(crate) role: String,
    /// The tenant that they are of
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Who it is in the tenant's directory: the `oid` of their tokens
    #[arg(long, value_name = "GUID")]
    pub(crate) object: String,
    /// It is a program: a service principal or a managed identity
    #[arg(long)]
    pub(crate) workload: bool,
    /// At this resource and its deployments, instead of the whole tenant
    #[arg(long, value_name = "RESOURCE", conflicts_with = "service")]
    pub(crate) resource: Option<String>,
    /// At this deployment of the resource
    #[arg(long, value_name = "DEPLOYMENT", requires = "resource")]
    pub(crate) deployment: Option<String>,
    /// At the whole installation: for the operator's own people
    #[arg(long)]
    pub(crate) service: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// Add a resource, and print its two keys: the only time that they are shown
    Create {
        /// Its name: unique, and part of its host name
        name: String,
        /// Who owns it
        #[arg(long)]
        tenant: String,
        /// Where it is
        #[arg(long, default_value = "local")]
        region: String,
        /// Never reuse a prompt's prefix for a later request, not even within the tenant
        #[arg(long)]
        no_prefix_cache: bool,
        /// Take tokens of the configured identity providers only: neither key opens the resource
        #[arg(long)]
        disable_local_auth: bool,
        /// Days that prompts and completions are kept, sealed: 1 to 30 [default: 30]
        #[arg(long, value_name = "DAYS")]
        retention_days: Option<u64>,
    },
    /// Change a resource
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Update {
        /// Its name
        name: String,
        /// Whether a prompt's prefix may be reused for later requests of the same tenant
        #[arg(long, group = "change")]
        prefix_cache: Option<Switch>,
        /// `on`: neither key opens the resource, tokens of the configured identity providers do
        #[arg(long, group = "change")]
        disable_local_auth: Option<Switch>,
        /// `on`: its owner must consent to each look at a record
        #[arg(long, group = "change")]
        lockbox: Option<Switch>,
        /// Days that prompts and completions are kept, sealed: 1 to 30. For none at all, the customer
        /// applies for zero retention at the desk
        #[arg(long, value_name = "DAYS", group = "change")]
        retention_days: Option<u64>,
    },
    /// Say which networks a resource answers; from the next request on
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Network {
        /// The resource's name
        name: String,
        /// `off`: only the private listener answers (`listen.private` in the configuration)
        #[arg(long, group = "change")]
        public_access: Option<Switch>,
        /// What happens to addresses that no rule names
        #[arg(long, value_name = "ACTION", group = "change")]
        default_action: Option<DefaultAction>,
        /// An address or range that is answered, such as 203.0.113.0/24; again for each. They
        /// replace those that there are
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
        /// Its name
        name: String,
    },
    /// Delete a resource that has no deployments; its keys stop working at once
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeploymentCommand {
    /// Add a deployment
    Create {
        /// Its name: what clients call the model
        name: String,
        /// The resource that it belongs to
        #[arg(long)]
        resource: String,
        /// The model that it runs
        #[arg(long)]
        model: String,
        /// What for
        #[arg(long, default_value = "chat")]
        task: TaskName,
        /// Tokens per minute, prompts and answers together [default: 1000000]
        #[arg(long, value_name = "NUMBER")]
        tokens_per_minute: Option<u32>,
        /// Requests per minute [default: 6000]
        #[arg(long, value_name = "NUMBER")]
        requests_per_minute: Option<u32>,
        /// Do not wait until a running service has loaded the model
        #[arg(long)]
        no_wait: bool,
    },
    /// Change a deployment's limits; the next request meets the new ones
    #[command(group(ArgGroup::new("limits").required(true).multiple(true)))]
    Update {
        /// Its name
        name: String,
        /// The resource that it belongs to
        #[arg(long)]
        resource: String,
        /// Tokens per minute, prompts and answers together
        #[arg(long, value_name = "NUMBER", group = "limits")]
        tokens_per_minute: Option<u32>,
        /// Requests per minute
        #[arg(long, value_name = "NUMBER", group = "limits")]
        requests_per_minute: Option<u32>,
    },
    /// List all deployments
    List {
        /// Only those of this resource
        #[arg(long)]
        resource: Option<String>,
    },
    /// Show one deployment
    Show {
        /// Its name
        name: String,
        /// The resource that it belongs to
        #[arg(long)]
        resource: String,
    },
    /// Delete a deployment; requests to it are refused at once
    Delete {
        /// Its name
        name: String,
        /// The resource that it belongs to
        #[arg(long)]
        resource: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show which keys a resource has and how old they are; never the keys
    List {
        /// The resource
        resource: String,
    },
    /// Replace one key and print the new one: the only time that it is shown. The old one stops
    /// working at once, the other one goes on working
    Rotate {
        /// The resource
        #[arg(required_unless_present = "admin")]
        resource: Option<String>,
        /// Which key
        #[arg(long, required_unless_present = "admin")]
        key: Option<KeyChoice>,
        /// Replace the administrator's key instead, in DIR/admin.key
        #[arg(long, conflicts_with_all = ["resource", "key"])]
        admin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelCommand {
    /// Add a model: look into its file in a confined process, copy it, record its digest
    Add {
        /// The GGUF file
        file: PathBuf,
        /// Its name
        #[arg(long)]
        name: String,
        /// Use the file where it is instead of a copy in the data directory
        #[arg(long)]
        in_place: bool,
    },
    /// List all models
    List,
    /// Show one model
    Show {
        /// Its name
        name: String,
    },
    /// Delete a model that no deployment uses, and its copy in the data directory
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// [`network::DefaultAction`], as it is typed.
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
