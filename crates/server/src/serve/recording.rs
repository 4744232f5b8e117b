//! Opens the parts that record requests: the service's key, the custodian, the ledger.

use std::{fs::File, path::PathBuf, sync::Arc};

use engine::digest;
use policy::{authz::proof::Proof, id::TenantId};
use store::{
    Directory,
    custody::Trust,
    ledger::{Ledger, Opening},
};
use tlog::{canon::Digest, entry::Event, receipt::PolicySet};
use tokio::runtime::Handle;

use super::StartError;
use crate::{
    clock,
    config::{Config, CustomerKey},
    cosigners::Witnesses,
    custodian,
    exchange::ServiceIdentity,
    fleet::EXECUTABLE,
    manage, outward,
};

/// Opens the ledger, and returns the service's identity for receipts. May block.
pub(super) fn open(
    config: &Config,
    (policies, proof): (PolicySet, Option<Proof>),
    (directory, keys_are_lost): (&Directory, bool),
    witnesses: &Arc<Witnesses>,
    runtime: Handle,
) -> Result<(Ledger, ServiceIdentity), StartError> {
    let signer = Arc::new(manage::service_key(&config.data)?);
    let binary = File::open(EXECUTABLE).and_then(|mut file| digest::sha256(&mut file, |_| ()));
    let binary = binary.map_err(StartError::Binary)?;
    let identity = ServiceIdentity { binary, configuration: config.digest(), policies };
    let started = started(&identity, directory);
    let trust = Trust { log: signer.verifier(), witnesses: witnesses.keys() };
    let held = held(config, directory)?;
    let connect = custodian::connect(config.key_directory(), &trust, held);
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
        tracing::warn!(?repairs, "unfinished work of the last run was completed and logged");
    }
    Ok((ledger, identity))
}

/// Returns the tenants whose key-encryption keys their customers hold.
pub(super) fn held(
    config: &Config,
    directory: &Directory,
) -> Result<Vec<(TenantId, PathBuf)>, StartError> {
    let held = |key: &CustomerKey| match directory.tenant_by_name(&key.tenant) {
        Some(tenant) => Ok((tenant.id, key.socket.clone())),
        // Otherwise a tenant that is made later would get a key in a file.
        None => Err(StartError::NoTenant { tenant: key.tenant.clone() }),
    };
    config.customer_keys.iter().map(held).collect()
}

/// Returns the service's identity for receipts under another configuration.
pub(super) fn identity(config: &Config, before: &ServiceIdentity) -> ServiceIdentity {
    ServiceIdentity { configuration: config.digest(), ..before.clone() }
}

/// Returns the log entry for a start or for a reloaded configuration.
pub(super) fn started(identity: &ServiceIdentity, directory: &Directory) -> Event {
    let files = directory.models().into_iter().filter_map(|model| model.file.as_ref());
    let mut models: Vec<Digest> = files.filter_map(|file| Digest::from_hex(&file.sha256)).collect();
    models.sort_unstable();
    // The limit is the size of an entry. Each model was already logged when it was added.
    models.truncate(MODELS_MAX);
    let ServiceIdentity { binary, configuration, policies } = *identity;
    Event::Started { binary, configuration, models, policies: Some(policies.digest) }
}

/// Maximum number of models whose digests the entry of a start names.
const MODELS_MAX: usize = 200;
