//! Callers. A principal exists only after a credential was checked.
//!
//! [`authenticate`] checks a key. A person or a program presents a token; only the token
//! verification inside this crate makes their principals.

mod delegation;

pub use delegation::{Begun, CLAIMS_MS_MAX, Delegation, Revoked, Standing, on_behalf};

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tlog::canon::Digest;
use zeroize::Zeroizing;

use crate::{
    authz::role::{Holder, Role, Roles},
    id::{PersonId, ResourceId, TenantId, WorkloadId},
    token::{Kind, VerifiedToken},
};

/// The name of one of a resource's two keys, in Azure's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyName {
    /// The first key.
    Key1,
    /// The second key. Each key keeps working while the other is rotated.
    Key2,
}

impl KeyName {
    /// Returns the key's name in Azure's spelling.
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

/// The SHA-256 of a key. Keys carry 256 random bits, so the key cannot be guessed from a plain
/// digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Reads a stored digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest's bytes, to store them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in a time that does not depend on the position of the first difference.
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

/// A key in clear text: presented by a caller, or just made. It cannot be printed.
pub struct Key(Zeroizing<String>);

impl Key {
    /// Takes ownership of a presented key.
    #[must_use]
    pub fn presented(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Makes a key of 256 random bits, as 64 hex digits.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(tlog::hex::encode(bytes)))
    }

    /// Returns the digest that is stored of the key, and by which it is recognised.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        // Not `Sha256::digest`: it moves the hasher, and so leaves a copy of its buffer, with the last
        // bytes of the key, on the stack.
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        KeyDigest(hasher.finalize_reset().into())
    }

    /// Returns the key's text. It is shown once, when the key is made.
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
    /// The resource's keys.
    pub resource: ResourceId,
    /// Digest of the first key.
    pub key1: KeyDigest,
    /// Digest of the second key.
    pub key2: KeyDigest,
    /// True if keys are refused: Azure's `disableLocalAuth`.
    pub disabled: bool,
}

/// A tenant of the directory: a name and its id.
#[derive(Debug, Clone, Copy)]
pub struct NamedTenant<'a> {
    /// The tenant's name in the configuration's mapping.
    pub name: &'a str,
    /// Its id.
    pub id: TenantId,
    /// The identity providers whose tokens count, if the customer promised itself some:
    /// [`VerifiedToken::providers`].
    pub issuers: &'a BTreeSet<Digest>,
}

/// A caller with a checked credential. Only [`authenticate`] and [`admit`] make one, and [`on_behalf`]
/// for work that goes on after the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// A caller with one of a resource's two keys.
    Key(KeyPrincipal),
    /// A signed-in person.
    Person(Person),
    /// A program with its own identity.
    Workload(Workload),
}

impl Principal {
    /// Returns the caller's tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Key(key) => key.tenant,
            Self::Person(person) => person.tenant,
            Self::Workload(workload) => workload.tenant,
        }
    }

    /// Returns the caller's name in usage and records: `Key1`, `Key2`, `person` or `workload`. It
    /// identifies no individual.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Key(key) => key.key.name(),
            Self::Person(_) => Kind::Person.name(),
            Self::Workload(_) => Kind::Workload.name(),
        }
    }

    /// Returns the roles that the caller's own directory gave it. They hold at its own tenant.
    pub(crate) fn claimed(&self) -> Roles {
        match self {
            Self::Key(_) => Roles::NONE,
            Self::Person(person) => person.claimed,
            Self::Workload(workload) => workload.claimed,
        }
    }

    /// Returns the caller as a holder of roles. A key holds none.
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

/// A caller with a checked key. Only [`authenticate`] makes one, and [`on_behalf`].
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
    /// Returns the tenant that the caller acts for.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Returns the resource of the presented key.
    #[must_use]
    pub fn resource(&self) -> ResourceId {
        self.resource
    }

    /// Returns the name of the presented key.
    #[must_use]
    pub fn key(&self) -> KeyName {
        self.key
    }
}

/// A person with a verified token.
///
/// ```compile_fail,E0624
/// let forged = policy::principal::Person::verified(todo!(), todo!(), todo!());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    tenant: TenantId,
    id: PersonId,
    claimed: Roles,
    delegated: bool,
}

impl Person {
    /// For the token verification, after it succeeded.
    pub(crate) fn verified(tenant: TenantId, id: PersonId, claimed: Roles) -> Self {
        Self { tenant, id, claimed, delegated: false }
    }

    /// Returns true if this is work that goes on in the person's name after the request that began it.
    #[must_use]
    pub fn delegated(&self) -> bool {
        self.delegated
    }

    /// Returns the person's tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Returns the person's id.
    #[must_use]
    pub fn id(&self) -> PersonId {
        self.id
    }
}

/// A program with a verified token.
///
/// ```compile_fail,E0624
/// let forged = policy::principal::Workload::verified(todo!(), todo!(), todo!());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workload {
    tenant: TenantId,
    id: WorkloadId,
    claimed: Roles,
    delegated: bool,
}

impl Workload {
    /// For the token verification, after it succeeded.
    pub(crate) fn verified(tenant: TenantId, id: WorkloadId, claimed: Roles) -> Self {
        Self { tenant, id, claimed, delegated: false }
    }

    /// Returns true if this is work that goes on in the program's name after the request that began it.
    #[must_use]
    pub fn delegated(&self) -> bool {
        self.delegated
    }

    /// Returns the program's tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Returns the program's id.
    #[must_use]
    pub fn id(&self) -> WorkloadId {
        self.id
    }
}

/// The reason why a credential is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The credential is not this resource's, or not the administrator's. The caller learns no more
    /// than that.
    #[error("the credential does not belong to this resource")]
    Foreign,
    /// The credential is one of the resource's keys, but the resource takes no keys.
    #[error("the resource does not take keys")]
    KeysDisabled,
    /// The token is of an identity provider that the customer did not name with its own key.
    #[error(
        "the customer's promise names other identity providers; `bailiwick desk issuer` adds one"
    )]
    Provider,
}

/// Checks a presented key against a resource's two keys, in constant time.
///
/// # Errors
/// [`Unauthenticated::Foreign`] if the key is neither of the two. [`Unauthenticated::KeysDisabled`]
/// if the key is right but the resource takes no keys; only a caller with a right key learns this.
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

/// Admits the holder of a verified token as a principal of the tenant that the token's directory
/// maps to. `id` is the random id that the log has for the holder.
///
/// # Errors
/// [`Unauthenticated::Foreign`] if the token's directory maps to another tenant.
/// [`Unauthenticated::Provider`] if the customer named its identity providers, and this is none of
/// them: a provider that the configuration alone maps to the tenant does not count.
pub fn admit(
    token: &VerifiedToken,
    tenant: &NamedTenant<'_>,
    id: [u8; 16],
) -> Result<Principal, Unauthenticated> {
    if token.tenant_name() != tenant.name {
        return Err(Unauthenticated::Foreign);
    }
    let named = token.providers().iter().any(|provider| tenant.issuers.contains(provider));
    if !tenant.issuers.is_empty() && !named {
        return Err(Unauthenticated::Provider);
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

    /// A caller without a key does not learn whether the resource takes keys.
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
        let (id, any) = (TenantId::from_random([7; 16]), BTreeSet::new());
        let contoso = NamedTenant { name: "contoso", id, issuers: &any };
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
    fn once_the_customer_names_its_providers_no_other_token_counts() {
        let token = verified(&["OpenAI.User"]);
        let [own] = token.providers() else { panic!("another number of providers") };
        let of = |issuers: &[Digest]| {
            let issuers = issuers.iter().copied().collect();
            let id = TenantId::from_random([7; 16]);
            admit(&token, &NamedTenant { name: "contoso", id, issuers: &issuers }, [5; 16]).err()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[*own, Digest([1; 32])]), None);
        assert_eq!(of(&[Digest([1; 32])]), Some(Unauthenticated::Provider));
    }

    #[test]
    fn a_key_cannot_be_printed() {
        let (one, _, keys) = keys();
        assert!(!format!("{one:?} {keys:?}").contains("0101"));
    }
}
