//! What is kept of data subjects: the functions for the customer's data protection officer.

pub(super) mod erase;
mod find;
pub(crate) mod found;
pub(super) mod write;

use std::time::Duration;

use policy::{
    authz::facts::ObjectFacts,
    id::{ObjectId, RequestId, SubjectRequestId, TenantId},
    permit::{FindSubject, Permit},
    workflow::{
        owner::Owner,
        review,
        subject::{Erase, Export, Find, Restrict, Subject},
    },
};
use tlog::{
    canon,
    checkpoint::Checkpoint,
    erasure::{Proof, Signed},
    tree,
};

use self::{
    find::Search,
    found::{Certified, Erasure, Exporting, Files, Found, FoundErasure, SubjectError},
    write::{Indexed, Keys},
};
use super::{Ledger, NotRecorded, Shared, held};
use crate::{
    about::About,
    custody::{Holder, SubjectKeyOf},
    error::StoreError,
    log::Append,
    object::Opened,
    row::ErasureRow,
    signed::{Deciding, SignedAct},
    sqlite::Database,
    tiles::LogError,
};

/// How long an erasure waits for the destruction of the keys.
const ERASE_WITHIN: Duration = Duration::from_secs(20);

/// Searches, exports and erases the data that is kept of data subjects. All its functions block.
#[derive(Debug, Clone)]
pub struct Subjects {
    ledger: Ledger,
    act: SignedAct,
}

impl Ledger {
    /// What is kept of data subjects.
    #[must_use]
    pub fn subjects(&self) -> Subjects {
        Subjects { ledger: self.clone(), act: SignedAct::default() }
    }
}

impl Subjects {
    /// Signs the next act. The entries of a tenant with a root need the signature of an officer each:
    /// without it, [`StoreError::NotLogged`] has the statement to sign.
    #[must_use]
    pub fn signed(self, act: SignedAct) -> Self {
        Self { act, ..self }
    }

    fn shared(&self) -> &Shared {
        &self.ledger.inner.shared
    }

    /// Finds what is kept of a data subject. The log has the search before the custodian searches.
    ///
    /// # Errors
    /// If the log cannot be published, or the custodian refuses.
    pub fn find(&self, find: &Find) -> Result<Found, SubjectError> {
        let (tenant, subject) = (find.tenant(), find.subject());
        let search = Search { tenant, subject, salt: *find.salt(), by: find.by() };
        let (hashes, entry) = self.ledger.search(&search, &[find.log()], &self.act)?;
        self.ledger.collect((tenant, subject), (&hashes, entry))
    }

    /// Finds the data that is kept of a data subject, to export it.
    ///
    /// # Errors
    /// As [`Subjects::find`].
    pub fn export(&self, export: &Export) -> Result<Exporting, SubjectError> {
        let (tenant, subject) = (export.tenant(), export.subject());
        let (person, _) =
            Owner::named(export.by().statement().text()).ok_or(SubjectError::NoPerson)?;
        let search = Search { tenant, subject, salt: *export.salt(), by: export.by() };
        let (hashes, entry) = self.ledger.search(&search, &export.log(), &self.act)?;
        let found = self.ledger.collect((tenant, subject), (&hashes, entry))?;
        Ok(Exporting { tenant, holder: Holder::Person(person), found })
    }

    /// Opens an object that was found for an export, or a part of one that was found as a whole, of any
    /// owner.
    ///
    /// # Errors
    /// [`SubjectError::NotFound`] if it was not found, or is gone.
    pub fn open(&self, exporting: &Exporting, object: ObjectId) -> Result<Opened, SubjectError> {
        let objects = &self.ledger.inner.objects;
        for whole in exporting.found.objects.iter().filter(|found| found.lines.is_none()) {
            let facts = &whole.object.facts;
            let part = objects.find(facts.of, object)?;
            if let Some(part) = part.filter(|part| part.parent == Some(facts.object)) {
                return Ok(objects.open_found(&part.facts, exporting.holder)?);
            }
        }
        let is_it = |found: &&found::FoundObject| {
            let facts = &found.object.facts;
            facts.object == object && facts.of.tenant == exporting.tenant
        };
        let found = exporting.found.objects.iter().find(is_it).ok_or(SubjectError::NotFound)?;
        Ok(self.ledger.inner.objects.open_found(&found.object.facts, exporting.holder)?)
    }

    /// Returns the review of a record that was found: who looked at it, when and why.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn review(
        &self,
        exporting: &Exporting,
        request: RequestId,
    ) -> Result<Option<review::State>, SubjectError> {
        if !exporting.found.flagged.contains(&request) {
            return Ok(None);
        }
        find::review(&self.ledger.reader(), request)
    }

    /// Erases the data that is kept of a data subject, and waits some seconds for the destruction of the keys.
    ///
    /// # Errors
    /// [`SubjectError::Erased`] if there is an erasure for this request already.
    pub fn erase(&self, erase: &Erase, files: Files) -> Result<Erasure, SubjectError> {
        let (tenant, subject) = (erase.tenant(), erase.subject());
        let request = erase.request();
        if self.ledger.reader().erasure(request)?.is_some() {
            return Err(SubjectError::Erased);
        }
        let search = Search { tenant, subject, salt: *erase.salt(), by: erase.by() };
        let (hashes, entry) = self.ledger.search(&search, &erase.log(), &self.act)?;
        let found = self.ledger.collect((tenant, subject), (&hashes, entry))?;
        let shared = self.shared();
        {
            let mut owner = held(&self.ledger.inner.owner);
            if !erase::begin(&mut owner, shared, (erase, files), (&hashes, &found))? {
                return Err(SubjectError::Erased);
            }
            let row = owner.erasure(request)?.ok_or(SubjectError::NotFound)?;
            erase::go_on(&mut owner, shared, &row, &mut |_| true)?;
        }
        self.shred(request)?;
        self.progress(tenant, request)?.ok_or(SubjectError::NotFound)
    }

    /// Waits until the keys of erased records are destroyed and the certificate is made, or the time is
    /// over.
    fn shred(&self, request: SubjectRequestId) -> Result<(), SubjectError> {
        let (inner, shared) = (&self.ledger.inner, self.shared());
        if erase::is_done(&self.ledger.reader(), request)? {
            return Ok(());
        }
        // Before the deadline, the custodian destroys a key only if the published log shows the reason.
        let last = self.ledger.reader().erasure_entries(request)?.last().copied();
        if last.is_some_and(|last| self.ledger.publish(last).is_err()) {
            return Ok(());
        }
        let ticket = shared.ask_to_shred();
        // A full channel means that a request to shred waits already.
        let _ = inner.shred.try_send(());
        shared.wait_for_shredding(ticket, ERASE_WITHIN);
        let mut owner = held(&inner.owner);
        if let Some(row) = owner.erasure(request)?.filter(|row| row.done.is_none()) {
            erase::go_on(&mut owner, shared, &row, &mut |_| true)?;
        }
        Ok(())
    }

    /// Returns the progress of an erasure of the permit's tenant; `None` if there is no such erasure.
    ///
    /// # Errors
    /// If the database or the log cannot be read.
    pub fn erasure(
        &self,
        permit: Permit<FindSubject>,
        request: SubjectRequestId,
    ) -> Result<Option<Erasure>, SubjectError> {
        self.progress(permit.spend().tenant, request)
    }

    fn progress(
        &self,
        tenant: TenantId,
        request: SubjectRequestId,
    ) -> Result<Option<Erasure>, SubjectError> {
        let row = self.ledger.reader().erasure(request)?;
        let Some(row) = row.filter(|row| row.tenant == tenant) else { return Ok(None) };
        let Some((bytes, entry)) = row.done else { return Ok(Some(Erasure::Pending(request))) };
        let damaged = |_| StoreError::Damaged { what: "erasure.certificate" };
        let certificate = canon::decode(&bytes, "a certificate's statement").map_err(damaged)?;
        self.ledger.publish(entry)?;
        let (shared, tiles) = (self.shared(), &self.shared().tiles);
        // Read once, so that size, proof and note belong together.
        let note = tiles.checkpoint()?.ok_or(LogError::Forked)?;
        let checkpoint = Checkpoint::verify(&note, &shared.signer.verifier());
        let size = checkpoint.map_err(LogError::Checkpoint)?.size;
        let proof = Proof {
            entry: tiles.entry(entry, size)?,
            index: entry,
            size,
            path: tree::inclusion_proof(&tiles.nodes(size), entry, size)?,
            checkpoint: note,
        };
        let signed = Signed::sign(&certificate, proof, &shared.signer);
        Ok(Some(Erasure::Done(Box::new(Certified { certificate, signed, entry }))))
    }

    /// Lists the erasures of the permit's tenant, the newest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn erasures(&self, permit: Permit<FindSubject>) -> Result<Vec<FoundErasure>, SubjectError> {
        let rows = self.ledger.reader().erasures(permit.spend().tenant)?;
        let found = |ErasureRow { request, started_ms, done, .. }| {
            let is_done = done.is_some();
            FoundErasure { request, started_ms, is_done }
        };
        Ok(rows.into_iter().map(found).collect())
    }

    /// Keeps nothing new of a data subject from now on, or ends that. What is kept already stays.
    ///
    /// # Errors
    /// If the database cannot be written, or the custodian refuses.
    pub fn restrict(&self, restrict: &Restrict, restricted: bool) -> Result<(), SubjectError> {
        let (tenant, shared) = (restrict.tenant(), self.shared());
        let of = SubjectKeyOf::Restrictions(tenant);
        // After the loss of the key directory, restrictions begin anew with the first one.
        let (key, is_lost) = match self.restrictions_key(tenant) {
            Err(SubjectError::OtherKey) if restricted => (shared.subject_key(of)?, true),
            key => (key?, false),
        };
        let (hash, check) = (key.hash(restrict.subject()), key.check());
        let mut rolled = shared.rolls.lock();
        let mut owner = held(&self.ledger.inner.owner);
        rolled.catch_up(&owner)?;
        let tx = owner.write()?;
        rolled.catch_up(&tx)?;
        let deciding = Deciding::new(&rolled, self.act.decision(tenant));
        let mut append = Append::begin(&tx, shared.reading())?.deciding(&deciding);
        append.push_with_statements(restrict.log(restricted), &[restrict.by().statement()])?;
        let mut left = held(&shared.subjects.restricted).get(&tenant).cloned().unwrap_or_default();
        if is_lost {
            left.drain().try_for_each(|hash| tx.unrestrict(tenant, hash))?;
        }
        if restricted {
            tx.restrict(tenant, check, append.now_ms)?;
            tx.restrict(tenant, hash, append.now_ms)?;
            left.extend([check, hash]);
        } else {
            tx.unrestrict(tenant, hash)?;
            left.remove(&hash);
            // With the last data subject, the key goes.
            if left.iter().all(|other| *other == check) {
                tx.unrestrict(tenant, check)?;
                left.clear();
            }
        }
        append.finish()?;
        tx.commit()?;
        let is_over = left.is_empty();
        let mut all = held(&shared.subjects.restricted);
        if is_over {
            all.remove(&tenant)
        } else {
            all.insert(tenant, left)
        };
        drop(all);
        if is_over {
            shared.forget_subject_key(of);
            shared.custody.with(|client| client.destroy_subject_key(of))?;
        }
        Ok(())
    }

    /// Returns the key of a tenant's restrictions, if it is the one under which they were made.
    fn restrictions_key(
        &self,
        tenant: TenantId,
    ) -> Result<std::sync::Arc<write::Key>, SubjectError> {
        let shared = self.shared();
        let key = shared.subject_key(SubjectKeyOf::Restrictions(tenant))?;
        let check = key.check();
        match held(&shared.subjects.restricted).get(&tenant) {
            // The key directory was replaced: no restriction could be recognised.
            Some(all) if !all.contains(&check) => Err(SubjectError::OtherKey),
            Some(_) | None => Ok(key),
        }
    }

    /// Returns whether nothing may be kept of a data subject: for each request that names one. Takes
    /// less than a microsecond for a tenant without restrictions.
    ///
    /// # Errors
    /// If the custodian refuses, or has another key than the restrictions were made under. Then nothing
    /// may be kept.
    pub fn is_restricted(&self, tenant: TenantId, subject: &Subject) -> Result<bool, SubjectError> {
        if !held(&self.shared().subjects.restricted).contains_key(&tenant) {
            return Ok(false);
        }
        let hash = self.restrictions_key(tenant)?.hash(subject);
        let restricted = held(&self.shared().subjects.restricted);
        Ok(restricted.get(&tenant).is_some_and(|all| all.contains(&hash)))
    }

    /// Notes whom an existing object is about, in addition to what is noted: a file whose lines were
    /// read, a conversation that got an item, a batch or a job that uses a file.
    ///
    /// # Errors
    /// If the object is gone, the database cannot be written, or the custodian refuses.
    pub fn index(&self, object: &ObjectFacts, about: &About) -> Result<(), SubjectError> {
        let (shared, whose) = (self.shared(), (object.of.tenant, object.object));
        loop {
            let indexed = Indexed::of_object(shared, whose, about)?;
            let mut owner = held(&self.ledger.inner.owner);
            let tx = owner.write()?;
            if !indexed.is_current(shared) {
                continue;
            }
            if !tx.is_object(object.object)? {
                return Err(SubjectError::NotFound);
            }
            indexed.write_objects(&tx)?;
            tx.commit()?;
            return Ok(());
        }
    }
}

#[cfg(test)]
impl Subjects {
    /// Begins an erasure, and stops after a step.
    pub(super) fn begin_for_tests(
        &self,
        erase: &Erase,
        files: Files,
        step: &mut dyn FnMut(erase::Step) -> bool,
    ) {
        let (tenant, subject) = (erase.tenant(), erase.subject());
        let search = Search { tenant, subject, salt: *erase.salt(), by: erase.by() };
        let (hashes, entry) = self.ledger.search(&search, &erase.log(), &self.act).unwrap();
        let found = self.ledger.collect((tenant, subject), (&hashes, entry)).unwrap();
        let mut owner = held(&self.ledger.inner.owner);
        let of = (&hashes[..], &found);
        assert!(erase::begin(&mut owner, self.shared(), (erase, files), of).unwrap());
        let row = owner.erasure(erase.request()).unwrap().unwrap();
        erase::go_on(&mut owner, self.shared(), &row, step).unwrap();
    }
}

/// Destroys, at the start, the keys of objects of tenants of whose objects nothing is indexed: a crash
/// may have left them.
pub(super) fn settle(database: &Database, shared: &Shared) -> Result<(), LogError> {
    for tenant in database.tenants_without_index()? {
        let of = SubjectKeyOf::Objects(tenant);
        let destroyed = shared.custody.with(|client| client.destroy_subject_key(of));
        destroyed.map_err(|error| super::missing::unreachable(error.into()))?;
    }
    Ok(())
}

/// Carries out what is due: erasures that are not done, and keys under which nothing is indexed any
/// more.
pub(super) fn carry_out(database: &mut Database, shared: &Shared) -> Result<(), NotRecorded> {
    erase::all(database, shared)?;
    for of in shared.subject_keys_of_objects() {
        let SubjectKeyOf::Objects(tenant) = of else { continue };
        if database.has_objects_about(tenant)? {
            continue;
        }
        // While the database is locked, no one writes under the key.
        let tx = database.write()?;
        if tx.has_objects_about(tenant)? {
            continue;
        }
        shared.forget_subject_key(of);
        shared.custody.with(|client| client.destroy_subject_key(of))?;
    }
    Ok(())
}

/// The keys of the index, with the restrictions that the database has.
pub(super) fn keys(database: &Database) -> Result<Keys, StoreError> {
    Ok(Keys::new(database.restrictions()?))
}
