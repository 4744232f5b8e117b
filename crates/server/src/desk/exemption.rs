//! The applications for zero retention and for weaker content filters: the customer applies, two of
//! the operator's officers decide, and either side can end it at once.
//! `policy::workflow::exemption` decides which steps are possible; the policies decide which person
//! may take them. Both kinds have the same routes under two names, and each has its own state.

use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    authz::{
        context::{Moment, Retaining},
        facts::{ApplicationFacts, ResourceFacts},
    },
    id::{ApprovalId, PersonId, ResourceId, TenantId},
    permit::{
        ApplyExemption, DecideExemption, Permit, ReadResource, SetContentLogging, WithdrawExemption,
    },
    retention::DAY_MS,
    workflow::{
        Statement,
        exemption::{
            Allowed, ApplicationTerms, ApplicationView, Kind, State as Exempted, Status, Subject,
            Word, why_not_decided,
        },
    },
};
use serde::{Deserialize, Serialize};
use store::{Resource, Store, workflow::Exemption};
use tlog::{limits::EXEMPTION_DECIDERS, object::Classes};

use super::{Desk, Names, Parsed, Visitor, blocking, error::DeskError, facts};
use crate::{clock, looked::Looked};

/// A kind of exemption as a type, which each route names.
pub(super) trait Exempts: Send + 'static {
    /// The kind.
    const KIND: Kind;
}

/// Zero retention.
pub(super) enum ContentLogging {}

/// Weaker content filters: Azure's modified content filtering.
pub(super) enum ContentFilter {}

impl Exempts for ContentLogging {
    const KIND: Kind = Kind::ContentLogging;
}

impl Exempts for ContentFilter {
    const KIND: Kind = Kind::ContentFilter;
}

/// A customer's application.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Application {
    /// Purpose of the resource.
    use_case: String,
    /// The customer's own measures against abuse.
    measures: String,
    /// Days for which the exemption is requested.
    days: u16,
    /// Whether human review may be reinstated after abuse, under zero retention.
    #[serde(default)]
    review_after_abuse: bool,
    /// What the resource still keeps, under zero retention: `responses`, `conversations`,
    /// `completions`, `files`, `batches`, `fine-tuning`.
    #[serde(default)]
    keep: Vec<String>,
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

/// An application, as the deciders see it.
#[derive(Serialize)]
pub(super) struct Pending {
    kind: Kind,
    resource: String,
    id: ResourceId,
    approval: ApprovalId,
    applicant: PersonId,
    /// Name of the applicant, if it is known.
    applicant_name: Option<String>,
    use_case: String,
    measures: String,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    /// The objects that the resource would still keep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keeps: Vec<&'static str>,
    approved_by: Vec<PersonId>,
    /// Names of the approvers, as far as they are known.
    approved_by_names: Vec<String>,
    renewal: bool,
}

/// A resource's exemption. Of zero retention, with the setting that it does not change.
#[derive(Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    status: Status,
    /// Whether workers still keep tokens of the last requests in memory, for some minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_cache: Option<bool>,
}

/// Shows a resource's exemption to a person with permission to read the resource or to apply.
pub(super) async fn status<E: Exempts>(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Shown>, DeskError> {
    let looked = visitor.resource(&name);
    let of = match visitor.permit::<ApplyExemption>(&looked) {
        Ok(permit) => permit.spend(),
        Err(_) => visitor.permit::<ReadResource>(&looked)?.spend(),
    };
    let state = state::<E>(&desk.store, of.resource).await?;
    Ok(Shown::of(state.status(clock::now_ms()), &visitor))
}

/// Lists the pending applications that the visitor may decide.
pub(super) async fn pending<E: Exempts>(
    State(desk): State<Desk>,
    visitor: Visitor,
) -> Result<Json<Vec<Pending>>, DeskError> {
    let store = desk.store.clone();
    let states = blocking(move || Ok(store.states::<Exemption>()?)).await?;
    let now_ms = clock::now_ms();
    let ours = states.iter().filter(|state| state.subject().kind() == E::KIND);
    let shown = ours.filter_map(|state| {
        let application = state.application(now_ms)?;
        let resource = visitor.directory().resource(application.resource)?;
        // The applicant and earlier deciders may not decide: their list omits the application.
        let asked = Looked::there(application_facts(facts(resource), &application));
        let permit = visitor.permit::<DecideExemption>(&asked).ok()?;
        Some(Pending::of(permit, resource, &application, &desk.names))
    });
    Ok(Json(shown.collect()))
}

/// Applies on behalf of the customer.
pub(super) async fn apply<E: Exempts>(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Application>,
) -> Result<Json<Shown>, DeskError> {
    let permit: Permit<ApplyExemption> = visitor.permit(&visitor.resource(&name))?;
    let lasts_ms = u64::from(given.days).saturating_mul(DAY_MS);
    let asked = ApplicationTerms {
        kind: E::KIND,
        approval: ApprovalId::from_random(visitor.random()),
        until_ms: visitor.starts_ms().saturating_add(lasts_ms),
        from_ms: visitor.counted_from(),
        review_after_abuse: given.review_after_abuse,
        keeps: kept(&given.keep)?,
        use_case: Statement::new(&given.use_case, visitor.random())?,
        measures: Statement::new(&given.measures, visitor.random())?,
    };
    let tenant = permit.scope().tenant;
    step((&desk, tenant), &visitor, Allowed::apply(permit, asked)?).await
}

/// Reads the classes of objects that an application names.
fn kept(names: &[String]) -> Result<Classes, DeskError> {
    let named = |name: &String| Classes::named(name).ok_or(DeskError::NoSuchClass);
    names.iter().try_fold(Classes::NONE, |classes, name| Ok(classes.and(named(name)?)))
}

/// Decides an application, as one of the operator's officers.
pub(super) async fn decide<E: Exempts>(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Decision>,
) -> Result<Json<Shown>, DeskError> {
    let looked = visitor.resource(&name);
    // Checked before any state of the resource is read, because response times would reveal its
    // existence.
    let of = *visitor.known(&looked)?;
    let (state, moment) =
        (state::<E>(&desk.store, of.resource).await?, Moment { now_ms: clock::now_ms() });
    let application = state.application(moment.now_ms);
    let pending = application.filter(|application| application.approval == given.approval);
    // An application that is not pending is decided too; the step then gives its actual state.
    let asked = pending.map_or_else(
        || unknown::<E>(of, given.approval),
        |pending| application_facts(of, &pending),
    );
    let why = || {
        let refused = why_not_decided(&state, given.approval, visitor.person, moment.now_ms);
        refused.map(DeskError::Exemption)
    };
    let permit: Permit<DecideExemption> =
        visitor.permit_or(&Looked::there(asked.clone()), &moment, why)?;
    let word = if !given.approve {
        Word::No
    } else if E::KIND == Kind::ContentLogging && is_last(&asked) {
        Word::YesAndSwitch(may_switch(&visitor, asked)?)
    } else {
        Word::Yes
    };
    let reason = Statement::new(&given.reason, visitor.random())?;
    step((&desk, of.tenant), &visitor, Allowed::decide(permit, word, reason)?).await
}

/// Whether one more approval is the last that is needed.
fn is_last(application: &ApplicationFacts) -> bool {
    let given = [application.first, application.second].into_iter().flatten().count();
    given.saturating_add(1) >= EXEMPTION_DECIDERS
}

/// Asks the policies whether the visitor's approval may switch content logging off.
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

/// Ends an application or approval at once, for the customer or the operator.
pub(super) async fn withdraw<E: Exempts>(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Withdrawal>,
) -> Result<Json<Shown>, DeskError> {
    let looked = visitor.resource(&name);
    let asked = looked.map(|of| unknown::<E>(of, given.approval));
    let permit: Permit<WithdrawExemption> = visitor.permit(&asked)?;
    let tenant = permit.scope().of.tenant;
    let reason = Statement::new(&given.reason, visitor.random())?;
    let allowed = match E::KIND {
        Kind::ContentLogging => {
            // Content is stored again.
            let context = Retaining { now_ms: clock::now_ms(), enabled: true, application: None };
            let keep = visitor.permit_in(&Looked::there(permit.scope().of), &context)?;
            Allowed::withdraw(permit, keep, reason)?
        }
        Kind::ContentFilter => Allowed::withdraw_filter(permit, reason)?,
    };
    step((&desk, tenant), &visitor, allowed).await
}

impl Shown {
    fn of(status: Status, visitor: &Visitor) -> Json<Self> {
        let resource = visitor.directory().resource(status.resource);
        let prefix_cache = (status.kind == Kind::ContentLogging)
            .then(|| resource.is_some_and(|resource| resource.prefix_cache));
        Json(Self { status, prefix_cache })
    }
}

impl Pending {
    /// Makes the view of an application, with the permit to decide it.
    fn of(
        permit: Permit<DecideExemption>,
        resource: &Resource,
        application: &ApplicationView<'_>,
        names: &Names,
    ) -> Self {
        let ApplicationFacts { of, application: approval, applicant, .. } = permit.spend();
        Self {
            kind: application.kind,
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
            keeps: application.keeps.iter().map(|class| class.plural()).collect(),
            approved_by: application.approved_by.to_vec(),
            approved_by_names: names.of_all(application.approved_by),
            renewal: application.renewal,
        }
    }
}

fn application_facts(of: ResourceFacts, application: &ApplicationView<'_>) -> ApplicationFacts {
    ApplicationFacts {
        of,
        kind: application.kind,
        application: application.approval,
        applicant: application.applicant,
        first: application.approved_by.first().copied(),
        second: application.approved_by.get(1).copied(),
        approved: false,
        expires_ms: application.until_ms,
    }
}

/// The facts of an application that is not pending.
fn unknown<E: Exempts>(of: ResourceFacts, application: ApprovalId) -> ApplicationFacts {
    ApplicationFacts {
        of,
        kind: E::KIND,
        application,
        applicant: PersonId::from_random([0; 16]),
        first: None,
        second: None,
        approved: false,
        expires_ms: 0,
    }
}

async fn state<E: Exempts>(store: &Store, resource: ResourceId) -> Result<Exempted, DeskError> {
    let store = store.clone();
    let subject = Subject::new(resource, E::KIND);
    blocking(move || Ok(store.state::<Exemption>(subject)?)).await
}

async fn step(
    (desk, tenant): (&Desk, TenantId),
    visitor: &Visitor,
    allowed: Allowed,
) -> Result<Json<Shown>, DeskError> {
    let stepped = visitor.decide::<Exemption>(desk, tenant, allowed).await?;
    Ok(Shown::of(stepped.state.status(stepped.now_ms), visitor))
}
