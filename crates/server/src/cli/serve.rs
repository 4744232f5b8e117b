//! `bailiwick serve` and `bailiwick quickstart`: configuration, log, data directory, then the
//! service until a signal stops it.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use policy::authz::policies::Policies;
use store::Store;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use super::{
    args::{Quickstart, Serve},
    output::{Failure, note},
};
use crate::{
    config::{Config, Log, LogFormat, LogLevel},
    manage::Management,
    quickstart,
    serve::{self, StartError, Started},
};

/// The crates whose lines are written at the configured level. Others only warn: their debug lines
/// might hold anything, headers with keys among them.
const OWN: [&str; 5] = ["bailiwick", "server", "engine", "store", "egress"];

const LEVEL_VARIABLE: &str = "BAILIWICK_LOG__LEVEL";

pub(crate) fn serve(args: &Serve) -> Result<(), Failure> {
    let config = load(args.config.as_deref())?;
    let policies = config.policies.read()?;
    if args.check {
        note("the configuration is good");
        return Ok(());
    }
    log(&config.log);
    let management = open(&config)?;
    if management.deployments(None)?.is_empty() {
        tracing::warn!(
            "nothing is deployed yet: add a model, a tenant, a resource and a deployment, each with \
             `bailiwick … --help`, also while this runs"
        );
    }
    let runtime = Runtime::new()?;
    runtime.block_on(run(config, (policies, args.keys_are_lost), management, |started| {
        tracing::info!(
            api = %started.api,
            operations = %started.operations,
            tls = started.secure,
            "listening"
        );
    }))
}

pub(crate) fn quickstart(args: Quickstart) -> Result<(), Failure> {
    let mut config = load(None)?;
    config.data = args.data;
    config.listen.api = args.listen;
    config.listen.operations =
        args.operations.unwrap_or_else(|| quickstart::operations_beside(args.listen));
    config.check()?;
    let policies = config.policies.read()?;
    if std::env::var_os(LEVEL_VARIABLE).is_none() {
        // What a new user should see stands on its own.
        config.log.level = LogLevel::Warn;
    }
    log(&config.log);
    let management = open(&config)?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let keys = quickstart::prepare(&management, &config, args.model).await?;
        let data = config.data.clone();
        run(config, (policies, false), management, move |started| {
            tokio::spawn(quickstart::welcome(data, keys, started));
        })
        .await
    })
}

pub(super) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    Ok(Config::load(file, environment)?)
}

fn open(config: &Config) -> Result<Management, Failure> {
    let management = Management::new(Store::open(&config.data, crate::clock::read)?, &config.data);
    if let Some(file) = management.ensure_admin_key()? {
        tracing::info!(file = %file.display(), "made the administrator's key");
    }
    Ok(management)
}

async fn run(
    config: Config,
    decided: (Policies, bool),
    management: Management,
    started: impl FnOnce(Started),
) -> Result<(), Failure> {
    // Before anything listens, so that no signal is missed.
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut next = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let shutdown = async {
        let _ = stopped.await;
    };
    let impatient = async {
        next().await;
        let _ = stop.send(());
        if io::stderr().is_terminal() {
            note("Finishing the requests that run; Ctrl-C again stops at once.");
        }
        next().await;
    };
    tokio::select! {
        result = serve::run(config, decided, management.store().clone(), shutdown, started) => {
            result?;
        }
        () = impatient => tracing::warn!("stopped before all requests had ended"),
    }
    Ok(())
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::plain(error.to_string())
    }
}

pub(super) fn log(log: &Log) {
    let level = match log.level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let others = level.min(tracing::Level::WARN);
    let filter = Targets::new().with_default(others).with_targets(OWN.map(|name| (name, level)));
    let layer = fmt::layer().with_writer(io::stderr);
    let layer = match log.format {
        LogFormat::Text => {
            let colors = io::stderr().is_terminal();
            layer.with_ansi(colors).with_target(false).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}
