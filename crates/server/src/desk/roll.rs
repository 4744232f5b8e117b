//! Roots and keys of people at the desk. The customer makes its root and signs for it elsewhere: the desk
//! carries statements to the log, and the signatures decide. docs/spec/statements.md.

use audit::rfc3339;
use axum::{Json, extract::State};
use policy::{
    authz::facts::Service,
    id::{PersonId, TenantId},
    permit::{CreateTenant, FindSubject, Permit, ReadTenant},
    retention::{DAY_MS, Days},
    token::Guid,
};
use serde::{Deserialize, Serialize};
use store::signed::Decision;
use tlog::{
    canon::Digest,
    entry::Event,
    key::Key,
    people::{self, Capacities, Capacity, Party, Promise, Root},
    roll::Roll,
};

use super::{Desk, Parsed, Visitor, blocking, error::DeskError, public_key};
use crate::looked::Looked;

/// A statement about roots and keys. `tenant` is left out for the operator.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Stated {
    /// The first root of a party.
    RootMade { tenant: Option<String>, keys: Vec<String> },
    /// Another root in place of the one that signs.
    RootReplaced { tenant: Option<String>, keys: Vec<String> },
    /// A root for a party that lost its own.
    RootRecovery { tenant: Option<String>, keys: Vec<String>, days: u16 },
    /// The end of an announced recovery.
    RootRecoveryStopped { tenant: Option<String> },
    /// A person's key.
    KeyEnrolled {
        tenant: Option<String>,
        /// The person's object id; left out for the person who carries the statement.
        object: Option<String>,
        key: String,
        capacities: Vec<String>,
        days: u16,
    },
    /// The end of a person's key.
    KeyRevoked { tenant: Option<String>, key: Digest },
    /// The customer's promise whether it must consent to each look: for one resource, or for all.
    Lockbox { tenant: String, resource: Option<String>, on: bool },
    /// The customer's promise for how many days content is stored at most.
    Retention { tenant: String, resource: Option<String>, days: u64 },
    /// The customer's promise which identity provider's tokens count.
    Issuer { tenant: String, issuer: String, audience: String, directory: String, counts: bool },
}

/// The roots and the keys that the visitor may know.
#[derive(Debug, Serialize)]
pub(super) struct Rolled {
    roots: Vec<RootView>,
    keys: Vec<KeyView>,
}

#[derive(Debug, Serialize)]
struct RootView {
    /// Null for the operator.
    tenant: Option<String>,
    /// Whether it is the root of the visitor's own party.
    is_own: bool,
    /// Null if the party has no root: its decisions are not signed.
    fingerprint: Option<Digest>,
    keys: Vec<Digest>,
    threshold: usize,
    recovery: Option<RecoveryView>,
}

#[derive(Debug, Serialize)]
struct RecoveryView {
    fingerprint: Digest,
    effective: String,
}

#[derive(Debug, Serialize)]
struct KeyView {
    key: Digest,
    tenant: Option<String>,
    person: PersonId,
    capacities: Vec<&'static str>,
    until: String,
    revoked: bool,
}

/// The entry of a statement that was logged.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    entry: u64,
}

/// Shows the roots and the keys of the visitor's tenant and of the operator.
pub(super) async fn show(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Json<Rolled>, DeskError> {
    let own = visitor.directory().tenant(visitor.signed_in.principal.tenant());
    // Who may carry statements may see what they led to, and so may the people of the tenant's resources.
    let carries: Result<Permit<FindSubject>, _> = visitor.permit(&Looked::tenant(own));
    let tenant = match carries {
        Ok(permit) => permit.spend().tenant,
        Err(_) => visitor.permit::<ReadTenant>(&Looked::tenant(own))?.spend().tenant,
    };
    let (store, rolls) = (desk.store.clone(), desk.ledger.rolls().clone());
    let roll = blocking(move || Ok(store.roll(&rolls)?)).await?;
    let name = own.map(|tenant| tenant.name.clone());
    let is_operators = visitor.permit::<CreateTenant>(&Looked::there(Service)).is_ok();
    let parties = [(Party::Operator, None), (Party::Tenant { tenant }, name)];
    let roots = parties.iter().map(|(party, name)| {
        let is_own = name.is_some() != is_operators;
        RootView::of(&roll, *party, (name.clone(), is_own))
    });
    let keys = roll.person_keys().filter_map(|(key, held)| {
        let (_, name) = parties.iter().find(|(party, _)| *party == held.party)?;
        Some(KeyView {
            key,
            tenant: name.clone(),
            person: held.person,
            capacities: held.capacities.iter().map(Capacity::name).collect(),
            until: rfc3339(held.until_ms / 1000),
            revoked: held.revoked,
        })
    });
    Ok(Json(Rolled { roots: roots.collect(), keys: keys.collect() }))
}

impl RootView {
    fn of(roll: &Roll, party: Party, (tenant, is_own): (Option<String>, bool)) -> Self {
        let root = roll.root(party).map(|rooted| &rooted.root);
        let recovery = roll.recoveries().find(|(of, _)| *of == party).map(|(_, recovery)| {
            let fingerprint = recovery.root.fingerprint();
            RecoveryView { fingerprint, effective: rfc3339(recovery.effective_ms / 1000) }
        });
        let keys = root.map_or(&[][..], Root::keys).iter().map(Key::fingerprint).collect();
        Self {
            tenant,
            is_own,
            fingerprint: root.map(Root::fingerprint),
            keys,
            threshold: root.map_or(0, Root::threshold),
            recovery,
        }
    }
}

/// Logs a statement, once it is signed.
pub(super) async fn state(
    State(desk): State<Desk>,
    visitor: Visitor,
    Parsed(stated): Parsed<Stated>,
) -> Result<Json<Told>, DeskError> {
    let tenant = stated.carried_by(&visitor)?;
    let event = stated.event(&desk, &visitor, tenant).await?;
    let (store, rolls) = (desk.store.clone(), desk.ledger.rolls().clone());
    let tenant = tenant.unwrap_or_else(|| visitor.signed_in.principal.tenant());
    let decision = Decision { tenant, signed: visitor.signed() };
    let put = blocking(move || Ok(store.put_statement(&rolls, event, decision)?)).await;
    put.map(|entry| Json(Told { entry })).map_err(|error| visitor.told(&desk, error))
}

impl Stated {
    fn tenant(&self) -> Option<&str> {
        match self {
            Self::RootMade { tenant, .. }
            | Self::RootReplaced { tenant, .. }
            | Self::RootRecovery { tenant, .. }
            | Self::RootRecoveryStopped { tenant }
            | Self::KeyEnrolled { tenant, .. }
            | Self::KeyRevoked { tenant, .. } => tenant.as_deref(),
            Self::Lockbox { tenant, .. }
            | Self::Retention { tenant, .. }
            | Self::Issuer { tenant, .. } => Some(tenant),
        }
    }

    /// Asks the policies whether the visitor may carry the statement: a person of the tenant that is
    /// responsible for its data, or an operator for the operator's own people and for a recovery.
    /// Who signs is another question. Returns the tenant, or `None` for the operator.
    fn carried_by(&self, visitor: &Visitor) -> Result<Option<TenantId>, DeskError> {
        let operator = || visitor.permit::<CreateTenant>(&Looked::there(Service));
        let Some(name) = self.tenant() else {
            let permit = operator()?;
            let Service = permit.spend();
            return Ok(None);
        };
        let found = visitor.directory().tenant_by_name(name);
        if matches!(self, Self::RootRecovery { .. }) {
            let Service = operator()?.spend();
            return found.map(|tenant| Some(tenant.id)).ok_or(DeskError::NotFound);
        }
        let permit: Permit<FindSubject> = visitor.permit(&Looked::tenant(found))?;
        Ok(Some(permit.spend().tenant))
    }

    /// Makes the event.
    async fn event(
        self,
        desk: &Desk,
        visitor: &Visitor,
        tenant: Option<TenantId>,
    ) -> Result<Event, DeskError> {
        let party = tenant.map_or(Party::Operator, |tenant| Party::Tenant { tenant });
        let until =
            |days: u16| visitor.starts_ms().saturating_add(u64::from(days).saturating_mul(DAY_MS));
        Ok(match self {
            Self::RootMade { keys, .. } => Event::RootMade { party, root: root(&keys)? },
            Self::RootReplaced { keys, .. } => Event::RootReplaced { party, root: root(&keys)? },
            Self::RootRecovery { keys, days, .. } => {
                Event::RootRecovery { party, root: root(&keys)?, effective_ms: until(days) }
            }
            Self::RootRecoveryStopped { .. } => Event::RootRecoveryStopped { party },
            Self::KeyEnrolled { object, key, capacities, days, .. } => {
                let of = tenant.unwrap_or_else(|| visitor.signed_in.principal.tenant());
                let own = visitor.signed_in.object;
                let object = object.map_or(Ok(own), |object| object.parse());
                let object = object.map_err(|_| DeskError::NotFound)?;
                let person = visitor.directory().principal_id(of, object);
                let person = PersonId::from_random(person.ok_or(DeskError::NotFound)?);
                let (key, capacities) = (read_key(&key)?, read_capacities(&capacities)?);
                let until_ms = until(days);
                Event::PersonKeyEnrolled { party, person, key, capacities, until_ms }
            }
            Self::KeyRevoked { key, .. } => {
                let (store, rolls) = (desk.store.clone(), desk.ledger.rolls().clone());
                let roll = blocking(move || Ok(store.roll(&rolls)?)).await?;
                let held = roll.person_key(&key).filter(|held| held.party == party);
                let person = held.ok_or(DeskError::NotFound)?.person;
                Event::PersonKeyRevoked { party, person, key }
            }
            Self::Lockbox { resource, on, .. } => {
                promised(visitor, tenant, Promise::Lockbox { on }, resource)?
            }
            Self::Retention { resource, days, .. } => {
                let days = Days::new(days)
                    .map_err(|error| DeskError::BadRequest(format!("`days`: {error}")))?;
                promised(visitor, tenant, Promise::Retention { days: days.get() }, resource)?
            }
            Self::Issuer { issuer, audience, directory, counts, .. } => {
                let bad = |_| DeskError::BadRequest("`directory` is a GUID".to_owned());
                let directory: Guid = directory.parse().map_err(bad)?;
                let issuer = people::issuer(&issuer, &audience, Some(&directory.to_string()));
                // Otherwise the person could not undo it.
                let own = visitor.signed_in.providers.contains(&issuer);
                let tenant = tenant.ok_or(DeskError::NotFound)?;
                let named = visitor.directory().issuers(tenant);
                let is_out = match counts {
                    true => named.is_empty() && !own,
                    false => own && named.len() > 1,
                };
                if is_out {
                    return Err(DeskError::BadRequest(
                        "with this promise your own token would not count any more; name the \
                         provider of your own token first, and take it away last"
                            .to_owned(),
                    ));
                }
                promised(visitor, Some(tenant), Promise::Issuer { issuer, counts }, None)?
            }
        })
    }
}

/// Makes the event of a promise, for one resource of the tenant or for all.
fn promised(
    visitor: &Visitor,
    tenant: Option<TenantId>,
    promise: Promise,
    resource: Option<String>,
) -> Result<Event, DeskError> {
    let tenant = tenant.ok_or(DeskError::NotFound)?;
    let find = |name: String| {
        let found = visitor.directory().resource_by_name(&name);
        let found = found.filter(|found| found.tenant == tenant);
        found.map(|found| found.id).ok_or(DeskError::NotFound)
    };
    let resource = resource.map(find).transpose()?;
    Ok(Event::Promised { tenant, promise, resource })
}

fn root(keys: &[String]) -> Result<Root, DeskError> {
    let keys = keys.iter().map(|key| read_key(key)).collect::<Result<_, _>>()?;
    Root::new(keys).map_err(|error| DeskError::BadRequest(error.to_string()))
}

/// Reads a key of a statement.
fn read_key(text: &str) -> Result<Key, DeskError> {
    public_key::read(text).map_err(|error| DeskError::BadRequest(error.to_string()))
}

fn read_capacities(names: &[String]) -> Result<Capacities, DeskError> {
    let named = |name: &String| Capacity::ALL.into_iter().find(|known| known.name() == name);
    let all: Option<Vec<Capacity>> = names.iter().map(named).collect();
    all.and_then(|all| Capacities::new(&all)).ok_or_else(|| {
        DeskError::BadRequest(
            "`capacities` names at least one of reviewer, manager, decider, officer and enroller"
                .to_owned(),
        )
    })
}
