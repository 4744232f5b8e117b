//! Keys that the log calls alive and that the key directory does not have: destroyed, or missing.
//!
//! Absence is never read as completion. A key is destroyed when the custodian says that it destroyed
//! it, or when its deadline has passed. Any other key is missing, as where the key directory is not
//! mounted or was put back from an older copy: then nothing is deleted, and nothing is sealed to it.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

use policy::id::{KeyDirectoryId, KeyId, TenantId};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use tlog::entry::{Event, Repair};

use super::{At, NotRecorded, Shared, held, sweep};
use crate::{
    custody::{CustodyError, ListedKey, Refusal},
    error::StoreError,
    keys::Expected,
    log::Append,
    random::random,
    tiles::LogError,
};

/// Keys that the log calls alive and that are not there.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// The custodian destroyed them, or their deadline has passed.
    pub(super) destroyed: Vec<KeyId>,
    /// Nothing says that they were destroyed.
    pub(super) missing: Vec<ListedKey>,
    /// How many the log calls alive.
    pub(super) alive: u64,
}

/// Which keys are not there, given those that the custodian destroyed a moment ago.
pub(super) fn look(
    database: &Connection,
    shared: &Shared,
    now: &[ListedKey],
) -> Result<Absent, NotRecorded> {
    // In this order: a key that is made meanwhile is not taken for one that is not there.
    let known = alive(database)?;
    let there: HashSet<KeyId> = shared.custody.keys()?.into_iter().map(|key| key.id).collect();
    let mut absent = Absent { alive: known.len() as u64, ..Absent::default() };
    let not_there: Vec<ListedKey> =
        known.into_iter().filter(|key| !there.contains(&key.id)).collect();
    if not_there.is_empty() {
        return Ok(absent);
    }
    // Afterwards, so that one that goes meanwhile is among them.
    let destroyed = shared.custody.destroyed()?;
    let destroyed: HashSet<KeyId> = destroyed.iter().chain(now).map(|key| key.id).collect();
    let now_ms = sweep::now_ms(database, shared)?.unwrap_or(0);
    for key in not_there {
        match destroyed.contains(&key.id) || key.deadline_ms <= now_ms {
            true => absent.destroyed.push(key.id),
            false => absent.missing.push(key),
        }
    }
    Ok(absent)
}

/// Keys of which the log does not say that they are no more.
fn alive(database: &Connection) -> Result<Vec<ListedKey>, StoreError> {
    let mut statement = database
        .prepare_cached("SELECT id, tenant, deadline_ms FROM record_key WHERE destroyed = 0")?;
    let keys = statement.query_map([], |row| {
        let (id, tenant) = (KeyId::from_random(row.get(0)?), TenantId::from_random(row.get(1)?));
        Ok(ListedKey { id, tenant, deadline_ms: row.get(2)? })
    })?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// The key directory of a data directory, at a start.
#[derive(Debug)]
pub(super) struct Opened {
    /// A new one took the place of one that is lost.
    pub(super) is_replaced: bool,
}

/// Makes sure that the key directory is the one that the database is bound to. `are_lost`: where it is
/// missing for good, a new one takes its place.
pub(super) fn open(
    database: &Connection,
    shared: &Shared,
    (directory, are_lost): (&PathBuf, bool),
) -> Result<Opened, LogError> {
    let refusal = match shared.custody.keys() {
        Ok(_) => return Ok(Opened { is_replaced: false }),
        Err(CustodyError::Refused(refusal)) => refusal,
        Err(error) => return Err(unreachable(error.into())),
    };
    let alive = alive(database)?.len() as u64;
    let directory = directory.clone();
    match refusal {
        Refusal::NoDirectory if !are_lost => Err(LogError::NoKeyDirectory { directory, alive }),
        Refusal::NoDirectory => {
            let expected = Expected::New(bind_anew(database)?);
            *held(&shared.custody.expected) = expected;
            match shared.custody.keys() {
                Ok(_) => Ok(Opened { is_replaced: true }),
                Err(CustodyError::Refused(Refusal::OtherDirectory)) => {
                    Err(LogError::OtherKeyDirectory { directory, alive })
                }
                Err(error) => Err(unreachable(error.into())),
            }
        }
        Refusal::OtherDirectory => Err(LogError::OtherKeyDirectory { directory, alive }),
        refusal => Err(unreachable(CustodyError::Refused(refusal).into())),
    }
}

pub(super) fn unreachable(error: NotRecorded) -> LogError {
    let source = std::io::Error::other(error.reason);
    crate::keys::failed("ask", std::path::Path::new("custodian"), source).into()
}

/// Which key directory the custodian is to find. `is_first`: the service was never started on this
/// database.
pub(super) fn expected(database: &Connection, is_first: bool) -> Result<Expected, StoreError> {
    let bound: Option<([u8; 16], bool, bool)> = database
        .prepare_cached("SELECT id, made, replaced FROM key_directory")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let id = match bound {
        Some((id, true, _)) => return Ok(Expected::Known(KeyDirectoryId::from_random(id))),
        Some((id, false, true)) => return Ok(Expected::New(KeyDirectoryId::from_random(id))),
        Some((id, false, false)) => KeyDirectoryId::from_random(id),
        None => bind_anew(database)?,
    };
    let has_keys = "SELECT EXISTS (SELECT 1 FROM record_key)";
    let has_keys: bool = database.prepare_cached(has_keys)?.query_row([], |row| row.get(0))?;
    Ok(match is_first && !has_keys {
        true => Expected::New(id),
        false => Expected::Unmarked(id),
    })
}

/// Binds the database to a directory that is yet to be made.
fn bind_anew(database: &Connection) -> Result<KeyDirectoryId, StoreError> {
    let id = KeyDirectoryId::from_random(random()?);
    let sql = "INSERT OR REPLACE INTO key_directory (one, id, made, replaced)
               VALUES (1, ?1, 0, EXISTS (SELECT 1 FROM key_directory))";
    database.execute(sql, [id.as_bytes()])?;
    Ok(id)
}

/// The directory was found, and holds what it should: from now on it is the only one.
pub(super) fn bound(database: &Connection) -> Result<(), StoreError> {
    database.execute("UPDATE key_directory SET made = 1 WHERE made = 0", [])?;
    Ok(())
}

/// The log is told that keys are lost, because somebody said so; their rows go like those of keys that
/// were destroyed.
pub(super) fn tell_lost(
    database: &mut Connection,
    shared: &Shared,
    lost: &[ListedKey],
) -> Result<u64, StoreError> {
    let tx = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let count = lost.len() as u64;
    append.push(Event::Repaired { repair: Repair::KeysLost, count })?;
    for key in lost {
        let sql = "UPDATE record_key SET destroyed = 1 WHERE id = ?1 AND destroyed = 0";
        if tx.prepare_cached(sql)?.execute(params![key.id.as_bytes()])? > 0 {
            append.push(Event::KeyLost { key: key.id })?;
        }
    }
    append.finish()?;
    tx.commit()?;
    Ok(count)
}

/// Why nothing can be sealed: to any key, or for one tenant and deadline.
#[derive(Debug, Default)]
pub(super) struct Keyless {
    /// The key directory cannot be reached.
    all: Option<NotRecorded>,
    /// Keys that are missing or damaged, as far as the last look shows.
    seen: BTreeMap<At, NotRecorded>,
    /// Keys that the last request could not be sealed to.
    met: BTreeMap<At, NotRecorded>,
}

impl Shared {
    /// Notes whether the key directory can be reached.
    pub(super) fn note_directory(&self, error: Option<NotRecorded>) {
        held(&self.keyless).all = error;
    }

    /// Why nothing can be sealed at all. Asks once more where that was so a moment ago: what was
    /// mounted again serves at once.
    pub(super) fn no_directory(&self) -> Option<NotRecorded> {
        held(&self.keyless).all.as_ref()?;
        let error = self.custody.keys().err().map(NotRecorded::from);
        self.note_directory(error.clone());
        error
    }

    /// Why nothing can be sealed to one key, as far as the last look shows.
    pub(super) fn no_key(&self, at: &At) -> Option<NotRecorded> {
        held(&self.keyless).seen.get(at).cloned()
    }

    /// Notes what came of sealing to one key.
    pub(super) fn note_key(&self, at: At, error: Option<NotRecorded>) {
        let mut keyless = held(&self.keyless);
        match error {
            Some(error) => drop(keyless.met.insert(at, error)),
            None => drop(keyless.met.remove(&at)),
        }
    }

    /// Notes which keys are missing.
    pub(super) fn note_missing(&self, missing: &[ListedKey]) {
        let mut keyless = held(&self.keyless);
        keyless.seen.retain(|_, error| error.help != MISSING_HELP);
        for key in missing {
            let reason = format!("{} of {} is missing from the key directory", key.id, key.tenant);
            let error = NotRecorded { reason, help: MISSING_HELP.to_owned() };
            keyless.seen.insert((key.tenant, key.deadline_ms), error);
        }
    }

    /// Whether damaged keys were found.
    pub(super) fn is_damaged(&self) -> bool {
        held(&self.keyless).seen.values().any(|error| error.help == DAMAGED_HELP)
    }

    /// Looks for keys that are damaged.
    pub(super) fn note_damaged(&self) -> Result<(), CustodyError> {
        let damaged = self.custody.with(crate::custody::Client::damaged)?;
        let mut keyless = held(&self.keyless);
        keyless.seen.retain(|_, error| error.help != DAMAGED_HELP);
        for key in damaged {
            let reason = format!("{} of {} is damaged", key.id, key.tenant);
            let error = NotRecorded { reason, help: DAMAGED_HELP.to_owned() };
            keyless.seen.entry((key.tenant, key.deadline_ms)).or_insert(error);
        }
        Ok(())
    }

    /// Tries again what could not be sealed to: a service that is troubled may be sent no request
    /// that would show the end of it.
    pub(super) fn try_keys_again(&self, database: &Connection) -> Result<(), StoreError> {
        let met: Vec<At> = held(&self.keyless).met.keys().copied().collect();
        for at @ (tenant, deadline_ms) in met {
            match self.custody.public_key(tenant, deadline_ms) {
                Ok(key) if super::shred::is_destroyed(database, key.id)? == Some(true) => {}
                Ok(_) | Err(CustodyError::Refused(Refusal::BadDeadline)) => {
                    self.note_key(at, None);
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Why the requests of a tenant cannot be recorded, where that is so. By its id.
    pub(super) fn keyless(&self) -> Option<String> {
        let keyless = held(&self.keyless);
        if let Some(error) = &keyless.all {
            return Some(error.to_string());
        }
        let mut at = keyless.met.iter().chain(&keyless.seen);
        let ((tenant, _), error) = at.next()?;
        Some(format!("the requests of {tenant}: {error}"))
    }
}

const MISSING_HELP: &str = "put its file back into `records/` of the key directory; where it is lost \
                            for good, start once with `bailiwick serve --keys-are-lost`";

const DAMAGED_HELP: &str = "put back the key's file in `records/`, or its tenant's in `tenants/` of the \
                            key directory; where that is lost for good, delete the key's file and \
                            start once with `bailiwick serve --keys-are-lost`";
