//! Computes the files and ports that the gateway needs, from its configuration and its models. The
//! kernel denies it all others.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use engine::{
    confine::{self, Reach, Unconfined},
    protocol::Confinement,
};
use store::Directory;

use crate::{
    config::{self, Config, Tls},
    outward::{self, OutwardError},
};

/// The gateway cannot be confined. It then does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotConfined {
    /// The system did not confine the process, or the process could still break out.
    #[error(transparent)]
    Unconfined(#[from] Unconfined),
    /// A listed destination cannot be used.
    #[error(transparent)]
    Outward(#[from] OutwardError),
    /// The configuration asks for a graphics card, and this machine shows none.
    #[error(
        "`engine.gpu_layers` is {layers}, but this machine has no device node of a graphics card \
         (`/dev/dri/renderD*`, `/dev/nvidia*`): install the card's driver, give a container the \
         device, or set `gpu_layers = 0`"
    )]
    NoCard {
        /// The setting.
        layers: u32,
    },
    /// The key directory cannot be created.
    #[error("the key directory `{}` cannot be created: {source}; create it, for the service's user only", path.display())]
    Keys {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Confines this process to the files and ports that the configuration names. The process must have
/// no second thread yet. `file` is the configuration file; `more` is a further file to read.
///
/// # Errors
/// If the process cannot be confined, or could still break out.
pub(crate) fn confine(
    config: &Config,
    file: Option<&Path>,
    directory: &Directory,
    more: Option<&Path>,
) -> Result<Confinement, NotConfined> {
    let gpu = config.engine.gpu();
    if gpu.as_ref().is_some_and(|gpu| !gpu.is_software()) && !confine::has_device_node() {
        return Err(NotConfined::NoCard { layers: config.engine.gpu_layers });
    }
    let keys = config.key_directory();
    // A confinement rule needs an existing path. An empty directory is not a key directory yet; the
    // custodian decides whether it may become one.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&keys);
    made.map_err(|source| NotConfined::Keys { path: keys.clone(), source })?;
    let models = directory.models().into_iter().filter_map(|model| model.file.as_ref());
    let models = models.map(|file| file.path.as_path());
    let read = folders(models.chain(more)).chain(files(config, file)).collect();
    let reach = Reach {
        own: vec![config.data.clone(), keys],
        read,
        listen: listeners(config),
        dial: outward::ports(config)?.into_iter().map(|(_, port)| port).collect(),
        gpu: gpu.is_some(),
    };
    Ok(confine::gateway(&reach)?)
}

/// Returns the ports of all listeners.
fn listeners(config: &Config) -> Vec<u16> {
    let listen = &config.listen;
    let review = config.review.as_ref().map(|review| review.listen);
    let all = [Some(listen.api), listen.private, Some(listen.operations), listen.desk, review];
    all.into_iter().flatten().map(|address| address.port()).collect()
}

/// Returns the files that a reload reads again, and the folders from which models may be added.
fn files(config: &Config, file: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let guard = [config.guard.encoder.as_deref(), config.guard.model.as_deref()];
    let names = [config.personal.ner.as_deref(), config.personal.ner_head.as_deref()];
    let models = guard.into_iter().chain(names).flatten();
    let mut files: Vec<&Path> = file.into_iter().chain(models).collect();
    for Tls { certificate, key } in [&config.tls, &config.operations].into_iter().flatten() {
        files.extend([&**certificate, &**key]);
    }
    if let Some(review) = &config.review {
        files.extend([&*review.certificate, &*review.key, &*review.workstation_ca]);
    }
    for config::Destination { ca_file, credential_file, token, .. } in &config.egress {
        let secret = token.as_ref().and_then(|token| token.client_secret_file.as_ref());
        let own = [ca_file.as_ref(), credential_file.as_ref(), secret];
        files.extend(own.into_iter().flatten().map(PathBuf::as_path));
    }
    let sign_ins = config.identity.issuers.iter().filter_map(|issuer| issuer.sign_in.as_ref());
    files.extend(sign_ins.filter_map(|sign_in| sign_in.client_secret_file.as_deref()));
    let folders: Vec<_> = folders(files.into_iter()).collect();
    let config::GuardConfig { known_text, known_code, .. } = &config.guard;
    let known = [known_text, known_code].into_iter().flatten();
    folders.into_iter().chain(config.engine.model_folders.iter().chain(known).cloned())
}

/// Returns the folders of the files and of their link targets. A renewed file is a different file
/// at the same path, so the rule must cover the folder.
fn folders<'a>(files: impl Iterator<Item = &'a Path>) -> impl Iterator<Item = PathBuf> {
    let folder = |file: PathBuf| match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Some(PathBuf::from(".")),
        folder => folder.map(Path::to_owned),
    };
    let mut folders: Vec<PathBuf> = files
        .flat_map(|file| [Some(file.to_owned()), file.canonicalize().ok()])
        .flatten()
        .filter_map(folder)
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders.into_iter()
}
