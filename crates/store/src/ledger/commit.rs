//! The thread that commits: whatever waits, together, in one transaction.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, mpsc},
};

use policy::{id::KeyId, retention::StoreUntil};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tlog::{
    canon,
    entry::{Event, commit},
    receipt::{Claims, Stored, Terms},
};

use super::{
    At, Ended, Job, NotRecorded, Shared, TOGETHER_MAX, deployment_bytes, facts,
    pieces::{self, Kept},
    usage,
};
use crate::{
    custody::{CustodyError, Named, Refusal},
    error::StoreError,
    log::Append,
    random::random,
    seal::{Label, PublicKey, SealedSpan, Span},
};

/// What the thread remembers between transactions. All of it can be lost: after a failed
/// transaction it is, because some of it may not be on disk.
#[derive(Default)]
struct Memory {
    /// The number of terms that were written.
    terms: HashMap<Arc<Terms>, i64>,
    /// The number of where the records of a key are stored.
    stored: HashMap<KeyId, i64>,
    /// Spans that are open, with their numbers.
    spans: HashMap<At, (Span, i64)>,
    keys: HashMap<At, PublicKey>,
}

/// Commits until the ledger is dropped.
pub(super) fn run(mut writer: Connection, shared: &Shared, jobs: &mpsc::Receiver<Job>) {
    let mut memory = Memory::default();
    let mut together = Vec::new();
    while let Ok(first) = jobs.recv() {
        together.push(first);
        // Whoever is about to end a request goes first: the disk is written once for all of them.
        std::thread::yield_now();
        while together.len() < TOGETHER_MAX
            && let Ok(job) = jobs.try_recv()
        {
            together.push(job);
        }
        match commit_all(&mut writer, shared, &mut memory, &mut together) {
            Ok(indexes) => {
                shared.note_unrecorded(None);
                for (job, index) in together.drain(..).zip(indexes) {
                    (job.answer)(Ok(index));
                }
            }
            Err(error) => {
                memory = Memory::default();
                shared.note_unrecorded(Some(&error));
                for job in together.drain(..) {
                    (job.answer)(Err(error.clone()));
                }
            }
        }
    }
}

/// Commits what all of these say, and gives their places in the log. Those of them that are answered
/// here, because they cannot be kept, are not among them afterwards.
fn commit_all(
    writer: &mut Connection,
    shared: &Shared,
    memory: &mut Memory,
    jobs: &mut Vec<Job>,
) -> Result<Vec<u64>, NotRecorded> {
    shared.intact.check()?;
    let mut forgotten = HashSet::new();
    if let Some(error) = shared.no_directory() {
        // What was learned before cannot be opened now, and maybe never.
        refuse(jobs, |_| true, &error);
    }
    let tx = loop {
        // The custodian is asked before the database is locked: others may write meanwhile.
        learn_keys(writer, shared, memory, jobs)?;
        // So may that of one whose key was forgotten for it, when the next was learned.
        for Job { ended, .. } in &mut *jobs {
            ended.keep.take_if(|(until, _)| !memory.keys.contains_key(&at(until)));
        }
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // While it is locked, no key goes. One that did since it was learned is learned anew.
        let gone = memory.forget_gone(&tx, jobs)?;
        if gone.is_empty() {
            break tx;
        }
        drop(tx);
        // What was learned again is none that there should be.
        for (at, key) in gone.into_iter().filter(|(_, key)| !forgotten.insert(*key)) {
            let error = NotRecorded::came_back(key);
            refuse(jobs, |other| other == at, &error);
            shared.note_key(at, Some(error));
        }
    };
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let mut indexes = Vec::with_capacity(jobs.len());
    for Job { ended, .. } in jobs {
        indexes.push(one(&tx, &mut append, memory, ended)?);
    }
    let entries = append.next();
    append.finish()?;
    tx.commit()?;
    shared.intact.committed(entries)?;
    Ok(indexes)
}

/// Which key a record is sealed to.
fn at(until: &StoreUntil) -> At {
    (until.tenant(), until.deadline_ms())
}

/// Learns the keys that these would be sealed to. Those for which there is none are answered, and
/// nobody else.
fn learn_keys(
    database: &Connection,
    shared: &Shared,
    memory: &mut Memory,
    jobs: &mut Vec<Job>,
) -> Result<(), NotRecorded> {
    let mut refused = Vec::new();
    for Job { ended, .. } in &mut *jobs {
        let Some((until, _)) = &ended.keep else { continue };
        let at = at(until);
        if refused.iter().any(|(other, _)| *other == at) {
            continue;
        }
        match memory.learn_key(until, database, shared) {
            Ok(true) => shared.note_key(at, None),
            // Its deadline came while it was answered: it may not be kept any more.
            Ok(false) => ended.keep = None,
            Err(NoKey::OfThis(error)) => refused.push((at, error)),
            Err(NoKey::OfAny(error)) => return Err(error),
        }
    }
    for (at, error) in refused {
        refuse(jobs, |other| other == at, &error);
        shared.note_key(at, Some(error));
    }
    Ok(())
}

/// Why there is no key.
enum NoKey {
    /// This one is not to be had.
    OfThis(NotRecorded),
    /// None is.
    OfAny(NotRecorded),
}

impl From<StoreError> for NoKey {
    fn from(error: StoreError) -> Self {
        Self::OfAny(error.into())
    }
}

/// Answers those that would be sealed to some keys, and nobody else.
fn refuse(jobs: &mut Vec<Job>, keys: impl Fn(At) -> bool, error: &NotRecorded) {
    let is_its = |job: &mut Job| job.ended.keep.as_ref().is_some_and(|(until, _)| keys(at(until)));
    for job in jobs.extract_if(.., is_its) {
        (job.answer)(Err(error.clone()));
    }
}

/// What one of them says; its content is taken out of it.
fn one(
    tx: &Transaction<'_>,
    append: &mut Append<'_>,
    memory: &mut Memory,
    ended: &mut Ended,
) -> Result<u64, NotRecorded> {
    let Ended { terms, facts, caller, cached_tokens, keep } = ended;
    let mut facts = facts.clone();
    facts.finished_ms = append.now_ms;
    let terms_id = memory.terms(tx, terms)?;
    let sealed = match keep.take() {
        Some((until, content)) => {
            let label = Label { request: facts.request, resource: terms.resource };
            let (span, number) = memory.span(tx, append, &until)?;
            let record = span.seal(until, &label, content.reveal(), append.now_ms)?;
            facts.stored = Some(Stored { key: record.key, deadline_ms: record.deadline_ms });
            Some((record, number))
        }
        None => {
            facts.stored = None;
            None
        }
    };
    let salt: [u8; 16] = random().map_err(StoreError::from)?;
    let usage = (facts.prompt_tokens, facts.completion_tokens);
    let [served, refused, failed] = usage::counted(facts.outcome);
    let (request, facts_bytes) = (facts.request, facts::encode(&facts));
    let stored = facts.stored.as_ref().map(|stored| memory.stored(tx, stored)).transpose()?;
    let claims = canon::encode(&Claims { terms: Terms::clone(terms), facts });
    let index = append.push(Event::Request { commitment: commit(&salt, &claims) })?;
    tx.prepare_cached(
        "INSERT INTO receipt (idx, request, terms, salt, facts, stored)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![index, request.as_bytes(), terms_id, salt, facts_bytes, stored])?;
    if let Some((record, span)) = sealed {
        let Kept { first, count, tail } = pieces::write(tx, &record.bytes)?;
        tx.prepare_cached(
            "INSERT INTO record (idx, span, position, bytes, piece, pieces)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![index, span, record.position, tail, first, count])?;
    }
    tx.prepare_cached(
        "INSERT INTO usage (tenant, resource, deployment, caller, hour, requests, refused, failed,
            prompt_tokens, cached_tokens, completion_tokens)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
            refused = refused + excluded.refused,
            failed = failed + excluded.failed,
            prompt_tokens = prompt_tokens + excluded.prompt_tokens,
            cached_tokens = cached_tokens + excluded.cached_tokens,
            completion_tokens = completion_tokens + excluded.completion_tokens",
    )?
    .execute(params![
        terms.tenant.as_bytes(),
        terms.resource.as_bytes(),
        deployment_bytes(terms.deployment),
        *caller,
        append.now_ms / HOUR_MS,
        served,
        refused,
        failed,
        usage.0,
        *cached_tokens,
        usage.1,
    ])?;
    Ok(index)
}

impl Memory {
    /// Forgets the keys that these would be sealed to, and that were retired or destroyed; says which
    /// those were.
    fn forget_gone(
        &mut self,
        tx: &Transaction<'_>,
        jobs: &[Job],
    ) -> Result<Vec<(At, KeyId)>, StoreError> {
        let sql = "SELECT EXISTS
                   (SELECT 1 FROM record_key WHERE id = ?1 AND (retired = 1 OR destroyed = 1))";
        let mut is_gone = tx.prepare_cached(sql)?;
        let (mut looked_at, mut gone) = (HashSet::new(), Vec::new());
        for (until, _) in jobs.iter().filter_map(|job| job.ended.keep.as_ref()) {
            let at = at(until);
            let Some(key) = self.keys.get(&at).filter(|_| looked_at.insert(at)) else { continue };
            if is_gone.query_row([key.id.as_bytes()], |row| row.get(0))? {
                gone.push((at, key.id));
                self.keys.remove(&at);
                self.spans.remove(&at);
            }
        }
        Ok(gone)
    }

    /// Makes sure that the key of a deadline is known, and forgets those whose deadline has passed.
    /// False where the deadline has passed already.
    fn learn_key(
        &mut self,
        until: &StoreUntil,
        database: &Connection,
        shared: &Shared,
    ) -> Result<bool, NoKey> {
        let at @ (tenant, deadline_ms) = at(until);
        if let Some(error) = shared.no_key(&at) {
            return Err(NoKey::OfThis(error));
        }
        if self.keys.contains_key(&at) {
            return Ok(true);
        }
        let asked = match retired(database, at)? {
            Some(key) => shared.custody.successor(Named { key, tenant, deadline_ms }),
            None => shared.custody.public_key(tenant, deadline_ms),
        };
        let key = match asked {
            Ok(key) => key,
            Err(CustodyError::Refused(Refusal::BadDeadline)) => return Ok(false),
            Err(error @ CustodyError::Refused(_)) => return Err(NoKey::OfThis(error.into())),
            Err(error) => return Err(NoKey::OfAny(error.into())),
        };
        let now_ms = (shared.clock)().wall_ms;
        self.keys.retain(|(_, deadline_ms), _| *deadline_ms > now_ms);
        self.spans.retain(|(_, deadline_ms), _| *deadline_ms > now_ms);
        self.keys.insert(at, key);
        Ok(true)
    }

    fn terms(&mut self, tx: &Transaction<'_>, terms: &Arc<Terms>) -> Result<i64, NotRecorded> {
        if let Some(id) = self.terms.get(terms) {
            return Ok(*id);
        }
        let bytes = canon::encode(&**terms);
        let known = tx
            .prepare_cached("SELECT id FROM terms WHERE bytes = ?1")?
            .query_row([&bytes], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => {
                tx.prepare_cached("INSERT INTO terms (resource, bytes) VALUES (?1, ?2)")?
                    .execute(params![terms.resource.as_bytes(), bytes])?;
                tx.last_insert_rowid()
            }
        };
        if self.terms.len() >= TERMS_KNOWN_MAX {
            self.terms.clear();
        }
        self.terms.insert(Arc::clone(terms), id);
        Ok(id)
    }

    fn stored(&mut self, tx: &Transaction<'_>, stored: &Stored) -> Result<i64, NotRecorded> {
        if let Some(id) = self.stored.get(&stored.key) {
            return Ok(*id);
        }
        let bytes = canon::encode(stored);
        tx.prepare_cached("INSERT OR IGNORE INTO stored (bytes) VALUES (?1)")?.execute([&bytes])?;
        let id = tx
            .prepare_cached("SELECT id FROM stored WHERE bytes = ?1")?
            .query_row([&bytes], |row| row.get(0))?;
        if self.stored.len() >= TERMS_KNOWN_MAX {
            self.stored.clear();
        }
        self.stored.insert(stored.key, id);
        Ok(id)
    }

    /// The span that a record is sealed in now; a new one where the last one is full or old.
    fn span(
        &mut self,
        tx: &Transaction<'_>,
        append: &mut Append<'_>,
        until: &StoreUntil,
    ) -> Result<(&mut Span, i64), NotRecorded> {
        let at = at(until);
        let serves = |(span, _): &(Span, i64)| span.serves(until, append.now_ms);
        if !self.spans.get(&at).is_some_and(serves) {
            let key = self.keys.get(&at).ok_or_else(no_key)?;
            tell_key(tx, append, key.id, until)?;
            let (span, SealedSpan { key, bytes, .. }) = Span::begin(key, append.now_ms)?;
            tx.prepare_cached("INSERT INTO span (key, bytes) VALUES (?1, ?2)")?
                .execute(params![key.as_bytes(), bytes])?;
            self.spans.insert(at, (span, tx.last_insert_rowid()));
        }
        let (span, number) = self.spans.get_mut(&at).ok_or_else(no_key)?;
        Ok((span, *number))
    }
}

/// The key of a tenant and deadline that is about to be destroyed, if one is.
fn retired(database: &Connection, (tenant, deadline_ms): At) -> Result<Option<KeyId>, StoreError> {
    let sql = "SELECT id FROM record_key
               WHERE tenant = ?1 AND deadline_ms = ?2 AND retired = 1 AND destroyed = 0";
    let found = database
        .prepare_cached(sql)?
        .query_row(params![tenant.as_bytes(), deadline_ms], |row| row.get(0));
    Ok(found.optional()?.map(KeyId::from_random))
}

fn no_key() -> NotRecorded {
    let help = "this should not happen: report it".to_owned();
    NotRecorded { reason: "there is no key to seal to".to_owned(), help }
}

/// Logs a key's creation before anything is sealed to it. Known keys are left alone.
fn tell_key(
    tx: &Transaction<'_>,
    append: &mut Append<'_>,
    key: KeyId,
    until: &StoreUntil,
) -> Result<(), NotRecorded> {
    let (tenant, deadline_ms) = (until.tenant(), until.deadline_ms());
    Ok(super::sweep::tell_key(tx, append, key, tenant, deadline_ms).map(drop)?)
}

/// An hour, in milliseconds.
const HOUR_MS: u64 = 60 * 60 * 1000;

/// Terms whose numbers are remembered.
const TERMS_KNOWN_MAX: usize = 10_000;
