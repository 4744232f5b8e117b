//! The signatures of people over their decisions. The roll follows from the log's entries; every signed
//! entry, and every decision that needs a signature, is checked with it in the transaction that
//! writes the entry. docs/spec/statements.md has the rules.
//!
//! The roll is in memory only: the first decision after the start reads the whole log, and each later
//! one reads the entries since the one before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::{
    authz::facts::SignatureFacts,
    id::{GrantId, PersonId, TenantId},
};
use tlog::{
    entry::{Entry, Event},
    key::Key,
    people::{Party, Root},
    roll::{Heads as _, Roll, Side, Verdict, Window},
    signature::Signed,
    statement::Draft,
    succession::{Mark, first_name},
    tile::WIDTH,
    tree::leaf_hash,
};

use crate::{
    error::StoreError,
    log::{Append, Decides},
    promised,
    sqlite::{Database, Write},
    tiles::{LogError, Tiles},
};

mod looks;

use self::looks::Looks;
pub use crate::not_logged::{NotLogged, Unsigned};

/// The number of entries that are read from the database at a time.
const TOGETHER: u64 = 1024;

/// A decision of people that will be logged.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The tenant that the decision is about. Its own people decide, or the operator's.
    pub tenant: TenantId,
    /// The signatures; none if no one signed yet.
    pub signed: Vec<Signed>,
}

/// The signatures of an act that may take several entries. A person signs one entry after the other:
/// who signs the second one has seen the first.
#[derive(Debug, Clone, Default)]
pub struct SignedAct {
    /// The signatures of the next entry; none if no one signed yet.
    pub signed: Vec<Signed>,
    /// The first entry of the act, if it is in the log already.
    pub logged: Option<u64>,
}

impl SignedAct {
    /// Returns the decision about a tenant that writes the next entry.
    pub(crate) fn decision(&self, tenant: TenantId) -> Decision {
        Decision { tenant, signed: self.signed.clone() }
    }
}

/// The roll of one log, in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Rolls(Arc<Mutex<Rolled>>);

/// The roll after the entries that were read, and the heads of the last hour.
#[derive(Debug, Clone)]
pub(crate) struct Rolled {
    tiles: Tiles,
    roll: Roll,
    window: Window,
    /// The signed statements about access requests.
    looks: Looks,
}

impl Rolls {
    /// Begins before the first entry of a log.
    pub(crate) fn new(origin: &str, tiles: Tiles) -> Self {
        let roll = Roll::new(first_name(origin));
        Self(Arc::new(Mutex::new(Rolled {
            tiles,
            roll,
            window: Window::default(),
            looks: Looks::default(),
        })))
    }

    /// Returns the roll after the entries that the database has committed.
    pub(crate) fn current(&self, database: &Database) -> Result<Roll, StoreError> {
        let mut rolled = self.lock();
        rolled.catch_up(database)?;
        Ok(rolled.roll.clone())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Rolled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rolled {
    /// Reads the entries that the database has and the roll has not.
    pub(crate) fn catch_up(&mut self, database: &Database) -> Result<(), StoreError> {
        let end = database.log_next()?;
        while self.roll.size() < end {
            let next = self.roll.size();
            let read = database.entries(next..end.min(next.saturating_add(TOGETHER)))?;
            let kept = database.first_entry()?.is_some_and(|first| first <= next);
            if kept && !read.is_empty() {
                read.iter().try_for_each(|bytes| self.read(bytes))?;
                continue;
            }
            // The entries of full bundles are in the log's files only.
            let bundle = self.tiles.full_bundle(next / WIDTH).map_err(|error| match error {
                LogError::Store(error) => error,
                _ => StoreError::Damaged { what: "an entry bundle of the log" },
            })?;
            let skip = usize::try_from(next % WIDTH).unwrap_or(usize::MAX);
            bundle.iter().skip(skip).try_for_each(|bytes| self.read(bytes))?;
        }
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let damaged = |_| StoreError::Damaged { what: "log_entry.bytes" };
        let entry = Entry::decode(bytes).map_err(damaged)?;
        let index = self.roll.size();
        // An entry that breaks a rule changes nothing. `verify log` names it.
        if let Ok(Verdict::Signed(by)) = self.roll.read(index, &entry, &self.window) {
            self.looks.note(self.roll.time_ms(), by.party(), &entry.event);
        }
        self.window.push(leaf_hash(bytes), entry.time_ms);
        Ok(())
    }
}

/// Decisions that an [`Append`] writes.
#[derive(Debug)]
pub(crate) struct Deciding<'a> {
    rolled: &'a Rolled,
    decision: Decision,
}

impl<'a> Deciding<'a> {
    /// Begins a decision. The roll has all entries that are committed.
    pub(crate) fn new(rolled: &'a Rolled, decision: Decision) -> Self {
        Self { rolled, decision }
    }
}

impl Decides for Deciding<'_> {
    fn entry(
        &self,
        tx: &Write<'_>,
        (index, now_ms): (u64, u64),
        event: Event,
    ) -> Result<Entry, StoreError> {
        let Some(side) = Side::of(&event) else { return Ok(Entry::new(now_ms, event)) };
        let (party, about_roll) = match side {
            Side::Operator => (Party::Operator, false),
            Side::Customer => (Party::Tenant { tenant: self.decision.tenant }, false),
            Side::Party(party) => (party, true),
        };
        let Rolled { roll, window, .. } = self.rolled;
        if self.decision.signed.is_empty() {
            if roll.root(party).is_none() && !about_roll {
                return Ok(Entry::new(now_ms, event));
            }
            let size = roll.size();
            let root = window.root(size).ok_or(StoreError::Damaged { what: "log_entry.bytes" })?;
            let passkeys = passkeys(roll, party, &event);
            let draft =
                Draft { origin: roll.origin().to_owned(), seen: Mark { size, root }, event };
            return Err(not(NotLogged::Unsigned(Box::new(Unsigned {
                draft,
                now_ms,
                logged: None,
                passkeys,
            }))));
        }
        let entry = Entry::signed(now_ms, event, self.decision.signed.clone())
            .map_err(|error| not(error.into()))?;
        let verdict = if roll.size() == index {
            roll.check(&entry, window)
        } else {
            let rolled = self.until(tx, index)?;
            rolled.roll.check(&entry, &rolled.window)
        };
        match verdict.map_err(|error| not(error.into()))? {
            // The operator announces the recovery of another party's root.
            Verdict::Signed(by) if about_roll || by.party() == party => Ok(entry),
            Verdict::Signed(_) | Verdict::Unsigned { .. } | Verdict::Service => {
                Err(not(NotLogged::OtherParty))
            }
        }
    }

    fn roll(&self, tx: &Write<'_>, next: u64) -> Result<Roll, StoreError> {
        Ok(self.until(tx, next)?.roll)
    }
}

impl Deciding<'_> {
    /// Returns the roll after the entries of this transaction before a number.
    fn until(&self, tx: &Write<'_>, next: u64) -> Result<Rolled, StoreError> {
        let mut rolled = self.rolled.clone();
        let own = tx.entries(rolled.roll.size()..next)?;
        own.iter().try_for_each(|bytes| rolled.read(bytes))?;
        Ok(rolled)
    }
}

/// Returns the passkeys that may have to sign an event of a party: of its people, of its root, and those
/// that the event itself names.
fn passkeys(roll: &Roll, party: Party, event: &Event) -> Vec<(Option<PersonId>, Key)> {
    let people = roll.person_keys().filter(|(_, held)| held.party == party && !held.revoked);
    let people = people.map(|(_, held)| (Some(held.person), held.key));
    let root = roll.root(party).map(|rooted| &rooted.root);
    let named = match event {
        Event::RootMade { root, .. }
        | Event::RootReplaced { root, .. }
        | Event::RootRecovery { root, .. } => root.keys(),
        Event::PersonKeyEnrolled { key, .. } => std::slice::from_ref(key),
        _ => &[],
    };
    let others = root.map_or(&[][..], Root::keys).iter().chain(named).map(|key| (None, *key));
    people.chain(others).filter(|(_, key)| key.passkey().is_some()).collect()
}

fn not(error: NotLogged) -> StoreError {
    StoreError::NotLogged(Box::new(error))
}

impl crate::Store {
    /// Returns the roll of the store's log, for a program beside the service. `origin` is the log's
    /// name. The first use reads the whole log.
    #[must_use]
    pub fn rolls(&self, origin: &str) -> Rolls {
        Rolls::new(origin, Tiles::at(self.log()))
    }

    /// Returns the roll: roots, keys and promises, after all entries that are committed.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn roll(&self, rolls: &Rolls) -> Result<Roll, StoreError> {
        rolls.current(&self.writer())
    }

    /// Returns the statements about an access request that people signed, as the log has them.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn signatures(
        &self,
        rolls: &Rolls,
        grant: GrantId,
        tenant: TenantId,
    ) -> Result<SignatureFacts, StoreError> {
        let writer = self.writer();
        let mut rolled = rolls.lock();
        rolled.catch_up(&writer)?;
        Ok(rolled.looks.facts(&rolled.roll, grant, tenant))
    }

    /// Logs an event about roots, keys or promises.
    ///
    /// # Errors
    /// [`StoreError::NotLogged`] if it is not signed yet, or if a rule refuses it. Another error if
    /// the database cannot be written.
    pub fn put_statement(
        &self,
        rolls: &Rolls,
        event: Event,
        decision: Decision,
    ) -> Result<u64, StoreError> {
        let about = match Side::of(&event) {
            Some(Side::Party(Party::Tenant { tenant })) => Some(tenant),
            Some(_) | None => None,
        };
        self.change_decided(rolls, decision, |tx, log| {
            let index = log.push(event)?;
            about.map_or(Ok(()), |tenant| promised::follow(tx, log, tenant))?;
            Ok(index)
        })
    }

    /// Runs a change of settings, which no person signs, with the roll at hand.
    pub(crate) fn with_roll(
        &self,
        rolls: &Rolls,
        change: impl FnOnce(&Write<'_>, &mut Append<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // No entry of it is a decision, so the tenant does not count.
        let decision = Decision { tenant: TenantId::from_random([0; 16]), signed: Vec::new() };
        self.change_decided(rolls, decision, change)
    }

    /// Runs a change and its log entries in one transaction. Each decision of people in it is signed,
    /// if its party has a root.
    pub(crate) fn change_decided<T, E: From<StoreError>>(
        &self,
        rolls: &Rolls,
        decision: Decision,
        change: impl FnOnce(&Write<'_>, &mut Append<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let reading = self.reading();
        let mut rolled = rolls.lock();
        let mut writer = self.writer();
        // The first time, this reads the whole log: before the write lock is taken.
        rolled.catch_up(&writer)?;
        let tx = writer.write()?;
        rolled.catch_up(&tx)?;
        let deciding = Deciding::new(&rolled, decision);
        let mut log = Append::begin(&tx, reading)?.deciding(&deciding);
        let made = change(&tx, &mut log)?;
        log.finish()?;
        tx.commit()?;
        drop(writer);
        self.in_place()?;
        Ok(made)
    }
}
