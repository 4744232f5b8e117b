//! The Cedar entities of one decision, built from the facts.

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};

use super::{
    role::{Role, Roles},
    scope::ResourceFacts,
};
use crate::id::TenantId;

/// The kinds of entities, with the names of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Application,
    Deployment,
    File,
    Grant,
    Key,
    Object,
    Person,
    Record,
    Resource,
    Team,
    Tenant,
    Workload,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Application,
        Self::Deployment,
        Self::File,
        Self::Grant,
        Self::Key,
        Self::Object,
        Self::Person,
        Self::Record,
        Self::Resource,
        Self::Team,
        Self::Tenant,
        Self::Workload,
    ];
}

/// Names that are the same in every decision, parsed once.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// In the order of [`Kind`].
    kinds: Vec<EntityTypeName>,
    /// In the order of [`Role::ALL`].
    roles: Vec<EntityUid>,
    service: EntityUid,
}

impl Names {
    /// Returns `None` if Cedar rejects one of the names.
    pub(super) fn new() -> Option<Self> {
        let named = |kind: &str| kind.parse::<EntityTypeName>().ok();
        let role = named("Role")?;
        let role =
            |name: Role| EntityUid::from_type_name_and_id(role.clone(), EntityId::new(name.name()));
        Some(Self {
            kinds: Kind::ALL
                .iter()
                .map(|kind| named(&format!("{kind:?}")))
                .collect::<Option<_>>()?,
            roles: Role::ALL.into_iter().map(role).collect(),
            service: EntityUid::from_type_name_and_id(named("Service")?, EntityId::new("")),
        })
    }

    /// Returns the entity name of a thing.
    fn uid(&self, kind: Kind, id: String) -> EntityUid {
        let kind = self.kinds.get(kind as usize).unwrap_or_else(|| self.service.type_name());
        EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
    }

    /// Returns the entity name of a role.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        self.roles.get(role as usize).unwrap_or(&self.service).clone()
    }
}

/// Collects the entities of one decision while they are described.
#[derive(Debug)]
pub struct Store<'a> {
    names: &'a Names,
    /// The operator's own tenant, if there is one.
    operator: Option<TenantId>,
    entities: Vec<Entity>,
    /// The tenant and resource described last. The next description usually needs the same pair.
    last: Option<(ResourceFacts, EntityUid, EntityUid)>,
    /// True if Cedar rejected a fact.
    failed: bool,
}

impl<'a> Store<'a> {
    pub(super) fn new(names: &'a Names, operator: Option<TenantId>) -> Self {
        Self { names, operator, entities: Vec::with_capacity(8), last: None, failed: false }
    }

    /// Returns the described entities together with the actions. Returns `None` if a fact could not
    /// be described, or if two facts contradict each other.
    pub(super) fn finish(self, actions: Entities, schema: Option<&Schema>) -> Option<Entities> {
        if self.failed {
            return None;
        }
        // Cedar accepts the same entity twice (two facts about one tenant), but not two different
        // entities of one name.
        actions.add_entities(self.entities, schema).ok()
    }

    /// Returns the entity name of a thing that has an id.
    pub(super) fn named(&self, kind: Kind, id: &impl ToString) -> EntityUid {
        self.names.uid(kind, id.to_string())
    }

    /// Returns the entity name of a role.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        self.names.role(role)
    }

    /// Adds the installation.
    pub(super) fn service(&mut self) -> EntityUid {
        let uid = self.names.service.clone();
        self.entities.push(Entity::new_no_attrs(uid.clone(), HashSet::new()));
        uid
    }

    /// Adds a tenant.
    pub(super) fn tenant(&mut self, tenant: TenantId) -> EntityUid {
        let uid = self.named(Kind::Tenant, &tenant);
        let operator = self.operator == Some(tenant);
        self.add(uid.clone(), Attributes::default().bool("operator", operator), []);
        uid
    }

    /// Adds a resource and its tenant.
    pub(super) fn resource(&mut self, facts: ResourceFacts) -> EntityUid {
        self.resource_and_tenant(facts).0
    }

    fn resource_and_tenant(&mut self, facts: ResourceFacts) -> (EntityUid, EntityUid) {
        if let Some((last, resource, tenant)) = &self.last
            && *last == facts
        {
            return (resource.clone(), tenant.clone());
        }
        let tenant = self.tenant(facts.tenant);
        let uid = self.named(Kind::Resource, &facts.resource);
        let attributes = Attributes::default().entity("tenant", tenant.clone());
        self.add(uid.clone(), attributes, [tenant.clone()]);
        self.last = Some((facts, uid.clone(), tenant.clone()));
        (uid, tenant)
    }

    /// Adds a thing that is part of a resource.
    pub(super) fn part_of(
        &mut self,
        uid: EntityUid,
        of: ResourceFacts,
        attributes: Attributes,
    ) -> EntityUid {
        let (resource, tenant) = self.resource_and_tenant(of);
        let attributes = attributes.entity("tenant", tenant).entity("of", resource.clone());
        self.add(uid.clone(), attributes, [resource]);
        uid
    }

    /// Adds a key of a resource.
    pub(super) fn key(&mut self, id: String, of: ResourceFacts) -> EntityUid {
        let uid = self.names.uid(Kind::Key, id);
        let (resource, tenant) = self.resource_and_tenant(of);
        let attributes = Attributes::default().entity("tenant", tenant).entity("of", resource);
        self.add(uid.clone(), attributes, []);
        uid
    }

    /// Adds a person or a program, with the roles that it holds at the thing.
    pub(super) fn holder(
        &mut self,
        uid: EntityUid,
        tenant: TenantId,
        roles: Roles,
        attributes: Attributes,
    ) -> EntityUid {
        let tenant = match &self.last {
            Some((last, _, uid)) if last.tenant == tenant => uid.clone(),
            _ => self.tenant(tenant),
        };
        let roles: Vec<_> = roles.iter().map(|role| self.role(role)).collect();
        self.add(uid.clone(), attributes.entity("tenant", tenant), roles);
        uid
    }

    fn add(
        &mut self,
        uid: EntityUid,
        attributes: Attributes,
        parents: impl IntoIterator<Item = EntityUid>,
    ) {
        match Entity::new(uid, attributes.0, parents.into_iter().collect()) {
            Ok(entity) => self.entities.push(entity),
            Err(_) => self.failed = true,
        }
    }
}

/// The attributes of an entity, or of a context.
#[derive(Debug, Clone, Default)]
pub struct Attributes(pub(super) HashMap<String, RestrictedExpression>);

impl Attributes {
    fn with(mut self, name: &str, value: RestrictedExpression) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn bool(self, name: &str, value: bool) -> Self {
        self.with(name, RestrictedExpression::new_bool(value))
    }

    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.with(name, RestrictedExpression::new_string(value.to_owned()))
    }

    pub(super) fn texts(self, name: &str, values: &BTreeSet<String>) -> Self {
        let values = values.iter().cloned().map(RestrictedExpression::new_string);
        self.with(name, RestrictedExpression::new_set(values))
    }

    pub(super) fn entity(self, name: &str, value: EntityUid) -> Self {
        self.with(name, RestrictedExpression::new_entity_uid(value))
    }

    /// Adds a time. A value beyond Cedar's integers becomes the largest integer, which means never.
    pub(super) fn moment(self, name: &str, ms: u64) -> Self {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.with(name, RestrictedExpression::new_long(ms))
    }

    pub(super) fn record(mut self, name: &str, value: Self) -> Self {
        match RestrictedExpression::new_record(value.0) {
            Ok(record) => self.with(name, record),
            // Cedar fails only on a duplicate field, and a map has no duplicates.
            Err(_) => {
                self.0.clear();
                self
            }
        }
    }
}
