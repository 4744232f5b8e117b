//! The review desk: access requests for flagged records, their approval, and the single opening of
//! the record. Reviewers and managers use a listener that only enrolled workstations reach;
//! customers consent at the owner desk. `policy::workflow::review` decides which steps are
//! possible; the policies decide which person may take them.

use std::collections::HashMap;

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    response::Response,
};
use policy::{
    authz::{
        context::{Deciding, Looking, Opening, WorkstationFacts},
        facts::Service,
    },
    id::{GrantId, PersonId, RequestId, ResourceId},
    permit::{
        ApproveLook, ConsentLook, DecideFlag, FlagRecord, ListOwnRecords, ListReviewQueue,
        OpenRecord, Permit, RequestLook,
    },
    workflow::{
        Statement,
        review::{
            Allowed, Attempt, Category, Customer, Effect, LookView, Manager, Minutes, Reviewer,
            State as Reviewed, Waiting,
        },
        workstation::{self, Enrolled},
    },
};
use serde::{Deserialize, Serialize};
use store::workflow::{Review, Stepped, Workstation};
use tlog::{
    canon::Digest,
    entry::{FlagSource, Outcome},
};

use super::{
    Desk, Names, Parsed, Reason, Visitor, blocking, case::Case, content, error::DeskError,
};
use crate::{clock, listen::Client, looked::Looked};

/// A workstation session: proof that the request comes from an enrolled workstation.
pub(super) struct Seat(Enrolled);

impl FromRequestParts<Desk> for Seat {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, DeskError> {
        let client = Extension::<Client>::from_request_parts(parts, desk).await;
        let presented = client.ok().and_then(|Extension(client)| client.certificate);
        let presented = presented.ok_or(workstation::Refused::NeverEnrolled)?;
        let store = desk.store.clone();
        let state = blocking(move || Ok(store.state::<Workstation>(presented)?)).await?;
        Ok(Self(workstation::admit(&state, presented, clock::now_ms())?))
    }
}

impl Seat {
    fn facts(&self) -> WorkstationFacts {
        let fingerprint = self.0.workstation().to_string();
        WorkstationFacts { enrolled: true, fingerprint, region: self.0.region().to_owned() }
    }
}

/// An item of the queue, without content.
#[derive(Debug, Serialize)]
pub(super) struct Queued {
    request: RequestId,
    region: String,
    category: Category,
    source: FlagSource,
    age_ms: u64,
    escalated: bool,
    waiting: Waiting,
    grant: Option<GrantId>,
    /// The end of the access request or of its approval, in milliseconds since 1970.
    expires_ms: Option<u64>,
    /// The access request, for the reviewer's team, whose manager decides it.
    asked: Option<PendingRequest>,
}

/// An access request, as the reviewer's team sees it.
#[derive(Debug, Serialize)]
struct PendingRequest {
    reviewer: PersonId,
    /// Name of the reviewer, if it is known.
    reviewer_name: Option<String>,
    workstation: Digest,
    /// Name of the workstation.
    workstation_name: Option<String>,
    reason: String,
}

impl PendingRequest {
    fn of(look: &LookView<'_>, names: &Names, seats: &[workstation::State]) -> Self {
        Self {
            reviewer: look.reviewer,
            reviewer_name: names.of(look.reviewer),
            workstation: look.workstation,
            workstation_name: seats.iter().find_map(|seat| match seat {
                workstation::State::Enrolled(it) | workstation::State::Revoked(it) => {
                    (it.workstation == look.workstation).then(|| it.name.clone())
                }
                workstation::State::Unknown => None,
            }),
            reason: look.reason.to_owned(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flag {
    category: Category,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    grant: GrantId,
    minutes: Option<Minutes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfGrant {
    grant: GrantId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refusal {
    grant: GrantId,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Judgement {
    grant: GrantId,
    outcome: Outcome,
    reason: String,
}

/// Shows the queue of the workstation's region: ids, categories and ages.
pub(super) async fn queue(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
) -> Result<Json<Vec<Queued>>, DeskError> {
    let permit: Permit<ListReviewQueue> = visitor.permit(&Looked::there(Service))?;
    let Service = permit.spend();
    let store = desk.store.clone();
    let (states, seats) =
        blocking(move || Ok((store.states::<Review>()?, store.states::<Workstation>()?))).await?;
    let now_ms = clock::now_ms();
    let team = visitor.directory().roles().team(visitor.person);
    let items = states.iter().filter_map(|state| {
        let item = state.queue_item(now_ms).filter(|item| item.region == seat.0.region())?;
        let look = state.look(now_ms);
        let asked = look.as_ref().filter(|look| team == Some(look.team));
        Some(Queued {
            request: item.request,
            region: item.region.to_owned(),
            category: item.category,
            source: item.source,
            age_ms: item.age_ms,
            escalated: item.escalated,
            waiting: item.waiting,
            grant: look.as_ref().map(|look| look.grant),
            expires_ms: look.as_ref().and_then(|look| look.expires_ms),
            asked: asked.map(|look| PendingRequest::of(look, &desk.names, &seats)),
        })
    });
    Ok(Json(items.collect()))
}

/// Flags a record.
pub(super) async fn flag(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Flag>,
) -> Result<Json<ReviewState>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let permit: Permit<FlagRecord> = visitor.permit(&case.record)?;
    step(&desk, &visitor, Allowed::flag(permit, given.category, visitor.random())?).await
}

/// Requests access to a record, as a reviewer.
pub(super) async fn request(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<ReviewState>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let context = Looking { now_ms: case.now_ms, workstation: seat.facts() };
    let why = || {
        let reviewer = reviewer(&visitor, &seat);
        refusal(reviewer, |reviewer| case.why(&Attempt::Look { reviewer, workstation: &seat.0 }))
    };
    let permit: Permit<RequestLook> = visitor.permit_or(&case.record, &context, why)?;
    let (grant, reason) = (GrantId::from_random(visitor.random()), given.statement(&visitor)?);
    step(&desk, &visitor, Allowed::request_look(permit, grant, visitor.team()?, seat.0, reason)?)
        .await
}

/// Approves an access request, as the manager of the reviewer's team.
pub(super) async fn approve(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Approval>,
) -> Result<Json<ReviewState>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let (asked, grant) = (case.grant(given.grant, &visitor)?, given.grant);
    let why = || {
        refusal(manager(&visitor), |manager| {
            case.why(&Attempt::Approve { grant, manager: *manager })
        })
    };
    let permit: Permit<ApproveLook> =
        visitor.permit_or(&Looked::there(asked), &case.moment(), why)?;
    let minutes = given.minutes.unwrap_or(Minutes::DEFAULT);
    step(&desk, &visitor, Allowed::approve(permit, visitor.team()?, minutes)?).await
}

/// Refuses an access request or revokes its approval, as a manager.
pub(super) async fn refuse(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Refusal>,
) -> Result<Json<ReviewState>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let (mut asked, grant) = (case.grant(given.grant, &visitor)?, given.grant);
    // The permission to approve includes revoking: the policies decide as if no approval existed.
    asked.approval = None;
    let why = || {
        refusal(manager(&visitor), |manager| {
            case.why(&Attempt::Refuse { grant, manager: *manager })
        })
    };
    let permit: Permit<ApproveLook> =
        visitor.permit_or(&Looked::there(asked), &case.moment(), why)?;
    let reason = Statement::new(&given.reason, visitor.random())?;
    step(&desk, &visitor, Allowed::refuse(permit, visitor.team()?, reason)?).await
}

/// Consents on behalf of the customer, if the lockbox is on.
pub(super) async fn consent(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(request): Path<String>,
    Parsed(given): Parsed<OfGrant>,
) -> Result<Json<ReviewState>, DeskError> {
    step(
        &desk,
        &visitor,
        Allowed::consent(asked_of(&desk, &visitor, &request, given.grant).await?)?,
    )
    .await
}

/// Refuses consent or revokes it, on behalf of the customer.
pub(super) async fn decline(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(request): Path<String>,
    Parsed(given): Parsed<Refusal>,
) -> Result<Json<ReviewState>, DeskError> {
    let permit = asked_of(&desk, &visitor, &request, given.grant).await?;
    let reason = Statement::new(&given.reason, visitor.random())?;
    step(&desk, &visitor, Allowed::decline(permit, reason)?).await
}

/// Asks for the permit to answer an access request for the customer.
async fn asked_of(
    desk: &Desk,
    visitor: &Visitor,
    request: &str,
    grant: GrantId,
) -> Result<Permit<ConsentLook>, DeskError> {
    let case = Case::find(desk, visitor, request).await?;
    let asked = Looked::there(case.grant(grant, visitor)?);
    let tenant = visitor.signed_in.principal.tenant();
    let customer = Customer { person: visitor.person, tenant };
    let why = || case.why(&Attempt::Consent { grant, customer });
    visitor.permit_or(&asked, &case.moment(), why)
}

/// Lists access to the customer's records: current access requests and past openings, as long as
/// the receipt of the record's request is stored.
pub(super) async fn looks(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Vec<LookedAt>>, DeskError> {
    let permit: Permit<ListOwnRecords> = visitor.permit(&visitor.resource(&name))?;
    let of = permit.spend();
    let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
    let now_ms = clock::now_ms();
    let found = blocking(move || {
        let mut looks = Vec::new();
        for state in store.states::<Review>()? {
            let record = state.record().filter(|record| record.tenant == of.tenant);
            let Some(request) = record.map(|record| record.request) else { continue };
            // The record may be gone; the receipt still names the request's resource.
            if ledger.resource(request)? == Some(of.resource) {
                looks.extend(LookedAt::all(request, &state, now_ms));
            }
        }
        Ok(looks)
    })
    .await?;
    Ok(Json(found))
}

/// Counts the access requests that wait for the customer's consent, by resource. May block.
///
/// # Errors
/// If the database cannot be read.
pub(super) fn waiting_for_consent(
    desk: &Desk,
    resources: Vec<ResourceId>,
) -> Result<HashMap<ResourceId, usize>, DeskError> {
    let mut waiting: HashMap<_, _> = resources.into_iter().map(|id| (id, 0)).collect();
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let now_ms = clock::now_ms();
    for state in desk.store.open_reviews()? {
        let asks = state.look(now_ms).is_some_and(|look| look.waiting == Waiting::Customer);
        let Some(record) = state.record().filter(|_| asks) else { continue };
        let resource = desk.ledger.resource(record.request)?;
        if let Some(count) = resource.and_then(|id| waiting.get_mut(&id)) {
            *count += 1;
        }
    }
    Ok(waiting)
}

/// One access to a record, as the customer sees it: the reviewer's opaque id, times, reason and
/// request.
#[derive(Debug, Serialize)]
pub(super) struct LookedAt {
    grant: GrantId,
    request: RequestId,
    reviewer: PersonId,
    workstation: Digest,
    reason: String,
    /// Next step that is required; null once the access is over.
    waiting: Option<Waiting>,
    opened_ms: Option<u64>,
}

impl LookedAt {
    /// Returns the access, as an export and a search of a data subject show it.
    pub(super) fn as_access(&self) -> serde_json::Value {
        let what = if self.opened_ms.is_some() { "opened by a reviewer" } else { "asked to open" };
        serde_json::json!({"what": what, "request": self.request, "at_ms": self.opened_ms,
            "by": "reviewer", "person": self.reviewer, "grant": self.grant, "reason": self.reason})
    }

    /// Returns past openings, and the current access request.
    pub(super) fn all(request: RequestId, state: &Reviewed, now_ms: u64) -> Vec<Self> {
        let under_way = state.look(now_ms);
        let current = under_way.as_ref().map(|look| look.grant);
        let over = state.seen().iter().filter(|seen| Some(seen.grant) != current);
        let over = over.map(|seen| Self {
            grant: seen.grant,
            request,
            reviewer: seen.reviewer,
            workstation: seen.workstation,
            reason: seen.reason.text().to_owned(),
            waiting: None,
            opened_ms: Some(seen.at_ms),
        });
        let under_way = under_way.as_ref().map(|look| Self {
            grant: look.grant,
            request,
            reviewer: look.reviewer,
            workstation: look.workstation,
            reason: look.reason.to_owned(),
            waiting: Some(look.waiting),
            opened_ms: look.opened_ms,
        });
        over.chain(under_way).collect()
    }
}

/// Opens the record, once. The log records the opening before the content leaves the custodian.
pub(super) async fn open(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<OfGrant>,
) -> Result<Response, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let grant = case.grant(given.grant, &visitor)?;
    let looked = Looked::there(grant.record.clone());
    let why = || {
        let (id, lockbox) = (grant.grant, grant.record.lockbox);
        let refused = refusal(reviewer(&visitor, &seat), |reviewer| {
            case.why(&Attempt::Open { grant: id, reviewer, workstation: &seat.0, lockbox })
        });
        refused.or_else(|| Case::unsigned(&grant))
    };
    let context = Opening { now_ms: case.now_ms, workstation: seat.facts(), grant: grant.clone() };
    let permit: Permit<OpenRecord> = visitor.permit_or(&looked, &context, why)?;
    let allowed = Allowed::open(permit, visitor.team()?, seat.0)?;
    let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
    let opened = blocking(move || {
        let Stepped { effects, .. } = store.step::<Review>(allowed)?;
        let opened = effects.into_iter().find_map(|(_, effect)| match effect {
            Effect::Open(open) => Some(open),
            _ => None,
        });
        content::read(&ledger.open_record(opened.ok_or(DeskError::Aborted)?)?)
    })
    .await?;
    Ok(content::show(&opened))
}

/// Records the reviewer's decision about the opened record.
pub(super) async fn judge(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Judgement>,
) -> Result<Json<ReviewState>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let (looked, grant) = (case.grant(given.grant, &visitor)?, given.grant);
    let why = || {
        let reviewer = reviewer(&visitor, &seat);
        refusal(reviewer, |reviewer| case.why(&Attempt::Judge { grant, reviewer }))
    };
    let context = Deciding { now_ms: case.now_ms, grant: looked.clone() };
    // Taken from the access request: both must agree about the lockbox.
    let record = Looked::there(looked.record);
    let permit: Permit<DecideFlag> = visitor.permit_or(&record, &context, why)?;
    let of = permit.scope().of;
    let reason = Statement::new(&given.reason, visitor.random())?;
    let allowed = Allowed::judge(permit, visitor.team()?, &seat.0, given.outcome, reason)?;
    let Json(told) = step(&desk, &visitor, allowed).await?;
    let resource = visitor.directory().resource(of.resource);
    let next = resource.filter(|_| given.outcome == Outcome::Confirmed).map(|resource| {
        format!(
            "a review manager or an operator can notify the owner of the resource `{0}`, throttle it \
             or block it: `bailiwick review notice {0}` or `bailiwick review penalise {0}`; over \
             HTTP POST /review/v1/resources/{0}/notice or POST /review/v1/resources/{0}/penalty",
            resource.name
        )
    });
    Ok(Json(ReviewState { next, ..told }))
}

/// State of a review after a step, without content.
#[derive(Debug, Serialize)]
pub(super) struct ReviewState {
    request: RequestId,
    waiting: Option<Waiting>,
    grant: Option<GrantId>,
    expires_ms: Option<u64>,
    /// Possible next steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn step(
    desk: &Desk,
    visitor: &Visitor,
    allowed: Allowed,
) -> Result<Json<ReviewState>, DeskError> {
    let request = allowed.request();
    let state = desk.store.clone();
    let state = blocking(move || Ok(state.state::<Review>(request)?)).await?;
    let own = visitor.signed_in.principal.tenant();
    let tenant = state.record().map_or(own, |record| record.tenant);
    let allowed = allowed.counted_from(visitor.counted_from());
    let stepped = visitor.decide::<Review>(desk, tenant, allowed).await?;
    let look = stepped.state.look(stepped.now_ms);
    Ok(Json(ReviewState {
        request,
        waiting: stepped.state.queue_item(stepped.now_ms).map(|item| item.waiting),
        grant: look.as_ref().map(|look| look.grant),
        expires_ms: look.and_then(|look| look.expires_ms),
        next: None,
    }))
}

/// Returns the reason of a refusal, or the reason that the visitor cannot act at all.
fn refusal<T>(
    acting: Result<T, DeskError>,
    why: impl FnOnce(&T) -> Option<DeskError>,
) -> Option<DeskError> {
    match acting {
        Ok(acting) => why(&acting),
        Err(error) => Some(error),
    }
}

/// Returns the visitor as a reviewer; the workstation's region is the reviewer's region.
fn reviewer(visitor: &Visitor, seat: &Seat) -> Result<Reviewer, DeskError> {
    let region = seat.0.region().to_owned();
    Ok(Reviewer { person: visitor.person, team: visitor.team()?, region })
}

/// Returns the visitor as a manager.
fn manager(visitor: &Visitor) -> Result<Manager, DeskError> {
    Ok(Manager { person: visitor.person, team: visitor.team()? })
}
