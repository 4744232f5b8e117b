//! The custodian's process. The server starts it from the same binary, with a socket as standard
//! input. The custodian alone opens the key directory, and can open no file outside it.
//! `store::custody` implements its work.

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use engine::confine;
use store::{
    custody::{self, Client, Custodian, Trust},
    keys::Expected,
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
    let mut custodian = match Custodian::start((keys, expected), trust, clock::read()) {
        Ok((custodian, _)) => custodian,
        Err(error) => {
            let failure = Failure::plain(error.to_string());
            custody::decline(&mut stream, error.refusal())?;
            return Err(failure);
        }
    };
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

/// Whether the server is gone. The custodian then ends too, and has no error to report.
fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Returns the function by which the server starts a custodian for a key directory. The server
/// names the log's and the witnesses' keys only once, at the start.
pub(crate) fn connect(keys: PathBuf, trust: &Trust) -> Connect {
    let log = trust.log.to_string();
    let witnesses: Vec<String> = trust.witnesses.iter().map(ToString::to_string).collect();
    Box::new(move |expected| {
        let (ours, theirs) = UnixStream::pair()?;
        let keys = std::path::absolute(&keys)?;
        let mut command = Command::new(EXECUTABLE);
        command
            .arg("custodian")
            .arg(keys)
            .arg(expected.to_string())
            .arg(&log)
            .args(&witnesses)
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
        Ok(Client::new(ours))
    })
}
