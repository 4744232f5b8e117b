//! Fetches the files of a served log through `egress`, which dials only this service.

use std::{fs, path::Path, time::Duration};

use egress::{Answer, BadDestination, Destination, Egress, EgressError, ExchangeLimits};
use tokio::{runtime::Runtime, task::JoinSet};

use super::Needed;
use crate::{Failure, command::note};

/// Maximum time and size of one file. A bundle of 256 entries of maximum length is smaller.
const LIMITS: ExchangeLimits =
    ExchangeLimits { time: Duration::from_secs(60), body_bytes_max: 4 * 1024 * 1024 };

/// The log of a service.
pub(super) struct Source {
    runtime: Runtime,
    egress: Egress,
    /// URL of the log, without a slash at the end.
    log: String,
}

impl Source {
    /// Prepares to fetch the log of the service at an address. `ca_file` has the authority that
    /// signed its certificate, if that is not one of Mozilla's.
    pub(super) fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/');
        let base = url.strip_suffix("/log").unwrap_or(url);
        let origin = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let bad = |error: BadDestination| {
            Failure::new(
                format!("cannot use the address {url}: {error}"),
                "give the address of the service's API, such as https://llm.example",
            )
        };
        // The command line names the service, so plain HTTP is the caller's own choice. A log is
        // signed, so an attacker on the network can hide it but not change it.
        let mut destination = Destination::parse(&origin).map_err(bad)?.plaintext(true);
        if let Some(path) = ca_file {
            let unusable = |what: String| {
                Failure::new(
                    format!("cannot use the file `{}`: {what}", path.display()),
                    "give a PEM file with certificates for --ca-file",
                )
            };
            let pem = fs::read(path).map_err(|error| unusable(error.to_string()))?;
            destination = destination.trust(&pem).map_err(|error| unusable(error.to_string()))?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let egress = Egress::new([destination]).map_err(bad)?;
        Ok(Self { runtime, egress, log: format!("{base}/log") })
    }

    /// Fetches the log's newest checkpoint.
    pub(super) fn checkpoint(&self) -> Result<String, Failure> {
        let checkpoint = "checkpoint".to_owned();
        let needed = [Needed { path: checkpoint.clone(), full: checkpoint }];
        let found = self.files(&needed)?.into_iter().next();
        let (_, bytes) = found.ok_or_else(|| {
            Failure::new(
                format!("there is no log at {}", self.log),
                "give the address of the service's API; its log is under /log/ there",
            )
        })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Fetches files at the same time. Files that the service does not have are left out.
    pub(super) fn files(&self, needed: &[Needed]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
        let mut tasks = JoinSet::new();
        for file in needed {
            let (egress, log) = (self.egress.clone(), self.log.clone());
            let file = Needed { path: file.path.clone(), full: file.full.clone() };
            tasks.spawn_on(async move { one(&egress, &log, file).await }, self.runtime.handle());
        }
        let found = self.runtime.block_on(async {
            let mut found = Vec::new();
            while let Some(file) = tasks.join_next().await {
                let file = file.map_err(|error| Trouble::Unreachable(error.to_string()))?;
                found.extend(file?);
            }
            Ok(found)
        });
        found.map_err(|trouble: Trouble| {
            note("The files fetched so far are stored: mirror again to continue.");
            trouble.failure(&self.log)
        })
    }
}

/// The reason why a file could not be fetched.
enum Trouble {
    Unreachable(String),
    Egress(EgressError),
    Status { url: String, status: u16 },
}

/// Fetches one file, and returns it with the path at which it was found.
async fn one(
    egress: &Egress,
    log: &str,
    file: Needed,
) -> Result<Option<(String, Vec<u8>)>, Trouble> {
    // The service may remove a partial file once the full one exists.
    let is_whole = file.path == file.full;
    for path in [file.path, file.full].into_iter().take(if is_whole { 1 } else { 2 }) {
        let url = format!("{log}/{path}");
        let permit = egress.permit(&url).map_err(|e| Trouble::Unreachable(e.to_string()))?;
        let Answer { status, body, .. } =
            egress.get(permit, LIMITS).await.map_err(Trouble::Egress)?;
        match status {
            200 => return Ok(Some((path, body.to_vec()))),
            404 => {}
            status => return Err(Trouble::Status { url, status }),
        }
    }
    Ok(None)
}

impl Trouble {
    fn failure(self, log: &str) -> Failure {
        let (message, help) = match self {
            Self::Unreachable(error) => (format!("cannot reach {log}: {error}"), RUNNING),
            Self::Egress(error) => {
                let help = match &error {
                    EgressError::Tls(cause) if cause.to_string().contains("certificate") => {
                        "give the authority that signed the server's certificate: --ca-file FILE"
                    }
                    EgressError::Tls(_) | EgressError::Http(_) => {
                        "does the server speak https:// there, or plain http:// on this machine?"
                    }
                    EgressError::Redirect(_) => {
                        "give the final address of the log, without redirects"
                    }
                    _ => RUNNING,
                };
                (format!("cannot reach {log}: {error}"), help)
            }
            Self::Status { url, status } => (
                format!("{url} answers {status}"),
                "try again later; the files fetched so far are stored",
            ),
        };
        Failure::new(message, help)
    }
}

const RUNNING: &str = "is the server running, and does this machine reach it?";
