//! The parts of an update of a resource. Each part has its own permit and its own log entry.

use policy::{
    authz::facts::{ResourceFacts, Scope},
    forward::Forward,
    id::ResourceId,
    network::{DefaultAction, IpRule, NetworkRules, PublicNetworkAccess},
    permit::{Permit, WriteLockbox, WriteNetworkRules, WriteResource},
    retention::Days,
    subject_header::SubjectHeader,
};
use tlog::entry::{Action, Subject};

use super::{found, not_found};
use crate::{
    error::{Kind, StoreError},
    log::Append,
    promised,
    signed::Rolls,
    sqlite::Write,
    store::Store,
};

/// One part of an update of a resource, with its permit. [`Store::update_resource`] applies either
/// all parts or no part.
#[derive(Debug)]
pub enum ResourceChange {
    /// Changes the settings.
    Settings(Permit<WriteResource>, Settings),
    /// Switches the lockbox. The permit's context says on or off.
    Lockbox(Permit<WriteLockbox>),
    /// Changes the network rules.
    Network(Permit<WriteNetworkRules>, NetworkChange),
}

/// A change of a resource's settings. `None` leaves a setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// True if later requests of the same tenant may reuse a prompt's prefix.
    pub prefix_cache: Option<bool>,
    /// True if the resource accepts tokens only, and no keys. The keys stay stored, and work again
    /// after a change back to false.
    pub disable_local_auth: Option<bool>,
    /// True if callers may ask to keep chat completions, from the next request on. Those that are kept
    /// stay until they are deleted or expire.
    pub stored_completions: Option<bool>,
    /// The labels of requests that other engines get, from the next request on. It replaces the old
    /// set.
    pub forward: Option<Forward>,
    /// The request header that names the data subject where the body names none, from the next
    /// request on. `Some(None)`: no header is read.
    pub subject_header: Option<Option<SubjectHeader>>,
    /// The number of days for which content is stored, from the next request on. A stored record
    /// keeps the deadline in its receipt.
    pub days: Option<Days>,
}

/// A change of a resource's network rules. `None` leaves a rule as it is in the transaction of the
/// change, also if another process changed it just before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkChange {
    /// Access over the public listener.
    pub public: Option<PublicNetworkAccess>,
    /// The default for addresses that no rule names.
    pub default_action: Option<DefaultAction>,
    /// The complete list of admitted addresses and ranges. It replaces the old list.
    pub ip_rules: Option<Vec<IpRule>>,
}

impl Store {
    /// Applies all changes in one transaction. Each part changes the resource of its own permit.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if a resource was deleted. [`StoreError::OtherThing`] if the permit
    /// for settings is not for a resource. [`StoreError::Promised`] if the resource's customer promised
    /// otherwise. On an error, no part is applied.
    pub fn update_resource(
        &self,
        rolls: &Rolls,
        changes: Vec<ResourceChange>,
    ) -> Result<(), StoreError> {
        self.with_roll(rolls, |tx, log| {
            changes.into_iter().try_for_each(|change| {
                let resource = change.make(tx, log)?;
                promised::keeps(tx, log, resource)
            })
        })
    }
}

impl ResourceChange {
    /// Applies this part and appends its log entry. Returns the resource.
    fn make(self, tx: &Write<'_>, log: &mut Append<'_>) -> Result<ResourceId, StoreError> {
        match self {
            Self::Settings(permit, settings) => {
                let Scope::Resource(ResourceFacts { resource, .. }) = permit.spend() else {
                    return Err(StoreError::OtherThing);
                };
                settings.set(resource, tx, log)?;
                Ok(resource)
            }
            Self::Lockbox(permit) => {
                let (ResourceFacts { resource, .. }, context) = permit.spend_with_context();
                let on = context.enabled;
                found(tx.set_lockbox(resource, on)?, Kind::Resource, &resource)?;
                let (id, state) = (*resource.as_bytes(), format!("lockbox={on}"));
                log.changed(Subject::Lockbox, id, Action::Updated, &state)?;
                Ok(resource)
            }
            Self::Network(permit, change) => {
                let ResourceFacts { resource, .. } = permit.spend();
                change.set(resource, tx, log)?;
                Ok(resource)
            }
        }
    }
}

impl Settings {
    fn set(
        self,
        resource: ResourceId,
        tx: &Write<'_>,
        log: &mut Append<'_>,
    ) -> Result<(), StoreError> {
        let Self { prefix_cache, disable_local_auth, stored_completions, forward, .. } = self;
        let Self { subject_header, days, .. } = self;
        let switches = [prefix_cache, disable_local_auth, stored_completions];
        let changed = tx.change_settings(resource, switches, forward, days)?;
        found(changed, Kind::Resource, &resource)?;
        if let Some(header) = &subject_header {
            tx.set_subject_header(resource, header.as_ref())?;
        }
        let said = [
            prefix_cache.map(|on| format!("prefix_cache={on}")),
            disable_local_auth.map(|on| format!("disable_local_auth={on}")),
            stored_completions.map(|on| format!("stored_completions={on}")),
            forward.map(|forward| format!("forward={forward}")),
            subject_header.map(|header| match header {
                Some(header) => format!("subject_header={header}"),
                None => "subject_header=none".to_owned(),
            }),
            days.map(|days| format!("retention_days={}", days.get())),
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
        tx: &Write<'_>,
        log: &mut Append<'_>,
    ) -> Result<(), StoreError> {
        // Read in the transaction, so that this change does not undo a change of the other rules
        // by another process.
        let before = tx.network_rules(resource)?;
        let before = before.ok_or_else(|| not_found(Kind::Resource, &resource))?;
        let now = NetworkRules {
            public: self.public.unwrap_or(before.public),
            default_action: self.default_action.unwrap_or(before.default_action),
            ip_rules: self.ip_rules.unwrap_or(before.ip_rules),
        };
        tx.set_network_rules(resource, &now)?;
        let rules: Vec<String> = now.ip_rules.iter().map(ToString::to_string).collect();
        let state = format!(
            "public_network_access={} network_default_action={} ip_rules={}",
            now.public.name(),
            now.default_action.name(),
            rules.join(",")
        );
        log.changed(Subject::NetworkRules, *resource.as_bytes(), Action::Updated, &state)
    }
}
