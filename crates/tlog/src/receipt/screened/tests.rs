use alloc::vec;

use super::*;
use crate::{
    canon::{self, Digest},
    receipt::{
        Claims, Receipt,
        tests::{claims, receipt_of},
    },
};

fn detector(layer: &str, byte: u8) -> Detector {
    Detector { layer: layer.into(), digest: Digest([byte; 32]) }
}

/// Claims of a request whose completion was blocked.
pub(crate) fn screened() -> Claims {
    let mut claims = claims();
    claims.terms.filter = Filter::Named;
    claims.terms.content_filter = Some(ContentFilter {
        name: "Microsoft.DefaultV2".into(),
        policy: Digest([11; 32]),
        detectors: [detector("encoder", 12), detector("blocklist", 13)].into(),
    });
    claims.facts.screened = Some(Screened {
        prompt: Check::Filtered,
        completion: Check::FilteredLater,
        findings: vec![
            Finding {
                side: Side::Prompt,
                category: Category::Violence,
                severity: Some(Severity::Low),
                filtered: false,
            },
            Finding {
                side: Side::Completion,
                category: Category::Blocklist,
                severity: None,
                filtered: true,
            },
        ],
    });
    claims
}

/// A receipt without these claims has the same bytes as before they were introduced.
#[test]
fn the_filter_and_what_it_found_are_claims_of_their_own() {
    let (earlier, now) = (claims(), screened());
    let (before, with) = (canon::encode(&earlier.terms), canon::encode(&now.terms));
    assert_eq!((before[0], with[0]), (0xac, 0xad), "a map of twelve, and of thirteen");
    let filter = before.windows(2).rposition(|two| two == [9, 0]).unwrap();
    assert_eq!(with[filter..filter + 2], [9, 1]);
    assert_eq!(with[1..filter], before[1..filter]);
    let named: [&[u8]; 7] = [
        b"\x0d\xa3\x00\x73Microsoft.DefaultV2\x01\x58\x20",
        &[11; 32],
        b"\x02\x82\xa2\x00\x69blocklist\x01\x58\x20",
        &[13; 32],
        b"\xa2\x00\x67encoder\x01\x58\x20",
        &[12; 32],
        b"",
    ];
    assert_eq!(with[before.len()..], named.concat());
    let (before, with) = (canon::encode(&earlier.facts), canon::encode(&now.facts));
    assert_eq!((before[0], with[0]), (0xaa, 0xab));
    assert_eq!(with[1..before.len()], before[1..]);
    let found = b"\x0c\xa3\x00\x01\x01\x02\x02\x82\
        \xa4\x00\x00\x01\x02\x02\x01\x03\xf4\
        \xa3\x00\x01\x01\x09\x03\xf5";
    assert_eq!(with[before.len()..], *found);
    let (receipt, service) = receipt_of(&now);
    let read = Receipt::decode(&receipt.encode()).unwrap();
    assert_eq!(read.verify(&service).unwrap().claims, now);
}

#[test]
fn other_spellings_and_unknown_values_are_refused() {
    let bytes = canon::encode(&screened());
    let good = |bytes: &[u8]| canon::decode::<Claims>(bytes, "claims").is_ok();
    assert!(good(&bytes));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let (low, list) = (b"\xa4\x00\x00\x01\x02\x02\x01\x03\xf4", b"\xa3\x00\x01\x01\x09\x03\xf5");
    let both = [&low[..], &list[..]].concat();
    for (from, to) in [
        (&both[..], [&list[..], &low[..]].concat()),
        (&both[..], [&low[..], &low[..]].concat()),
        (low, b"\xa3\x00\x00\x01\x02\x03\xf4".to_vec()),
        (low, b"\xa4\x00\x00\x01\x02\x02\x00\x03\xf4".to_vec()),
        (low, b"\xa4\x00\x00\x01\x02\x02\x04\x03\xf4".to_vec()),
        (low, b"\xa4\x00\x00\x01\x04\x02\x01\x03\xf4".to_vec()),
        (list, b"\xa3\x00\x01\x01\x0a\x03\xf5".to_vec()),
        (list, b"\xa3\x00\x02\x01\x09\x03\xf5".to_vec()),
        (b"\x0c\xa3\x00\x01", b"\x0c\xa3\x00\x04".to_vec()),
        (b"\x09\x01\x0a", b"\x09\x02\x0a".to_vec()),
    ] {
        assert!(!good(&replaced(from, &to)), "{to:x?}");
    }
}

#[test]
fn the_limits_follow_from_the_lists_that_they_bound() {
    assert_eq!(FINDINGS_MAX, Category::ALL.len() * 2);
    let mut claims = screened();
    let filter = claims.terms.content_filter.as_mut().unwrap();
    let many = u8::try_from(DETECTORS_MAX).unwrap();
    filter.detectors = (0..many).map(|byte| detector("blocklist", byte)).collect();
    let bytes = canon::encode(&claims);
    assert_eq!(canon::decode::<Claims>(&bytes, "claims").as_ref(), Ok(&claims));
    assert!(bytes.len() < crate::receipt::RECEIPT_BYTES_MAX / 8, "{}", bytes.len());
    let filter = claims.terms.content_filter.as_mut().unwrap();
    filter.detectors.insert(detector("blocklist", many));
    assert!(canon::decode::<Claims>(&canon::encode(&claims), "claims").is_err());
}
