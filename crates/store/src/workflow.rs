//! Workflows on disk: a step, its log entries and the next state, in one transaction.
//!
//! What a step may do is `policy`'s. Here it is carried out: what its entries say is what changes,
//! so nothing changes that the log does not tell.

use std::collections::HashMap;

use policy::{
    id::{GrantId, RequestId, ResourceId},
    workflow::{Logged, exemption, penalty, review, workstation},
};
use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::{Serialize, de::DeserializeOwned};
use tlog::{canon::Digest, entry::Event};

use crate::{Store, error::StoreError, log::Append};

/// A workflow whose states are kept.
pub trait Workflow {
    /// Its name in the database.
    const KIND: &'static str;
    /// What it is about.
    type Id: Copy;
    /// Where it stands.
    type State: Serialize + DeserializeOwned;
    /// What happens.
    type Event;
    /// What that changes.
    type Effect: Logged;
    /// Why it may not happen.
    type Refused: std::error::Error;

    /// The id's bytes.
    fn id(id: &Self::Id) -> &[u8];

    /// Where it stands before anything happened.
    fn start(id: Self::Id) -> Self::State;

    /// The next state, and what changes.
    ///
    /// # Errors
    /// When it may not happen.
    fn step(
        state: &Self::State,
        event: Self::Event,
        now_ms: u64,
    ) -> Result<Next<Self>, Self::Refused>
    where
        Self: Sized;

    /// When something is due by itself.
    fn due_ms(_state: &Self::State) -> Option<u64> {
        None
    }
}

/// What a step leads to.
#[derive(Debug)]
pub struct Next<W: Workflow> {
    /// The next state.
    pub state: W::State,
    /// What changes.
    pub effects: Vec<W::Effect>,
}

macro_rules! workflow {
    ($(#[$doc:meta])* $name:ident: $kind:literal, $module:ident, $id:ty, $bytes:expr, $start:expr $(, $due:expr)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl Workflow for $name {
            const KIND: &'static str = $kind;
            type Id = $id;
            type State = $module::State;
            type Event = $module::Event;
            type Effect = $module::Effect;
            type Refused = $module::Refused;

            fn id(id: &$id) -> &[u8] {
                let bytes: fn(&$id) -> &[u8] = $bytes;
                bytes(id)
            }

            fn start(id: $id) -> $module::State {
                let start: fn($id) -> $module::State = $start;
                start(id)
            }

            fn step(
                state: &$module::State,
                event: $module::Event,
                now_ms: u64,
            ) -> Result<Next<Self>, $module::Refused> {
                let (state, effects) = $module::step(state, event, now_ms)?;
                Ok(Next { state, effects })
            }

            $(fn due_ms(state: &$module::State) -> Option<u64> {
                let due: fn(&$module::State) -> Option<u64> = $due;
                due(state)
            })?
        }
    };
}

workflow!(
    /// The review of one record.
    Review: "review", review, RequestId, |id| id.as_bytes(), |_| review::State::default()
);
workflow!(
    /// A resource's zero retention.
    Exemption: "exemption", exemption, ResourceId, |id| id.as_bytes(), exemption::State::of,
    exemption::State::due_ms
);
workflow!(
    /// A resource's penalty for abuse.
    Penalty: "penalty", penalty, ResourceId, |id| id.as_bytes(), penalty::State::of
);
workflow!(
    /// A workstation, by its certificate.
    Workstation: "workstation", workstation, Digest, |id| &id.0,
    |_| workstation::State::default()
);

/// A step that was taken.
#[derive(Debug)]
pub struct Stepped<W: Workflow> {
    /// Where it stands now.
    pub state: W::State,
    /// What changed, each with its entry's number in the log.
    pub effects: Vec<(u64, W::Effect)>,
    /// When.
    pub now_ms: u64,
}

/// Why a step was not taken: then nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum NotStepped<R: std::error::Error> {
    /// The workflow refuses it.
    #[error(transparent)]
    Refused(R),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes one step: state, log entries and what they say, in one transaction.
    ///
    /// # Errors
    /// When the workflow refuses it, or the database cannot be used.
    pub fn step<W: Workflow>(
        &self,
        id: W::Id,
        event: W::Event,
    ) -> Result<Stepped<W>, NotStepped<W::Refused>> {
        let reading = self.reading();
        let mut writer = self.writer();
        let tx = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let mut log = Append::begin(&tx, reading)?;
        let now_ms = log.now_ms;
        let state = load::<W>(&tx, &id)?.unwrap_or_else(|| W::start(id));
        let Next { state, effects } =
            W::step(&state, event, now_ms).map_err(NotStepped::Refused)?;
        save::<W>(&tx, &id, &state)?;
        let mut numbered = Vec::with_capacity(effects.len());
        for effect in effects {
            let event = effect.log();
            carry_out(&tx, &event, log.next(), W::due_ms(&state), now_ms)?;
            numbered.push((log.told(event, &effect.statements())?, effect));
        }
        log.finish()?;
        tx.commit().map_err(StoreError::from)?;
        drop(writer);
        self.in_place()?;
        Ok(Stepped { state, effects: numbered, now_ms })
    }

    /// Where a workflow stands.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn state<W: Workflow>(&self, id: W::Id) -> Result<W::State, StoreError> {
        let mut writer = self.writer();
        let tx = writer.transaction()?;
        Ok(load::<W>(&tx, &id)?.unwrap_or_else(|| W::start(id)))
    }

    /// Where every one of them stands that was ever begun.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn states<W: Workflow>(&self) -> Result<Vec<W::State>, StoreError> {
        let writer = self.writer();
        let mut statement =
            writer.prepare_cached("SELECT state FROM workflow WHERE kind = ?1 ORDER BY id")?;
        let rows = statement.query_map([W::KIND], |row| row.get::<_, String>(0))?;
        rows.map(|text| read::<W>(&text?)).collect()
    }

    /// Those for which something is due by now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn due<W: Workflow>(&self, now_ms: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let writer = self.writer();
        let mut statement =
            writer.prepare_cached("SELECT id FROM workflow WHERE kind = ?1 AND due_ms <= ?2")?;
        let rows = statement.query_map(params![W::KIND, now_ms], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// All penalties: the picture that requests are answered from has them.
pub(crate) fn penalties(
    tx: &Transaction<'_>,
) -> Result<HashMap<ResourceId, penalty::State>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT state FROM workflow WHERE kind = ?1")?;
    let rows = statement.query_map([Penalty::KIND], |row| row.get::<_, String>(0))?;
    rows.map(|text| read::<Penalty>(&text?).map(|state| (state.resource(), state))).collect()
}

fn load<W: Workflow>(tx: &Transaction<'_>, id: &W::Id) -> Result<Option<W::State>, StoreError> {
    let text: Option<String> = tx
        .prepare_cached("SELECT state FROM workflow WHERE kind = ?1 AND id = ?2")?
        .query_row(params![W::KIND, W::id(id)], |row| row.get(0))
        .optional()?;
    text.map(|text| read::<W>(&text)).transpose()
}

fn read<W: Workflow>(text: &str) -> Result<W::State, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged { what: "workflow.state" })
}

fn save<W: Workflow>(tx: &Transaction<'_>, id: &W::Id, state: &W::State) -> Result<(), StoreError> {
    let text =
        serde_json::to_string(state).map_err(|_| StoreError::Damaged { what: "workflow.state" })?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO workflow (kind, id, state, due_ms) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![W::KIND, W::id(id), text, W::due_ms(state)])?;
    Ok(())
}

/// Does what an entry says, where it says more than that a state is another.
fn carry_out(
    tx: &Transaction<'_>,
    event: &Event,
    index: u64,
    due_ms: Option<u64>,
    now_ms: u64,
) -> Result<(), StoreError> {
    match event {
        Event::ContentLogging { resource, enabled, approval, .. } => {
            // An approval switches it off until its date, and not a moment longer.
            let until_ms = if *enabled { None } else { due_ms };
            tx.prepare_cached(
                "UPDATE resource SET content_logging = ?2, content_logging_since_ms = ?3,
                    content_logging_approval = ?4, content_logging_until_ms = ?5 WHERE id = ?1",
            )?
            .execute(params![
                resource,
                enabled,
                now_ms,
                approval.as_bytes(),
                until_ms
            ])?;
        }
        Event::Approved { grant, .. } => note_grant(tx, *grant, "approved", index)?,
        Event::Consented { grant, .. } => note_grant(tx, *grant, "consented", index)?,
        Event::Looked { grant, .. } => note_grant(tx, *grant, "looked", index)?,
        _ => {}
    }
    Ok(())
}

/// Notes where the log tells of a grant: the custodian is shown those entries.
fn note_grant(
    tx: &Transaction<'_>,
    grant: GrantId,
    what: &'static str,
    index: u64,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO grant_entry (grant_id, {what}) VALUES (?1, ?2)
         ON CONFLICT (grant_id) DO UPDATE SET {what} = excluded.{what}"
    );
    tx.execute(&sql, params![grant.as_bytes(), index])?;
    Ok(())
}

#[cfg(test)]
mod tests;
