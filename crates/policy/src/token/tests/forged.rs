//! Tokens without a signature, with another party's signature, or for another purpose.

use ring::hmac;
use serde_json::{Value, json};

use super::{
    super::*,
    ISSUER, NOW_S, issuer_with,
    signer::{Signer, base64},
    trust, verify, workload,
};

fn with_header(signer: &Signer, header: &Value) -> Result<VerifiedToken, TokenRefused> {
    let keys = issuer_with(&[signer.jwk("k")]);
    verify(&keys, &signer.token_of(&header.to_string(), &workload().to_string()))
}

/// The key determines the signature algorithm. `none` and shared secrets are never accepted, in any
/// spelling and with any secret.
#[test]
fn the_token_does_not_choose_its_algorithm() {
    for signer in Signer::all() {
        let keys = issuer_with(&[signer.jwk("k")]);
        for name in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "PS256", "RS1", "RS384",
            "RS512", "ES384", "ES512", "ES256K", "Ed25519", "rs256", "RS256 ", "RSA-OAEP", "dir",
        ] {
            let header = json!({"alg": name, "kid": "k"});
            assert_eq!(with_header(&signer, &header), Err(TokenRefused::Algorithm), "{name}");
            let header = base64(header.to_string());
            let unsigned = format!("{header}.{}.", base64(workload().to_string()));
            assert_eq!(verify(&keys, &unsigned), Err(TokenRefused::Algorithm), "{name}");
        }
        // An empty signature under the right algorithm is refused, too.
        let header = json!({"alg": signer.algorithm(), "kid": "k"}).to_string();
        let unsigned = format!("{}.{}.", base64(header), base64(workload().to_string()));
        assert_eq!(verify(&keys, &unsigned), Err(TokenRefused::Signature));

        // The public key in all its forms, as the secret of an HMAC.
        let jwk = signer.jwk("k");
        let public = |name: &str| jwk[name].as_str().unwrap_or_default().as_bytes().to_vec();
        let secrets = [jwk.to_string().into_bytes(), public("n"), public("x"), public("y"), vec![]];
        for secret in secrets {
            let header = json!({"alg": "HS256", "kid": "k"}).to_string();
            let signed = format!("{}.{}", base64(header), base64(workload().to_string()));
            let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
            let token = format!("{signed}.{}", base64(hmac::sign(&key, signed.as_bytes())));
            assert_eq!(verify(&keys, &token), Err(TokenRefused::Algorithm));
        }
    }
    // Each algorithm with each other's key.
    for signer in Signer::all() {
        for other in Signer::all().iter().filter(|other| other.algorithm() != signer.algorithm()) {
            let header = json!({"alg": other.algorithm(), "kid": "k"});
            assert_eq!(with_header(&signer, &header), Err(TokenRefused::KeyMismatch));
        }
    }
}

#[test]
fn a_header_that_wants_more_is_refused() {
    use TokenRefused as R;

    let signer = Signer::rsa(0);
    let attacker = Signer::rsa(1);
    for (name, value, expected) in [
        ("crit", json!([]), R::Critical),
        ("crit", json!(["exp"]), R::Critical),
        ("jwk", attacker.jwk("k"), R::OwnKey),
        ("jku", json!("https://evil.example/jwks"), R::OwnKey),
        ("x5u", json!("https://evil.example/x5u"), R::OwnKey),
        ("x5c", json!(["MIIB"]), R::OwnKey),
        ("typ", json!("logout+jwt"), R::Type),
        ("typ", json!("dpop+jwt"), R::Type),
        ("typ", json!(1), R::Type),
        ("kid", json!(1), R::Malformed("kid")),
        ("kid", json!(""), R::Malformed("kid")),
        ("kid", json!("k".repeat(257)), R::Malformed("kid")),
        ("kid", json!("../../k"), R::UnknownKey),
        ("kid", json!("k "), R::UnknownKey),
        ("kid", json!("K"), R::UnknownKey),
        ("alg", json!(["RS256"]), R::Malformed("alg")),
    ] {
        let mut header = json!({"alg": "RS256", "kid": "k"});
        header[name] = value;
        assert_eq!(with_header(&signer, &header), Err(expected), "{header}");
        if name == "jwk" {
            // Signed with the key that it brings.
            let token = attacker.token_of(&header.to_string(), &workload().to_string());
            assert_eq!(verify(&issuer_with(&[signer.jwk("k")]), &token), Err(expected));
        }
    }
    assert_eq!(with_header(&signer, &json!({"kid": "k"})), Err(R::Missing("alg")));
    assert_eq!(with_header(&signer, &json!({"alg": "RS256"})), Err(R::Missing("kid")));
    for kind in ["at+jwt", "AT+JWT", "jwt", "application/at+jwt"] {
        let header = json!({"alg": "RS256", "kid": "k", "typ": kind, "x5t": "abc"});
        assert!(with_header(&signer, &header).is_ok(), "{kind}");
    }
}

/// A token that two readers could read differently is refused before it is read.
#[test]
fn ambiguous_texts_are_refused() {
    use TokenRefused as R;

    let signer = Signer::ed25519(1);
    let keys = issuer_with(&[signer.jwk("k")]);
    let header = r#"{"alg":"EdDSA","kid":"k"}"#;
    let claims = workload().to_string();
    let good = signer.token_of(header, &claims);
    assert!(verify(&keys, &good).is_ok());

    let claims_with = |extra: &str| claims.replacen('{', &format!("{{{extra},"), 1);
    for (header, claims) in [
        (r#"{"alg":"none","alg":"EdDSA","kid":"k"}"#, claims.clone()),
        (r#"{"alg":"EdDSA","kid":"other","kid":"k"}"#, claims.clone()),
        (r#"{"alg":"EdDSA","kid":"k","x":{"a":1,"a":2}}"#, claims.clone()),
        (r#"{"alg":"EdDSA","kid":"k"} {}"#, claims.clone()),
        (r#"["EdDSA"]"#, claims.clone()),
        ("", claims.clone()),
        (header, claims_with(r#""aud":"api://other""#)),
        (header, claims_with(r#""tid":"x""#)),
        (header, claims_with(r#""\u0074id":"x""#)),
        (header, claims_with(r#""unknown":1,"unknown":1"#)),
        (header, claims_with(r#""deep":[{"a":1,"a":1}]"#)),
        (header, format!("{claims}x")),
        (header, format!("{}1{}", "[".repeat(5000), "]".repeat(5000))),
        (header, "\"text\"".to_owned()),
        (header, "{'single':1}".to_owned()),
        (header, "{\"a\":NaN}".to_owned()),
        (header, "{\"a\":\"\\ud800\"}".to_owned()),
        (header, "\u{feff}{}".to_owned()),
    ] {
        assert_eq!(verify(&keys, &signer.token_of(header, &claims)), Err(R::Json), "{claims}");
    }

    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    for token in [
        String::new(),
        "a".to_owned(),
        format!("{head}.{body}"),
        format!("{head}{body}.{signature}"),
        format!("{good}.{signature}"),
        format!("{good}.x.y"),
        format!("{head}.{body}.{signature}="),
        format!("{head}=.{body}.{signature}"),
        format!("{head}. {body}.{signature}"),
        format!("{head}.{body}.{signature}\n"),
        format!(" {good}"),
        format!("{head}.{body}.{}", signature.replace(['-', '_'], "+")),
        format!("{head}.{body}.{signature}A"),
    ] {
        let refused = verify(&keys, &token);
        assert!(matches!(refused, Err(R::Encoding | R::Signature)), "{refused:?} {token}");
    }
    let long = signer.token_of(header, &claims_with(&format!("\"x\":\"{}\"", "x".repeat(12_000))));
    assert_eq!(verify(&keys, &long), Err(R::TooLong));
}

/// Every changed byte of a token invalidates it.
#[test]
fn a_tampered_token_is_refused_wherever_it_is_tampered_with() {
    let signer = Signer::ed25519(1);
    let keys = issuer_with(&[signer.jwk("k")]);
    let token = signer.token("k", &workload());
    assert!(verify(&keys, &token).is_ok());
    for at in 0..token.len() {
        for replacement in ["A", "B", "g", "_", ".", "="] {
            let mut tampered = token.clone();
            tampered.replace_range(at..=at, replacement);
            if tampered != token {
                assert!(verify(&keys, &tampered).is_err(), "{replacement} at {at}");
            }
        }
        let mut cut = token.clone();
        cut.remove(at);
        assert!(verify(&keys, &cut).is_err(), "cut at {at}");
        assert!(verify(&keys, token.split_at(at).0).is_err(), "ends at {at}");
    }
}

/// A signature covers one whole token, and no other token with the same beginning.
#[test]
fn two_tokens_with_one_beginning_are_two_tokens() {
    for signer in Signer::all() {
        let keys = issuer_with(&[signer.jwk("k")]);
        let mut others = workload();
        others["roles"] = json!(["Owner"]);
        let (mine, theirs) = (signer.token("k", &workload()), signer.token("k", &others));
        let shared = mine.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
        assert!(shared > 100, "{shared}");
        assert!(verify(&keys, &mine).is_ok() && verify(&keys, &theirs).is_ok());
        let (signed, _) = theirs.rsplit_once('.').unwrap();
        let (_, signature) = mine.rsplit_once('.').unwrap();
        let mixed = verify(&keys, &format!("{signed}.{signature}"));
        assert_eq!(mixed, Err(TokenRefused::Signature));
    }
}

/// The same name at two issuers means two keys, and an issuer can only sign for its own
/// directories.
#[test]
fn a_key_speaks_for_its_own_issuer_only() {
    let (ours, theirs) = (Signer::rsa(0), Signer::rsa(1));
    let other = "https://other.example.com";
    let mut elsewhere = Keys::new(trust(other), Patience::default());
    elsewhere.fetching(0);
    let jwks = json!({"keys": [theirs.jwk("k")]}).to_string();
    elsewhere.fetched(KeySet::parse(jwks.as_bytes()).unwrap(), 0);

    let token = theirs.token("k", &workload());
    assert_eq!(Presented::parse(&token).unwrap().issuer(), ISSUER);
    // With the keys of either issuer.
    assert_eq!(verify(&issuer_with(&[ours.jwk("k")]), &token), Err(TokenRefused::Signature));
    assert_eq!(verify(&elsewhere, &token), Err(TokenRefused::Issuer));

    // A key does not match another key name of the same issuer, either.
    let keys = issuer_with(&[ours.jwk("k"), theirs.jwk("kk")]);
    let (first, second) = (ours.token("k", &workload()), theirs.token("kk", &workload()));
    assert!(verify(&keys, &first).is_ok() && verify(&keys, &second).is_ok());
    assert_eq!(verify(&keys, &ours.token("kk", &workload())), Err(TokenRefused::Signature));
    assert_eq!(verify(&keys, &theirs.token("k", &workload())), Err(TokenRefused::Signature));
    let presented = Presented::parse(&first).unwrap();
    let Lookup::Found(key) = keys.lookup("kk", 0) else { panic!() };
    assert_eq!(presented.verify(key, NOW_S), Err(TokenRefused::UnknownKey));
}
