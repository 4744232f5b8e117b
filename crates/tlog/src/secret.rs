//! The secret keys of people and of roots, for programs that sign statements.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{key::Key, signature::Signature};

/// A secret Ed25519 key of a person or of a root. Its memory is overwritten when it is dropped.
pub struct SecretKey(SigningKey);

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Makes the key of 32 secret random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> Key {
        Key::Ed25519 { public: self.0.verifying_key().to_bytes(), passkey: None }
    }

    /// Signs the bytes of a statement.
    #[must_use]
    pub fn sign(&self, statement: &[u8]) -> Signature {
        Signature::Raw { signature: self.0.sign(statement).to_bytes() }
    }
}
