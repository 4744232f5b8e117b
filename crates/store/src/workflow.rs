//! Workflows on disk. One transaction contains a step's log entries and the next state.
//!
//! `policy` decides whether a step is allowed. This module applies it. Every change follows from a
//! log entry of the step, so nothing changes without an entry.

use policy::{
    id::{RequestId, ResourceId, SubjectRequestId},
    object::Classes,
    workflow::{Logged, exemption, penalty, review, subject_request, workstation},
};
use serde::{Serialize, de::DeserializeOwned};
use tlog::{canon::Digest, entry::Event};

use crate::{
    Store,
    error::StoreError,
    log::Append,
    row::{EXEMPTION, PENALTY},
    signed::{Decision, Rolls},
    sqlite::{Database, GrantEntry, Write},
};

/// A workflow whose states are stored.
pub trait Workflow {
    /// The workflow's name in the database.
    const KIND: &'static str;
    /// The id of its subject, such as a request or a resource.
    type Id: Copy;
    /// Its state, stored as JSON.
    type State: Serialize + DeserializeOwned;
    /// An allowed step, made of its permits. The permits name the subject.
    type Allowed;
    /// One change of a step, with its log entry.
    type Effect: Logged;
    /// The reason why a step is refused.
    type Refused: std::error::Error;

    /// Returns the id's bytes.
    fn id(id: &Self::Id) -> &[u8];

    /// Returns the subject of a step.
    fn of(allowed: &Self::Allowed) -> Self::Id;

    /// Returns the state before the first step.
    fn start(id: Self::Id) -> Self::State;

    /// Returns the next state and the changes.
    ///
    /// # Errors
    /// If the workflow refuses the step.
    fn step(
        state: &Self::State,
        allowed: Self::Allowed,
        now_ms: u64,
    ) -> Result<Next<Self>, Self::Refused>
    where
        Self: Sized;

    /// Returns the time when a step is due without a caller, in milliseconds since 1970.
    fn due_ms(_state: &Self::State) -> Option<u64> {
        None
    }

    /// Returns the classes of objects that the state allows to keep under zero retention.
    fn keeps(_state: &Self::State) -> Classes {
        Classes::NONE
    }
}

/// The result of a step in `policy`.
#[derive(Debug)]
pub struct Next<W: Workflow> {
    /// The next state.
    pub state: W::State,
    /// The changes.
    pub effects: Vec<W::Effect>,
}

macro_rules! workflow {
    ($(#[$doc:meta])* $name:ident: $kind:expr, $module:ident, $id:ty, $bytes:expr, $of:ident, $start:expr
     $(, $due:expr, $keeps:expr)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl Workflow for $name {
            const KIND: &'static str = $kind;
            type Id = $id;
            type State = $module::State;
            type Allowed = $module::Allowed;
            type Effect = $module::Effect;
            type Refused = $module::Refused;

            fn id(id: &$id) -> &[u8] {
                let bytes: fn(&$id) -> &[u8] = $bytes;
                bytes(id)
            }

            fn of(allowed: &$module::Allowed) -> $id {
                allowed.$of()
            }

            fn start(id: $id) -> $module::State {
                let start: fn($id) -> $module::State = $start;
                start(id)
            }

            fn step(
                state: &$module::State,
                allowed: $module::Allowed,
                now_ms: u64,
            ) -> Result<Next<Self>, $module::Refused> {
                let (state, effects) = $module::step(state, allowed, now_ms)?;
                Ok(Next { state, effects })
            }

            $(fn due_ms(state: &$module::State) -> Option<u64> {
                let due: fn(&$module::State) -> Option<u64> = $due;
                due(state)
            })?

            $(fn keeps(state: &$module::State) -> Classes {
                let keeps: fn(&$module::State) -> Classes = $keeps;
                keeps(state)
            })?
        }
    };
}

workflow!(
    /// The review of one record.
    Review: "review", review, RequestId, |id| id.as_bytes(), request, |_| review::State::default()
);
workflow!(
    /// The applications of one resource for one kind of exemption.
    Exemption: EXEMPTION, exemption, exemption::Subject, |id| id.as_bytes(), subject,
    exemption::State::of,
    exemption::State::due_ms,
    exemption::State::keeps
);
workflow!(
    /// The penalty for abuse of one resource.
    Penalty: PENALTY, penalty, ResourceId, |id| id.as_bytes(), resource, penalty::State::of
);
workflow!(
    /// One workstation; the id is the digest of its certificate.
    Workstation: "workstation", workstation, Digest, |id| &id.0, workstation,
    |_| workstation::State::default()
);

workflow!(
    /// The request of one data subject.
    SubjectRequest: "subject_request", subject_request, SubjectRequestId, |id| id.as_bytes(),
    request, subject_request::State::of,
    subject_request::State::due_ms,
    |_| Classes::NONE
);

/// A committed step.
#[derive(Debug)]
pub struct Stepped<W: Workflow> {
    /// The new state.
    pub state: W::State,
    /// The changes, each with its entry's number in the log.
    pub effects: Vec<(u64, W::Effect)>,
    /// The time of the step and of its entries, in milliseconds since 1970.
    pub now_ms: u64,
}

/// The reason why [`Store::step`] failed.
#[derive(Debug, thiserror::Error)]
pub enum NotStepped<R: std::error::Error> {
    /// The workflow refuses the step. Nothing changed.
    #[error(transparent)]
    Refused(R),
    /// The store failed. `Displaced` is also possible after the commit: then the step is in files
    /// that the paths no longer lead to.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Takes one step for the subject of its permits. One transaction contains the new state, the
    /// log entries and their changes.
    ///
    /// # Errors
    /// [`NotStepped::Refused`] if the workflow refuses the step. [`NotStepped::Store`] if the
    /// database cannot be used.
    pub fn step<W: Workflow>(
        &self,
        allowed: W::Allowed,
    ) -> Result<Stepped<W>, NotStepped<W::Refused>> {
        let reading = self.reading();
        let mut writer = self.writer();
        let tx = writer.write()?;
        let mut log = Append::begin(&tx, reading)?;
        let now_ms = log.now_ms;
        let (state, effects) = step_in::<W>(&tx, &mut log, allowed)?;
        log.finish()?;
        tx.commit()?;
        drop(writer);
        self.in_place()?;
        Ok(Stepped { state, effects, now_ms })
    }

    /// Takes one step as [`Store::step`] does. Each decision of people in it is signed, if its party
    /// has a root.
    ///
    /// # Errors
    /// As [`Store::step`]. [`StoreError::NotLogged`] if a signature is missing or does not count;
    /// then nothing changed.
    pub fn decide<W: Workflow>(
        &self,
        rolls: &Rolls,
        allowed: W::Allowed,
        decision: Decision,
    ) -> Result<Stepped<W>, NotStepped<W::Refused>> {
        self.change_decided(rolls, decision, |tx, log| {
            let now_ms = log.now_ms;
            let (state, effects) = step_in::<W>(tx, log, allowed)?;
            Ok(Stepped { state, effects, now_ms })
        })
    }

    /// Returns the state of one subject: its start state if it has no step yet.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn state<W: Workflow>(&self, id: W::Id) -> Result<W::State, StoreError> {
        Ok(load::<W>(&self.writer(), &id)?.unwrap_or_else(|| W::start(id)))
    }

    /// Returns the states of all subjects that have a step.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn states<W: Workflow>(&self) -> Result<Vec<W::State>, StoreError> {
        self.writer().workflows(W::KIND)?.iter().map(|text| read::<W>(text)).collect()
    }

    /// Returns the states of all reviews whose flag was not decided yet. Waits for no writer.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn open_reviews(&self) -> Result<Vec<review::State>, StoreError> {
        let texts = self.reader().database.open_reviews()?;
        texts.iter().map(|text| read::<Review>(text)).collect()
    }

    /// Returns the same as [`Store::states`], and waits for no writer.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn read_states<W: Workflow>(&self) -> Result<Vec<W::State>, StoreError> {
        let texts = self.reader().database.workflows(W::KIND)?;
        texts.iter().map(|text| read::<W>(text)).collect()
    }

    /// Returns the ids of all subjects with a step that is due at `now_ms` or before.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn due<W: Workflow>(&self, now_ms: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        self.writer().due(W::KIND, now_ms)
    }
}

/// A state, and its changes with the numbers of their entries in the log.
type Numbered<W> = (<W as Workflow>::State, Vec<(u64, <W as Workflow>::Effect)>);

/// Takes one step inside a transaction. A refused step has changed nothing.
pub(crate) fn step_in<W: Workflow>(
    tx: &Write<'_>,
    log: &mut Append<'_>,
    allowed: W::Allowed,
) -> Result<Numbered<W>, NotStepped<W::Refused>> {
    let (id, now_ms) = (W::of(&allowed), log.now_ms);
    let state = load::<W>(tx, &id)?.unwrap_or_else(|| W::start(id));
    let Next { state, effects } = W::step(&state, allowed, now_ms).map_err(NotStepped::Refused)?;
    save::<W>(tx, &id, &state)?;
    let mut numbered = Vec::with_capacity(effects.len());
    for effect in effects {
        let event = effect.log();
        carry_out(tx, &event, log.next(), (W::due_ms(&state), W::keeps(&state)), now_ms)?;
        numbered.push((log.push_with_statements(event, &effect.statements())?, effect));
    }
    Ok((state, numbered))
}

fn load<W: Workflow>(database: &Database, id: &W::Id) -> Result<Option<W::State>, StoreError> {
    let text = database.workflow(W::KIND, W::id(id))?;
    text.map(|text| read::<W>(&text)).transpose()
}

fn read<W: Workflow>(text: &str) -> Result<W::State, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged { what: "workflow.state" })
}

fn save<W: Workflow>(tx: &Write<'_>, id: &W::Id, state: &W::State) -> Result<(), StoreError> {
    let text =
        serde_json::to_string(state).map_err(|_| StoreError::Damaged { what: "workflow.state" })?;
    tx.set_workflow((W::KIND, W::id(id)), &text, W::due_ms(state))
}

/// Applies a log entry that changes more than the workflow's state.
fn carry_out(
    tx: &Write<'_>,
    event: &Event,
    index: u64,
    (due_ms, keeps): (Option<u64>, Classes),
    now_ms: u64,
) -> Result<(), StoreError> {
    match event {
        Event::ContentLogging { resource, enabled, approval, .. } => {
            // An approval switches content logging off only until its end date.
            let until_ms = if *enabled { None } else { due_ms };
            tx.set_content_logging(*resource, (*enabled, *approval, keeps), (now_ms, until_ms))?;
        }
        // The custodian checks these entries.
        Event::Approved { grant, .. } => tx.note_grant(*grant, GrantEntry::Approved, index)?,
        Event::Consented { grant, .. } => tx.note_grant(*grant, GrantEntry::Consented, index)?,
        Event::Looked { grant, .. } => tx.note_grant(*grant, GrantEntry::Looked, index)?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
