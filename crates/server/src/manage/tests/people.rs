//! Callers of two tenants and of the operator's tenant, with roles in a real store.

use policy::{
    authz::{
        context::Assigning,
        facts::{Scope, TenantFacts},
        policies::Policies,
        proof::{InForce, Unproved},
        role::{Holder, Role},
    },
    id::{PersonId, TenantId},
    model::ModelFacts,
    token::{Guid, Kind},
};
use store::DirectoryObject;

use super::*;
use crate::{authority::Authorities, people_of_tests::person, sign_in::SignedIn};

/// `acme` with the resource `acme-prod` and its deployment `chat`, `else` with `else-prod`, and the
/// operator's own tenant `ops`.
pub(crate) struct People {
    pub(crate) management: Management,
    pub(crate) administrator: Acting,
    authorities: Authorities,
    _data: tempfile::TempDir,
}

impl People {
    pub(crate) fn new() -> Self {
        Self::under(Config::default())
    }

    /// Like `new`, under a configuration.
    pub(crate) fn under(config: Config) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (store, one) = Store::open_as_administrator(data.path(), crate::clock::read).unwrap();
        let management = Management::new(store.clone(), data.path(), configured(config));
        let administrator = management.on_behalf_of(Actor::Administrator(one.clone()));
        let now = policy::authz::context::Moment { now_ms: 0 };
        let model = store::Model {
            id: policy::id::ModelId::from_random([5; 16]),
            name: "model".into(),
            file: Some(store::ModelFile {
                path: "/nowhere.gguf".into(),
                sha256: "ab".repeat(32),
                size_bytes: 1,
            }),
            source: None,
            tuned: None,
            facts: ModelFacts {
                license: None,
                architecture: "llama".into(),
                name: None,
                parameters: 1,
                context_train: 1,
                embedding_length: 1,
                vocabulary: 1,
                generates: true,
                chat_template: true,
            },
            created_at: 1,
        };
        store.create_model(one.permit(policy::authz::facts::Service, now), &model).unwrap();
        for tenant in ["acme", "else", "ops"] {
            administrator.create_tenant(tenant).unwrap();
            let name = format!("{tenant}-prod");
            let new = NewResource { tenant: tenant.into(), ..new_resource(&name) };
            administrator.create_resource(&new).unwrap();
            let chat = NewDeployment {
                spillover_deployment_name: None,
                rai_policy_name: None,
                name: "chat".into(),
                model: "model".into(),
                task: Task::Chat,
                sku: None,
                tokens_per_minute: None,
                requests_per_minute: None,
            };
            administrator.create_deployment(&name, &chat).unwrap();
        }
        let policies = Policies::built_in().unwrap();
        let in_force = InForce::check(policies, None, Unproved::Serve).unwrap();
        let authorities = Authorities::new(in_force, Some("ops".into()));
        Self { management, administrator, authorities, _data: data }
    }

    pub(crate) fn tenant(&self, name: &str) -> TenantId {
        self.management.store().directory().unwrap().tenant_by_name(name).unwrap().id
    }

    /// Signs in a caller with these roles, at the tenant or at the service.
    pub(crate) fn sign_in(&self, tenant: &str, number: u8, roles: &[Role]) -> SignedIn {
        let store = self.management.store();
        let of = self.tenant(tenant);
        let (id, person_id) = ([number; 16], PersonId::from_random([number; 16]));
        let object = Guid::from_bytes([number; 16]);
        let subject = DirectoryObject { tenant: of, object, kind: Kind::Person };
        let Actor::Administrator(one) = &self.administrator.actor else { panic!("it is") };
        for role in roles {
            let at = match tenant {
                "ops" => Scope::Service,
                _ => Scope::Tenant(TenantFacts { tenant: of }),
            };
            let context = Assigning { now_ms: 0, role: *role, to: Holder::Person(person_id) };
            store.assign_role(one.permit(at, context), subject).unwrap();
        }
        SignedIn::as_if(person(of, id), store, &self.authorities)
    }

    /// Returns management on behalf of such a caller.
    pub(crate) fn acting(&self, tenant: &str, number: u8, roles: &[Role]) -> Acting {
        self.management.on_behalf_of(Actor::SignedIn(self.sign_in(tenant, number, roles)))
    }
}

/// The callers: each role at the customer's tenant and at the service, two roles at once, no role,
/// and the administrator.
pub(crate) fn everybody(people: &People) -> Vec<(String, Acting)> {
    let mut callers = vec![("the administrator".to_owned(), people.administrator.clone())];
    let both = [Role::Operator, Role::DataProtectionOfficer];
    for (at, tenant) in [(20, "acme"), (40, "ops"), (60, "else")] {
        for (index, role) in Role::ALL.into_iter().enumerate() {
            let number = at + u8::try_from(index).unwrap();
            callers.push((format!("{role} of {tenant}"), people.acting(tenant, number, &[role])));
        }
        callers.push((format!("two roles of {tenant}"), people.acting(tenant, at + 10, &both)));
        callers.push((format!("no role of {tenant}"), people.acting(tenant, at + 11, &[])));
    }
    callers
}
