//! Who calls: a principal exists only after a credential was checked.
//!
//! A key is checked here, by [`authenticate`]. A person or a program proves who it is by a token,
//! and is made only by what verified that token, inside this crate.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{
    authz::{
        context::Locking,
        facts::ResourceFacts,
        role::{Holder, Role, Roles},
    },
    id::{PersonId, ResourceId, TenantId, WorkloadId},
    permit::{Administration, By, Permit, WriteLockbox},
    token::{Kind, VerifiedToken},
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Who presented one of a resource's two keys.
    Key(KeyPrincipal),
    /// A person who signed in.
    Person(Person),
    /// A program with an identity of its own.
    Workload(Workload),
}

impl Principal {
    /// The tenant that the caller is of.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Key(key) => key.tenant,
            Self::Person(person) => person.tenant,
            Self::Workload(workload) => workload.tenant,
        }
    }

    /// What usage and records call the caller: `Key1`, `Key2`, `person` or `workload`. It names
    /// nobody.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key(key) => key.key.name(),
            Self::Person(_) => Kind::Person.name(),
            Self::Workload(_) => Kind::Workload.name(),
        }
    }

    /// The roles that the caller's own directory gave it: they hold at its own tenant.
    pub(crate) fn claimed(&self) -> Roles {
        match self {
            Self::Key(_) => Roles::NONE,
            Self::Person(person) => person.claimed,
            Self::Workload(workload) => workload.claimed,
        }
    }

    /// As what the caller holds roles. A key holds none.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        match self {
            Self::Key(_) => None,
            Self::Person(person) => Some(Holder::Person(person.id)),
            Self::Workload(workload) => Some(Holder::Workload(workload.id)),
        }
    }
}

impl From<KeyPrincipal> for Principal {
    fn from(key: KeyPrincipal) -> Self {
        Self::Key(key)
    }
}

impl From<Person> for Principal {
    fn from(person: Person) -> Self {
        Self::Person(person)
    }
}

impl From<Workload> for Principal {
    fn from(workload: Workload) -> Self {
        Self::Workload(workload)
    }
}

/// A caller whose key was checked. There is no other constructor than [`authenticate`].
///
/// ```compile_fail,E0451
/// use policy::principal::{KeyName, KeyPrincipal};
/// let forged = KeyPrincipal { tenant: todo!(), resource: todo!(), key: KeyName::Key1 };
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPrincipal {
    tenant: TenantId,
    resource: ResourceId,
    key: KeyName,
}

impl KeyPrincipal {
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

    /// Which key it was.
    #[must_use]
    pub fn key(&self) -> KeyName {
        self.key
    }
}

/// A person whose token was verified.
///
/// ```compile_fail,E0624
/// let forged = policy::principal::Person::verified(todo!(), todo!(), todo!());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    tenant: TenantId,
    id: PersonId,
    claimed: Roles,
}

impl Person {
    /// For what verifies tokens, once it has.
    pub(crate) fn verified(tenant: TenantId, id: PersonId, claimed: Roles) -> Self {
        Self { tenant, id, claimed }
    }

    /// The tenant that the person is of.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who it is.
    #[must_use]
    pub fn id(&self) -> PersonId {
        self.id
    }
}

/// A program whose token was verified.
///
/// ```compile_fail,E0624
/// let forged = policy::principal::Workload::verified(todo!(), todo!(), todo!());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    tenant: TenantId,
    id: WorkloadId,
    claimed: Roles,
}

impl Workload {
    /// For what verifies tokens, once it has.
    pub(crate) fn verified(tenant: TenantId, id: WorkloadId, claimed: Roles) -> Self {
        Self { tenant, id, claimed }
    }

    /// The tenant that the program is of.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Which it is.
    #[must_use]
    pub fn id(&self) -> WorkloadId {
        self.id
    }
}

/// The operator who runs the machine: the holder of the administrator's key, or a person who opened
/// the data directory. Not a principal of the policies: who can write the data can do all of this
/// anyway, each time with its entry in the log. It is for [`Administration`] alone.
///
/// It comes from the store alone: from `store::Store::open_as_administrator`, which opens a data
/// directory, and from `store::Store::administrator`, which compares a presented key with the stored
/// one. The lints of this workspace refuse its constructors everywhere else.
///
/// ```compile_fail,E0423
/// let forged = policy::principal::Administrator(());
/// ```
///
/// It is not loaded from anywhere:
///
/// ```compile_fail,E0277
/// fn loaded<T: serde::de::DeserializeOwned>() {}
/// loaded::<policy::principal::Administrator>();
/// ```
#[derive(Debug, Clone)]
pub struct Administrator(());

impl Administrator {
    /// For `store`, once it has opened a data directory.
    #[must_use]
    pub fn beside_the_data() -> Self {
        Self(())
    }

    /// For `store`: checks a presented key against the administrator's, in constant time.
    ///
    /// # Errors
    /// When it is another.
    pub fn with_key(presented: &Key, stored: &KeyDigest) -> Result<Self, Unauthenticated> {
        if stored.matches(&presented.digest()) {
            Ok(Self(()))
        } else {
            Err(Unauthenticated::Foreign)
        }
    }

    /// A permit to run the service.
    pub fn permit<A: Administration>(&self, thing: A::Thing, context: A::Context) -> Permit<A> {
        Permit::new(thing, context, By::Administrator)
    }

    /// A permit to switch a resource's lockbox on, which only protects its owner. There is none to
    /// switch it off.
    pub fn permit_lockbox(&self, of: ResourceFacts, now_ms: u64) -> Permit<WriteLockbox> {
        Permit::new(of, Locking { now_ms, enabled: true }, By::Administrator)
    }
}

/// Why a credential opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// It is none of this resource's, or not the administrator's. It says no more, so that a caller learns no more.
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
pub fn authenticate(presented: &Key, keys: &ResourceKeys) -> Result<KeyPrincipal, Unauthenticated> {
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
    Ok(KeyPrincipal { tenant: keys.tenant, resource: keys.resource, key })
}

/// Lets the holder of a verified token in, as one of the tenant that the token's directory is mapped
/// to, under the random id that the log has of it.
///
/// # Errors
/// When the token's directory is mapped to another tenant.
pub fn admit(
    token: &VerifiedToken,
    tenant: &NamedTenant<'_>,
    id: [u8; 16],
) -> Result<Principal, Unauthenticated> {
    if token.tenant_name() != tenant.name {
        return Err(Unauthenticated::Foreign);
    }
    let claimed = token.roles().iter().filter_map(|role| Role::claimed(role));
    let claimed = claimed.fold(Roles::NONE, Roles::with);
    Ok(match token.kind() {
        Kind::Person => Person::verified(tenant.id, PersonId::from_random(id), claimed).into(),
        Kind::Workload => {
            Workload::verified(tenant.id, WorkloadId::from_random(id), claimed).into()
        }
    })
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
        assert_eq!(authenticate(&one, &keys).unwrap().key(), KeyName::Key1);
        assert_eq!(authenticate(&two, &keys).unwrap().key(), KeyName::Key2);
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

    #[test]
    fn a_token_is_one_of_the_tenant_that_its_directory_is_mapped_to() {
        let contoso = NamedTenant { name: "contoso", id: TenantId::from_random([7; 16]) };
        let caller = admit(&verified(&["OpenAI.User", "Other"]), &contoso, [5; 16]).unwrap();
        assert_eq!((caller.tenant(), caller.name()), (contoso.id, "workload"));
        assert_eq!(caller.holder(), Some(Holder::Workload(WorkloadId::from_random([5; 16]))));
        assert_eq!(caller.claimed(), Roles::NONE.with(Role::OpenAiUser));
        let fabrikam = NamedTenant { name: "fabrikam", ..contoso };
        assert_eq!(admit(&verified(&[]), &fabrikam, [5; 16]), Err(Unauthenticated::Foreign));
        for other in ["Other", "openai.user", "OpenAI.User2", "", "Reviewer", "Operator"] {
            let caller = admit(&verified(&[other]), &contoso, [5; 16]).unwrap();
            assert_eq!(caller.claimed(), Roles::NONE, "{other}");
        }
    }

    #[test]
    fn a_key_cannot_be_printed() {
        let (one, _, keys) = keys();
        assert!(!format!("{one:?} {keys:?}").contains("0101"));
    }
}
