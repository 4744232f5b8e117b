//! The application for zero retention: the customer applies, two of the operator's officers decide,
//! either side ends it at once. What is decided is `policy::workflow::exemption`'s; who may, the
//! policies'.

use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    authz::{
        context::{Moment, Retaining},
        facts::{ApplicationFacts, ResourceFacts},
    },
    id::{ApprovalId, PersonId, ResourceId},
    permit::{
        ApplyExemption, DecideExemption, Permit, ReadResource, SetContentLogging, WithdrawExemption,
    },
    retention::DAY_MS,
    workflow::{
        Statement,
        exemption::{
            Allowed, ApplicationView, Asked, State as Exempted, Status, Word, why_not_decided,
        },
    },
};
use serde::{Deserialize, Serialize};
use store::{Resource, Store, random, workflow::Exemption};
use tlog::limits::EXEMPTION_DECIDERS;

use super::{Desk, Names, Parsed, Visitor, blocking, error::DeskError, facts};
use crate::{clock, looked::Looked};

/// What a customer applies with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    /// What the resource is used for.
    use_case: String,
    /// What the customer does against abuse.
    measures: String,
    /// For how many days.
    days: u16,
    /// Whether human review may be asked back after abuse.
    #[serde(default)]
    review_after_abuse: bool,
}

/// A decision about an application.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Decision {
    approval: ApprovalId,
    approve: bool,
    reason: String,
}

/// The end of an application or an approval.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Withdrawal {
    approval: ApprovalId,
    reason: String,
}

/// An application, as those who decide see it.
#[derive(Serialize)]
pub(super) struct Pending {
    resource: String,
    id: ResourceId,
    approval: ApprovalId,
    applicant: PersonId,
    /// What the applicant is called, where it is known.
    applicant_name: Option<String>,
    use_case: String,
    measures: String,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    approved_by: Vec<PersonId>,
    /// What they are called, as far as it is known.
    approved_by_names: Vec<String>,
    renewal: bool,
}

/// A resource's zero retention, for whoever may see how the resource is set up, or apply.
pub(super) async fn status(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Status>, DeskError> {
    let looked = visitor.resource(&name);
    let of = match visitor.permit::<ApplyExemption>(&looked) {
        Ok(permit) => permit.spend(),
        Err(_) => visitor.permit::<ReadResource>(&looked)?.spend(),
    };
    told(&desk.store, of.resource).await
}

/// Applications that wait, for those who may decide them.
pub(super) async fn pending(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Json<Vec<Pending>>, DeskError> {
    let store = desk.store.clone();
    let states = blocking(move || Ok(store.states::<Exemption>()?)).await?;
    let now_ms = clock::now_ms();
    let shown = states.iter().filter_map(|state| {
        let application = state.application(now_ms)?;
        let resource = visitor.directory().resource(application.resource)?;
        // An applicant, and a person who has decided, sees it no more than a stranger.
        let asked = Looked::there(application_facts(facts(resource), &application));
        let permit = visitor.permit::<DecideExemption>(&asked).ok()?;
        Some(Pending::of(permit, resource, &application, &desk.names))
    });
    Ok(Json(shown.collect()))
}

/// The customer applies.
pub(super) async fn apply(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Application>,
) -> Result<Json<Status>, DeskError> {
    let permit: Permit<ApplyExemption> = visitor.permit(&visitor.resource(&name))?;
    let lasts_ms = u64::from(given.days).saturating_mul(DAY_MS);
    let asked = Asked {
        approval: ApprovalId::from_random(random()?),
        until_ms: clock::now_ms().saturating_add(lasts_ms),
        review_after_abuse: given.review_after_abuse,
        use_case: Statement::new(&given.use_case, random()?)?,
        measures: Statement::new(&given.measures, random()?)?,
    };
    step(&desk.store, Allowed::apply(permit, asked)?).await
}

/// One of the operator's officers decides.
pub(super) async fn decide(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Decision>,
) -> Result<Json<Status>, DeskError> {
    let looked = visitor.resource(&name);
    // Before anything of the resource is read: how long that takes says what there is.
    let of = *visitor.known(&looked)?;
    let (state, moment) =
        (state(&desk.store, of.resource).await?, Moment { now_ms: clock::now_ms() });
    let application = state.application(moment.now_ms);
    let pending = application.filter(|application| application.approval == given.approval);
    // One that does not wait is decided about, too; the step says what became of it.
    let asked = pending
        .map_or_else(|| unknown(of, given.approval), |pending| application_facts(of, &pending));
    let why = || {
        let refused = why_not_decided(&state, given.approval, visitor.person, moment.now_ms);
        refused.map(DeskError::Exemption)
    };
    let permit: Permit<DecideExemption> =
        visitor.permit_or(&Looked::there(asked.clone()), &moment, why)?;
    let word = if !given.approve {
        Word::No
    } else if is_last(&asked) {
        Word::YesAndSwitch(may_switch(&visitor, asked)?)
    } else {
        Word::Yes
    };
    let reason = Statement::new(&given.reason, random()?)?;
    step(&desk.store, Allowed::decide(permit, word, reason)?).await
}

/// Whether one more yes is the last that it takes.
fn is_last(application: &ApplicationFacts) -> bool {
    let given = [application.first, application.second].into_iter().flatten().count();
    given.saturating_add(1) >= EXEMPTION_DECIDERS
}

/// Asks whether the visitor's yes may switch content logging off.
fn may_switch(
    visitor: &Visitor,
    mut decided: ApplicationFacts,
) -> Result<Permit<SetContentLogging>, DeskError> {
    decided.second = Some(visitor.person);
    decided.approved = true;
    let of = decided.of;
    let context = Retaining { now_ms: clock::now_ms(), enabled: false, application: Some(decided) };
    visitor.permit_in(&Looked::there(of), &context)
}

/// The customer or the operator ends it, at once.
pub(super) async fn withdraw(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Withdrawal>,
) -> Result<Json<Status>, DeskError> {
    let looked = visitor.resource(&name);
    let asked = looked.map(|of| unknown(of, given.approval));
    let permit: Permit<WithdrawExemption> = visitor.permit(&asked)?;
    // Content is kept again.
    let context = Retaining { now_ms: clock::now_ms(), enabled: true, application: None };
    let keep = visitor.permit_in(&Looked::there(permit.scope().of), &context)?;
    let reason = Statement::new(&given.reason, random()?)?;
    step(&desk.store, Allowed::withdraw(permit, keep, reason)?).await
}

impl Pending {
    /// An application, for a person who may decide it.
    fn of(
        permit: Permit<DecideExemption>,
        resource: &Resource,
        application: &ApplicationView<'_>,
        names: &Names,
    ) -> Self {
        let ApplicationFacts { of, application: approval, applicant, .. } = permit.spend();
        Self {
            resource: resource.name.clone(),
            id: of.resource,
            approval,
            applicant,
            applicant_name: names.of(applicant),
            use_case: application.use_case.to_owned(),
            measures: application.measures.to_owned(),
            until_ms: application.until_ms,
            lapses_ms: application.lapses_ms,
            review_after_abuse: application.review_after_abuse,
            approved_by: application.approved_by.to_vec(),
            approved_by_names: names.of_all(application.approved_by),
            renewal: application.renewal,
        }
    }
}

fn application_facts(of: ResourceFacts, application: &ApplicationView<'_>) -> ApplicationFacts {
    ApplicationFacts {
        of,
        application: application.approval,
        applicant: application.applicant,
        first: application.approved_by.first().copied(),
        second: application.approved_by.get(1).copied(),
        approved: false,
        expires_ms: application.until_ms,
    }
}

/// An application that does not wait to be decided.
fn unknown(of: ResourceFacts, application: ApprovalId) -> ApplicationFacts {
    ApplicationFacts {
        of,
        application,
        applicant: PersonId::from_random([0; 16]),
        first: None,
        second: None,
        approved: false,
        expires_ms: 0,
    }
}

async fn state(store: &Store, resource: ResourceId) -> Result<Exempted, DeskError> {
    let store = store.clone();
    blocking(move || Ok(store.state::<Exemption>(resource)?)).await
}

async fn told(store: &Store, resource: ResourceId) -> Result<Json<Status>, DeskError> {
    Ok(Json(state(store, resource).await?.status(clock::now_ms())))
}

async fn step(store: &Store, allowed: Allowed) -> Result<Json<Status>, DeskError> {
    let store = store.clone();
    let stepped = blocking(move || Ok(store.step::<Exemption>(allowed)?)).await?;
    Ok(Json(stepped.state.status(stepped.now_ms)))
}
