use tlog::{
    canon::Digest,
    id::{PersonId, TenantId},
    people::Capacity,
    verify::Place,
};

use super::*;

#[test]
fn roots_and_keys_are_listed_without_names() {
    let tenant = TenantId::from_random([2; 16]);
    let mut seen = verify::Report::default();
    seen.roots.push(RootOf {
        party: Party::Tenant { tenant },
        fingerprint: Digest([3; 32]),
        keys: 3,
        threshold: 2,
        since: Place { index: 4, time_ms: 1_764_000_000_000 },
        recovery: Some((Digest([5; 32]), 1_765_000_000_000)),
    });
    seen.signer_keys.push(SignerKey {
        fingerprint: Digest([6; 32]),
        party: Party::Operator,
        person: PersonId::from_random([7; 16]),
        capacities: Capacities::new(&[Capacity::Reviewer, Capacity::Manager]).unwrap(),
        until_ms: 1_766_000_000_000,
        revoked: true,
        index: 8,
    });
    let (roots, keys) = (roots(&seen), keys(&seen));
    let mut out = Vec::new();
    text(&roots, &keys, &mut out).unwrap();
    let expected = format!(
        "root of {tenant}: {}, 2 of 3 keys, since 2025-11-24T16:00:00Z (entry 4)\n  \
         the operator announced {} in its place, from 2025-12-06T05:46:40Z on\n\
         key of per_{} of operator: {}, reviewer, manager, revoked (entry 8)\n",
        "03".repeat(32),
        "05".repeat(32),
        "07".repeat(16),
        "06".repeat(32)
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
    let json = serde_json::to_value(&roots).unwrap();
    assert_eq!(json[0]["party"], tenant.to_string());
    assert_eq!(json[0]["recovery"]["fingerprint"], "05".repeat(32));
}

#[test]
fn signed_decisions_are_counted() {
    let mut report = Report::default();
    signed(&mut report, &verify::Report { signed: 2, ..verify::Report::default() });
    assert_eq!(report.failures(), 0);
}
