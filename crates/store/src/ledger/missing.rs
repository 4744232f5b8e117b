//! Finds out whether keys that the log calls alive, and that the key directory lacks, are destroyed
//! or missing.
//!
//! An absent key does not count as destroyed. A key is destroyed if the custodian says that it
//! destroyed the key, or if the key's deadline has passed. Any other absent key is missing, for
//! example because the key directory is not mounted or was restored from an older copy. The service
//! then deletes no rows of missing keys and seals no record to them.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
};

use policy::id::{KeyDirectoryId, KeyId};
use tlog::entry::{Event, Repair};

use super::{At, NotRecorded, Shared, held};
use crate::{
    custody::{CustodyError, ListedKey, Refusal},
    error::StoreError,
    keys::Expected,
    log::Append,
    random::random,
    row::KeyDirectoryRow,
    sqlite::Database,
    tiles::LogError,
};

/// Keys that the log calls alive and that the key directory lacks.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// Keys that the custodian destroyed, or whose deadline has passed.
    pub(super) destroyed: Vec<KeyId>,
    /// Keys without evidence that they were destroyed.
    pub(super) missing: Vec<ListedKey>,
    /// Number of keys that the log calls alive.
    pub(super) alive: u64,
}

/// Returns the absent keys. `now` holds the keys that the custodian destroyed a moment ago.
pub(super) fn look(
    database: &Database,
    shared: &Shared,
    now: &[ListedKey],
) -> Result<Absent, NotRecorded> {
    // Read before the key directory, so that a key that is made meanwhile does not count as absent.
    let known = database.keys_alive()?;
    let there: HashSet<KeyId> = shared.custody.keys()?.into_iter().map(|key| key.id).collect();
    let mut absent = Absent { alive: known.len() as u64, ..Absent::default() };
    let not_there: Vec<ListedKey> =
        known.into_iter().filter(|key| !there.contains(&key.id)).collect();
    if not_there.is_empty() {
        return Ok(absent);
    }
    // Read last, so that the list includes a key that is destroyed meanwhile.
    let destroyed = shared.custody.destroyed()?;
    let destroyed: HashSet<KeyId> = destroyed.iter().chain(now).map(|key| key.id).collect();
    let now_ms = shared.now_ms(database)?.unwrap_or(0);
    for key in not_there {
        match destroyed.contains(&key.id) || key.deadline_ms <= now_ms {
            true => absent.destroyed.push(key.id),
            false => absent.missing.push(key),
        }
    }
    Ok(absent)
}

/// The result of opening the key directory at a start.
#[derive(Debug)]
pub(super) struct Opened {
    /// A new directory took the place of a lost one.
    pub(super) is_replaced: bool,
}

/// Makes sure that the key directory is the one to which the database is bound. With `are_lost`, a
/// new directory takes the place of a missing one.
pub(super) fn open(
    database: &Database,
    shared: &Shared,
    (directory, are_lost): (&PathBuf, bool),
) -> Result<Opened, LogError> {
    let refusal = match shared.custody.keys() {
        Ok(_) => return Ok(Opened { is_replaced: false }),
        Err(CustodyError::Refused(refusal)) => refusal,
        Err(error) => return Err(unreachable(error.into())),
    };
    let alive = database.keys_alive()?.len() as u64;
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

/// Returns which key directory the custodian must find. `is_first`: the service was never started
/// on this database.
pub(super) fn expected(database: &Database, is_first: bool) -> Result<Expected, StoreError> {
    let id = match database.key_directory()? {
        Some(KeyDirectoryRow { id, made: true, .. }) => return Ok(Expected::Known(id)),
        Some(KeyDirectoryRow { id, replaced: true, .. }) => return Ok(Expected::New(id)),
        Some(KeyDirectoryRow { id, .. }) => id,
        None => bind_anew(database)?,
    };
    let has_keys = database.has_keys()?;
    Ok(match is_first && !has_keys {
        true => Expected::New(id),
        false => Expected::Unmarked(id),
    })
}

/// Binds the database to a directory that does not exist yet.
fn bind_anew(database: &Database) -> Result<KeyDirectoryId, StoreError> {
    let id = KeyDirectoryId::from_random(random()?);
    database.bind_key_directory(id)?;
    Ok(id)
}

/// Logs that keys are lost, as the operator declared. The sweeper then deletes their rows like
/// those of destroyed keys.
pub(super) fn tell_lost(
    database: &mut Database,
    shared: &Shared,
    lost: &[ListedKey],
) -> Result<u64, StoreError> {
    let tx = database.write()?;
    let mut append = Append::begin(&tx, (shared.clock)())?;
    let count = lost.len() as u64;
    append.push(Event::Repaired { repair: Repair::KeysLost, count })?;
    for key in lost {
        if tx.set_destroyed(key.id)? {
            append.push(Event::KeyLost { key: key.id })?;
        }
    }
    append.finish()?;
    tx.commit()?;
    Ok(count)
}

/// Reasons why records cannot be sealed: to any key, or for one tenant and deadline.
#[derive(Debug, Default)]
pub(super) struct Keyless {
    /// The error if the key directory cannot be reached.
    all: Option<NotRecorded>,
    /// Keys that are missing or damaged, as of the last check.
    seen: BTreeMap<At, NotRecorded>,
    /// Keys that the last request for them could not use.
    met: BTreeMap<At, NotRecorded>,
}

impl Shared {
    /// Stores whether the key directory can be reached.
    pub(super) fn note_directory(&self, error: Option<NotRecorded>) {
        held(&self.keyless).all = error;
    }

    /// Returns the reason why no record can be sealed, if there is one. Asks the custodian again if
    /// there was one a moment ago, so that a directory that is mounted again serves at once.
    pub(super) fn no_directory(&self) -> Option<NotRecorded> {
        held(&self.keyless).all.as_ref()?;
        let error = self.custody.keys().err().map(NotRecorded::from);
        self.note_directory(error.clone());
        error
    }

    /// Returns the reason why no record can be sealed to this key, as of the last check.
    pub(super) fn no_key(&self, at: &At) -> Option<NotRecorded> {
        held(&self.keyless).seen.get(at).cloned()
    }

    /// Stores the result of getting one key.
    pub(super) fn note_key(&self, at: At, error: Option<NotRecorded>) {
        let mut keyless = held(&self.keyless);
        match error {
            Some(error) => drop(keyless.met.insert(at, error)),
            None => drop(keyless.met.remove(&at)),
        }
    }

    /// Stores which keys are missing.
    pub(super) fn note_missing(&self, missing: &[ListedKey]) {
        let mut keyless = held(&self.keyless);
        keyless.seen.retain(|_, error| error.help != MISSING_HELP);
        for key in missing {
            let reason = format!("{} of {} is missing from the key directory", key.id, key.tenant);
            let error = NotRecorded { reason, help: MISSING_HELP.to_owned() };
            keyless.seen.insert((key.tenant, key.deadline_ms), error);
        }
    }

    /// Returns whether the last check found damaged keys.
    pub(super) fn is_damaged(&self) -> bool {
        held(&self.keyless).seen.values().any(|error| error.help == DAMAGED_HELP)
    }

    /// Asks the custodian for damaged keys and stores them.
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

    /// Tries again the keys that could not be used: a service in trouble may receive no request
    /// that would show the end of the trouble.
    pub(super) fn try_keys_again(&self, database: &Database) -> Result<(), StoreError> {
        let met: Vec<At> = held(&self.keyless).met.keys().copied().collect();
        for at @ (tenant, deadline_ms) in met {
            match self.custody.public_key(tenant, deadline_ms) {
                Ok(key) if database.is_destroyed(key.id)? == Some(true) => {}
                Ok(_) | Err(CustodyError::Refused(Refusal::BadDeadline)) => {
                    self.note_key(at, None);
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Returns the reason why requests cannot be recorded, with the id of the tenant if the reason
    /// concerns one tenant only.
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
