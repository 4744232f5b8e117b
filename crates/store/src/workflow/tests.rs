use policy::{
    authz::{
        context::{Moment, Retaining},
        facts::{ApplicationFacts, ResourceFacts, Scope, Service, TenantFacts},
        role::Role,
    },
    id::{ApprovalId, PersonId, TenantId},
    principal::Key,
    retention::{DAY_MS, Days, clock::Reading},
};

use super::*;
use crate::{
    NewResource, Tenant,
    people_for_tests::{OPERATOR, Zero, permit, person, statement},
};

const START_MS: u64 = 20_000 * DAY_MS;
const TENANT: TenantId = TenantId::from_random([1; 16]);
const OF: ResourceFacts = ResourceFacts { tenant: TENANT, resource: RESOURCE };
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const APPROVAL: ApprovalId = ApprovalId::from_random([3; 16]);

fn clock() -> Reading {
    Reading { wall_ms: START_MS, boot: [1; 16], boottime_ms: 1 }
}

/// A store with one resource.
fn store(home: &std::path::Path) -> Store {
    let (store, administrator) = Store::open_as_administrator(home, clock).unwrap();
    let now = Moment { now_ms: 0 };
    let permit = administrator.permit(Service, now);
    store.create_tenant(permit, &Tenant { id: TENANT, name: "t".into(), created_at: 1 }).unwrap();
    let key = |n| Key::from_random(&[n; 32]).digest();
    let permit = administrator.permit(Scope::Tenant(TenantFacts { tenant: TENANT }), now);
    let new = NewResource {
        id: RESOURCE,
        name: "r".into(),
        region: "local".into(),
        key1: key(1),
        key2: key(2),
        disable_local_auth: false,
        prefix_cache: true,
        forward: policy::forward::Forward::NONE,
        days: Days::DEFAULT,
        created_at: 1,
    };
    store.create_resource(&store.rolls("log"), permit, new).unwrap();
    store
}

#[test]
fn an_approved_application_switches_content_logging_off_until_its_date() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let logging =
        || store.directory().unwrap().resource(RESOURCE).unwrap().retention.content_logging;
    let step = |allowed| store.step::<Exemption>(allowed);
    let until_ms = START_MS + 90 * DAY_MS;
    let kind = exemption::Kind::ContentLogging;
    let zero = Zero { of: OF, kind, approval: APPROVAL, now_ms: START_MS, until_ms };
    step(zero.apply()).unwrap();
    // A person of the operator has the same random id as the applicant.
    assert!(matches!(
        step(zero.first(1)),
        Err(NotStepped::Refused(exemption::Refused::OwnApplication))
    ));
    step(zero.first(2)).unwrap();
    assert!(logging().enabled, "one is not enough");
    let stepped = step(zero.second(2, 3)).unwrap();
    let (off, now) = (logging(), stepped.now_ms);
    assert!(!off.keeps(now) && !off.keeps(until_ms - 1), "{off:?}");
    assert!(off.keeps(until_ms), "an approval that nobody swept is no approval");
    assert_eq!(off.approval, Some(APPROVAL));
    // The approval is stored, and its end is due at its end date.
    drop(stepped);
    assert_eq!(store.due::<Exemption>(until_ms - 1).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.due::<Exemption>(until_ms).unwrap(), vec![RESOURCE.as_bytes().to_vec()]);

    let (customer, officer) = (person(TENANT, [1; 16]), Role::DataProtectionOfficer);
    let asked = ApplicationFacts {
        of: OF,
        kind,
        application: APPROVAL,
        applicant: PersonId::from_random([8; 16]),
        first: None,
        second: None,
        approved: false,
        expires_ms: 0,
    };
    let keep = Retaining { now_ms: START_MS, enabled: true, application: None };
    let keep = permit(&customer, officer, &OF, &keep);
    let withdraw = permit(&customer, officer, &asked, &Moment { now_ms: START_MS });
    let withdraw = exemption::Allowed::withdraw(withdraw, keep, statement("enough")).unwrap();
    step(withdraw).unwrap();
    assert!(logging().enabled);
    assert_eq!(store.states::<Exemption>().unwrap().len(), 1);
}

/// Both exemptions of a resource are in force at a time, and neither has an effect on the other.
#[test]
fn an_approved_weaker_filter_is_in_the_picture_until_its_date() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let other = Store::open(home.path(), clock).unwrap();
    let weakened = |store: &Store, now_ms| {
        let proof = store.directory().unwrap().weakened_filter(RESOURCE, now_ms);
        proof.map(|proof| proof.approval())
    };
    let step = |allowed| store.step::<Exemption>(allowed);
    let until_ms = START_MS + 90 * DAY_MS;
    let kind = exemption::Kind::ContentFilter;
    let weaker = Zero { of: OF, kind, approval: APPROVAL, now_ms: START_MS, until_ms };
    let kind = exemption::Kind::ContentLogging;
    let approval = ApprovalId::from_random([4; 16]);
    let zero = Zero { of: OF, kind, approval, now_ms: START_MS, until_ms: until_ms + DAY_MS };
    step(weaker.apply()).unwrap();
    step(zero.apply()).unwrap();
    step(weaker.first(2)).unwrap();
    assert_eq!(weakened(&store, START_MS), None, "one is not enough");
    step(weaker.second(2, 3)).unwrap();
    for store in [&store, &other, &Store::open(home.path(), clock).unwrap()] {
        assert_eq!(weakened(store, until_ms - 1), Some(APPROVAL));
        assert_eq!(weakened(store, until_ms), None, "nobody has swept it");
        let logging = store.directory().unwrap().resource(RESOURCE).unwrap().retention;
        assert!(logging.content_logging.keeps(START_MS), "content is stored");
    }
    // The other application still waits for its own decisions.
    step(zero.first(2)).unwrap();
    step(zero.second(2, 3)).unwrap();
    let logging = store.directory().unwrap().resource(RESOURCE).unwrap().retention;
    assert!(!logging.content_logging.keeps(START_MS));
    let due: Vec<_> = store
        .due::<Exemption>(until_ms)
        .unwrap()
        .iter()
        .map(|id| exemption::Subject::from_bytes(id).unwrap())
        .collect();
    assert_eq!(due, [exemption::Subject::new(RESOURCE, exemption::Kind::ContentFilter)]);
    assert_eq!(store.states::<Exemption>().unwrap().len(), 2);
    // With an unreadable state, the service must not serve the resource.
    store.writer().tamper("UPDATE workflow SET state = '{}' WHERE kind = 'exemption'", []);
    let unread = Store::open(home.path(), clock).unwrap().directory();
    assert!(matches!(unread, Err(StoreError::Damaged { .. })), "{unread:?}");
}

/// The snapshot contains the penalties: in each process from the next request on, and after a
/// restart.
#[test]
fn the_picture_has_every_resources_penalty() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let other = Store::open(home.path(), clock).unwrap();
    let day = START_MS + DAY_MS;
    let served = |store: &Store, now_ms| {
        store.directory().unwrap().penalty(RESOURCE).unwrap().verdict(now_ms).is_ok()
    };
    assert!(served(&store, START_MS) && served(&other, START_MS));
    let suspends = |n| {
        let manager = person(OPERATOR, [n; 16]);
        permit(&manager, Role::ReviewManager, &OF, &Moment { now_ms: START_MS })
    };
    let (block, why) = (penalty::Action::Block, statement("why"));
    store
        .step::<Penalty>(penalty::Allowed::penalise(suspends(1), block, day, why).unwrap())
        .unwrap();
    for store in [&store, &other, &Store::open(home.path(), clock).unwrap()] {
        assert!(!served(store, START_MS) && !served(store, day - 1));
        assert!(served(store, day), "it expires by itself");
    }
    let nobody = ResourceId::from_random([9; 16]);
    assert_eq!(store.directory().unwrap().penalty(nobody), None);
    store.step::<Penalty>(penalty::Allowed::lift(suspends(2), statement("why")).unwrap()).unwrap();
    assert!(served(&other, START_MS));
    // With an unreadable state, the service must not serve the resource.
    store.writer().tamper("UPDATE workflow SET state = '{}' WHERE kind = 'penalty'", []);
    let unread = Store::open(home.path(), clock).unwrap().directory();
    assert!(matches!(unread, Err(StoreError::Damaged { .. })), "{unread:?}");
}

#[test]
fn the_latest_time_that_the_log_has_seen_is_known() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(Store::open(home.path(), clock).unwrap().clock().unwrap(), None);
    let Reading { wall_ms, boot, boottime_ms } = clock();
    let seen = policy::retention::clock::Clock { now_ms: wall_ms, boot, boottime_ms };
    assert_eq!(store(home.path()).clock().unwrap(), Some(seen));
}
