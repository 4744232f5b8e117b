//! Starts the proxies, one at a time, with their default settings. Exceptions make them comparable:
//! one process or worker, reused connections, and no log where it can be turned off.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::geteuid;

use super::{Proxy, url};
use crate::{
    http::Target,
    servers::{
        Server, command_line, deploy, free_address, make_data, make_resource, spawn, time_on, wait,
    },
};

/// The core of the measured proxy.
pub(super) const PROXY_CORE: usize = 1;

/// Programs to start, and the folder for their files.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// Bailiwick's server with a stub as its worker.
    pub(super) ours: PathBuf,
    pub(super) nginx: PathBuf,
    pub(super) litellm: Option<PathBuf>,
    pub(super) work: PathBuf,
}

impl Programs {
    /// Bailiwick's data directory.
    pub(super) fn data(&self) -> PathBuf {
        self.work.join("data")
    }
}

/// The target of the load.
#[derive(Debug)]
pub(super) enum Running<'stub> {
    Stub(&'stub Server),
    Proxy(Server),
    /// Bailiwick, with its data directory.
    Ours(Server, PathBuf),
}

impl Running<'_> {
    pub(super) fn server(&self) -> &Server {
        match self {
            Self::Stub(server) => server,
            Self::Proxy(server) | Self::Ours(server, _) => server,
        }
    }

    /// Returns the proxy's processor time so far, including all its processes.
    pub(super) fn time(&self) -> Duration {
        match self {
            Self::Stub(_) => Duration::ZERO,
            Self::Proxy(server) | Self::Ours(server, _) => time_on(server, PROXY_CORE),
        }
    }

    /// Returns the size of its data directory.
    pub(super) fn data_bytes(&self) -> u64 {
        match self {
            Self::Ours(_, data) => bytes(data),
            Self::Stub(_) | Self::Proxy(_) => 0,
        }
    }
}

fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
            // A file may have been deleted meanwhile.
            metadata => metadata.map_or(0, |metadata| metadata.len()),
        })
        .sum()
}

/// Starts the stub on this process's core.
pub(super) fn start_stub(programs: &Programs) -> io::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["stub", "--listen", &address.to_string()]);
    let child = spawn(&mut command, &programs.work.join("stub.log"))?;
    let path = "/v1/chat/completions".to_owned();
    wait(Server { child, target: Target { address, path, key: "none".into() } }, address, "/")
}

/// Starts a proxy on its own core.
pub(super) fn start<'stub>(
    proxy: Proxy,
    programs: &Programs,
    stub: &'stub Server,
) -> io::Result<Running<'stub>> {
    match proxy {
        Proxy::Direct => Ok(Running::Stub(stub)),
        Proxy::Bailiwick => start_ours(programs).map(|ours| Running::Ours(ours, programs.data())),
        Proxy::OverHttp => {
            start_over_http(programs, stub).map(|ours| Running::Ours(ours, programs.data()))
        }
        Proxy::Nginx => start_nginx(programs, stub).map(Running::Proxy),
        Proxy::LiteLlm => start_litellm(programs, stub).map(Running::Proxy),
    }
}

/// Starts Bailiwick on its own core, with workers that answer at once.
pub(super) fn start_ours(programs: &Programs) -> io::Result<Server> {
    let data = programs.data();
    // The stub accepts any file as a model.
    let model = programs.work.join("model.gguf");
    fs::write(&model, "not a model\n")?;
    let key = make_data(&programs.ours, &data, &model)?;
    serve(programs, key, &[])
}

/// Starts Bailiwick on its own core, in front of the same stub as the other proxies: the stub is an
/// engine over HTTP, and no worker runs.
fn start_over_http(programs: &Programs, stub: &Server) -> io::Result<Server> {
    let (ours, data) = (&programs.ours, programs.data());
    let key = make_resource(ours, &data)?;
    let stub = stub.target.address;
    let listed = format!("[{{ url = \"{}\" }}]", url(stub, ""));
    let settings = [("BAILIWICK_EGRESS", listed.as_str())];
    let model = "model add bench --served --task chat --context-tokens 8192";
    command_line(ours, &data, model, &settings)?;
    let engine = format!(
        "engine add stub --kind openai --url {} --region local --model bench \
         --prefix-cache salted --concurrency 256",
        url(stub, "/v1")
    );
    command_line(ours, &data, &engine, &settings)?;
    deploy(ours, &data)?;
    serve(programs, key, &settings)
}

fn serve(programs: &Programs, key: String, settings: &[(&str, &str)]) -> io::Result<Server> {
    let (address, operations) = (free_address()?, free_address()?);
    let mut command = pinned(&programs.ours);
    command
        .arg("serve")
        .env("BAILIWICK_DATA", programs.data())
        .env("BAILIWICK_LISTEN__API", address.to_string())
        .env("BAILIWICK_LISTEN__OPERATIONS", operations.to_string())
        .envs(settings.iter().copied());
    let child = spawn(&mut command, &programs.work.join("bailiwick.log"))?;
    let path = "/openai/v1/chat/completions".to_owned();
    wait(Server { child, target: Target { address, path, key } }, operations, "/readyz")
}

fn start_nginx(programs: &Programs, stub: &Server) -> io::Result<Server> {
    let home = programs.work.join("nginx");
    fs::create_dir_all(&home)?;
    let address = free_address()?;
    // Without this line, a master running as root starts workers that may not enter this folder.
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let configuration = NGINX
        .replace("@user@", user)
        .replace("@address@", &address.to_string())
        .replace("@stub@", &stub.target.address.to_string());
    let file = home.join("nginx.conf");
    fs::write(&file, configuration)?;
    let mut command = pinned(&programs.nginx);
    command.arg("-p").arg(&home).arg("-c").arg(&file).args(["-e", "error.log"]);
    let child = spawn(&mut command, &programs.work.join("nginx.log"))?;
    let path = "/v1/chat/completions".to_owned();
    wait(Server { child, target: Target { address, path, key: "none".into() } }, address, "/")
}

/// A plain reverse proxy. It keeps connections on both sides for the whole run, as the others do.
const NGINX: &str = "\
@user@
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log error;
events {
    worker_connections 1024;
}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 10000000;
    upstream stub {
        server @stub@;
        keepalive 128;
        keepalive_requests 10000000;
    }
    server {
        listen @address@;
        location / {
            proxy_pass http://stub;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
        }
    }
}
";

fn start_litellm(programs: &Programs, stub: &Server) -> io::Result<Server> {
    let binary = programs.litellm.as_deref().ok_or_else(|| io::Error::other("no --litellm"))?;
    let configuration = LITELLM.replace("@stub@", &url(stub.target.address, "/v1"));
    let file = programs.work.join("litellm.yaml");
    fs::write(&file, configuration)?;
    let address = free_address()?;
    let mut command = pinned(binary);
    command
        .arg("--config")
        .arg(&file)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["--num_workers", "1", "--telemetry", "False"])
        // Its log and its HTTP server's log are limited to errors.
        .env("LITELLM_LOG", "ERROR")
        .envs([LOCAL_PRICES]);
    let child = spawn(&mut command, &programs.work.join("litellm.log"))?;
    let (path, key) = ("/v1/chat/completions".to_owned(), "sk-bench".to_owned());
    let server = Server { child, target: Target { address, path, key } };
    wait(server, address, "/health/liveliness")
}

/// Uses LiteLLM's list of prices from its own package; otherwise it fetches the list from the
/// Internet at the start.
const LOCAL_PRICES: (&str, &str) = ("LITELLM_LOCAL_MODEL_COST_MAP", "True");

const LITELLM: &str = "\
model_list:
  - model_name: bench
    litellm_params:
      model: openai/bench
      api_base: @stub@
      api_key: none
litellm_settings:
  set_verbose: false
  turn_off_message_logging: true
  telemetry: false
general_settings:
  master_key: sk-bench
  disable_spend_logs: true
";

/// Returns the command that runs a program on the measured core.
fn pinned(program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &PROXY_CORE.to_string()]).arg(program);
    command
}

/// Returns the versions that the other proxies report.
pub(super) fn versions(programs: &Programs) -> Vec<(Proxy, String)> {
    let version = |program: &Path, flag: &str| -> Option<String> {
        let output = Command::new(program).arg(flag).envs([LOCAL_PRICES]).output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        // The first word that starts with a digit.
        let mut words = said.split([' ', '/', '\n', '=']);
        words.find(|word| word.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
    };
    let nginx = version(&programs.nginx, "-v").map(|version| (Proxy::Nginx, version));
    let litellm = programs.litellm.as_deref();
    let litellm = litellm.and_then(|litellm| version(litellm, "--version"));
    nginx.into_iter().chain(litellm.map(|version| (Proxy::LiteLlm, version))).collect()
}
