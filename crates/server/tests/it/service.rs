//! A running service: the real binary with its own data directory and ports, set up through its own
//! command line.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use policy::{
    authz::facts::ResourceFacts, id::ApprovalId, retention::DAY_MS, workflow::exemption::Kind,
};
use serde_json::{Value, json};
use store::{Store, workflow::Exemption};
use tempfile::TempDir;

use crate::{
    client::{Reply, Request},
    people_of_tests::Zero,
    process::{Process, bailiwick, contains, eventually, files_below, model, read_apart, succeed},
};

/// The chat deployment that every caller has.
pub(crate) const CHAT: &str = "smollm2";
/// The embeddings deployment that every caller has.
pub(crate) const EMBED: &str = "smollm2-embed";
/// The model behind both.
const MODEL: &str = "smollm2-135m";

/// The service that most tests share, and two callers of different tenants.
pub(crate) struct Shared {
    pub(crate) service: Service,
    /// Also has deployments with the names that recorded clients use.
    pub(crate) demo: Caller,
    /// Another tenant; has a deployment `others-own`.
    pub(crate) other: Caller,
}

/// Starts the shared service, once.
pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let service = Service::start(&[("BAILIWICK_LISTEN__DOMAIN", "openai.test")]);
        let demo = service.caller_of_recorded("demo");
        let other = service.caller("other");
        service.deployment(&other, "others-own", "chat", None);
        Shared { service, demo, other }
    })
}

/// A running service; ends when dropped.
pub(crate) struct Service {
    pub(crate) process: Process,
    /// Address for customers.
    pub(crate) api: SocketAddr,
    /// Address for operators.
    pub(crate) operations: SocketAddr,
    pub(crate) files: Files,
}

/// The folder of a service's data and log.
pub(crate) struct Files(TempDir);

/// One resource, as seen by its owner.
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) resource: String,
    pub(crate) key1: String,
    pub(crate) key2: String,
}

/// A deployment's limits per minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeploymentLimits {
    pub(crate) requests: u32,
    pub(crate) tokens: u32,
}

/// The service's report on one worker.
#[derive(Debug, Clone)]
pub(crate) struct WorkerInfo {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) json: Value,
}

impl Service {
    /// Starts a service with these settings; when it returns, workers for chat and for embeddings
    /// are ready.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let files = Files::new();
        let addresses = free_addresses();
        // The workers start with the service, because a deployment of each kind already exists.
        files.caller("warm", addresses[0], &[]);
        let service = Self::begin(files, addresses, settings);
        service.wait_until_ready();
        service
    }

    /// Starts a service on existing files; it may not listen yet when this returns.
    pub(crate) fn begin(
        files: Files,
        addresses: [SocketAddr; 2],
        settings: &[(&str, &str)],
    ) -> Self {
        Self::begin_after(":", files, addresses, (&[], settings))
    }

    /// The same, with options of the command line.
    pub(crate) fn begin_with(
        files: Files,
        addresses: [SocketAddr; 2],
        options: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        Self::begin_after(":", files, addresses, (options, settings))
    }

    /// The same, from a shell that first runs a command.
    pub(crate) fn begin_after(
        first: &str,
        files: Files,
        [api, operations]: [SocketAddr; 2],
        (options, settings): (&[&str], &[(&str, &str)]),
    ) -> Self {
        let ours = files.command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!(r#"{first}; exec "$0" "$@""#)]).arg(ours.get_program());
        for (name, value) in ours.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.arg("serve").args(options).envs([
            ("BAILIWICK_LISTEN__API", api.to_string()),
            ("BAILIWICK_LISTEN__OPERATIONS", operations.to_string()),
            // Small, so that prompts exceed it soon and tests are short.
            ("BAILIWICK_ENGINE__CONTEXT_TOKENS", "1024".to_owned()),
            // Tests run side by side. The threads of one worker wait for each other in loops, so with more
            // threads than cores each token takes ten times as long.
            ("BAILIWICK_ENGINE__THREADS", "1".to_owned()),
        ]);
        command.envs(settings.iter().copied());
        let process = Process::start(&command, &files.log_file());
        Self { process, api, operations, files }
    }

    pub(crate) fn wait_until_ready(&self) {
        eventually("the service is ready", || {
            let running = self.process.is_running();
            assert!(running, "the service has ended:\n{}", self.files.log());
            self.is_ready().then_some(())
        });
    }

    /// Ends the service and returns its files.
    pub(crate) fn into_files(self) -> Files {
        let Self { process, files, .. } = self;
        drop(process);
        files
    }

    /// Creates a tenant with a resource of the same name, its keys, and the two usual deployments.
    pub(crate) fn caller(&self, name: &str) -> Caller {
        self.files.caller(name, self.api, &[])
    }

    /// The same, also with deployments under the names that recorded clients use.
    pub(crate) fn caller_of_recorded(&self, name: &str) -> Caller {
        let caller = self.caller(name);
        for name in ["gpt4o", "gpt-4o", "mydep", "m"] {
            self.deployment(&caller, name, "chat", None);
        }
        self.deployment(&caller, "emb", "embeddings", None);
        caller
    }

    /// As [`Self::caller`], with the prompt cache switched off.
    pub(crate) fn caller_without_prefix_cache(&self, name: &str) -> Caller {
        self.files.caller(name, self.api, &["--no-prefix-cache"])
    }

    /// Adds a deployment; the default limits are higher than any test needs.
    pub(crate) fn deployment(
        &self,
        caller: &Caller,
        name: &str,
        task: &str,
        limits: Option<DeploymentLimits>,
    ) {
        self.files.deployment(&caller.resource, name, task, limits);
    }

    /// Replaces `Key1` or `Key2` by a new key, and returns it.
    pub(crate) fn rotate_key(&self, caller: &Caller, name: &str) -> String {
        let made = self.files.cli(&["key", "rotate", &caller.resource, "--key", name]);
        made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// All workers.
    pub(crate) fn workers(&self) -> Vec<WorkerInfo> {
        let list = self.admin("/admin/v1/workers");
        let list = list.as_array().unwrap_or_else(|| panic!("{list}"));
        list.iter()
            .map(|json| WorkerInfo {
                name: json["name"].as_str().unwrap().to_owned(),
                pid: json["pid"].as_u64().and_then(|pid| pid.try_into().ok()).unwrap_or(0),
                json: json.clone(),
            })
            .collect()
    }

    /// The worker for `chat` or `embeddings`, once it is ready.
    pub(crate) fn worker(&self, task: &str) -> WorkerInfo {
        eventually("the worker is ready", || {
            let mut workers = self.workers().into_iter();
            workers.find(|worker| worker.json["task"] == task && worker.pid != 0)
        })
    }

    /// Requests that run or wait in all workers together.
    pub(crate) fn load(&self) -> u64 {
        self.workers().iter().map(|worker| worker.json["load"].as_u64().unwrap()).sum()
    }

    /// Sends a GET request to the admin API.
    pub(crate) fn admin(&self, path: &str) -> Value {
        self.as_administrator(&Request::get(path)).ok()
    }

    /// Sends a request to the admin API, with its key.
    pub(crate) fn as_administrator(&self, request: &Request) -> Reply {
        let key = fs::read_to_string(self.files.data().join("admin.key")).unwrap();
        let key = format!("Bearer {}", key.trim());
        request.clone().header("authorization", &key).send(self.operations)
    }

    pub(crate) fn metrics(&self) -> String {
        let reply = Request::get("/metrics").send(self.operations);
        assert_eq!(reply.status, 200);
        reply.text()
    }

    pub(crate) fn is_ready(&self) -> bool {
        Self::answers(self.operations, "/readyz")
    }

    /// Whether a service listens at `address` and answers `path` with 200.
    pub(crate) fn answers(address: SocketAddr, path: &str) -> bool {
        TcpStream::connect(address).is_ok() && Request::get(path).send(address).status == 200
    }
}

impl Files {
    /// Creates a data directory with only the model.
    pub(crate) fn new() -> Self {
        Self::on(|_| {})
    }

    /// The same, in a folder that `prepare` sets up.
    pub(crate) fn on(prepare: impl FnOnce(&Path)) -> Self {
        let files = Self(TempDir::with_prefix("bailiwick-it-").unwrap());
        prepare(files.0.path());
        let file = model();
        files.cli(&["model", "add", file.to_str().unwrap(), "--name", MODEL, "--in-place"]);
        files
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.0.path().join("service.log")
    }

    /// Returns everything that the service has written to its standard output and error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// Returns the binary with this data directory in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = bailiwick();
        command.env("BAILIWICK_DATA", self.data());
        command
    }

    /// Runs the command line with `--json`; returns the parsed output.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Value {
        let text = succeed(self.command().args(arguments).arg("--json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// See [`Service::caller`].
    pub(crate) fn caller(&self, name: &str, address: SocketAddr, options: &[&str]) -> Caller {
        let caller = self.chat_caller(name, address, options);
        self.deployment(name, EMBED, "embeddings", None);
        caller
    }

    /// The same, with the chat deployment only.
    pub(crate) fn chat_caller(&self, name: &str, address: SocketAddr, options: &[&str]) -> Caller {
        self.cli(&["tenant", "create", name]);
        let create = ["resource", "create", name, "--tenant", name];
        let made = self.cli(&[&create, options].concat());
        let key = |key: &str| made[key].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        self.deployment(name, CHAT, "chat", None);
        self.filter_answers_from_high(name, CHAT);
        Caller { address, resource: name.to_owned(), key1: key("key1"), key2: key("key2") }
    }

    /// Lets a deployment withhold answers from `high` on only. The small model's answers are random, and
    /// the built-in filter takes some of them for harm; prompts are filtered by its defaults.
    fn filter_answers_from_high(&self, resource: &str, deployment: &str) {
        let graded = ["hate", "sexual", "violence", "self_harm"];
        let rules = graded.map(|category| format!("completion:{category}=high"));
        let rules = rules.iter().flat_map(|rule| ["--block", rule.as_str()]);
        let create = ["filter", "create", resource, "answers-from-high"];
        self.cli(&create.into_iter().chain(rules).collect::<Vec<_>>());
        let update = ["deployment", "update", deployment, "--resource", resource];
        self.cli(&[&update[..], &["--filter", "answers-from-high"]].concat());
    }

    fn deployment(&self, resource: &str, name: &str, task: &str, limits: Option<DeploymentLimits>) {
        let limits = limits.unwrap_or(DeploymentLimits { requests: 1 << 20, tokens: 1 << 30 });
        let (tokens, requests) = (limits.tokens.to_string(), limits.requests.to_string());
        let what = ["deployment", "create", name, "--resource", resource, "--model", MODEL];
        let how = ["--task", task, "--tokens-per-minute", &tokens];
        self.cli(&[&what[..], &how, &["--requests-per-minute", &requests]].concat());
    }

    /// Sets up zero retention for a resource, beside the running service: one person applies, and
    /// two others approve.
    pub(crate) fn approve_zero_retention(&self, resource: &str) {
        let store = Store::open(&self.data(), server::clock::read).unwrap();
        let directory = store.directory().unwrap();
        let resource = directory.resource_by_name(resource).unwrap();
        let now_ms = server::clock::read().wall_ms;
        let zero = Zero {
            of: ResourceFacts { tenant: resource.tenant, resource: resource.id },
            kind: Kind::ContentLogging,
            // Each approval has an id of its own.
            approval: ApprovalId::from_random(*resource.id.as_bytes()),
            now_ms,
            until_ms: now_ms + DAY_MS,
        };
        for allowed in [zero.apply(), zero.first(2), zero.second(2, 3)] {
            store.step::<Exemption>(allowed).unwrap();
        }
    }

    /// The key directory.
    pub(crate) fn keys(&self) -> PathBuf {
        self.0.path().join("data-keys")
    }

    /// All files of the data directory and of the key directory, and the log.
    pub(crate) fn all(&self) -> Vec<PathBuf> {
        files_below(self.0.path())
    }

    /// Asserts that no file of the data or key directory, and not the log, contains `text`.
    pub(crate) fn assert_nowhere(&self, text: &str) {
        let needle = text.as_bytes();
        for file in &self.all() {
            let is_database = file.to_string_lossy().contains("bailiwick.db");
            let held =
                if is_database { read_apart(file) } else { fs::read(file).unwrap_or_default() };
            assert!(!contains(&held, needle), "{}", file.display());
        }
    }
}

impl Caller {
    /// Posts JSON with the first key.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        Request::post(path, body).key(&self.key1).send(self.address)
    }

    /// Gets with the first key.
    pub(crate) fn get(&self, path: &str) -> Reply {
        Request::get(path).key(&self.key1).send(self.address)
    }

    /// A chat request with a short answer.
    pub(crate) fn short(&self) -> Value {
        let mut body = say("hi");
        body["max_tokens"] = json!(2);
        body
    }
}

/// A chat request with one message.
pub(crate) fn say(text: &str) -> Value {
    json!({"messages": [{"role": "user", "content": text}]})
}

pub(crate) fn chat_path(deployment: &str) -> String {
    format!("/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21")
}

pub(crate) fn embeddings_path(deployment: &str) -> String {
    format!("/openai/deployments/{deployment}/embeddings?api-version=2024-10-21")
}

/// Two loopback addresses that are currently unused.
pub(crate) fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(), ()].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
