//! Starts servers on loopback, ends them, and measures their memory.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::http::{Target, is_ready};

/// The settings of both servers.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) model: PathBuf,
    pub(crate) threads: u32,
    pub(crate) sequences: u32,
    /// Tokens in one sequence.
    pub(crate) context: u32,
    /// Folder for logs and data.
    pub(crate) work: PathBuf,
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) target: Target,
}

impl Drop for Server {
    fn drop(&mut self) {
        // TERM first: a killed server leaves its own children behind. If the process is already
        // gone, there is nothing more to do.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Time that a server may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Starts llama.cpp's `llama-server` without a prompt cache, since the prompts are unique anyway.
pub(crate) fn start_theirs(binary: &Path, setup: &Setup) -> io::Result<Server> {
    let address = free_address()?;
    let total = setup.context.saturating_mul(setup.sequences);
    let mut command = Command::new(binary);
    command
        .arg("-m")
        .arg(&setup.model)
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        .args(["-t", &setup.threads.to_string(), "-tb", &setup.threads.to_string()])
        .args(["-np", &setup.sequences.to_string(), "-c", &total.to_string()])
        .args(["--cache-ram", "0", "--no-cache-prompt", "--no-webui"]);
    let child = spawn(&mut command, &setup.work.join("llama-server.log"))?;
    let path = "/v1/chat/completions".to_owned();
    let server = Server { child, target: Target { address, path, key: "none".into() } };
    wait(server, address, "/health")
}

/// Starts `bailiwick serve`.
pub(crate) fn start_ours(binary: &Path, setup: &Setup) -> io::Result<Server> {
    start_ours_with(binary, setup, free_address()?, &[])
}

/// Starts `bailiwick serve` with more settings, and with its operators' listener at this address.
pub(crate) fn start_ours_with(
    binary: &Path,
    setup: &Setup,
    operations: SocketAddr,
    settings: &[(&str, &str)],
) -> io::Result<Server> {
    let data = setup.work.join("data");
    let key = make_data(binary, &data, &setup.model)?;
    let address = free_address()?;
    let mut command = Command::new(binary);
    command
        .arg("serve")
        .env("BAILIWICK_DATA", &data)
        .env("BAILIWICK_LISTEN__API", address.to_string())
        .env("BAILIWICK_LISTEN__OPERATIONS", operations.to_string())
        .env("BAILIWICK_ENGINE__SEQUENCES", setup.sequences.to_string())
        .env("BAILIWICK_ENGINE__CONTEXT_TOKENS", setup.context.to_string())
        .env("BAILIWICK_ENGINE__THREADS", setup.threads.to_string())
        .envs(settings.iter().copied());
    let child = spawn(&mut command, &setup.work.join("bailiwick.log"))?;
    let path = "/openai/v1/chat/completions".to_owned();
    wait(Server { child, target: Target { address, path, key } }, operations, "/readyz")
}

/// Creates a data directory with one tenant, one resource and one deployment named `bench`, on the
/// command line; returns the resource's key.
pub(crate) fn make_data(binary: &Path, data: &Path, model: &Path) -> io::Result<String> {
    let key = make_resource(binary, data)?;
    let add = format!("model add {} --name bench --in-place", model.display());
    command_line(binary, data, &add, &[])?;
    deploy(binary, data)?;
    Ok(key)
}

/// Creates a data directory with one tenant and one resource named `bench`; returns the resource's
/// key.
pub(crate) fn make_resource(binary: &Path, data: &Path) -> io::Result<String> {
    // The keys stand beside the data, and belong to them.
    for old in [data.to_owned(), data.with_file_name("data-keys")] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    command_line(binary, data, "tenant create bench", &[])?;
    let create = "resource create bench --tenant bench --no-prefix-cache --json";
    let made = command_line(binary, data, create, &[])?;
    let made: Value = serde_json::from_slice(&made).map_err(io::Error::other)?;
    Ok(made.get("key1").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Deploys the model `bench`. The limits are far above the throughput of loopback: the benchmark
/// includes the checks of limits, but must not reach them.
pub(crate) fn deploy(binary: &Path, data: &Path) -> io::Result<()> {
    let create = "deployment create bench --resource bench --model bench \
                  --tokens-per-minute 4000000000 --requests-per-minute 100000000";
    command_line(binary, data, create, &[]).map(drop)
}

/// Runs a command of Bailiwick under these settings; returns its output.
pub(crate) fn command_line(
    binary: &Path,
    data: &Path,
    line: &str,
    settings: &[(&str, &str)],
) -> io::Result<Vec<u8>> {
    let mut command = Command::new(binary);
    command.args(line.split(' ')).env("BAILIWICK_DATA", data).envs(settings.iter().copied());
    let output = command.output()?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("bailiwick {line}: {message}")))
}

/// Returns the highest resident memory so far, in MB, of a server and all its children.
pub(crate) fn memory_peak_mb(server: &Server) -> u64 {
    let own = |pid: u32| -> Option<u64> {
        status(pid, "VmHWM:")?.split_whitespace().next()?.parse().ok()
    };
    processes(server).into_iter().filter_map(own).sum::<u64>() / 1024
}

/// Returns [`memory_peak_mb`] without the pages that processes share: a page of `n` processes counts
/// as 1/`n` for each. The kernel knows that only for the present, so this takes the sharing of now
/// from the highest memory so far.
pub(crate) fn memory_peak_shared_once_mb(server: &Server) -> u64 {
    let rollup = |pid: u32, name: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.split_whitespace().next()?.parse().ok()
    };
    let twice = |pid: u32| Some(rollup(pid, "Rss:")?.saturating_sub(rollup(pid, "Pss:")?));
    let shared = processes(server).into_iter().filter_map(twice).sum::<u64>() / 1024;
    memory_peak_mb(server).saturating_sub(shared)
}

/// Returns the processor time so far of the server's processes that are pinned to this core. Its
/// stub is pinned to another core.
pub(crate) fn time_on(server: &Server, core: usize) -> Duration {
    let core = core.to_string();
    let mut nanoseconds: u64 = 0;
    for pid in processes(server) {
        if status(pid, "Cpus_allowed_list:").is_none_or(|allowed| allowed != core) {
            continue;
        }
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let times = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let own = times.split(' ').next().and_then(|time| time.parse::<u64>().ok());
            nanoseconds = nanoseconds.saturating_add(own.unwrap_or(0));
        }
    }
    Duration::from_nanos(nanoseconds)
}

/// Returns the processor time so far of a server and all its children.
pub(crate) fn time(server: &Server) -> Duration {
    let mut nanoseconds: u64 = 0;
    for pid in processes(server) {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let times = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let own = times.split(' ').next().and_then(|time| time.parse::<u64>().ok());
            nanoseconds = nanoseconds.saturating_add(own.unwrap_or(0));
        }
    }
    Duration::from_nanos(nanoseconds)
}

/// Returns a server's process and all its descendants.
fn processes(server: &Server) -> Vec<u32> {
    let mut found = Vec::new();
    let mut pids = vec![server.child.id()];
    while let Some(pid) = pids.pop() {
        found.push(pid);
        // A child belongs to the thread that started it.
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    found
}

fn status(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

/// Waits until a GET request for `path` gets a 200.
pub(crate) fn wait(mut server: Server, address: SocketAddr, path: &str) -> io::Result<Server> {
    let started = Instant::now();
    while !is_ready(address, path) {
        if let Some(status) = server.child.try_wait()? {
            return Err(io::Error::other(format!("a server ended while it started: {status}")));
        }
        if started.elapsed() > Duration::from_secs(120) {
            return Err(io::Error::other("a server was not ready after two minutes"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(server)
}

/// Starts a program with its output in a file.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> io::Result<Child> {
    let log = fs::File::create(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()
}

/// Returns a loopback address that is currently unused.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
