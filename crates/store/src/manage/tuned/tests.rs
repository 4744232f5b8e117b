use policy::{
    administrator::Administrator,
    authz::{
        context::Moment,
        facts::{FileFacts, ObjectFacts, Scope, TenantFacts},
        role::Role,
    },
    forward::Forward,
    id::{DeploymentId, ResourceId, TenantId},
    meter::RateLimits,
    model::ModelFacts,
    object::{Class, Owner},
    permit::{Administration, TrainOn},
    principal::Key,
    residency::Sku,
    retention::{Days, clock::Reading},
    task::Task,
};
use tlog::entry::Entry;

use super::*;
use crate::{
    ModelFile, NewDeployment, NewResource, Tenant,
    people_for_tests::{permit, person},
};

const NOW: Moment = Moment { now_ms: 1_764_000_000_000 };
const TENANT: TenantId = TenantId::from_random([1; 16]);
const PERSON: [u8; 16] = [6; 16];

fn clock() -> Reading {
    Reading { wall_ms: NOW.now_ms, boot: [1; 16], boottime_ms: 1 }
}

fn resource(n: u8) -> ResourceFacts {
    ResourceFacts { tenant: TENANT, resource: ResourceId::from_random([n; 16]) }
}

struct Data {
    store: Store,
    administrator: Administrator,
    _home: tempfile::TempDir,
}

impl Data {
    /// A tenant with two resources.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (store, administrator) = Store::open_as_administrator(home.path(), clock).unwrap();
        let data = Self { store, administrator, _home: home };
        let tenant = Tenant { id: TENANT, name: "acme".into(), created_at: 1 };
        data.store.create_tenant(data.permit(policy::authz::facts::Service), &tenant).unwrap();
        for n in [2, 3] {
            let new = NewResource {
                id: resource(n).resource,
                name: format!("acme-{n}"),
                region: "local".into(),
                key1: Key::from_random(&[n; 32]).digest(),
                key2: Key::from_random(&[n + 8; 32]).digest(),
                disable_local_auth: false,
                prefix_cache: true,
                forward: Forward::NONE,
                days: Days::DEFAULT,
                created_at: 1,
            };
            let of = TenantFacts { tenant: TENANT };
            data.store.create_resource(&data.store.rolls("log"), data.permit(of), new).unwrap();
        }
        data
    }

    fn permit<A: Administration<Context = Moment>>(&self, thing: impl Into<A::Thing>) -> Permit<A> {
        self.administrator.permit(thing.into(), NOW)
    }

    fn deploy(&self, n: u8, model: &Model) -> Result<(), StoreError> {
        let new = NewDeployment {
            id: DeploymentId::from_random([n; 16]),
            name: format!("tuned-{n}"),
            model: model.id,
            task: Task::Chat,
            sku: Sku::Standard,
            limits: RateLimits { tokens_per_minute: 1, requests_per_minute: 1 },
            spillover: None,
            filter: None,
            created_at: 1,
        };
        self.store.create_deployment(self.permit(Scope::Resource(resource(n))), new).map(drop)
    }

    fn last(&self) -> Vec<Event> {
        let reader = self.store.reader();
        let entries = reader.database.entries(0..u64::MAX >> 1).unwrap();
        entries.iter().map(|bytes| Entry::decode(bytes).unwrap().event).collect()
    }
}

fn tunes(n: u8) -> Permit<FineTune> {
    permit(&person(TENANT, PERSON), Role::OpenAiContributor, &resource(n), &NOW)
}

/// The file of a resource, as a training reads it.
fn set(n: u8) -> TrainingSet {
    let object = ObjectFacts {
        of: resource(n),
        object: ObjectId::from_random([9; 16]),
        class: Class::File,
        owner: Owner::Person(policy::id::PersonId::from_random(PERSON)),
        shared: false,
    };
    let file = FileFacts { object, purpose: "fine-tune".into() };
    let trains: Permit<TrainOn> =
        permit(&person(TENANT, PERSON), Role::OpenAiContributor, &file, &NOW);
    TrainingSet::of(trains).unwrap()
}

fn start(validation: Option<Digest>) -> TrainingStart {
    TrainingStart {
        job: ObjectId::from_random([7; 16]),
        base: Digest([1; 32]),
        training: Digest([2; 32]),
        validation,
        settings: Settings {
            epochs: 2,
            batch_size: 4,
            learning_rate: 1,
            rank: 8,
            alpha: 2,
            seed: 3,
        },
        trainer: Digest([4; 32]),
    }
}

fn tuned(name: &str, n: u8) -> Model {
    let file = ModelFile { path: "/m.gguf".into(), sha256: "ab".repeat(32), size_bytes: 9 };
    Model {
        id: ModelId::from_random([n; 16]),
        name: name.into(),
        file: Some(file),
        source: None,
        facts: ModelFacts {
            architecture: "llama".into(),
            name: None,
            license: None,
            parameters: 0,
            context_train: 1,
            embedding_length: 0,
            vocabulary: 0,
            generates: true,
            chat_template: true,
        },
        tuned: Some(Tuned {
            of: resource(2),
            object: ObjectId::from_random([8; 16]),
            job: ObjectId::from_random([7; 16]),
            adapter: Digest([5; 32]),
        }),
        created_at: 1,
    }
}

fn adapter() -> Adapter {
    Adapter { epochs: 2, kernel: Some("fma".into()) }
}

#[test]
fn a_fine_tuned_model_runs_under_its_own_resource_only() {
    let data = Data::new();
    let model = tuned("m.ft-00-x:ckpt-step-5", 1);
    data.store.add_tuned_model(tunes(2), &model, adapter()).unwrap();
    let directory = data.store.directory().unwrap();
    assert_eq!(directory.model(model.id), Some(&model));
    assert!(matches!(data.deploy(3, &model), Err(StoreError::NotFound { kind: Kind::Model, .. })));
    data.deploy(2, &model).unwrap();
    // While a deployment uses it, it is not forgotten.
    data.store.forget_tuned_model(model.id).unwrap();
    assert!(data.store.directory().unwrap().model(model.id).is_some());
    let of = policy::authz::facts::DeploymentFacts {
        tenant: TENANT,
        resource: resource(2).resource,
        deployment: DeploymentId::from_random([2; 16]),
    };
    data.store.delete_deployment(data.permit(of)).unwrap();
    data.store.forget_tuned_model(model.id).unwrap();
    assert!(data.store.directory().unwrap().model(model.id).is_none());
    data.store.forget_tuned_model(model.id).unwrap();
}

#[test]
fn a_model_of_another_resource_is_not_added() {
    let data = Data::new();
    let model = tuned("m.ft-00", 1);
    let other = data.store.add_tuned_model(tunes(3), &model, adapter());
    assert!(matches!(other, Err(StoreError::OtherThing)), "{other:?}");
    let plain = Model { tuned: None, ..model.clone() };
    let plain = data.store.add_tuned_model(tunes(2), &plain, adapter());
    assert!(matches!(plain, Err(StoreError::OtherThing)), "{plain:?}");
    data.store.add_tuned_model(tunes(2), &model, adapter()).unwrap();
    let again = data.store.add_tuned_model(tunes(2), &tuned("m.ft-00", 2), adapter());
    assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
    data.store.delete_resource(data.permit(resource(2))).unwrap();
    assert!(data.store.directory().unwrap().model(model.id).is_none());
}

#[test]
fn a_training_is_logged_with_its_files() {
    let data = Data::new();
    data.store.start_training(tunes(2), (set(2), None), start(None)).unwrap();
    let last = data.last().pop().unwrap();
    assert!(matches!(last, Event::TrainingStarted { training: Digest([2, ..]), .. }), "{last:?}");
    // A file of another resource, or one that the entry would not name.
    for (permit, files, validation) in [
        (tunes(2), (set(3), None), None),
        (tunes(3), (set(2), None), None),
        (tunes(2), (set(2), Some(set(2))), None),
        (tunes(2), (set(2), None), Some(Digest([3; 32]))),
    ] {
        let refused = data.store.start_training(permit, files, start(validation));
        assert!(matches!(refused, Err(StoreError::OtherThing)), "{refused:?}");
    }
}
