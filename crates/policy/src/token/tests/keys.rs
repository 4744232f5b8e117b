//! Key sets as issuers serve them, and the keys of an issuer over time.

use serde_json::{Value, json};

use super::{
    super::*,
    ISSUER,
    signer::{Signer, base64},
    trust,
};

fn parse(jwks: &[Value]) -> Result<KeySet, BadKeySet> {
    KeySet::parse(json!({"keys": jwks}).to_string().as_bytes())
}

fn changed(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

/// Keys that are for another purpose, weak or broken are skipped; the other keys of the set still
/// work.
#[test]
fn what_is_no_strong_signing_key_is_skipped() {
    let (rsa, p256, ed25519) = (
        Signer::rsa(0).jwk("skipped"),
        Signer::p256().jwk("skipped"),
        Signer::ed25519(1).jwk("skipped"),
    );
    let modulus = |length: usize, first: u8| {
        let mut bytes = vec![0xff; length];
        bytes[0] = first;
        base64(bytes)
    };
    let skipped = [
        changed(rsa.clone(), "n", modulus(128, 0xff)),
        changed(rsa.clone(), "n", modulus(256, 0x7f)),
        changed(rsa.clone(), "n", modulus(257, 0)),
        changed(rsa.clone(), "n", modulus(1025, 1)),
        changed(rsa.clone(), "n", ""),
        changed(rsa.clone(), "n", json!(null)),
        changed(rsa.clone(), "n", format!("{}=", rsa["n"].as_str().unwrap())),
        changed(rsa.clone(), "e", base64([3])),
        changed(rsa.clone(), "e", base64([1, 0, 0])),
        changed(rsa.clone(), "e", base64([0, 1, 0, 1])),
        changed(rsa.clone(), "e", base64([])),
        changed(rsa.clone(), "alg", "RS512"),
        changed(rsa.clone(), "alg", "PS256"),
        changed(rsa.clone(), "alg", "HS256"),
        changed(rsa.clone(), "alg", "none"),
        changed(rsa.clone(), "alg", json!(null)),
        changed(rsa.clone(), "alg", "ES256"),
        changed(rsa.clone(), "use", "enc"),
        changed(rsa.clone(), "use", json!(null)),
        changed(rsa.clone(), "key_ops", json!(["encrypt"])),
        changed(rsa.clone(), "key_ops", json!([])),
        changed(rsa.clone(), "kty", "rsa"),
        changed(rsa.clone(), "kty", "EC"),
        changed(rsa.clone(), "d", "AQAB"),
        changed(rsa.clone(), "kid", ""),
        changed(rsa.clone(), "kid", 7),
        changed(rsa.clone(), "kid", "k".repeat(257)),
        changed(p256.clone(), "crv", "P-384"),
        changed(p256.clone(), "crv", "secp256k1"),
        changed(p256.clone(), "x", base64([1; 31])),
        changed(p256.clone(), "y", base64([1; 33])),
        changed(p256.clone(), "alg", "ES384"),
        changed(ed25519.clone(), "crv", "Ed448"),
        changed(ed25519.clone(), "crv", "X25519"),
        changed(ed25519.clone(), "x", base64([1; 33])),
        json!({"kty": "oct", "k": "c2VjcmV0", "kid": "skipped", "alg": "HS256"}),
        json!({"kid": "skipped"}),
        json!("skipped"),
        json!(null),
    ];
    for jwk in skipped {
        assert_eq!(parse(std::slice::from_ref(&jwk)).err(), Some(BadKeySet::NoKey), "{jwk}");
        let set = parse(&[jwk, Signer::rsa(1).jwk("kept")]).unwrap();
        assert_eq!(set.keys.keys().collect::<Vec<_>>(), ["kept"]);
    }
    for stated in [
        changed(rsa.clone(), "alg", "RS256"),
        changed(rsa, "key_ops", json!(["verify"])),
        changed(p256, "alg", "ES256"),
        changed(ed25519.clone(), "alg", "EdDSA"),
        changed(ed25519, "alg", "Ed25519"),
    ] {
        assert!(parse(std::slice::from_ref(&stated)).is_ok(), "{stated}");
    }
}

/// A point that is not on the curve makes a key that verifies no signature.
#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let signer = Signer::p256();
    let jwk = changed(signer.jwk("k"), "y", base64([7; 32]));
    let set = parse(&[jwk]).unwrap();
    let message = b"message";
    assert!(!set.keys["k"].verifies(message, &signer.sign(message)));
}

/// Two keys of one name are both dropped: we cannot choose between them.
#[test]
fn a_name_that_stands_for_two_keys_stands_for_none() {
    let (one, two) = (Signer::rsa(0), Signer::rsa(1));
    assert_eq!(parse(&[one.jwk("k"), two.jwk("k")]).err(), Some(BadKeySet::NoKey));
    assert_eq!(parse(&[one.jwk("k"), two.jwk("k"), one.jwk("k")]).err(), Some(BadKeySet::NoKey));
    let mixed = parse(&[one.jwk("k"), Signer::ed25519(1).jwk("k"), two.jwk("l")]).unwrap();
    assert_eq!(mixed.keys.keys().collect::<Vec<_>>(), ["l"]);
    assert_eq!(parse(&[one.jwk("k"), one.jwk("k")]).unwrap().keys.len(), 1);
}

#[test]
fn a_key_set_is_bounded() {
    let many: Vec<Value> = (0..=64).map(|at| Signer::ed25519(1).jwk(&at.to_string())).collect();
    assert_eq!(parse(&many).err(), Some(BadKeySet::TooMany));
    assert_eq!(parse(&many[1..]).unwrap().keys.len(), 64);
    let long = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(KeySet::BYTES_MAX));
    assert_eq!(KeySet::parse(long.as_bytes()).err(), Some(BadKeySet::TooLong));
    for malformed in ["", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[],\"keys\":[]}", "{\"keys\":[]"]
    {
        let refused = KeySet::parse(malformed.as_bytes()).err();
        assert_eq!(refused, Some(BadKeySet::Malformed), "{malformed}");
    }
    assert_eq!(parse(&[]).err(), Some(BadKeySet::NoKey));
}

const PATIENCE: Patience =
    Patience { refresh_ms: 1000, believed_ms: 10_000, interval_ms: 100, retry_ms: 10 };

fn empty() -> Keys {
    Keys::new(trust(ISSUER), PATIENCE)
}

/// The result of a lookup as one word.
fn says(keys: &Keys, id: &str, now_ms: u64) -> &'static str {
    match keys.lookup(id, now_ms) {
        Lookup::Found(_) => "found",
        Lookup::Due(_) => "due",
        Lookup::Fetch => "fetch",
        Lookup::Unknown => "unknown",
        Lookup::Unavailable => "unavailable",
    }
}

fn fetch(keys: &mut Keys, ids: &[&str], now_ms: u64) {
    let jwks: Vec<Value> = ids.iter().map(|id| Signer::ed25519(1).jwk(id)).collect();
    keys.fetching(now_ms);
    keys.fetched(parse(&jwks).unwrap(), now_ms);
}

/// Random names cause one fetch per interval and do not affect callers with a valid key.
#[test]
fn an_unknown_name_is_asked_for_once_an_interval() {
    let mut keys = empty();
    assert_eq!(says(&keys, "a", 0), "fetch");
    fetch(&mut keys, &["a"], 0);
    let mut fetches = 0;
    for now_ms in 0..1000 {
        assert_eq!(says(&keys, "a", now_ms), "found");
        let name = format!("random{now_ms}");
        if says(&keys, &name, now_ms) == "fetch" {
            fetches += 1;
            fetch(&mut keys, &["a"], now_ms);
        }
    }
    assert_eq!(fetches, 9);
    assert_eq!(keys.len(), 1);
    // A prefix of a name is another name.
    fetch(&mut keys, &["abc"], 5000);
    assert_eq!(says(&keys, "ab", 5001), "unknown");
    assert_eq!(says(&keys, "abcd", 5001), "unknown");
}

/// A withdrawn key stops working with the next refresh, and a new one works at once.
#[test]
fn rotation_takes_keys_away() {
    let mut keys = empty();
    fetch(&mut keys, &["old"], 0);
    assert_eq!(says(&keys, "new", 100), "fetch");
    fetch(&mut keys, &["old", "new"], 100);
    assert_eq!([says(&keys, "old", 101), says(&keys, "new", 101)], ["found", "found"]);
    assert_eq!(says(&keys, "old", 1100), "due");
    fetch(&mut keys, &["new"], 1100);
    assert_eq!([says(&keys, "old", 1101), says(&keys, "new", 1101)], ["unknown", "found"]);
    assert_eq!(keys.len(), 1);
}

/// While the issuer is down, its keys are trusted for a bounded time; after that, none is.
#[test]
fn without_an_issuer_keys_are_believed_for_a_while() {
    let mut keys = empty();
    fetch(&mut keys, &["a"], 0);
    for now_ms in (1000..10_000).step_by(100) {
        assert_eq!(says(&keys, "a", now_ms), "due", "{now_ms}");
        keys.fetching(now_ms);
        assert_eq!(says(&keys, "a", now_ms), "found", "{now_ms}");
        assert_eq!(says(&keys, "b", now_ms), "unknown", "{now_ms}");
    }
    assert_eq!(says(&keys, "a", 10_000), "fetch");
    keys.fetching(10_000);
    assert_eq!(says(&keys, "a", 10_009), "unavailable");
    assert_eq!(says(&keys, "a", 10_010), "fetch");
    fetch(&mut keys, &["a"], 10_010);
    assert_eq!(says(&keys, "a", 10_010), "found");
    // A clock that goes back allows no additional fetch.
    assert_eq!(says(&keys, "b", 0), "unknown");
}
