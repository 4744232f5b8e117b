use policy::retention::{ContentLogging, DAY_MS, Days, RetentionPlan, Rule, plan};

use super::*;

pub(crate) fn until(tenant: TenantId) -> StoreUntil {
    let content_logging = ContentLogging::ON;
    let rule = Rule { tenant, days: Days::new(2).unwrap(), content_logging };
    match plan(&rule, 5) {
        RetentionPlan::Store(until) => until,
        RetentionPlan::Zero(_) => panic!(),
    }
}

const TENANT: TenantId = TenantId::from_random([1; 16]);
const LABEL: Label =
    Label { request: RequestId::from_random([2; 16]), resource: ResourceId::from_random([3; 16]) };

struct Sealed {
    private: Zeroizing<[u8; 32]>,
    span: Span,
    sealed: SealedSpan,
}

fn begin() -> Sealed {
    let (private, bytes) = key_pair().unwrap();
    let id = KeyId::from_random([4; 16]);
    let key = PublicKey { id, tenant: TENANT, deadline_ms: 2 * DAY_MS, bytes };
    let (span, sealed) = Span::begin(&key, 0).unwrap();
    Sealed { private, span, sealed }
}

#[test]
fn the_private_key_opens_every_record_of_a_span() {
    let Sealed { private, mut span, sealed } = begin();
    for n in 0..20 {
        let content = format!("record {n}");
        let record = span.seal(until(TENANT), &LABEL, content.as_bytes(), 0).unwrap();
        assert_eq!(record.bytes.len(), content.len() + 16);
        let opened = open(&private, &sealed, &record, &LABEL).unwrap();
        assert_eq!(opened.as_slice(), content.as_bytes());
    }
}

/// After sealing, the gateway holds only the chain, which derives later keys only.
#[test]
fn what_is_left_after_sealing_opens_nothing_that_was_sealed() {
    let Sealed { mut span, .. } = begin();
    let records: Vec<_> =
        (0..3).map(|_| span.seal(until(TENANT), &LABEL, b"secret", 0).unwrap()).collect();
    let mut chain = **span.chain;
    for _ in 0..SPAN_RECORDS_MAX {
        let (mut next, mut key) = (chain, [0; 32]);
        turn(&mut next, &mut key);
        for record in &records {
            let aad = record_aad(span.key, TENANT, 2 * DAY_MS, record.position, &LABEL);
            for key in [&key, &chain] {
                let opened = Aes256Gcm::new(key.into())
                    .decrypt(&NONCE.into(), Payload { msg: &record.bytes, aad: &aad });
                assert!(opened.is_err());
            }
        }
        chain = next;
    }
}

#[test]
fn a_record_opens_as_itself_only() {
    let Sealed { private, mut span, sealed } = begin();
    let record = span.seal(until(TENANT), &LABEL, b"secret", 0).unwrap();
    let other = Label { request: RequestId::from_random([9; 16]), ..LABEL };
    assert!(open(&private, &sealed, &record, &other).is_err(), "another request");
    let other = Label { resource: ResourceId::from_random([9; 16]), ..LABEL };
    assert!(open(&private, &sealed, &record, &other).is_err(), "another resource");
    let moved = SealedRecord { position: 1, ..record.clone() };
    assert!(open(&private, &sealed, &moved, &LABEL).is_err(), "another position");
    let extended = SealedSpan { deadline_ms: 3 * DAY_MS, ..sealed.clone() };
    assert!(open(&private, &extended, &record, &LABEL).is_err(), "another deadline");
    let (other_private, _) = key_pair().unwrap();
    assert!(open(&other_private, &sealed, &record, &LABEL).is_err(), "another key");
    for at in 0..record.bytes.len() {
        let mut changed = record.clone();
        changed.bytes[at] ^= 1;
        assert!(open(&private, &sealed, &changed, &LABEL).is_err(), "byte {at}");
    }
}

#[test]
fn a_span_ends_and_serves_one_tenant_and_deadline() {
    let Sealed { mut span, .. } = begin();
    assert!(span.serves(&until(TENANT), SPAN_MS_MAX - 1));
    assert!(!span.serves(&until(TENANT), SPAN_MS_MAX));
    let other = until(TenantId::from_random([9; 16]));
    assert_eq!(span.seal(other, &LABEL, b"", 0), Err(CannotSeal::OtherSpan));
    span.position = SPAN_RECORDS_MAX;
    assert!(!span.serves(&until(TENANT), 0));
}

mod memory;
