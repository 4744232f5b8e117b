//! Compact receipts: what each answer carries by itself. docs/spec/receipt.md specifies the bytes.
//!
//! A compact receipt binds a request and its answer to one entry of the log. Who has it can prove
//! later that the receipt existed, also against a service that has deleted or changed it: the entry
//! commits to the claims of exactly one receipt. As COSE_Sign1 it is small enough for a header.

use alloc::{string::ToString as _, vec::Vec};

use minicbor::{
    Decode, Decoder, Encode, Encoder,
    encode::{Error, Write},
};

use super::{BadReceipt, COSE_SIGN1, EDDSA, label, to_be_signed};
use crate::{
    canon::{self, Digest, NotCanonical},
    entry::{Entry, Event},
    id::RequestId,
    note::{Signer, Verifier},
};

/// The media type of the claims of a compact receipt.
pub const COMPACT_CONTENT_TYPE: &str = "application/bailiwick-compact-receipt+cbor";

/// The maximum length of a compact receipt, in bytes.
pub const COMPACT_BYTES_MAX: usize = 1024;

/// The claims of a compact receipt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CompactClaims {
    /// The id of the request.
    #[n(0)]
    pub request: RequestId,
    /// The number of the request's entry in the log.
    #[n(1)]
    pub index: u64,
    /// The bytes of the entry. It commits to the claims of the whole receipt.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// SHA-256 of the request's body.
    #[n(3)]
    pub request_sha256: Digest,
    /// SHA-256 of the response's body.
    #[n(4)]
    pub response_sha256: Digest,
}

/// A compact receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compact {
    protected: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Compact {
    /// Signs claims.
    #[must_use]
    pub fn sign(claims: &CompactClaims, signer: &Signer) -> Self {
        let protected = canon::encode(&Protected { kid: signer.verifier().key_id() });
        let payload = canon::encode(claims);
        let signature = signer.sign_bytes(&to_be_signed(&protected, &payload)).to_vec();
        Self { protected, payload, signature }
    }

    /// Encodes it as a tagged COSE_Sign1.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canon::encode(self)
    }

    /// Decodes a compact receipt.
    ///
    /// # Errors
    /// [`NotCanonical`] if the bytes are not canonical, or are too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotCanonical> {
        if bytes.len() > COMPACT_BYTES_MAX {
            return Err(NotCanonical { what: "a compact receipt" });
        }
        canon::decode(bytes, "a compact receipt")
    }

    /// Returns the claims, and the entry among them, after the check of the signature.
    ///
    /// # Errors
    /// [`BadReceipt`] if the key did not sign it, or the entry is not that of a request.
    pub fn verify(&self, service: &Verifier) -> Result<(CompactClaims, Entry), BadReceipt> {
        let protected: Protected = canon::decode(&self.protected, "a compact receipt's header")?;
        let signed = to_be_signed(&self.protected, &self.payload);
        if protected.kid != service.key_id() || !service.checks(&signed, &self.signature) {
            return Err(BadReceipt::Signature { name: service.name().to_string() });
        }
        let claims: CompactClaims = canon::decode(&self.payload, "a compact receipt's claims")?;
        let entry = Entry::decode(&claims.entry)?;
        match entry.event {
            Event::Request { .. } => Ok((claims, entry)),
            _ => Err(BadReceipt::Commitment),
        }
    }
}

struct Protected {
    kid: [u8; 4],
}

impl<C> Encode<C> for Protected {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        e.map(3)?.u8(label::ALGORITHM)?.i8(EDDSA)?;
        e.u8(label::CONTENT_TYPE)?.str(COMPACT_CONTENT_TYPE)?;
        e.u8(label::KEY_ID)?.bytes(&self.kid)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Protected {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        // The value is encoded again and compared, so this code reads only the part that varies.
        d.map()?;
        for _ in 0..4 {
            d.skip()?;
        }
        d.skip()?;
        Ok(Self { kid: canon::array(d)? })
    }
}

impl<C> Encode<C> for Compact {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), Error<W::Error>> {
        e.tag(minicbor::data::Tag::new(COSE_SIGN1))?.array(4)?.bytes(&self.protected)?;
        e.map(0)?.bytes(&self.payload)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Compact {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        // As above: encoding the value again checks tag and lengths.
        d.tag()?;
        d.array()?;
        let protected = d.bytes()?.to_vec();
        d.skip()?;
        let (payload, signature) = (d.bytes()?.to_vec(), d.bytes()?.to_vec());
        Ok(Self { protected, payload, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> CompactClaims {
        let event = Event::Request { commitment: Digest([9; 32]) };
        CompactClaims {
            request: RequestId::from_random([7; 16]),
            index: 1_000_000,
            entry: Entry::new(1_764_000_000_250, event).encode(),
            request_sha256: Digest::of(&[b"request"]),
            response_sha256: Digest::of(&[b"response"]),
        }
    }

    fn signer() -> Signer {
        Signer::new("log.example", &[1; 32]).unwrap()
    }

    #[test]
    fn it_is_good_as_it_was_made_and_fits_a_header() {
        let compact = Compact::sign(&claims(), &signer());
        let bytes = compact.encode();
        assert!(bytes.len() < 320, "{}", bytes.len());
        let read = Compact::decode(&bytes).unwrap();
        let (read, entry) = read.verify(&signer().verifier()).unwrap();
        assert_eq!(read, claims());
        assert_eq!(entry.encode(), claims().entry);
    }

    #[test]
    fn every_changed_byte_is_found() {
        let bytes = Compact::sign(&claims(), &signer()).encode();
        let service = signer().verifier();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let good = Compact::decode(&changed).is_ok_and(|read| read.verify(&service).is_ok());
            assert!(!good, "byte {at}");
            assert!(Compact::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn another_key_and_another_entry_are_refused() {
        let other = Signer::new("log.example", &[2; 32]).unwrap().verifier();
        let compact = Compact::sign(&claims(), &signer());
        assert!(matches!(compact.verify(&other), Err(BadReceipt::Signature { .. })));
        let key = crate::id::KeyId::from_random([1; 16]);
        let entry = Entry::new(1, Event::KeyDestroyed { key }).encode();
        let compact = Compact::sign(&CompactClaims { entry, ..claims() }, &signer());
        assert_eq!(compact.verify(&signer().verifier()), Err(BadReceipt::Commitment));
    }
}
