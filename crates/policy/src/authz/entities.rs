//! Cedar's picture of one decision: the few entities that it is about, made from facts.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};

use super::{
    facts::ResourceFacts,
    role::{Role, Roles},
};
use crate::id::TenantId;

/// The kinds of entities, as the schema names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Application,
    Deployment,
    File,
    Grant,
    Key,
    Person,
    Record,
    Resource,
    Team,
    Tenant,
    Workload,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Application,
        Self::Deployment,
        Self::File,
        Self::Grant,
        Self::Key,
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
    /// None if Cedar took one of them for no name.
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

    /// A thing's name.
    fn uid(&self, kind: Kind, id: String) -> EntityUid {
        let kind = self.kinds.get(kind as usize).unwrap_or_else(|| self.service.type_name());
        EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
    }

    /// A role's name.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        self.roles.get(role as usize).unwrap_or(&self.service).clone()
    }
}

/// The entities of one decision, as they are described.
#[derive(Debug)]
pub struct Store<'a> {
    names: &'a Names,
    /// The operator's own tenant, if there is one.
    operator: Option<TenantId>,
    entities: Vec<Entity>,
    /// Tenant and resource that were described last: mostly the same ones are asked for again.
    last: Option<(ResourceFacts, EntityUid, EntityUid)>,
    /// Cedar refused to take a fact.
    failed: bool,
}

impl<'a> Store<'a> {
    pub(super) fn new(names: &'a Names, operator: Option<TenantId>) -> Self {
        Self { names, operator, entities: Vec::with_capacity(8), last: None, failed: false }
    }

    /// What is described, beside the actions. None when a fact could not be described, or two
    /// contradict each other.
    pub(super) fn finish(self, actions: Entities, schema: Option<&Schema>) -> Option<Entities> {
        if self.failed {
            return None;
        }
        // The same entity may come twice, as from two facts about one tenant; not two different
        // ones of one name.
        actions.add_entities(self.entities, schema).ok()
    }

    /// The name of a thing that is named by an id.
    pub(super) fn named(&self, kind: Kind, id: &impl ToString) -> EntityUid {
        self.names.uid(kind, id.to_string())
    }

    /// The name of a role.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        self.names.role(role)
    }

    /// The installation.
    pub(super) fn service(&mut self) -> EntityUid {
        let uid = self.names.service.clone();
        self.entities.push(Entity::new_no_attrs(uid.clone(), HashSet::new()));
        uid
    }

    /// A tenant.
    pub(super) fn tenant(&mut self, tenant: TenantId) -> EntityUid {
        let uid = self.named(Kind::Tenant, &tenant);
        let operator = self.operator == Some(tenant);
        self.add(uid.clone(), Attributes::default().bool("operator", operator), []);
        uid
    }

    /// A resource and its tenant.
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

    /// A thing that is part of a resource.
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

    /// A key of a resource.
    pub(super) fn key(&mut self, id: String, of: ResourceFacts) -> EntityUid {
        let uid = self.names.uid(Kind::Key, id);
        let (resource, tenant) = self.resource_and_tenant(of);
        let attributes = Attributes::default().entity("tenant", tenant).entity("of", resource);
        self.add(uid.clone(), attributes, []);
        uid
    }

    /// A person or a program, with the roles that it holds where the decision is made.
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

    pub(super) fn entity(self, name: &str, value: EntityUid) -> Self {
        self.with(name, RestrictedExpression::new_entity_uid(value))
    }

    /// A time. What lies beyond Cedar's integers is as good as never.
    pub(super) fn moment(self, name: &str, ms: u64) -> Self {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.with(name, RestrictedExpression::new_long(ms))
    }

    pub(super) fn record(mut self, name: &str, value: Self) -> Self {
        match RestrictedExpression::new_record(value.0) {
            Ok(record) => self.with(name, record),
            // Only for a field that stands twice, which a map has not.
            Err(_) => {
                self.0.clear();
                self
            }
        }
    }
}
