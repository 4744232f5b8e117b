//! The facts behind all reports, read once.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
};

use audit::rfc3339;
use policy::{
    authz::facts::{ResourceFacts, Scope},
    id::{GrantId, ResourceId, TenantId},
    permit::{ListOwnRecords, Permit, ReadInventory},
};
use store::{
    Assignment, Directory, ProcessorUse, Resource, Store, StoreError,
    history::Objects,
    inventory::Records,
    ledger::{Ledger, OwnAct, UsageRow},
    workflow::Review,
};
use tlog::{checkpoint::Checkpoint, entry::Subject};

use super::{
    Head, Kind, Source,
    history::{At, History},
};
use crate::{
    board::{self, States},
    config::{Config, Party},
    period::Period,
};

/// Most acts of the customer's own people in one report.
const ACTS_MAX: usize = 100_000;

/// Scope of a report: the tenant, and the resources that the reader may see.
#[derive(Debug)]
pub(crate) struct Covered {
    /// The tenant.
    pub tenant: TenantId,
    /// Its resources.
    pub resources: Vec<OfResource>,
}

/// The permits for one resource.
#[derive(Debug)]
pub(crate) struct OfResource {
    /// To count its records.
    pub records: Permit<ReadInventory>,
    /// To count its objects.
    pub objects: Permit<ReadInventory>,
    /// To see which of the customer's own people read: the customer's officer has it, the operator has
    /// not.
    pub officer: Option<Permit<ListOwnRecords>>,
}

/// A period, in hours since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Window(Range<u64>);

impl Window {
    /// Makes the window from the begin of one period to the end of another.
    pub(crate) fn new(from: Option<Period>, to: Option<Period>) -> Self {
        Self(Period::hours(from, to))
    }

    /// Whether a moment is in it.
    pub(super) fn has(&self, at: At) -> bool {
        self.0.contains(&(at.time_ms / HOUR_MS))
    }

    /// Returns its begin: the first moment of the log's time if it has none.
    pub(super) fn begin(&self) -> String {
        rfc3339(self.0.start.saturating_mul(3600))
    }

    /// Returns its end, or now if that is earlier.
    pub(super) fn end(&self, now_ms: u64) -> String {
        rfc3339(self.0.end.saturating_mul(3600).min(now_ms / 1000))
    }
}

/// Kept data of a resource, in numbers.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub records: Records,
    pub objects: BTreeMap<&'static str, Objects>,
}

/// The facts.
#[derive(Debug)]
pub(crate) struct Facts {
    pub now_ms: u64,
    pub config: Config,
    pub directory: Arc<Directory>,
    pub tenant: TenantId,
    pub covered: Vec<ResourceFacts>,
    pub processors: Vec<ProcessorUse>,
    pub history: History,
    pub head: Option<Head>,
    /// Names of the signers of the head.
    pub signers: Vec<String>,
    pub kept: HashMap<ResourceId, Kept>,
    /// The states of the running processes; `None` if no service runs.
    pub states: Option<States>,
    /// The reasons of looks at records; only for the customer's officer.
    pub reasons: HashMap<GrantId, String>,
    /// The customer's own people behind entries of the log; only for the customer's officer.
    pub acts: HashMap<u64, OwnAct>,
    /// Whether the reader is the customer's officer.
    pub officer: bool,
    pub usage: Vec<UsageRow>,
    pub assignments: Vec<Assignment>,
    pub window: Window,
    /// The resource of each request in the log's accesses, as far as it is known.
    pub called: HashMap<policy::id::RequestId, ResourceId>,
}

/// Reads the facts. Reads the whole log.
///
/// # Errors
/// If the store or the log cannot be read.
pub(crate) fn gather(
    (store, ledger): (&Store, Option<&Ledger>),
    config: &Config,
    covered: Covered,
    window: Window,
    now_ms: u64,
) -> Result<Facts, StoreError> {
    let directory = store.directory()?;
    let history = History::read(store, covered.tenant)?;
    let (head, signers) = head(store)?;
    let all = covered.resources.iter().all(|one| one.officer.is_some());
    let officer = all && !covered.resources.is_empty();
    let (mut kept, mut of, mut acts) = (HashMap::new(), Vec::new(), HashMap::new());
    for OfResource { records, objects, officer } in covered.resources {
        let facts = *records.scope();
        of.push(facts);
        let records = store.count_records(records)?;
        let objects = store.count_objects(objects, now_ms)?;
        kept.insert(facts.resource, Kept { records, objects });
        if let (Some(permit), Some(ledger)) = (officer, ledger) {
            let found = ledger.own_acts(permit, None, ACTS_MAX)?;
            acts.extend(found.acts.into_iter().map(|act| (act.entry, act)));
        }
    }
    let mut called = HashMap::new();
    for access in &history.accesses {
        if let Some(request) = access.request
            && !called.contains_key(&request)
            && let Some(resource) = store.called(request)?
        {
            called.insert(request, resource);
        }
    }
    let mut usage = Vec::new();
    for facts in &of {
        usage.extend(store.usage(Some(facts.resource), window.0.clone())?);
    }
    let assignments = store.role_assignments()?;
    let reaches = |one: &Assignment| reaches(one.scope, covered.tenant, &of);
    let assignments = assignments.into_iter().filter(reaches).collect();
    Ok(Facts {
        now_ms,
        config: config.clone(),
        tenant: covered.tenant,
        covered: of,
        processors: store.processor_uses()?,
        head,
        signers,
        kept,
        states: board::read(&config.data),
        reasons: if officer { reasons(store, covered.tenant)? } else { HashMap::new() },
        acts,
        officer,
        usage,
        assignments,
        window,
        called,
        history,
        directory,
    })
}

/// Returns the log's head, and the names of its signers.
fn head(store: &Store) -> Result<(Option<Head>, Vec<String>), StoreError> {
    let Some(note) = store.checkpoint()? else { return Ok((None, Vec::new())) };
    let Some((text, signatures)) = note.split_once("\n\n") else { return Ok((None, Vec::new())) };
    let parsed = Checkpoint::parse(&format!("{text}\n")).ok();
    let head = parsed.map(|Checkpoint { origin, size, root }| Head {
        origin,
        size,
        root: root.to_string(),
    });
    let name = |line: &str| Some(line.strip_prefix("\u{2014} ")?.split_once(' ')?.0.to_owned());
    Ok((head, signatures.lines().filter_map(name).collect()))
}

/// Returns the reasons of looks at the tenant's records, as the desk shows them.
fn reasons(store: &Store, tenant: TenantId) -> Result<HashMap<GrantId, String>, StoreError> {
    let mut reasons = HashMap::new();
    for state in store.states::<Review>()? {
        if state.record().is_some_and(|record| record.tenant == tenant) {
            let seen = state.seen().iter();
            reasons.extend(seen.map(|seen| (seen.grant, seen.reason.text().to_owned())));
        }
    }
    Ok(reasons)
}

/// Whether a role at a scope reaches one of the covered resources.
fn reaches(scope: Scope, tenant: TenantId, of: &[ResourceFacts]) -> bool {
    match scope {
        Scope::Service => true,
        Scope::Tenant(facts) => facts.tenant == tenant,
        Scope::Resource(facts) => of.contains(&facts),
        Scope::Deployment(facts) => of.iter().any(|one| one.resource == facts.resource),
    }
}

impl Facts {
    /// Returns the covered resources, sorted by name.
    pub(super) fn resources(&self) -> impl Iterator<Item = &Resource> {
        let all = self.directory.resources().into_iter();
        all.filter(|resource| self.covers(resource.id))
    }

    pub(super) fn covers(&self, resource: ResourceId) -> bool {
        self.covered.iter().any(|of| of.resource == resource)
    }

    pub(super) fn tenant_name(&self) -> &str {
        self.directory.tenant(self.tenant).map_or("", |tenant| &tenant.name)
    }

    /// Returns the customer's name and contacts.
    pub(super) fn customer(&self) -> Party<'_> {
        let name = self.tenant_name();
        let found = self.config.customers.iter().find(|customer| customer.tenant == name);
        found.map(crate::config::CustomerConfig::party).unwrap_or_default()
    }

    /// Returns the sources of a setting in the directory: the row, and the last entry about it.
    pub(super) fn setting(
        &self,
        resource: &Resource,
        setting: &str,
        subject: Subject,
    ) -> impl Iterator<Item = Source> + use<> {
        let entry = self.history.changed(subject, resource.id.as_bytes());
        let row = Source::directory(format!("resource {}: {setting}", resource.name));
        [Some(row), entry.map(At::source)].into_iter().flatten()
    }

    /// Returns remarks about the report itself.
    pub(super) fn remarks(&self, kind: Kind) -> Vec<String> {
        let mut remarks = vec![
            "Made from the configuration, the directory, the log and the counts at the time above. It has \
             no content of requests. It is no legal advice."
                .to_owned(),
        ];
        let running = self.history.started.filter(|_| self.states.is_some());
        if let Some((at, digest)) = running
            && digest != self.config.digest()
        {
            remarks.push(format!(
                "The running service has another configuration: log entry {} names {digest}. Give this \
                 command the file and the variables that the service was started with.",
                at.entry
            ));
        }
        if self.covered.is_empty() {
            remarks
                .push("The tenant has no resource: there is nothing to process for it.".to_owned());
        }
        if kind == Kind::BreachScope && !self.officer {
            remarks.push(
                "The operator does not see the reasons of looks, nor the customer's own people: the \
                 customer's data protection officer does (`bailiwick desk report breach-scope`)."
                    .to_owned(),
            );
        }
        remarks
    }
}

impl At {
    /// Returns the entry as a source.
    pub(super) fn source(self) -> Source {
        Source::Log { entry: self.entry }
    }

    /// Returns the time in words.
    pub(super) fn when(self) -> String {
        rfc3339(self.time_ms / 1000)
    }
}

const HOUR_MS: u64 = 3_600_000;
