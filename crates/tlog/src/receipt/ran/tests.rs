use alloc::vec;

use super::*;
use crate::{
    canon,
    receipt::{
        Claims, Receipt,
        tests::{claims, receipt_of},
    },
};

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(Into::into).collect()
}

/// Claims of a request that a processor answered, after an attempt on an engine of the operator.
pub(crate) fn remote() -> Claims {
    let mut claims = claims();
    claims.terms.region_processed = "swedencentral".into();
    claims.terms.engine = "azure-sweden".into();
    claims.terms.model = None;
    claims.terms.ran = Some(Ran {
        kind: EngineKind::Azure,
        processor: Some("contoso".into()),
        country: Some("SE".into()),
        destination: Some("https://contoso.openai.azure.com".into()),
        model: Some("gpt-4.1".into()),
        sku: "DataZoneStandard".into(),
        regions: names(["francecentral", "swedencentral"]),
        processors: names(["contoso"]),
    });
    claims.facts.attempts = Some(vec![Attempt {
        engine: "vllm-paris".into(),
        region: "francecentral".into(),
        failure: AttemptFailure::Busy,
        processor: None,
    }]);
    claims
}

/// A receipt without these claims has the same bytes as before they were introduced.
#[test]
fn the_place_and_the_attempts_are_claims_of_their_own() {
    let (earlier, mut now) = (claims(), claims());
    now.terms.ran = remote().terms.ran;
    now.facts.attempts = remote().facts.attempts;
    let (before, with) = (canon::encode(&earlier.terms), canon::encode(&now.terms));
    assert_eq!((before[0], with[0]), (0xac, 0xad), "a map of twelve, and of thirteen");
    assert_eq!(with[1..before.len()], before[1..]);
    let ran: [&[u8]; 9] = [
        b"\x0c\xa8",
        b"\x00\x02",
        b"\x01\x67contoso",
        b"\x02\x62SE",
        b"\x03\x78\x20https://contoso.openai.azure.com",
        b"\x04\x67gpt-4.1",
        b"\x05\x70DataZoneStandard",
        b"\x06\x82\x6dfrancecentral\x6dswedencentral",
        b"\x07\x81\x67contoso",
    ];
    assert_eq!(with[before.len()..], ran.concat());
    let (before, with) = (canon::encode(&earlier.facts), canon::encode(&now.facts));
    assert_eq!((before[0], with[0]), (0xaa, 0xab));
    assert_eq!(with[1..before.len()], before[1..]);
    let attempts = b"\x0b\x81\xa3\x00\x6avllm-paris\x01\x6dfrancecentral\x02\x01";
    assert_eq!(with[before.len()..], *attempts);
    let (receipt, service) = receipt_of(&remote());
    let read = Receipt::decode(&receipt.encode()).unwrap();
    assert_eq!(read.verify(&service).unwrap().claims, remote());
}

#[test]
fn sets_in_another_order_and_empty_lists_of_attempts_are_refused() {
    let bytes = canon::encode(&remote());
    let good = |bytes: &[u8]| canon::decode::<Claims>(bytes, "claims").is_ok();
    assert!(good(&bytes));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let regions = b"\x82\x6dfrancecentral\x6dswedencentral";
    for (from, to) in [
        (&regions[..], &b"\x82\x6dswedencentral\x6dfrancecentral"[..]),
        (regions, b"\x82\x6dswedencentral\x6dswedencentral"),
        (b"\x0b\x81\xa3\x00\x6avllm-paris\x01\x6dfrancecentral\x02\x01", b"\x0b\x80"),
        (b"\x0b\x81\xa3\x00\x6avllm-paris\x01\x6dfrancecentral\x02\x01", b"\x0b\xf6"),
        (b"\x0c\xa8\x00\x02", b"\x0c\xa8\x00\x03"),
        (b"\x02\x62SE", b"\x02\xf6"),
    ] {
        assert!(!good(&replaced(from, to)), "{to:x?}");
    }
}
