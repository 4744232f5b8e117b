//! Appends to the log. An entry gets its number in the same transaction as the change that it
//! reports.
//!
//! SQLite admits one writer at a time, in any process, so numbers have no gaps and the log cannot
//! fork. [`crate::tiles`] writes the tiles and checkpoints later.

use policy::{
    id::ResourceId,
    retention::{
        DAY_MS,
        clock::{Behind, Clock, Reading},
    },
    workflow::Statement,
};
use tlog::{
    canon::Digest,
    entry::{Action, Entry, Event, Handling, Subject, commit},
    roll::Roll,
};

use crate::{error::StoreError, random::random, sqlite::Write};

/// Reads the machine's clocks. It is an argument, so that tests can set the time.
pub type ReadClock = fn() -> Reading;

/// A decision of people that an append writes.
pub(crate) trait Decides: std::fmt::Debug {
    /// Makes the entry of an event, with its number and its time; with signatures if people decide it.
    fn entry(&self, tx: &Write<'_>, at: (u64, u64), event: Event) -> Result<Entry, StoreError>;

    /// Returns the roll after the entries before this number, also those of this transaction.
    fn roll(&self, tx: &Write<'_>, next: u64) -> Result<Roll, StoreError>;
}

/// An append in progress. It advances the clock once, and numbers the entries.
#[derive(Debug)]
pub(crate) struct Append<'a> {
    tx: &'a Write<'a>,
    next: u64,
    /// The decision of people that this append writes.
    deciding: Option<&'a dyn Decides>,
    /// The time of all entries of this transaction.
    pub(crate) now_ms: u64,
}

impl<'a> Append<'a> {
    /// Begins an append, inside a transaction that holds the write lock.
    pub(crate) fn begin(tx: &'a Write<'a>, reading: Reading) -> Result<Self, StoreError> {
        let head = tx.log_head()?;
        let next = head.as_ref().map_or(0, |(next, _)| *next);
        let before = head.map(|(_, clock)| clock);
        let day = |clock: &Clock| clock.now_ms / DAY_MS;
        let last_day = before.as_ref().map(day);
        let clock = Clock::advance(before, reading)?;
        if last_day != Some(day(&clock)) {
            tx.begin_day(day(&clock), next)?;
        }
        tx.set_log_head(next, &clock)?;
        Ok(Self { tx, next, deciding: None, now_ms: clock.now_ms })
    }

    /// Has each decision of people signed, as the roll requires it.
    pub(crate) fn deciding(self, deciding: &'a dyn Decides) -> Self {
        Self { deciding: Some(deciding), ..self }
    }

    /// Appends one entry and returns its number.
    pub(crate) fn push(&mut self, event: Event) -> Result<u64, StoreError> {
        self.push_for_bytes(event).map(|(index, _)| index)
    }

    /// Appends one entry and returns its number and its bytes.
    pub(crate) fn push_for_bytes(&mut self, event: Event) -> Result<(u64, Vec<u8>), StoreError> {
        let index = self.next;
        let entry = match self.deciding {
            Some(deciding) => deciding.entry(self.tx, (index, self.now_ms), event)?,
            None => Entry::new(self.now_ms, event),
        };
        let bytes = entry.encode();
        self.tx.add_entry(index, &bytes)?;
        self.next = index.saturating_add(1);
        Ok((index, bytes))
    }

    /// Appends the entry of a change. Stores the state and the salt that open its commitment.
    pub(crate) fn changed(
        &mut self,
        subject: Subject,
        id: [u8; 16],
        action: Action,
        state: &str,
    ) -> Result<(), StoreError> {
        let (salt, commitment) = salted(state)?;
        let index = self.push(Event::Changed { subject, id, action, commitment })?;
        self.tx.add_opening((index, 0), salt, state)
    }

    /// Appends the entry of a change that hides nothing: without a commitment, and so without an
    /// opening. Notes its number, because [`Store::directory`](crate::Store::directory) loads the
    /// snapshot again after each change.
    pub(crate) fn push_open_change(&mut self, event: Event) -> Result<(), StoreError> {
        let index = self.push(event)?;
        self.tx.set_open_change(index)
    }

    /// Appends the entry of a setting about personal data. Stores the state and the salt that open its
    /// commitment.
    pub(crate) fn personal_data(
        &mut self,
        resource: Option<ResourceId>,
        processor: Option<String>,
        handling: Handling,
        state: &str,
    ) -> Result<(), StoreError> {
        let (salt, setting) = salted(state)?;
        let event = Event::PersonalData { resource, processor, handling, setting };
        let index = self.push(event)?;
        self.tx.add_opening((index, 0), salt, state)
    }

    /// Returns the roll after the entries so far.
    ///
    /// # Errors
    /// If this append reads no roll, or an entry cannot be read.
    pub(crate) fn roll(&self) -> Result<Roll, StoreError> {
        self.deciding.ok_or(StoreError::OtherThing)?.roll(self.tx, self.next)
    }

    /// Returns the number of the next entry.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Appends an entry and returns its number. Stores the texts to which the entry commits.
    pub(crate) fn push_with_statements(
        &mut self,
        event: Event,
        statements: &[&Statement],
    ) -> Result<u64, StoreError> {
        let index = self.push(event)?;
        for (place, statement) in (0..).zip(statements) {
            self.tx.add_opening((index, place), *statement.salt(), statement.text())?;
        }
        Ok(index)
    }

    /// Writes the log's new length. Call it before the transaction is committed.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        self.tx.set_log_next(self.next)
    }
}

/// Returns a new salt, and the commitment to the text under that salt.
fn salted(state: &str) -> Result<([u8; 16], Digest), StoreError> {
    let salt = random()?;
    Ok((salt, commit(&salt, state.as_bytes())))
}

impl From<Behind> for StoreError {
    fn from(behind: Behind) -> Self {
        Self::Clock(behind)
    }
}
