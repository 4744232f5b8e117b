//! The thread that makes deleted records unrecoverable from copies of the data, too.
//!
//! A day's records of a tenant are sealed under one key, and whoever has that key and an old copy of
//! the data opens them. So the key is replaced: nothing is sealed to it any more, its spans are
//! sealed again to another key of the same tenant and deadline, without the deleted records' own
//! keys, and then it is destroyed as at a deadline. Each step finds out by itself what is left to
//! do, so a crash between any two changes nothing; deletions that come together are done together.

use std::{
    sync::{PoisonError, mpsc},
    time::Duration,
};

use policy::id::{KeyId, TenantId};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{NotRecorded, Shared, held, show::NotShown, sweep};
use crate::{
    custody::{CustodyError, Named, Refusal, SpanToReseal},
    error::StoreError,
    log::Append,
};

/// What was asked for, and how far that is.
#[derive(Debug, Default)]
pub(super) struct Shredding {
    /// How often somebody asked.
    asked: u64,
    /// How many of those were tried since.
    tried: u64,
    /// What went wrong at the last try.
    error: Option<String>,
}

/// How far the replacement of a key has got; a test stops after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is sealed to the key any more.
    Retired,
    /// The custodian has made the next key.
    Succeeded,
    /// The log tells of it.
    Told,
    /// Some spans were read.
    Read,
    /// They are sealed again.
    Resealed,
    /// The first key is destroyed.
    Destroyed,
}

/// A key that is to be replaced.
#[derive(Debug, Clone, Copy)]
struct Retired {
    key: Named,
    /// The log's entry of the deletion that it goes for.
    deletion: u64,
}

/// How a replacement ended.
enum End {
    /// The key is destroyed, and the log says so.
    Done,
    /// A test stopped it.
    Stopped,
    /// The key's deadline came.
    Over,
    /// The custodian cannot read in the log yet why the key goes: it is not published, or a witness
    /// has not signed it. What is wrong with that is told elsewhere.
    Early,
}

/// How long a key that is about to go waits until the log that tells of it is published.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5);

/// How soon what failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Spans that are sealed again at once: requests that end meanwhile wait for them to be written.
const TOGETHER_MAX: usize = 64;

/// Shreds what is asked for until the ledger is dropped; at first, what a crash left half done.
pub(super) fn run(mut database: Connection, shared: &Shared, wanted: &mpsc::Receiver<()>) {
    loop {
        let asked = held(&shared.shredding).asked;
        let tried = all(&mut database, shared, &mut |_| true);
        let is_done = matches!(tried, Ok(true));
        shared.shredding_tried(asked, tried.err());
        let next = if is_done {
            wanted.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        } else {
            wanted.recv_timeout(AGAIN_AFTER)
        };
        if let Err(mpsc::RecvTimeoutError::Disconnected) = next {
            return;
        }
    }
}

impl Shared {
    /// Asks for what was deleted to be shredded; to be waited for by the number that this gives.
    pub(super) fn ask_to_shred(&self) -> u64 {
        let mut shredding = held(&self.shredding);
        shredding.asked = shredding.asked.saturating_add(1);
        shredding.asked
    }

    /// Waits until it was tried, or the time is over.
    pub(super) fn wait_for_shredding(&self, ticket: u64, within: Duration) {
        let waits = |shredding: &mut Shredding| shredding.tried < ticket;
        let waited = self.shredded.wait_timeout_while(held(&self.shredding), within, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn shredding_tried(&self, asked: u64, failed: Option<NotRecorded>) {
        let mut shredding = held(&self.shredding);
        shredding.tried = asked;
        shredding.error = failed.map(|error| {
            format!("deleted records cannot be shredded: {}; {}", error.reason, error.help)
        });
        drop(shredding);
        self.shredded.notify_all();
    }

    /// Why deleted records cannot be shredded, where they cannot.
    pub(super) fn unshredded(&self) -> Option<String> {
        held(&self.shredding).error.clone()
    }
}

/// Replaces every key that a record was deleted under; says whether none is left that it is too early
/// for. `step` is told how far it is, and stops it by returning false.
pub(super) fn all(
    database: &mut Connection,
    shared: &Shared,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<bool, NotRecorded> {
    // A key that cannot be replaced holds up no other tenant's, nor another day's.
    let (mut left, mut failed) = (Vec::new(), None);
    while let Some(retired) = retired(database, &left)? {
        if !step(Step::Retired) {
            return Ok(false);
        }
        match one_key(database, shared, retired, step) {
            Ok(End::Stopped) => return Ok(false),
            Ok(End::Done | End::Over) => {}
            Ok(End::Early) => left.push(retired.key),
            Err(error) => {
                left.push(retired.key);
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(left.is_empty()), Err)
}

fn one_key(
    database: &mut Connection,
    shared: &Shared,
    retired: Retired,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<End, NotRecorded> {
    let end = replace(database, shared, retired, step)?;
    if let End::Over = end {
        sweep::carry_out(database, shared)?;
        if is_destroyed(database, retired.key.key)? != Some(true) {
            return Err(lost(retired.key.key));
        }
    }
    Ok(end)
}

/// The next key that is to be replaced, of a tenant and deadline of which none was left. One that was
/// begun with comes first, so that there are never more than two of one tenant and deadline.
fn retired(database: &Connection, left: &[Named]) -> Result<Option<Retired>, StoreError> {
    let begun = "SELECT id, tenant, deadline_ms, retired_by FROM record_key
                 WHERE retired = 1 AND retired_by > 0 AND destroyed = 0";
    // For the first deletion: it is published the soonest.
    let next = "SELECT k.id, k.tenant, k.deadline_ms, min(d.entry)
                FROM deletion d
                JOIN span s ON s.id = d.span
                JOIN record_key k ON k.id = s.key
                WHERE d.shredded = 0 AND d.entry > 0 AND k.destroyed = 0
                GROUP BY k.id";
    let was_left = |retired: &Retired| {
        let same = |other: &Named| {
            (other.tenant, other.deadline_ms) == (retired.key.tenant, retired.key.deadline_ms)
        };
        left.iter().any(same)
    };
    if let Some(begun) = keys(database, begun)?.into_iter().find(|key| !was_left(key)) {
        return Ok(Some(begun));
    }
    let next = keys(database, next)?.into_iter().find(|key| !was_left(key));
    let Some(retired @ Retired { key, deletion }) = next else { return Ok(None) };
    // From here on whoever seals sees it, once the database is theirs to write.
    database
        .prepare_cached("UPDATE record_key SET retired = 1, retired_by = ?1 WHERE id = ?2")?
        .execute(params![deletion, key.key.as_bytes()])?;
    Ok(Some(retired))
}

fn keys(database: &Connection, sql: &str) -> Result<Vec<Retired>, StoreError> {
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let (key, tenant) = (KeyId::from_random(row.get(0)?), TenantId::from_random(row.get(1)?));
        let key = Named { key, tenant, deadline_ms: row.get(2)? };
        Ok(Retired { key, deletion: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the log says of a key that it was destroyed; nothing where it does not know it.
pub(super) fn is_destroyed(database: &Connection, key: KeyId) -> Result<Option<bool>, StoreError> {
    let mut statement =
        database.prepare_cached("SELECT destroyed FROM record_key WHERE id = ?1")?;
    Ok(statement.query_row([key.as_bytes()], |row| row.get(0)).optional()?)
}

fn replace(
    database: &mut Connection,
    shared: &Shared,
    Retired { key, deletion }: Retired,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<End, NotRecorded> {
    let Some(successor) = unless_over(shared.custody.successor(key))? else {
        return Ok(End::Over);
    };
    if !step(Step::Succeeded) {
        return Ok(End::Stopped);
    }
    match is_destroyed(database, successor.id)? {
        Some(true) => return Err(NotRecorded::came_back(successor.id)),
        Some(false) => {}
        None => tell(database, shared, &Named { key: successor.id, ..key })?,
    }
    if !step(Step::Told) {
        return Ok(End::Stopped);
    }
    let (mut last, mut is_left) = (-1, false);
    loop {
        let spans = spans(database, key.key, last)?;
        let Some(span) = spans.last() else {
            if !is_left {
                break;
            }
            (last, is_left) = (-1, false);
            continue;
        };
        last = span.number;
        if !step(Step::Read) {
            return Ok(End::Stopped);
        }
        let asked = || spans.iter().map(Span::to_reseal).collect();
        let resealed = shared.custody.with(|client| client.reseal(key, successor.id, asked()));
        let Some(resealed) = unless_over(resealed)? else { return Ok(End::Over) };
        is_left |= !write(database, (key.key, successor.id), &spans, resealed)?;
        if !step(Step::Resealed) {
            return Ok(End::Stopped);
        }
    }
    if !destroy(shared, key, deletion)? {
        return Ok(End::Early);
    }
    if !step(Step::Destroyed) {
        return Ok(End::Stopped);
    }
    sweep::tell_destroyed(database, shared, &[key.key])?;
    Ok(End::Done)
}

/// Has a key destroyed for a deletion, once the log tells of that for the custodian to read: whether
/// it does.
fn destroy(shared: &Shared, key: Named, deletion: u64) -> Result<bool, NotRecorded> {
    // Who deleted is about to have it published.
    if !shared.wait_until_published(deletion, PUBLISHED_WITHIN) {
        return Ok(false);
    }
    let mut seen = held(&shared.seen);
    let proven = match shared.proven(&mut seen, deletion) {
        Err(NotShown::Custody(CustodyError::Refused(Refusal::NotWitnessed))) => return Ok(false),
        proven => proven?,
    };
    shared.custody.with(|client| client.destroy(key, proven.clone()))?;
    Ok(true)
}

/// The log tells of a key before anything is sealed to it.
fn tell(database: &mut Connection, shared: &Shared, key: &Named) -> Result<(), StoreError> {
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    sweep::tell_key(&tx, &mut append, key.key, key.tenant, key.deadline_ms)?;
    append.finish()?;
    Ok(tx.commit()?)
}

/// A span as it is, with its deleted records.
struct Span {
    number: i64,
    bytes: Vec<u8>,
    /// Their places in the log, and in the span.
    deleted: Vec<(i64, u32)>,
}

impl Span {
    fn to_reseal(&self) -> SpanToReseal {
        let deleted = self.deleted.iter().map(|(_, position)| *position).collect();
        SpanToReseal { span: self.bytes.clone(), deleted }
    }
}

/// Some spans that are sealed to a key, after the `last` one.
fn spans(database: &Connection, key: KeyId, last: i64) -> Result<Vec<Span>, StoreError> {
    let mut spans = database.prepare_cached(
        "SELECT id, bytes FROM span WHERE key = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let mut deleted =
        database.prepare_cached("SELECT idx, position FROM deletion WHERE span = ?1")?;
    let rows = spans
        .query_map(params![key.as_bytes(), last, TOGETHER_MAX], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let with_deleted = |(number, bytes)| {
        let deleted = deleted.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Span { number, bytes, deleted: deleted.collect::<Result<_, _>>()? })
    };
    rows.into_iter().map(with_deleted).collect()
}

/// Writes what was sealed again. A span that does not open stays, and goes with its key. One of which
/// a record was deleted meanwhile is left, to be sealed again without that one: the log says of it that
/// it goes with this key. Says whether none was left.
fn write(
    database: &mut Connection,
    (from, to): (KeyId, KeyId),
    spans: &[Span],
    resealed: Vec<Option<Vec<u8>>>,
) -> Result<bool, StoreError> {
    let mut is_all = true;
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let sql = "UPDATE span SET key = ?1, bytes = ?2 WHERE id = ?3 AND key = ?4
                   AND (SELECT count(*) FROM deletion WHERE span = ?3) = ?5";
        let mut update = tx.prepare_cached(sql)?;
        let mut shredded = tx.prepare_cached("UPDATE deletion SET shredded = 1 WHERE idx = ?1")?;
        for (span, bytes) in spans.iter().zip(resealed) {
            let Some(bytes) = bytes else { continue };
            let (number, deleted) = (span.number, span.deleted.len());
            let done =
                update.execute(params![to.as_bytes(), bytes, number, from.as_bytes(), deleted])?;
            if done == 0 {
                is_all = false;
                continue;
            }
            for (index, _) in &span.deleted {
                shredded.execute([index])?;
            }
        }
    }
    tx.commit()?;
    Ok(is_all)
}

/// What the custodian gave; nothing where the key's deadline has come.
fn unless_over<T>(answer: Result<T, CustodyError>) -> Result<Option<T>, NotRecorded> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(CustodyError::Refused(Refusal::BadDeadline | Refusal::Destroyed)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn lost(key: KeyId) -> NotRecorded {
    NotRecorded {
        reason: format!("the custodian neither seals to {key} nor has destroyed it"),
        help: "look whether its clock is right".to_owned(),
    }
}
