//! Opens what requests are recorded in: the service's key, the custodian, the ledger.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use policy::authz::proof::Proof;
use sha2::{Digest as _, Sha256};
use store::{
    Directory,
    custody::Trust,
    ledger::{Ledger, Opening},
};
use tlog::{canon::Digest, entry::Event, receipt::PolicySet};
use tokio::runtime::Handle;

use super::StartError;
use crate::{
    clock, config::Config, custodian, exchange::Identity, fleet::EXECUTABLE, manage, outward,
    witnesses::Witnesses,
};

/// The ledger, and what receipts say of the service. To be called where it may wait.
pub(super) fn open(
    config: &Config,
    (policies, proof): (PolicySet, Option<Proof>),
    (directory, keys_are_lost): (&Directory, bool),
    witnesses: &Arc<Witnesses>,
    runtime: Handle,
) -> Result<(Ledger, Identity), StartError> {
    let signer = Arc::new(manage::service_key(&config.data)?);
    let binary = file_digest(Path::new(EXECUTABLE)).map_err(StartError::Binary)?;
    let identity = Identity { binary, configuration: digest(config), policies };
    let started = started(&identity, directory);
    let trust = Trust { log: signer.verifier(), witnesses: witnesses.keys() };
    let connect = custodian::connect(config.key_directory(), &trust);
    let cosign = witnesses.cosign(runtime);
    let metadata = config.retention.metadata();
    let egress = outward::listed(config)?;
    let opening = Opening {
        signer,
        clock: clock::read,
        connect,
        key_directory: config.key_directory(),
        keys_are_lost,
        metadata,
        cosign,
        started,
        proof,
        egress,
    };
    let (ledger, repairs) = Ledger::open(&config.data, opening)?;
    if repairs != store::ledger::Repairs::default() {
        tracing::warn!(?repairs, "what the last run left unfinished was finished, and logged");
    }
    Ok((ledger, identity))
}

/// What receipts say of the service under another configuration.
pub(super) fn identity(config: &Config, before: &Identity) -> Identity {
    Identity { configuration: digest(config), ..before.clone() }
}

/// What the log says of a start, or of a configuration that was loaded again.
pub(super) fn started(identity: &Identity, directory: &Directory) -> Event {
    let mut models: Vec<Digest> =
        directory.models().iter().filter_map(|model| Digest::from_hex(&model.sha256)).collect();
    models.sort_unstable();
    // As many as fit an entry; each was logged when it was added.
    models.truncate(MODELS_MAX);
    let Identity { binary, configuration, policies } = *identity;
    Event::Started { binary, configuration, models, policies: Some(policies.digest) }
}

fn digest(config: &Config) -> Digest {
    Digest::of(&[&serde_json::to_vec(config).unwrap_or_default()])
}

fn file_digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1024 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => hasher.update(chunk.get(..count).unwrap_or_default()),
        }
    }
    Ok(Digest(hasher.finalize().into()))
}

/// Models whose digests a start names.
const MODELS_MAX: usize = 200;
