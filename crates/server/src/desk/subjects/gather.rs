//! Collects what is kept of a data subject, one thing at a time: opened under the officer's permit,
//! written into the archive, and forgotten.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
};

use policy::{
    authz::facts::{RecordFacts, ResourceFacts},
    content::ContentBytes,
    id::RequestId,
    object::Class,
    permit::{Permit, ReadOwnRecord},
    workflow::owner::ReadOwn,
};
use store::{
    Content, Store,
    ledger::NotOpened,
    objects::{ObjectError, Opened},
    subjects::{Exporting, Found, FoundObject, SubjectError},
    workflow::Review,
};
use wire::batches::Lines;

use super::{
    export::{About, Export},
    looks::Looks,
    view,
};
use crate::{
    archive::Outgoing,
    clock,
    desk::{Desk, Visitor, content, error::DeskError, review::LookedAt},
    looked::Looked,
};

/// Returns the accesses of reviewers to the records that were found.
pub(super) fn looks(store: &Store, found: &Found) -> Result<Looks, DeskError> {
    let about: BTreeSet<RequestId> = found.records.iter().map(|r| r.record.request).collect();
    let mut looks = Looks::default();
    if about.is_empty() {
        return Ok(looks);
    }
    let now_ms = clock::now_ms();
    for state in store.states::<Review>()? {
        let Some(request) = state.record().map(|record| record.request) else { continue };
        if about.contains(&request) {
            let all = LookedAt::all(request, &state, now_ms);
            looks.0.insert(request, all.iter().map(LookedAt::as_access).collect());
        }
    }
    Ok(looks)
}

/// Writes the archive.
///
/// # Errors
/// If something cannot be opened, or the client is gone. The archive is then cut short.
pub(super) fn write(
    desk: &Desk,
    visitor: &Visitor,
    exporting: &Exporting,
    about: About,
    out: Outgoing,
) -> io::Result<()> {
    let found = exporting.found();
    let looks = looks(&desk.store, found).map_err(io::Error::other)?;
    let directory = visitor.directory();
    let mut export = Export::begin(about, out);
    for record in &found.records {
        let facts = view::record_facts(record, found, &looks, directory);
        let request = record.record.request;
        match open_record(desk, visitor, request).map_err(io::Error::other)? {
            Ok(opened) => {
                let receipt = desk.ledger.receipt(record.resource, request);
                let receipt = receipt.map_err(io::Error::other)?;
                let receipt = receipt.map(|own| own.receipt.encode());
                export.record(facts, &opened, receipt.as_deref())?;
            }
            Err(why) => export.record_without_content(facts, why),
        }
    }
    for object in &found.objects {
        write_object(desk, exporting, object, directory, &mut export)?;
    }
    export.finish(view::rest(found, &looks, directory))?.flush()
}

/// What an export says about something that is gone since the search.
const GONE: &str = "it was deleted, or its deadline passed, since the search";

/// What an export says about a record of a tenant with a root.
const UNSIGNED: &str = "each read of a record takes a signature of its own: `bailiwick desk record RESOURCE REQUEST --signer FILE`";

/// Opens a record under a permit of its own. The log has the read before the custodian opens it.
/// Returns its content, or why the export has none.
fn open_record(
    desk: &Desk,
    visitor: &Visitor,
    request: RequestId,
) -> Result<Result<Content, &'static str>, DeskError> {
    let found = desk.ledger.record(request)?;
    let facts = found.map(|found| RecordFacts {
        of: ResourceFacts { tenant: found.tenant, resource: found.resource },
        record: request,
        region: found.region,
        lockbox: visitor.directory().resource(found.resource).is_none_or(|r| r.lockbox),
        flagged: false,
    });
    if facts.is_none() {
        return Ok(Err(GONE));
    }
    let permit: Permit<ReadOwnRecord> = visitor.permit(&Looked::record(facts))?;
    let read = ReadOwn::new(permit, visitor.owner()?);
    match desk.ledger.read_own(&read) {
        Ok(opened) => content::read(&opened).map(Ok),
        Err(NotOpened::NoRecord) => Ok(Err(GONE)),
        Err(error) => match DeskError::not_read(error) {
            DeskError::NotFound => Ok(Err(GONE)),
            error => error.not_logged().map(|_| Err(UNSIGNED)),
        },
    }
}

fn write_object(
    desk: &Desk,
    exporting: &Exporting,
    found: &FoundObject,
    directory: &store::Directory,
    export: &mut Export<Outgoing>,
) -> io::Result<()> {
    let facts = view::object_facts(found, directory);
    let kept = &found.object.facts;
    let id = kept.class.id(kept.object);
    let opened = match desk.ledger.subjects().open(exporting, kept.object) {
        Ok(opened) => opened,
        Err(SubjectError::NotFound | SubjectError::Object(ObjectError::Gone)) => {
            export.object_without_content(facts, GONE);
            return Ok(());
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let head = opened.head().reveal();
    match (&found.lines, kept.class) {
        // Only the lines of this person: the others are other people's.
        (Some(lines), Class::File) => {
            let mut reading = Reading::new(&opened, lines);
            export.object(&id, facts, head, Some((0, || reading.next())))
        }
        (Some(_), _) | (None, Class::Adapter | Class::Checkpoint) => {
            export.object(&id, facts, head, WITHOUT_BODY)
        }
        (None, _) if opened.body_bytes() == 0 => export.object(&id, facts, head, WITHOUT_BODY),
        (None, _) => {
            let mut at = 0;
            let next = || {
                let piece = opened.read(at).map_err(io::Error::other)?;
                let length = u64::try_from(piece.reveal().len()).unwrap_or(u64::MAX);
                at = at.saturating_add(length);
                Ok((length > 0).then_some(Piece(piece)))
            };
            export.object(&id, facts, head, Some((opened.body_bytes(), next)))
        }
    }
}

/// The reader of a body that is not there.
type Unread = fn() -> io::Result<Option<Piece>>;

const WITHOUT_BODY: Option<(u64, Unread)> = None;

/// A piece of content on its way into the archive.
struct Piece(ContentBytes);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.0.reveal()
    }
}

/// Reads some lines of a file.
struct Reading<'a> {
    opened: &'a Opened,
    wanted: BTreeSet<u32>,
    lines: Lines,
    at: u64,
    ended: bool,
}

impl<'a> Reading<'a> {
    fn new(opened: &'a Opened, wanted: &[u32]) -> Self {
        let (wanted, lines) = (wanted.iter().copied().collect(), Lines::new(LINE_BYTES_MAX));
        Self { opened, wanted, lines, at: 0, ended: false }
    }

    /// Returns the next line of them, with its end.
    fn next(&mut self) -> io::Result<Option<Piece>> {
        loop {
            while let Some(line) = self.lines.next_ready() {
                if self.wanted.contains(&line.number) {
                    let mut bytes = line.bytes;
                    bytes.extend(b"\n");
                    return Ok(Some(Piece(bytes)));
                }
            }
            if self.ended {
                return Ok(None);
            }
            let piece = self.opened.read(self.at).map_err(io::Error::other)?;
            let bytes = piece.reveal();
            if bytes.is_empty() {
                self.ended = true;
                self.lines.finish();
                continue;
            }
            self.at = self.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            let long = |_| io::Error::other("a line of a kept file is too long");
            self.lines.push(bytes).map_err(long)?;
        }
    }
}

/// Most bytes of a line. Files with longer lines are not accepted; the limit of that may be lower.
const LINE_BYTES_MAX: usize = 256 * 1024 * 1024;
