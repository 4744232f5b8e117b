//! The state that follows from the log's entries and the texts that open their commitments.

mod changed;
mod decided;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    id::{ApprovalId, GrantId, KeyId, PersonId, RequestId, TenantId},
    object::Classes,
};
use tlog::{
    canon::Digest,
    entry::{Entry, Event, Outcome, commit},
    roll::{Roll, Window, Wrong},
    succession::first_name,
    tile::WIDTH,
    tree::leaf_hash,
};

pub(crate) use self::requests::Requests;
use super::{
    finding::{Finding, What},
    openings::commitments,
};
use crate::{
    error::StoreError,
    sqlite::Database,
    tiles::{LogError, Tiles},
};

/// Fields of a state in the log: `name=value`.
pub(crate) type Fields = BTreeMap<String, String>;

/// A random id, as entries have it.
pub(crate) type Id = [u8; 16];

/// The number of entries that are read from the database at a time.
const TOGETHER: u64 = 1024;

/// The state that follows from the entries that were read.
pub(crate) struct Told {
    tiles: Tiles,
    pub(crate) roll: Roll,
    window: Window,
    pub(crate) tenants: BTreeMap<Id, Fields>,
    pub(crate) resources: BTreeMap<Id, ToldResource>,
    pub(crate) deployments: BTreeMap<Id, Fields>,
    pub(crate) models: BTreeMap<Id, Fields>,
    /// The JSON of each engine.
    pub(crate) engines: BTreeMap<Id, String>,
    /// The settings of processors for personal data, in words.
    pub(crate) processors: BTreeMap<String, String>,
    pub(crate) admin_key: Option<String>,
    /// Each person or program, with a role and its scope in words.
    pub(crate) roles: BTreeSet<(Id, String)>,
    /// The name of the directory's object behind a random id.
    pub(crate) objects: BTreeMap<Id, String>,
    pub(crate) teams: BTreeMap<Id, String>,
    pub(crate) workstations: BTreeMap<Digest, ToldWorkstation>,
    pub(crate) reviews: BTreeMap<RequestId, ToldReview>,
    pub(crate) grants: BTreeMap<GrantId, ToldGrant>,
    pub(crate) exemptions: BTreeMap<ApprovalId, ToldExemption>,
    pub(crate) keys: BTreeMap<KeyId, ToldKey>,
    pub(crate) requests: Requests,
    /// The number of openings that belong to an entry.
    pub(crate) openings: u64,
    /// The texts that do not open their commitments, or are missing.
    pub(crate) wrong: Vec<Finding>,
}

/// A resource that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToldResource {
    pub(crate) fields: Fields,
    pub(crate) logging: Option<ToldLogging>,
    pub(crate) processors: BTreeSet<String>,
    /// The setting for personal data, in words.
    pub(crate) personal: Option<String>,
    pub(crate) penalty: Option<ToldPenalty>,
}

/// The last switch of content logging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToldLogging {
    pub(crate) enabled: bool,
    pub(crate) approval: ApprovalId,
    pub(crate) since_ms: u64,
}

/// A penalty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldPenalty {
    pub(crate) blocked: bool,
    pub(crate) expires_ms: Option<u64>,
    /// The text that the commitment opens to: for a throttle, it begins with the percentage.
    pub(crate) percentage: Option<String>,
}

/// A workstation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldWorkstation {
    pub(crate) person: PersonId,
    pub(crate) expires_ms: u64,
    /// Its name and region, in the words of the opening.
    pub(crate) details: Option<String>,
    pub(crate) revoked: bool,
}

/// The review of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ToldReview {
    pub(crate) judged: Option<(Outcome, PersonId)>,
    pub(crate) look: Option<ToldLook>,
    /// The grants that were used, in order.
    pub(crate) seen: Vec<GrantId>,
}

/// The current access request of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldLook {
    pub(crate) grant: GrantId,
    pub(crate) reviewer: PersonId,
    pub(crate) workstation: Digest,
    pub(crate) lockbox: bool,
    pub(crate) manager: Option<PersonId>,
    pub(crate) consented: bool,
    pub(crate) opened: bool,
    pub(crate) expires_ms: u64,
}

/// A grant's places in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToldGrant {
    pub(crate) request: RequestId,
    pub(crate) approved: Option<u64>,
    pub(crate) consented: Option<u64>,
    pub(crate) looked: Option<u64>,
}

/// An application for an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToldExemption {
    pub(crate) resource: Id,
    pub(crate) weaker_filters: bool,
    pub(crate) until_ms: u64,
    pub(crate) lapses_ms: u64,
    pub(crate) review_after_abuse: bool,
    pub(crate) keeps: Classes,
    pub(crate) approved_by: Vec<PersonId>,
    /// True if it was refused, withdrawn, replaced, or has expired.
    pub(crate) ended: bool,
}

/// A key that records were sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToldKey {
    pub(crate) tenant: TenantId,
    pub(crate) deadline_ms: u64,
    pub(crate) gone: bool,
}

impl Told {
    /// Begins before the first entry of a log.
    pub(crate) fn new(origin: &str, tiles: Tiles) -> Self {
        Self {
            tiles,
            roll: Roll::new(first_name(origin)),
            window: Window::default(),
            tenants: BTreeMap::new(),
            resources: BTreeMap::new(),
            deployments: BTreeMap::new(),
            models: BTreeMap::new(),
            engines: BTreeMap::new(),
            processors: BTreeMap::new(),
            admin_key: None,
            roles: BTreeSet::new(),
            objects: BTreeMap::new(),
            teams: BTreeMap::new(),
            workstations: BTreeMap::new(),
            reviews: BTreeMap::new(),
            grants: BTreeMap::new(),
            exemptions: BTreeMap::new(),
            keys: BTreeMap::new(),
            requests: Requests::default(),
            openings: 0,
            wrong: Vec::new(),
        }
    }

    /// Reads the entries that the database has numbered and that were not read yet.
    ///
    /// # Errors
    /// If an entry or a text cannot be read.
    pub(crate) fn catch_up(&mut self, database: &Database) -> Result<(), LogError> {
        let end = database.log_next()?;
        while self.roll.size() < end {
            let next = self.roll.size();
            let kept = database.first_entry()?.is_some_and(|first| first <= next);
            let read = match kept {
                true => database.entries(next..end.min(next.saturating_add(TOGETHER)))?,
                false => Vec::new(),
            };
            if !read.is_empty() {
                read.iter().try_for_each(|bytes| self.read(database, bytes))?;
                continue;
            }
            // The entries of full bundles are in the log's files only.
            let bundle = self.tiles.full_bundle(next / WIDTH)?;
            let skip = usize::try_from(next % WIDTH).unwrap_or(usize::MAX);
            bundle.iter().skip(skip).try_for_each(|bytes| self.read(database, bytes))?;
        }
        Ok(())
    }

    /// Returns the time of the last entry, in milliseconds since 1970.
    pub(crate) fn time_ms(&self) -> u64 {
        self.roll.time_ms()
    }

    /// Returns the log's files.
    pub(crate) fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// Returns the number of entries that were read.
    pub(crate) fn size(&self) -> u64 {
        self.roll.size()
    }

    fn read(&mut self, database: &Database, bytes: &[u8]) -> Result<(), StoreError> {
        let damaged = |_| StoreError::Damaged { what: "log_entry.bytes" };
        let entry = Entry::decode(bytes).map_err(damaged)?;
        let index = self.roll.size();
        let is_request = matches!(entry.event, Event::Request { .. });
        let texts = match is_request {
            true => Vec::new(),
            false => self.texts(database, index, &entry.event)?,
        };
        let verdict = self.roll.read(index, &entry, &self.window);
        self.window.push(leaf_hash(bytes), entry.time_ms);
        if let Err(wrong) = &verdict {
            let which = format!("in entry {index}");
            self.wrong.push(Finding::new(What::Decision, which, wrong.to_string(), ""));
        }
        if is_request {
            self.requests.push(index, entry.time_ms);
        } else if !matches!(verdict, Err(Wrong::NotSigned(_))) {
            // An attacker with the database can add a decision to the log, too. Without the
            // signature that it needs, it decides nothing, and a row that says so differs.
            self.take(index, &entry, &texts);
        }
        Ok(())
    }

    /// Returns the texts that open an entry's commitments, by their places; those that do not fit
    /// count as missing.
    fn texts(
        &mut self,
        database: &Database,
        index: u64,
        event: &Event,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let said = commitments(event);
        let mut texts = vec![None; said.len()];
        // The texts of these are settings, which requests depend on.
        let is_state = matches!(
            event,
            Event::Changed { .. }
                | Event::PersonalData { .. }
                | Event::Penalised { .. }
                | Event::WorkstationEnrolled { .. }
        );
        if said.is_empty() {
            return Ok(texts);
        }
        let place_of = |place: u64| usize::try_from(place).ok();
        for row in database.openings_of(index)? {
            self.openings = self.openings.saturating_add(1);
            let place = place_of(row.place);
            let commitment = place.and_then(|place| said.get(place));
            let fits =
                commitment.is_some_and(|said| *said == commit(&row.salt, row.text.as_bytes()));
            if !fits {
                let which = format!("{} of entry {index}", row.place);
                let table = "a text that does not fit it";
                let what = if is_state { What::Change } else { What::Opening };
                self.wrong.push(Finding::new(what, which, "a commitment", table));
            } else if let Some(slot) = place.and_then(|place| texts.get_mut(place)) {
                *slot = Some(row.text);
            }
        }
        // The state of a change is never deleted. What people wrote may be.
        if is_state && texts.iter().any(Option::is_none) {
            let which = format!("0 of entry {index}");
            self.wrong.push(Finding::new(What::Change, which, "a change", "no text that fits"));
        }
        Ok(texts)
    }

    fn take(&mut self, index: u64, entry: &Entry, texts: &[Option<String>]) {
        let text = texts.first().and_then(Option::as_deref);
        match &entry.event {
            Event::Changed { subject, id, action, .. } => {
                self.changed((*subject, *action), *id, text);
            }
            Event::PersonalData { resource, processor, .. } => {
                self.personal_data(*resource, processor.as_deref(), text);
            }
            Event::ProcessorAllowed { resource, processor, allowed, .. } => {
                let Some(told) = self.resources.get_mut(resource) else { return };
                match allowed {
                    true => told.processors.insert(processor.clone()),
                    false => told.processors.remove(processor),
                };
            }
            Event::KeyCreated { key, tenant, deadline_ms } => {
                let told = ToldKey { tenant: *tenant, deadline_ms: *deadline_ms, gone: false };
                self.keys.insert(*key, told);
            }
            Event::KeyDestroyed { key } | Event::KeyLost { key } => {
                if let Some(told) = self.keys.get_mut(key) {
                    told.gone = true;
                }
            }
            event => self.decided((index, entry.time_ms), event, text),
        }
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Told({} entries)", self.size())
    }
}
