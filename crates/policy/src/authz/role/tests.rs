use super::*;
use crate::{
    authz::{
        facts::{DeploymentFacts, ResourceFacts, TenantFacts},
        thing::Thing as _,
    },
    id::{DeploymentId, ResourceId, TenantId},
};

fn deployment(tenant: u8, resource: u8) -> DeploymentFacts {
    DeploymentFacts {
        tenant: TenantId::from_random([tenant; 16]),
        resource: ResourceId::from_random([resource; 16]),
        deployment: DeploymentId::from_random([3; 16]),
    }
}

#[test]
fn a_role_holds_at_its_scope_and_below_and_nowhere_else() {
    let thing = deployment(1, 2);
    let DeploymentFacts { tenant, resource, .. } = thing;
    let person = Holder::Person(PersonId::from_random([9; 16]));
    let scopes = [
        Scope::Service,
        Scope::Tenant(TenantFacts { tenant }),
        Scope::Resource(ResourceFacts { tenant, resource }),
        Scope::Deployment(thing),
    ];
    for (depth, scope) in scopes.into_iter().enumerate() {
        let mut table = RoleAssignments::default();
        table.assign(person, Role::OpenAiUser, scope);
        for (other_depth, other) in scopes.into_iter().enumerate() {
            let held = table.held_at(person, other.scopes()).contains(Role::OpenAiUser);
            assert_eq!(held, other_depth >= depth, "given at {scope:?}, asked at {other:?}");
        }
        // For another tenant's or another resource's thing, only from the scopes that they share.
        assert_eq!(!table.held_at(person, deployment(7, 2).scopes()).is_empty(), depth == 0);
        assert_eq!(!table.held_at(person, deployment(1, 7).scopes()).is_empty(), depth <= 1);
        let nobody = Holder::Person(PersonId::from_random([8; 16]));
        assert!(table.held_at(nobody, scope.scopes()).is_empty());

        table.take(person, Role::OpenAiUser, scope);
        assert!(table.held_at(person, thing.scopes()).is_empty(), "taken again");
        assert_eq!(table.of(person).count(), 0);
    }
}

#[test]
fn a_person_and_a_program_of_one_number_are_two() {
    let mut table = RoleAssignments::default();
    table.assign(Holder::Person(PersonId::from_random([1; 16])), Role::Operator, Scope::Service);
    let program = Holder::Workload(WorkloadId::from_random([1; 16]));
    assert!(table.held_at(program, [Scope::Service]).is_empty());
}

#[test]
fn roles_have_one_name_each() {
    for role in Role::ALL {
        assert_eq!(role.name().parse(), Ok(role));
    }
    let said = "operator".parse::<Role>().unwrap_err().to_string();
    assert!(said.starts_with("there is no role `operator`; the roles are `Cognitive"), "{said}");
}

#[test]
fn teams_are_joined_and_left() {
    let mut table = RoleAssignments::default();
    let person = PersonId::from_random([1; 16]);
    let team = TeamId::from_random([2; 16]);
    table.set_team(person, Some(team));
    assert_eq!(table.team(person), Some(team));
    table.set_team(person, None);
    assert_eq!(table.team(person), None);
}
