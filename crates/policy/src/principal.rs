//! Who calls: a principal exists only after a credential was checked.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    id::{ResourceId, TenantId},
    token::VerifiedToken,
};

/// Which of a resource's two keys; Azure's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyName {
    /// The first key.
    Key1,
    /// The second key: it keeps working while the first is rotated, and the other way round.
    Key2,
}

impl KeyName {
    /// The key's name, as Azure writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key1 => "Key1",
            Self::Key2 => "Key2",
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The SHA-256 of a key. Keys carry 256 random bits, so a plain digest cannot be guessed back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Reads a stored digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes, to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in time that does not depend on where the digests differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// A key in clear: as a caller presents it, or as it was just made. It cannot be printed.
pub struct Key(Zeroizing<String>);

impl Key {
    /// Takes a presented key into custody.
    #[must_use]
    pub fn presented(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Makes a key of 256 random bits, as 64 hex digits.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in bytes {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
            }
        }
        Self(text)
    }

    /// What is stored of the key, and what it is recognised by.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The key's text: shown once, to the person who made it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The two keys of one resource, as stored.
#[derive(Debug, Clone, Copy)]
pub struct ResourceKeys {
    /// The owner of the resource.
    pub tenant: TenantId,
    /// The resource that the keys open.
    pub resource: ResourceId,
    /// Digest of the first key.
    pub key1: KeyDigest,
    /// Digest of the second key.
    pub key2: KeyDigest,
    /// Whether keys open it at all: Azure's `disableLocalAuth`.
    pub disabled: bool,
}

/// A tenant as the directory knows it: what name means which id.
#[derive(Debug, Clone, Copy)]
pub struct NamedTenant<'a> {
    /// Its name, as the configuration's mapping has it.
    pub name: &'a str,
    /// Its id.
    pub id: TenantId,
}

/// A caller whose credential was checked. There are no other constructors than [`authenticate`] and
/// [`admit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    tenant: TenantId,
    resource: ResourceId,
    proof: Proof,
}

/// What the caller proved who it is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// One of the resource's keys.
    Key(KeyName),
    /// A token of an issuer that the operator trusts.
    Token(Arc<VerifiedToken>),
}

impl Proof {
    /// What usage and records call the caller: `Key1`, `Key2`, `person` or `workload`. It names
    /// nobody.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key(key) => key.name(),
            Self::Token(token) => token.kind().name(),
        }
    }
}

impl Principal {
    /// The tenant that the caller acts for.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The resource whose key was presented, or that the token was presented to.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// What it proved who it is with.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// Why a credential opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// It is none of this resource's. It says no more, so that a caller learns no more.
    #[error("the credential does not belong to this resource")]
    Foreign,
    /// It is one of the resource's keys, and the resource takes no keys.
    #[error("the resource does not take keys")]
    KeysDisabled,
}

/// Checks a presented key against a resource's two keys, in constant time.
///
/// # Errors
/// When the key is neither of the two, or the resource takes no keys. Only who has a key is told so.
pub fn authenticate(presented: &Key, keys: &ResourceKeys) -> Result<Principal, Unauthenticated> {
    let digest = presented.digest();
    let (first, second) = (digest.matches(&keys.key1), digest.matches(&keys.key2));
    let key = match (first, second) {
        (true, _) => KeyName::Key1,
        (false, true) => KeyName::Key2,
        (false, false) => return Err(Unauthenticated::Foreign),
    };
    if keys.disabled {
        return Err(Unauthenticated::KeysDisabled);
    }
    Ok(Principal { tenant: keys.tenant, resource: keys.resource, proof: Proof::Key(key) })
}

/// Lets the holder of a verified token in to a resource of its own tenant's: the one that the
/// token's directory is mapped to.
///
/// # Errors
/// When the resource is another tenant's.
pub fn admit(
    token: VerifiedToken,
    tenant: &NamedTenant<'_>,
    resource: &ResourceKeys,
) -> Result<Principal, Unauthenticated> {
    if token.tenant_name() != tenant.name || resource.tenant != tenant.id {
        return Err(Unauthenticated::Foreign);
    }
    let proof = Proof::Token(Arc::new(token));
    Ok(Principal { tenant: tenant.id, resource: resource.resource, proof })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::verified;

    fn keys() -> (Key, Key, ResourceKeys) {
        let (one, two) = (Key::from_random(&[1; 32]), Key::from_random(&[2; 32]));
        let keys = ResourceKeys {
            tenant: TenantId::from_random([7; 16]),
            resource: ResourceId::from_random([8; 16]),
            key1: one.digest(),
            key2: two.digest(),
            disabled: false,
        };
        (one, two, keys)
    }

    #[test]
    fn either_key_opens_the_resource_and_nothing_else_does() {
        let (one, two, keys) = keys();
        let proof = |key| authenticate(key, &keys).unwrap().proof().clone();
        assert_eq!(proof(&one), Proof::Key(KeyName::Key1));
        assert_eq!(proof(&two), Proof::Key(KeyName::Key2));
        let prefix = Key::presented(one.reveal().split_at(63).0);
        for wrong in [Key::presented(""), prefix, Key::from_random(&[3; 32])] {
            assert_eq!(authenticate(&wrong, &keys), Err(Unauthenticated::Foreign));
        }
    }

    /// Who has no key does not learn whether the resource takes keys.
    #[test]
    fn a_resource_without_local_authentication_takes_no_key() {
        let (one, two, keys) = keys();
        let keys = ResourceKeys { disabled: true, ..keys };
        for right in [one, two] {
            assert_eq!(authenticate(&right, &keys), Err(Unauthenticated::KeysDisabled));
        }
        let wrong = Key::from_random(&[3; 32]);
        assert_eq!(authenticate(&wrong, &keys), Err(Unauthenticated::Foreign));
    }

    /// A token opens the resources of the tenant that its directory is mapped to, by name and id.
    #[test]
    fn a_token_is_let_in_to_its_own_tenant_only() {
        let (_, _, keys) = keys();
        let contoso = NamedTenant { name: "contoso", id: keys.tenant };
        // Also where keys are not.
        let keys = ResourceKeys { disabled: true, ..keys };
        let caller = admit(verified(&[]), &contoso, &keys).unwrap();
        assert_eq!((caller.tenant(), caller.resource()), (keys.tenant, keys.resource));
        assert_eq!(caller.proof().name(), "workload");
        let other = TenantId::from_random([9; 16]);
        for (tenant, owner) in [
            (NamedTenant { name: "fabrikam", ..contoso }, keys.tenant),
            (NamedTenant { id: other, ..contoso }, keys.tenant),
            (contoso, other),
        ] {
            let keys = ResourceKeys { tenant: owner, ..keys };
            let refused = admit(verified(&[]), &tenant, &keys);
            assert_eq!(refused, Err(Unauthenticated::Foreign));
        }
    }

    #[test]
    fn a_key_cannot_be_printed() {
        let (one, _, keys) = keys();
        assert!(!format!("{one:?} {keys:?}").contains("0101"));
    }
}
