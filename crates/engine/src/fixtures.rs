//! Values that several tests need: a permit, and the settings of a worker.

use std::{sync::LazyLock, time::Duration};

use policy::{
    authz::{
        Authority, DeploymentFacts, authorize,
        context::{Moment, Reaching},
    },
    id::{DeploymentId, ResourceId, TenantId},
    permit::{Complete, Permit, Reach},
    principal::{Key, Principal, ResourceKeys, authenticate},
    residency::{EngineFacts, Route},
    task::Task,
};

use crate::protocol::{Duty, WorkerSpec};

pub(crate) fn permit() -> Permit<Complete> {
    let (principal, facts) = caller();
    authorize(authority(), &principal, &facts, &Moment { now_ms: 0 }).unwrap()
}

/// A key, and the deployment that it may call.
fn caller() -> (Principal, DeploymentFacts) {
    let (tenant, resource) = (TenantId::from_random([1; 16]), ResourceId::from_random([2; 16]));
    let key = Key::from_random(&[3; 32]);
    let keys =
        ResourceKeys { tenant, resource, key1: key.digest(), key2: key.digest(), disabled: false };
    let deployment = DeploymentId::from_random([4; 16]);
    let facts = DeploymentFacts { tenant, resource, deployment };
    (authenticate(&key, &keys).unwrap().into(), facts)
}

/// The route to the embedded engine for the deployment of [`permit`].
pub(crate) fn route() -> Route {
    route_to(EngineFacts::embedded("local".to_owned()))
}

/// The route to an engine in the region `local` for the deployment of [`permit`].
pub(crate) fn route_to(engine: EngineFacts) -> Route {
    let (principal, facts) = caller();
    let regions = ["local".to_owned()].into();
    let reaching = Reaching { now_ms: 0, engine, regions, processors: [].into() };
    Route::new(authorize::<Reach>(authority(), &principal, &facts, &reaching).unwrap())
}

/// Bailiwick's own policies, read once for all tests.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::built_in().unwrap());
    &AUTHORITY
}

pub(crate) fn spec() -> WorkerSpec {
    WorkerSpec {
        name: "smollm2".into(),
        model: "/models/smollm2.gguf".into(),
        sha256: "ab".repeat(32),
        task: Task::Chat,
        context_tokens: 2048,
        sequences: 2,
        threads: 2,
        queue: 1,
        prefix_cache: Duration::from_secs(300),
        hang: Duration::from_secs(120),
        gpu: None,
        duty: Duty::Requests,
        adapter: None,
    }
}
