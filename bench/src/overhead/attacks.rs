//! Measures how attacks on the listener affect a caller with a key: its p99 with and without each
//! attack.
//!
//! The attacker has another address than the caller (127.0.0.2), no key, and a separate process
//! with a lower priority than the load generator on the same core.

mod attacker;

use std::{
    fmt::Write as _,
    fs, io,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{CpuSet, sched_setaffinity};

use self::attacker::ATTACKS;
pub(crate) use self::attacker::main as attack;
use super::{
    body, fixed, load,
    servers::{self, PROXY_CORE, Programs},
};
use crate::{
    http::Target,
    measure::median,
    report::{machine, write_between_markers},
    servers::{Server, time_on},
};

const USAGE: &str = "usage: bench attacks --ours BINARY --work DIR [--rounds 3] [--only ATTACK] \
                     [--write FILE.md]";

/// Results of one turn.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// p99 of requests over open connections, in ms: without the attack, and under it.
    kept: [f64; 2],
    /// p99 of requests with a new connection each, in ms: without the attack, and under it.
    fresh: [f64; 2],
    /// Utilization of the service's core by the attack alone, in percent.
    busy: f64,
}

/// `bench attacks`.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let mut programs = Programs::default();
    let (mut rounds, mut only, mut write) = (3, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| io::Error::other(USAGE))?;
        match name.as_str() {
            "--ours" => programs.ours = value.into(),
            "--work" => programs.work = value.into(),
            "--rounds" => rounds = value.parse::<u32>().map_err(io::Error::other)?,
            "--only" => only = Some(value),
            "--write" => write = Some(PathBuf::from(value)),
            _ => return Err(io::Error::other(format!("`{name}` is not an option\n{USAGE}"))),
        }
    }
    let machine = machine();
    let mut core = CpuSet::new();
    core.set(fixed::STUB_CORE);
    sched_setaffinity(None, &core)?;
    fs::create_dir_all(&programs.work)?;
    let server = servers::start_ours(&programs)?;
    let mut measured = Vec::new();
    for attack in ATTACKS {
        if only.as_deref().is_some_and(|only| only != attack.name) {
            continue;
        }
        let mut turns = Vec::new();
        for _ in 0..rounds {
            turns.push(turn(&server, attack.name)?);
        }
        let _ = writeln!(io::stderr(), "{}: {turns:.1?}", attack.name);
        measured.push((attack.name, attack.what, turns));
    }
    let report = report(&measured, rounds, &machine);
    write!(io::stdout(), "{report}")?;
    match write {
        Some(document) => write_between_markers(&document, "attacks", &report),
        None => Ok(()),
    }
}

fn turn(server: &Server, attack: &str) -> io::Result<Turn> {
    let (kept_calm, fresh_calm) = both(&server.target)?;
    let attacker = Attacker::start(attack, &server.target)?;
    thread::sleep(SETTLE);
    let (started, before) = (Instant::now(), time_on(server, PROXY_CORE));
    thread::sleep(ALONE);
    let used = time_on(server, PROXY_CORE).saturating_sub(before).as_secs_f64();
    let busy = 100.0 * used / started.elapsed().as_secs_f64();
    let (kept, fresh) = both(&server.target)?;
    drop(attacker);
    // The effects of one attack must not influence the next.
    thread::sleep(SETTLE);
    Ok(Turn { kept: [kept_calm, kept], fresh: [fresh_calm, fresh], busy })
}

/// Returns the p99 over open connections and the p99 with new connections, in ms.
fn both(target: &Target) -> io::Result<(f64, f64)> {
    let body = body();
    let kept = load::run(target, &body, CONNECTIONS, REQUESTS)?.p99_ms;
    let request = load::post(target, &body);
    let mut took = Vec::with_capacity(FRESH);
    for _ in 0..FRESH {
        let started = Instant::now();
        once(target, &request)?;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    let fresh = took.get(FRESH * 99 / 100).copied().unwrap_or(f64::NAN);
    Ok((kept, fresh))
}

/// Sends a request on a new connection, and reads until the answer's text has arrived.
fn once(target: &Target, request: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&target.address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(fixed::TEXT.len()).any(|part| part == fixed::TEXT.as_bytes()) {
        match stream.read(&mut piece)? {
            0 => return Err(io::Error::other("a known caller got no answer")),
            got => answer.extend_from_slice(piece.get(..got).unwrap_or_default()),
        }
    }
    Ok(())
}

/// The attacking process; it ends when dropped.
struct Attacker(Child);

impl Attacker {
    fn start(name: &str, target: &Target) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["attacker", name, &target.address.to_string()]).stdin(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn report(measured: &[(&str, &str, Vec<Turn>)], rounds: u32, machine: &str) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "Turns for each attack: {rounds}. A turn measures without the attack and under it, each time \
         with {REQUESTS} requests over {CONNECTIONS} open connections and {FRESH} requests with a new \
         connection each. The service runs on one core; load generator and attacker share the other. \
         Machine: {machine}.\n"
    );
    let _ = writeln!(
        text,
        "| attack from one address without a key | p99 over open connections, ms: no attack | under \
         attack | ratio of medians | p99 with new connections, ms: no attack | under attack | ratio of \
         medians | service's core used by the attack alone, % |"
    );
    let _ = writeln!(text, "|---|---|---|---:|---|---|---:|---|");
    for (_, what, turns) in measured {
        let column = |of: fn(&Turn) -> f64| turns.iter().map(of).collect::<Vec<f64>>();
        let raw = |values: &[f64]| {
            values.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(" ")
        };
        let pair = |calm: fn(&Turn) -> f64, attacked: fn(&Turn) -> f64| {
            let [mut calm, mut attacked] = [column(calm), column(attacked)];
            let (calm_raw, attacked_raw) = (raw(&calm), raw(&attacked));
            let ratio = median(&mut attacked) / median(&mut calm);
            format!("{calm_raw} | {attacked_raw} | {ratio:.2}")
        };
        let kept = pair(|turn| turn.kept[0], |turn| turn.kept[1]);
        let fresh = pair(|turn| turn.fresh[0], |turn| turn.fresh[1]);
        let _ =
            writeln!(text, "| {what} | {kept} | {fresh} | {} |", raw(&column(|turn| turn.busy)));
    }
    text
}

const CONNECTIONS: usize = 4;
const REQUESTS: usize = 4000;
const FRESH: usize = 1000;
const SETTLE: Duration = Duration::from_secs(1);
const ALONE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
