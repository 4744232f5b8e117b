//! `bailiwick serve` and `bailiwick quickstart`: configuration, log, data directory, then the
//! service until a signal stops it.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use engine::protocol::Confinement;
use policy::authz::policies::Policies;
use store::Store;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, reload,
    util::SubscriberInitExt as _,
};

use super::{
    args::{Quickstart, Serve},
    output::{Failure, note},
    quickstart,
};
use crate::{
    config::{Audience, Config, ConfigError, Log, LogFormat, LogLevel},
    manage::Acting,
    serve::{self, Finding, Reloads, Setup, StartError, Started},
};

/// The crates whose lines are logged at the configured level. Other crates only log warnings: their
/// debug lines might contain anything, such as headers with keys.
const OWN: [&str; 5] = ["bailiwick", "server", "engine", "store", "egress"];

const LEVEL_VARIABLE: &str = "BAILIWICK_LOG__LEVEL";

/// The variable for the audience of the pages.
const PAGES_VARIABLE: &str = "BAILIWICK_TRUST__PAGES";

pub(crate) fn serve(args: &Serve) -> Result<(), Failure> {
    keep_files_private();
    let config = load(args.config.as_deref())?;
    let policies = config.policies.read()?;
    if args.check {
        return check(&config, args.config.as_deref(), policies);
    }
    let level = log(&config.log);
    let management = open(&config)?;
    if management.deployments(None)?.is_empty() {
        tracing::warn!(
            "no deployment exists yet; add a model, a tenant, a resource and a deployment, each with \
             `bailiwick … --help`, also while this runs"
        );
    }
    let confinement = confine(&management, &config, args.config.as_deref(), None)?;
    let file = args.config.clone();
    let source = Source { load: Box::new(move || read(file.as_deref())), level };
    let (store, keys_are_lost) = (management.store().clone(), args.keys_are_lost);
    let service = Service { config, policies, store, confinement, keys_are_lost };
    on_runtime(async {
        run(service, Some(source), |started| {
            tracing::info!(
                api = %started.api,
                operations = %started.operations,
                private = started.private.map(display),
                desk = started.desk.map(display),
                review = started.review.map(display),
                tls = started.secure,
                "listening"
            );
        })
        .await
    })
}

/// Prints the findings, one per line; fails if a start would fail.
fn check(config: &Config, file: Option<&Path>, policies: Policies) -> Result<(), Failure> {
    let found = serve::check(config, file, policies);
    for finding in &found {
        note(&finding.to_string());
    }
    let problems = found.iter().filter(|found| matches!(found, Finding::Problem(_))).count();
    let problems = match problems {
        0 => {
            note("the configuration is good");
            return Ok(());
        }
        1 => "a problem was found".to_owned(),
        count => format!("{count} problems were found"),
    };
    Err(Failure::new(
        format!("a start would fail, or not serve everything: {problems}"),
        "follow the remedy in each line above",
    ))
}

pub(crate) fn quickstart(args: Quickstart) -> Result<(), Failure> {
    keep_files_private();
    let mut config = load(None)?;
    config.data = args.data;
    config.listen.api = args.listen;
    config.listen.operations =
        args.operations.unwrap_or_else(|| quickstart::operations_beside(args.listen));
    if std::env::var_os(PAGES_VARIABLE).is_none() && args.listen.ip().is_loopback() {
        // No other machine sees them.
        config.trust.pages = Audience::Public;
    }
    config.check()?;
    let policies = config.policies.read()?;
    if std::env::var_os(LEVEL_VARIABLE).is_none() {
        // Quickstart prints the lines for a new user itself; log lines would bury them.
        config.log.level = LogLevel::Warn;
    }
    // The level cannot change later: quickstart has no configuration file to reload.
    drop(log(&config.log));
    let management = open(&config)?;
    let model = quickstart::model_file(args.model.as_deref());
    let confinement = confine(&management, &config, None, Some(&model))?;
    on_runtime(async {
        let keys = quickstart::prepare(&management, &config, args.model).await?;
        let data = config.data.clone();
        let store = management.store().clone();
        let service = Service { config, policies, store, confinement, keys_are_lost: false };
        run(service, None, move |started| {
            tokio::spawn(quickstart::welcome(data, keys, started));
        })
        .await
    })
}

/// Makes new files readable by their owner only, with any umask of the shell.
fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Confines the process before it starts other threads: they inherit the confinement of the first.
fn confine(
    management: &Acting,
    config: &Config,
    file: Option<&Path>,
    more: Option<&Path>,
) -> Result<Confinement, Failure> {
    let directory = management.store().directory()?;
    let confined = serve::confine(config, file, &directory, more);
    Ok(confined.map_err(StartError::from)?)
}

/// Runs until `service` ends, and then exits at once: after a second signal, background tasks are
/// not awaited.
fn on_runtime(service: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(service);
    runtime.shutdown_background();
    ended
}

pub(super) fn load(file: Option<&Path>) -> Result<Config, Failure> {
    Ok(read(file)?)
}

fn read(file: Option<&Path>) -> Result<Config, ConfigError> {
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    Config::load(file, environment)
}

fn open(config: &Config) -> Result<Acting, Failure> {
    let management = super::data::create_with(&config.data, config.clone())?;
    if let Some(file) = management.ensure_admin_key()? {
        tracing::info!(file = %file.display(), "made the administrator's key");
    }
    Ok(management)
}

/// The functions that reload a configuration and change the log level.
struct Source {
    load: Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>,
    level: Box<dyn Fn(&Log) + Send + Sync>,
}

/// The parts of a service to run.
struct Service {
    config: Config,
    policies: Policies,
    store: Store,
    confinement: Confinement,
    /// Whether the operator gives up missing keys.
    keys_are_lost: bool,
}

/// Serves until a signal. SIGTERM and SIGINT drain; a second one ends the service at once. SIGHUP
/// reloads the configuration if there is a `source`; otherwise it ends the service too, because its
/// terminal is gone.
async fn run(
    service: Service,
    source: Option<Source>,
    started: impl FnOnce(Started),
) -> Result<(), Failure> {
    // Installed before the listeners open, so that no signal is missed.
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let reloads = source.is_some();
    // One reload may wait: it reads all changes up to then.
    let (ask, asked) = mpsc::channel(1);
    let mut next = async move || {
        loop {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => return,
                _ = hangup.recv() => {
                    if !reloads {
                        return;
                    }
                    let _ = ask.try_send(());
                }
            }
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
    let Source { load, level } =
        source.unwrap_or_else(|| Source { load: Box::new(|| read(None)), level: Box::new(|_| ()) });
    let Service { config, policies, store, confinement, keys_are_lost } = service;
    let reloads = Reloads { asked, load, level };
    let setup = Setup { config, policies, store, confinement, keys_are_lost, reloads };
    tokio::select! {
        result = Box::pin(serve::run(setup, shutdown, started)) => result?,
        () = impatient => tracing::warn!("stopped before all requests had ended"),
    }
    Ok(())
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::plain(error.to_string())
    }
}

/// Starts logging, and returns the function that changes the level.
pub(super) fn log(log: &Log) -> Box<dyn Fn(&Log) + Send + Sync> {
    let (filter, handle) = reload::Layer::new(filter(log.level));
    let layer = fmt::layer().with_writer(io::stderr);
    let layer = match log.format {
        LogFormat::Text => {
            let colors = io::stderr().is_terminal();
            layer.with_ansi(colors).with_target(false).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
    // The reload fails only if the subscriber is gone, when no line is logged any more.
    Box::new(move |log| drop(handle.reload(self::filter(log.level))))
}

fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let others = level.min(tracing::Level::WARN);
    Targets::new().with_default(others).with_targets(OWN.map(|name| (name, level)))
}
