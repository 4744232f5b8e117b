//! The custodian's process: started by the server from the same binary, with a socket as standard
//! input. It alone opens the key directory, and can open nothing else. What it does is
//! `store::custody`'s.

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

use crate::{cli::Failure, clock, fleet::EXECUTABLE};

/// Runs the custodian until the server hangs up.
///
/// # Errors
/// When the key directory cannot be used, or the clock cannot be relied on.
pub(crate) fn main(
    keys: &Path,
    expected: Expected,
    log: &str,
    witnesses: &[String],
) -> Result<(), Failure> {
    // Its memory holds private keys while it opens a record: no core dumps, no tracing.
    confine::keep_private().map_err(|error| Failure::plain(error.to_string()))?;
    // The server raised its own limit for its connections; a few files are enough here.
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
    // Before the first message: whatever is wrong with how one is read, the keys go nowhere else
    // than over the line.
    confine::to_folder(keys).map_err(|error| Failure::plain(error.to_string()))?;
    match custody::serve(&mut custodian, &mut stream, clock::read) {
        Ok(()) => Ok(()),
        // What a server leaves behind that was killed, or that ends before it has read an answer.
        Err(error) if hung_up(&error) => Ok(()),
        Err(error) => Err(Failure::plain(format!("the line to the server broke: {error}"))),
    }
}

/// Whether the server is gone: then the custodian ends too, and there is nothing to tell.
fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// How the server reaches a custodian over a key directory: it starts one, and says once whose word
/// it is to take.
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
            // Of its own group: Ctrl-C stops the server, and the server the custodian, last.
            .process_group(0);
        // Nor does a signal that reaches all processes of the service: it ends when the line does.
        let mut child = confine::leave_signals_to_parent(&mut command).spawn()?;
        // It ends when the server hangs up; somebody must hear of it.
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
