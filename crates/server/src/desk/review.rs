//! The review desk: who asks to see which flagged record, who allows it, and the one look. Reviewers
//! and managers come over a listener that only enrolled workstations reach; customers consent at the
//! desk. What may happen is `policy::workflow::review`'s; who may, the policies'.

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path, State},
    http::request::Parts,
    response::Response,
};
use policy::{
    authz::{
        context::{Deciding, Looking, Opening, WorkstationFacts},
        facts::{ApprovalFacts, GrantFacts, RecordFacts, ResourceFacts, Service},
    },
    id::{GrantId, PersonId, RequestId, TeamId},
    permit::{
        ApproveLook, ConsentLook, DecideFlag, FlagRecord, ListOwnRecords, ListReviewQueue,
        OpenRecord, Permit, RequestLook,
    },
    workflow::{
        Statement,
        review::{
            Category, Customer, Effect, Event, Manager, Minutes, Record, Reviewer,
            State as Reviewed, Waiting,
        },
        workstation::{self, Enrolled},
    },
};
use serde::{Deserialize, Serialize};
use store::{
    random,
    workflow::{Review, Stepped, Workstation},
};
use tlog::{
    canon::Digest,
    entry::{FlagSource, Outcome},
};

use super::{Desk, Parsed, Reason, Visitor, blocking, content, error::DeskError};
use crate::{clock, listen::Client};

/// The enrolled workstation that a request comes from.
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

/// A flagged record with its review: what decisions about it look at.
pub(super) struct Case {
    state: Reviewed,
    pub(super) facts: RecordFacts,
    record: Record,
    now_ms: u64,
}

impl Case {
    /// Finds a record that is kept. One that is not is answered as one that may not be seen.
    pub(super) async fn find(
        desk: &Desk,
        visitor: &Visitor,
        request: &str,
    ) -> Result<Self, DeskError> {
        let request: RequestId = request.parse().map_err(|_| DeskError::NotFound)?;
        let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
        let (found, state) =
            blocking(move || Ok((ledger.record(request)?, store.state::<Review>(request)?)))
                .await?;
        let found = found.ok_or(DeskError::NotFound)?;
        // Of a resource that was deleted nobody can consent for any more: its records stay shut.
        let lockbox = visitor.directory().resource(found.resource).is_none_or(|r| r.lockbox);
        let now_ms = clock::now_ms();
        let facts = RecordFacts {
            of: ResourceFacts { tenant: found.tenant, resource: found.resource },
            record: request,
            region: found.region.clone(),
            lockbox,
            flagged: state.queue_item(now_ms).is_some(),
        };
        let record = Record { request, tenant: found.tenant, region: found.region };
        Ok(Self { state, facts, record, now_ms })
    }

    /// The look that is under way, as a decision about it sees it.
    fn grant(&self, asked: GrantId) -> Result<GrantFacts, DeskError> {
        let look = self.state.look(self.now_ms).filter(|look| look.grant == asked);
        let look = look.ok_or(DeskError::NotFound)?;
        let approval = look.manager.map(|manager| ApprovalFacts { manager, team: look.team });
        let mut record = self.facts.clone();
        // What the customer was promised when it was asked for stays promised.
        record.lockbox |= look.lockbox;
        Ok(GrantFacts {
            grant: look.grant,
            record,
            reviewer: look.reviewer,
            team: look.team,
            workstation: look.workstation.to_string(),
            approval,
            consented: look.consented,
            expires_ms: look.expires_ms.unwrap_or(self.now_ms),
            used: look.waiting == Waiting::Judgement,
        })
    }
}

/// An item of the queue: no content.
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
    /// Who asks to see it, and why: for the reviewer's team, whose manager decides about it.
    asked: Option<Asked>,
}

/// A look that is asked for, as the reviewer's team sees it.
#[derive(Debug, Serialize)]
struct Asked {
    reviewer: PersonId,
    workstation: Digest,
    reason: String,
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

/// The queue of the workstation's region: ids, categories and ages.
pub(super) async fn queue(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
) -> Result<Json<Vec<Queued>>, DeskError> {
    let permit: Permit<ListReviewQueue> = visitor.permit(&Service)?;
    let Service = permit.spend();
    let store = desk.store.clone();
    let states = blocking(move || Ok(store.states::<Review>()?)).await?;
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
            asked: asked.map(|look| Asked {
                reviewer: look.reviewer,
                workstation: look.workstation,
                reason: look.reason.to_owned(),
            }),
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
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let permit: Permit<FlagRecord> = visitor.permit(&case.facts)?;
    let event = Event::Flag {
        record: case.record,
        category: given.category,
        source: FlagSource::Reviewer,
        salt: random()?,
    };
    step(&desk, permit.spend().record, event).await
}

/// A reviewer asks to see it.
pub(super) async fn request(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let context = Looking { now_ms: case.now_ms, workstation: seat.facts() };
    let permit: Permit<RequestLook> = visitor.permit_in(&case.facts, &context)?;
    let event = Event::RequestLook {
        grant: GrantId::from_random(random()?),
        reviewer: reviewer(&visitor, &seat)?,
        workstation: seat.0,
        lockbox: case.facts.lockbox,
        reason: given.said()?,
    };
    step(&desk, permit.spend().record, event).await
}

/// The manager of the reviewer's team approves.
pub(super) async fn approve(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Approval>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let permit: Permit<ApproveLook> = visitor.permit(&case.grant(given.grant)?)?;
    let GrantFacts { grant, record, .. } = permit.spend();
    let event = Event::Approve {
        grant,
        manager: Manager { person: visitor.person, team: team(&visitor)? },
        minutes: given.minutes.unwrap_or(Minutes::DEFAULT),
        lockbox: record.lockbox,
    };
    step(&desk, record.record, event).await
}

/// The manager refuses, or takes an approval back.
pub(super) async fn refuse(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Refusal>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let mut asked = case.grant(given.grant)?;
    // Who may approve it may take that back: the decision is about the look as it was asked for.
    asked.approval = None;
    let permit: Permit<ApproveLook> = visitor.permit(&asked)?;
    let GrantFacts { grant, record, .. } = permit.spend();
    let event = Event::Refuse {
        grant,
        manager: Manager { person: visitor.person, team: team(&visitor)? },
        reason: Statement::new(&given.reason, random()?)?,
    };
    step(&desk, record.record, event).await
}

/// The customer consents, where the lockbox is on.
pub(super) async fn consent(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(request): Path<String>,
    Parsed(given): Parsed<OfGrant>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let permit: Permit<ConsentLook> = visitor.permit(&case.grant(given.grant)?)?;
    let GrantFacts { grant, record, .. } = permit.spend();
    let customer = Customer { person: visitor.person, tenant: record.of.tenant };
    step(&desk, record.record, Event::Consent { grant, customer }).await
}

/// The customer refuses, or takes a consent back.
pub(super) async fn decline(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(request): Path<String>,
    Parsed(given): Parsed<Refusal>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let permit: Permit<ConsentLook> = visitor.permit(&case.grant(given.grant)?)?;
    let GrantFacts { grant, record, .. } = permit.spend();
    let customer = Customer { person: visitor.person, tenant: record.of.tenant };
    let reason = Statement::new(&given.reason, random()?)?;
    step(&desk, record.record, Event::Decline { grant, customer, reason }).await
}

/// Looks at the customer's own records: those that are under way, and all that have happened, for as
/// long as the receipt of the record's request is kept.
pub(super) async fn looks(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Vec<LookedAt>>, DeskError> {
    let resource = visitor.resource(&name)?;
    let permit: Permit<ListOwnRecords> = visitor.permit(&super::facts(resource))?;
    let of = permit.spend();
    let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
    let now_ms = clock::now_ms();
    let found = blocking(move || {
        let mut looks = Vec::new();
        for state in store.states::<Review>()? {
            let record = state.record().filter(|record| record.tenant == of.tenant);
            let Some(request) = record.map(|record| record.request) else { continue };
            // The record itself may be gone: what is asked is whose request it was.
            if ledger.resource(request)? == Some(of.resource) {
                looks.extend(LookedAt::all(request, &state, now_ms));
            }
        }
        Ok(looks)
    })
    .await?;
    Ok(Json(found))
}

/// One look, as the customer sees it: who by an opaque id, when, why and which request.
#[derive(Debug, Serialize)]
pub(super) struct LookedAt {
    grant: GrantId,
    request: RequestId,
    reviewer: PersonId,
    workstation: Digest,
    reason: String,
    /// Whose turn it is; null once it is over.
    waiting: Option<Waiting>,
    opened_ms: Option<u64>,
}

impl LookedAt {
    /// Those that have happened, and the one that is under way.
    fn all(request: RequestId, state: &Reviewed, now_ms: u64) -> Vec<Self> {
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

/// The one look: it is in the log before the content leaves the custodian.
pub(super) async fn open(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<OfGrant>,
) -> Result<Response, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let grant = case.grant(given.grant)?;
    let context = Opening { now_ms: case.now_ms, workstation: seat.facts(), grant: grant.clone() };
    let permit: Permit<OpenRecord> = visitor.permit_in(&grant.record, &context)?;
    let RecordFacts { record, lockbox, .. } = permit.spend();
    let event = Event::Open {
        grant: grant.grant,
        reviewer: reviewer(&visitor, &seat)?,
        workstation: seat.0,
        lockbox,
    };
    let (store, ledger) = (desk.store.clone(), desk.ledger.clone());
    let opened = blocking(move || {
        let Stepped { effects, .. } = store.step::<Review>(record, event)?;
        let opened = effects.into_iter().find_map(|(_, effect)| match effect {
            Effect::Open(open) => Some(open),
            _ => None,
        });
        content::read(&ledger.open_record(opened.ok_or(DeskError::Aborted)?)?)
    })
    .await?;
    Ok(content::show(&opened))
}

/// The reviewer judges what they have seen.
pub(super) async fn judge(
    State(desk): State<Desk>,
    visitor: Visitor,
    seat: Seat,
    Path(request): Path<String>,
    Parsed(given): Parsed<Judgement>,
) -> Result<Json<Told>, DeskError> {
    let case = Case::find(&desk, &visitor, &request).await?;
    let context = Deciding { now_ms: case.now_ms, grant: case.grant(given.grant)? };
    let permit: Permit<DecideFlag> = visitor.permit_in(&case.facts, &context)?;
    let event = Event::Judge {
        reviewer: reviewer(&visitor, &seat)?,
        outcome: given.outcome,
        reason: Statement::new(&given.reason, random()?)?,
    };
    let facts = permit.spend();
    let Json(told) = step(&desk, facts.record, event).await?;
    let resource = visitor.directory().resource(facts.of.resource);
    let next = resource.filter(|_| given.outcome == Outcome::Confirmed).map(|resource| {
        format!(
            "a review manager or an operator can tell, throttle or block the resource `{0}`: \
             POST /review/v1/resources/{0}/notice or POST /review/v1/resources/{0}/penalty",
            resource.name
        )
    });
    Ok(Json(Told { next, ..told }))
}

/// Where a review stands after a step: no content.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    request: RequestId,
    waiting: Option<Waiting>,
    grant: Option<GrantId>,
    expires_ms: Option<u64>,
    /// What may follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

async fn step(desk: &Desk, request: RequestId, event: Event) -> Result<Json<Told>, DeskError> {
    let store = desk.store.clone();
    let stepped = blocking(move || Ok(store.step::<Review>(request, event)?)).await?;
    let look = stepped.state.look(stepped.now_ms);
    Ok(Json(Told {
        request,
        waiting: stepped.state.queue_item(stepped.now_ms).map(|item| item.waiting),
        grant: look.as_ref().map(|look| look.grant),
        expires_ms: look.and_then(|look| look.expires_ms),
        next: None,
    }))
}

/// The visitor as a reviewer: where they work is where their workstation stands.
fn reviewer(visitor: &Visitor, seat: &Seat) -> Result<Reviewer, DeskError> {
    let region = seat.0.region().to_owned();
    Ok(Reviewer { person: visitor.person, team: team(visitor)?, region })
}

fn team(visitor: &Visitor) -> Result<TeamId, DeskError> {
    visitor.directory().roles().team(visitor.person).ok_or(DeskError::NoTeam)
}
