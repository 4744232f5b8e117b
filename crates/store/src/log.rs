//! Appends to the log: an entry gets its number in the same transaction as what it reports.
//!
//! SQLite lets one writer in at a time, so numbers have no gaps and the log cannot fork, whichever
//! process appends. Tiles and checkpoints follow, see [`crate::tiles`].

use policy::{
    retention::{
        DAY_MS,
        clock::{Behind, Clock, Reading},
    },
    workflow::Statement,
};
use rusqlite::{OptionalExtension as _, Transaction, params};
use tlog::{
    canon::Digest,
    entry::{Action, Entry, Event, Subject, commit},
};

use crate::{error::StoreError, random::random};

/// Reads the machine's clocks. An argument, so that time can be told in tests.
pub type ReadClock = fn() -> Reading;

/// An append that is under way: advances the clock once, and numbers entries.
#[derive(Debug)]
pub(crate) struct Append<'a> {
    tx: &'a Transaction<'a>,
    next: u64,
    /// The time of all entries of this transaction.
    pub(crate) now_ms: u64,
}

impl<'a> Append<'a> {
    /// Begins, inside a transaction that holds the write lock.
    pub(crate) fn begin(tx: &'a Transaction<'a>, reading: Reading) -> Result<Self, StoreError> {
        let head = tx
            .prepare_cached("SELECT next, clock FROM log_head")?
            .query_row([], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        let before = match &head {
            Some((_, clock)) => Some(
                Clock::from_bytes(clock).ok_or(StoreError::Damaged { what: "log_head.clock" })?,
            ),
            None => None,
        };
        let day = |clock: &Clock| clock.now_ms / DAY_MS;
        let last_day = before.as_ref().map(day);
        let clock = Clock::advance(before, reading)?;
        let next = head.map_or(0, |(next, _)| next);
        if last_day != Some(day(&clock)) {
            tx.prepare_cached("INSERT OR IGNORE INTO log_day (day, first) VALUES (?1, ?2)")?
                .execute(params![day(&clock), next])?;
        }
        tx.prepare_cached("INSERT OR REPLACE INTO log_head (one, next, clock) VALUES (1, ?1, ?2)")?
            .execute(params![next, clock.to_bytes()])?;
        Ok(Self { tx, next, now_ms: clock.now_ms })
    }

    /// Appends one entry, and returns its number.
    pub(crate) fn push(&mut self, event: Event) -> Result<u64, StoreError> {
        let bytes = Entry { time_ms: self.now_ms, event }.encode();
        let index = self.next;
        self.tx
            .prepare_cached("INSERT INTO log_entry (idx, bytes) VALUES (?1, ?2)")?
            .execute(params![index, bytes])?;
        self.next = index.saturating_add(1);
        Ok(index)
    }

    /// Appends that something was changed, and keeps what the commitment opens to.
    pub(crate) fn changed(
        &mut self,
        subject: Subject,
        id: [u8; 16],
        action: Action,
        state: &str,
    ) -> Result<(), StoreError> {
        let (salt, commitment) = salted(state)?;
        let index = self.push(Event::Changed { subject, id, action, commitment })?;
        self.opening((index, 0), salt, state)
    }

    /// The number that the next entry will have.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Appends an entry, and keeps the texts that it commits to.
    pub(crate) fn told(
        &mut self,
        event: Event,
        statements: &[&Statement],
    ) -> Result<u64, StoreError> {
        let index = self.push(event)?;
        for (place, statement) in (0..).zip(statements) {
            self.opening((index, place), *statement.salt(), statement.text())?;
        }
        Ok(index)
    }

    fn opening(
        &self,
        (index, place): (u64, u64),
        salt: [u8; 16],
        state: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO log_opening (idx, place, salt, state) VALUES (?1, ?2, ?3, ?4)";
        self.tx.prepare_cached(sql)?.execute(params![index, place, salt, state])?;
        Ok(())
    }

    /// Writes the log's new length. To be called before the transaction is committed.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        let sql = "UPDATE log_head SET next = ?1";
        self.tx.prepare_cached(sql)?.execute([self.next])?;
        Ok(())
    }
}

/// A salt and the commitment to a text under it.
fn salted(state: &str) -> Result<([u8; 16], Digest), StoreError> {
    let salt = random()?;
    Ok((salt, commit(&salt, state.as_bytes())))
}

impl From<Behind> for StoreError {
    fn from(behind: Behind) -> Self {
        Self::Clock(behind)
    }
}
