//! The attacks of PROMISES P1 and P9 on routes: an engine in another region, another company, and
//! permission by others than the customer.

use std::collections::BTreeMap;

use super::{
    super::{
        context::{Processing, Reaching},
        facts::{Scope, Service},
        policies::File,
        role::Role,
        *,
    },
    fixtures::*,
};
use crate::{
    permit::{AllowProcessor, Reach, ReadEngines, WriteEngine},
    residency::{Misfit, Route, Sku, Zones},
};

/// Asks for a route for the key of the customer's resource.
fn route(authority: &Authority, reaching: &Reaching) -> Result<Route, Denied> {
    let (key, deployment) = (key(CUSTOMER, 1), deployment(CUSTOMER, 1));
    authorize::<Reach>(authority, &key, &deployment, reaching).map(Route::new)
}

fn because(denied: Denied) -> String {
    let Denied::Forbidden(forbidden) = denied else { panic!("{denied}") };
    assert_eq!((forbidden.action, forbidden.roles.as_slice()), ("reach", &[][..]));
    forbidden.because.unwrap()
}

#[test]
fn a_route_has_the_deployment_and_the_engine_of_the_decision() {
    let reaching = reaching();
    let route = route(&authority(&[]), &reaching).unwrap();
    assert_eq!(route.of(), &deployment(CUSTOMER, 1));
    assert_eq!((route.engine(), route.regions()), (&reaching.engine, &reaching.regions));
}

#[test]
fn an_engine_in_another_region_gets_no_route() {
    let authority = authority(&[]);
    let zones = BTreeMap::from([("eu".to_owned(), texts(&["swedencentral", "francecentral"]))]);
    let zones = Zones::new(zones).unwrap();
    let fits = |sku, home, region: &str| {
        let mut reaching = Reaching { regions: zones.regions(sku, home), ..reaching() };
        region.clone_into(&mut reaching.engine.region);
        let route = route(&authority, &reaching);
        assert_eq!(reaching.misfit(), route.is_err().then_some(Misfit::Region));
        route
    };
    assert!(fits(Sku::Standard, "swedencentral", "swedencentral").is_ok());
    assert!(fits(Sku::Standard, "swedencentral", "francecentral").is_err(), "the same zone");
    assert!(fits(Sku::DataZoneStandard, "swedencentral", "francecentral").is_ok());
    assert!(fits(Sku::DataZoneStandard, "swedencentral", "eastus").is_err(), "another zone");
    assert!(fits(Sku::DataZoneStandard, "local", "swedencentral").is_err(), "a home without zone");
    assert!(fits(Sku::GlobalStandard, "local", "swedencentral").is_ok());
    // Another spelling is another region.
    for unlisted in ["eastus", "Swedencentral", "swedencentral ", ""] {
        let denied = fits(Sku::GlobalStandard, "local", unlisted).unwrap_err();
        let because = because(denied);
        assert!(because.contains("region that the deployment's SKU does not allow"), "{because}");
    }
}

#[test]
fn a_processor_gets_no_route_unless_the_customer_allowed_it() {
    let authority = authority(&[]);
    for allowed in [&[][..], &["fabrikam"], &["Contoso"], &["contoso "], &[""]] {
        let reaching = Reaching { processors: texts(allowed), ..reaching() };
        assert_eq!(reaching.misfit(), Some(Misfit::Processor), "{allowed:?}");
        let because = because(route(&authority, &reaching).unwrap_err());
        assert!(because.ends_with("ask the customer's data protection officer"), "{because}");
    }
    let mut own = Reaching { processors: texts(&[]), ..reaching() };
    own.engine.processor = None;
    assert!(route(&authority, &own).is_ok(), "the operator's own engine needs no permission");
    // A processor that is allowed does not make its region allowed.
    let mut elsewhere = reaching();
    elsewhere.engine.region = "eastus".into();
    assert_eq!(elsewhere.misfit(), Some(Misfit::Region));
    assert!(route(&authority, &elsewhere).is_err());
}

/// Each resource has a list of its own, and a caller uses only its own resource's list.
#[test]
fn a_processor_allowed_for_one_resource_is_not_allowed_for_another() {
    let authority = authority(&[]);
    let (first, second) = (reaching(), Reaching { processors: texts(&[]), ..reaching() });
    let ask = |number, reaching| {
        let (key, deployment) = (key(CUSTOMER, number), deployment(CUSTOMER, number));
        authorize::<Reach>(&authority, &key, &deployment, reaching).map(Route::new)
    };
    assert_eq!(ask(1, &first).unwrap().of().resource, resource(CUSTOMER, 1).resource);
    assert!(ask(2, &second).is_err());
    // A caller of the second resource gets no route for a deployment of the first.
    let denied =
        authorize::<Reach>(&authority, &key(CUSTOMER, 2), &deployment(CUSTOMER, 1), &first);
    assert_eq!(denied.unwrap_err(), Denied::Hidden);
    let denied = authorize::<Reach>(&authority, &key(OTHER, 1), &deployment(CUSTOMER, 1), &first);
    assert_eq!(denied.unwrap_err(), Denied::Hidden);
}

/// A remembered decision would let a second engine through without a decision of its own.
#[test]
fn each_engine_is_decided_on_its_own() {
    let settled = Settled::new(authority(&[]));
    let (key, deployment) = (key(CUSTOMER, 1), deployment(CUSTOMER, 1));
    let ask = |reaching: &Reaching| settled.authorize::<Reach>(&key, &deployment, reaching).is_ok();
    let (good, mut elsewhere) = (reaching(), reaching());
    elsewhere.engine.region = "eastus".into();
    for _ in 0..2 {
        assert!(ask(&good));
        assert!(!ask(&elsewhere));
        assert!(!ask(&Reaching { processors: texts(&[]), ..reaching() }));
    }
}

/// Not even a policy that permits everything opens another region, or another company.
#[test]
fn no_policy_of_the_operator_makes_a_route_that_the_customer_did_not_allow() {
    let text = "@id(\"site-open\") permit (principal, action, resource);";
    let policies = Policies::with(&[File { name: "site.cedar", text }]).unwrap();
    let open = Authority::new(policies, Some(tenant(OPERATOR)), RoleAssignments::default());
    assert!(route(&open, &reaching()).is_ok());
    assert!(route(&open, &Reaching { processors: texts(&[]), ..reaching() }).is_err());
    assert!(route(&open, &Reaching { regions: texts(&["eastus"]), ..reaching() }).is_err());
    let stranger = person(CUSTOMER, 1);
    assert!(allows(&open, &stranger, true).is_err(), "somebody who is no officer");
}

fn allows(authority: &Authority, who: &Principal, allowed: bool) -> Result<(), Denied> {
    let context = Processing { now_ms: NOW.now_ms, processor: "contoso".into(), allowed };
    let at = resource(CUSTOMER, 1);
    let permit = authorize::<AllowProcessor>(authority, who, &at, &context)?;
    assert_eq!(permit.spend_with_context(), (at, context));
    Ok(())
}

#[test]
fn only_the_customers_own_officer_allows_a_processor() {
    let officer = Role::DataProtectionOfficer;
    let (own, both) = (person(CUSTOMER, 1), person(CUSTOMER, 2));
    let (theirs, other) = (person(OPERATOR, 3), person(OTHER, 4));
    let (program, elsewhere) = (workload(CUSTOMER, 5), person(CUSTOMER, 6));
    let mut held = vec![(&both, Role::Operator, Scope::Service)];
    held.extend([&own, &both, &theirs, &other, &program].map(|who| (who, officer, Scope::Service)));
    held.push((&elsewhere, officer, scope(CUSTOMER, 2)));
    let authority = authority(&held);

    for allowed in [true, false] {
        assert_eq!(allows(&authority, &own, allowed), Ok(()));
        // The operator's own officer sees the resource, but has no say.
        let denied = allows(&authority, &theirs, allowed).unwrap_err().to_string();
        assert!(denied.contains("only the customer's own people and programs do this"), "{denied}");
        for hidden in [&other, &elsewhere, &key(OTHER, 1)] {
            assert_eq!(allows(&authority, hidden, allowed), Err(Denied::Hidden));
        }
        for forbidden in [&program, &key(CUSTOMER, 1)] {
            let denied = allows(&authority, forbidden, allowed).unwrap_err();
            assert!(matches!(denied, Denied::Forbidden(_)), "{denied}");
        }
    }
    // An operator with the officer's role only withdraws.
    let denied = allows(&authority, &both, true).unwrap_err().to_string();
    assert!(denied.contains("who is no operator, allows a processor"), "{denied}");
    assert_eq!(allows(&authority, &both, false), Ok(()));
}

/// All other roles together do not replace the officer's, neither the customer's nor the operator's.
#[test]
fn no_other_role_allows_a_processor() {
    for of in [CUSTOMER, OPERATOR] {
        let who = person(of, 1);
        let held: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| *role != Role::DataProtectionOfficer || of == OPERATOR)
            .map(|role| (&who, role, Scope::Service))
            .collect();
        let authority = authority(&held);
        assert!(matches!(allows(&authority, &who, true), Err(Denied::Forbidden(_))));
        assert!(matches!(allows(&authority, &who, false), Err(Denied::Forbidden(_))));
    }
}

#[test]
fn engines_are_the_operators_business() {
    let (operator, auditor) = (person(OPERATOR, 1), person(OPERATOR, 2));
    let (insider, user) = (person(CUSTOMER, 3), person(OPERATOR, 4));
    let authority = authority(&[
        (&operator, Role::Operator, Scope::Service),
        (&auditor, Role::Auditor, Scope::Service),
        (&insider, Role::Operator, Scope::Service),
        (&user, Role::OpenAiUser, Scope::Service),
    ]);
    let reads = |who| authorize::<ReadEngines>(&authority, who, &Service, &NOW).map(drop);
    let writes = |who| authorize::<WriteEngine>(&authority, who, &Service, &NOW).map(drop);
    assert_eq!((reads(&operator), writes(&operator)), (Ok(()), Ok(())));
    assert_eq!(reads(&auditor), Ok(()));
    assert!(matches!(writes(&auditor), Err(Denied::Forbidden(_))));
    assert!(matches!(reads(&user), Err(Denied::Forbidden(_))));
    for hidden in [&insider, &key(CUSTOMER, 1)] {
        assert_eq!((reads(hidden), writes(hidden)), (Err(Denied::Hidden), Err(Denied::Hidden)));
    }
}
