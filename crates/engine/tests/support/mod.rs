//! What the tests of workers and of trainers share: the small model, and a caller who may use it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test: it reports failures by panics"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use libtest_mimic::Trial;
use policy::{
    authz::{
        Authority, DeploymentFacts, authorize,
        context::{Moment, Reaching},
    },
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit, Reach},
    principal::{Key, Principal, ResourceKeys, authenticate},
    residency::{EngineFacts, Route},
};
use tlog::canon::Digest;
use tokio::time::timeout;

/// Returns a test that fails after `limit`.
pub(crate) fn test<F: Future<Output = ()> + 'static>(
    name: &str,
    limit: Duration,
    test: fn() -> F,
) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async { timeout(limit, test()).await })?;
        Ok(())
    })
}

pub(crate) fn permit() -> Permit<Complete> {
    let (authority, principal, facts) = caller();
    authorize(&authority, &principal, &facts, &Moment { now_ms: 0 }).unwrap()
}

pub(crate) fn route() -> Route {
    let (authority, principal, facts) = caller();
    let engine = EngineFacts::embedded("local".to_owned());
    let regions = ["local".to_owned()].into();
    let reaching = Reaching { now_ms: 0, engine, regions, processors: [].into() };
    Route::new(authorize::<Reach>(&authority, &principal, &facts, &reaching).unwrap())
}

fn caller() -> (Authority, Principal, DeploymentFacts) {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    (Authority::built_in().unwrap(), authenticate(&key, &keys).unwrap().into(), facts)
}

pub(crate) fn sha256(path: &Path) -> String {
    Digest::of(&[&fs::read(path).unwrap()]).to_string()
}

/// Returns this binary, which is also the worker.
pub(crate) fn this() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Returns the folder of the small models.
pub(crate) fn models() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/models");
    path.canonicalize().expect("the small models are there: run scripts/fetch-model.sh")
}

pub(crate) fn model() -> PathBuf {
    models().join("SmolLM2-135M-Instruct-Q4_1.gguf")
}
