//! The state store as one caller may use it: each step asks the policies first.
//!
//! An object that the caller may not see is reported as a missing one, in the same words.

mod lines;

use hyper::HeaderMap;
use policy::{
    authz::{
        Denied,
        context::Moment,
        facts::{FileFacts, ObjectFacts, ResourceFacts},
    },
    content::ContentBytes,
    id::{ObjectId, PersonId, RequestId, WorkloadId},
    object::{self, Class, NotKept, Owner},
    permit::{
        Action, CreateObject, DeleteObject, Permit, ReadInventory, ReadObject, TrainOn, WriteObject,
    },
    token::Kind,
    training::TrainingSet,
};
use store::objects::{Change, Draft, NewObject, Object, ObjectError, Opened, Select};
use wire::{error::Invalid, page::Page};

use crate::{
    authn::Caller, clock, http::only, inventory, openai::error::ApiError, services::Services,
};

/// The state store as one caller may use it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Objects<'a> {
    services: &'a Services,
    caller: &'a Caller,
}

/// A new object.
#[derive(Debug, Clone)]
pub(crate) struct New {
    /// Its class.
    pub class: Class,
    /// True if it is shared with the resource.
    pub shared: bool,
    /// The end that the customer asks for: milliseconds since 1970.
    pub expires_ms: Option<u64>,
    /// The object that it is a part of.
    pub parent: Option<ObjectId>,
    /// See `store::objects::Object`.
    pub state: u32,
    /// See `store::objects::Object`.
    pub label: String,
}

impl<'a> Objects<'a> {
    /// The store for one caller.
    pub(crate) fn of(services: &'a Services, caller: &'a Caller) -> Self {
        Self { services, caller }
    }

    /// Whether the resource keeps objects of a class now. Under zero retention it keeps none, unless
    /// the approval names the class.
    ///
    /// # Errors
    /// If the caller's resource is gone.
    pub(crate) fn keeps(&self, class: Class) -> Result<bool, ApiError> {
        let rule = &self.caller.resource()?.retention;
        Ok(object::keep(rule, class, None, clock::now_ms()).is_ok())
    }

    /// Refuses what the resource does not keep, before any work is done for it. `what` is the name of
    /// the field or thing that asks for it.
    ///
    /// # Errors
    /// [`ApiError::ZeroRetention`] if the resource does not keep objects of this class.
    pub(crate) fn must_keep(&self, class: Class, what: &'static str) -> Result<(), ApiError> {
        if self.keeps(class)? { Ok(()) } else { Err(ApiError::ZeroRetention { what }) }
    }

    /// Begins a new object. Hand it to `Call::writes` once it is complete: it is committed with the
    /// call's receipt.
    ///
    /// # Errors
    /// Under zero retention, without a right, or if the custodian refuses.
    pub(crate) async fn begin(&self, request: RequestId, new: New) -> Result<Draft, ApiError> {
        let permit = self.permit::<CreateObject>()?;
        let New { class, mut shared, mut expires_ms, parent, state, label } = new;
        if let Some(whole) = self.whole(parent).await? {
            // A part is shared with its whole, and ends with it at the latest.
            shared |= whole.facts.shared;
            expires_ms = match (expires_ms, whole.expires_ms) {
                (Some(own), Some(its)) => Some(own.min(its)),
                (own, its) => own.or(its),
            };
        }
        let rule = &self.caller.resource()?.retention;
        let keep = object::keep(rule, class, expires_ms, clock::now_ms());
        let keep =
            keep.map_err(|NotKept { class, .. }| ApiError::ZeroRetention { what: class.plural() })?;
        let owner = self.owner().await?;
        let new = NewObject { owner, shared, parent, request, state, label };
        self.store(move |objects| objects.begin(permit, keep, new)).await?.map_err(failed(class))
    }

    /// Gives a draft its end, if that was not known when it was begun.
    ///
    /// # Errors
    /// Under zero retention, or if the custodian refuses.
    pub(crate) async fn end(
        &self,
        mut draft: Draft,
        expires_ms: Option<u64>,
    ) -> Result<Draft, ApiError> {
        let class = draft.object().facts.class;
        let rule = &self.caller.resource()?.retention;
        let keep = object::keep(rule, class, expires_ms, clock::now_ms());
        let keep =
            keep.map_err(|NotKept { class, .. }| ApiError::ZeroRetention { what: class.plural() })?;
        self.store(move |objects| objects.end(&mut draft, keep).map(|()| draft))
            .await?
            .map_err(failed(class))
    }

    /// Finds an object that the caller may read, without content.
    ///
    /// # Errors
    /// If there is none for this caller.
    pub(crate) async fn find(&self, class: Class, id: &str) -> Result<Object, ApiError> {
        let (object, _) = self.sought::<ReadObject>(class, id).await?;
        Ok(object)
    }

    /// Finds an object that the caller may delete, without content: the owner's own, and for the data
    /// protection officer any.
    ///
    /// # Errors
    /// If there is none for this caller.
    pub(crate) async fn find_to_delete(&self, class: Class, id: &str) -> Result<Object, ApiError> {
        match self.sought::<DeleteObject>(class, id).await {
            Ok((object, _)) => Ok(object),
            // A caller that may read it learns that only its owner may delete it; for all others it
            // does not exist.
            Err(ApiError::ObjectNotFound { .. }) => {
                self.find(class, id).await?;
                Err(ApiError::NotTheOwner { class })
            }
            Err(error) => Err(error),
        }
    }

    /// Opens an object.
    ///
    /// # Errors
    /// If there is none for this caller, or it cannot be opened.
    pub(crate) async fn open(&self, object: &Object) -> Result<Opened, ApiError> {
        let class = object.facts.class;
        let permit = self.allowed::<ReadObject>(&object.facts)?;
        self.store(move |objects| objects.open(permit)).await?.map_err(failed(class))
    }

    /// Asks whether the caller may change an object that it found.
    ///
    /// # Errors
    /// If the caller may not.
    pub(crate) fn may_write(&self, object: &Object) -> Result<(), ApiError> {
        self.allowed::<WriteObject>(&object.facts).map(drop)
    }

    /// Lists the objects that the caller may read, each opened, and whether there are more.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn list(&self, select: Select) -> Result<(Vec<Opened>, bool), ApiError> {
        let (found, more) = self.listed(select).await?;
        let mut opened = Vec::with_capacity(found.len());
        for object in found {
            match self.open(&object).await {
                Ok(object) => opened.push(object),
                // It was deleted, or expired, since it was listed.
                Err(ApiError::ObjectNotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((opened, more))
    }

    /// Lists the objects that the caller may read, without content, and whether there are more.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) async fn listed(&self, mut select: Select) -> Result<(Vec<Object>, bool), ApiError> {
        select.visible_to = Some(Owner::of(&self.caller.principal));
        // The place of an object that the caller may not see is not revealed either.
        self.bound("after", select.after).await?;
        self.bound("before", select.before).await?;
        let limit = select.limit;
        let mut found = Vec::new();
        loop {
            select.limit = limit.saturating_sub(found.len()).saturating_add(1).max(LOOK_AT_MIN);
            let (asked, of, these) = (select.limit, self.resource()?, select.clone());
            let rows = self.store(move |objects| objects.list(of, &these)).await?;
            let rows = rows.map_err(failed(select.class.unwrap_or(Class::File)))?;
            let is_last = rows.len() < asked;
            select.after = rows.last().map(|object| object.facts.object).or(select.after);
            for object in rows {
                if self.allowed::<ReadObject>(&object.facts).is_ok() {
                    if found.len() == limit {
                        return Ok((found, true));
                    }
                    found.push(object);
                }
            }
            if is_last {
                return Ok((found, false));
            }
        }
    }

    /// Lists all objects of the resource, of all principals, without content, and whether there are
    /// more: the inventory.
    ///
    /// # Errors
    /// If the caller may not see the inventory, or the store cannot be read.
    pub(crate) async fn inventory(
        &self,
        mut select: Select,
    ) -> Result<(Vec<Object>, bool), ApiError> {
        let of = self.permit::<ReadInventory>()?.spend();
        let limit = select.limit;
        select.limit = limit.saturating_add(1);
        let rows = self.store(move |objects| objects.list(of, &select)).await?;
        let mut rows = rows.map_err(failed(Class::File))?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, more))
    }

    /// Finds an object of any class that the inventory lists, of any owner, without content.
    ///
    /// # Errors
    /// If the caller may not see the inventory, or the resource has no such object.
    pub(crate) async fn find_listed(&self, id: &str) -> Result<Object, ApiError> {
        let of = self.permit::<ReadInventory>()?.spend();
        let missing = |class| ApiError::ObjectNotFound { class };
        let (class, id) = inventory::any(id).ok_or_else(|| missing(Class::File))?;
        let found = self.store(move |objects| objects.find(of, id)).await?;
        let found = found.map_err(failed(class))?.filter(|object| object.facts.class == class);
        found.ok_or_else(|| missing(class))
    }

    /// Returns whether the caller may delete an object.
    pub(crate) fn may_delete(&self, object: &ObjectFacts) -> bool {
        self.decide::<DeleteObject>(object).is_ok()
    }

    /// Changes with whom an object is shared, or its end: only its owner may.
    ///
    /// # Errors
    /// If the caller is not the owner.
    pub(crate) async fn rearrange(
        &self,
        object: &Object,
        change: Change,
    ) -> Result<Object, ApiError> {
        // A caller that may both write and delete is the owner: see `objects.cedar`.
        if !self.may_delete(&object.facts) || self.allowed::<WriteObject>(&object.facts).is_err() {
            return Err(ApiError::NotTheOwner { class: object.facts.class });
        }
        self.apply(object, change).await
    }

    /// Changes an object: its head, its state, or both. The change is refused if another request
    /// changed the object since `object` was read.
    ///
    /// # Errors
    /// If the caller may not, or another request changed it since `object` was read.
    pub(crate) async fn change(
        &self,
        object: &Object,
        head: Option<ContentBytes>,
        state: Option<u32>,
    ) -> Result<Object, ApiError> {
        let revision = Some(object.revision);
        self.apply(object, Change { head, state, revision, ..Change::default() }).await
    }

    /// Applies a change of any kind: also of the sharing, and of the end.
    ///
    /// # Errors
    /// As [`Self::change`].
    pub(crate) async fn apply(&self, object: &Object, change: Change) -> Result<Object, ApiError> {
        let class = object.facts.class;
        let permit = self.allowed::<WriteObject>(&object.facts)?;
        self.store(move |objects| objects.change(permit, change)).await?.map_err(failed(class))
    }

    /// Deletes an object with its parts. Note it in the call, too: `Call::destroyed`.
    ///
    /// # Errors
    /// If the caller may not.
    pub(crate) async fn delete(&self, object: &Object) -> Result<(), ApiError> {
        let class = object.facts.class;
        let permit = self.allowed::<DeleteObject>(&object.facts);
        // A caller that holds the object found it: it may know that it is there.
        let permit = permit.map_err(|_| ApiError::NotTheOwner { class })?;
        self.store(move |objects| objects.delete(permit)).await?.map_err(failed(class))
    }

    /// Returns a file that a fine-tuning job may read: uploaded for that, and the caller's own or
    /// shared with it.
    ///
    /// # Errors
    /// If there is none of this id for this caller. The answer is the same for all else that the id
    /// may name.
    pub(crate) async fn training_set(&self, id: &str) -> Result<(TrainingSet, Object), ApiError> {
        let missing = || ApiError::ObjectNotFound { class: Class::File };
        let object = self.find(Class::File, id).await?;
        let facts = FileFacts::of(&object.facts, &object.label).ok_or_else(missing)?;
        let permit = self.decide::<TrainOn>(&facts).map_err(|_| missing())?;
        Ok((TrainingSet::of(permit).map_err(|_| missing())?, object))
    }

    /// Opens a file for a fine-tuning job.
    ///
    /// # Errors
    /// If it is gone, or cannot be opened.
    pub(crate) async fn open_training(&self, set: TrainingSet) -> Result<Opened, ApiError> {
        let opened = self.store(move |objects| objects.open_training_file(&set)).await?;
        opened.map_err(failed(Class::File))
    }

    /// Returns what a list selects: the ids of a page as objects of a class.
    ///
    /// # Errors
    /// If `after` or `before` is no id of this class.
    pub(crate) fn select(&self, class: Class, page: &Page) -> Result<Select, ApiError> {
        let object = |param, id: &Option<String>| {
            let id = id.as_deref().map(|id| class.parse(id).ok_or_else(|| cursor(param, class)));
            id.transpose()
        };
        Ok(Select {
            class: Some(class),
            after: object("after", &page.after)?,
            before: object("before", &page.before)?,
            ascending: page.ascending,
            limit: page.limit,
            ..Select::default()
        })
    }

    /// Checks that the caller may see the object at which a list begins or ends.
    async fn bound(&self, param: &'static str, id: Option<ObjectId>) -> Result<(), ApiError> {
        let (Some(id), of) = (id, self.resource()?) else { return Ok(()) };
        let found = self.store(move |objects| objects.find(of, id)).await?;
        let found = found.map_err(failed(Class::File))?;
        let seen = found.is_some_and(|object| self.allowed::<ReadObject>(&object.facts).is_ok());
        let message =
            format!("Invalid '{param}': expected an id from an earlier page of this list.");
        if seen { Ok(()) } else { Err(Invalid::value(param, message).into()) }
    }

    /// Returns the caller as the owner of new objects. A person or program without an id gets one that lasts:
    /// only an id that is the same in each request can own an object.
    async fn owner(&self) -> Result<Owner, ApiError> {
        let Some(subject) = self.caller.unregistered else {
            return Ok(Owner::of(&self.caller.principal));
        };
        let store = self.services.store.clone();
        let registered = tokio::task::spawn_blocking(move || store.register(subject)).await;
        let id = registered.map_err(|_| ApiError::Internal)?.map_err(|error| {
            tracing::error!(%error, "a caller cannot be registered");
            ApiError::Store
        })?;
        Ok(match subject.kind {
            Kind::Person => Owner::Person(PersonId::from_random(id)),
            Kind::Workload => Owner::Workload(WorkloadId::from_random(id)),
        })
    }

    /// Returns the object that a new one becomes a part of; `None` if it is not committed yet.
    ///
    /// # Errors
    /// If the caller may not change it.
    async fn whole(&self, parent: Option<ObjectId>) -> Result<Option<Object>, ApiError> {
        let (Some(parent), of) = (parent, self.resource()?) else { return Ok(None) };
        let found = self.store(move |objects| objects.find(of, parent)).await?;
        let Some(whole) = found.map_err(failed(Class::Conversation))? else { return Ok(None) };
        let _ = self.allowed::<WriteObject>(&whole.facts)?;
        Ok(Some(whole))
    }

    /// Finds an object by its id and asks whether the caller may do `A` with it.
    async fn sought<A>(&self, class: Class, id: &str) -> Result<(Object, Permit<A>), ApiError>
    where
        A: Action<Thing = ObjectFacts, Context = Moment>,
    {
        let missing = || ApiError::ObjectNotFound { class };
        let of = self.resource()?;
        let id = class.parse(id);
        let found = match id {
            Some(id) => self.store(move |objects| objects.find(of, id)).await?,
            None => Ok(None),
        };
        let found = found.map_err(failed(class))?.filter(|object| object.facts.class == class);
        let Some(object) = found else {
            // Asked all the same, so that a missing object takes as long as a hidden one.
            let no_owner = Owner::Person(PersonId::from_random([0; 16]));
            let object = id.unwrap_or(ObjectId::from_random([0; 16]));
            let nothing = ObjectFacts { of, object, class, owner: no_owner, shared: false };
            let _ = self.decide::<A>(&nothing);
            return Err(missing());
        };
        let permit = self.allowed::<A>(&object.facts)?;
        Ok((object, permit))
    }

    /// Asks whether the caller may do `A` with an object. If not, there is no such object.
    fn allowed<A>(&self, object: &ObjectFacts) -> Result<Permit<A>, ApiError>
    where
        A: Action<Thing = ObjectFacts, Context = Moment>,
    {
        self.decide(object).map_err(|_| ApiError::ObjectNotFound { class: object.class })
    }

    /// Asks whether the caller may do `A` with its resource.
    fn permit<A>(&self) -> Result<Permit<A>, ApiError>
    where
        A: Action<Thing = ResourceFacts, Context = Moment>,
    {
        self.decide(&self.resource()?).map_err(|_| ApiError::PermissionDenied)
    }

    fn decide<A: Action<Context = Moment>>(&self, thing: &A::Thing) -> Result<Permit<A>, Denied> {
        let moment = Moment { now_ms: clock::now_ms() };
        let authority = self.services.authorities.of(&self.caller.directory);
        authority.authorize(&self.caller.principal, thing, &moment)
    }

    fn resource(&self) -> Result<ResourceFacts, ApiError> {
        let resource = self.caller.resource()?;
        Ok(ResourceFacts { tenant: resource.tenant, resource: resource.id })
    }

    /// Runs a step of the store on a thread that may block.
    async fn store<T: Send + 'static>(
        &self,
        step: impl FnOnce(store::objects::Objects) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let objects = self.services.ledger.objects();
        let done = tokio::task::spawn_blocking(move || step(objects)).await;
        done.map_err(|_| ApiError::Internal)
    }
}

/// Reads the header `x-bailiwick-share`: whether a new object is shared with all principals of the
/// resource.
///
/// # Errors
/// If it is there twice, or has another value than `resource`.
pub(crate) fn shared(headers: &HeaderMap) -> Result<bool, ApiError> {
    if !headers.contains_key(SHARE) {
        return Ok(false);
    }
    if only(headers, SHARE) == Some("resource") {
        return Ok(true);
    }
    let message = "Invalid header 'x-bailiwick-share': send it once, with the value 'resource', to share \
                   the new object with all keys, people and programs of the resource; or leave it out.";
    Err(Invalid::value(SHARE, message).into())
}

/// Returns the function that maps the store's errors.
pub(crate) fn failed(class: Class) -> impl Fn(ObjectError) -> ApiError {
    move |error| match error {
        ObjectError::Gone => ApiError::ObjectNotFound { class },
        ObjectError::Changed => ApiError::ObjectChanged { class },
        ObjectError::KeyWithdrawn => ApiError::CustomerKeyWithdrawn,
        ObjectError::Full => ApiError::ObjectsFull,
        ObjectError::TooLarge => ApiError::ObjectTooLarge { class },
        ObjectError::TooMany(_) => ApiError::ObjectsBusy,
        ObjectError::Unusable(reason) => {
            tracing::error!(%reason, "an object cannot be kept or opened");
            ApiError::ObjectsUnavailable
        }
    }
}

fn cursor(param: &'static str, class: Class) -> ApiError {
    let message = format!("Invalid '{param}': expected the id of a {class} from an earlier page.");
    Invalid::value(param, message).into()
}

const SHARE: &str = "x-bailiwick-share";

/// The fewest rows that are read at once while the caller's own are sought among those of others.
const LOOK_AT_MIN: usize = 50;

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn an_object_is_shared_by_one_clear_header() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(SHARE, HeaderValue::from_static(value));
            }
            headers
        };
        assert_eq!(shared(&headers(&[])), Ok(false));
        assert_eq!(shared(&headers(&["resource"])), Ok(true));
        for bad in [&["canary"][..], &[""], &["resource", "resource"], &["Resource"]] {
            let refused = shared(&headers(bad)).unwrap_err().answer();
            assert_eq!(refused.status.as_u16(), 400);
            assert!(!refused.body.error.message.contains("canary"));
        }
    }
}
