//! The permitted and refused actions of callers, one rule at a time; `matrix` has all of them in
//! one table.

mod attacks;
mod fixtures;
mod matrix;
mod objects;
mod residency;

use fixtures::*;

use super::*;
use crate::permit::{Complete, ReadUsage, WriteDeployment, WriteResource};
use facts::{DeploymentFacts, Scope, TenantFacts};
use policies::File;

#[test]
fn a_key_acts_on_its_own_resource_only() {
    let authority = authority(&[]);
    let own = deployment(CUSTOMER, 1);
    let permit = authorize::<Complete>(&authority, &key(CUSTOMER, 1), &own, &NOW).unwrap();
    assert_eq!(permit.spend(), own);

    for foreign in [deployment(OTHER, 1), deployment(CUSTOMER, 2), deployment(OTHER, 2)] {
        let denied = authorize::<Complete>(&authority, &key(CUSTOMER, 1), &foreign, &NOW);
        assert_eq!(denied.unwrap_err(), Denied::Hidden);
    }
}

#[test]
fn a_refusal_names_the_action_and_the_roles_that_would_do() {
    let user = person(CUSTOMER, 1);
    let at = scope(CUSTOMER, 1);
    let authority = authority(&[(&user, Role::OpenAiUser, at)]);
    let denied = authorize::<WriteDeployment>(&authority, &user, &at, &NOW).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "the caller may not `writeDeployment` here; it takes the role `Cognitive Services OpenAI \
         Contributor` or `Operator`, assigned on the thing or above it"
    );

    // Azure: a contributor without the quota role cannot deploy.
    let contributor = person(CUSTOMER, 2);
    let mut authority = authority;
    let holder = contributor.holder().unwrap();
    authority.roles.assign(holder, Role::Contributor, at);
    let denied = authorize::<WriteDeployment>(&authority, &contributor, &at, &NOW).unwrap_err();
    let Denied::Forbidden(Forbidden { roles, .. }) = denied else { panic!() };
    assert_eq!(roles, [Role::OpenAiContributor, Role::UsagesReader, Role::Operator]);
    authority.roles.assign(holder, Role::UsagesReader, at);
    assert!(authorize::<WriteDeployment>(&authority, &contributor, &at, &NOW).is_ok());

    let denied = authorize::<WriteResource>(&authority, &key(CUSTOMER, 1), &at, &NOW).unwrap_err();
    // If no role would help, the text of the forbidding guard says how to proceed.
    assert_eq!(
        denied.to_string(),
        "the caller may not `writeResource` here; a key only opens the data plane of its own \
         resource; sign in with a token"
    );
}

#[test]
fn a_refusal_without_a_role_says_what_to_do() {
    let denied = Forbidden { action: "openRecord", roles: Vec::new(), because: None };
    let text = "the caller may not `openRecord` here; no role is enough: a policy forbids it; ask \
                the operator which one";
    assert_eq!(denied.to_string(), text);
}

#[test]
fn a_role_on_one_resource_shows_nothing_of_another() {
    let user = person(CUSTOMER, 1);
    let authority = authority(&[(&user, Role::OpenAiUser, scope(CUSTOMER, 1))]);
    let ask = |thing| authorize::<Complete>(&authority, &user, &thing, &NOW).map(drop);
    assert_eq!(ask(deployment(CUSTOMER, 1)), Ok(()));
    assert_eq!(ask(deployment(CUSTOMER, 2)), Err(Denied::Hidden));
    assert_eq!(ask(deployment(OTHER, 1)), Err(Denied::Hidden));
}

#[test]
fn an_action_on_what_it_does_not_apply_to_is_refused() {
    let operator = person(OPERATOR, 1);
    let authority = authority(&[(&operator, Role::Operator, Scope::Service)]);
    let at = Scope::Deployment(deployment(CUSTOMER, 1));
    let denied = authorize::<ReadUsage>(&authority, &operator, &at, &NOW).unwrap_err();
    assert!(matches!(denied, Denied::Forbidden(_)), "{denied}");
    let at = Scope::Tenant(TenantFacts { tenant: tenant(CUSTOMER) });
    assert!(authorize::<ReadUsage>(&authority, &operator, &at, &NOW).is_ok());
}

#[test]
fn an_operators_own_policy_forbids_and_permits_within_the_guards() {
    let text = r#"
        @id("site-no-embeddings") forbid (principal, action == Action::"embed", resource);
        @id("site-open") permit (principal, action, resource);
        @id("site-tenant") forbid (principal, action, resource in Tenant::"ten_02020202020202020202020202020202");
    "#;
    let policies = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let operator = Some(tenant(OPERATOR));
    let authority = Authority::new(policies, operator, RoleAssignments::default());
    let own = deployment(CUSTOMER, 1);
    let key = key(CUSTOMER, 1);
    assert!(authorize::<Complete>(&authority, &key, &own, &NOW).is_ok());
    let denied = authorize::<crate::permit::Embed>(&authority, &key, &own, &NOW).unwrap_err();
    assert!(matches!(denied, Denied::Forbidden(_)), "forbidden by the operator");
    // Everything is permitted, but a person without a role still reaches no other tenant.
    let stranger = person(CUSTOMER, 1);
    assert!(authorize::<Complete>(&authority, &stranger, &own, &NOW).is_ok());
    let theirs = deployment(OTHER, 1);
    let denied = authorize::<Complete>(&authority, &stranger, &theirs, &NOW).unwrap_err();
    assert_eq!(denied, Denied::Hidden);
    // In the tenant that the operator shut, no principal can do anything.
    let shut = fixtures::key(OTHER, 1);
    assert_eq!(tenant(OTHER).to_string(), "ten_02020202020202020202020202020202");
    assert!(authorize::<Complete>(&authority, &shut, &theirs, &NOW).is_err());
}

#[test]
fn a_policy_that_fails_refuses() {
    // Cedar would skip it: the sum of a time and the largest number overflows.
    let text = r#"@id("site-overflow")
        forbid (principal, action, resource) when { context.now_ms + 9223372036854775807 < 0 };"#;
    let policies = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let authority = Authority::new(policies, None, RoleAssignments::default());
    let own: DeploymentFacts = deployment(CUSTOMER, 1);
    assert!(authorize::<Complete>(&authority, &key(CUSTOMER, 1), &own, &NOW).is_err());
}
