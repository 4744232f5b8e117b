//! The application for zero retention: the customer applies, two of the operator's officers decide,
//! either side ends it at once. What is decided is `policy::workflow::exemption`'s; who may, the
//! policies'.

use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    authz::{context::Retaining, facts::ApplicationFacts},
    id::{ApprovalId, PersonId, ResourceId},
    permit::{
        ApplyExemption, DecideExemption, Permit, ReadResource, SetContentLogging, WithdrawExemption,
    },
    retention::DAY_MS,
    workflow::{
        Statement,
        exemption::{ApplicationView, Event, Refused, Side, State as Exempted, Status, Word},
    },
};
use serde::{Deserialize, Serialize};
use store::{Resource, Store, random, workflow::Exemption};
use tlog::limits::EXEMPTION_DECIDERS;

use super::{Desk, Parsed, Visitor, blocking, error::DeskError, facts};
use crate::clock;

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
    use_case: String,
    measures: String,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    approved_by: Vec<PersonId>,
    renewal: bool,
}

/// A resource's zero retention, for whoever may see how the resource is set up, or apply.
pub(super) async fn status(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Status>, DeskError> {
    let resource = visitor.resource(&name)?;
    let may_apply = visitor.permit::<ApplyExemption>(&facts(resource));
    let resource = match may_apply {
        Ok(permit) => permit.spend().resource,
        Err(_) => visitor.permit::<ReadResource>(&facts(resource))?.spend().resource,
    };
    told(&desk.store, resource).await
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
        let asked = application_facts(resource, &application);
        // An applicant, and who has decided, sees it no more than a stranger.
        visitor.permit::<DecideExemption>(&asked).ok().map(|permit| {
            drop(permit.spend());
            Pending::of(resource, &application)
        })
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
    let permit: Permit<ApplyExemption> = visitor.permit(&facts(visitor.resource(&name)?))?;
    let lasts_ms = u64::from(given.days).saturating_mul(DAY_MS);
    let event = Event::Apply {
        approval: ApprovalId::from_random(random()?),
        applicant: visitor.person,
        until_ms: clock::now_ms().saturating_add(lasts_ms),
        review_after_abuse: given.review_after_abuse,
        use_case: Statement::new(&given.use_case, random()?)?,
        measures: Statement::new(&given.measures, random()?)?,
    };
    step(&desk.store, permit.spend().resource, event).await
}

/// One of the operator's officers decides.
pub(super) async fn decide(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Decision>,
) -> Result<Json<Status>, DeskError> {
    let resource = visitor.resource(&name)?;
    let state = state(&desk.store, resource.id).await?;
    let application = state.application(clock::now_ms());
    let pending = application
        .filter(|application| application.approval == given.approval)
        .map(|application| application_facts(resource, &application));
    // Asked about one that is not there, too: who may not decide learns nothing of the resource.
    let asked = match &pending {
        Some(pending) => pending.clone(),
        None => unknown(resource, given.approval)?,
    };
    let permit: Permit<DecideExemption> = visitor.permit(&asked)?;
    if pending.is_none() {
        return Err(DeskError::Exemption(Refused::NoSuchApplication));
    }
    let ApplicationFacts { of, application, .. } = permit.spend();
    let says = if !given.approve {
        Word::No
    } else if is_last(&asked) {
        may_switch(&visitor, asked)?
    } else {
        Word::Yes
    };
    let event = Event::Decide {
        approval: application,
        person: visitor.person,
        says,
        reason: Statement::new(&given.reason, random()?)?,
    };
    step(&desk.store, of.resource, event).await
}

/// Whether one more yes is the last that it takes.
fn is_last(application: &ApplicationFacts) -> bool {
    let given = [application.first, application.second].into_iter().flatten().count();
    given.saturating_add(1) >= EXEMPTION_DECIDERS
}

/// Asks whether the visitor's yes may switch content logging off.
fn may_switch(visitor: &Visitor, mut decided: ApplicationFacts) -> Result<Word, DeskError> {
    decided.second = Some(visitor.person);
    decided.approved = true;
    let of = decided.of;
    let context = Retaining { now_ms: clock::now_ms(), enabled: false, application: Some(decided) };
    let _permit: Permit<SetContentLogging> = visitor.permit_in(&of, &context)?;
    Ok(Word::YesAndSwitch)
}

/// The customer or the operator ends it, at once.
pub(super) async fn withdraw(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Withdrawal>,
) -> Result<Json<Status>, DeskError> {
    let resource = visitor.resource(&name)?;
    let asked = unknown(resource, given.approval)?;
    let permit: Permit<WithdrawExemption> = visitor.permit(&asked)?;
    let ApplicationFacts { of, application, .. } = permit.spend();
    // Content is kept again.
    let context = Retaining { now_ms: clock::now_ms(), enabled: true, application: None };
    let _permit: Permit<SetContentLogging> = visitor.permit_in(&of, &context)?;
    let is_own = visitor.signed_in.principal.tenant() == of.tenant;
    let event = Event::Withdraw {
        approval: application,
        side: if is_own { Side::Customer } else { Side::Operator },
        person: visitor.person,
        reason: Statement::new(&given.reason, random()?)?,
    };
    step(&desk.store, of.resource, event).await
}

impl Pending {
    fn of(resource: &Resource, application: &ApplicationView<'_>) -> Self {
        Self {
            resource: resource.name.clone(),
            id: resource.id,
            approval: application.approval,
            applicant: application.applicant,
            use_case: application.use_case.to_owned(),
            measures: application.measures.to_owned(),
            until_ms: application.until_ms,
            lapses_ms: application.lapses_ms,
            review_after_abuse: application.review_after_abuse,
            approved_by: application.approved_by.to_vec(),
            renewal: application.renewal,
        }
    }
}

fn application_facts(resource: &Resource, application: &ApplicationView<'_>) -> ApplicationFacts {
    ApplicationFacts {
        of: facts(resource),
        application: application.approval,
        applicant: application.applicant,
        first: application.approved_by.first().copied(),
        second: application.approved_by.get(1).copied(),
        approved: false,
        expires_ms: application.until_ms,
    }
}

/// An application that nobody made.
fn unknown(resource: &Resource, application: ApprovalId) -> Result<ApplicationFacts, DeskError> {
    Ok(ApplicationFacts {
        of: facts(resource),
        application,
        applicant: PersonId::from_random(random()?),
        first: None,
        second: None,
        approved: false,
        expires_ms: 0,
    })
}

async fn state(store: &Store, resource: ResourceId) -> Result<Exempted, DeskError> {
    let store = store.clone();
    blocking(move || Ok(store.state::<Exemption>(resource)?)).await
}

async fn told(store: &Store, resource: ResourceId) -> Result<Json<Status>, DeskError> {
    Ok(Json(state(store, resource).await?.status(clock::now_ms())))
}

async fn step(
    store: &Store,
    resource: ResourceId,
    event: Event,
) -> Result<Json<Status>, DeskError> {
    let store = store.clone();
    let stepped = blocking(move || Ok(store.step::<Exemption>(resource, event)?)).await?;
    Ok(Json(stepped.state.status(stepped.now_ms)))
}
