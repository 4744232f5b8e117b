use std::sync::Arc;

use policy::{
    administrator::Administrator,
    authz::{
        context::Moment,
        facts::{DeploymentFacts, Service, TenantFacts},
    },
    content::Content,
    forward::Forward,
    guard::{
        blocklist::Term,
        filter::{Filter, Mode, Rule, Threshold, WhenDown},
        verdict::{BlocklistName, Category, Side},
    },
    id::{BlocklistId, ModelId, TenantId},
    meter::RateLimits,
    model::ModelFacts,
    permit::Administration,
    principal::Key,
    residency::Sku,
    retention::{Days, clock::Reading},
    task::Task,
};
use tlog::entry::{Entry, Event, commit};

use super::*;
use crate::{
    BlocklistItem, ContentFilter, Deployment, DeploymentChange, Model, NewDeployment, NewResource,
    Tenant,
};

const NOW_MS: u64 = 1_764_000_000_000;
const TENANT: TenantId = TenantId::from_random([1; 16]);
const OURS: ResourceId = ResourceId::from_random([2; 16]);
const OTHERS: ResourceId = ResourceId::from_random([3; 16]);
const MODEL: ModelId = ModelId::from_random([4; 16]);
const CHAT: DeploymentId = DeploymentId::from_random([5; 16]);
/// A term that must appear nowhere but in the items.
const CANARY: &str = "zanzibarquux";

fn clock() -> Reading {
    Reading { wall_ms: NOW_MS, boot: [1; 16], boottime_ms: 1 }
}

/// A store with two resources of a tenant; the first has a deployment.
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
        for (seed, id) in [(1, OURS), (11, OTHERS)] {
            let new = NewResource {
                id,
                name: format!("prod-{seed}"),
                region: "local".into(),
                key1: Key::from_random(&[seed; 32]).digest(),
                key2: Key::from_random(&[seed + 1; 32]).digest(),
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
        }
        let facts = ModelFacts {
            license: None,
            architecture: String::new(),
            name: None,
            parameters: 0,
            context_train: 0,
            embedding_length: 0,
            vocabulary: 0,
            generates: true,
            chat_template: true,
        };
        let model = Model {
            id: MODEL,
            name: "m".into(),
            file: None,
            source: None,
            facts,
            tuned: None,
            created_at: 1,
        };
        data.store.create_model(data.permit(Service), &model).unwrap();
        let new = NewDeployment {
            id: CHAT,
            name: "chat".into(),
            model: MODEL,
            task: Task::Chat,
            sku: Sku::Standard,
            limits: RateLimits { tokens_per_minute: 1, requests_per_minute: 1 },
            spillover: None,
            filter: None,
            created_at: 1,
        };
        data.store.create_deployment(data.on(OURS), new).unwrap();
        data
    }

    fn permit<A: Administration<Context = Moment>>(&self, thing: impl Into<A::Thing>) -> Permit<A> {
        self.administrator.permit(thing.into(), Moment { now_ms: NOW_MS })
    }

    fn on(&self, resource: ResourceId) -> Permit<WriteDeployment> {
        self.permit(ResourceFacts { tenant: TENANT, resource })
    }

    fn list(&self, resource: ResourceId, name: &str) {
        let new = NewBlocklist {
            id: BlocklistId::from_random(crate::random().unwrap()),
            name: BlocklistName::new(name).unwrap(),
            description: String::new(),
            created_at: 7,
        };
        assert!(self.store.write_blocklist(self.on(resource), &new, Expect::Nothing).unwrap());
    }

    fn items(&self, name: &str, change: ItemsChange) -> Result<(), StoreError> {
        self.store.change_blocklist(self.on(OURS), name, change)
    }

    fn write(
        &self,
        resource: ResourceId,
        name: &str,
        filter: Filter,
        expect: Expect,
    ) -> Result<bool, StoreError> {
        let new = NewContentFilter {
            id: ContentFilterId::from_random(crate::random().unwrap()),
            name: name.into(),
            filter: Admitted::new(filter, &Filter::floor(), false).unwrap(),
            created_at: 7,
        };
        self.store.write_content_filter(self.on(resource), &new, expect)
    }

    fn point(&self, filter: FilterChange) -> Result<(), StoreError> {
        let of = DeploymentFacts { tenant: TENANT, resource: OURS, deployment: CHAT };
        let change = DeploymentChange { filter, ..DeploymentChange::default() };
        self.store.update_deployment(self.permit(of), change)
    }

    fn own(&self, resource: ResourceId, name: &str) -> OwnFilter {
        let directory = self.store.directory().unwrap();
        directory.content_filter_named(resource, name).unwrap().clone()
    }

    fn chat(&self) -> Deployment {
        self.store.directory().unwrap().deployment(OURS, "chat").unwrap().clone()
    }

    /// Returns the filter that the deployment's requests get.
    fn used(&self) -> Arc<ContentFilter> {
        self.store.directory().unwrap().content_filter(&self.chat(), NOW_MS, &Filter::floor())
    }

    /// Runs a change; returns its log entry and the text that the entry commits to.
    fn logged(&self, change: impl FnOnce()) -> (Subject, Action, String) {
        let next = || self.store.reader().database.log_next().unwrap();
        let from = next();
        change();
        assert_eq!(next(), from + 1, "one change is one entry");
        let reader = self.store.reader();
        let entries = reader.database.entries(from..from + 1).unwrap();
        let Event::Changed { subject, action, commitment, .. } =
            Entry::decode(&entries[0]).unwrap().event
        else {
            panic!("another event");
        };
        let (salt, state) = reader.database.opening(from);
        assert_eq!(commit(&salt, state.as_bytes()), commitment);
        (subject, action, state)
    }
}

fn item(name: &str, term: Term) -> BlocklistItem {
    BlocklistItem { name: name.into(), term }
}

fn exact(text: &str) -> Term {
    Term::Exact(Content::new(text.into()))
}

fn regex(text: &str) -> Term {
    Term::Regex(Content::new(text.into()))
}

/// A filter that blocks hate from low, and the terms of `words` on both sides.
fn strict() -> Filter {
    let list = Category::Blocklist(BlocklistName::new("words").unwrap());
    let block = Rule::block(Threshold::Medium);
    Filter::standard()
        .with(Category::Hate, Side::Prompt, Rule::block(Threshold::Low))
        .and_then(|filter| filter.with(Category::Jailbreak, Side::Prompt, Rule::OFF))
        .and_then(|filter| filter.with(list.clone(), Side::Prompt, block))
        .and_then(|filter| filter.with(list, Side::Completion, Rule::ANNOTATE))
        .unwrap()
        .with_mode(Mode::AsynchronousFilter)
        .with_when_down(WhenDown::Unfiltered)
}

#[test]
fn a_filter_comes_back_and_its_deployment_uses_it() {
    let data = Data::new();
    assert!(data.used().is_built_in());
    data.list(OURS, "words");
    data.items("words", ItemsChange::Add(vec![item("one", exact(CANARY))])).unwrap();
    let (subject, action, state) = data.logged(|| {
        assert!(data.write(OURS, "strict", strict(), Expect::Nothing).unwrap());
    });
    assert_eq!((subject, action), (Subject::ContentFilter, Action::Created));
    let own = data.own(OURS, "strict");
    assert!(state.starts_with(&format!("resource={OURS} name=strict digest={}\n", own.digest)));
    assert!(state.contains("hate prompt block-low\n") && !state.contains(CANARY), "{state}");
    // The digest is that of the text in the log.
    let (_, text) = state.split_once('\n').unwrap();
    assert_eq!(Digest::of(text.as_bytes()), own.digest);

    assert!(data.used().is_built_in(), "it is not the deployment's yet");
    let (subject, _, state) = data.logged(|| data.point(FilterChange::To(own.id)).unwrap());
    assert_eq!(subject, Subject::Deployment);
    assert!(state.ends_with(&format!(" content_filter={}", own.id)), "{state}");
    let used = data.used();
    assert_eq!((used.name.as_str(), used.digest), ("strict", own.digest));
    assert_eq!(used.filter.rule(&Category::Hate, Side::Prompt), Rule::block(Threshold::Low));
    assert_eq!(used.filter.rule(&Category::Jailbreak, Side::Prompt), Rule::OFF);
    assert_eq!(used.filter.mode(), Mode::AsynchronousFilter);
    assert_eq!(used.filter.when_down(), WhenDown::Unfiltered);
    assert_eq!(used.blocklists.len(), 1);

    // Also after opening again, and no longer after a change back.
    let again = Store::open(data.home.path(), clock).unwrap();
    assert_eq!(
        again.directory().unwrap().content_filter(&data.chat(), NOW_MS, &Filter::floor()).digest,
        own.digest
    );
    data.point(FilterChange::BuiltIn).unwrap();
    assert!(data.used().is_built_in());
}

#[test]
fn a_write_expects_what_its_caller_read() {
    let data = Data::new();
    let standard = Filter::standard;
    assert!(data.write(OURS, "f", standard(), Expect::Nothing).unwrap());
    let exists = data.write(OURS, "f", standard(), Expect::Nothing);
    assert!(matches!(exists, Err(StoreError::Exists { kind: Kind::Filter, .. })));
    let (id, digest) = (data.own(OURS, "f").id, data.own(OURS, "f").digest);
    let ahead = standard().with_mode(Mode::Deferred);
    assert!(!data.write(OURS, "f", ahead.clone(), Expect::Digest(digest)).unwrap());
    assert_eq!(data.own(OURS, "f").id, id, "it is the same filter");
    assert!(data.own(OURS, "f").filter.mode().is_ahead());
    let late = data.write(OURS, "f", ahead.clone(), Expect::Digest(digest));
    assert!(matches!(late, Err(StoreError::Meanwhile)));
    let none = data.write(OURS, "g", ahead.clone(), Expect::Digest(digest));
    assert!(matches!(none, Err(StoreError::NotFound { kind: Kind::Filter, .. })));
    for name in ["Microsoft.DefaultV2", "microsoft.own", "default", "", "a b"] {
        let bad = data.write(OURS, name, ahead.clone(), Expect::Either);
        assert!(matches!(bad, Err(StoreError::BadName { kind: "filter", .. })), "{name}");
    }
}

/// Nothing of one resource reaches another one, with any permit.
#[test]
fn a_filter_and_its_lists_are_of_one_resource() {
    let data = Data::new();
    data.list(OTHERS, "words");
    let refused = data.write(OURS, "strict", strict(), Expect::Nothing);
    assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Blocklist, .. })));
    data.write(OTHERS, "strict", strict(), Expect::Nothing).unwrap();
    let foreign = data.own(OTHERS, "strict").id;
    let refused = data.point(FilterChange::To(foreign));
    assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Filter, .. })), "{refused:?}");
    assert!(data.used().is_built_in());
    let new = NewDeployment {
        id: DeploymentId::from_random([9; 16]),
        name: "more".into(),
        model: MODEL,
        task: Task::Chat,
        sku: Sku::Standard,
        limits: RateLimits { tokens_per_minute: 1, requests_per_minute: 1 },
        spillover: None,
        filter: Some(foreign),
        created_at: 1,
    };
    let refused = data.store.create_deployment(data.on(OURS), new);
    assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Filter, .. })));
    for refused in [
        data.store.blocklist_items(data.on(OURS), "words").map(|_| ()),
        data.store.delete_blocklist(data.on(OURS), "words"),
        data.items("words", ItemsChange::Add(Vec::new())),
    ] {
        assert!(matches!(refused, Err(StoreError::NotFound { kind: Kind::Blocklist, .. })));
    }
    // A permit for a deployment changes no filter.
    let of = DeploymentFacts { tenant: TENANT, resource: OURS, deployment: CHAT };
    let refused = data.store.delete_content_filter(data.permit(of), "strict");
    assert!(matches!(refused, Err(StoreError::OtherThing)));
}

#[test]
fn what_is_in_use_is_not_deleted_and_a_resource_takes_all_along() {
    let data = Data::new();
    data.list(OURS, "words");
    data.items("words", ItemsChange::Add(vec![item("one", exact(CANARY))])).unwrap();
    data.write(OURS, "strict", strict(), Expect::Nothing).unwrap();
    data.point(FilterChange::To(data.own(OURS, "strict").id)).unwrap();
    let help = |refused: Result<(), StoreError>| match refused {
        Err(error @ StoreError::InUse(_)) => error.help(),
        other => panic!("{other:?}"),
    };
    let filter = help(data.store.delete_content_filter(data.on(OURS), "strict"));
    assert!(filter.contains("deployment update chat --resource prod-1 --filter"), "{filter}");
    let list = help(data.store.delete_blocklist(data.on(OURS), "words"));
    assert!(list.contains("filter update prod-1 strict"), "{list}");

    data.point(FilterChange::BuiltIn).unwrap();
    let of = DeploymentFacts { tenant: TENANT, resource: OURS, deployment: CHAT };
    data.store.delete_deployment(data.permit(of)).unwrap();
    let of = ResourceFacts { tenant: TENANT, resource: OURS };
    data.store.delete_resource(data.permit(of)).unwrap();
    let directory = data.store.directory().unwrap();
    assert_eq!(directory.content_filters_of(OURS).count(), 0);
    assert_eq!(directory.blocklists_of(OURS).count(), 0);
}

#[test]
fn items_are_added_replaced_and_removed_and_a_bad_term_changes_nothing() {
    let data = Data::new();
    data.list(OURS, "words");
    let add = |items: Vec<BlocklistItem>| data.items("words", ItemsChange::Add(items));
    add(vec![item("a", exact(CANARY)), item("b", regex(r"proj-\d{4}"))]).unwrap();
    let (subject, action, state) =
        data.logged(|| add(vec![item("a", exact("quagga")), item("c", exact("okapi"))]).unwrap());
    assert_eq!((subject, action), (Subject::Blocklist, Action::Updated));
    assert!(state.contains("name=words terms=3 digest=") && !state.contains("quagga"), "{state}");
    let read = || data.store.blocklist_items(data.on(OURS), "words").unwrap();
    let expected =
        [item("a", exact("quagga")), item("b", regex(r"proj-\d{4}")), item("c", exact("okapi"))];
    assert_eq!(read(), expected);
    assert!(!format!("{:?}", read()).contains("quagga"));

    let refused = add(vec![item("d", exact("gnu")), item("e", regex(&format!("{CANARY}(")))]);
    let error = refused.unwrap_err();
    assert!(matches!(&error, StoreError::BadTerm { item: Some(item), .. } if item == "e"));
    assert!(!format!("{error} {error:?}").contains(CANARY));
    let unknown = data.items("words", ItemsChange::Remove(vec!["a".into(), "zz".into()]));
    assert!(matches!(unknown, Err(StoreError::NotFound { kind: Kind::Item, .. })));
    assert_eq!(read(), expected, "nothing has changed");
    data.items("words", ItemsChange::Remove(vec!["b".into(), "a".into()])).unwrap();
    assert_eq!(read(), [item("c", exact("okapi"))]);
}

/// Snapshots share a compiled list until its terms change.
#[test]
fn a_list_is_compiled_once_for_each_change() {
    let data = Data::new();
    data.list(OURS, "words");
    data.items("words", ItemsChange::Add(vec![item("one", exact("gnu"))])).unwrap();
    data.write(OURS, "strict", strict(), Expect::Nothing).unwrap();
    data.point(FilterChange::To(data.own(OURS, "strict").id)).unwrap();
    let first = data.used();
    data.list(OTHERS, "more");
    let second = data.used();
    assert!(Arc::ptr_eq(&first.blocklists[0], &second.blocklists[0]));
    data.items("words", ItemsChange::Add(vec![item("two", exact("okapi"))])).unwrap();
    let third = data.used();
    assert!(!Arc::ptr_eq(&first.blocklists[0], &third.blocklists[0]));
    assert_ne!(first.digest, third.digest, "the filter's digest covers the terms");
}

/// All requests wait while a snapshot is loaded, so the change itself compiles the lists.
#[test]
fn a_change_compiles_the_lists_that_the_next_snapshot_needs() {
    let data = Data::new();
    data.list(OURS, "words");
    data.items("words", ItemsChange::Add(vec![item("one", exact("gnu"))])).unwrap();
    let kept = |store: &Store| {
        let directory = store.directory().unwrap();
        store.recent().find(directory.blocklist_named(OURS, "words").unwrap())
    };
    let of_change = kept(&data.store).unwrap();
    data.write(OURS, "strict", strict(), Expect::Nothing).unwrap();
    data.point(FilterChange::To(data.own(OURS, "strict").id)).unwrap();
    assert!(Arc::ptr_eq(&data.used().blocklists[0], &of_change));
    data.point(FilterChange::BuiltIn).unwrap();

    // Another process did not compile it yet, until it gives the filter to a deployment.
    let (store, _) = Store::open_as_administrator(data.home.path(), clock).unwrap();
    assert!(kept(&store).is_none());
    let of = DeploymentFacts { tenant: TENANT, resource: OURS, deployment: CHAT };
    let filter = FilterChange::To(data.own(OURS, "strict").id);
    let change = DeploymentChange { filter, ..DeploymentChange::default() };
    store.update_deployment(data.permit(of), change).unwrap();
    let kept = kept(&store).unwrap();
    let used = store.directory().unwrap().content_filter(&data.chat(), NOW_MS, &Filter::floor());
    assert!(Arc::ptr_eq(&used.blocklists[0], &kept));
}

/// A later version may have lower limits, and a database may be damaged.
#[test]
fn a_list_that_no_longer_compiles_refuses_its_deployment() {
    let data = Data::new();
    data.list(OURS, "words");
    data.items("words", ItemsChange::Add(vec![item("one", exact("gnu"))])).unwrap();
    data.write(OURS, "strict", strict(), Expect::Nothing).unwrap();
    data.point(FilterChange::To(data.own(OURS, "strict").id)).unwrap();
    let before = data.used();
    assert_eq!(before.filter.when_down(), WhenDown::Unfiltered);
    data.store.writer().break_terms();
    let again = Store::open(data.home.path(), clock).unwrap();
    let used = again.directory().unwrap().content_filter(&data.chat(), NOW_MS, &Filter::floor());
    assert!(used.blocklists.is_empty() && !used.is_built_in());
    assert_eq!(used.filter.when_down(), WhenDown::Refuse);
    assert_eq!(used.filter.blocklists(Side::Prompt).count(), 1, "it still asks for the list");
    assert_ne!(used.digest, before.digest);
}

#[test]
fn a_filter_below_a_raised_floor_is_replaced_by_the_built_in_one() {
    let data = Data::new();
    let low = Filter::floor().with_mode(Mode::Default);
    data.write(OURS, "low", low, Expect::Nothing).unwrap();
    data.point(FilterChange::To(data.own(OURS, "low").id)).unwrap();
    assert_eq!(data.used().name, "low");
    let directory = data.store.directory().unwrap();
    let above = |floor: &Filter| directory.content_filter(&data.chat(), NOW_MS, floor);
    assert_eq!(above(&Filter::standard()).digest, ContentFilter::built_in().digest);
    let low = Rule::block(Threshold::Low);
    let raised = Filter::floor().with(Category::Hate, Side::Prompt, low).unwrap();
    let used = above(&raised);
    assert!(used.is_built_in() && used.filter.weaker(&raised).is_empty());
    assert!(used.filter.weaker(&Filter::standard()).is_empty());
    assert_ne!(used.digest, ContentFilter::built_in().digest);
}

#[test]
fn a_resource_has_a_bounded_number_of_filters_and_lists() {
    let data = Data::new();
    for number in 0..FILTERS_MAX {
        data.write(OURS, &format!("f{number}"), Filter::standard(), Expect::Nothing).unwrap();
    }
    let refused = data.write(OURS, "more", Filter::standard(), Expect::Either);
    assert!(matches!(refused, Err(StoreError::TooMany { kind: Kind::Filter, .. })));
    data.write(OURS, "f0", Filter::floor(), Expect::Either).unwrap();
    for number in 0..BLOCKLISTS_MAX {
        data.list(OURS, &format!("l{number}"));
    }
    let new = NewBlocklist {
        id: BlocklistId::from_random([7; 16]),
        name: BlocklistName::new("more").unwrap(),
        description: String::new(),
        created_at: 7,
    };
    let refused = data.store.write_blocklist(data.on(OURS), &new, Expect::Either);
    assert!(matches!(refused, Err(StoreError::TooMany { kind: Kind::Blocklist, .. })));
}
