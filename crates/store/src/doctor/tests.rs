//! Rows that were written without the log.

use policy::{
    administrator::Administrator,
    authz::{
        context::{Assigning, Moment},
        facts::{Scope, Service, TenantFacts},
        role::{Holder, Role},
    },
    forward::Forward,
    id::{PersonId, ResourceId, TenantId},
    permit::{Administration, Permit},
    principal::Key,
    retention::{Days, clock::Reading},
    token::Guid,
};

use super::*;
use crate::{NewResource, Tenant};

const NOW_MS: u64 = 1_764_000_000_000;
const TENANT: TenantId = TenantId::from_random([1; 16]);
const RESOURCE: ResourceId = ResourceId::from_random([2; 16]);
const PERSON: [u8; 16] = [6; 16];

fn clock() -> Reading {
    Reading { wall_ms: NOW_MS, boot: [1; 16], boottime_ms: 1 }
}

fn permit<A: Administration<Context = Moment>>(
    by: &Administrator,
    thing: impl Into<A::Thing>,
) -> Permit<A> {
    by.permit(thing.into(), Moment { now_ms: NOW_MS })
}

/// Returns a store with a tenant, a resource and a person with a role.
fn made() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let (store, by) = Store::open_as_administrator(home.path(), clock).unwrap();
    let tenant = Tenant { id: TENANT, name: "acme".into(), created_at: 1 };
    store.create_tenant(permit(&by, Service), &tenant).unwrap();
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
    store
        .create_resource(&store.rolls("log"), permit(&by, TenantFacts { tenant: TENANT }), new)
        .unwrap();
    let to = Holder::Person(PersonId::from_random(PERSON));
    let assigning = Assigning { now_ms: NOW_MS, role: Role::Operator, to };
    let subject =
        DirectoryObject { tenant: TENANT, object: Guid::from_bytes([9; 16]), kind: Kind::Person };
    store.assign_role(by.permit(Scope::Service, assigning), subject).unwrap();
    (home, store)
}

fn found(store: &Store) -> Vec<(What, String)> {
    let report = store.doctor("bailiwick/test", Metadata::DEFAULT).unwrap();
    report.findings.into_iter().map(|finding| (finding.what, finding.to_string())).collect()
}

#[test]
fn what_the_log_says_is_not_a_finding() {
    let (_home, store) = made();
    assert_eq!(found(&store), []);
    let report = store.doctor("bailiwick/test", Metadata::DEFAULT).unwrap();
    assert!(report.is_clean() && report.entries == 3, "{report:?}");
}

#[test]
fn a_row_without_an_entry_is_named() {
    let attacks: [(&str, What, &str); 12] = [
        ("UPDATE resource SET lockbox = 1", What::Resource, "acme-prod, lockbox"),
        ("UPDATE resource SET retention_days = 7", What::Resource, "the table says 7"),
        ("UPDATE resource SET region = 'abroad'", What::Resource, "the log says local"),
        ("UPDATE resource SET content_logging = 0", What::ContentLogging, "the table says off"),
        ("UPDATE resource SET key2 = randomblob(32)", What::Key, "key2 of acme-prod"),
        ("DELETE FROM role_assignment", What::Role, "the table says not assigned"),
        (
            "INSERT INTO role_assignment SELECT id, 'Reviewer', 'service', x'' FROM principal",
            What::Role,
            "the log says not assigned",
        ),
        ("UPDATE principal SET oid = randomblob(16)", What::Principal, "another object"),
        ("UPDATE tenant SET name = 'other'", What::Tenant, "the table says other"),
        (
            "UPDATE log_opening SET state = replace(state, 'days=30', 'days=7')",
            What::Change,
            "a text that does not fit it",
        ),
        ("DELETE FROM log_opening WHERE idx = 1", What::Change, "no text that fits"),
        (
            "INSERT INTO log_opening VALUES (2, 1, randomblob(16), 'lockbox=false')",
            What::Change,
            "a text that does not fit it",
        ),
    ];
    for (sql, what, words) in attacks {
        let (_home, store) = made();
        store.writer().tamper(sql, []);
        let found = found(&store);
        let named = found.iter().any(|(kind, text)| *kind == what && text.contains(words));
        assert!(named, "{sql}: {found:?}");
        assert!(what.stops(), "{sql}");
    }
}

/// The text of a change and the column are changed together: the text does not fit any more.
#[test]
fn a_column_and_the_text_behind_it_cannot_agree_on_something_else() {
    let (_home, store) = made();
    let writer = store.writer();
    writer.tamper("UPDATE resource SET retention_days = 7", []);
    writer.tamper("UPDATE log_opening SET state = replace(state, 'days=30', 'days=7')", []);
    drop(writer);
    let report = store.doctor("bailiwick/test", Metadata::DEFAULT).unwrap();
    assert!(report.stopping().any(|finding| finding.what == What::Change), "{report:?}");
}
