//! The erasure of everything that is kept of a data subject.
//!
//! It begins with one transaction that stores the hashes of the data subject and what cannot be
//! erased. Then records and objects go, some in each transaction: each deletion is in the log, and
//! noted with the erasure. When the last key is destroyed, the certificate is made. Each step finds
//! its remaining work in the database: the ledger goes on after a crash, and two threads may work on
//! the same erasure.

use policy::{
    authz::facts::ResourceFacts,
    id::{ObjectId, SubjectRequestId},
    object::Class,
    workflow::{
        owner::Owner,
        subject::{Erase, Erasing},
    },
};
use tlog::{
    canon,
    entry::Event,
    erasure::{Certificate, Entries, Kept, Line, Place},
    object::Why,
};

use super::{
    super::{NotRecorded, Shared, objects, own},
    find,
    found::{Files, Found},
};
use crate::{
    abuse,
    custody::SubjectHash,
    error::StoreError,
    log::Append,
    row::{Erased, ErasureRow},
    sqlite::{Database, Write},
};

/// Records or objects that are erased in one transaction: requests that end meanwhile wait for it.
const TOGETHER_MAX: usize = 200;

/// The steps of an erasure; a test stops after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Step {
    /// Some records are deleted.
    Records,
    /// Some objects are marked as gone.
    Gone,
    /// Their keys and bodies are removed.
    Removed,
    /// The certificate is stored.
    Certified,
}

/// Returns the place of an object in a certificate.
fn place(class: Class) -> Place {
    match class {
        Class::Response => Place::Responses,
        Class::Conversation | Class::Item => Place::Conversations,
        Class::Completion => Place::Completions,
        Class::File | Class::Upload | Class::Part => Place::Files,
        Class::Batch | Class::Job => Place::Jobs,
        Class::Adapter | Class::Checkpoint => Place::Adapters,
    }
}

/// Why an object of a class stays; `None` if it is erased.
fn kept(class: Class, files: bool) -> Option<Kept> {
    match class {
        Class::Response | Class::Conversation | Class::Item | Class::Completion => None,
        Class::File | Class::Upload | Class::Part if files => None,
        Class::Batch if files => None,
        Class::File | Class::Upload | Class::Part => Some(Kept::FileAsked),
        Class::Batch => Some(Kept::WithFile),
        Class::Job => Some(Kept::Evidence),
        Class::Adapter | Class::Checkpoint => Some(Kept::CannotUnlearn),
    }
}

/// Begins an erasure: stores it, and what was found that cannot be erased. Returns false if there is
/// one for this request.
pub(super) fn begin(
    database: &mut Database,
    shared: &Shared,
    (erase, files): (&Erase, Files),
    (hashes, found): (&[SubjectHash], &Found),
) -> Result<bool, StoreError> {
    let request = erase.request();
    let tx = database.write()?;
    let append = Append::begin(&tx, shared.reading())?;
    let by = erase.by().statement();
    let row = ErasureRow {
        request,
        tenant: erase.tenant(),
        subject: erase.subject().commitment(erase.salt()),
        officer: by.text().to_owned(),
        salt: *by.salt(),
        files: files == Files::Erase,
        started_ms: append.now_ms,
        done: None,
    };
    if !tx.add_erasure(&row, hashes)? {
        return Ok(false);
    }
    for place in Place::ALL {
        tx.count_erased(request, &Line { place, found: 0, erased: 0, kept: None })?;
    }
    let many = |count: usize| count as u64;
    let none = |place, found: u64, kept| Line {
        place,
        found,
        erased: 0,
        kept: (found > 0).then_some(kept),
    };
    let adapters = none(Place::Adapters, many(found.adapters.len()), Kept::CannotUnlearn);
    tx.count_erased(request, &adapters)?;
    let receipts = none(Place::Receipts, many(found.records.len()), Kept::Evidence);
    tx.count_erased(request, &receipts)?;
    let reviews = none(Place::Reviews, many(found.flagged.len()), Kept::Evidence);
    tx.count_erased(request, &reviews)?;
    let mut index = Line { place: Place::Index, found: 0, erased: 0, kept: None };
    index.found = many(found.records.len()).saturating_add(many(found.objects.len()));
    index.erased = index.found;
    for of in &found.objects {
        let class = of.object.facts.class;
        let Some(why) = kept(class, row.files) else { continue };
        tx.count_erased(request, &none(place(class), 1, why))?;
        (index.erased, index.kept) = (index.erased.saturating_sub(1), Some(Kept::WithFile));
        if let (Class::Batch, Some(lines)) = (class, &of.lines) {
            let erased = tx.erase_lines(of.object.facts.object, lines)?;
            let place = Place::BatchLines;
            tx.count_erased(request, &Line { place, found: erased, erased, kept: None })?;
        }
    }
    tx.count_erased(request, &index)?;
    let counters = abuse::forget_counters_of(&tx, erase.tenant(), erase.subject().name())?;
    let place = Place::AbuseCounters;
    tx.count_erased(request, &Line { place, found: counters, erased: counters, kept: None })?;
    append.finish()?;
    tx.commit()?;
    Ok(true)
}

/// Goes on with all erasures that are not done. Called every second.
pub(in crate::ledger) fn all(database: &mut Database, shared: &Shared) -> Result<(), NotRecorded> {
    for row in database.erasures_open()? {
        go_on(database, shared, &row, &mut |_| true)?;
    }
    Ok(())
}

/// Erases the rest, and makes the certificate if nothing is. Calls `step` after each step, and
/// stops if it returns false.
pub(in crate::ledger) fn go_on(
    database: &mut Database,
    shared: &Shared,
    row: &ErasureRow,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<(), NotRecorded> {
    let damaged = StoreError::Damaged { what: "erasure.officer" };
    let by = Owner::restored(&row.officer, row.salt).ok_or(damaged)?;
    let erasing = Erasing { tenant: row.tenant, request: row.request, by };
    let hashes = database.erasure_hashes(row.request)?;
    for hash in &hashes {
        while erase_records(database, shared, &erasing, *hash)? {
            shared.ask_to_shred();
            if !step(Step::Records) {
                return Ok(());
            }
        }
    }
    loop {
        let gone = erase_objects(database, shared, row, &hashes)?;
        if gone.is_empty() {
            break;
        }
        if !step(Step::Gone) {
            return Ok(());
        }
        objects::finish(database, shared, &gone)?;
        if !step(Step::Removed) {
            return Ok(());
        }
    }
    if !database.erasure_waits(row.request)? && certify(database, shared, row)? {
        step(Step::Certified);
    }
    Ok(())
}

/// Deletes some records. Returns whether there were any.
fn erase_records(
    database: &mut Database,
    shared: &Shared,
    erasing: &Erasing,
    hash: SubjectHash,
) -> Result<bool, NotRecorded> {
    if database.records_about(erasing.tenant, hash, -1, 1)?.is_empty() {
        return Ok(false);
    }
    let tx = database.write()?;
    let rows = tx.records_about(erasing.tenant, hash, -1, TOGETHER_MAX)?;
    let mut append = Append::begin(&tx, shared.reading())?;
    let mut erased = 0_u64;
    for row in rows {
        let of: ResourceFacts = row.of;
        let Some(delete) = erasing.delete(of, row.record.request) else { continue };
        if let Some((entry, key)) = own::delete_in(&tx, &mut append, &delete)? {
            tx.note_erased(erasing.request, entry, Erased::Record(key))?;
            erased = erased.saturating_add(1);
        }
    }
    let line = Line { place: Place::Records, found: erased, erased, kept: None };
    tx.count_erased(erasing.request, &line)?;
    append.finish()?;
    tx.commit()?;
    Ok(erased > 0)
}

/// Marks some objects as gone, with their parts, and returns them.
fn erase_objects(
    database: &mut Database,
    shared: &Shared,
    row: &ErasureRow,
    hashes: &[SubjectHash],
) -> Result<Vec<ObjectId>, NotRecorded> {
    let now_ms = shared.reading().wall_ms;
    let of = |database: &Database| {
        find::objects(database, row.tenant, hashes, now_ms).map_err(|error| NotRecorded {
            reason: error.to_string(),
            help: "look at the disk".to_owned(),
        })
    };
    let is_due = |class| kept(class, row.files).is_none();
    if !of(database)?.iter().any(|found| is_due(found.object.facts.class)) {
        return Ok(Vec::new());
    }
    let tx = database.write()?;
    let mut append = Append::begin(&tx, shared.reading())?;
    let mut gone = Vec::new();
    for found in of(&tx)? {
        let facts = &found.object.facts;
        if !is_due(facts.class) || gone.len() >= TOGETHER_MAX {
            continue;
        }
        let before = gone.len();
        end(&tx, &mut append, row, (facts.object, &mut gone))?;
        let erased = u64::from(gone.len() > before);
        let line = Line { place: place(facts.class), found: erased, erased, kept: None };
        tx.count_erased(row.request, &line)?;
    }
    append.finish()?;
    tx.commit()?;
    Ok(gone)
}

/// Marks an object and its parts as gone, and logs that.
fn end(
    tx: &Write<'_>,
    append: &mut Append<'_>,
    row: &ErasureRow,
    (object, gone): (ObjectId, &mut Vec<ObjectId>),
) -> Result<(), StoreError> {
    for (object, class) in tx.object_and_parts(object)? {
        // It may be gone already, as a part of another one.
        if tx.set_object_gone(object)? {
            let (tenant, why) = (row.tenant, Why::Deleted);
            let entry = append.push(Event::ObjectDestroyed { object, class, tenant, why })?;
            tx.note_erased(row.request, entry, Erased::Object(object))?;
            gone.push(object);
        }
    }
    Ok(())
}

/// Makes the certificate, and logs it. Returns false if another thread did.
fn certify(
    database: &mut Database,
    shared: &Shared,
    row: &ErasureRow,
) -> Result<bool, NotRecorded> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, shared.reading())?;
    let certificate = Certificate {
        request: row.request,
        tenant: row.tenant,
        subject: row.subject,
        started_ms: row.started_ms,
        finished_ms: append.now_ms,
        lines: tx.erasure_lines(row.request)?,
        entries: Entries::runs(&tx.erasure_entries(row.request)?),
    };
    let (request, tenant) = (row.request, row.tenant);
    let bytes = canon::encode(&certificate);
    if !tx.certify(request, &bytes, append.next())? {
        return Ok(false);
    }
    append.push(Event::SubjectErased { request, tenant, certificate: certificate.digest() })?;
    append.finish()?;
    tx.commit()?;
    Ok(true)
}

/// Returns whether an erasure is done.
pub(super) fn is_done(database: &Database, request: SubjectRequestId) -> Result<bool, StoreError> {
    Ok(database.erasure(request)?.is_some_and(|row| row.done.is_some()))
}
