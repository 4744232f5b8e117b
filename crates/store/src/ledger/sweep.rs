//! The thread that publishes the log and carries deadlines out.
//!
//! At a deadline, in this order: the private key is destroyed, the log says so, the rows go. Each
//! step finds out by itself what is left to do, so a crash between any two changes nothing.

use std::{path::PathBuf, sync::mpsc};

use policy::{
    id::{KeyId, TenantId},
    retention::{DAY_MS, Metadata, clock::Clock},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tlog::entry::Event;

use super::{
    NotRecorded, PUBLISH_EVERY, Repairs, Shared, acts,
    missing::{self, Absent, Opened, unreachable},
    pieces,
    show::NotShown,
};
use crate::{
    custody::ListedKey,
    error::StoreError,
    log::Append,
    tiles::{LogError, next},
};

/// Publishes and sweeps until the ledger is dropped.
pub(super) fn run(mut database: Connection, shared: &Shared, wanted: &mpsc::Receiver<()>) {
    for turn in 1_u64.. {
        let woken = wanted.recv_timeout(PUBLISH_EVERY);
        if let Err(mpsc::RecvTimeoutError::Disconnected) = woken {
            return;
        }
        if let Err(error) = shared.intact.check() {
            stand_still(&database, shared, error);
            continue;
        }
        match woken {
            Ok(()) => {}
            Err(_) => {
                // A service that says it is troubled may be sent no request that would show the end
                // of it.
                if super::held(&shared.unrecorded).is_some() {
                    shared.note_unrecorded(probe(&mut database, shared).err().as_ref());
                }
                shared.note_directory(shared.custody.keys().err().map(NotRecorded::from));
                let _ = shared.try_keys_again(&database);
                if shared.is_damaged() {
                    let _ = shared.note_damaged();
                }
                // What fails now is tried again in a second, and shows until it succeeds.
                let failed = carry_out(&mut database, shared).err();
                *super::held(&shared.overdue) = failed.map(|error| {
                    format!("deadlines cannot be carried out: {}; {}", error.reason, error.help)
                });
            }
        }
        publish(&mut database, shared, turn.is_multiple_of(WITNESSES_AGAIN));
        if turn.is_multiple_of(SHOWN_AGAIN) {
            show(shared);
            // A custodian that cannot be asked is told above.
            let _ = shared.note_damaged();
        }
    }
}

/// What is left to do while the database is not the one that is open: what was recorded is saved, and
/// keys are destroyed at their deadlines. Nothing is signed: a checkpoint ahead of the database would
/// be the end of the log.
fn stand_still(database: &Connection, shared: &Shared, error: StoreError) {
    if let StoreError::Displaced { .. } = error {
        shared.intact.save(database);
    }
    let overdue = shared.custody.destroy_due().err();
    *super::held(&shared.overdue) =
        overdue.map(|error| format!("deadlines cannot be carried out: {error}"));
    shared.publish_done(Err(error.into()));
}

/// Shows the custodian how far the log has come: what it has not seen, a stolen key could rewrite.
fn show(shared: &Shared) {
    let disbelieved = match shared.show() {
        Err(NotShown::Log(error)) => Some(format!("{error}; {}", error.help())),
        // A custodian that cannot be reached, or a witness that is late, shows where it matters.
        Ok(_) | Err(NotShown::Custody(_)) => None,
    };
    *super::held(&shared.disbelieved) = disbelieved;
}

/// The log that is about to be gone on with is the one that the custodian has seen.
pub(super) fn show_at_start(shared: &Shared) -> Result<(), LogError> {
    match shared.show() {
        Err(NotShown::Log(error)) => Err(error),
        // Whether it can be reached is asked next; and what no witness has signed yet is shown to
        // it once they have.
        Ok(_) | Err(NotShown::Custody(_)) => Ok(()),
    }
}

/// The same of the witnesses: what was committed is published before anything is added to it.
pub(super) fn ask_at_start(database: &mut Connection, shared: &Shared) -> Result<(), LogError> {
    let size = super::held(&shared.published).size;
    match shared.tiles.publish(database, (&*shared.signer, &shared.cosign), size) {
        Err(error @ LogError::TwoHistories(_)) => Err(error),
        // What cannot be written, or a witness that is late, shows where it matters.
        published => {
            shared.publish_done(published);
            Ok(())
        }
    }
}

/// Turns after which the custodian is shown the newest checkpoint.
const SHOWN_AGAIN: u64 = 60;

/// Writes what changes nothing, as a request would be recorded.
fn probe(database: &mut Connection, shared: &Shared) -> Result<(), NotRecorded> {
    shared.custody.keys()?;
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    Append::begin(&tx, (shared.clock)())?.finish()?;
    Ok(tx.commit()?)
}

/// Turns after which witnesses that did not sign are asked again, where nothing new is to be signed.
const WITNESSES_AGAIN: u64 = 10;

/// Publishes what was committed since the last time; or the same `again`, where a witness has not
/// signed it.
pub(super) fn publish(database: &mut Connection, shared: &Shared, again: bool) {
    let (size, uncosigned) = {
        let published = super::held(&shared.published);
        (published.size, published.uncosigned)
    };
    match next(database) {
        // Nothing new, and something is signed already.
        Ok(next) if next == size && size > 0 && !(again && uncosigned) => {}
        Ok(_) => {
            let signing = (&*shared.signer, &shared.cosign);
            let published = shared.tiles.publish(database, signing, size);
            shared.publish_done(published);
        }
        Err(error) => shared.publish_done(Err(error.into())),
    }
}

/// At the start: what the custodian and the log know of keys is brought together.
pub(super) fn reconcile(
    database: &mut Connection,
    shared: &Shared,
    ((directory, are_lost), opened): ((&PathBuf, bool), Opened),
) -> Result<Repairs, LogError> {
    let failed = |error: crate::custody::CustodyError| unreachable(error.into());
    let destroyed = shared.custody.destroy_due().map_err(failed)?;
    let Absent { missing, alive, .. } =
        missing::look(database, shared, &destroyed).map_err(unreachable)?;
    let keys_lost = missing.len() as u64;
    let directory = || directory.clone();
    match (keys_lost, are_lost) {
        (0, true) if !opened.is_replaced => {
            return Err(LogError::NothingLost { directory: directory() });
        }
        (1.., false) => {
            let (directory, missing) = (directory(), keys_lost);
            return Err(LogError::KeysMissing { directory, missing, alive });
        }
        _ => {}
    }
    let there = shared.custody.keys().map_err(failed)?;
    let keys_untold = tell_untold(database, shared, &there)?;
    if are_lost {
        missing::tell_lost(database, shared, &missing)?;
    }
    let keys_destroyed = carry_out(database, shared).map_err(unreachable)?;
    missing::bound(database)?;
    *super::held(&shared.custody.expected) = missing::expected(database, false)?;
    shared.note_damaged().map_err(failed)?;
    Ok(Repairs { tiles: false, keys_destroyed, keys_untold, keys_lost })
}

/// Keys that were made just before a crash are told to the log now.
fn tell_untold(
    database: &mut Connection,
    shared: &Shared,
    there: &[ListedKey],
) -> Result<u64, StoreError> {
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let mut told = 0;
    for key in there {
        told += u64::from(tell_key(&tx, &mut append, key.id, key.tenant, key.deadline_ms)?);
    }
    append.finish()?;
    tx.commit()?;
    Ok(told)
}

/// Logs that a key was made, if the log does not know it. Says whether it did not.
pub(super) fn tell_key(
    tx: &Transaction<'_>,
    append: &mut Append<'_>,
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
) -> Result<bool, StoreError> {
    let new = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO record_key (id, tenant, deadline_ms) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![key.as_bytes(), tenant.as_bytes(), deadline_ms])?;
    if new == 0 {
        return Ok(false);
    }
    append.push(Event::KeyCreated { key, tenant, deadline_ms })?;
    Ok(true)
}

/// Carries out what is due. Says how many keys were newly told to be destroyed.
pub(super) fn carry_out(database: &mut Connection, shared: &Shared) -> Result<u64, NotRecorded> {
    let now = shared.custody.destroy_due()?;
    let Absent { destroyed, missing, .. } = missing::look(database, shared, &now)?;
    let told = tell_destroyed(database, shared, &destroyed)?;
    shared.note_missing(&missing);
    while delete_some(database)? {}
    forget(database, shared)?;
    Ok(told)
}

/// Deletes receipts, what owners did with their records, and usage, each kept for its time. The log
/// itself stays whole: an auditor replays it from its first entry, and it holds nothing but
/// commitments.
fn forget(database: &mut Connection, shared: &Shared) -> Result<(), NotRecorded> {
    let Some(now_ms) = now_ms(database, shared)? else { return Ok(()) };
    let Metadata { receipts_days, usage_days } = shared.metadata;
    let first_day = |days: u32| (now_ms / DAY_MS).saturating_sub(u64::from(days));
    // Without an older day in it, the list of days says nothing about what is older.
    let keep_from: Option<u64> = database
        .prepare_cached(
            "SELECT min(first) FROM log_day
             WHERE day >= ?1 AND EXISTS (SELECT 1 FROM log_day WHERE day < ?1)",
        )?
        .query_row([first_day(receipts_days)], |row| row.get(0))?;
    if let Some(keep_from) = keep_from {
        // Before the receipts, which say whose request it was.
        acts::forget(database, keep_from)?;
        // A thousand at once, so that requests that end meanwhile need not wait.
        let old = "SELECT EXISTS (SELECT 1 FROM receipt WHERE idx < ?1)";
        let sql = "DELETE FROM receipt WHERE idx IN
                   (SELECT idx FROM receipt WHERE idx < ?1 LIMIT 1000)";
        while database.prepare_cached(old)?.query_row([keep_from], |row| row.get(0))? {
            database.prepare_cached(sql)?.execute([keep_from])?;
        }
    }
    let hour = first_day(usage_days).saturating_mul(24);
    let old = "SELECT EXISTS (SELECT 1 FROM usage WHERE hour < ?1)";
    // Looked for first: deleting nothing would lock the database as deleting something does.
    if database.prepare_cached(old)?.query_row([hour], |row| row.get(0))? {
        database.prepare_cached("DELETE FROM usage WHERE hour < ?1")?.execute([hour])?;
    }
    Ok(())
}

/// The time by the log's clock; none before its first entry.
pub(super) fn now_ms(database: &Connection, shared: &Shared) -> Result<Option<u64>, StoreError> {
    let mut statement = database.prepare_cached("SELECT clock FROM log_head")?;
    let Some(bytes) = statement.query_row([], |row| row.get::<_, Vec<u8>>(0)).optional()? else {
        return Ok(None);
    };
    let before = Clock::from_bytes(&bytes).ok_or(StoreError::Damaged { what: "log_head.clock" })?;
    Ok(Some(Clock::advance(Some(before), (shared.clock)())?.now_ms))
}

/// The log learns of keys that the custodian has destroyed. Says of how many it did not know.
pub(super) fn tell_destroyed(
    database: &mut Connection,
    shared: &Shared,
    gone: &[KeyId],
) -> Result<u64, StoreError> {
    if gone.is_empty() {
        return Ok(0);
    }
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let mut told = 0;
    for key in gone {
        let sql = "UPDATE record_key SET destroyed = 1 WHERE id = ?1 AND destroyed = 0";
        // Two threads tell of them, and each is told of once.
        if tx.prepare_cached(sql)?.execute([key.as_bytes()])? > 0 {
            append.push(Event::KeyDestroyed { key: *key })?;
            told += 1;
        }
    }
    append.finish()?;
    tx.commit()?;
    Ok(told)
}

/// Deletes some rows that nobody can open any more; says whether there may be others. A bounded
/// number at once, so that requests that end meanwhile need not wait.
fn delete_some(database: &mut Connection) -> Result<bool, NotRecorded> {
    let span: Option<i64> = {
        let sql = "SELECT s.id FROM span s JOIN record_key k ON k.id = s.key
                   WHERE k.destroyed = 1 LIMIT 1";
        database.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?
    };
    let Some(span) = span else { return Ok(false) };
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !pieces::delete_some(&tx, span)? {
        tx.prepare_cached("DELETE FROM deletion WHERE span = ?1")?.execute([span])?;
        tx.prepare_cached("DELETE FROM span WHERE id = ?1")?.execute([span])?;
    }
    tx.commit()?;
    Ok(true)
}
