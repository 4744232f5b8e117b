//! Abuse monitoring on disk: counters, and the acts that follow from them.
//!
//! One transaction contains the counters of some finished requests, the acts of
//! [`policy::abuse::observe`], their log entries and the next states of the workflows.
//!
//! Nothing here is content. An end user and a text are keyed hashes: HMAC-SHA-256 under a random
//! key of the tenant. The key stands in the database and never leaves this module. It dies after
//! [`KEY_MS`], and with it every count of an end user; a deleted tenant's key dies at once.

mod report;

use std::collections::BTreeMap;

use hkdf::Hkdf;
use policy::{
    abuse::{Act, END_USERS_MAX, EndUser, Finding, Next, Observation, Pseudonym, State, observe},
    content::Content,
    id::{RequestId, ResourceId, TenantId},
    retention::DAY_MS,
    workflow::{penalty, review},
};
use sha2::Sha256;
use tlog::{canon, receipt::Terms};
use zeroize::Zeroizing;

pub use self::report::{AbuseCount, AbuseDay, AbuseEndUser, AbuseReport};
use crate::{
    Store,
    error::StoreError,
    log::Append,
    random::{random, secret},
    row::AbuseFinding,
    sqlite::{Database, Write},
    workflow::{NotStepped, Penalty, Review, Workflow, step_in},
};

/// How long a tenant's key for the hashes lives, and with it the counts of end users.
pub const KEY_MS: u64 = 30 * DAY_MS;

/// Days for which the counts by day are stored, today included.
pub const COUNT_DAYS: u64 = 30;

/// A finished request, for monitoring.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The resource that was called.
    pub resource: ResourceId,
    /// The request.
    pub request: RequestId,
    /// Everything that the content filter found.
    pub findings: Vec<Finding>,
    /// The caller's name for its end user, if the request has one. Only its keyed hash is stored.
    pub end_user: Option<Content>,
    /// SHA-256 of the request's text. Only a keyed hash of it is stored.
    pub text: [u8; 32],
}

/// An act that monitoring has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acted {
    /// The resource.
    pub resource: ResourceId,
    /// The request that led to the act.
    pub request: RequestId,
    /// The act's name: `flag`, `notice` or `throttle`.
    pub act: &'static str,
    /// The number of the act's entry in the log.
    pub entry: u64,
}

impl Store {
    /// Counts finished requests, and takes the acts that follow. Requests of deleted resources are
    /// left out. The time of all of them is the time of the transaction.
    ///
    /// # Errors
    /// If the database cannot be used. Then nothing is counted and no act is taken.
    pub fn watch(&self, all: &[Seen]) -> Result<Vec<Acted>, StoreError> {
        let reading = self.reading();
        let mut writer = self.writer();
        let tx = writer.write()?;
        let mut log = Append::begin(&tx, reading)?;
        let mut states = BTreeMap::new();
        let mut acted = Vec::new();
        for seen in all {
            if let Some(watched) = Watched::find(&tx, &mut states, seen.resource, log.now_ms)? {
                watched.see(&tx, &mut log, seen, &mut acted)?;
            }
        }
        for (resource, watched) in &states {
            let Some(Watched { state, requests, .. }) = watched else { continue };
            tx.set_abuse_state(*resource, &json(state)?)?;
            tx.add_abuse_requests(*resource, log.now_ms / DAY_MS, *requests)?;
        }
        log.finish()?;
        tx.commit()?;
        drop(writer);
        self.in_place()?;
        Ok(acted)
    }

    /// Returns the keyed hash of an end user of a resource, or `None` if monitoring has no key of
    /// the tenant yet.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn end_user(
        &self,
        resource: ResourceId,
        name: &Content,
    ) -> Result<Option<Pseudonym>, StoreError> {
        let reader = self.reader();
        let database = &reader.database;
        let Some(tenant) = database.tenant_of(resource)? else { return Ok(None) };
        let key = database.abuse_key(tenant)?;
        Ok(key.map(|key| Key(key.bytes).end_user(name)))
    }
}

/// Returns the counters of one end user in all resources of a tenant.
pub(crate) fn counters_of(
    database: &Database,
    tenant: TenantId,
    name: &Content,
) -> Result<Vec<(ResourceId, Pseudonym, EndUser)>, StoreError> {
    let Some(key) = database.abuse_key(tenant)? else { return Ok(Vec::new()) };
    let user = Key(key.bytes).end_user(name);
    let mut counters = Vec::new();
    for resource in database.resource_ids_of(tenant)? {
        if let Some(text) = database.abuse_end_user(resource, user)? {
            counters.push((resource, user, from_json(&text)?));
        }
    }
    Ok(counters)
}

/// Deletes these counters, and returns how many there were.
pub(crate) fn forget_counters_of(
    tx: &Write<'_>,
    tenant: TenantId,
    name: &Content,
) -> Result<u64, StoreError> {
    let counters = counters_of(tx, tenant, name)?;
    for (resource, user, _) in &counters {
        tx.forget_abuse_end_user(*resource, *user)?;
    }
    Ok(counters.len() as u64)
}

/// The states of the resources in one transaction; `None` for a deleted one.
type States = BTreeMap<ResourceId, Option<Watched>>;

/// A resource in one transaction.
struct Watched {
    key: Key,
    state: State,
    requests: u64,
}

impl Watched {
    fn find<'s>(
        tx: &Write<'_>,
        states: &'s mut States,
        resource: ResourceId,
        now_ms: u64,
    ) -> Result<Option<&'s mut Self>, StoreError> {
        if let std::collections::btree_map::Entry::Vacant(slot) = states.entry(resource) {
            let watched = match tx.tenant_of(resource)? {
                Some(tenant) => {
                    let key = Key::current(tx, tenant, now_ms)?;
                    let state = match tx.abuse_state(resource)? {
                        Some(text) => from_json(&text)?,
                        None => State::begin(resource, now_ms),
                    };
                    Some(Self { key, state, requests: 0 })
                }
                None => None,
            };
            slot.insert(watched);
        }
        Ok(states.get_mut(&resource).and_then(Option::as_mut))
    }

    /// Counts one request, and takes the acts that follow.
    fn see(
        &mut self,
        tx: &Write<'_>,
        log: &mut Append<'_>,
        seen: &Seen,
        acted: &mut Vec<Acted>,
    ) -> Result<(), StoreError> {
        let Seen { resource, request, findings, .. } = seen;
        let (now_ms, day) = (log.now_ms, log.now_ms / DAY_MS);
        let counts = findings.iter().any(|finding| finding.points().is_some());
        let terms = if counts { stored(tx, *request)? } else { None };
        let observation = Observation {
            request: *request,
            at_ms: now_ms,
            findings: findings.clone(),
            recorded: terms.is_some(),
            text: self.key.text(&seen.text),
        };
        let user = seen.end_user.as_ref().map(|name| self.key.end_user(name));
        let before = match user {
            Some(user) => Some(known(tx, *resource, user)?),
            None => None,
        };
        let Next { state, end_user, acts } =
            observe(&self.state, before.as_ref().map(|(state, _)| state), &observation);
        (self.state, self.requests) = (state, self.requests.saturating_add(1));
        if let (Some(user), Some(after), Some((_, is_stored))) = (user, end_user, before) {
            remember(tx, (*resource, user), &after, is_stored)?;
        }
        for finding in findings {
            tx.add_abuse_finding(*resource, day, AbuseFinding::of(finding))?;
        }
        for act in acts {
            let name = act.name();
            if let Some(entry) = take(tx, log, act, terms.as_ref())? {
                if name == "flag" {
                    tx.add_abuse_flag(*resource, day)?;
                }
                acted.push(Acted { resource: *resource, request: *request, act: name, entry });
            }
        }
        Ok(())
    }
}

/// Takes an act. Returns the number of its log entry, or `None` if the workflow refuses it: a person
/// has flagged the record before, or has decided about the resource.
fn take(
    tx: &Write<'_>,
    log: &mut Append<'_>,
    act: Act,
    terms: Option<&Terms>,
) -> Result<Option<u64>, StoreError> {
    let salt = random()?;
    match act {
        Act::Flag(flag) => {
            let Some(terms) = terms else { return Ok(None) };
            let place = (terms.tenant, terms.region_stored.clone());
            step::<Review>(tx, log, review::Allowed::flag_by_monitoring(flag, place, salt))
        }
        Act::Notify(notice) => {
            step::<Penalty>(tx, log, penalty::Allowed::notify_by_monitoring(notice, salt))
        }
        Act::Throttle(throttle) => {
            step::<Penalty>(tx, log, penalty::Allowed::throttle_by_monitoring(throttle, salt))
        }
    }
}

fn step<W: Workflow>(
    tx: &Write<'_>,
    log: &mut Append<'_>,
    allowed: W::Allowed,
) -> Result<Option<u64>, StoreError> {
    match step_in::<W>(tx, log, allowed) {
        Ok((_, effects)) => Ok(effects.first().map(|(entry, _)| *entry)),
        Err(NotStepped::Refused(_)) => Ok(None),
        Err(NotStepped::Store(error)) => Err(error),
    }
}

/// Returns the terms of a request whose record is stored.
fn stored(tx: &Write<'_>, request: RequestId) -> Result<Option<Terms>, StoreError> {
    let bytes = tx.terms_of_record(request)?;
    let decode = |bytes: Vec<u8>| canon::decode(&bytes, "a receipt's terms");
    bytes.map(decode).transpose().map_err(|_| StoreError::Damaged { what: "terms" })
}

/// Returns the state of an end user, and whether it is stored.
fn known(
    tx: &Write<'_>,
    resource: ResourceId,
    user: Pseudonym,
) -> Result<(EndUser, bool), StoreError> {
    match tx.abuse_end_user(resource, user)? {
        Some(text) => Ok((from_json(&text)?, true)),
        None => Ok((EndUser::default(), false)),
    }
}

/// Stores the state of an end user, if there is something to remember. An end user without findings
/// takes no place, so that a flood of names makes the service forget nothing.
fn remember(
    tx: &Write<'_>,
    (resource, user): (ResourceId, Pseudonym),
    after: &EndUser,
    is_stored: bool,
) -> Result<(), StoreError> {
    if after.is_unremarkable() {
        if is_stored {
            tx.forget_abuse_end_user(resource, user)?;
        }
        return Ok(());
    }
    if !is_stored && tx.abuse_end_users(resource)? >= END_USERS_MAX {
        tx.forget_least_recent_abuse_end_user(resource)?;
    }
    tx.set_abuse_end_user(resource, user, after.last_ms(), &json(after)?)
}

fn json<T: serde::Serialize>(state: &T) -> Result<String, StoreError> {
    serde_json::to_string(state).map_err(|_| StoreError::Damaged { what: "abuse.state" })
}

fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged { what: "abuse.state" })
}

/// A tenant's key for the hashes of end users and texts. It cannot be printed.
struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Returns the tenant's key, and makes it if there is none or it is too old. With an old key the
    /// counts of the tenant's end users go: their hashes cannot be compared any more.
    fn current(tx: &Write<'_>, tenant: TenantId, now_ms: u64) -> Result<Self, StoreError> {
        if let Some(key) = tx.abuse_key(tenant)? {
            if now_ms.saturating_sub(key.since_ms) < KEY_MS {
                return Ok(Self(key.bytes));
            }
            tx.forget_abuse_key(tenant)?;
        }
        let key = secret()?;
        tx.set_abuse_key(tenant, &key, now_ms)?;
        Ok(Self(key))
    }

    fn end_user(&self, name: &Content) -> Pseudonym {
        // As the subject index has it: without white space around it.
        let mac = self.mac(b"end-user\0", name.reveal().trim().as_bytes());
        Pseudonym(first(&mac))
    }

    fn text(&self, sha256: &[u8; 32]) -> u64 {
        u64::from_be_bytes(first(&self.mac(b"text\0", sha256)))
    }

    /// Returns HMAC-SHA-256 of a purpose and a text: the first step of HKDF, RFC 5869.
    fn mac(&self, purpose: &[u8], text: &[u8]) -> Zeroizing<[u8; 32]> {
        let message = Zeroizing::new([purpose, text].concat());
        let (mac, _) = Hkdf::<Sha256>::extract(Some(self.0.as_slice()), &message);
        Zeroizing::new(mac.into())
    }
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}
