//! The thread that makes deleted records unrecoverable from copies of the data, too.
//!
//! A tenant's records of one day are sealed under one key, and an attacker with that key and an old
//! copy of the data can open them. The thread therefore replaces the key. It retires the key, so
//! that no record is sealed to it any more. It seals the key's spans again to another key of the
//! same tenant and deadline, without the deleted records' own keys. Then the key is destroyed as at
//! a deadline. Each step finds its remaining work in the database, so a crash between two steps
//! loses nothing. Deletions that come together are shredded together.

use std::{
    sync::{PoisonError, mpsc},
    time::Duration,
};

use policy::id::KeyId;

use super::{NotRecorded, Shared, held, show::NotShown, sweep};
use crate::{
    custody::{CustodyError, Named, Refusal, SpanToReseal},
    error::StoreError,
    log::Append,
    row::{Retired, SpanRow},
    sqlite::Database,
};

/// Progress of the requests to shred.
#[derive(Debug, Default)]
pub(super) struct Shredding {
    /// Number of requests so far.
    asked: u64,
    /// Number of those requests that were tried.
    tried: u64,
    /// Error of the last try.
    error: Option<String>,
}

/// Steps of a key's replacement; a test stops after each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// No record is sealed to the key any more.
    Retired,
    /// The custodian has made the next key.
    Succeeded,
    /// The next key is in the log.
    Told,
    /// Some spans were read.
    Read,
    /// These spans are sealed again.
    Resealed,
    /// The retired key is destroyed.
    Destroyed,
}

/// Result of a replacement.
enum End {
    /// The key is destroyed, and the log says so.
    Done,
    /// A test stopped it.
    Stopped,
    /// The key's deadline came.
    Over,
    /// The custodian cannot verify the reason for the destruction yet: the log entry is not
    /// published, or a witness has not signed it. That problem is reported elsewhere.
    Early,
}

/// Longest wait for the log to publish the entry of the deletion.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(5);

/// Pause before a failed replacement is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Most spans that are sealed again in one transaction: requests that end meanwhile wait for it.
const TOGETHER_MAX: usize = 64;

/// Shreds deleted records on request until the ledger is dropped. First completes the work that a
/// crash interrupted.
pub(super) fn run(mut database: Database, shared: &Shared, wanted: &mpsc::Receiver<()>) {
    loop {
        let asked = held(&shared.shredding).asked;
        let tried = all(&mut database, shared, &mut |_| true);
        let is_done = matches!(tried, Ok(true));
        shared.shredding_tried(asked, tried.err());
        loop {
            match wanted.recv_timeout(AGAIN_AFTER) {
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                // Another thread of the ledger asks without a message.
                Err(mpsc::RecvTimeoutError::Timeout)
                    if is_done && held(&shared.shredding).asked == asked => {}
                Err(mpsc::RecvTimeoutError::Timeout) | Ok(()) => break,
            }
        }
    }
}

impl Shared {
    /// Requests that deleted records are shredded. Returns the number of this request, for
    /// [`Self::wait_for_shredding`].
    pub(super) fn ask_to_shred(&self) -> u64 {
        let mut shredding = held(&self.shredding);
        shredding.asked = shredding.asked.saturating_add(1);
        shredding.asked
    }

    /// Waits until request `ticket` was tried, or the time is over.
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

    /// Returns the reason why deleted records cannot be shredded, if they cannot.
    pub(super) fn unshredded(&self) -> Option<String> {
        held(&self.shredding).error.clone()
    }
}

/// Replaces each key that sealed a deleted record. Returns false if some keys must wait until the
/// log is published. Calls `step` after each step; if `step` returns false, stops and returns
/// false.
pub(super) fn all(
    database: &mut Database,
    shared: &Shared,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<bool, NotRecorded> {
    // A key that cannot be replaced does not hold up the keys of other tenants and days.
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
    database: &mut Database,
    shared: &Shared,
    retired: Retired,
    step: &mut dyn FnMut(Step) -> bool,
) -> Result<End, NotRecorded> {
    let end = replace(database, shared, retired, step)?;
    if let End::Over = end {
        sweep::carry_out(database, shared)?;
        if database.is_destroyed(retired.key.key)? != Some(true) {
            return Err(lost(retired.key.key));
        }
    }
    Ok(end)
}

/// Returns the next key to replace, skipping every tenant and deadline in `left`. A key whose
/// replacement has begun comes first, so that a tenant and deadline never have more than two keys.
fn retired(database: &Database, left: &[Named]) -> Result<Option<Retired>, StoreError> {
    let was_left = |retired: &Retired| {
        let same = |other: &Named| {
            (other.tenant, other.deadline_ms) == (retired.key.tenant, retired.key.deadline_ms)
        };
        left.iter().any(same)
    };
    if let Some(begun) = database.keys_retired()?.into_iter().find(|key| !was_left(key)) {
        return Ok(Some(begun));
    }
    // The key refers to its first deletion, whose entry is published the soonest.
    let next = database.keys_of_deleted()?.into_iter().find(|key| !was_left(key));
    let Some(retired) = next else { return Ok(None) };
    // From here on, each transaction that seals records sees that the key is retired.
    database.retire(&retired)?;
    Ok(Some(retired))
}

fn replace(
    database: &mut Database,
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
    match database.is_destroyed(successor.id)? {
        Some(true) => return Err(NotRecorded::came_back(successor.id)),
        Some(false) => {}
        None => tell(database, shared, &Named { key: successor.id, ..key })?,
    }
    if !step(Step::Told) {
        return Ok(End::Stopped);
    }
    let (mut last, mut is_left) = (-1, false);
    loop {
        let spans = database.spans(key.key, last, TOGETHER_MAX)?;
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
        let asked = || spans.iter().map(to_reseal).collect();
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

/// Destroys a key for a deletion, once the custodian can verify the deletion in the published log.
/// Returns false if it cannot yet.
fn destroy(shared: &Shared, key: Named, deletion: u64) -> Result<bool, NotRecorded> {
    // The caller that deleted the record requests the publication of the entry.
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

/// Logs a key before any record is sealed to it.
fn tell(database: &mut Database, shared: &Shared, key: &Named) -> Result<(), StoreError> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    sweep::tell_key(&tx, &mut append, key.key, key.tenant, key.deadline_ms)?;
    append.finish()?;
    tx.commit()
}

fn to_reseal(span: &SpanRow) -> SpanToReseal {
    let deleted = span.deleted.iter().map(|(_, position)| *position).collect();
    SpanToReseal { span: span.bytes.clone(), deleted }
}

/// Writes the resealed spans. A span that does not open stays, and becomes unrecoverable with its
/// key. A span from which another record was deleted meanwhile also stays, to be sealed again
/// without that record: the log says that the record is destroyed with this key. Returns whether no
/// such span is left.
fn write(
    database: &mut Database,
    keys: (KeyId, KeyId),
    spans: &[SpanRow],
    resealed: Vec<Option<Vec<u8>>>,
) -> Result<bool, StoreError> {
    let mut is_all = true;
    let tx = database.write()?;
    for (span, bytes) in spans.iter().zip(resealed) {
        let Some(bytes) = bytes else { continue };
        is_all &= tx.replace_span(span, keys, &bytes)?;
    }
    tx.commit()?;
    Ok(is_all)
}

/// Returns the custodian's answer, or `None` if the key's deadline has passed.
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
        help: "check whether the custodian's clock is right".to_owned(),
    }
}
