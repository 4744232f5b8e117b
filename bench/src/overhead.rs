//! Measures the gateway's cost: Bailiwick with a worker that answers at once, and three proxies in
//! front of one stub: Bailiwick with the stub as an engine over HTTP, nginx as a plain reverse proxy,
//! and LiteLLM's proxy. Each is pinned to the same core; stub and load generator share another one.
//! No model is measured.

mod attacks;
mod fixed;
mod load;
mod message;
mod report;
mod servers;
mod stub;

use std::{
    fs, io,
    io::{Seek as _, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::json;

pub(crate) use self::attacks::{attack, main as attacks};
use self::{
    load::Run,
    servers::{Programs, Running},
};
use crate::{measure::median, report::machine};

const USAGE: &str = "usage: bench overhead --ours BINARY --nginx BINARY --work DIR
             [--litellm BINARY] [--rounds 3] [--requests 20000]
             [--only ours,http,nginx,litellm,stub] [--write FILE.md]";

/// Numbers of connections; each sends one request at a time.
const CONCURRENCY: [usize; 3] = [1, 16, 64];

/// The proxy in front of the stub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proxy {
    /// No proxy: the load generator connects to the stub.
    Direct,
    /// Bailiwick, with a stub as its worker.
    Bailiwick,
    /// Bailiwick, with the stub as an engine over HTTP.
    OverHttp,
    Nginx,
    LiteLlm,
}

impl Proxy {
    fn name(self) -> &'static str {
        match self {
            Self::Direct => "stub alone",
            Self::Bailiwick => "Bailiwick",
            Self::OverHttp => "Bailiwick over HTTP",
            Self::Nginx => "nginx",
            Self::LiteLlm => "LiteLLM",
        }
    }

    /// Returns the name on the command line.
    fn option(self) -> &'static str {
        match self {
            Self::Direct => "stub",
            Self::Bailiwick => "ours",
            Self::OverHttp => "http",
            Self::Nginx => "nginx",
            Self::LiteLlm => "litellm",
        }
    }

    /// Returns the number of requests in a run; a fast proxy gets `most`.
    fn requests(self, most: usize, connections: usize) -> usize {
        let share: usize = if self == Self::LiteLlm { 20 } else { 1 };
        let share = if connections == 1 { share.saturating_mul(4) } else { share };
        most.checked_div(share).unwrap_or(most).max(connections)
    }
}

/// One proxy in one round.
#[derive(Debug, Clone)]
struct Turn {
    proxy: Proxy,
    /// One run for each level of concurrency, in order.
    runs: Vec<Run>,
    /// Utilization of the proxy's core and of the core of stub and load, in percent, at the highest
    /// concurrency.
    busy: [f64; 2],
    /// Processor time of the proxy per request at the highest concurrency, in microseconds.
    cost_us: f64,
    /// Share of the proxy's core that other programs used at that time, in percent.
    others: f64,
    /// Growth of the data directory per request, in bytes.
    grown: f64,
}

/// Features of the measured version of Bailiwick, as visible from outside.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    receipts: bool,
    log: bool,
}

impl Shown {
    /// Returns the features that both have.
    fn and(self, other: Self) -> Self {
        Self { receipts: self.receipts && other.receipts, log: self.log && other.log }
    }
}

/// All measurements.
#[derive(Debug)]
struct Measured {
    rounds: u32,
    requests: usize,
    prompt_bytes: usize,
    machine: String,
    fsync_ms: f64,
    shown: Shown,
    versions: Vec<(Proxy, String)>,
    turns: Vec<Turn>,
}

/// `bench stub`.
pub(crate) fn stub(arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let arguments: Vec<String> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--listen", address] => stub::serve(address.parse().map_err(io::Error::other)?),
        _ => Err(io::Error::other("usage: bench stub --listen ADDRESS")),
    }
}

/// `bench overhead`.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let mut programs = Programs::default();
    let (mut rounds, mut requests, mut only, mut write) = (3, 20_000, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| io::Error::other(USAGE))?;
        let number = || value.parse::<u32>().map_err(io::Error::other);
        match name.as_str() {
            "--ours" => programs.ours = value.into(),
            "--nginx" => programs.nginx = value.into(),
            "--litellm" => programs.litellm = Some(value.into()),
            "--work" => programs.work = value.into(),
            "--rounds" => rounds = number()?,
            "--requests" => requests = number()? as usize,
            "--only" => only = Some(value),
            "--write" => write = Some(PathBuf::from(value)),
            _ => return Err(io::Error::other(format!("`{name}` is not an option\n{USAGE}"))),
        }
    }
    if thread::available_parallelism()?.get() < 2 {
        return Err(io::Error::other("two processors are needed: one for the proxy, one for load"));
    }
    // Before this process is pinned to one core.
    let machine = machine();
    // The stub inherits this; proxies are pinned to another core.
    let mut core = CpuSet::new();
    core.set(fixed::STUB_CORE);
    sched_setaffinity(None, &core)?;
    fs::create_dir_all(&programs.work)?;
    let mut proxies =
        vec![Proxy::Direct, Proxy::Bailiwick, Proxy::OverHttp, Proxy::Nginx, Proxy::LiteLlm];
    proxies.retain(|proxy| *proxy != Proxy::LiteLlm || programs.litellm.is_some());
    proxies.retain(|proxy| {
        only.as_deref().is_none_or(|only| only.split(',').any(|only| only == proxy.option()))
    });
    let (turns, shown) = measure(&programs, proxies, rounds, requests)?;
    let measured = Measured {
        rounds,
        requests,
        prompt_bytes: prompt().len(),
        machine,
        fsync_ms: fsync_ms(&programs.work)?,
        shown,
        versions: servers::versions(&programs),
        turns,
    };
    let report = report::markdown(&measured);
    write!(io::stdout(), "{report}")?;
    match write {
        Some(document) => crate::report::write_between_markers(&document, "overhead", &report),
        None => Ok(()),
    }
}

fn measure(
    programs: &Programs,
    mut proxies: Vec<Proxy>,
    rounds: u32,
    requests: usize,
) -> io::Result<(Vec<Turn>, Shown)> {
    let body = body();
    let stub = servers::start_stub(programs)?;
    let (mut turns, mut shown) = (Vec::new(), None);
    for round in 1..=rounds {
        // The order changes from round to round, so that drift of the machine affects all.
        proxies.reverse();
        for proxy in &proxies {
            let running = servers::start(*proxy, programs, &stub)?;
            if matches!(proxy, Proxy::Bailiwick | Proxy::OverHttp) {
                let seen = look(&running, &body)?;
                shown = shown.map_or(Some(seen), |both: Shown| Some(both.and(seen)));
            }
            let turn = turn(*proxy, &running, &body, requests)?;
            progress(round, &turn);
            turns.push(turn);
            drop(running);
            thread::sleep(Duration::from_millis(300));
        }
    }
    Ok((turns, shown.unwrap_or_default()))
}

fn turn(proxy: Proxy, running: &Running, body: &str, requests: usize) -> io::Result<Turn> {
    let target = &running.server().target;
    let most = CONCURRENCY.iter().copied().max().unwrap_or(1);
    // Lazy initialization must happen before the timing.
    let warm = proxy.requests(requests, most).checked_div(4).unwrap_or(1);
    load::run(target, body, most, warm.max(most))?;
    let mut turn =
        Turn { proxy, runs: Vec::new(), busy: [0.0; 2], cost_us: 0.0, others: 0.0, grown: 0.0 };
    for connections in CONCURRENCY {
        let count = proxy.requests(requests, connections);
        let (bytes, busy) = (running.data_bytes(), Busy::now()?);
        let (started, time) = (Instant::now(), running.time());
        turn.runs.push(load::run(target, body, connections, count)?);
        let time = running.time().saturating_sub(time).as_secs_f64();
        turn.busy = busy.since()?;
        turn.cost_us = time * 1e6 / load::count(count);
        let [on_core, _] = turn.busy;
        turn.others = (on_core - 100.0 * time / started.elapsed().as_secs_f64()).max(0.0);
        let grown = running.data_bytes().saturating_sub(bytes);
        turn.grown = load::count(usize::try_from(grown).unwrap_or(0)) / load::count(count);
    }
    Ok(turn)
}

/// Finds out from outside which features are on.
fn look(running: &Running, body: &str) -> io::Result<Shown> {
    let target = &running.server().target;
    let answer = load::once(target.address, &load::post(target, body))?;
    if !answer.body.contains(fixed::TEXT) {
        let text = answer.body;
        return Err(io::Error::other(format!("not the stub's answer: {text}")));
    }
    let receipts = answer.head.contains("\r\nx-bailiwick-receipt:");
    let log = crate::http::is_ready(target.address, "/log/checkpoint");
    Ok(Shown { receipts, log })
}

/// Busy time of the machine's processors, and total time.
struct Busy([[u64; 2]; 2]);

impl Busy {
    fn now() -> io::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let of = |core: usize| -> [u64; 2] {
            let name = format!("cpu{core} ");
            let line = stat.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_default();
            // user nice system idle iowait irq softirq steal; guests are in `user` already.
            let times: Vec<u64> =
                line.split_whitespace().take(8).filter_map(|time| time.parse().ok()).collect();
            let all: u64 = times.iter().sum();
            let idle: u64 = times.iter().skip(3).take(2).sum();
            [all.saturating_sub(idle), all]
        };
        Ok(Self([of(servers::PROXY_CORE), of(fixed::STUB_CORE)]))
    }

    fn since(&self) -> io::Result<[f64; 2]> {
        let now = Self::now()?;
        let percent = |[busy, all]: [u64; 2], [busy_then, all_then]: [u64; 2]| {
            let part = |now: u64, then: u64| {
                load::count(usize::try_from(now.saturating_sub(then)).unwrap_or(0))
            };
            100.0 * part(busy, busy_then) / part(all, all_then).max(1.0)
        };
        let ([proxy, stub], [proxy_then, stub_then]) = (now.0, self.0);
        Ok([percent(proxy, proxy_then), percent(stub, stub_then)])
    }
}

/// Returns the median time of an fsync of a small append, on the disk of the data directories.
fn fsync_ms(folder: &Path) -> io::Result<f64> {
    let path = folder.join("fsync");
    let mut file = fs::File::create(&path)?;
    let mut took = Vec::new();
    for _ in 0..FSYNCS {
        file.seek(io::SeekFrom::End(0))?;
        let started = Instant::now();
        file.write_all(&[0; 512])?;
        file.sync_all()?;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    fs::remove_file(&path)?;
    Ok(median(&mut took))
}

/// Number of timed appends.
const FSYNCS: u32 = 200;

fn body() -> String {
    json!({
        "model": "bench",
        "messages": [
            { "role": "system", "content": "Answer in one sentence." },
            { "role": "user", "content": prompt() },
        ],
        "temperature": 0,
        "max_tokens": 64,
    })
    .to_string()
}

/// Returns a kilobyte of text.
fn prompt() -> String {
    const SENTENCE: &str = "The river runs past the old mill, where letters wait for the morning. ";
    SENTENCE.repeat(1024_usize.div_ceil(SENTENCE.len()))
}

fn progress(round: u32, turn: &Turn) {
    let runs: Vec<String> = turn
        .runs
        .iter()
        .zip(CONCURRENCY)
        .map(|(run, at)| {
            let Run { per_second, p50_ms, p99_ms } = run;
            format!("{at}: {per_second:.0}/s p50 {p50_ms:.3} p99 {p99_ms:.3} ms")
        })
        .collect();
    let [proxy, stub] = turn.busy;
    let _ = writeln!(
        io::stderr(),
        "round {round} {:>19}: {}; {:.1} µs each; cores {proxy:.0} % and {stub:.0} % busy, {:.0} % \
         of the first by other programs",
        turn.proxy.name(),
        runs.join(", "),
        turn.cost_us,
        turn.others,
    );
}

/// Returns an address as a URL.
fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}
