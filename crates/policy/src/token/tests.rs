//! Attacks on tokens, and the tokens that must pass.

mod forged;
mod keys;
mod signer;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::signer::Signer;
use super::*;

/// The time of the tests.
const NOW_S: u64 = 1_764_000_000;
const ISSUER: &str = "https://login.example.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OBJECT: &str = "00000000-0000-0000-66f3-3332eca7ea81";

fn trust(issuer: &str) -> Trust {
    let tenants = BTreeMap::from([(TENANT.parse().unwrap(), "contoso".to_owned())]);
    let audiences = vec!["api://bailiwick".to_owned(), "https://ai.example.com".to_owned()];
    Trust::new(issuer.to_owned(), audiences, tenants, 300).unwrap()
}

/// An issuer with freshly fetched keys.
fn issuer_with(jwks: &[Value]) -> Keys {
    let mut keys = Keys::new(trust(ISSUER), Patience::default());
    keys.fetching(0);
    keys.fetched(KeySet::parse(json!({"keys": jwks}).to_string().as_bytes()).unwrap(), 0);
    keys
}

/// The claims of a valid workload token.
fn workload() -> Value {
    json!({
        "iss": ISSUER, "aud": "api://bailiwick", "tid": TENANT, "oid": OBJECT, "sub": OBJECT,
        "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 3600, "idtyp": "app", "azp": "a-client",
        "roles": ["OpenAI.User", "Other"], "ver": "2.0",
    })
}

fn verify_at(keys: &Keys, token: &str, now_s: u64) -> Result<VerifiedToken, TokenRefused> {
    let presented = Presented::parse(token)?;
    let key = match keys.lookup(presented.key_id(), 0) {
        Lookup::Found(key) => key,
        Lookup::Unknown => return Err(TokenRefused::UnknownKey),
        other => panic!("{other:?}"),
    };
    presented.verify(key, now_s)
}

fn verify(keys: &Keys, token: &str) -> Result<VerifiedToken, TokenRefused> {
    verify_at(keys, token, NOW_S)
}

/// A workload's token for the tenant `contoso`, with these app roles.
pub(crate) fn verified(roles: &[&str]) -> VerifiedToken {
    let signer = Signer::ed25519(1);
    let mut claims = workload();
    claims["roles"] = json!(roles);
    verify(&issuer_with(&[signer.jwk("k")]), &signer.token("k", &claims)).unwrap()
}

/// Returns the refusal of a workload's token after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> Option<TokenRefused> {
    let signer = Signer::ed25519(1);
    let mut claims = workload();
    change(&mut claims);
    verify(&issuer_with(&[signer.jwk("k")]), &signer.token("k", &claims)).err()
}

#[test]
fn each_algorithm_is_verified_and_says_who_calls() {
    for signer in Signer::all() {
        let keys = issuer_with(&[signer.jwk("k")]);
        let verified = verify(&keys, &signer.token("k", &workload())).unwrap();
        assert_eq!(verified.tenant_name(), "contoso");
        assert_eq!(verified.tenant_id().to_string(), TENANT);
        assert_eq!(verified.object_id().to_string(), OBJECT);
        assert_eq!(verified.kind(), Kind::Workload);
        assert_eq!(verified.roles(), ["OpenAI.User", "Other"]);
        assert_eq!(verified.application(), Some("a-client"));
        assert_eq!(verified.expires_s(), NOW_S + 3600);
        assert!(!format!("{verified:?}").contains("66f3"));
    }
}

#[test]
fn a_person_has_the_name_that_can_be_shown_on_one_line() {
    let signer = Signer::ed25519(1);
    let keys = issuer_with(&[signer.jwk("k")]);
    let name = |name: Value, username: Value| {
        let mut claims = workload();
        claims["name"] = name;
        claims["preferred_username"] = username;
        let verified = verify(&keys, &signer.token("k", &claims)).unwrap();
        assert!(!format!("{verified:?}").contains("Ada"), "no log has it");
        verified.name().map(str::to_owned)
    };
    let username = || json!("ada@contoso.example");
    assert_eq!(name(json!(" Ada Lovelace "), username()).as_deref(), Some("Ada Lovelace"));
    for bad in ["", " ", "Ada\nmanager", "Ada\u{202e}", &"Ada".repeat(100)] {
        assert_eq!(name(json!(bad), username()).as_deref(), Some("ada@contoso.example"), "{bad}");
    }
    assert_eq!(name(json!(7), Value::Null), None);
}

#[test]
fn a_person_and_a_workload_are_told_apart() {
    let signer = Signer::ed25519(1);
    let keys = issuer_with(&[signer.jwk("k")]);
    let kind = |idtyp: Option<&str>, scp: Option<&str>| {
        let mut claims = workload();
        claims.as_object_mut().unwrap().remove("idtyp");
        if let Some(idtyp) = idtyp {
            claims["idtyp"] = idtyp.into();
        }
        if let Some(scp) = scp {
            claims["scp"] = scp.into();
        }
        verify(&keys, &signer.token("k", &claims)).map(|verified| verified.kind())
    };
    assert_eq!(kind(Some("app"), None), Ok(Kind::Workload));
    assert_eq!(kind(None, Some("user_impersonation x")), Ok(Kind::Person));
    assert_eq!(kind(Some("user"), Some("user_impersonation")), Ok(Kind::Person));
    assert_eq!(kind(Some("user"), None), Ok(Kind::Person));
    for (idtyp, scp) in [
        (None, None),
        (None, Some("")),
        (Some("app"), Some("user_impersonation")),
        (Some("device"), None),
        (Some("device"), Some("x")),
    ] {
        assert_eq!(kind(idtyp, scp), Err(TokenRefused::Kind), "{idtyp:?} {scp:?}");
    }
}

/// Every required claim must be present, have its type and have exactly the expected value.
#[test]
fn wrong_claims_are_refused() {
    use TokenRefused as R;

    for name in ["iss", "aud", "tid", "oid", "exp", "iat"] {
        let without = refusal(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(without, Some(R::Missing(name)));
        for wrong in [json!(null), json!({}), json!(true), json!(-1), json!(-1.5), json!(["x", 1])]
        {
            assert_eq!(refusal(|claims| claims[name] = wrong), Some(R::Malformed(name)));
        }
    }
    for name in ["nbf", "roles", "scp", "idtyp", "azp"] {
        for wrong in [json!(null), json!({}), json!(true), json!([1])] {
            assert_eq!(refusal(|claims| claims[name] = wrong), Some(R::Malformed(name)));
        }
    }
    for (name, wrong, expected) in [
        ("iss", json!("https://login.example.com"), R::Issuer),
        ("iss", json!(format!("{ISSUER}/")), R::Issuer),
        ("iss", json!(ISSUER.to_uppercase()), R::Issuer),
        ("aud", json!("api://other"), R::Audience),
        ("aud", json!("api://bailiwick/"), R::Audience),
        ("aud", json!("API://bailiwick"), R::Audience),
        ("aud", json!([]), R::Audience),
        ("aud", json!(["api://other", "api://bailiwick2"]), R::Audience),
        ("aud", json!(""), R::Audience),
        ("tid", json!("9188040d-6c67-4c5b-b112-36a304b66dad"), R::Tenant),
        ("tid", json!("contoso"), R::Malformed("tid")),
        ("tid", json!(format!("{TENANT} ")), R::Malformed("tid")),
        ("tid", json!(TENANT.replace('-', "")), R::Malformed("tid")),
        ("oid", json!("somebody"), R::Malformed("oid")),
        ("oid", json!("0000000g-0000-0000-66f3-3332eca7ea81"), R::Malformed("oid")),
        ("cnf", json!({"jkt": "x"}), R::Bound),
        ("roles", json!("OpenAI.User"), R::Malformed("roles")),
        ("azp", json!("x".repeat(3000)), R::Malformed("azp")),
    ] {
        assert_eq!(refusal(|claims| claims[name] = wrong.clone()), Some(expected), "{wrong}");
    }
    assert_eq!(refusal(|claims| claims["aud"] = json!(["x", "api://bailiwick"])), None);
    assert_eq!(refusal(|claims| claims["tid"] = TENANT.to_uppercase().into()), None);
    assert_eq!(refusal(|claims| drop(claims.as_object_mut().unwrap().remove("roles"))), None);
}

/// A token begins and ends at its stated times plus or minus the leeway, to the second.
#[test]
fn time_is_checked_with_a_leeway() {
    let signer = Signer::ed25519(1);
    let keys = issuer_with(&[signer.jwk("k")]);
    let token = signer.token("k", &workload());
    let (begins, ends) = (NOW_S, NOW_S + 3600);
    for (now_s, expected) in [
        (begins - 301, Some(TokenRefused::NotYet)),
        (begins - 300, None),
        (ends + 299, None),
        (ends + 300, Some(TokenRefused::Expired)),
        (0, Some(TokenRefused::NotYet)),
        (u64::MAX, Some(TokenRefused::Expired)),
    ] {
        assert_eq!(verify_at(&keys, &token, now_s).err(), expected, "{now_s}");
    }
    // Without leeway.
    let tenants = BTreeMap::from([(TENANT.parse().unwrap(), "contoso".to_owned())]);
    let exact = Trust::new(ISSUER.into(), vec!["api://bailiwick".into()], tenants, 0).unwrap();
    let mut keys = Keys::new(exact, Patience::default());
    keys.fetching(0);
    let jwks = json!({"keys": [signer.jwk("k")]}).to_string();
    keys.fetched(KeySet::parse(jwks.as_bytes()).unwrap(), 0);
    assert_eq!(verify_at(&keys, &token, ends - 1).err(), None);
    assert_eq!(verify_at(&keys, &token, ends).err(), Some(TokenRefused::Expired));

    // Times may have fractions (RFC 7519, section 2), which count against the token.
    let fraction = |seconds: u64, part: f64| json!(seconds as f64 + part);
    assert_eq!(refusal(|c| c["exp"] = fraction(NOW_S + 600, 0.25)), None);
    assert_eq!(refusal(|c| c["exp"] = fraction(NOW_S + 600, 0.0)), None);
    assert_eq!(refusal(|c| c["iat"] = fraction(NOW_S - 2, 0.5)), None);
    assert_eq!(refusal(|c| c["nbf"] = fraction(NOW_S - 2, 0.5)), None);
    assert_eq!(refusal(|c| c["iat"] = fraction(NOW_S + 299, 0.5)), None);
    assert_eq!(refusal(|c| c["iat"] = fraction(NOW_S + 300, 0.5)), Some(TokenRefused::NotYet));
    assert_eq!(refusal(|c| c["exp"] = fraction(NOW_S - 300, 0.5)), Some(TokenRefused::Expired));
    assert_eq!(refusal(|c| c["exp"] = json!(0.5)), Some(TokenRefused::Expired));

    // `nbf` and `iat` are each checked. A token for years is refused: it would be a key.
    assert_eq!(refusal(|c| c["nbf"] = json!(NOW_S + 301)), Some(TokenRefused::NotYet));
    assert_eq!(refusal(|c| c["iat"] = json!(NOW_S + 301)), Some(TokenRefused::NotYet));
    assert_eq!(refusal(|c| drop(c.as_object_mut().unwrap().remove("nbf"))), None);
    assert_eq!(refusal(|c| c["exp"] = json!(NOW_S + LIFETIME_S_MAX)), None);
    let long = refusal(|c| c["exp"] = json!(NOW_S + LIFETIME_S_MAX + 1));
    assert_eq!(long, Some(TokenRefused::Lifetime));
    assert_eq!(refusal(|c| c["exp"] = json!(u64::MAX)), Some(TokenRefused::Lifetime));
    assert_eq!(refusal(|c| c["exp"] = json!(1e30)), Some(TokenRefused::Malformed("exp")));
}

#[test]
fn an_operator_cannot_trust_everything_or_nothing() {
    let tenants = || BTreeMap::from([(TENANT.parse().unwrap(), "contoso".to_owned())]);
    let trust = |issuer: &str, audiences: &[&str], tenants, leeway| {
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        Trust::new(issuer.to_owned(), audiences, tenants, leeway).err()
    };
    assert_eq!(trust("", &["a"], tenants(), 0), Some(BadTrust::Issuer));
    assert_eq!(trust("i", &[], tenants(), 0), Some(BadTrust::Audience));
    assert_eq!(trust("i", &["a", ""], tenants(), 0), Some(BadTrust::Audience));
    assert_eq!(trust("i", &["a"], BTreeMap::new(), 0), Some(BadTrust::Tenants));
    assert_eq!(trust("i", &["a"], tenants(), 301), Some(BadTrust::Leeway));
    assert_eq!(trust("i", &["a"], tenants(), 300), None);
}

/// A bearer value is either a token or a key, never both.
#[test]
fn tokens_and_keys_are_told_apart() {
    let token = Signer::ed25519(1).token("k", &workload());
    assert!(looks_like_one(&token));
    for key in ["", "0123456789abcdef", "eyJhbGciOiJub25lIn0", "eyJ.x", "a.b.c", "eyJ.a.b.c"] {
        assert!(!looks_like_one(key), "{key}");
    }
}
