use std::collections::BTreeSet;

use policy::{
    administrator::Administrator,
    authz::{
        context::{Moment, Processing},
        facts::TenantFacts,
        role::Role,
    },
    engine::{Api, Capability, ServedModel},
    forward::{Forward, Label},
    id::{DeploymentId, ModelId, ResourceId, TenantId},
    meter::RateLimits,
    model::ModelFacts,
    permit::Administration,
    principal::Key,
    residency::Sku,
    retention::{Days, clock::Reading},
    task::Task,
};
use tlog::entry::{Entry, commit};

use super::*;
use crate::{
    Model, ModelFile, NewDeployment, NewResource, ProcessorEngine, ProcessorUse, ResourceChange,
    Settings, Tenant,
    people_for_tests::{permit, person},
};

const NOW_MS: u64 = 1_764_000_000_000;
const TENANT: TenantId = TenantId::from_random([1; 16]);
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const SERVED: ModelId = ModelId::from_random([3; 16]);
const OTHER: ModelId = ModelId::from_random([4; 16]);
const WITH_FILE: ModelId = ModelId::from_random([5; 16]);
const OFFICER: [u8; 16] = [6; 16];

fn clock() -> Reading {
    Reading { wall_ms: NOW_MS, boot: [1; 16], boottime_ms: 1 }
}

/// A store with a tenant, its resource, two served models and one with a file.
struct Data {
    store: Store,
    administrator: Administrator,
    home: tempfile::TempDir,
}

impl Data {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (store, administrator) = Store::open_as_administrator(home.path(), clock).unwrap();
        let data = Self { store, administrator, home };
        let tenant = Tenant { id: TENANT, name: "acme".into(), created_at: 1 };
        data.store.create_tenant(data.permit(Service), &tenant).unwrap();
        let new = NewResource {
            id: RESOURCE,
            name: "acme-prod".into(),
            region: "local".into(),
            key1: Key::from_random(&[1; 32]).digest(),
            key2: Key::from_random(&[2; 32]).digest(),
            disable_local_auth: false,
            prefix_cache: true,
            forward: Forward::NONE,
            days: Days::DEFAULT,
            created_at: 1,
        };
        data.store
            .create_resource(
                &data.store.rolls("log"),
                data.permit(TenantFacts { tenant: TENANT }),
                new,
            )
            .unwrap();
        let file = ModelFile { path: "/m.gguf".into(), sha256: "ab".repeat(32), size_bytes: 9 };
        for (id, name, file) in
            [(SERVED, "gpt", None), (OTHER, "gpt-mini", None), (WITH_FILE, "smol", Some(file))]
        {
            data.store.create_model(data.permit(Service), &model(id, name, file)).unwrap();
        }
        data
    }

    fn permit<A: Administration<Context = Moment>>(&self, thing: impl Into<A::Thing>) -> Permit<A> {
        self.administrator.permit(thing.into(), Moment { now_ms: NOW_MS })
    }

    fn create(&self, engine: &Engine) -> Result<(), StoreError> {
        self.store.create_engine(self.permit(Service), engine)
    }

    fn update(&self, engine: &Engine) -> Result<(), StoreError> {
        self.store.update_engine(self.permit(Service), engine)
    }

    fn delete(&self, engine: EngineId) -> Result<(), StoreError> {
        self.store.delete_engine(self.permit(Service), engine)
    }

    /// Allows a processor for the resource as the customer's officer, or withdraws that.
    fn allow(&self, processor: &str, allowed: bool) -> Result<(), StoreError> {
        let context = Processing { now_ms: NOW_MS, processor: processor.into(), allowed };
        let officer = person(TENANT, OFFICER);
        let of = ResourceFacts { tenant: TENANT, resource: RESOURCE };
        let permit = permit(&officer, Role::DataProtectionOfficer, &of, &context);
        let log = tempfile::tempdir().unwrap();
        let rolls = Rolls::new("engines", crate::tiles::Tiles::open(log.path())?);
        self.store.allow_processor(&rolls, permit, Vec::new())
    }

    fn engines(&self) -> Vec<Engine> {
        self.store.directory().unwrap().engines().into_iter().cloned().collect()
    }

    fn allowed(&self) -> Vec<String> {
        self.store.directory().unwrap().processors_of(RESOURCE).iter().cloned().collect()
    }

    /// Returns the events from entry `from` on.
    fn events(&self, from: u64) -> Vec<Event> {
        let reader = self.store.reader();
        let entries = reader.database.entries(from..u64::MAX >> 1).unwrap();
        entries.iter().map(|bytes| Entry::decode(bytes).unwrap().event).collect()
    }

    fn next(&self) -> u64 {
        self.store.reader().database.log_next().unwrap()
    }

    /// Returns the only entry's subject, id and action from `from` on, and the text that it commits
    /// to.
    fn changed(&self, from: u64) -> (Subject, [u8; 16], Action, String) {
        let events = self.events(from);
        let [Event::Changed { subject, id, action, commitment }] = events.as_slice() else {
            panic!("{events:?}");
        };
        let (salt, state) = self.store.reader().database.opening(from);
        assert_eq!(commit(&salt, state.as_bytes()), *commitment);
        (*subject, *id, *action, state)
    }
}

fn model(id: ModelId, name: &str, file: Option<ModelFile>) -> Model {
    let facts = ModelFacts {
        architecture: String::new(),
        name: None,
        license: None,
        parameters: 0,
        context_train: 128_000,
        embedding_length: 0,
        vocabulary: 0,
        generates: true,
        chat_template: false,
    };
    Model { id, name: name.into(), file, source: None, facts, tuned: None, created_at: 1 }
}

/// An engine with a value in every field.
fn full(seed: u8) -> Engine {
    Engine {
        id: EngineId::from_random([seed; 16]),
        name: format!("engine-{seed}"),
        api: Api::Azure { version: Some("2024-10-21".into()) },
        address: "https://sweden.openai.example".into(),
        region: "swedencentral".into(),
        processor: Some(Processor {
            name: "contoso".into(),
            country: "SE".into(),
            contract: "DPA 2026-17".into(),
        }),
        models: vec![
            ServedModel { model: SERVED, served: "gpt-4.1".into() },
            ServedModel { model: OTHER, served: "Mini/4 1".into() },
        ],
        capabilities: Capability::ALL.into_iter().collect(),
        prefix_cache: PrefixCache::Shared(TENANT),
        concurrency: 64,
        weight: 3,
        first_byte_ms: 60_000,
        silence_ms: 30_000,
        serving: true,
        created_at: 7,
    }
}

/// An engine of the operator with nothing optional.
fn plain(seed: u8) -> Engine {
    Engine {
        name: format!("engine-{seed}"),
        id: EngineId::from_random([seed; 16]),
        api: Api::OpenAi,
        address: "http://10.0.0.7:8000/v1".into(),
        region: "local".into(),
        processor: None,
        models: vec![ServedModel { model: SERVED, served: "gpt".into() }],
        capabilities: BTreeSet::new(),
        prefix_cache: PrefixCache::Salted,
        serving: false,
        ..full(seed)
    }
}

#[test]
fn engines_come_back_as_they_were_stored() {
    let data = Data::new();
    let v1 = Engine { api: Api::Azure { version: None }, ..plain(3) };
    let caches = [PrefixCache::None, PrefixCache::Off];
    let [none, off] = [(4, caches[0]), (5, caches[1])]
        .map(|(n, cache)| Engine { prefix_cache: cache, ..plain(n) });
    let all = [full(1), plain(2), v1, none, off];
    for engine in all.iter().rev() {
        data.create(engine).unwrap();
    }
    assert_eq!(data.engines(), all, "sorted by name");
    let (again, _) = Store::open_as_administrator(data.home.path(), clock).unwrap();
    let directory = again.directory().unwrap();
    assert_eq!(directory.engines(), all.iter().collect::<Vec<_>>());
    assert_eq!(directory.engine_by_name("engine-1"), Some(&all[0]));
    assert_eq!(directory.engine(all[1].id), Some(&all[1]));
    assert_eq!(directory.engine_by_name("engine-9"), None);
    let names = |model| directory.engines_of(model).map(|e| e.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(SERVED).len(), 5);
    assert_eq!(names(OTHER), ["engine-1"]);
    assert!(names(WITH_FILE).is_empty());
}

#[test]
fn a_served_model_has_no_file() {
    let data = Data::new();
    let directory = data.store.directory().unwrap();
    let files = ["gpt", "smol"].map(|name| directory.model_by_name(name).unwrap().file.clone());
    let file = ModelFile { path: "/m.gguf".into(), sha256: "ab".repeat(32), size_bytes: 9 };
    assert_eq!(files, [None, Some(file)]);
}

/// Each change of an engine is in the log, in the transaction of the change.
#[test]
fn the_log_commits_to_each_state_of_an_engine() {
    let data = Data::new();
    let id = *full(1).id.as_bytes();
    let from = data.next();
    let mut reversed = full(1);
    reversed.models.reverse();
    data.create(&reversed).unwrap();
    let (subject, of, action, state) = data.changed(from);
    assert_eq!((subject, of, action), (Subject::Engine, id, Action::Created));
    assert_eq!(state, serde_json::to_string(&full(1)).unwrap(), "whatever the order of the models");
    for part in [r#""region":"swedencentral""#, r#""country":"SE""#, r#""contract":"DPA 2026-17""#]
    {
        assert!(state.contains(part), "{part} is not in {state}");
    }

    let from = data.next();
    let drained = Engine { serving: false, created_at: 99, ..full(1) };
    data.update(&drained).unwrap();
    let (subject, of, action, state) = data.changed(from);
    assert_eq!((subject, of, action), (Subject::Engine, id, Action::Updated));
    let drained = Engine { created_at: 7, ..drained };
    assert_eq!(state, serde_json::to_string(&drained).unwrap());
    assert_eq!(data.engines(), [drained]);

    let from = data.next();
    data.delete(full(1).id).unwrap();
    let (subject, of, action, state) = data.changed(from);
    assert_eq!((subject, of, action), (Subject::Engine, id, Action::Deleted));
    assert_eq!(state, "name=engine-1");
    assert!(data.engines().is_empty());
}

#[test]
fn an_update_replaces_all_fields_but_the_name() {
    let data = Data::new();
    data.create(&full(1)).unwrap();
    data.update(&plain(1)).unwrap();
    assert_eq!(data.engines(), [plain(1)]);
    data.update(&full(1)).unwrap();
    assert_eq!(data.engines(), [full(1)]);
    let from = data.next();
    let renamed = Engine { name: "other".into(), ..full(1) };
    let refused = data.update(&renamed);
    assert!(matches!(refused, Err(StoreError::BadEngine { field: "name", .. })), "{refused:?}");
    let unknown = data.update(&full(2));
    assert!(matches!(unknown, Err(StoreError::NotFound { kind: Kind::Engine, .. })));
    assert!(matches!(data.delete(full(2).id), Err(StoreError::NotFound { .. })));
    assert_eq!((data.engines(), data.next()), (vec![full(1)], from), "nothing changed");
}

type Change = fn(&mut Engine);

#[test]
fn an_engine_with_a_bad_field_is_refused() {
    let data = Data::new();
    let processor = full(1).processor.unwrap();
    let with = |change: Change| {
        let mut engine = full(1);
        change(&mut engine);
        let refused = data.create(&engine).unwrap_err();
        assert!(!refused.help().is_empty());
        refused.to_string()
    };
    assert!(with(|e| e.name = "a b".into()).contains("name of an engine"));
    assert!(with(|e| e.name = "embedded".into()).contains("`embedded` cannot be"));
    assert!(with(|e| e.region = "Sweden Central".into()).contains("name of a region"));
    let cases: [(&str, &[Change]); 4] = [
        (
            "address",
            &[
                |e| e.address = "ftp://a".into(),
                |e| e.address = "https://".into(),
                |e| e.address = "https://a/".into(),
                |e| e.address = "https://user:secret@a".into(),
                |e| e.address = "https://a?api-key=secret".into(),
                |e| e.address = "https://a#b".into(),
                |e| e.address = "https://a b".into(),
                |e| e.address = format!("https://{}", "a".repeat(600)),
            ],
        ),
        (
            "country",
            &[
                |e| e.processor.as_mut().unwrap().country = "se".into(),
                |e| e.processor.as_mut().unwrap().country = "SWE".into(),
                |e| e.processor.as_mut().unwrap().country = String::new(),
            ],
        ),
        (
            "contract",
            &[
                |e| e.processor.as_mut().unwrap().contract = String::new(),
                |e| e.processor.as_mut().unwrap().contract = "a\nb".into(),
            ],
        ),
        ("models", &[|e| e.models[1].model = SERVED, |e| e.models[0].served = String::new()]),
    ];
    for (field, changes) in cases {
        for change in changes {
            assert_eq!(with(*change), format!("the engine's {field} is not allowed"));
        }
    }
    assert!(with(|e| e.processor.as_mut().unwrap().name = "a\u{1b}".into()).contains("processor"));
    let missing = with(|e| e.models[0].model = ModelId::from_random([9; 16]));
    assert!(missing.contains("there is no model"), "{missing}");
    let missing = with(|e| e.prefix_cache = PrefixCache::Shared(TenantId::from_random([9; 16])));
    assert!(missing.contains("there is no tenant"), "{missing}");
    assert!(with(|e| e.models[0].model = WITH_FILE).contains("the model `smol` has a file"));
    assert!(data.engines().is_empty());
    data.create(&Engine { processor: Some(processor), ..full(1) }).unwrap();
    let taken = data.create(&Engine { name: "engine-1".into(), ..full(2) });
    assert!(matches!(taken, Err(StoreError::Exists { kind: Kind::Engine, .. })), "{taken:?}");
}

#[test]
fn models_and_tenants_with_engines_are_not_deleted() {
    let data = Data::new();
    data.create(&full(1)).unwrap();
    let in_use = |refused: Result<(), StoreError>| match refused {
        Err(StoreError::InUse(used)) if used.by == Kind::Engine => StoreError::InUse(used).help(),
        other => panic!("{other:?}"),
    };
    let help = in_use(data.store.delete_model(data.permit(Service), SERVED));
    assert!(help.contains("`bailiwick engine remove engine-1`"), "{help}");
    let of = ResourceFacts { tenant: TENANT, resource: RESOURCE };
    data.store.delete_resource(data.permit(of)).unwrap();
    in_use(data.store.delete_tenant(data.permit(TenantFacts { tenant: TENANT })));
    data.delete(full(1).id).unwrap();
    data.store.delete_model(data.permit(Service), SERVED).unwrap();
    data.store.delete_tenant(data.permit(TenantFacts { tenant: TENANT })).unwrap();
}

/// The order of an operator's work is free: deployment first, or engine first.
#[test]
fn a_deployment_needs_no_engine_and_keeps_none_from_being_deleted() {
    let data = Data::new();
    let new = NewDeployment {
        id: DeploymentId::from_random([7; 16]),
        name: "chat".into(),
        model: SERVED,
        task: Task::Chat,
        sku: Sku::DataZoneStandard,
        limits: RateLimits { tokens_per_minute: 1, requests_per_minute: 1 },
        spillover: None,
        filter: None,
        created_at: 1,
    };
    let of = ResourceFacts { tenant: TENANT, resource: RESOURCE };
    data.store.create_deployment(data.permit(of), new).unwrap();
    data.create(&plain(1)).unwrap();
    data.delete(plain(1).id).unwrap();
    let directory = data.store.directory().unwrap();
    assert_eq!(directory.deployment(RESOURCE, "chat").unwrap().sku, Sku::DataZoneStandard);
    assert_eq!(directory.engines_of(SERVED).count(), 0);
}

#[test]
fn a_processor_is_allowed_by_the_customers_officer_alone() {
    let data = Data::new();
    data.create(&full(1)).unwrap();
    assert!(data.allowed().is_empty(), "no processor is allowed by default");
    let from = data.next();
    data.allow("contoso", true).unwrap();
    assert_eq!(data.allowed(), ["contoso"], "in the very next snapshot");
    let event = |allowed| Event::ProcessorAllowed {
        resource: *RESOURCE.as_bytes(),
        processor: "contoso".into(),
        person: policy::id::PersonId::from_random(OFFICER),
        allowed,
    };
    assert_eq!(data.events(from), [event(true)]);
    data.allow("contoso", true).unwrap();
    assert_eq!(data.events(from), [event(true)], "nothing changed, so nothing is logged");
    data.allow("contoso", false).unwrap();
    assert!(data.allowed().is_empty());
    data.allow("contoso", false).unwrap();
    assert_eq!(data.events(from), [event(true), event(false)]);
}

#[test]
fn only_a_known_processor_is_allowed_and_a_former_one_can_be_withdrawn() {
    let data = Data::new();
    let refused = data.allow("contoso", true);
    assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Processor, .. })));
    let refused = data.allow("con toso", true);
    assert!(matches!(refused, Err(StoreError::BadName { kind: "processor", .. })));
    data.create(&full(1)).unwrap();
    data.allow("contoso", true).unwrap();
    data.delete(full(1).id).unwrap();
    assert_eq!(data.allowed(), ["contoso"], "the customer's decision stays");
    data.allow("contoso", false).unwrap();
    assert!(data.allowed().is_empty());
}

#[test]
fn a_resource_goes_with_its_permissions() {
    let data = Data::new();
    data.create(&full(1)).unwrap();
    data.allow("contoso", true).unwrap();
    let of = ResourceFacts { tenant: TENANT, resource: RESOURCE };
    data.store.delete_resource(data.permit(of)).unwrap();
    assert!(data.allowed().is_empty());
    assert!(data.store.processor_uses().unwrap()[0].permissions.is_empty());
    assert!(matches!(data.allow("contoso", true), Err(StoreError::NotFound { .. })));
}

/// Present and former engines of each processor, with the regions and contracts that they had.
#[test]
fn the_history_of_processors_stays() {
    let data = Data::new();
    data.create(&full(1)).unwrap();
    data.create(&plain(2)).unwrap();
    let mut moved = Engine { region: "francecentral".into(), weight: 9, ..full(1) };
    data.update(&moved).unwrap();
    moved.weight = 10;
    data.update(&moved).unwrap();
    let other = Processor { name: "adatum".into(), country: "FI".into(), contract: "9".into() };
    data.update(&Engine { processor: Some(other.clone()), ..plain(2) }).unwrap();
    moved.processor.as_mut().unwrap().contract = "DPA 2027-1".into();
    data.update(&moved).unwrap();
    data.delete(full(1).id).unwrap();
    data.update(&plain(2)).unwrap();
    data.create(&Engine { processor: Some(other.clone()), ..plain(3) }).unwrap();

    let uses = data.store.processor_uses().unwrap();
    let [adatum, contoso] = uses.as_slice() else { panic!("{uses:?}") };
    let shown = |of: &ProcessorUse| -> Vec<(String, String, bool)> {
        let state = |engine: &ProcessorEngine| {
            assert!(engine.since_ms >= NOW_MS && engine.until_ms.is_none_or(|end| end >= NOW_MS));
            (engine.name.clone(), engine.region.clone(), engine.until_ms.is_none())
        };
        of.engines.iter().map(state).collect()
    };
    let row = |name: &str, region: &str, present| (name.to_owned(), region.to_owned(), present);
    assert_eq!(adatum.processor, other);
    assert_eq!(shown(adatum), [row("engine-2", "local", false), row("engine-3", "local", true)]);
    assert_eq!(contoso.processor.contract, "DPA 2027-1");
    let states = [
        row("engine-1", "swedencentral", false),
        row("engine-1", "francecentral", false),
        row("engine-1", "francecentral", false),
    ];
    assert_eq!(shown(contoso), states);
    assert_eq!(contoso.since_ms(), contoso.engines.first().map(|engine| engine.since_ms));
    assert!(contoso.permissions.is_empty() && contoso.requests.is_empty());
}

#[test]
fn engines_get_no_label_until_a_change_says_so_and_the_log_names_it() {
    let data = Data::new();
    let forwarded = || data.store.directory().unwrap().resource(RESOURCE).unwrap().forward;
    assert_eq!(forwarded(), Forward::NONE);
    let of = ResourceFacts { tenant: TENANT, resource: RESOURCE };
    let update = |settings: Settings| {
        let change = ResourceChange::Settings(data.permit(of), settings);
        let from = data.next();
        data.store.update_resource(&data.store.rolls("log"), vec![change]).unwrap();
        data.changed(from)
    };
    let two = Forward::from_iter([Label::Metadata, Label::User]);
    for (forward, state) in [(two, "forward=user,metadata"), (Forward::NONE, "forward=none")] {
        let logged = update(Settings { forward: Some(forward), ..Settings::default() });
        let expected = (Subject::Resource, *RESOURCE.as_bytes(), Action::Updated, state.into());
        assert_eq!(logged, expected);
        assert_eq!(forwarded(), forward);
    }
    // Another change leaves the set as it is.
    update(Settings { forward: Some(two), ..Settings::default() });
    let logged = update(Settings { prefix_cache: Some(false), ..Settings::default() });
    assert_eq!((logged.3.as_str(), forwarded()), ("prefix_cache=false", two));
}
