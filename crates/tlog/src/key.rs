//! The public keys of people, and of the roots that customers and the operator hold.
//! docs/spec/statements.md specifies their bytes.

use alloc::format;

use minicbor::{Decode, Decoder, Encode, decode::Error};
use p256::ecdsa::VerifyingKey as P256Key;

use crate::canon::{self, Digest};

/// Separates the fingerprints of keys from every other use of SHA-256.
const FINGERPRINT: &[u8] = b"bailiwick/key/v1\0";

/// A public key that signs statements. No entry with a key that is not a point of its curve is
/// decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
pub enum Key {
    /// Ed25519, RFC 8032.
    #[n(0)]
    #[cbor(array)]
    Ed25519 {
        /// The public key.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        public: [u8; 32],
        /// SHA-256 of the id of the website that a passkey belongs to (its rpIdHash); `None` if the
        /// key is not a passkey's.
        #[n(1)]
        passkey: Option<Digest>,
    },
    /// ECDSA over P-256 with SHA-256, FIPS 186-5.
    #[n(1)]
    #[cbor(array)]
    P256 {
        /// The compressed point, SEC 1 §2.3.3.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        public: [u8; 33],
        /// As for Ed25519.
        #[n(1)]
        passkey: Option<Digest>,
    },
}

/// The bytes are not a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not a point of the curve, or one of a small group.
    #[error("the Ed25519 key is not 32 bytes of a point that can sign")]
    Ed25519,
    /// Not a compressed point of P-256.
    #[error("the P-256 key is not 33 bytes of a compressed point, as in SEC 1")]
    P256,
}

impl Key {
    /// Makes a key for Ed25519. `passkey` is the SHA-256 of the id of the passkey's website.
    ///
    /// # Errors
    /// [`BadKey::Ed25519`] if the bytes are not a point of the curve, or are one of small order.
    pub fn ed25519(public: [u8; 32], passkey: Option<Digest>) -> Result<Self, BadKey> {
        match ed25519_dalek::VerifyingKey::from_bytes(&public) {
            Ok(key) if !key.is_weak() => Ok(Self::Ed25519 { public, passkey }),
            Ok(_) | Err(_) => Err(BadKey::Ed25519),
        }
    }

    /// Makes a key for ECDSA over P-256. `passkey` is the SHA-256 of the id of the passkey's website.
    ///
    /// # Errors
    /// [`BadKey::P256`] if the bytes are not a compressed point of the curve.
    pub fn p256(public: [u8; 33], passkey: Option<Digest>) -> Result<Self, BadKey> {
        P256Key::from_sec1_bytes(&public).map_err(|_| BadKey::P256)?;
        Ok(Self::P256 { public, passkey })
    }

    /// Returns the fingerprint. People compare it, and entries name the key by it: 64 lower-case hex
    /// digits as text.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&[FINGERPRINT, &canon::encode(self)])
    }

    /// Returns the SHA-256 of the id of the passkey's website, or `None` if the key is not a
    /// passkey's.
    #[must_use]
    pub fn passkey(&self) -> Option<Digest> {
        match self {
            Self::Ed25519 { passkey, .. } | Self::P256 { passkey, .. } => *passkey,
        }
    }
}

impl<'b, C> Decode<'b, C> for Key {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        exactly(decoder, 2)?;
        let kind = decoder.u8()?;
        let fields = decoder.array()?;
        let public = decoder.bytes()?;
        let passkey = match fields {
            Some(1) => None,
            Some(2) => Some(Digest::decode(decoder, context)?),
            _ => return Err(Error::message("a key has one or two fields")),
        };
        let other = |_| Error::message("a public key of another length");
        let key = match kind {
            0 => Self::ed25519(public.try_into().map_err(other)?, passkey),
            1 => Self::p256(public.try_into().map_err(other)?, passkey),
            _ => return Err(Error::message("an unknown kind of key")),
        };
        key.map_err(|error| Error::message(format!("{error}")))
    }
}

/// Reads the head of an array that must have this length.
pub(crate) fn exactly(decoder: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    if decoder.array()? == Some(length) {
        return Ok(());
    }
    Err(Error::message("an array of another length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_point_of_its_curve() {
        let public = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
        let key = Key::ed25519(public, None).unwrap();
        let passkey = Key::ed25519(public, Some(Digest([3; 32]))).unwrap();
        assert_ne!(key.fingerprint(), passkey.fingerprint());
        for key in [key, passkey] {
            assert_eq!(canon::decode(&canon::encode(&key), "a key"), Ok(key));
        }
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(Key::ed25519(identity, None), Err(BadKey::Ed25519), "of small order");
        let weak = canon::encode(&Key::Ed25519 { public: identity, passkey: None });
        assert!(canon::decode::<Key>(&weak, "a key").is_err());
        assert_eq!(Key::p256([2; 33], None).map(|_| ()), Key::p256([2; 33], None).map(|_| ()));
        assert_eq!(Key::p256([4; 33], None), Err(BadKey::P256), "not compressed");
        let off = {
            let mut public = [0xff; 33];
            public[0] = 2;
            public
        };
        assert_eq!(Key::p256(off, None), Err(BadKey::P256), "larger than the field");
    }
}
