//! The store with two handles on one directory, as two processes use it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use policy::{
    administrator::Administrator,
    authz::{
        context::{Assigning, Moment},
        facts::{DeploymentFacts, ResourceFacts, Scope, Service, TenantFacts},
        role::{Holder, Role},
    },
    forward::Forward,
    id::{DeploymentId, ModelId, PersonId, ResourceId, TenantId, WorkloadId},
    meter::RateLimits,
    model::ModelFacts,
    network::{DefaultAction, NetworkRules, PublicNetworkAccess},
    permit::{Administration, AssignRole, Permit},
    principal::{Key, KeyDigest, KeyName, ResourceKeys, Unauthenticated, authenticate},
    retention::{ContentLogging, Days, Rule, clock::Reading},
    task::Task,
    token,
};
use store::{
    Deployment, DeploymentChange, DirectoryObject, Kind, Model, ModelFile, NetworkChange,
    NewDeployment, NewResource, Resource, ResourceChange, Settings, Sku, SpilloverChange, Store,
    StoreError, Tenant,
};

const NOW: Moment = Moment { now_ms: 0 };

/// A data directory with its administrator: each change gets the administrator's permit.
struct Data {
    store: Store,
    administrator: Administrator,
}

impl std::ops::Deref for Data {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Data {
    fn open(path: &Path) -> Self {
        let (store, administrator) = Store::open_as_administrator(path, clock).unwrap();
        Self { store, administrator }
    }

    fn permit<A: Administration<Context = Moment>>(&self, thing: impl Into<A::Thing>) -> Permit<A> {
        self.administrator.permit(thing.into(), NOW)
    }

    fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        self.store.create_tenant(self.permit(Service), tenant)
    }

    fn delete_tenant(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.store.delete_tenant(self.permit(TenantFacts { tenant }))
    }

    fn create_resource(&self, resource: &Resource) -> Result<(), StoreError> {
        let new = NewResource {
            id: resource.id,
            name: resource.name.clone(),
            region: resource.region.clone(),
            key1: resource.keys.key1,
            key2: resource.keys.key2,
            disable_local_auth: resource.keys.disabled,
            prefix_cache: resource.prefix_cache,
            forward: resource.forward,
            days: resource.retention.days,
            created_at: resource.created_at,
        };
        let permit = self.permit(TenantFacts { tenant: resource.tenant });
        self.store.create_resource(&self.store.rolls("log"), permit, new).map(|_| ())
    }

    fn delete_resource(&self, resource: ResourceId) -> Result<(), StoreError> {
        self.store.delete_resource(self.permit(of(resource)))
    }

    fn update(&self, resource: ResourceId, settings: Settings) -> Result<(), StoreError> {
        let change = ResourceChange::Settings(self.permit(of(resource)), settings);
        self.store.update_resource(&self.store.rolls("log"), vec![change])
    }

    fn rotate_key(
        &self,
        resource: ResourceId,
        name: KeyName,
        digest: &KeyDigest,
        now: u64,
    ) -> Result<(), StoreError> {
        self.store.rotate_key(self.permit(of(resource)), name, digest, now)
    }

    fn create_model(&self, model: &Model) -> Result<(), StoreError> {
        self.store.create_model(self.permit(Service), model)
    }

    fn delete_model(&self, model: ModelId) -> Result<(), StoreError> {
        self.store.delete_model(self.permit(Service), model)
    }

    fn create_deployment(&self, deployment: &Deployment) -> Result<(), StoreError> {
        let new = NewDeployment {
            id: deployment.id,
            name: deployment.name.clone(),
            model: deployment.model,
            task: deployment.task,
            sku: deployment.sku,
            limits: deployment.limits,
            spillover: deployment.spillover,
            filter: deployment.filter,
            created_at: deployment.created_at,
        };
        self.store.create_deployment(self.permit(of(deployment.resource)), new).map(|_| ())
    }

    fn update_deployment(
        &self,
        deployment: DeploymentId,
        change: DeploymentChange,
    ) -> Result<(), StoreError> {
        self.store.update_deployment(self.permit(deployed(deployment)), change)
    }

    fn delete_deployment(&self, deployment: DeploymentId) -> Result<(), StoreError> {
        self.store.delete_deployment(self.permit(deployed(deployment)))
    }

    fn set_admin_key(&self, digest: &KeyDigest) -> Result<(), StoreError> {
        self.store.set_admin_key(&self.administrator, digest)
    }

    /// Returns the permit to assign or remove a role.
    fn assigning(&self, subject: DirectoryObject, role: Role, scope: Scope) -> Permit<AssignRole> {
        let id = self.directory().unwrap().principal_id(subject.tenant, subject.object);
        let id = id.unwrap_or([0x77; 16]);
        let to = match subject.kind {
            token::Kind::Person => Holder::Person(PersonId::from_random(id)),
            token::Kind::Workload => Holder::Workload(WorkloadId::from_random(id)),
        };
        self.administrator.permit(scope, Assigning { now_ms: 0, role, to })
    }

    fn assign_role(
        &self,
        who: DirectoryObject,
        role: Role,
        at: Scope,
    ) -> Result<Holder, StoreError> {
        self.store.assign_role(self.assigning(who, role, at), who)
    }

    fn remove_role(&self, who: DirectoryObject, role: Role, at: Scope) -> Result<(), StoreError> {
        self.store.remove_role(self.assigning(who, role, at), who)
    }
}

/// Returns the facts of a resource, for a permit. The tenant does not matter for a change.
fn of(resource: ResourceId) -> ResourceFacts {
    ResourceFacts { tenant: TenantId::from_random([1; 16]), resource }
}

fn deployed(deployment: DeploymentId) -> DeploymentFacts {
    let ResourceFacts { tenant, resource } = of(ResourceId::from_random([1; 16]));
    DeploymentFacts { tenant, resource, deployment }
}

fn clock() -> Reading {
    Reading { wall_ms: 1_764_000_000_000, boot: [1; 16], boottime_ms: 1 }
}

fn tenant(seed: u8) -> Tenant {
    Tenant { id: TenantId::from_random([seed; 16]), name: format!("tenant-{seed}"), created_at: 1 }
}

fn key(seed: u8) -> Key {
    Key::from_random(&[seed; 32])
}

fn resource(seed: u8, owner: &Tenant) -> Resource {
    let id = ResourceId::from_random([seed; 16]);
    Resource {
        id,
        tenant: owner.id,
        name: format!("resource-{seed}"),
        region: "local".into(),
        keys: ResourceKeys {
            tenant: owner.id,
            resource: id,
            key1: key(seed).digest(),
            key2: key(seed + 100).digest(),
            disabled: false,
        },
        key1_created_at: 2,
        key2_created_at: 2,
        prefix_cache: true,
        forward: Forward::NONE,
        network: NetworkRules::default(),
        lockbox: false,
        stored_completions: true,
        subject_header: None,
        retention: Rule {
            tenant: owner.id,
            days: Days::DEFAULT,
            content_logging: ContentLogging { since_ms: clock().wall_ms, ..ContentLogging::ON },
        },
        created_at: 2,
    }
}

fn model(seed: u8) -> Model {
    Model {
        id: ModelId::from_random([seed; 16]),
        name: format!("model-{seed}"),
        file: Some(ModelFile {
            path: format!("/models/{seed}.gguf").into(),
            sha256: "ab".repeat(32),
            size_bytes: u64::from(u32::MAX) + 1,
        }),
        source: Some(format!("hf:acme/model-{seed}")),
        tuned: None,
        facts: ModelFacts {
            license: seed.is_multiple_of(2).then(|| "apache-2.0".to_owned()),
            architecture: "llama".into(),
            name: None,
            parameters: 135_000_000,
            context_train: 8192,
            embedding_length: 576,
            vocabulary: 49152,
            generates: true,
            chat_template: true,
        },
        created_at: 3,
    }
}

fn deployment(name: &str, resource: &Resource, model: &Model) -> Deployment {
    let mut id = [0; 16];
    id.iter_mut().zip(name.bytes().chain(resource.name.bytes())).for_each(|(to, b)| *to = b);
    Deployment {
        id: DeploymentId::from_random(id),
        resource: resource.id,
        name: name.into(),
        model: model.id,
        task: Task::Chat,
        sku: Sku::Standard,
        limits: RateLimits { tokens_per_minute: 1000, requests_per_minute: 6 },
        spillover: None,
        filter: None,
        created_at: 4,
    }
}

struct Fixture {
    tenant: Tenant,
    resource: Resource,
    model: Model,
    deployment: Deployment,
}

fn fill(store: &Data) -> Fixture {
    let tenant = tenant(1);
    let resource = resource(1, &tenant);
    let model = model(1);
    let deployment = deployment("chat", &resource, &model);
    store.create_tenant(&tenant).unwrap();
    store.create_resource(&resource).unwrap();
    store.create_model(&model).unwrap();
    store.create_deployment(&deployment).unwrap();
    Fixture { tenant, resource, model, deployment }
}

#[test]
fn what_is_stored_comes_back_also_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = fill(&Data::open(dir.path()));

    let store = Data::open(dir.path());
    let directory = store.directory().unwrap();
    assert_eq!(directory.tenants(), [&fixture.tenant]);
    assert_eq!(directory.models(), [&fixture.model]);
    let found = directory.deployment(fixture.resource.id, "chat").unwrap();
    assert_eq!(found, &fixture.deployment);
    let found = directory.resource_by_key(&key(101).digest()).unwrap();
    assert_eq!((found.id, found.name.as_str()), (fixture.resource.id, "resource-1"));
    assert!(directory.deployment(fixture.resource.id, "other").is_none());
}

#[test]
fn a_key_rotated_through_one_handle_is_refused_by_the_other_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (server, cli) = (Data::open(dir.path()), Data::open(dir.path()));
    let fixture = fill(&cli);
    assert!(server.directory().unwrap().resource_by_key(&key(1).digest()).is_some());

    cli.rotate_key(fixture.resource.id, KeyName::Key1, &key(50).digest(), 9).unwrap();

    let directory = server.directory().unwrap();
    assert!(directory.resource_by_key(&key(1).digest()).is_none());
    let resource = directory.resource_by_key(&key(50).digest()).unwrap();
    assert_eq!((resource.key1_created_at, resource.key2_created_at), (9, 2));
    assert!(directory.resource_by_key(&key(101).digest()).is_some(), "the second key still works");
}

#[test]
fn own_changes_are_seen_and_an_unchanged_directory_is_not_loaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let before = store.directory().unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &store.directory().unwrap()));
    store.delete_deployment(fixture.deployment.id).unwrap();
    assert!(store.directory().unwrap().deployments().is_empty());
    assert_eq!(before.deployments().len(), 1, "a request keeps the snapshot that it began with");
}

#[test]
fn deployments_of_a_resource_are_its_own_and_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let other = resource(2, &fixture.tenant);
    store.create_resource(&other).unwrap();
    for name in ["zebra", "ant"] {
        for resource in [&fixture.resource, &other] {
            store.create_deployment(&deployment(name, resource, &fixture.model)).unwrap();
        }
    }
    let directory = store.directory().unwrap();
    let names = |id| directory.deployments_of(id).map(|d| d.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(fixture.resource.id), ["ant", "chat", "zebra"]);
    assert_eq!(names(other.id), ["ant", "zebra"]);
}

#[test]
fn limits_are_changed_one_by_one_and_in_one_resource_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let other = resource(2, &fixture.tenant);
    store.create_resource(&other).unwrap();
    store.create_deployment(&deployment("chat", &other, &fixture.model)).unwrap();
    let change = |tokens_per_minute, requests_per_minute| {
        let change = DeploymentChange {
            tokens_per_minute,
            requests_per_minute,
            ..DeploymentChange::default()
        };
        store.update_deployment(fixture.deployment.id, change).unwrap();
        let limits =
            store.directory().unwrap().deployment(fixture.resource.id, "chat").unwrap().limits;
        (limits.tokens_per_minute, limits.requests_per_minute)
    };
    assert_eq!(change(None, None), (1000, 6));
    assert_eq!(change(Some(7), None), (7, 6));
    assert_eq!(change(None, Some(0)), (7, 0));
    assert_eq!(change(Some(u32::MAX), Some(9)), (u32::MAX, 9));
    let directory = store.directory().unwrap();
    assert_eq!(directory.deployment(other.id, "chat").unwrap().limits.tokens_per_minute, 1000);
    let nothing = DeploymentId::from_random([9; 16]);
    let missing = store.update_deployment(nothing, DeploymentChange::default());
    assert!(matches!(missing, Err(StoreError::NotFound { kind: Kind::Deployment, .. })));
}

#[test]
fn a_deployment_has_one_of_three_skus_and_its_sku_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let shown = || {
        let directory = store.directory().unwrap();
        let found = directory.deployment(fixture.resource.id, "chat").unwrap();
        (found.sku, found.limits)
    };
    for sku in Sku::ALL.into_iter().rev() {
        let change = DeploymentChange { sku: Some(sku), ..DeploymentChange::default() };
        store.update_deployment(fixture.deployment.id, change).unwrap();
        assert_eq!(shown(), (sku, fixture.deployment.limits));
        let made = Deployment {
            sku,
            ..deployment(&format!("{}-chat", sku.name()), &fixture.resource, &fixture.model)
        };
        store.create_deployment(&made).unwrap();
        let directory = store.directory().unwrap();
        assert_eq!(directory.deployment(fixture.resource.id, &made.name), Some(&made));
    }
}

#[test]
fn a_spillover_has_the_same_sku_and_no_spillover_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let made = |name: &str, sku| {
        let made = Deployment { sku, ..deployment(name, &fixture.resource, &fixture.model) };
        store.create_deployment(&made).unwrap();
        made.id
    };
    let own = fixture.deployment.id;
    let (second, wide) = (made("second", Sku::Standard), made("wide", Sku::GlobalStandard));
    let change = |of, spillover| {
        let change = DeploymentChange { spillover, ..DeploymentChange::default() };
        store.update_deployment(of, change)
    };
    let sku = |of, sku| {
        let change = DeploymentChange { sku: Some(sku), ..DeploymentChange::default() };
        store.update_deployment(of, change)
    };
    let refused = |result: Result<(), StoreError>| match result {
        Err(error @ StoreError::Spillover { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    // A wider SKU would let content leave the region.
    let wider = refused(change(own, SpilloverChange::To(wide)));
    assert!(wider.contains("`wide` cannot be the spillover of `chat`"), "{wider}");
    assert!(wider.contains("GlobalStandard"), "{wider}");
    refused(change(own, SpilloverChange::To(own)));
    change(own, SpilloverChange::To(second)).unwrap();
    let directory = store.directory().unwrap();
    let shown = |name| directory.deployment(fixture.resource.id, name).unwrap().spillover;
    assert_eq!((shown("chat"), shown("second")), (Some(second), None));
    // Neither side can change its SKU meanwhile, and there is one hop.
    refused(sku(own, Sku::GlobalStandard));
    refused(sku(second, Sku::GlobalStandard));
    let third = made("third", Sku::Standard);
    refused(change(second, SpilloverChange::To(third)));
    let chained = Deployment {
        spillover: Some(own),
        ..deployment("chained", &fixture.resource, &fixture.model)
    };
    refused(store.create_deployment(&chained));
    // A spillover cannot be deleted; the refusal says what to do.
    let used = store.delete_deployment(second).unwrap_err();
    assert!(used.help().contains("deployment update chat --resource"), "{}", used.help());
    change(own, SpilloverChange::Unchanged).unwrap();
    assert!(store.delete_deployment(second).is_err());
    change(own, SpilloverChange::Off).unwrap();
    store.delete_deployment(second).unwrap();
    sku(own, Sku::GlobalStandard).unwrap();
}

#[test]
fn names_are_unique_where_they_must_be() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let exists = |result| matches!(result, Err(StoreError::Exists { .. }));

    assert!(exists(store.create_tenant(&Tenant { name: "tenant-1".into(), ..tenant(2) })));
    // Resources share one name space across tenants: their names are host names.
    let second = tenant(2);
    store.create_tenant(&second).unwrap();
    let same_name = Resource { name: "resource-1".into(), ..resource(2, &second) };
    assert!(exists(store.create_resource(&same_name)));
    let again = Deployment {
        id: DeploymentId::from_random([9; 16]),
        ..deployment("chat", &fixture.resource, &fixture.model)
    };
    assert!(exists(store.create_deployment(&again)));
    // The same name under another resource is fine.
    let other = resource(2, &second);
    store.create_resource(&other).unwrap();
    store.create_deployment(&deployment("chat", &other, &fixture.model)).unwrap();
}

#[test]
fn what_is_in_use_is_not_deleted_and_the_refusal_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let refusal = |result: Result<(), StoreError>, by| match result {
        Err(StoreError::InUse(used)) if used.by == by => StoreError::InUse(used).help(),
        other => panic!("{other:?}"),
    };
    let tenant = refusal(store.delete_tenant(fixture.tenant.id), Kind::Resource);
    assert!(tenant.contains("`bailiwick resource delete resource-1`"), "{tenant}");
    let resource = refusal(store.delete_resource(fixture.resource.id), Kind::Deployment);
    assert!(
        resource.contains("`bailiwick deployment delete chat --resource resource-1`"),
        "{resource}"
    );
    refusal(store.delete_model(fixture.model.id), Kind::Deployment);

    store.delete_deployment(fixture.deployment.id).unwrap();
    store.delete_model(fixture.model.id).unwrap();
    store.delete_resource(fixture.resource.id).unwrap();
    store.delete_tenant(fixture.tenant.id).unwrap();
    let gone = store.delete_tenant(fixture.tenant.id).unwrap_err();
    assert_eq!(gone.to_string(), format!("there is no tenant `{}`", fixture.tenant.id));
    assert_eq!(gone.help(), "`bailiwick tenant list` shows the existing ones");
}

#[test]
fn a_tenant_goes_with_its_people_once_they_hold_no_roles() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let tenant = tenant(1);
    store.create_tenant(&tenant).unwrap();
    let object = "0e2f6a1c-0000-4000-8000-000000000001".parse().unwrap();
    let subject = DirectoryObject { tenant: tenant.id, object, kind: token::Kind::Person };
    let at = Scope::Tenant(TenantFacts { tenant: tenant.id });
    store.assign_role(subject, Role::Auditor, at).unwrap();
    let reviewer = store.assigning(subject, Role::Reviewer, Scope::Service);
    store.set_team(reviewer, subject, "north").unwrap();
    let members = store.team_members().unwrap();
    assert_eq!((members.len(), members[0].name.as_str()), (1, "north"));
    assert_eq!(members[0].subject, subject);
    let auditor = store.assigning(subject, Role::Auditor, Scope::Service);
    let refused = store.set_team(auditor, subject, "north");
    assert!(matches!(refused, Err(StoreError::OtherThing)), "the permit is for another role");
    let refused = store.delete_tenant(tenant.id).unwrap_err();
    assert!(matches!(&refused, StoreError::InUse(used) if used.by == Kind::RoleAssignment));
    assert!(refused.help().contains("`bailiwick role remove`"), "{}", refused.help());
    // An object id is registered as a person or as a workload, not both.
    let program = DirectoryObject { kind: token::Kind::Workload, ..subject };
    let refused = store.assign_role(program, Role::Auditor, at).unwrap_err();
    assert!(matches!(refused, StoreError::OtherKind { is: "person" }), "{refused}");
    store.remove_role(subject, Role::Auditor, at).unwrap();
    store.assign_role(program, Role::Auditor, at).unwrap();
    store.remove_role(program, Role::Auditor, at).unwrap();
    store.delete_tenant(tenant.id).unwrap();
    assert!(store.directory().unwrap().tenants().is_empty());
}

#[test]
fn owners_must_exist() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let nobody = tenant(1);
    let missing = |result, kind| matches!(result, Err(StoreError::NotFound { kind: found, .. }) if found == kind);
    assert!(missing(store.create_resource(&resource(1, &nobody)), Kind::Tenant));
    let orphan = deployment("chat", &resource(1, &nobody), &model(1));
    assert!(missing(store.create_deployment(&orphan), Kind::Resource));
    let nothing = ResourceId::from_random([9; 16]);
    let rotated = store.rotate_key(nothing, KeyName::Key2, &key(1).digest(), 1);
    assert!(missing(rotated, Kind::Resource));
}

#[test]
fn the_admin_key_is_set_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    assert_eq!(store.admin_key().unwrap(), None);
    for seed in [1, 2] {
        store.set_admin_key(&key(seed).digest()).unwrap();
        assert_eq!(store.admin_key().unwrap(), Some(key(seed).digest()));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn others_are_kept_out_of_the_files() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("new/data");
    let store = Data::open(&data);
    fill(&store);
    assert_eq!(mode(&data), 0o700);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }

    // A directory that was opened to others since then is closed again.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    Store::open(&data, clock).unwrap();
    assert_eq!(mode(&data), 0o700);
}

#[test]
fn a_directory_with_other_things_that_others_can_enter_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("shared");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(data.join("somebody's"), "").unwrap();
    let refusal = Store::open(&data, clock).unwrap_err().help();
    assert!(refusal.contains("chmod 700"), "{refusal}");
    assert_eq!(mode(&data), 0o755, "left as it was");
    assert!(!data.join("bailiwick.db").exists());
}

#[test]
fn no_key_is_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    fill(&store);
    for entry in fs::read_dir(dir.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(key(1).reveal()) && !text.contains(key(101).reveal()));
    }
}

/// The setting applies from the next request on. It does not change the keys.
#[test]
fn a_resource_is_closed_to_keys_and_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let (server, cli) = (Data::open(dir.path()), Data::open(dir.path()));
    let fixture = fill(&cli);
    let keys = || server.directory().unwrap().resource_by_name("resource-1").unwrap().keys;
    assert!(authenticate(&key(1), &keys()).is_ok());
    for (disabled, expected) in [(true, Some(Unauthenticated::KeysDisabled)), (false, None)] {
        let settings = Settings { disable_local_auth: Some(disabled), ..Settings::default() };
        cli.update(fixture.resource.id, settings).unwrap();
        assert_eq!(authenticate(&key(1), &keys()).err(), expected);
    }
    let nobody = cli.update(ResourceId::from_random([9; 16]), Settings::default());
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));

    let closed = Resource {
        keys: ResourceKeys { disabled: true, ..resource(7, &tenant(1)).keys },
        ..resource(7, &tenant(1))
    };
    cli.create_resource(&closed).unwrap();
    assert!(server.directory().unwrap().resource_by_name("resource-7").unwrap().keys.disabled);
}

#[test]
fn an_update_happens_as_a_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = Data::open(dir.path());
    let fixture = fill(&store);
    let shown = || {
        let directory = store.directory().unwrap();
        let resource = directory.resource(fixture.resource.id).unwrap().clone();
        (resource.prefix_cache, resource.lockbox, resource.network)
    };
    let before = shown();
    let (here, nowhere) = (fixture.resource.id, ResourceId::from_random([9; 16]));
    let update = |last: ResourceId| {
        let settings = Settings { prefix_cache: Some(false), ..Settings::default() };
        let public = Some(PublicNetworkAccess::Disabled);
        let network = NetworkChange { public, ..NetworkChange::default() };
        store.update_resource(
            &store.rolls("log"),
            vec![
                ResourceChange::Settings(store.permit(of(here)), settings),
                ResourceChange::Lockbox(store.administrator.permit_lockbox(of(here), 0)),
                ResourceChange::Network(store.permit(of(last)), network),
            ],
        )
    };
    let refused = update(nowhere);
    assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Resource, .. })));
    assert_eq!(shown(), before, "the parts before the one that failed were undone");
    update(here).unwrap();
    let public = PublicNetworkAccess::Disabled;
    assert_eq!(shown(), (false, true, NetworkRules { public, ..before.2 }));
    // A permit for a tenant does not allow a change of a resource.
    let tenant = TenantFacts { tenant: fixture.tenant.id };
    let change = ResourceChange::Settings(store.permit(tenant), Settings::default());
    let refused = store.update_resource(&store.rolls("log"), vec![change]);
    assert!(matches!(refused, Err(StoreError::OtherThing)));
}

/// Two processes repeatedly change different parts of the rules. Neither undoes the other's changes.
#[test]
fn two_changes_of_the_network_rules_at_once_both_count() {
    let dir = tempfile::tempdir().unwrap();
    let id = fill(&Data::open(dir.path())).resource.id;
    let change = |data: &Data, change: NetworkChange| {
        let change = ResourceChange::Network(data.permit(of(id)), change);
        data.update_resource(&data.rolls("log"), vec![change]).unwrap();
    };
    let rules = |data: &Data| data.directory().unwrap().resource(id).unwrap().network.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let data = Data::open(dir.path());
            for round in 0..40 {
                let public = if round % 2 == 0 {
                    PublicNetworkAccess::Disabled
                } else {
                    PublicNetworkAccess::Enabled
                };
                change(&data, NetworkChange { public: Some(public), ..Default::default() });
                assert_eq!(rules(&data).public, public, "only this thread changes this part");
            }
        });
        scope.spawn(|| {
            let data = Data::open(dir.path());
            for round in 0..40 {
                let ip_rules = vec![format!("10.0.0.{round}").parse().unwrap()];
                let default_action = Some(DefaultAction::Deny);
                let wanted = Some(ip_rules.clone());
                change(&data, NetworkChange { ip_rules: wanted, default_action, public: None });
                assert_eq!(rules(&data).ip_rules, ip_rules, "only this thread changes this part");
            }
        });
    });
}
