//! The keys of kept objects: made together, given out one at a time, and destroyed.
//!
//! The custodian gives out a key for one object, of one class, to one holder of a permit. No message
//! gives several existing keys. The number of keys in a minute is limited, so that an attacker in the
//! gateway cannot empty the store at once.

use std::collections::HashMap;

use minicbor::{Decode, Decoder, Encode, Encoder, encode::Write};
use policy::{
    id::{ObjectId, PersonId, TenantId, WorkloadId},
    object::Class,
    permit::By,
    principal::{KeyName, Principal},
};
use zeroize::Zeroizing;

use super::{Custodian, Refusal, Response, unusable};
use crate::keys::{KeyError, ObjectName};

/// Most keys of one tenant that the custodian gives out in a minute.
pub const OBJECT_KEYS_PER_MINUTE_MAX: u64 = 6000;

/// Most objects in one message.
pub const OBJECTS_TOGETHER_MAX: usize = 1000;

/// An object's key in a message: overwritten when it is dropped.
pub struct ObjectKey(pub(crate) Zeroizing<[u8; 32]>);

impl PartialEq for ObjectKey {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl Eq for ObjectKey {}

impl std::fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectKey(..)")
    }
}

impl<C> Encode<C> for ObjectKey {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(self.0.as_slice())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ObjectKey {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let mut key = Zeroizing::new([0; 32]);
        let bytes = decoder.bytes()?;
        if bytes.len() != key.len() {
            return Err(minicbor::decode::Error::message("a key of another length"));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }
}

/// An object whose key is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct NewObjectKey {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Its class.
    #[n(1)]
    pub class: Class,
    /// Time at which the key is destroyed, in Unix milliseconds; `None` for a key without an end.
    #[n(2)]
    pub expires_ms: Option<u64>,
}

/// The name of an object's key, without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ListedObject {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Its tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// Its class.
    #[n(2)]
    pub class: Class,
    /// Time at which the key is destroyed, in Unix milliseconds; `None` for a key without an end.
    #[n(3)]
    pub expires_ms: Option<u64>,
}

impl From<ObjectName> for ListedObject {
    fn from(name: ObjectName) -> Self {
        let ObjectName { object, tenant, class, expires_ms } = name;
        Self { object, tenant, class, expires_ms }
    }
}

/// What a permit allows with an object's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Use {
    /// Read it: `readObject`.
    #[n(0)]
    Read,
    /// Change it: `writeObject`.
    #[n(1)]
    Write,
    /// Train on it: `trainOn`. Only files are training data.
    #[n(2)]
    Train,
}

/// The holder of a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Holder {
    /// A resource's first key.
    #[n(0)]
    Key1,
    /// A resource's second key.
    #[n(1)]
    Key2,
    /// A person.
    #[n(2)]
    #[cbor(array)]
    Person(#[n(0)] PersonId),
    /// A program with its own identity.
    #[n(3)]
    #[cbor(array)]
    Workload(#[n(0)] WorkloadId),
}

impl Holder {
    /// Returns a permit's holder. The administrator has no permit for an object.
    pub(crate) fn of(by: &By) -> Option<Self> {
        match by {
            By::Principal(Principal::Key(key)) => Some(match key.key() {
                KeyName::Key1 => Self::Key1,
                KeyName::Key2 => Self::Key2,
            }),
            By::Principal(Principal::Person(person)) => Some(Self::Person(person.id())),
            By::Principal(Principal::Workload(workload)) => Some(Self::Workload(workload.id())),
            By::Administrator => None,
        }
    }
}

/// A request for one object's key, with the permit's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ObjectToOpen {
    /// The object.
    #[n(0)]
    pub object: ObjectId,
    /// Its tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// Its class.
    #[n(2)]
    pub class: Class,
    /// What the permit allows.
    #[n(3)]
    pub action: Use,
    /// The holder of the permit.
    #[n(4)]
    pub holder: Holder,
}

/// How many keys each tenant may still get: a number that grows again with time.
#[derive(Debug, Default)]
pub(super) struct Given {
    tenants: HashMap<TenantId, Left>,
}

#[derive(Debug, Clone, Copy)]
struct Left {
    /// Thousandths of a key.
    millis: u64,
    at_ms: u64,
}

/// Tenants that are remembered; a tenant that was forgotten may get the whole number again.
const TENANTS_MAX: usize = 10_000;

impl Given {
    const FULL: u64 = OBJECT_KEYS_PER_MINUTE_MAX * 1000;

    /// Counts one key. Returns false if the tenant has had as many as it may.
    fn take(&mut self, tenant: TenantId, now_ms: u64) -> bool {
        let grown = |left: &Left| {
            let grown = now_ms.saturating_sub(left.at_ms).saturating_mul(Self::FULL / 60_000);
            left.millis.saturating_add(grown).min(Self::FULL)
        };
        if self.tenants.len() >= TENANTS_MAX {
            self.tenants.retain(|_, left| grown(left) < Self::FULL);
        }
        let millis = self.tenants.get(&tenant).map_or(Self::FULL, grown);
        let left = millis.checked_sub(1000);
        self.tenants.insert(tenant, Left { millis: left.unwrap_or(millis), at_ms: now_ms });
        left.is_some()
    }
}

impl Custodian {
    pub(super) fn new_object_keys(
        &mut self,
        tenant: TenantId,
        objects: &[NewObjectKey],
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        if objects.len() > OBJECTS_TOGETHER_MAX {
            return Err(Refusal::TooManyObjects);
        }
        let mut names: Vec<ObjectName> = Vec::with_capacity(objects.len());
        for &NewObjectKey { object, class, expires_ms } in objects {
            if expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
                return Err(Refusal::Expired);
            }
            let is_known = self.keys.object_name(object).is_some();
            if is_known || names.iter().any(|name| name.object == object) {
                return Err(Refusal::OtherObject);
            }
            names.push(ObjectName { object, tenant, class, expires_ms });
        }
        let keys = self.keys.new_object_keys(tenant, &names).map_err(unusable)?;
        Ok(Response::NewObjectKeys(keys.into_iter().map(ObjectKey).collect()))
    }

    pub(super) fn object_key(
        &mut self,
        asked: &ObjectToOpen,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let name = self.named(asked.object, asked.tenant, asked.class)?;
        if asked.action == Use::Train && asked.class != Class::File {
            return Err(Refusal::OtherObject);
        }
        if name.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Err(Refusal::Destroyed);
        }
        if !self.given.take(asked.tenant, now_ms) {
            return Err(Refusal::TooManyObjects);
        }
        let key = self.keys.object_key(&name).map_err(closed)?.ok_or(Refusal::Destroyed)?;
        Ok(Response::ObjectKey(ObjectKey(key)))
    }

    pub(super) fn move_object_key(
        &mut self,
        to: &ListedObject,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        let name = self.named(to.object, to.tenant, to.class)?;
        if [name.expires_ms, to.expires_ms].into_iter().flatten().any(|end_ms| end_ms <= now_ms) {
            return Err(Refusal::Expired);
        }
        match self.keys.move_object_key(&name, to.expires_ms).map_err(closed)? {
            true => Ok(Response::ObjectNames(vec![*to])),
            false => Err(Refusal::Destroyed),
        }
    }

    pub(super) fn object_names(&self, after: Option<ObjectId>) -> Response {
        let names = self.keys.object_names(after, OBJECTS_TOGETHER_MAX);
        Response::ObjectNames(names.into_iter().map(ListedObject::from).collect())
    }

    pub(super) fn destroy_object_keys(
        &mut self,
        objects: &[ObjectId],
    ) -> Result<Response, Refusal> {
        if objects.len() > OBJECTS_TOGETHER_MAX {
            return Err(Refusal::TooManyObjects);
        }
        let destroyed = self.keys.destroy_object_keys(objects).map_err(unusable)?;
        Ok(Response::ObjectNames(destroyed.into_iter().map(ListedObject::from).collect()))
    }

    pub(super) fn tenant_key(&self, tenant: TenantId) -> Result<Response, Refusal> {
        Ok(Response::TenantKey(self.keys.is_usable(tenant).map_err(unusable)?))
    }

    /// Returns the name of an object's key, if tenant and class are those of the key.
    fn named(
        &self,
        object: ObjectId,
        tenant: TenantId,
        class: Class,
    ) -> Result<ObjectName, Refusal> {
        let name = self.keys.object_name(object).ok_or(Refusal::Destroyed)?;
        if name.tenant != tenant || name.class != class {
            return Err(Refusal::OtherObject);
        }
        Ok(name)
    }
}

/// Returns the refusal for an object's key that does not open.
fn closed(error: KeyError) -> Refusal {
    match error {
        KeyError::Damaged { .. } => Refusal::DamagedKey,
        error => unusable(error),
    }
}
