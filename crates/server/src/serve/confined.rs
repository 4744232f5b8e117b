//! What the gateway must reach, from its configuration and its models, so that the kernel can keep it
//! from all else.

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
    config::{Config, Tls},
    outward::{self, OutwardError},
};

/// Why the gateway is not confined. Then it does not serve.
#[derive(Debug, thiserror::Error)]
pub enum NotConfined {
    /// The system did not confine it, or it could break out.
    #[error(transparent)]
    Unconfined(#[from] Unconfined),
    /// A destination cannot be used as it is listed.
    #[error(transparent)]
    Outward(#[from] OutwardError),
    /// The key directory cannot be made.
    #[error("the key directory `{}` cannot be made: {source}; make it, for the service's user only", path.display())]
    Keys {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Confines this process, which has no second thread yet, to what the configuration names. `file` is
/// the configuration's; `more` are further files that are read.
///
/// # Errors
/// When it cannot be confined, or could still break out.
pub fn confine(
    config: &Config,
    file: Option<&Path>,
    directory: &Directory,
    more: Option<&Path>,
) -> Result<Confinement, NotConfined> {
    let keys = config.key_directory();
    // A rule needs something that it is about. An empty directory is no key directory yet: that it
    // may become one is for the custodian to decide.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&keys);
    made.map_err(|source| NotConfined::Keys { path: keys.clone(), source })?;
    let models = directory.models().into_iter().map(|model| model.path.as_path());
    let read = folders(models.chain(more)).chain(files(config, file)).collect();
    let reach = Reach {
        own: vec![config.data.clone(), keys],
        read,
        listen: listeners(config),
        dial: outward::ports(config)?.into_iter().map(|(_, port)| port).collect(),
    };
    Ok(confine::gateway(&reach)?)
}

/// The ports of all listeners.
fn listeners(config: &Config) -> Vec<u16> {
    let listen = &config.listen;
    let review = config.review.as_ref().map(|review| review.listen);
    let all = [Some(listen.api), listen.private, Some(listen.operations), listen.desk, review];
    all.into_iter().flatten().map(|address| address.port()).collect()
}

/// What is read again when the configuration is loaded again, and where models may be added from.
fn files(config: &Config, file: Option<&Path>) -> impl Iterator<Item = PathBuf> {
    let mut files: Vec<&Path> = file.into_iter().collect();
    for Tls { certificate, key } in [&config.tls, &config.operations].into_iter().flatten() {
        files.extend([&**certificate, &**key]);
    }
    if let Some(review) = &config.review {
        files.extend([&*review.certificate, &*review.key, &*review.workstation_ca]);
    }
    files.extend(config.egress.iter().filter_map(|destination| destination.ca_file.as_deref()));
    let folders: Vec<_> = folders(files.into_iter()).collect();
    folders.into_iter().chain(config.engine.model_folders.iter().cloned())
}

/// The folders that files are in, and those that links lead to: a file that is renewed is another
/// one, at the same path.
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
