//! The attacks of PROMISES P7 and P8. In each, exactly one condition is violated.

use super::{
    super::{
        context::{Assigning, Deciding, Enrolling, Looking, Opening, Retaining, WorkstationFacts},
        facts::{ApprovalFacts, GrantFacts, RecordFacts, Scope, SignatureFacts},
        role::{Holder, Role},
        *,
    },
    fixtures::*,
};
use crate::{
    permit::{
        ApproveLook, AssignRole, ConsentLook, DecideExemption, DecideFlag, EnrollWorkstation,
        OpenRecord, ReadOwnRecord, RequestLook, SetContentLogging, TrainOn,
    },
    workflow::exemption,
};

fn reviewer() -> Principal {
    person(OPERATOR, REVIEWER)
}

fn reviewing() -> Authority {
    authority(&[
        (&reviewer(), Role::Reviewer, Scope::Service),
        (&person(OPERATOR, MANAGER), Role::ReviewManager, Scope::Service),
    ])
}

fn opening() -> Opening {
    Opening { now_ms: NOW.now_ms, workstation: workstation(), grant: grant(CUSTOMER) }
}

fn opens(who: &Principal, record: &RecordFacts, context: &Opening) -> bool {
    authorize::<OpenRecord>(&reviewing(), who, record, context).is_ok()
}

#[test]
fn a_record_opens_only_with_everything_in_order() {
    let record = record(CUSTOMER);
    assert!(opens(&reviewer(), &record, &opening()));

    let with_grant = |change: fn(&mut GrantFacts)| {
        let mut context = opening();
        change(&mut context.grant);
        opens(&reviewer(), &record, &context)
    };
    assert!(!with_grant(|grant| grant.reviewer = person_id(9)), "another person's grant");
    assert!(!with_grant(|grant| grant.expires_ms = NOW.now_ms), "an expired grant");
    assert!(!with_grant(|grant| grant.used = true), "a reused grant");
    assert!(!with_grant(|grant| grant.approval = None), "before approval");
    assert!(!with_grant(|grant| grant.workstation = "cd".repeat(32)), "another workstation");
    assert!(!with_grant(|grant| grant.consented = false), "without the customer's consent");
    assert!(!with_grant(|grant| grant.signatures.request = false), "an unsigned request");
    assert!(!with_grant(|grant| grant.signatures.approval = false), "an unsigned approval");
    assert!(!with_grant(|grant| grant.signatures.consent = false), "an unsigned consent");
    let rootless = |grant: &mut GrantFacts| grant.signatures = SignatureFacts::default();
    assert!(with_grant(rootless), "without roots, no signature is needed");
    let by = |person, number| {
        let approval = ApprovalFacts { manager: person_id(person), team: team(number) };
        let mut context = opening();
        context.grant.approval = Some(approval);
        opens(&reviewer(), &record, &context)
    };
    assert!(by(MANAGER, 1));
    assert!(!by(REVIEWER, 1), "self-approval");
    assert!(!by(MANAGER, 2), "another team's manager");

    let at = |change: fn(&mut WorkstationFacts)| {
        let mut context = opening();
        change(&mut context.workstation);
        opens(&reviewer(), &record, &context)
    };
    assert!(!at(|workstation| workstation.enrolled = false), "a workstation that is not enrolled");
    assert!(!at(|workstation| workstation.region = "eastus".into()), "another region");

    let mut other = record.clone();
    other.record = crate::id::RequestId::from_random([8; 16]);
    assert!(!opens(&reviewer(), &other, &opening()), "a grant for another record");
    // The same id with other facts: two tables disagree, so the action is refused.
    let disagreeing = RecordFacts { lockbox: false, ..record.clone() };
    assert!(!opens(&reviewer(), &disagreeing, &opening()));

    let free = RecordFacts { lockbox: false, ..record };
    let mut context = opening();
    context.grant.record = free.clone();
    context.grant.consented = false;
    assert!(opens(&reviewer(), &free, &context), "no consent needed without lockbox");
}

#[test]
fn a_role_of_the_operators_is_worth_nothing_to_a_customers_person() {
    let insider = person(CUSTOMER, REVIEWER);
    let authority = authority(&[
        (&insider, Role::Reviewer, Scope::Service),
        (&insider, Role::Operator, Scope::Service),
    ]);
    let denied = authorize::<OpenRecord>(&authority, &insider, &record(CUSTOMER), &opening());
    assert!(denied.is_err());
    let ask = Enrolling { now_ms: NOW.now_ms, owner: person_id(1) };
    let service = facts::Service;
    let denied = authorize::<EnrollWorkstation>(&authority, &insider, &service, &ask);
    assert_eq!(denied.unwrap_err(), Denied::Hidden);
}

#[test]
fn who_also_runs_the_service_opens_nothing() {
    let authority = authority(&[
        (&reviewer(), Role::Reviewer, Scope::Service),
        (&reviewer(), Role::Auditor, Scope::Service),
    ]);
    let denied = authorize::<OpenRecord>(&authority, &reviewer(), &record(CUSTOMER), &opening());
    let Denied::Forbidden(Forbidden { roles, .. }) = denied.unwrap_err() else { panic!() };
    assert!(roles.is_empty(), "no further role helps");
}

#[test]
fn a_look_is_asked_for_approved_and_consented_to_by_three_people() {
    let authority = reviewing();
    let ask = |record: &RecordFacts, workstation| {
        let context = Looking { now_ms: NOW.now_ms, workstation };
        authorize::<RequestLook>(&authority, &reviewer(), record, &context).is_ok()
    };
    assert!(ask(&record(CUSTOMER), workstation()));
    let quiet = RecordFacts { flagged: false, ..record(CUSTOMER) };
    assert!(!ask(&quiet, workstation()), "not flagged");
    let elsewhere = WorkstationFacts { region: "eastus".into(), ..workstation() };
    assert!(!ask(&record(CUSTOMER), elsewhere));
    let unknown = WorkstationFacts { enrolled: false, ..workstation() };
    assert!(!ask(&record(CUSTOMER), unknown));

    let asked = GrantFacts { approval: None, ..grant(CUSTOMER) };
    let approve = |who, grant: &GrantFacts| {
        authorize::<ApproveLook>(&authority, &person(OPERATOR, who), grant, &NOW)
    };
    assert!(approve(MANAGER, &asked).is_ok());
    assert!(approve(MANAGER, &grant(CUSTOMER)).is_err(), "approved already");
    let late = GrantFacts { expires_ms: NOW.now_ms, ..asked.clone() };
    assert!(approve(MANAGER, &late).is_err(), "expired");
    let of_others = GrantFacts { team: team(2), ..asked.clone() };
    assert!(approve(MANAGER, &of_others).is_err(), "another team's reviewer");
    let own = GrantFacts { reviewer: person_id(MANAGER), ..asked.clone() };
    assert!(approve(MANAGER, &own).is_err(), "self-approval");
    assert!(approve(REVIEWER, &asked).is_err(), "no manager");

    let (ours, theirs) = (person(CUSTOMER, 1), person(OPERATOR, 2));
    let officer = Role::DataProtectionOfficer;
    let mut authority = authority.clone();
    for person in [&ours, &theirs] {
        authority.roles.assign(person.holder().unwrap(), officer, Scope::Service);
    }
    assert!(authorize::<ConsentLook>(&authority, &ours, &asked, &NOW).is_ok());
    assert!(authorize::<ConsentLook>(&authority, &theirs, &asked, &NOW).is_err());

    let decide = |grant| {
        let context = Deciding { now_ms: NOW.now_ms, grant };
        authorize::<DecideFlag>(&authority, &reviewer(), &record(CUSTOMER), &context).is_ok()
    };
    assert!(decide(GrantFacts { used: true, ..grant(CUSTOMER) }));
    assert!(!decide(grant(CUSTOMER)), "without having looked");
}

#[test]
fn zero_retention_takes_two_who_gain_nothing_by_it() {
    let (operator, first, second) =
        (person(OPERATOR, 60), person(OPERATOR, 51), person(OPERATOR, 52));
    let officer = Role::DataProtectionOfficer;
    let authority = authority(&[
        (&operator, Role::Operator, Scope::Service),
        (&first, officer, Scope::Service),
        (&second, officer, Scope::Service),
    ]);
    let set = |who, enabled, application| {
        let context = Retaining { now_ms: NOW.now_ms, enabled, application };
        authorize::<SetContentLogging>(&authority, who, &resource(CUSTOMER, 1), &context).is_ok()
    };
    let good = application(CUSTOMER);
    assert!(set(&second, false, Some(good.clone())), "the last word switches");
    assert!(!set(&operator, false, Some(good.clone())), "who runs the service does not");
    assert!(!set(&second, false, None), "without an application");
    type Change = fn(&mut facts::ApplicationFacts);
    let changes: [Change; 9] = [
        |application| application.kind = exemption::Kind::ContentFilter,
        |application| application.approved = false,
        |application| application.first = None,
        |application| application.second = None,
        |application| application.second = application.first,
        |application| application.applicant = person_id(51),
        |application| application.applicant = person_id(52),
        |application| application.expires_ms = NOW.now_ms,
        |application| application.of = resource(CUSTOMER, 2),
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!set(&second, false, Some(bad.clone())), "{bad:?}");
    }
    assert!(set(&first, true, None), "an officer lets content be kept again");
    assert!(!set(&operator, true, None), "the operator alone does not");

    let decide = |who, application: &facts::ApplicationFacts| {
        authorize::<DecideExemption>(&authority, who, application, &NOW).is_ok()
    };
    let fresh = facts::ApplicationFacts { first: None, second: None, approved: false, ..good };
    assert!(decide(&first, &fresh));
    let half = facts::ApplicationFacts { first: Some(person_id(51)), ..fresh.clone() };
    assert!(!decide(&first, &half), "twice the same");
    assert!(decide(&second, &half));
    let own = facts::ApplicationFacts { applicant: person_id(51), ..fresh.clone() };
    assert!(!decide(&first, &own), "the own application");
    assert!(!decide(&operator, &fresh), "no officer");
}

#[test]
fn nobody_makes_oneself_a_reviewer() {
    let (operator, officer) = (person(OPERATOR, 1), person(OPERATOR, 2));
    let authority = authority(&[
        (&operator, Role::Operator, Scope::Service),
        (&officer, Role::DataProtectionOfficer, Scope::Service),
    ]);
    let assign = |who: &Principal, role, to| {
        let context = Assigning { now_ms: NOW.now_ms, role, to: Holder::Person(person_id(to)) };
        authorize::<AssignRole>(&authority, who, &Scope::Service, &context).is_ok()
    };
    assert!(assign(&operator, Role::Auditor, 3));
    assert!(!assign(&operator, Role::Auditor, 1), "to oneself");
    assert!(
        !assign(&operator, Role::Reviewer, 3),
        "who runs the service does not choose reviewers"
    );
    assert!(!assign(&operator, Role::ReviewManager, 3));
    assert!(assign(&officer, Role::Reviewer, 3));
    assert!(!assign(&officer, Role::Reviewer, 2), "to oneself");
    assert!(!assign(&officer, Role::Operator, 3));
}

#[test]
fn training_reads_what_the_tenant_uploaded_for_it() {
    let trainer = person(CUSTOMER, 1);
    let authority = authority(&[(&trainer, Role::OpenAiContributor, Scope::Service)]);
    let train =
        |file: &facts::FileFacts| authorize::<TrainOn>(&authority, &trainer, file, &NOW).is_ok();
    assert!(train(&file(CUSTOMER)));
    assert!(!train(&file(OTHER)), "another tenant's file, although a role was given on everything");
    let batch = facts::FileFacts { purpose: "batch".into(), ..file(CUSTOMER) };
    assert!(!train(&batch));
}

#[test]
fn an_officer_reads_records_of_the_own_tenant_only() {
    let officer = person(CUSTOMER, 1);
    let authority = authority(&[(&officer, Role::DataProtectionOfficer, Scope::Service)]);
    let read = |owner| authorize::<ReadOwnRecord>(&authority, &officer, &record(owner), &NOW);
    assert!(read(CUSTOMER).is_ok());
    assert_eq!(read(OTHER).unwrap_err(), Denied::Hidden);
}
