use policy::{
    id::{ApprovalId, PersonId, TenantId},
    principal::{Key, ResourceKeys},
    retention::{ContentLogging, DAY_MS, Days, Rule, clock::Reading},
    workflow::Statement,
};

use super::*;
use crate::{Resource, Tenant};

const START_MS: u64 = 20_000 * DAY_MS;
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const APPROVAL: ApprovalId = ApprovalId::from_random([3; 16]);

fn clock() -> Reading {
    Reading { wall_ms: START_MS, boot: [1; 16], boottime_ms: 1 }
}

fn person(n: u8) -> PersonId {
    PersonId::from_random([n; 16])
}

fn said(text: &str) -> Statement {
    Statement::new(text, [7; 16]).unwrap()
}

/// A store with one resource.
fn store(home: &std::path::Path) -> Store {
    let store = Store::open(home, clock).unwrap();
    let tenant = TenantId::from_random([1; 16]);
    store.create_tenant(&Tenant { id: tenant, name: "t".into(), created_at: 1 }).unwrap();
    let key = |n| Key::from_random(&[n; 32]).digest();
    let keys =
        ResourceKeys { tenant, resource: RESOURCE, key1: key(1), key2: key(2), disabled: false };
    let content_logging =
        ContentLogging { enabled: true, since_ms: START_MS, approval: None, until_ms: None };
    store
        .create_resource(&Resource {
            id: RESOURCE,
            tenant,
            name: "r".into(),
            region: "local".into(),
            keys,
            key1_created_at: 1,
            key2_created_at: 1,
            prefix_cache: true,
            network: policy::network::NetworkRules::default(),
            lockbox: false,
            retention: Rule { tenant, days: Days::DEFAULT, content_logging },
            created_at: 1,
        })
        .unwrap();
    store
}

#[test]
fn an_approved_application_switches_content_logging_off_until_its_date() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let logging =
        || store.directory().unwrap().resource(RESOURCE).unwrap().retention.content_logging;
    let step = |event| store.step::<Exemption>(RESOURCE, event);
    let until_ms = START_MS + 90 * DAY_MS;
    step(exemption::Event::Apply {
        approval: APPROVAL,
        applicant: person(1),
        until_ms,
        review_after_abuse: true,
        use_case: said("use"),
        measures: said("measures"),
    })
    .unwrap();
    let decide = |n| exemption::Event::Decide {
        approval: APPROVAL,
        person: person(n),
        says: exemption::Word::YesAndSwitch,
        reason: said("why"),
    };
    assert!(matches!(
        step(decide(1)),
        Err(NotStepped::Refused(exemption::Refused::OwnApplication))
    ));
    step(decide(2)).unwrap();
    assert!(logging().enabled, "one is not enough");
    let stepped = step(decide(3)).unwrap();
    let (off, now) = (logging(), stepped.now_ms);
    assert!(!off.keeps(now) && !off.keeps(until_ms - 1), "{off:?}");
    assert!(off.keeps(until_ms), "an approval that nobody swept is no approval");
    assert_eq!(off.approval, Some(APPROVAL));
    // It survives, and is due when it is over.
    drop(stepped);
    assert_eq!(store.due::<Exemption>(until_ms - 1).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(store.due::<Exemption>(until_ms).unwrap(), vec![RESOURCE.as_bytes().to_vec()]);

    let withdraw = exemption::Event::Withdraw {
        approval: APPROVAL,
        side: exemption::Side::Customer,
        person: person(1),
        reason: said("enough"),
    };
    step(withdraw).unwrap();
    assert!(logging().enabled);
    assert_eq!(store.states::<Exemption>().unwrap().len(), 1);
}

/// A penalty is a part of the picture that requests are answered from: of each process's, from the
/// next one on, and after a restart.
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
    let block = penalty::Event::Penalise {
        action: penalty::Action::Block,
        expires_ms: day,
        by: penalty::By::Person(person(1)),
        reason: said("why"),
    };
    store.step::<Penalty>(RESOURCE, block).unwrap();
    for store in [&store, &other, &Store::open(home.path(), clock).unwrap()] {
        assert!(!served(store, START_MS) && !served(store, day - 1));
        assert!(served(store, day), "it expires by itself");
    }
    let nobody = ResourceId::from_random([9; 16]);
    assert_eq!(store.directory().unwrap().penalty(nobody), None);
    let lift = penalty::Event::Lift { person: person(2), reason: said("why") };
    store.step::<Penalty>(RESOURCE, lift).unwrap();
    assert!(served(&other, START_MS));
    // A state that cannot be read is no reason to serve.
    store.writer().execute("UPDATE workflow SET state = '{}' WHERE kind = 'penalty'", []).unwrap();
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
