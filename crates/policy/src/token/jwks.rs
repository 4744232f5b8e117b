//! An issuer's public keys in their served form: RFC 7517, RFC 7518 section 6, RFC 8037.
//!
//! Unknown keys are skipped, because issuers serve keys for other purposes in the same set. Weak
//! keys are skipped too: a token that names one finds no key.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Map, Value};

use super::{KEY_ID_BYTES_MAX, json};

/// The signature algorithms. There are no others, and none uses a shared secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSA, PKCS#1 v1.5, SHA-256.
    Rs256,
    /// ECDSA on P-256, SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key. The kind of key determines the algorithm.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

/// The keys that one issuer serves, by their exact names.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    pub(super) keys: BTreeMap<String, PublicKey>,
}

/// The reason why a key set cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKeySet {
    /// The set is too long.
    #[error("the key set is longer than {} bytes", KeySet::BYTES_MAX)]
    TooLong,
    /// The text is not a key set.
    #[error("this is not a JSON object with a list `keys`")]
    Malformed,
    /// The set has too many keys.
    #[error("the key set has more than {} keys", KeySet::KEYS_MAX)]
    TooMany,
    /// The set has no usable key.
    #[error("the key set has no key for RS256 (2048 bits or more), ES256 or EdDSA with a name")]
    NoKey,
}

impl KeySet {
    /// The maximum length of a key set, in bytes.
    pub const BYTES_MAX: usize = 256 * 1024;
    /// The maximum number of keys in a set; Entra serves about ten.
    pub const KEYS_MAX: usize = 64;

    /// Reads a key set.
    ///
    /// If two different keys have the same name, both are dropped: we cannot choose between them.
    ///
    /// # Errors
    /// [`BadKeySet`] if the text is not a key set, is too large, or has no usable key.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadKeySet> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(BadKeySet::TooLong);
        }
        let object = json::object(bytes).ok_or(BadKeySet::Malformed)?;
        let listed = object.get("keys").and_then(Value::as_array).ok_or(BadKeySet::Malformed)?;
        if listed.len() > Self::KEYS_MAX {
            return Err(BadKeySet::TooMany);
        }
        let mut found: BTreeMap<String, Option<PublicKey>> = BTreeMap::new();
        for (name, key) in listed.iter().filter_map(Value::as_object).filter_map(named) {
            let slot = found.entry(name).or_insert_with(|| Some(key.clone()));
            if slot.as_ref() != Some(&key) {
                *slot = None;
            }
        }
        let keys: BTreeMap<_, _> =
            found.into_iter().filter_map(|(name, key)| Some((name, key?))).collect();
        if keys.is_empty() { Err(BadKeySet::NoKey) } else { Ok(Self { keys }) }
    }
}

/// Returns a key with its name, if it is a signature key of a known kind.
fn named(jwk: &Map<String, Value>) -> Option<(String, PublicKey)> {
    let name = text(jwk, "kid").filter(|name| (1..=KEY_ID_BYTES_MAX).contains(&name.len()))?;
    let signs = match jwk.get("use") {
        None => true,
        Some(usage) => usage == "sig",
    };
    let verifies = match jwk.get("key_ops") {
        None => true,
        Some(operations) => operations.as_array()?.iter().any(|operation| operation == "verify"),
    };
    // A key with its private part published proves nothing.
    if !signs || !verifies || jwk.contains_key("d") {
        return None;
    }
    let key = PublicKey::read(jwk)?;
    let stated = match jwk.get("alg") {
        None => true,
        // RFC 9864 gives EdDSA with this curve its own name.
        Some(Value::String(alg)) if alg == "Ed25519" => key.algorithm() == Algorithm::EdDsa,
        Some(Value::String(alg)) => Algorithm::from_name(alg) == Some(key.algorithm()),
        Some(_) => false,
    };
    stated.then(|| (name.to_owned(), key))
}

impl PublicKey {
    fn read(jwk: &Map<String, Value>) -> Option<Self> {
        match text(jwk, "kty")? {
            "RSA" => {
                let (modulus, exponent) = (bytes(jwk, "n")?, bytes(jwk, "e")?);
                let bits =
                    modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
                // FIPS 186-5: odd, and above 2^16.
                let odd = exponent.last()? % 2 == 1;
                let large = matches!(exponent.len(), 3..=8) && *exponent.first()? != 0;
                let minimal = *modulus.first()? != 0;
                ((2048..=8192).contains(&bits) && minimal && odd && large)
                    .then_some(Self::Rsa { modulus, exponent })
            }
            "EC" if text(jwk, "crv")? == "P-256" => {
                let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
                if x.len() != 32 || y.len() != 32 {
                    return None;
                }
                // SEC 1, 2.3.3: uncompressed. Each use checks that the point is on the curve.
                [&[4], x.as_slice(), &y].concat().try_into().ok().map(Self::P256)
            }
            "OKP" if text(jwk, "crv")? == "Ed25519" => {
                bytes(jwk, "x")?.try_into().ok().map(Self::Ed25519)
            }
            _ => None,
        }
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let result = match self {
            Self::Rsa { modulus: n, exponent: e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
        };
        result.is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.algorithm())
    }
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    jwk.get(name).and_then(Value::as_str)
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text(jwk, name)?).ok()
}
