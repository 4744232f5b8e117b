//! Work that goes on after the request that began it: a response in the background, a batch, a
//! fine-tuning job. It goes on in the name of the principal that began it.
//!
//! A [`Delegation`] is no decision: each step asks the policies anew, with the roles that the
//! principal has then. [`on_behalf`] refuses once the credential itself no longer counts.

use super::{KeyName, KeyPrincipal, Person, Principal, ResourceKeys, Workload};
use crate::{
    authz::{
        facts::{ObjectFacts, ResourceFacts},
        role::Roles,
    },
    object::{Class, Owner},
    permit::{By, CreateObject, Permit},
};

/// The principal that began work which goes on after its request.
///
/// It is made from the permit of the request that began the work, or read again from the object
/// that the work is for. Nothing else makes one:
///
/// ```compile_fail,E0451
/// use policy::principal::Delegation;
/// let forged = Delegation { of: todo!(), owner: todo!(), claimed: todo!(), begun_ms: 0 };
/// ```
///
/// A permit for another action does not make one:
///
/// ```compile_fail,E0308
/// use policy::{permit::{Permit, ReadInventory}, principal::Delegation};
/// fn from(permit: &Permit<ReadInventory>) -> Option<Delegation> { Delegation::begin(permit, 0) }
/// ```
///
/// And a principal cannot be made without one:
///
/// ```compile_fail,E0308
/// use policy::{object::Owner, principal::{Standing, on_behalf}};
/// fn act(owner: Owner, standing: &Standing) { let _ = on_behalf(&owner, standing); }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delegation {
    of: ResourceFacts,
    owner: Owner,
    claimed: Roles,
    begun_ms: u64,
}

impl Delegation {
    /// Begins work in the name of the permit's holder. `None` for the administrator, which keeps no
    /// objects.
    #[must_use]
    pub fn begin(permit: &Permit<CreateObject>, now_ms: u64) -> Option<Self> {
        let By::Principal(principal) = permit.by() else { return None };
        Some(Self {
            of: *permit.scope(),
            owner: Owner::of(principal),
            claimed: principal.claimed(),
            begun_ms: now_ms,
        })
    }

    /// Reads the delegation of an object whose work goes on. `None` for objects of other classes:
    /// no work goes on for them.
    #[must_use]
    pub fn of(object: &ObjectFacts, Begun { claimed, at_ms }: Begun) -> Option<Self> {
        match object.class {
            Class::Response | Class::Batch | Class::Job => {}
            Class::Conversation
            | Class::Item
            | Class::Completion
            | Class::File
            | Class::Upload
            | Class::Part
            | Class::Adapter
            | Class::Checkpoint => return None,
        }
        Some(Self { of: object.of, owner: object.owner, claimed, begun_ms: at_ms })
    }

    /// Returns the resource that the work is for.
    #[must_use]
    pub fn resource(&self) -> ResourceFacts {
        self.of
    }

    /// Returns the facts to store with the object.
    #[must_use]
    pub fn begun(&self) -> Begun {
        Begun { claimed: self.claimed, at_ms: self.begun_ms }
    }
}

/// When and with which claims work began, as stored with its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The roles that the token of the request claimed.
    pub claimed: Roles,
    /// The time: milliseconds since 1970.
    pub at_ms: u64,
}

/// What the directory says now about the resource of a delegation.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The resource's keys.
    pub keys: &'a ResourceKeys,
    /// The times at which its two keys were made: milliseconds since 1970.
    pub keys_since_ms: [u64; 2],
    /// The time.
    pub now_ms: u64,
}

/// The reason why work no longer goes on in a principal's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Revoked {
    /// The resource is not the one that the work began for.
    #[error("the resource is gone")]
    Resource,
    /// The resource takes no keys any more.
    #[error("the resource no longer takes keys")]
    KeysDisabled,
    /// The key was regenerated since.
    #[error("the key that began the work was regenerated")]
    KeyReplaced,
}

/// Returns the principal in whose name work goes on.
///
/// The claims of a token count for [`CLAIMS_MS_MAX`] after the request: whether its directory took
/// a role back cannot be seen here. Roles that are assigned here count as long as they are assigned.
///
/// # Errors
/// [`Revoked`] if the credential that began the work no longer counts.
pub fn on_behalf(delegation: &Delegation, standing: &Standing<'_>) -> Result<Principal, Revoked> {
    let Delegation { of, owner, claimed, begun_ms } = *delegation;
    let Standing { keys, keys_since_ms: [key1_ms, key2_ms], now_ms } = *standing;
    if (keys.tenant, keys.resource) != (of.tenant, of.resource) {
        return Err(Revoked::Resource);
    }
    let lasting = now_ms.saturating_sub(begun_ms) < CLAIMS_MS_MAX;
    let claimed = if lasting { claimed } else { Roles::NONE };
    Ok(match owner {
        Owner::Key(_) if keys.disabled => return Err(Revoked::KeysDisabled),
        Owner::Key(KeyName::Key1) if key1_ms > begun_ms => return Err(Revoked::KeyReplaced),
        Owner::Key(KeyName::Key2) if key2_ms > begun_ms => return Err(Revoked::KeyReplaced),
        Owner::Key(key) => KeyPrincipal { tenant: of.tenant, resource: of.resource, key }.into(),
        Owner::Person(id) => Person { tenant: of.tenant, id, claimed, delegated: true }.into(),
        Owner::Workload(id) => Workload { tenant: of.tenant, id, claimed, delegated: true }.into(),
    })
}

/// How long the claims of a token count for work that goes on after its request: two days. A batch
/// ends within one.
pub const CLAIMS_MS_MAX: u64 = 2 * 24 * 60 * 60 * 1000;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests of the method itself")]
mod tests {
    use super::*;
    use crate::{
        authz::{
            Authority, Denied, authorize,
            context::Moment,
            role::{Role, RoleAssignments},
        },
        id::{ObjectId, PersonId, ResourceId, TenantId},
        permit::{DeleteResource, ListOwnRecords},
        principal::{Key, authenticate},
    };

    fn keys() -> (Principal, ResourceKeys) {
        let (one, two) = (Key::from_random(&[1; 32]), Key::from_random(&[2; 32]));
        let keys = ResourceKeys {
            tenant: TenantId::from_random([7; 16]),
            resource: ResourceId::from_random([8; 16]),
            key1: one.digest(),
            key2: two.digest(),
            disabled: false,
        };
        (authenticate(&two, &keys).unwrap().into(), keys)
    }

    fn of(keys: &ResourceKeys) -> ResourceFacts {
        ResourceFacts { tenant: keys.tenant, resource: keys.resource }
    }

    fn object(keys: &ResourceKeys, owner: Owner) -> ObjectFacts {
        let object = ObjectId::from_random([5; 16]);
        ObjectFacts { of: of(keys), object, class: Class::Batch, owner, shared: false }
    }

    #[test]
    fn a_key_goes_on_until_it_is_replaced_or_keys_are_off() {
        let (key, keys) = keys();
        let authority = Authority::built_in().unwrap();
        let moment = Moment { now_ms: 5_000 };
        let permit = authorize::<CreateObject>(&authority, &key, &of(&keys), &moment).unwrap();
        let begun = Delegation::begin(&permit, 5_000).unwrap();
        let again = Delegation::of(&object(&keys, Owner::of(&key)), begun.begun()).unwrap();
        assert_eq!(begun, again, "the object says the same");
        let standing = Standing { keys: &keys, keys_since_ms: [9_000, 4_000], now_ms: 10_000 };
        assert_eq!(on_behalf(&begun, &standing), Ok(key));
        let replaced = Standing { keys_since_ms: [0, 6_000], ..standing };
        assert_eq!(on_behalf(&begun, &replaced), Err(Revoked::KeyReplaced));
        let off = ResourceKeys { disabled: true, ..keys };
        assert_eq!(
            on_behalf(&begun, &Standing { keys: &off, ..standing }),
            Err(Revoked::KeysDisabled)
        );
        let other = ResourceKeys { tenant: TenantId::from_random([9; 16]), ..keys };
        let other = Standing { keys: &other, ..standing };
        assert_eq!(on_behalf(&begun, &other), Err(Revoked::Resource));
    }

    #[test]
    fn a_person_goes_on_with_the_roles_of_the_moment() {
        let (_, keys) = keys();
        let id = PersonId::from_random([3; 16]);
        let begun = Begun { claimed: Roles::NONE.with(Role::OpenAiUser), at_ms: 0 };
        let delegation = Delegation::of(&object(&keys, Owner::Person(id)), begun).unwrap();
        let at = |now_ms| Standing { keys: &keys, keys_since_ms: [0, 0], now_ms };
        let authority = Authority::built_in().unwrap();
        let create = |authority: &Authority, now_ms| {
            let person = on_behalf(&delegation, &at(now_ms)).unwrap();
            let moment = Moment { now_ms };
            authorize::<CreateObject>(authority, &person, &of(&keys), &moment).map(drop)
        };
        assert_eq!(create(&authority, CLAIMS_MS_MAX - 1), Ok(()));
        assert_eq!(create(&authority, CLAIMS_MS_MAX), Err(Denied::Hidden));
        let mut roles = RoleAssignments::default();
        let scope = crate::authz::facts::Scope::Resource(of(&keys));
        roles.assign(crate::authz::role::Holder::Person(id), Role::OpenAiUser, scope);
        let policies = crate::authz::policies::Policies::built_in().unwrap();
        let assigned = Authority::new(policies, None, roles);
        assert_eq!(create(&assigned, CLAIMS_MS_MAX), Ok(()), "an assigned role still counts");
    }

    /// Attack: work that was begun by a powerful person uses that person's power.
    #[test]
    fn work_in_a_persons_name_uses_the_data_plane_only() {
        let (_, keys) = keys();
        let id = PersonId::from_random([3; 16]);
        let begun = Begun { claimed: Roles::NONE, at_ms: 0 };
        let delegation = Delegation::of(&object(&keys, Owner::Person(id)), begun).unwrap();
        let standing = Standing { keys: &keys, keys_since_ms: [0, 0], now_ms: 1 };
        let work = on_behalf(&delegation, &standing).unwrap();
        let herself = Principal::from(Person::verified(keys.tenant, id, Roles::NONE));
        let mut roles = RoleAssignments::default();
        for role in [Role::OpenAiUser, Role::Contributor, Role::DataProtectionOfficer] {
            let holder = crate::authz::role::Holder::Person(id);
            roles.assign(holder, role, crate::authz::facts::Scope::Service);
        }
        let policies = crate::authz::policies::Policies::built_in().unwrap();
        let authority = Authority::new(policies, None, roles);
        let (of, now) = (of(&keys), Moment { now_ms: 1 });
        assert!(authorize::<DeleteResource>(&authority, &herself, &of, &now).is_ok());
        assert!(authorize::<DeleteResource>(&authority, &work, &of, &now).is_err());
        assert!(authorize::<ListOwnRecords>(&authority, &herself, &of, &now).is_ok());
        assert!(authorize::<ListOwnRecords>(&authority, &work, &of, &now).is_err());
        assert!(authorize::<CreateObject>(&authority, &work, &of, &now).is_ok());
    }

    #[test]
    fn no_work_goes_on_for_a_file() {
        let (key, keys) = keys();
        let begun = Begun { claimed: Roles::NONE, at_ms: 0 };
        let file = ObjectFacts { class: Class::File, ..object(&keys, Owner::of(&key)) };
        assert_eq!(Delegation::of(&file, begun), None);
    }
}
