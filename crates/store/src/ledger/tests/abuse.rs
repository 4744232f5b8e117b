//! Abuse monitoring, beside a ledger that holds the records.

use policy::{
    abuse::{CALIBRATION_MS, END_USERS_MAX, Finding, THROTTLE_MS},
    authz::facts::{Scope, TenantFacts},
    content,
    guard::verdict::{Category, Severity, Side},
    principal::Key,
    workflow::penalty,
};

use sha2::Digest as _;

use super::*;
use crate::{
    NewResource, Tenant,
    abuse::{AbuseReport, COUNT_DAYS, KEY_MS, Seen},
    workflow::Penalty,
};

const OTHER_TENANT: TenantId = TenantId::from_random([0x31; 16]);
const OTHER: ResourceId = ResourceId::from_random([0x32; 16]);
const OF: ResourceFacts = ResourceFacts { tenant: TENANT, resource: RESOURCE };

/// Adds two tenants, each with a resource.
fn store(home: &Path, clock: ReadClock) -> Store {
    let data = home.join("data");
    let (store, administrator) = Store::open_as_administrator(&data, clock).unwrap();
    let now = Moment { now_ms: 0 };
    let key = |n| Key::from_random(&[n; 32]).digest();
    for (tenant, id, name, n) in [(TENANT, RESOURCE, "r", 1), (OTHER_TENANT, OTHER, "other", 3)] {
        let permit = administrator.permit(Service, now);
        let new = Tenant { id: tenant, name: name.into(), created_at: 1 };
        store.create_tenant(permit, &new).unwrap();
        let permit = administrator.permit(Scope::Tenant(TenantFacts { tenant }), now);
        let new = NewResource {
            id,
            name: name.into(),
            region: "local".into(),
            key1: key(n),
            key2: key(n + 1),
            disable_local_auth: false,
            prefix_cache: true,
            forward: policy::forward::Forward::NONE,
            days: Days::DEFAULT,
            created_at: 1,
        };
        store.create_resource(&store.rolls("log"), permit, new).unwrap();
    }
    store
}

fn finding(category: Category, severity: Severity) -> Finding {
    Finding { side: Side::Prompt, category, severity, filtered: true }
}

/// A request with a text of its own, in which hate was found.
fn hateful(n: u8, end_user: Option<&str>) -> Seen {
    Seen {
        resource: RESOURCE,
        request: RequestId::from_random([n; 16]),
        findings: vec![finding(Category::Hate, Severity::Medium)],
        end_user: end_user.map(|name| content::Content::new(name.to_owned())),
        text: [n; 32],
    }
}

fn harmless(n: u8, end_user: &str) -> Seen {
    Seen { findings: Vec::new(), ..hateful(n, Some(end_user)) }
}

fn report(store: &Store, now_ms: u64) -> AbuseReport {
    store.abuse(RESOURCE, now_ms).unwrap()
}

fn penalty(store: &Store) -> penalty::State {
    store.directory().unwrap().penalty(RESOURCE).unwrap().clone()
}

/// Returns the names of the acts of some requests, one after the other.
fn acts(store: &Store, all: impl IntoIterator<Item = Seen>) -> Vec<&'static str> {
    let each = all.into_iter().map(|seen| store.watch(&[seen]).unwrap());
    each.flatten().map(|acted| acted.act).collect()
}

#[test]
fn a_pattern_gets_into_the_queue_then_to_the_owner_then_throttles_until_the_next_day() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..24 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
    }
    let acted = acts(&store, (0..24).map(|n| hateful(n, Some("alice"))));
    assert_eq!(acted, ["flag", "flag", "notice", "flag", "throttle"]);

    let queue = store.states::<Review>().unwrap();
    let items: Vec<_> = queue.iter().map(|state| state.queue_item(START_MS).unwrap()).collect();
    assert_eq!(items.len(), 3);
    for (item, n) in items.iter().zip([7, 15, 23]) {
        assert_eq!(item.request, RequestId::from_random([n; 16]));
        assert_eq!((item.region, item.category), ("local", review::Category::Hate));
        assert_eq!(item.source, tlog::entry::FlagSource::Monitoring);
    }
    let state = penalty(&store);
    let view = state.penalty(START_MS).unwrap();
    let shown = penalty::AbusePenalty {
        action: "Throttle",
        rate_limit_percentage: Some(50),
        expires_ms: START_MS + THROTTLE_MS,
    };
    assert_eq!((view.shown, view.imposed_by), (shown, &[][..]));
    let notices: Vec<_> = state.notices().map(|notice| notice.told).collect();
    assert_eq!(notices, [penalty::NoticeKind::Notified, penalty::NoticeKind::Throttled]);
    assert!(state.verdict(START_MS + THROTTLE_MS - 1).unwrap().throttle().is_some());
    assert!(state.verdict(START_MS + THROTTLE_MS).unwrap().throttle().is_none(), "by itself");
    let other = store.directory().unwrap().penalty(OTHER).unwrap().verdict(START_MS).unwrap();
    assert!(other.throttle().is_none());

    let AbuseReport { days, end_users, since_ms, limit, is_calibrated, points } =
        report(&store, START_MS);
    assert_eq!((since_ms, limit, is_calibrated, points), (Some(START_MS), 8, false, 0));
    assert_eq!((days[0].requests, days[0].flags, days[0].findings[0].requests), (24, 3, 24));
    assert_eq!(days.len() + days[0].findings.len(), 2);
    let [alice] = end_users.as_slice() else { panic!("{end_users:?}") };
    assert!(alice.is_potentially_abusive);
    assert_eq!(alice.categories, [("hate".to_owned(), 24)]);
    let name = content::Content::new("alice".to_owned());
    assert_eq!(store.end_user(RESOURCE, &name).unwrap(), Some(alice.end_user));
    assert!(report(&store, START_MS + CALIBRATION_MS).is_calibrated);
    assert_eq!(store.abuse(OTHER, START_MS).unwrap().days, []);

    ledger.publish(ledger.tiles().checkpoint().unwrap().map_or(0, |_| 1)).unwrap();
    ledger.publish(store.reader().database.log_next().unwrap() - 1).unwrap();
    assert_eq!(audit(&ledger).findings, vec![]);
}

/// There is no record to flag: only counts, and the notice to the owner.
#[test]
fn under_zero_retention_nothing_gets_into_the_queue() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..24 {
        commit(&ledger, ended(n, false, START_MS)).unwrap();
    }
    assert_eq!(acts(&store, (0..24).map(|n| hateful(n, None))), ["notice", "throttle"]);
    assert!(store.states::<Review>().unwrap().is_empty());
    let days = report(&store, START_MS).days;
    assert_eq!((days[0].requests, days[0].flags), (24, 0));
}

/// Monitoring replaces no decision of a person, and flags no record twice.
#[test]
fn people_come_first() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let (ledger, _) = open(home.path(), clock).unwrap();
    for n in 0..24 {
        commit(&ledger, ended(n, true, START_MS)).unwrap();
    }
    let now = Moment { now_ms: START_MS };
    let reviewer = person(OPERATOR, [1; 16]);
    let record = RecordFacts {
        of: OF,
        record: RequestId::from_random([7; 16]),
        region: "local".into(),
        lockbox: false,
        flagged: false,
    };
    let flag = permit(&reviewer, Role::Reviewer, &record, &now);
    let flag = review::Allowed::flag(flag, review::Category::Other, [1; 16]).unwrap();
    store.step::<Review>(flag).unwrap();
    let manager = permit(&person(OPERATOR, [2; 16]), Role::ReviewManager, &OF, &now);
    let block = penalty::Action::Block;
    let week = START_MS + 7 * DAY_MS;
    let allowed = penalty::Allowed::penalise(manager, block, week, statement("why")).unwrap();
    store.step::<Penalty>(allowed).unwrap();
    let acted = acts(&store, (0..24).map(|n| hateful(n, None)));
    assert_eq!(acted, ["flag", "notice", "flag"], "one record is flagged, the resource blocked");
    assert_eq!(penalty(&store).abuse_penalty(START_MS).unwrap().expires_ms, week);
}

#[test]
fn a_key_that_has_died_is_in_no_file_any_more() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    store.watch(&[hateful(1, Some("alice"))]).unwrap();
    let key = store.reader().database.abuse_key(TENANT).unwrap().unwrap().bytes;
    let is_there = || {
        store.reader().database.checkpoint();
        let mut all = Vec::new();
        bytes_below(home.path(), &mut all);
        all.windows(32).any(|window| window == key.as_slice())
    };
    assert!(is_there(), "this test sees it");
    let database = Database::open(&home.path().join("data")).unwrap();
    database.forget_abuse(0, START_MS + 1).unwrap();
    assert!(!is_there());
}

/// All bytes below a directory.
fn bytes_below(folder: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.metadata().unwrap().is_dir() {
            bytes_below(&entry.path(), all);
        } else {
            all.extend(std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn no_name_and_no_text_gets_to_the_disk_or_into_a_notice() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let canary = "canary-5f1c9a";
    let text = sha2::Sha256::digest(canary.as_bytes());
    for n in 0..40 {
        let mut seen = hateful(n, Some(canary));
        seen.text = text.into();
        seen.text[0] = n;
        assert!(!format!("{seen:?}").contains(canary));
        store.watch(&[seen]).unwrap();
    }
    let shown = format!("{:?} {:?}", report(&store, START_MS), penalty(&store));
    assert!(!shown.contains(canary), "{shown}");
    store.reader().database.checkpoint();
    let mut all = Vec::new();
    bytes_below(home.path(), &mut all);
    let unkeyed = sha2::Sha256::digest(canary.as_bytes());
    for needle in [canary.as_bytes(), &unkeyed[..8], &text[1..9]] {
        assert!(!all.windows(needle.len()).any(|window| window == needle));
    }
    assert!(all.windows(14).any(|window| window == b"abuse_end_user"), "this test sees the rows");
}

#[test]
fn an_end_user_has_another_hash_at_each_tenant_and_after_a_month() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let name = content::Content::new("alice".to_owned());
    let hash = |of| store.end_user(of, &name).unwrap();
    assert_eq!(hash(RESOURCE), None, "there is no key yet");
    let at_other = |n| Seen { resource: OTHER, ..hateful(n, Some("alice")) };
    store.watch(&[hateful(1, Some("alice")), at_other(2)]).unwrap();
    let first = hash(RESOURCE).unwrap();
    assert_ne!(Some(first), hash(OTHER));
    store.watch(&[hateful(3, Some("alice"))]).unwrap();
    assert_eq!((hash(RESOURCE), report(&store, START_MS).end_users.len()), (Some(first), 1));
    for unkeyed in [sha2::Sha256::digest(b"alice"), sha2::Sha256::digest(b"end-user\0alice")] {
        assert_ne!(first.0, unkeyed[..16]);
    }

    // Unused keys go as well: the deadline does not wait for the tenant's next request.
    NOW.fetch_add(KEY_MS, Ordering::SeqCst);
    let now_ms = NOW.load(Ordering::SeqCst);
    store.watch(&[hateful(4, Some("alice"))]).unwrap();
    assert_ne!(hash(RESOURCE), Some(first));
    let end_users = report(&store, now_ms).end_users;
    assert_eq!(end_users.len(), 1);
    assert_eq!(end_users[0].categories, [("hate".to_owned(), 1)]);
    assert_eq!(
        report(&store, now_ms).days.len(),
        1,
        "the first day is older than {COUNT_DAYS} days"
    );
    let database = Database::open(&home.path().join("data")).unwrap();
    database.forget_abuse(now_ms / DAY_MS, now_ms).unwrap();
    assert_eq!(hash(OTHER), None);
    assert_eq!(database.count("abuse_day"), 1);
    assert_eq!(database.count("abuse_end_user"), 1);
}

#[test]
fn only_end_users_with_findings_are_remembered_and_only_so_many() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let crowd = |from: usize, to: usize, findings: bool| -> Vec<Seen> {
        (from..to)
            .map(|n| {
                let name = format!("user-{n}");
                let mut seen = if findings { hateful(1, Some(&name)) } else { harmless(2, &name) };
                seen.text[..8].copy_from_slice(&n.to_be_bytes());
                seen
            })
            .collect()
    };
    let known = || report(&store, START_MS).end_users.len();
    store.watch(&crowd(0, 1, true)).unwrap();
    store.watch(&crowd(1, 3000, false)).unwrap();
    assert_eq!(known(), 1, "a flood of names makes the service forget nothing");
    NOW.fetch_add(1, Ordering::SeqCst);
    store.watch(&crowd(3000, 3000 + END_USERS_MAX, true)).unwrap();
    assert_eq!(known(), END_USERS_MAX);
    let first = content::Content::new("user-0".to_owned());
    let first = store.end_user(RESOURCE, &first).unwrap().unwrap();
    let end_users = report(&store, START_MS).end_users;
    assert!(end_users.iter().all(|user| user.end_user != first), "the least recent one");
}

#[test]
fn a_deleted_resource_leaves_no_counts_and_a_deleted_tenant_no_key() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    store.watch(&[hateful(1, Some("alice")), harmless(2, "bob")]).unwrap();
    let (_, administrator) =
        Store::open_as_administrator(&home.path().join("data"), clock).unwrap();
    store.delete_resource(administrator.permit(OF, Moment { now_ms: 0 })).unwrap();
    assert_eq!(store.watch(&[hateful(3, Some("alice"))]).unwrap(), [], "it exists no more");
    let tenant = TenantFacts { tenant: TENANT };
    store.delete_tenant(administrator.permit(tenant, Moment { now_ms: 0 })).unwrap();
    let database = Database::open(&home.path().join("data")).unwrap();
    for table in ["abuse_key", "abuse_state", "abuse_end_user", "abuse_day", "abuse_finding"] {
        assert_eq!(database.count(table), 0, "{table}");
    }
}

/// The counting is beside the answers, but it shares the database's one writer with them.
#[test]
fn counting_a_request_costs_little() {
    clock!(clock);
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path(), clock);
    let all: Vec<Seen> = (0..200)
        .map(|n| if n % 50 == 0 { hateful(n, Some("alice")) } else { harmless(n, "bob") })
        .collect();
    let began = std::time::Instant::now();
    for _ in 0..10 {
        store.watch(&all).unwrap();
    }
    let each = began.elapsed() / 2000;
    println!("{each:?} for each request");
    assert!(each.as_millis() < 5, "{each:?}");
}
