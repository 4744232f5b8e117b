//! Penalties for abuse, and appeals against them. The operator's people notify the owner, throttle
//! or block a resource from an enrolled workstation. The owner sees the penalty and its reason at
//! the desk, and can appeal. `policy::workflow::penalty` decides which steps are possible; the
//! policies decide which person may take them.

use audit::rfc3339;
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use policy::{
    authz::facts::ResourceFacts,
    id::{PersonId, ResourceId},
    permit::{AppealPenalty, NoPerson, Permit, ReadResource, SuspendResource},
    retention::DAY_MS,
    workflow::{
        Statement,
        penalty::{
            Action, Allowed, AppealView, NoticeKind, NoticeView, Percentage, State as Penalised,
        },
    },
};
use serde::{Deserialize, Serialize};
use store::{Resource, workflow::Penalty};

use super::{Desk, Names, Parsed, Reason, Visitor, error::DeskError, facts, review::Seat};
use crate::{clock, looked::Looked, manage::AbusePenaltyView};

/// A penalty to impose; the first two fields are those of Azure's `abusePenalty`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Imposition {
    action: ActionName,
    rate_limit_percentage: Option<Percentage>,
    days: u16,
    reason: String,
}

#[derive(Deserialize, Clone, Copy)]
enum ActionName {
    Throttle,
    Block,
}

impl Imposition {
    fn action(&self) -> Result<Action, DeskError> {
        match (self.action, self.rate_limit_percentage) {
            (ActionName::Throttle, Some(left)) => Ok(Action::Throttle(left)),
            (ActionName::Block, None) => Ok(Action::Block),
            (ActionName::Throttle, None) => Err(DeskError::BadRequest(
                "`rateLimitPercentage` is missing; give the percentage of the rate limit that \
                 remains, 1 to 99"
                    .to_owned(),
            )),
            (ActionName::Block, Some(_)) => Err(DeskError::BadRequest(
                "`Block` allows no requests; leave `rateLimitPercentage` out".to_owned(),
            )),
        }
    }
}

/// The penalty state of a resource, as the owner and the operator's people both see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    resource: String,
    id: ResourceId,
    /// Null without a penalty.
    abuse_penalty: Option<AbusePenaltyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appeal: Option<Appeal>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Appeal {
    /// State of the appeal: `open` or `heard`.
    state: &'static str,
    person: PersonId,
    at: String,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
}

/// A [`Standing`] for the operator's people.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Imposed {
    #[serde(flatten)]
    standing: Standing,
    /// The people behind the penalty; they cannot hear the appeal.
    imposed_by: Vec<PersonId>,
    /// Their names, as far as they are known.
    imposed_by_names: Vec<String>,
}

/// A [`Standing`] for the owner, with all notices.
#[derive(Serialize)]
pub(super) struct Owned {
    #[serde(flatten)]
    standing: Standing,
    notices: Vec<Notice>,
}

#[derive(Serialize)]
struct Notice {
    what: NoticeKind,
    at: String,
    reason: String,
}

/// Lists the resources under a penalty, with their open appeals, for people with the permit to
/// decide.
pub(super) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
) -> Result<Json<Vec<Imposed>>, DeskError> {
    let now_ms = clock::now_ms();
    let resources = visitor.directory().resources().into_iter();
    let shown = resources.filter_map(|resource| {
        visitor.directory().penalty(resource.id)?.penalty(now_ms)?;
        let looked = Looked::there(facts(resource));
        let permit: Permit<SuspendResource> = visitor.permit(&looked).ok()?;
        let state = visitor.directory().penalty(permit.spend().resource)?;
        Some(Imposed::of(resource, state, &desk.names, now_ms))
    });
    Ok(Json(shown.collect()))
}

/// Notifies a resource's owner of abuse.
pub(super) async fn notify(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(name): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Imposed>, DeskError> {
    let reason = given.statement(&visitor)?;
    decide(&desk, &visitor, &name, |permit| Allowed::notify(permit, reason)).await
}

/// Throttles or blocks a resource.
pub(super) async fn penalise(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(name): Path<String>,
    Parsed(given): Parsed<Imposition>,
) -> Result<Json<Imposed>, DeskError> {
    let lasts_ms = u64::from(given.days).saturating_mul(DAY_MS);
    let (action, expires_ms) = (given.action()?, visitor.starts_ms().saturating_add(lasts_ms));
    let reason = Statement::new(&given.reason, visitor.random())?;
    let penalise = |permit| Allowed::penalise(permit, action, expires_ms, reason);
    decide(&desk, &visitor, &name, penalise).await
}

/// Lifts a penalty, with or without an appeal.
pub(super) async fn lift(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(name): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Imposed>, DeskError> {
    let reason = given.statement(&visitor)?;
    decide(&desk, &visitor, &name, |permit| Allowed::lift(permit, reason)).await
}

/// Rejects an appeal: the penalty stays.
pub(super) async fn uphold(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(name): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Imposed>, DeskError> {
    let reason = given.statement(&visitor)?;
    decide(&desk, &visitor, &name, |permit| Allowed::uphold(permit, reason)).await
}

/// Shows a resource's penalty. Only a person with permission to appeal also sees the reasons; the
/// permission to read the resource is not enough.
pub(super) async fn status(
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Response, DeskError> {
    let looked = visitor.resource(&name);
    let state =
        |of: ResourceFacts| visitor.directory().penalty(of.resource).ok_or(DeskError::NotFound);
    let now_ms = clock::now_ms();
    if let Ok(permit) = visitor.permit::<AppealPenalty>(&looked) {
        let of = permit.spend();
        let owned = Owned::of(visitor.shown(of)?, state(of)?, now_ms);
        return Ok(Json(owned).into_response());
    }
    let of = visitor.permit::<ReadResource>(&looked)?.spend();
    let standing = Standing::of(visitor.shown(of)?, state(of)?, now_ms).without_reasons();
    Ok(Json(standing).into_response())
}

/// Appeals on behalf of the resource's owner.
pub(super) async fn appeal(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Reason>,
) -> Result<Json<Owned>, DeskError> {
    let reason = given.statement(&visitor)?;
    let permit: Permit<AppealPenalty> = visitor.permit(&visitor.resource(&name))?;
    let resource = visitor.shown(*permit.scope())?;
    let tenant = permit.scope().tenant;
    let allowed = Allowed::appeal(permit, reason)?;
    let stepped = visitor.decide::<Penalty>(&desk, tenant, allowed).await?;
    let (state, now_ms) = (stepped.state, stepped.now_ms);
    Ok(Json(Owned::of(resource, &state, now_ms)))
}

/// Takes a step with the permit to suspend the resource.
async fn decide(
    desk: &Desk,
    visitor: &Visitor,
    name: &str,
    allow: impl FnOnce(Permit<SuspendResource>) -> Result<Allowed, NoPerson>,
) -> Result<Json<Imposed>, DeskError> {
    let permit: Permit<SuspendResource> = visitor.permit(&visitor.resource(name))?;
    let resource = visitor.shown(*permit.scope())?;
    let tenant = permit.scope().tenant;
    let stepped = visitor.decide::<Penalty>(desk, tenant, allow(permit)?).await?;
    Ok(Json(Imposed::of(resource, &stepped.state, &desk.names, stepped.now_ms)))
}

impl Standing {
    fn of(resource: &Resource, state: &Penalised, now_ms: u64) -> Self {
        let penalty = state.penalty(now_ms);
        Self {
            resource: resource.name.clone(),
            id: resource.id,
            abuse_penalty: penalty.map(|penalty| AbusePenaltyView::of(penalty.shown)),
            since: penalty.map(|penalty| at(penalty.since_ms)),
            reason: penalty.map(|penalty| penalty.reason.to_owned()),
            appeal: penalty.and_then(|penalty| penalty.appeal).map(Appeal::of),
        }
    }

    /// Removes the reasons, for a person without permission to appeal for the owner.
    fn without_reasons(self) -> Self {
        Self { reason: None, appeal: None, ..self }
    }
}

impl Appeal {
    fn of(appeal: AppealView<'_>) -> Self {
        let AppealView { person, at_ms, reason, heard } = appeal;
        Self {
            state: if heard.is_some() { "heard" } else { "open" },
            person,
            at: at(at_ms),
            reason: reason.to_owned(),
            heard_at: heard.map(|(at_ms, _)| at(at_ms)),
            answer: heard.map(|(_, answer)| answer.to_owned()),
        }
    }
}

impl Imposed {
    fn of(resource: &Resource, state: &Penalised, names: &Names, now_ms: u64) -> Self {
        let imposed_by = state.penalty(now_ms).map_or(&[][..], |penalty| penalty.imposed_by);
        let standing = Standing::of(resource, state, now_ms);
        let imposed_by_names = names.of_all(imposed_by);
        Self { standing, imposed_by: imposed_by.to_vec(), imposed_by_names }
    }
}

impl Owned {
    fn of(resource: &Resource, state: &Penalised, now_ms: u64) -> Self {
        let notice = |NoticeView { told, at_ms, reason }: NoticeView<'_>| Notice {
            what: told,
            at: at(at_ms),
            reason: reason.to_owned(),
        };
        let notices = state.notices().map(notice).collect();
        Self { standing: Standing::of(resource, state, now_ms), notices }
    }
}

fn at(ms: u64) -> String {
    rfc3339(ms / 1000)
}
