//! A running service: the real binary with a data directory and ports of its own, set up through
//! its own command line.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    sync::OnceLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Reply, Request},
    process::{Process, bailiwick, eventually, files_below, model, succeed},
};

/// The chat deployment that every caller has, and the model behind it.
pub(crate) const CHAT: &str = "smollm2";
/// The embeddings deployment that every caller has, and the model behind it.
pub(crate) const EMBED: &str = "smollm2-embed";

/// The service that most tests share, and two callers of different tenants.
pub(crate) struct Shared {
    pub(crate) service: Service,
    /// Has deployments under the names that recorded clients use, too.
    pub(crate) demo: Caller,
    /// Another tenant; has a deployment `others-own`.
    pub(crate) other: Caller,
}

/// Starts the shared service, once.
pub(crate) fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        let service = Service::start(&[("BAILIWICK_LISTEN__DOMAIN", "openai.test")]);
        let demo = service.caller("demo");
        for name in ["gpt4o", "gpt-4o", "mydep", "m"] {
            service.chat_deployment(&demo, name, None);
        }
        service.deployment(&demo, "emb", EMBED, None);
        let other = service.caller("other");
        service.chat_deployment(&other, "others-own", None);
        Shared { service, demo, other }
    })
}

/// A running service; ends when dropped.
pub(crate) struct Service {
    pub(crate) process: Process,
    /// Where customers call.
    pub(crate) api: SocketAddr,
    /// Where operators call.
    pub(crate) operations: SocketAddr,
    log: PathBuf,
    // Last, so that the process has ended before its files go.
    folder: TempDir,
}

/// One resource, as its owner knows it.
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) resource: String,
    pub(crate) key1: String,
    pub(crate) key2: String,
}

/// A deployment's limits in a minute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeploymentLimits {
    pub(crate) requests: u32,
    pub(crate) tokens: u32,
}

/// What the service says about one worker.
#[derive(Debug, Clone)]
pub(crate) struct WorkerInfo {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) json: Value,
}

impl Service {
    /// Starts a service with settings of its own, with both models added; ready when it returns.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::with_prefix("bailiwick-it-").unwrap();
        let log = folder.path().join("service.log");
        let [api, operations] = free_addresses();
        let mut command = bailiwick();
        command.arg("serve").envs([
            ("BAILIWICK_LISTEN__API", api.to_string()),
            ("BAILIWICK_LISTEN__OPERATIONS", operations.to_string()),
            ("BAILIWICK_DATA", folder.path().join("data").to_str().unwrap().to_owned()),
            // Small, so that a prompt is soon too long and a test soon over.
            ("BAILIWICK_ENGINE__CONTEXT_TOKENS", "1024".into()),
        ]);
        command.envs(settings.iter().copied());
        let process = Process::start(&command, &log);
        let service = Self { process, api, operations, log, folder };
        service.wait(|| Request::get("/healthz"));
        let file = model();
        for (name, task) in [(CHAT, "chat"), (EMBED, "embeddings")] {
            service.cli(&["model", "add", file.to_str().unwrap(), "--name", name, "--task", task]);
        }
        service.wait(|| Request::get("/readyz"));
        service
    }

    /// A tenant with a resource of the same name, its keys, and the two usual deployments.
    pub(crate) fn caller(&self, name: &str) -> Caller {
        self.caller_with(name, &[])
    }

    /// The same, with the prompt cache switched off.
    pub(crate) fn caller_without_prefix_cache(&self, name: &str) -> Caller {
        self.caller_with(name, &["--no-prefix-cache"])
    }

    fn caller_with(&self, name: &str, options: &[&str]) -> Caller {
        self.cli(&["tenant", "create", name]);
        let create = ["resource", "create", name, "--tenant", name, "--region", "local"];
        let created = self.cli(&[&create, options].concat());
        let key =
            |name: &str| created[name].as_str().unwrap_or_else(|| panic!("{created}")).to_owned();
        let (key1, key2) = (key("key1"), key("key2"));
        let caller = Caller { address: self.api, resource: name.to_owned(), key1, key2 };
        self.deployment(&caller, CHAT, CHAT, None);
        self.deployment(&caller, EMBED, EMBED, None);
        caller
    }

    /// Adds a chat deployment.
    pub(crate) fn chat_deployment(
        &self,
        caller: &Caller,
        name: &str,
        limits: Option<DeploymentLimits>,
    ) {
        self.deployment(caller, name, CHAT, limits);
    }

    /// Adds a deployment; without limits, such that no test meets them.
    pub(crate) fn deployment(
        &self,
        caller: &Caller,
        name: &str,
        model: &str,
        limits: Option<DeploymentLimits>,
    ) {
        let limits =
            limits.unwrap_or(DeploymentLimits { requests: 1_000_000, tokens: 1_000_000_000 });
        let (tokens, requests) = (limits.tokens.to_string(), limits.requests.to_string());
        self.cli(&[
            "deployment",
            "create",
            name,
            "--resource",
            &caller.resource,
            "--model",
            model,
            "--tokens-per-minute",
            &tokens,
            "--requests-per-minute",
            &requests,
        ]);
    }

    /// Makes a new key in place of `Key1` or `Key2`, and returns it.
    pub(crate) fn rotate_key(&self, caller: &Caller, name: &str) -> String {
        let made = self.cli(&["key", "rotate", &caller.resource, name]);
        made["key"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Runs the command line against this service, with `--json`.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Value {
        let text = succeed(self.command().args(arguments).arg("--json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// The command line, told which service is meant.
    pub(crate) fn command(&self) -> Command {
        let mut command = bailiwick();
        command.env("BAILIWICK_DATA", self.folder.path().join("data"));
        command.env("BAILIWICK_LISTEN__OPERATIONS", self.operations.to_string());
        command
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

    /// The worker that runs a model, once it is ready.
    pub(crate) fn worker(&self, model: &str) -> WorkerInfo {
        eventually("the worker is ready", || {
            self.workers().into_iter().find(|worker| worker.name == model && worker.pid != 0)
        })
    }

    /// Requests that run or wait in all workers together.
    pub(crate) fn load(&self) -> u64 {
        self.workers().iter().map(|worker| worker.json["load"].as_u64().unwrap()).sum()
    }

    /// Asks the admin API.
    pub(crate) fn admin(&self, path: &str) -> Value {
        let key = fs::read_to_string(self.folder.path().join("data/admin.key")).unwrap();
        let request = Request::get(path).header("authorization", &format!("Bearer {}", key.trim()));
        request.send(self.operations).ok()
    }

    pub(crate) fn metrics(&self) -> String {
        let reply = Request::get("/metrics").send(self.operations);
        assert_eq!(reply.status, 200);
        reply.text()
    }

    pub(crate) fn is_ready(&self) -> bool {
        Request::get("/readyz").send(self.operations).status == 200
    }

    /// All that the service has written to its standard output and error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// All files that the service has made.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files_below(&self.folder.path().join("data"))
    }

    /// Fails when a file of the data directory, or the log, holds `text`.
    pub(crate) fn assert_nowhere_on_disk(&self, text: &str) {
        let needle = text.as_bytes();
        for file in self.files().iter().chain([&self.log]) {
            if file.extension().is_some_and(|kind| kind == "gguf") {
                continue;
            }
            let held = fs::read(file).unwrap_or_default();
            assert!(
                !held.windows(needle.len()).any(|window| window == needle),
                "{}",
                file.display()
            );
        }
    }

    fn wait(&self, request: impl Fn() -> Request) {
        eventually(&format!("the service is up; its log:\n{}", self.log()), || {
            assert!(self.process.is_running(), "the service has ended:\n{}", self.log());
            // Until the port is open, connecting fails.
            std::net::TcpStream::connect(self.operations).ok()?;
            (request().send(self.operations).status == 200).then_some(())
        });
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

    /// A chat request that is soon answered.
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

/// Two addresses on loopback that nobody listens on just now.
fn free_addresses() -> [SocketAddr; 2] {
    let listeners = [(), ()].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}
