//! The custodian's process. The server starts it from the same binary, with a socket as standard
//! input. The custodian alone opens the key directory, and can open no file outside it.
//! `store::custody` implements its work.

use std::{
    collections::BTreeMap,
    fmt, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
};

use engine::{confine, sockets};
use policy::id::TenantId;
use store::{
    custody::{self, Client, Custodian, Trust},
    keys::{Expected, holder::Connection},
    ledger::Connect,
};
use tlog::note::Verifier;

use crate::{clock, failure::Failure, fleet::EXECUTABLE};

/// Runs the custodian until the server disconnects.
///
/// # Errors
/// The key directory cannot be used, or the clock is not reliable.
pub(crate) fn main(
    keys: &Path,
    expected: Expected,
    log: &str,
    witnesses: &[String],
    held: &[Held],
) -> Result<(), Failure> {
    // The custodian's memory holds private keys while it opens a record: no core dumps, no tracing.
    confine::keep_private().map_err(|error| Failure::plain(error.to_string()))?;
    // The server raised its own limit for its connections; the custodian needs only a few files.
    confine::few_files().map_err(|error| Failure::plain(error.to_string()))?;
    let key = |text: &str| Verifier::parse(text).map_err(|e| Failure::plain(e.to_string()));
    let witnesses = witnesses.iter().map(|witness| key(witness)).collect::<Result<_, _>>()?;
    let trust = Trust { log: key(log)?, witnesses };
    let by_hand = |_: io::Error| {
        Failure::plain("this command is not for people: `bailiwick serve` starts it")
    };
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(by_hand)?;
    let mut stream = UnixStream::from(input);
    stream.peer_addr().map_err(by_hand)?;
    let holders = holders(&stream, held)?;
    let start = Custodian::start_held((keys, expected), holders, trust, clock::read());
    let mut custodian = match start {
        Ok((custodian, _)) => custodian,
        Err(error) => {
            let failure = Failure::plain(error.to_string());
            custody::decline(&mut stream, error.refusal())?;
            return Err(failure);
        }
    };
    stream.set_read_timeout(Some(custody::IDLE_EVERY))?;
    // Confine the process before it reads the first message: even if the parser has a flaw, the
    // keys can leave only over this socket.
    confine::to_folder(keys).map_err(|error| Failure::plain(error.to_string()))?;
    match custody::serve(&mut custodian, &mut stream, clock::read) {
        Ok(()) => Ok(()),
        // The server was killed, or ended before it read an answer.
        Err(error) if hung_up(&error) => Ok(()),
        Err(error) => Err(Failure::plain(format!("the connection to the server failed: {error}"))),
    }
}

/// A tenant whose key-encryption key its customer holds, and whether the server reached the holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    tenant: TenantId,
    reached: bool,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tenant, reached } = self;
        write!(f, "{tenant}={}", if *reached { REACHED } else { GONE })
    }
}

impl FromStr for Held {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "not a tenant's id with `=reached` or `=gone`";
        let (tenant, state) = text.split_once('=').ok_or(WRONG)?;
        let reached = match state {
            REACHED => true,
            GONE => false,
            _ => return Err(WRONG),
        };
        Ok(Self { tenant: tenant.parse().map_err(|_| WRONG)?, reached })
    }
}

const REACHED: &str = "reached";
const GONE: &str = "gone";

/// Receives the connections to the holders from the server: one for each that it reached, in order.
fn holders(stream: &UnixStream, held: &[Held]) -> io::Result<BTreeMap<TenantId, Connection>> {
    let reached = held.iter().filter(|held| held.reached).count();
    let sockets = match reached {
        0 => Vec::new(),
        count => sockets::receive(stream, count)?,
    };
    let mut sockets = sockets.into_iter();
    let connection = |held: &Held| {
        let socket = if held.reached { sockets.next() } else { None };
        (held.tenant, Connection::new(socket))
    };
    Ok(held.iter().map(connection).collect())
}

/// Whether the server is gone. The custodian then ends too, and has no error to report.
fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Returns the function by which the server starts a custodian for a key directory. The server
/// names the log's and the witnesses' keys only once, at the start. `held` are the tenants whose
/// key-encryption keys their customers hold, each with its holder's socket. The server connects to
/// the holders, because the custodian can make no sockets.
pub(crate) fn connect(keys: PathBuf, trust: &Trust, held: Vec<(TenantId, PathBuf)>) -> Connect {
    let log = trust.log.to_string();
    let witnesses: Vec<String> = trust.witnesses.iter().map(ToString::to_string).collect();
    Box::new(move |expected| {
        let (ours, theirs) = UnixStream::pair()?;
        let keys = std::path::absolute(&keys)?;
        let mut sockets = Vec::new();
        let mut tenants = Vec::new();
        for (tenant, path) in &held {
            let socket = UnixStream::connect(path).ok();
            tenants.push(Held { tenant: *tenant, reached: socket.is_some() });
            sockets.extend(socket);
        }
        let mut command = Command::new(EXECUTABLE);
        command
            .arg("custodian")
            .arg(keys)
            .arg(expected.to_string())
            .arg(&log)
            .args(&witnesses)
            .args(tenants.iter().map(|held| format!("--held={held}")))
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // A process group of its own: Ctrl-C stops the server, and the server stops the
            // custodian last.
            .process_group(0);
        // A signal to all processes of the service does not stop it either: it ends with the
        // socket.
        let mut child = confine::leave_signals_to_parent(&mut command).spawn()?;
        // The custodian ends when the server disconnects; an earlier end must be logged.
        std::thread::Builder::new().name("custodian".to_owned()).spawn(move || {
            match child.wait() {
                Ok(status) if status.success() => {}
                Ok(status) => tracing::error!(%status, "the custodian stopped"),
                Err(error) => tracing::error!(%error, "the custodian is lost"),
            }
        })?;
        if !sockets.is_empty() {
            sockets::send(&ours, &sockets)?;
        }
        Ok(Client::new(ours))
    })
}
