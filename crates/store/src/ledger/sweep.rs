//! The thread that publishes the log and carries out deadlines.
//!
//! At a deadline, the custodian destroys the private key, the log records that, and the rows are
//! deleted, in this order. Each step finds its remaining work in the database, so a crash between
//! two steps loses nothing.

use std::{path::PathBuf, sync::mpsc};

use policy::{
    id::{KeyId, TenantId},
    retention::{DAY_MS, Metadata},
};
use tlog::entry::Event;

use super::{
    NotRecorded, PUBLISH_EVERY, Repairs, Shared,
    missing::{self, Absent, Opened, unreachable},
    show::NotShown,
};
use crate::{
    abuse,
    custody::ListedKey,
    error::StoreError,
    log::Append,
    sqlite::{Database, Write},
    tiles::LogError,
};

/// Publishes and sweeps until the ledger is dropped.
pub(super) fn run(mut database: Database, shared: &Shared, wanted: &mpsc::Receiver<()>) {
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
                // A service that reports trouble may receive no request that would show the end of
                // the trouble.
                if super::held(&shared.unrecorded).is_some() {
                    shared.note_unrecorded(probe(&mut database, shared).err().as_ref());
                }
                shared.note_directory(shared.custody.keys().err().map(NotRecorded::from));
                let _ = shared.try_keys_again(&database);
                if shared.is_damaged() {
                    let _ = shared.note_damaged();
                }
                // A failed attempt is repeated in a second, and its error shows until an attempt
                // succeeds.
                let failed = carry_out(&mut database, shared).err();
                *super::held(&shared.overdue) = failed.map(|error| {
                    format!("deadlines cannot be carried out: {}; {}", error.reason, error.help)
                });
            }
        }
        publish(&mut database, shared, turn.is_multiple_of(WITNESSES_AGAIN));
        if turn.is_multiple_of(SHOWN_AGAIN) {
            show(shared);
            // An unreachable custodian is recorded above.
            let _ = shared.note_damaged();
        }
    }
}

/// Does the remaining work while the open database is displaced: saves the recorded data, and
/// destroys keys at their deadlines. Signs no checkpoint: a checkpoint ahead of the database would
/// end the log.
fn stand_still(database: &Database, shared: &Shared, error: StoreError) {
    if let StoreError::Displaced { .. } = error {
        shared.intact.save(database);
    }
    let overdue = shared.custody.destroy_due().err();
    *super::held(&shared.overdue) =
        overdue.map(|error| format!("deadlines cannot be carried out: {error}"));
    shared.publish_done(Err(error.into()));
}

/// Shows the custodian the newest checkpoint: a stolen key could rewrite any entries that the
/// custodian has not seen.
fn show(shared: &Shared) {
    let disbelieved = match shared.show() {
        Err(NotShown::Log(error)) => Some(format!("{error}; {}", error.help())),
        // An unreachable custodian and a late witness are reported where they matter.
        Ok(_) | Err(NotShown::Custody(_)) => None,
    };
    *super::held(&shared.disbelieved) = disbelieved;
}

/// Checks that this log continues the history that the custodian has seen.
pub(super) fn show_at_start(shared: &Shared) -> Result<(), LogError> {
    match shared.show() {
        Err(NotShown::Log(error)) => Err(error),
        // The next step checks whether the custodian can be reached. A checkpoint that a witness
        // has not signed yet is shown once the witness has signed.
        Ok(_) | Err(NotShown::Custody(_)) => Ok(()),
    }
}

/// Checks the same with the witnesses: publishes the committed entries before any entry is added.
pub(super) fn ask_at_start(database: &mut Database, shared: &Shared) -> Result<(), LogError> {
    let size = super::held(&shared.published).size;
    match shared.tiles.publish(database, (&*shared.signer, &shared.cosign), size) {
        Err(error @ LogError::TwoHistories(_)) => Err(error),
        // A failed write and a late witness are reported where they matter.
        published => {
            shared.publish_done(published);
            Ok(())
        }
    }
}

/// Number of turns after which the custodian is shown the newest checkpoint again.
const SHOWN_AGAIN: u64 = 60;

/// Tries a write that changes nothing, in the way a request is recorded.
fn probe(database: &mut Database, shared: &Shared) -> Result<(), NotRecorded> {
    shared.custody.keys()?;
    let tx = database.write()?;
    Append::begin(&tx, (shared.clock)())?.finish()?;
    Ok(tx.commit()?)
}

/// Number of turns after which late witnesses are asked again if there is no new entry to sign.
const WITNESSES_AGAIN: u64 = 10;

/// Publishes the entries that were committed since the last time. With `again`, publishes the same
/// checkpoint once more if a witness has not signed it.
pub(super) fn publish(database: &mut Database, shared: &Shared, again: bool) {
    let (size, uncosigned) = {
        let published = super::held(&shared.published);
        (published.size, published.uncosigned)
    };
    match database.log_next() {
        // There are no new entries, and a signed checkpoint exists.
        Ok(next) if next == size && size > 0 && !(again && uncosigned) => {}
        Ok(_) => {
            let signing = (&*shared.signer, &shared.cosign);
            let published = shared.tiles.publish(database, signing, size);
            shared.publish_done(published);
        }
        Err(error) => shared.publish_done(Err(error.into())),
    }
}

/// Reconciles, at the start, the keys of the custodian with the keys in the log.
pub(super) fn reconcile(
    database: &mut Database,
    shared: &Shared,
    ((directory, are_lost), opened): ((&PathBuf, bool), Opened),
) -> Result<Repairs, LogError> {
    let failed = |error: crate::custody::CustodyError| unreachable(error.into());
    let destroyed = shared.custody.destroy_due().map_err(failed)?;
    let Absent { missing, alive, .. } =
        missing::look(database, shared, &destroyed).map_err(unreachable)?;
    let keys_lost = missing.len() as u64;
    let objects = super::objects::Keys::look(database, shared).map_err(unreachable)?;
    let objects_missing = objects.missing();
    let directory = || directory.clone();
    match (keys_lost, are_lost) {
        (0, true) if !opened.is_replaced && objects_missing == 0 => {
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
    let objects_lost = objects.settle(database, shared, are_lost).map_err(unreachable)?;
    let keys_destroyed = carry_out(database, shared).map_err(unreachable)?;
    super::subjects::settle(database, shared)?;
    database.set_key_directory_made()?;
    *super::held(&shared.custody.expected) = missing::expected(database, false)?;
    shared.note_damaged().map_err(failed)?;
    let objects_missing = if are_lost { 0 } else { objects_missing };
    let tiles = false;
    Ok(Repairs { tiles, keys_destroyed, keys_untold, keys_lost, objects_lost, objects_missing })
}

/// Logs keys that were made just before a crash. Returns their number.
fn tell_untold(
    database: &mut Database,
    shared: &Shared,
    there: &[ListedKey],
) -> Result<u64, StoreError> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let mut told = 0;
    for key in there {
        told += u64::from(tell_key(&tx, &mut append, key.id, key.tenant, key.deadline_ms)?);
    }
    append.finish()?;
    tx.commit()?;
    Ok(told)
}

/// Logs that a key was made, if the log does not know the key. Returns whether it was new.
pub(super) fn tell_key(
    tx: &Write<'_>,
    append: &mut Append<'_>,
    key: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
) -> Result<bool, StoreError> {
    if !tx.add_key(key, tenant, deadline_ms)? {
        return Ok(false);
    }
    append.push(Event::KeyCreated { key, tenant, deadline_ms })?;
    Ok(true)
}

/// Carries out due deadlines. Returns the number of keys that were newly logged as destroyed.
pub(super) fn carry_out(database: &mut Database, shared: &Shared) -> Result<u64, NotRecorded> {
    let now = shared.custody.destroy_due()?;
    let Absent { destroyed, missing, .. } = missing::look(database, shared, &now)?;
    let told = tell_destroyed(database, shared, &destroyed)?;
    shared.note_missing(&missing);
    while delete_some(database)? {}
    super::objects::carry_out(database, shared)?;
    super::subjects::carry_out(database, shared)?;
    forget(database, shared)?;
    Ok(told)
}

/// Deletes receipts, acts of owners on their records, usage and the counts of abuse monitoring, each
/// after its storage period. The
/// log itself stays complete: an auditor replays it from the first entry, and it contains only
/// commitments.
fn forget(database: &mut Database, shared: &Shared) -> Result<(), NotRecorded> {
    let Some(now_ms) = shared.now_ms(database)? else { return Ok(()) };
    let Metadata { receipts_days, usage_days } = shared.metadata;
    let first_day = |days: u32| (now_ms / DAY_MS).saturating_sub(u64::from(days));
    // Unless the list of days contains an older day, it does not show which entries are older.
    if let Some(keep_from) = database.first_entry_since(first_day(receipts_days))? {
        // Before the receipts: each act refers to the receipt of its record's request.
        database.forget_acts(keep_from)?;
        database.forget_receipts(keep_from)?;
    }
    database.forget_usage(first_day(usage_days).saturating_mul(24))?;
    let first = (now_ms / DAY_MS).saturating_sub(abuse::COUNT_DAYS - 1);
    database.forget_abuse(first, now_ms.saturating_sub(abuse::KEY_MS))?;
    Ok(())
}

/// Logs keys that the custodian has destroyed. Returns how many of them the log did not know to be
/// destroyed.
pub(super) fn tell_destroyed(
    database: &mut Database,
    shared: &Shared,
    gone: &[KeyId],
) -> Result<u64, StoreError> {
    if gone.is_empty() {
        return Ok(0);
    }
    let tx = database.write()?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let mut told = 0;
    for key in gone {
        // Two threads log destroyed keys; each key is logged once.
        if tx.set_destroyed(*key)? {
            append.push(Event::KeyDestroyed { key: *key })?;
            told += 1;
        }
    }
    append.finish()?;
    tx.commit()?;
    Ok(told)
}

/// Deletes some rows whose key is destroyed. Returns whether more may be left. Deletes a bounded
/// number at once, so that requests that end meanwhile need not wait long.
fn delete_some(database: &mut Database) -> Result<bool, NotRecorded> {
    let Some(span) = database.span_without_key()? else { return Ok(false) };
    let tx = database.write()?;
    tx.delete_some_of_span(span)?;
    tx.commit()?;
    Ok(true)
}
