//! Limits of open files: raises the process's limit and divides the descriptors before the first
//! connection.
//!
//! Each connection needs a descriptor. If connections used all of them, a dead worker or custodian
//! could not be restarted. All listeners together therefore get only the rest, after the service's
//! own needs.

use std::{fmt, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::Directory;

use crate::{config::Config, limits};

/// Number of connections for each listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Connections {
    /// Connections of each API listener.
    pub(super) api: usize,
    /// Connections of each of the operations, desk and review listeners.
    pub(super) operators: usize,
}

/// The process may open too few files for the service to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFew {
    allowed: u64,
    needed: u64,
}

impl fmt::Display for TooFew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { allowed, needed } = self;
        write!(
            f,
            "the system lets this process open {allowed} files, and it needs at least {needed}; raise \
             the hard limit (`LimitNOFILE=` of systemd, `--ulimit nofile=` of containers, \
             `ulimit -Hn`), or lower `limits.operators_connections_max`"
        )
    }
}

impl std::error::Error for TooFew {}

/// Number of listeners and other needs for descriptors.
#[derive(Debug, Clone, Copy)]
struct Needs {
    apis: u64,
    api: u64,
    operators: u64,
    operator: u64,
    workers: u64,
    engines: u64,
}

/// Raises the limit as far as the system allows, and divides the descriptors. If they do not
/// suffice for the configured connections, allows fewer and logs a warning.
///
/// # Errors
/// If there are too few to run at all.
pub(super) fn budget(config: &Config, directory: &Directory) -> Result<Connections, TooFew> {
    let allowed = raise().unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
    });
    let count = |some: &[bool]| some.iter().filter(|there| **there).count() as u64;
    let needs = Needs {
        apis: count(&[true, config.listen.private.is_some()]),
        api: config.limits.connections_max as u64,
        operators: count(&[true, config.listen.desk.is_some(), config.review.is_some()]),
        operator: config.limits.operators_connections_max as u64,
        workers: directory.deployments().len() as u64,
        engines: directory.engines().len() as u64,
    };
    let api = share(allowed, needs)?;
    if api < needs.api {
        tracing::warn!(
            files = allowed,
            connections_max = api,
            configured = needs.api,
            "the system lets this process open too few files for `limits.connections_max`: there \
             will be fewer connections; raise the hard limit (`LimitNOFILE=` of systemd, `--ulimit \
             nofile=` of containers), or lower the setting"
        );
    }
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Connections { api: count(api), operators: count(needs.operator) })
}

/// Raises the soft limit to the hard limit; children lower it again for themselves.
fn raise() -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum.unwrap_or(u64::MAX))
}

/// Returns the number of connections for each of the API's listeners.
fn share(allowed: u64, needs: Needs) -> Result<u64, TooFew> {
    let Needs { apis, api, operators, operator, workers, engines } = needs;
    // Each listener also has connections that were asked to close and are still open, and others
    // that are being turned away.
    let margin = (limits::LEAVING_MAX + limits::TURNED_AWAY_MAX + 1) as u64;
    let own = OWN
        + (workers + WORKERS_TO_COME) * WORKER
        + engines * ENGINE
        + operators * (operator + margin);
    // The request of a connection may need another connection, to an engine.
    let each = if engines > 0 { 2 } else { 1 };
    let left = allowed.saturating_sub(own) / apis / each;
    let api = api.min(left.saturating_sub(margin));
    if api < API_MIN.min(needs.api) {
        return Err(TooFew { allowed, needed: own + apis * each * (API_MIN + margin) });
    }
    Ok(api)
}

/// Standard streams, the database's connections, the log's tiles, the custodian, the runtime, and
/// dialed connections.
const OWN: u64 = 160;
/// A worker's sockets and pipes, including those of its replacement.
const WORKER: u64 = 8;
/// Workers of models that are deployed while the service runs.
const WORKERS_TO_COME: u64 = 16;
/// Kept connections to an engine, and its probe.
const ENGINE: u64 = 72;
/// With fewer connections the API is of no use, and the service does not start.
const API_MIN: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDS: Needs =
        Needs { apis: 1, api: 1024, operators: 1, operator: 128, workers: 2, engines: 0 };

    #[test]
    fn what_is_configured_is_given_where_it_fits() {
        assert_eq!(share(1 << 20, NEEDS), Ok(1024));
        assert_eq!(share(u64::MAX, Needs { apis: 2, operators: 3, ..NEEDS }), Ok(1024));
        assert_eq!(share(1 << 20, Needs { api: 1, ..NEEDS }), Ok(1));
    }

    /// The number of files open at once never exceeds the limit.
    #[test]
    fn connections_leave_the_service_its_own() {
        for allowed in (0..8192).step_by(7) {
            for (apis, operators, engines) in [(1, 1, 0), (2, 3, 0), (2, 3, 4)] {
                let needs = Needs { apis, operators, engines, ..NEEDS };
                let Ok(api) = share(allowed, needs) else { continue };
                let margin = (limits::LEAVING_MAX + limits::TURNED_AWAY_MAX) as u64;
                let dialed = if engines > 0 { apis * api + engines * ENGINE } else { 0 };
                let open = apis * (api + margin) + operators * (128 + margin) + OWN + dialed;
                assert!(open <= allowed, "{allowed}: {needs:?}: {api}");
                assert!(api >= API_MIN);
            }
        }
        assert!(share(1024, NEEDS).unwrap() >= 256);
    }

    #[test]
    fn too_little_is_a_refusal_that_names_the_limit() {
        let error = share(256, NEEDS).unwrap_err();
        assert!(error.to_string().contains("256 files"), "{error}");
        assert!(error.to_string().contains("LimitNOFILE"), "{error}");
        assert_eq!(share(error.needed, NEEDS), Ok(API_MIN));
        assert!(share(error.needed - 1, NEEDS).is_err());
    }
}
