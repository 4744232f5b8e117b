//! Signatures of people over statements. docs/spec/statements.md specifies their bytes.

use alloc::vec::Vec;

use ed25519_dalek::{Signature as Ed25519Signature, VerifyingKey};
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error,
    encode::{Error as EncodeError, Write},
};
use p256::ecdsa::{Signature as P256Signature, VerifyingKey as P256Key, signature::Verifier as _};

use crate::{canon::Digest, key::Key};

mod der;
mod passkey;
mod ssh;

pub use passkey::{AUTHENTICATOR_DATA_BYTES_MAX, CLIENT_DATA_BYTES_MAX};
pub use ssh::{BadSsh, NAMESPACE, SshSigned};

/// The maximum number of signatures in an entry: two of a root's keys, and a new key.
pub const SIGNATURES_MAX: usize = 3;

/// The maximum length of a passkey's signature, in bytes: ECDSA in DER.
pub const PASSKEY_SIGNATURE_BYTES_MAX: usize = 72;

/// The reason why a signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// The key did not make the signature, or it is over other bytes.
    #[error("the signature is not by this key over this statement")]
    Wrong,
    /// The signature has a form that this key does not make.
    #[error("the signature has a form that this key does not make")]
    Form,
    /// The second number of an ECDSA signature is in the upper half.
    #[error("the signature has a high `s`: only the low one of the two counts")]
    HighS,
    /// A passkey's signature is not two numbers in strict DER.
    #[error("the passkey's signature is not strict DER")]
    Der,
    /// The data of the browser are not those of a use of this passkey.
    #[error("the passkey's client data are not those of `webauthn.get` on one website")]
    ClientData,
    /// The browser was asked to sign something else.
    #[error("the passkey signed another challenge")]
    Challenge,
    /// A page of another website was around the page that asked.
    #[error("the passkey was used from a page of another website")]
    CrossOrigin,
    /// The data of the authenticator have another length or other extensions than they may have.
    #[error("the passkey's authenticator data are malformed")]
    AuthenticatorData,
    /// The passkey is of another website.
    #[error("the passkey was used for another website than it is enrolled for")]
    Website,
    /// The person was not there, or was not verified.
    #[error("the passkey did not verify its user")]
    User,
}

/// A signature over a statement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Signature {
    /// By a key file: Ed25519, or ECDSA over SHA-256 as r and s of 32 bytes each, with the low s.
    #[n(0)]
    #[cbor(array)]
    Raw {
        /// The signature.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// By an SSH key or agent: Ed25519 over OpenSSH's SSHSIG form, as `ssh-keygen -Y sign` makes it.
    #[n(1)]
    #[cbor(array)]
    Ssh {
        /// The signature.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        signature: [u8; 64],
    },
    /// By a passkey: an assertion of WebAuthn level 3.
    #[n(2)]
    #[cbor(array)]
    Passkey {
        /// The authenticator's data, at most [`AUTHENTICATOR_DATA_BYTES_MAX`].
        #[n(0)]
        #[cbor(encode_with = "minicbor::bytes::encode", decode_with = "limited::<512, _>")]
        authenticator_data: Vec<u8>,
        /// The browser's data in JSON, at most [`CLIENT_DATA_BYTES_MAX`].
        #[n(1)]
        #[cbor(encode_with = "minicbor::bytes::encode", decode_with = "limited::<1024, _>")]
        client_data_json: Vec<u8>,
        /// The signature: ECDSA in DER, or Ed25519.
        #[n(2)]
        #[cbor(encode_with = "minicbor::bytes::encode", decode_with = "limited::<72, _>")]
        signature: Vec<u8>,
    },
}

impl Signature {
    /// Checks that the key made the signature over the statement.
    ///
    /// # Errors
    /// [`BadSignature`] if it did not, or if the form is not one that counts.
    pub fn verify(&self, key: &Key, statement: &[u8]) -> Result<(), BadSignature> {
        match (self, key.passkey()) {
            (Self::Raw { signature }, None) => match key {
                Key::Ed25519 { public, .. } => ed25519(public, statement, signature),
                Key::P256 { public, .. } => {
                    let signature =
                        P256Signature::from_slice(signature).map_err(|_| BadSignature::Wrong)?;
                    if signature.normalize_s() != signature {
                        return Err(BadSignature::HighS);
                    }
                    ecdsa(public, statement, &signature)
                }
            },
            (Self::Ssh { signature }, None) => match key {
                Key::Ed25519 { public, .. } => ed25519(public, &ssh::signed(statement), signature),
                Key::P256 { .. } => Err(BadSignature::Form),
            },
            (Self::Passkey { authenticator_data, client_data_json, signature }, Some(website)) => {
                passkey::client_data(client_data_json, statement)?;
                passkey::authenticator_data(authenticator_data, &website)?;
                let mut signed = authenticator_data.clone();
                signed.extend_from_slice(&Digest::of(&[client_data_json]).0);
                match key {
                    Key::Ed25519 { public, .. } => {
                        let signature = signature.as_slice().try_into();
                        ed25519(public, &signed, signature.map_err(|_| BadSignature::Wrong)?)
                    }
                    Key::P256 { public, .. } => {
                        // Authenticators make either of the two signatures; a copy with the other
                        // `s` gains nothing, because each statement counts once.
                        let pair = der::pair(signature).ok_or(BadSignature::Der)?;
                        let signature =
                            P256Signature::from_slice(&pair).map_err(|_| BadSignature::Wrong)?;
                        ecdsa(public, &signed, &signature)
                    }
                }
            }
            (Self::Raw { .. } | Self::Ssh { .. }, Some(_)) | (Self::Passkey { .. }, None) => {
                Err(BadSignature::Form)
            }
        }
    }
}

fn ed25519(public: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
    let key = VerifyingKey::from_bytes(public).map_err(|_| BadSignature::Wrong)?;
    let signature = Ed25519Signature::from_bytes(signature);
    key.verify_strict(bytes, &signature).map_err(|_| BadSignature::Wrong)
}

fn ecdsa(public: &[u8; 33], bytes: &[u8], signature: &P256Signature) -> Result<(), BadSignature> {
    let key = P256Key::from_sec1_bytes(public).map_err(|_| BadSignature::Wrong)?;
    key.verify(bytes, signature).map_err(|_| BadSignature::Wrong)
}

/// Decodes bytes of a limited length.
fn limited<const MAX: usize, C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Vec<u8>, Error> {
    let bytes = decoder.bytes()?;
    if bytes.len() > MAX {
        return Err(Error::message("a byte string that is too long"));
    }
    Ok(bytes.to_vec())
}

/// A signature, with its key and the head that the signer saw.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Signed {
    /// The fingerprint of the key: [`Key::fingerprint`].
    #[n(0)]
    pub key: Digest,
    /// The size of the log that the signer saw.
    #[n(1)]
    pub size: u64,
    /// The root of the log at that size.
    #[n(2)]
    pub root: Digest,
    /// The signature over the statement.
    #[n(3)]
    pub signature: Signature,
}

/// One to [`SIGNATURES_MAX`] signatures, in ascending order of their keys' fingerprints; no key is
/// there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures(Vec<Signed>);

/// There are no signatures, too many, or two of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry has one to {SIGNATURES_MAX} signatures, each of another key")]
pub struct BadSignatures;

impl Signatures {
    /// Sorts signatures by their keys.
    ///
    /// # Errors
    /// [`BadSignatures`] if there are none or too many, or if two are of one key.
    pub fn new(mut signed: Vec<Signed>) -> Result<Self, BadSignatures> {
        signed.sort_unstable_by_key(|one| one.key);
        Self::sorted(signed)
    }

    fn sorted(signed: Vec<Signed>) -> Result<Self, BadSignatures> {
        let ascending =
            signed.iter().map(|one| one.key).is_sorted_by(|before, after| before < after);
        if signed.is_empty() || signed.len() > SIGNATURES_MAX || !ascending {
            return Err(BadSignatures);
        }
        Ok(Self(signed))
    }

    /// Returns the signatures, in ascending order of their keys.
    #[must_use]
    pub fn as_slice(&self) -> &[Signed] {
        &self.0
    }
}

impl<C> Encode<C> for Signatures {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        self.0.encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for Signatures {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> Result<Self, Error> {
        Self::sorted(Vec::decode(decoder, context)?)
            .map_err(|_| Error::message("signatures that are out of order, or too many"))
    }
}

#[cfg(test)]
mod tests;
