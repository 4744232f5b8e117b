//! The functions of the state store.

mod lines;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::{
    authz::facts::{ObjectFacts, ResourceFacts},
    id::{ObjectId, TenantId},
    object::{Class, Keep},
    permit::{CreateObject, DeleteObject, Permit, ReadObject, WriteObject},
    principal::Delegation,
    training::{PURPOSE, TrainingSet},
};
use tlog::{entry::Event, object::Why};

use super::{Shared, objects, subjects::write::Indexed};
use crate::object::{
    Change, Draft, HEAD_BYTES_MAX, NewObject, OBJECTS_MAX, Object, ObjectError, Opened, Row,
    Select, body::Reader, seal, state::Key,
};
use crate::{
    custody::{Holder, ListedObject, NewObjectKey, ObjectToOpen, Use},
    log::Append,
    random::random,
    sqlite::Database,
};

/// The state store; clones are the same store. All its functions block.
#[derive(Debug, Clone)]
pub struct Objects {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Mutex<Database>,
    writer: Mutex<Database>,
    /// Declared after the connections: its last reference releases the data directory's lock.
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Objects(..)")
    }
}

/// Times that a change is tried again after another one came in between.
const CHANGE_TRIES: u32 = 16;

impl Objects {
    pub(crate) fn new(reader: Database, writer: Database, shared: Arc<Shared>) -> Self {
        let (reader, writer) = (Mutex::new(reader), Mutex::new(writer));
        Self { inner: Arc::new(Inner { reader, writer, shared }) }
    }

    fn reader(&self) -> MutexGuard<'_, Database> {
        self.inner.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Database> {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    fn now_ms(&self) -> Result<u64, ObjectError> {
        let wall_ms = self.shared().reading().wall_ms;
        Ok(self.shared().now_ms(&self.reader())?.unwrap_or(wall_ms))
    }

    /// Begins a new object: the custodian makes its key.
    ///
    /// # Errors
    /// If the resource is full, the custodian refuses, or cannot be reached.
    pub fn begin(
        &self,
        permit: Permit<CreateObject>,
        keep: Keep,
        new: NewObject,
    ) -> Result<Draft, ObjectError> {
        let created_ms = self.now_ms()?;
        let begun = Delegation::begin(&permit, created_ms).map(|work| work.begun().claimed);
        let of = permit.spend();
        if of.tenant != keep.tenant() {
            return Err(ObjectError::Unusable("the permission to keep is another tenant's".into()));
        }
        if self.reader().objects_of(of.resource)? >= OBJECTS_MAX {
            return Err(ObjectError::Full);
        }
        let object = ObjectId::from_random(random().map_err(seal::unusable)?);
        let (class, expires_ms) = (keep.class(), keep.until_ms());
        let asked = vec![NewObjectKey { object, class, expires_ms }];
        let made =
            self.shared().custody.with(|client| client.new_object_keys(of.tenant, asked.clone()));
        let key = made?.pop().ok_or_else(seal::damaged)?;
        let NewObject { owner, shared, parent, request, state, label } = new;
        let facts = ObjectFacts { of, object, class, owner, shared };
        let object = Object {
            facts,
            parent,
            request,
            created_ms,
            expires_ms,
            bytes: 0,
            state,
            label,
            revision: 0,
            claimed: begun.unwrap_or_default(),
        };
        let key = Arc::new(Key::new(key.0, of.tenant));
        Ok(Draft::new(object, key, Arc::clone(&self.shared().objects)))
    }

    /// Gives a draft its end, if that was not known when it was begun: a field of a form may come after
    /// the file. The key is destroyed at that time.
    ///
    /// # Errors
    /// If the permission is for another tenant or class, or the custodian refuses.
    pub fn end(&self, draft: &mut Draft, keep: Keep) -> Result<(), ObjectError> {
        let ObjectFacts { of: ResourceFacts { tenant, .. }, object, class, .. } =
            draft.object().facts;
        if (tenant, class) != (keep.tenant(), keep.class()) {
            return Err(ObjectError::Unusable("the permission is for another object".into()));
        }
        let expires_ms = keep.until_ms();
        let to = ListedObject { object, tenant, class, expires_ms };
        self.shared().custody.with(|client| client.move_object_key(to))?;
        draft.set_end(expires_ms);
        Ok(())
    }

    /// Commits drafts without a request: for batches and jobs, which write objects by themselves.
    ///
    /// # Errors
    /// If they cannot be written: then none is.
    pub fn commit(&self, mut drafts: Vec<Draft>) -> Result<(), ObjectError> {
        let rows: Vec<Row> = drafts.iter_mut().map(Draft::row).collect::<Result<_, _>>()?;
        self.shared().check_intact()?;
        loop {
            let indexed = self.indexed(&drafts)?;
            let mut writer = self.writer();
            let tx = writer.write()?;
            if !indexed.iter().all(|indexed| indexed.is_current(self.shared())) {
                continue;
            }
            rows.iter().try_for_each(|row| tx.add_object(row))?;
            indexed.iter().try_for_each(|indexed| indexed.write_objects(&tx))?;
            tx.commit()?;
            break;
        }
        drafts.into_iter().for_each(Draft::committed);
        Ok(())
    }

    /// Returns the rows of the subject index for drafts.
    fn indexed(&self, drafts: &[Draft]) -> Result<Vec<Indexed>, ObjectError> {
        let of = |drafts: &[Draft]| {
            let tenant = drafts.first().map(|draft| draft.object().facts.of.tenant);
            tenant.map(|tenant| Indexed::of_drafts(self.shared(), tenant, drafts))
        };
        let same = |a: &Draft, b: &Draft| a.object().facts.of == b.object().facts.of;
        let all: Result<_, _> = drafts.chunk_by(same).filter_map(of).collect();
        Ok(all?)
    }

    /// Finds an object of a resource by its id, without content.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn find(&self, of: ResourceFacts, object: ObjectId) -> Result<Option<Object>, ObjectError> {
        let now_ms = self.now_ms()?;
        Ok(self.reader().object(of, object, now_ms)?)
    }

    /// Lists objects of a resource, without content.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn list(&self, of: ResourceFacts, select: &Select) -> Result<Vec<Object>, ObjectError> {
        let now_ms = self.now_ms()?;
        Ok(self.reader().objects(of, select, now_ms)?)
    }

    /// Lists the objects of a class in one of these states, of all resources: for work that goes on after a
    /// restart.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn unfinished(&self, class: Class, states: &[u32]) -> Result<Vec<Object>, ObjectError> {
        let now_ms = self.now_ms()?;
        Ok(self.reader().unfinished_objects(class, states, now_ms)?)
    }

    /// Opens an object: the custodian gives out its key.
    ///
    /// # Errors
    /// If the object is gone, or its key is.
    pub fn open(&self, permit: Permit<ReadObject>) -> Result<Opened, ObjectError> {
        let holder = holder(permit.by())?;
        self.open_for(&permit.spend(), Use::Read, holder)
    }

    /// Opens a file to train on it. Only a training set opens one:
    ///
    /// ```compile_fail,E0308
    /// use policy::permit::{Permit, ReadObject};
    /// fn open(objects: &store::objects::Objects, permit: Permit<ReadObject>) {
    ///     let _ = objects.open_training_file(permit);
    /// }
    /// ```
    ///
    /// # Errors
    /// If the file is gone or has another purpose by now, or its key is gone.
    pub fn open_training_file(&self, set: &TrainingSet) -> Result<Opened, ObjectError> {
        let opened = self.open_for(set.file(), Use::Train, holder(set.by())?)?;
        if opened.object.label == PURPOSE { Ok(opened) } else { Err(ObjectError::Gone) }
    }

    /// Opens an object that was found for the export of a data subject, of any owner.
    pub(in crate::ledger) fn open_found(
        &self,
        facts: &ObjectFacts,
        holder: Holder,
    ) -> Result<Opened, ObjectError> {
        self.open_for(facts, Use::Read, holder)
    }

    fn open_for(
        &self,
        facts: &ObjectFacts,
        action: Use,
        holder: Holder,
    ) -> Result<Opened, ObjectError> {
        let row = self.row(facts)?;
        let key = self.key(facts, action, holder)?;
        let (head, commitment) = seal::open_head(key.bytes(), facts, row.head_revision, &row.head)?;
        let folder = self.shared().objects.folder();
        let body = commitment.map(|of| Reader::open(folder, key.bytes(), facts, of)).transpose()?;
        Ok(Opened { object: row.object, head, body, key })
    }

    /// Returns the row of an object, if it is still the object that was decided about.
    fn row(&self, facts: &ObjectFacts) -> Result<Row, ObjectError> {
        let now_ms = self.now_ms()?;
        let row = self.reader().object_row(facts.of, facts.object, now_ms)?;
        row.filter(|row| row.object.facts == *facts).ok_or(ObjectError::Gone)
    }

    fn key(
        &self,
        facts: &ObjectFacts,
        action: Use,
        holder: Holder,
    ) -> Result<Arc<Key>, ObjectError> {
        let &ObjectFacts { of: ResourceFacts { tenant, .. }, object, class, .. } = facts;
        let shared = self.shared();
        if let Some(key) = shared.objects.known(object) {
            return Ok(key);
        }
        let asked = ObjectToOpen { object, tenant, class, action, holder };
        let key = shared.custody.with(|client| client.object_key(asked))?;
        let key = Arc::new(Key::new(key.0, tenant));
        shared.objects.keep(object, &key, shared.reading().boottime_ms);
        Ok(key)
    }

    /// Changes an object.
    ///
    /// # Errors
    /// If the object is gone, or was changed in between.
    pub fn change(
        &self,
        permit: Permit<WriteObject>,
        change: Change,
    ) -> Result<Object, ObjectError> {
        let holder = holder(permit.by())?;
        let facts = permit.spend();
        if change.head.as_ref().is_some_and(|head| head.reveal().len() > HEAD_BYTES_MAX) {
            return Err(ObjectError::TooLarge);
        }
        for _ in 0..CHANGE_TRIES {
            let row = self.row(&facts)?;
            if change.revision.is_some_and(|revision| revision != row.object.revision) {
                return Err(ObjectError::Changed);
            }
            if let Some(changed) = self.try_change((&facts, holder), row, &change)? {
                return Ok(changed);
            }
        }
        Err(ObjectError::Changed)
    }

    /// Makes one try; returns `None` if another change came in between.
    fn try_change(
        &self,
        (facts, holder): (&ObjectFacts, Holder),
        row: Row,
        change: &Change,
    ) -> Result<Option<Object>, ObjectError> {
        let before = row.object.revision;
        let mut object = row.object;
        object.revision = before.saturating_add(1);
        object.state = change.state.unwrap_or(object.state);
        object.facts.shared = change.shared.unwrap_or(object.facts.shared);
        let head = if change.head.is_some() || object.facts.shared != facts.shared {
            let key = self.key(facts, Use::Write, holder)?;
            let (old, body) = seal::open_head(key.bytes(), facts, row.head_revision, &row.head)?;
            let head = change.head.as_ref().unwrap_or(&old);
            let length = |head: &policy::content::ContentBytes| head.reveal().len() as u64;
            object.bytes = object.bytes.saturating_sub(length(&old)).saturating_add(length(head));
            Some(seal::seal_head(key.bytes(), &object.facts, object.revision, (head, body))?)
        } else {
            None
        };
        if let Some(expires_ms) = change.expires_ms
            && expires_ms != object.expires_ms
        {
            let &ObjectFacts { of, object: id, class, .. } = facts;
            let to = ListedObject { object: id, tenant: of.tenant, class, expires_ms };
            self.shared().custody.with(|client| client.move_object_key(to))?;
            object.expires_ms = expires_ms;
        }
        self.shared().check_intact()?;
        let mut writer = self.writer();
        let tx = writer.write()?;
        if !tx.change_object(&object, before, head.as_deref())? {
            return Ok(None);
        }
        tx.commit()?;
        Ok(Some(object))
    }

    /// Ends the work for an object whose principal may no longer act: changes its state, and nothing
    /// else. It takes no permit, because no one is left that could get one; the head stays sealed.
    ///
    /// # Errors
    /// If the object is gone, or no work goes on for objects of its class.
    pub fn stop(&self, object: &Object, state: u32) -> Result<Object, ObjectError> {
        if object.delegation().is_none() {
            return Err(ObjectError::Unusable("no work goes on for it".to_owned()));
        }
        let mut writer = self.writer();
        let now_ms = self.now_ms()?;
        self.shared().check_intact()?;
        let tx = writer.write()?;
        let found = tx.object(object.facts.of, object.facts.object, now_ms)?;
        let mut stopped = found.ok_or(ObjectError::Gone)?;
        let before = stopped.revision;
        (stopped.state, stopped.revision) = (state, before.saturating_add(1));
        if !tx.change_object(&stopped, before, None)? {
            return Err(ObjectError::Changed);
        }
        tx.commit()?;
        Ok(stopped)
    }

    /// Deletes an object and its parts: logs that, and destroys their keys.
    ///
    /// # Errors
    /// If the object is gone, or the log cannot be written. If the custodian cannot be reached, the
    /// object is gone for everybody, and its key is destroyed once the custodian can be reached.
    pub fn delete(&self, permit: Permit<DeleteObject>) -> Result<(), ObjectError> {
        let facts = permit.spend();
        let now_ms = self.now_ms()?;
        let shared = self.shared();
        shared.check_intact()?;
        let mut writer = self.writer();
        let gone = {
            let tx = writer.write()?;
            let row = tx.object(facts.of, facts.object, now_ms)?;
            row.filter(|object| object.facts == facts).ok_or(ObjectError::Gone)?;
            let gone = tx.object_and_parts(facts.object)?;
            let mut append = Append::begin(&tx, shared.reading())?;
            for (object, class) in &gone {
                tx.set_object_gone(*object)?;
                let (object, class, tenant, why) = (*object, *class, facts.of.tenant, Why::Deleted);
                append.push(Event::ObjectDestroyed { object, class, tenant, why })?;
            }
            append.finish()?;
            tx.commit()?;
            gone
        };
        let gone: Vec<ObjectId> = gone.into_iter().map(|(object, _)| object).collect();
        objects::finish(&mut writer, shared, &gone).map_err(seal::unusable)
    }

    /// Whether a tenant's key-encryption key can be used: a customer may hold it, and withdraw it.
    ///
    /// # Errors
    /// If the custodian cannot be asked.
    pub fn key_in_force(&self, tenant: TenantId) -> Result<bool, ObjectError> {
        Ok(self.shared().custody.with(|client| client.tenant_key(tenant))?)
    }

    /// Forgets the keys of a tenant's objects at once, and stops their readers: the customer
    /// withdrew its key.
    pub fn forget(&self, tenant: TenantId) {
        self.shared().objects.forget_tenant(tenant);
    }
}

fn holder(by: &policy::permit::By) -> Result<Holder, ObjectError> {
    Holder::of(by).ok_or_else(|| ObjectError::Unusable("the administrator opens nothing".into()))
}
