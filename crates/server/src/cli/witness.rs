//! `bailiwick witness`: watches other services' logs.

use std::{fs, os::unix::fs::DirBuilderExt as _};

use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use tlog::note::Verifier;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    args::WitnessArgs,
    output::{Failure, note},
    serve,
};
use crate::{
    config::{Limits, Log, Tls},
    listen::{Listener, Terms},
    manage,
    tls::{self, Certificates},
    witness::Witness,
};

pub(crate) fn witness(args: WitnessArgs) -> Result<(), Failure> {
    drop(serve::log(&Log::default()));
    let logs = args.log.iter().map(|log| log_key(log)).collect::<Result<Vec<_>, _>>()?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&args.data)?;
    let signer = manage::witness_key(&args.data, args.name.as_deref())?;
    let key = signer.witness_verifier().to_string();
    let witness = Witness::open(&args.data, signer, logs)
        .map_err(|error| Failure::new(error.to_string(), error.help()))?;
    let tls = match (args.certificate, args.key) {
        (Some(certificate), Some(key)) => Some(
            tls::acceptor(&Tls { certificate, key })
                .map(Certificates::new)
                .map_err(|error| Failure::plain(error.to_string()))?,
        ),
        _ => None,
    };
    Runtime::new()?.block_on(async {
        let listener = Listener::bind(args.listen).await.map_err(|error| {
            Failure::new(
                format!("cannot listen on {}: {error}", args.listen),
                "choose another address with --listen, or stop what uses it",
            )
        })?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        note(&format!("witness at {scheme}://{}, with the key", listener.address()));
        note(&key);
        let terms = Terms {
            tls,
            connections: Limits::default().operators_connections_max,
            limits: Limits::default(),
            proxies: Arc::default(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let service = TowerToHyperService::new(Arc::new(witness).router());
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            () = listener.serve(move |_| service.clone(), terms.clone()) => {}
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        terms.stop.cancel();
        terms.tasks.close();
        terms.tasks.wait().await;
        Ok(())
    })
}

/// A log's verifier key, or the one in a file.
fn log_key(text: &str) -> Result<Verifier, Failure> {
    let key = fs::read_to_string(text).unwrap_or_else(|_| text.to_owned());
    Verifier::parse(&key).map_err(|error| {
        Failure::new(
            format!("`--log {text}`: {error}"),
            "give the log's public key, or the file it is in: `service.pub` in its data directory",
        )
    })
}
