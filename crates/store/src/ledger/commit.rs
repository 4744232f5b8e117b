//! The thread that commits all waiting requests in one transaction.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, mpsc},
};

use policy::{
    id::{DeploymentId, KeyId, ResourceId},
    retention::StoreUntil,
};
use tlog::{
    canon,
    entry::{Event, commit},
    receipt::{Attempt, AttemptFailure, CompactClaims, Facts, Stored, Terms, WRITTEN_MAX, Written},
};

use super::{
    At, Ended, Job, NotRecorded, Recorded, Shared, TOGETHER_MAX, copy::Copier, facts,
    subjects::write::Indexed, usage,
};
use crate::{
    custody::{CustodyError, Named, Refusal},
    error::StoreError,
    log::Append,
    object::{Draft, Object, Row},
    random::random,
    row::{NewReceipt, UsageRow},
    seal::{Label, PublicKey, SealedSpan, Span},
    sqlite::{Database, Write},
};

/// Caches of the thread between transactions. Every entry can be lost. A failed transaction clears
/// the caches, because some entries may refer to rows that are not on disk.
#[derive(Default)]
struct Memory {
    /// Row id of each known set of terms.
    terms: HashMap<Arc<Terms>, i64>,
    /// Row id in `stored` for each key.
    stored: HashMap<KeyId, i64>,
    /// Open spans, with their row ids.
    spans: HashMap<At, (Span, i64)>,
    keys: HashMap<At, PublicKey>,
}

/// Commits until the ledger is dropped.
pub(super) fn run(
    mut writer: Database,
    shared: &Shared,
    copier: &Copier,
    jobs: &mpsc::Receiver<Job>,
) {
    let mut memory = Memory::default();
    let mut together = Vec::new();
    while let Ok(first) = jobs.recv() {
        together.push(first);
        // Lets other threads queue their finished requests first, to write to the disk once for all
        // of them.
        std::thread::yield_now();
        while together.len() < TOGETHER_MAX
            && let Ok(job) = jobs.try_recv()
        {
            together.push(job);
        }
        match commit_all(&mut writer, shared, &mut memory, &mut together) {
            Ok(all) => {
                shared.note_unrecorded(None);
                for (mut job, claims) in together.drain(..).zip(all) {
                    job.ended.objects.drain(..).for_each(Draft::committed);
                    (job.answer)(Ok(Recorded { claims, signer: Arc::clone(&shared.signer) }));
                }
                copier.committed(&writer, shared);
            }
            Err(error) => {
                memory = Memory::default();
                shared.note_unrecorded(Some(&error));
                for mut job in together.drain(..) {
                    // First: the caller may look for what a failed request leaves.
                    job.ended.objects.clear();
                    (job.answer)(Err(error.clone()));
                }
            }
        }
    }
}

/// Commits all jobs and returns the claims of their compact receipts. Jobs whose content cannot be
/// stored are answered with the error here, and removed from `jobs`.
fn commit_all(
    writer: &mut Database,
    shared: &Shared,
    memory: &mut Memory,
    jobs: &mut Vec<Job>,
) -> Result<Vec<CompactClaims>, NotRecorded> {
    shared.check_intact()?;
    let mut forgotten = HashSet::new();
    if let Some(error) = shared.no_directory() {
        // Records sealed to a cached key could not be opened now, and maybe never.
        refuse(jobs, |_| true, &error);
    }
    let tx = loop {
        // The custodian is asked before the database is locked, so that others can write meanwhile.
        learn_keys(writer, shared, memory, jobs)?;
        index(shared, jobs);
        // `learn_keys` evicts expired keys: drop the content of each job whose key was evicted.
        for Job { ended, .. } in &mut *jobs {
            ended.keep.take_if(|(until, _)| !memory.keys.contains_key(&at(until)));
        }
        let tx = writer.write()?;
        // While the database is locked, no key is retired. A key that was retired since it was
        // learned is replaced: its successor is learned in the next turn.
        let gone = memory.forget_gone(&tx, jobs)?;
        if gone.is_empty() && index_again(shared, jobs) {
            break tx;
        }
        drop(tx);
        // The custodian returned the same unusable key again, one that the log says is destroyed
        // (as after a restore of the key directory): refuse the jobs that need it.
        for (at, key) in gone.into_iter().filter(|(_, key)| !forgotten.insert(*key)) {
            let error = NotRecorded::came_back(key);
            refuse(jobs, |other| other == at, &error);
            shared.note_key(at, Some(error));
        }
    };
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let (mut all, mut used) = (Vec::with_capacity(jobs.len()), Used::default());
    for Job { ended, rows, indexed, .. } in jobs {
        note_objects(&mut ended.facts, rows);
        let (claims, is_stored) = one(&tx, &mut append, (memory, &mut used), ended)?;
        let index = claims.index;
        all.push(claims);
        rows.iter().try_for_each(|row| tx.add_object(row))?;
        if let Some(indexed) = indexed {
            if is_stored {
                indexed.write_record(&tx, index)?;
            }
            indexed.write_objects(&tx)?;
        }
        ended.line.iter().try_for_each(|line| tx.add_line(line))?;
    }
    // Once for all requests with the same row.
    for row in used.into_values() {
        tx.add_usage(&row)?;
    }
    let entries = append.next();
    append.finish()?;
    tx.commit()?;
    shared.intact.committed(entries)?;
    Ok(all)
}

/// Adds the objects that a request makes to its facts: those first that are no part of another one.
fn note_objects(facts: &mut Facts, rows: &[Row]) {
    let mut rows: Vec<&Object> = rows.iter().map(|row| &row.object).collect();
    rows.sort_by_key(|object| object.parent.is_some());
    let made = rows.into_iter().map(|object| Written {
        object: object.facts.object,
        class: object.facts.class,
        destroyed: false,
        until_ms: object.expires_ms,
    });
    let objects: Vec<Written> =
        facts.objects.take().into_iter().flatten().chain(made).take(WRITTEN_MAX).collect();
    facts.objects = Some(objects).filter(|objects| !objects.is_empty());
}

/// Returns the tenant and deadline, which determine the key that a record is sealed to.
fn at(until: &StoreUntil) -> At {
    (until.tenant(), until.deadline_ms())
}

/// Gets the keys that the jobs need. Answers the jobs whose key is not available with the error,
/// and removes them from `jobs`.
fn learn_keys(
    database: &Database,
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
            // The deadline passed while the request was answered: its content may no longer be
            // stored.
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

/// Error of a key that is not available.
enum NoKey {
    /// This key is not available.
    OfThis(NotRecorded),
    /// No key is available.
    OfAny(NotRecorded),
}

impl From<StoreError> for NoKey {
    fn from(error: StoreError) -> Self {
        Self::OfAny(error.into())
    }
}

/// Answers the jobs that need one of `keys` with the error, and removes them. All other jobs stay.
fn refuse(jobs: &mut Vec<Job>, keys: impl Fn(At) -> bool, error: &NotRecorded) {
    let is_its = |job: &mut Job| job.ended.keep.as_ref().is_some_and(|(until, _)| keys(at(until)));
    for job in jobs.extract_if(.., is_its) {
        (job.answer)(Err(error.clone()));
    }
}

/// Computes the rows of the subject index. Answers the jobs for which the custodian gives no key with
/// the error, and removes them: nothing is stored that a search would not find.
fn index(shared: &Shared, jobs: &mut Vec<Job>) {
    let mut refused = Vec::new();
    for (place, job) in jobs.iter_mut().enumerate() {
        if job.indexed.is_some() {
            continue;
        }
        match Indexed::of(shared, &job.ended) {
            Ok(indexed) => job.indexed = Some(indexed),
            Err(error) => refused.push((place, NotRecorded::from(error))),
        }
    }
    for (place, error) in refused.into_iter().rev() {
        (jobs.remove(place).answer)(Err(error));
    }
}

/// Returns whether all hashes are under keys in use, and takes back those that are not.
fn index_again(shared: &Shared, jobs: &mut [Job]) -> bool {
    let mut is_current = true;
    for job in jobs {
        if job.indexed.take_if(|indexed| !indexed.is_current(shared)).is_some() {
            is_current = false;
        }
    }
    is_current
}

/// Writes one job's rows and log entry, and returns the claims of its compact receipt, and whether a
/// record is stored. Takes the content out of `ended`.
fn one(
    tx: &Write<'_>,
    append: &mut Append<'_>,
    (memory, used): (&mut Memory, &mut Used),
    ended: &mut Ended,
) -> Result<(CompactClaims, bool), NotRecorded> {
    let Ended { terms, facts, caller, cached_tokens, keep, .. } = ended;
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
    count(used, (terms, &facts), (*caller, *cached_tokens), append.now_ms);
    let processors = processors(terms, &facts);
    let (request, facts_bytes) = (facts.request, facts::encode(&facts));
    let stored = facts.stored.as_ref().map(|stored| memory.stored(tx, stored)).transpose()?;
    let claims = canon::encode(&Parts { terms, facts: &facts });
    let event = Event::Request { commitment: commit(&salt, &claims) };
    let (index, entry) = append.push_for_bytes(event)?;
    let Facts { request_sha256, response_sha256, .. } = facts;
    let compact = CompactClaims { request, index, entry, request_sha256, response_sha256 };
    let facts = &facts_bytes;
    tx.add_receipt(&NewReceipt { index, request, terms: terms_id, salt, facts, stored })?;
    let is_stored = sealed.is_some();
    if let Some((record, span)) = sealed {
        tx.add_record(index, (span, record.position), &record.bytes)?;
    }
    for processor in processors {
        tx.count_processor_request(&processor, terms.resource)?;
    }
    Ok((compact, is_stored))
}

/// The claims ([`tlog::receipt::Claims`]) without a copy of the terms: they have the same bytes.
#[derive(minicbor::Encode)]
#[cbor(map)]
struct Parts<'a> {
    #[n(0)]
    terms: &'a Terms,
    #[n(1)]
    facts: &'a Facts,
}

/// Returns the processors to which a request was sent, each once.
fn processors(terms: &Terms, facts: &Facts) -> BTreeSet<String> {
    let sent = |attempt: &&Attempt| match attempt.failure {
        AttemptFailure::Unreachable => false,
        AttemptFailure::Busy | AttemptFailure::Failed | AttemptFailure::TimedOut => true,
    };
    let before = facts.attempts.iter().flatten().filter(sent);
    let before = before.filter_map(|attempt| attempt.processor.clone());
    before.chain(terms.ran.as_ref().and_then(|ran| ran.processor.clone())).collect()
}

/// The usage of the requests of one transaction, by the parts of its rows' keys that differ.
type Used = HashMap<(ResourceId, Option<DeploymentId>, &'static str), UsageRow>;

/// Adds the usage of one request.
fn count(
    used: &mut Used,
    (terms, facts): (&Terms, &Facts),
    (caller, cached_tokens): (&'static str, u64),
    now_ms: u64,
) {
    let row = used.entry((terms.resource, terms.deployment, caller)).or_insert_with(|| UsageRow {
        tenant: terms.tenant,
        resource: terms.resource,
        deployment: terms.deployment,
        caller: caller.to_owned(),
        hour: now_ms / usage::HOUR_MS,
        requests: 0,
        refused: 0,
        failed: 0,
        prompt_tokens: 0,
        cached_tokens: 0,
        completion_tokens: 0,
    });
    let [requests, refused, failed] = usage::outcome_counts(facts.outcome);
    for (sum, more) in [
        (&mut row.requests, requests),
        (&mut row.refused, refused),
        (&mut row.failed, failed),
        (&mut row.prompt_tokens, facts.prompt_tokens),
        (&mut row.cached_tokens, cached_tokens),
        (&mut row.completion_tokens, facts.completion_tokens),
    ] {
        *sum = sum.saturating_add(more);
    }
}

impl Memory {
    /// Evicts the keys that the jobs need and that were retired or destroyed. Returns the evicted
    /// keys.
    fn forget_gone(
        &mut self,
        tx: &Write<'_>,
        jobs: &[Job],
    ) -> Result<Vec<(At, KeyId)>, StoreError> {
        let (mut looked_at, mut gone) = (HashSet::new(), Vec::new());
        for (until, _) in jobs.iter().filter_map(|job| job.ended.keep.as_ref()) {
            let at = at(until);
            let Some(key) = self.keys.get(&at).filter(|_| looked_at.insert(at)) else { continue };
            if tx.is_gone(key.id)? {
                gone.push((at, key.id));
                self.keys.remove(&at);
                self.spans.remove(&at);
            }
        }
        Ok(gone)
    }

    /// Makes sure that the key for `until` is known, and evicts keys whose deadline has passed.
    /// Returns false if the deadline of `until` has passed.
    fn learn_key(
        &mut self,
        until: &StoreUntil,
        database: &Database,
        shared: &Shared,
    ) -> Result<bool, NoKey> {
        let at @ (tenant, deadline_ms) = at(until);
        if let Some(error) = shared.no_key(&at) {
            return Err(NoKey::OfThis(error));
        }
        if self.keys.contains_key(&at) {
            return Ok(true);
        }
        let asked = match database.retired_key(tenant, deadline_ms)? {
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

    fn terms(&mut self, tx: &Write<'_>, terms: &Arc<Terms>) -> Result<i64, NotRecorded> {
        if let Some(id) = self.terms.get(terms) {
            return Ok(*id);
        }
        let id = tx.terms(terms.resource, &canon::encode(&**terms))?;
        if self.terms.len() >= TERMS_KNOWN_MAX {
            self.terms.clear();
        }
        self.terms.insert(Arc::clone(terms), id);
        Ok(id)
    }

    fn stored(&mut self, tx: &Write<'_>, stored: &Stored) -> Result<i64, NotRecorded> {
        if let Some(id) = self.stored.get(&stored.key) {
            return Ok(*id);
        }
        let id = tx.stored(&canon::encode(stored))?;
        if self.stored.len() >= TERMS_KNOWN_MAX {
            self.stored.clear();
        }
        self.stored.insert(stored.key, id);
        Ok(id)
    }

    /// Returns the open span for a record, or begins a new span if the last one is full or old.
    fn span(
        &mut self,
        tx: &Write<'_>,
        append: &mut Append<'_>,
        until: &StoreUntil,
    ) -> Result<(&mut Span, i64), NotRecorded> {
        let at = at(until);
        let serves = |(span, _): &(Span, i64)| span.serves(until, append.now_ms);
        if !self.spans.get(&at).is_some_and(serves) {
            let key = self.keys.get(&at).ok_or_else(no_key)?;
            tell_key(tx, append, key.id, until)?;
            let (span, SealedSpan { key, bytes, .. }) = Span::begin(key, append.now_ms)?;
            self.spans.insert(at, (span, tx.add_span(key, &bytes)?));
        }
        let (span, number) = self.spans.get_mut(&at).ok_or_else(no_key)?;
        Ok((span, *number))
    }
}

fn no_key() -> NotRecorded {
    let help = "this should not happen: report it".to_owned();
    NotRecorded { reason: "there is no key to seal to".to_owned(), help }
}

/// Logs a key's creation before any record is sealed to it. Does nothing for a key that the log
/// knows.
fn tell_key(
    tx: &Write<'_>,
    append: &mut Append<'_>,
    key: KeyId,
    until: &StoreUntil,
) -> Result<(), NotRecorded> {
    let (tenant, deadline_ms) = (until.tenant(), until.deadline_ms());
    Ok(super::sweep::tell_key(tx, append, key, tenant, deadline_ms).map(drop)?)
}

/// Most row ids in each of the caches `terms` and `stored`.
const TERMS_KNOWN_MAX: usize = 10_000;
