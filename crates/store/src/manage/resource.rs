//! The parts of an update of a resource: each with the permit for it, and its own log entry.

use policy::{
    authz::facts::{ResourceFacts, Scope},
    id::ResourceId,
    network::{DefaultAction, IpRule, PublicNetworkAccess},
    permit::{Permit, WriteLockbox, WriteNetworkRules, WriteResource},
    retention::Days,
};
use rusqlite::{Transaction, params};
use tlog::entry::{Action, Subject};

use super::{found, not_found};
use crate::{
    error::{Kind, StoreError},
    log::Append,
    store::{self, Store},
};

/// One part of an update of a resource, with the permit for that part. [`Store::update_resource`]
/// makes all parts or none.
#[derive(Debug)]
pub enum ResourceChange {
    /// How it is set up.
    Settings(Permit<WriteResource>, Settings),
    /// Its lockbox: the permit says whether on or off.
    Lockbox(Permit<WriteLockbox>),
    /// Which networks it answers.
    Network(Permit<WriteNetworkRules>, NetworkChange),
}

/// What to change about how a resource is set up; the rest stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Whether a prompt's prefix may be reused for later requests of the same tenant.
    pub prefix_cache: Option<bool>,
    /// Whether it takes tokens only, and no keys. The keys stay as they are, and open it again when
    /// this is taken back.
    pub disable_local_auth: Option<bool>,
    /// How many days content is kept, from the next request on: a record that is kept already keeps
    /// the deadline in its receipt.
    pub days: Option<Days>,
}

/// What to change about which networks a resource answers; the rest stays as it is then, also if
/// another process changed it just before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkChange {
    /// Whether the public listener answers.
    pub public: Option<PublicNetworkAccess>,
    /// What happens to addresses that no rule names.
    pub default_action: Option<DefaultAction>,
    /// Addresses and ranges that are answered: all of them.
    pub ip_rules: Option<Vec<IpRule>>,
}

impl Store {
    /// Changes a resource: all of these, or none of them. Each part changes the resource of its own
    /// permit.
    ///
    /// # Errors
    /// When there is no such resource any more: then nothing is changed.
    pub fn update_resource(&self, changes: Vec<ResourceChange>) -> Result<(), StoreError> {
        self.change(|tx, log| changes.into_iter().try_for_each(|change| change.make(tx, log)))
    }
}

impl ResourceChange {
    /// Makes it, and logs it.
    fn make(self, tx: &Transaction<'_>, log: &mut Append<'_>) -> Result<(), StoreError> {
        match self {
            Self::Settings(permit, settings) => {
                let Scope::Resource(ResourceFacts { resource, .. }) = permit.spend() else {
                    return Err(StoreError::OtherThing);
                };
                settings.set(resource, tx, log)
            }
            Self::Lockbox(permit) => {
                let (ResourceFacts { resource, .. }, context) = permit.spend_with_context();
                let on = context.enabled;
                let sql = "UPDATE resource SET lockbox = ?2 WHERE id = ?1";
                let changed = tx.execute(sql, params![resource.as_bytes(), on])?;
                found(changed, Kind::Resource, &resource)?;
                let (id, state) = (*resource.as_bytes(), format!("lockbox={on}"));
                log.changed(Subject::Lockbox, id, Action::Updated, &state)
            }
            Self::Network(permit, change) => change.set(permit.spend().resource, tx, log),
        }
    }
}

impl Settings {
    fn set(
        self,
        resource: ResourceId,
        tx: &Transaction<'_>,
        log: &mut Append<'_>,
    ) -> Result<(), StoreError> {
        let Self { prefix_cache, disable_local_auth, days } = self;
        let days = days.map(Days::get);
        let sql = "UPDATE resource SET prefix_cache = COALESCE(?2, prefix_cache),
                       disable_local_auth = COALESCE(?3, disable_local_auth),
                       retention_days = COALESCE(?4, retention_days)
                   WHERE id = ?1";
        let values = params![resource.as_bytes(), prefix_cache, disable_local_auth, days];
        found(tx.execute(sql, values)?, Kind::Resource, &resource)?;
        let said = [
            prefix_cache.map(|on| format!("prefix_cache={on}")),
            disable_local_auth.map(|on| format!("disable_local_auth={on}")),
            days.map(|days| format!("retention_days={days}")),
        ];
        let state: Vec<String> = said.into_iter().flatten().collect();
        let id = *resource.as_bytes();
        log.changed(Subject::Resource, id, Action::Updated, &state.join(" "))
    }
}

impl NetworkChange {
    fn set(
        self,
        resource: ResourceId,
        tx: &Transaction<'_>,
        log: &mut Append<'_>,
    ) -> Result<(), StoreError> {
        // Read in the transaction: another change of other rules just before is not undone.
        let sql = "SELECT public_network_access, network_default_action, ip_rules
                   FROM resource WHERE id = ?1";
        let mut statement = tx.prepare_cached(sql)?;
        let mut rows = statement.query([resource.as_bytes()])?;
        let row = rows.next()?.ok_or_else(|| not_found(Kind::Resource, &resource))?;
        let before = store::network(row)?;
        let public = self.public.unwrap_or(before.public).name();
        let default = self.default_action.unwrap_or(before.default_action).name();
        let rules = self.ip_rules.unwrap_or(before.ip_rules);
        let lines: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let sql = "UPDATE resource SET public_network_access = ?2, network_default_action = ?3,
                   ip_rules = ?4 WHERE id = ?1";
        tx.execute(sql, params![resource.as_bytes(), public, default, lines.join("\n")])?;
        let rules = lines.join(",");
        let state = format!(
            "public_network_access={public} network_default_action={default} ip_rules={rules}"
        );
        log.changed(Subject::NetworkRules, *resource.as_bytes(), Action::Updated, &state)
    }
}
