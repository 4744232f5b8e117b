//! The counts of abuse monitoring: for a resource's owner, and for the operator's people who decide
//! about penalties. Numbers, categories and keyed hashes; never content, and no name of an end user.

use std::collections::BTreeMap;

use audit::rfc3339;
use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    abuse::{Pseudonym, WINDOW},
    authz::facts::ResourceFacts,
    content::Content,
    id::ResourceId,
    permit::{AppealPenalty, Permit, SuspendResource},
    retention::DAY_MS,
};
use serde::{Deserialize, Serialize};
use store::abuse::{AbuseCount, AbuseDay, AbuseEndUser, AbuseReport};

use super::{Desk, Parsed, Visitor, blocking, error::DeskError, review::Seat};
use crate::clock;

/// Most end users in an answer, the worst first.
const SHOWN_MAX: usize = 100;

/// The counts of a resource, for the operator's people.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    resource: String,
    id: ResourceId,
    /// The first counted request; left out before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// Requests in a window.
    window: u64,
    /// Points in a window at which monitoring acts.
    limit: u32,
    /// True if the limit is final: the first week is over.
    calibrated: bool,
    /// Points in the window since the last act.
    points: u32,
    /// Categories with findings, the most frequent first.
    top_categories: Vec<Top>,
    /// Oldest first.
    days: Vec<Day>,
}

/// [`Counts`] for the owner, with the end users.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owned {
    #[serde(flatten)]
    counts: Counts,
    end_users: Vec<EndUser>,
}

#[derive(Serialize)]
struct Top {
    category: String,
    requests: u64,
}

#[derive(Serialize)]
struct Day {
    /// The day in UTC.
    date: String,
    requests: u64,
    flags: u64,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    side: String,
    category: String,
    severity: String,
    filtered: bool,
    requests: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EndUser {
    end_user: String,
    last_seen: String,
    potentially_abusive: bool,
    points: u32,
    /// Requests with harmful text by category.
    categories: BTreeMap<String, u32>,
}

/// A caller's name for an end user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    name: String,
}

/// The keyed hash of a name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hashed {
    /// Null before the tenant's first counted request.
    end_user: Option<String>,
}

/// Shows the owner the counts of a resource, and its end users by their hashes.
pub(super) async fn owned(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Owned>, DeskError> {
    let permit: Permit<AppealPenalty> = visitor.permit(&visitor.resource(&name))?;
    let (counts, end_users) = read(&desk, &visitor, permit.spend()).await?;
    let end_users = end_users.into_iter().take(SHOWN_MAX).map(EndUser::of).collect();
    Ok(Json(Owned { counts, end_users }))
}

/// Returns the hash of the name of an end user. In a body, because paths are written into logs
/// of proxies.
pub(super) async fn hash(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
    Parsed(given): Parsed<Name>,
) -> Result<Json<Hashed>, DeskError> {
    let permit: Permit<AppealPenalty> = visitor.permit(&visitor.resource(&name))?;
    let (resource, asked) = (permit.spend().resource, Content::new(given.name));
    let found = blocking(move || Ok(desk.store.end_user(resource, &asked)?)).await?;
    Ok(Json(Hashed { end_user: found.as_ref().map(Pseudonym::to_string) }))
}

/// Shows the counts of a resource to a person who may decide about its penalty. End users are the
/// owner's concern.
pub(super) async fn of_operator(
    State(desk): State<Desk>,
    visitor: Visitor,
    _seat: Seat,
    Path(name): Path<String>,
) -> Result<Json<Counts>, DeskError> {
    let permit: Permit<SuspendResource> = visitor.permit(&visitor.resource(&name))?;
    Ok(Json(read(&desk, &visitor, permit.spend()).await?.0))
}

async fn read(
    desk: &Desk,
    visitor: &Visitor,
    of: ResourceFacts,
) -> Result<(Counts, Vec<AbuseEndUser>), DeskError> {
    let name = visitor.shown(of)?.name.clone();
    let (store, now_ms) = (desk.store.clone(), clock::now_ms());
    let report = blocking(move || Ok(store.abuse(of.resource, now_ms)?)).await?;
    let AbuseReport { since_ms, limit, is_calibrated, points, days, end_users } = report;
    let counts = Counts {
        resource: name,
        id: of.resource,
        since: since_ms.map(|ms| rfc3339(ms / 1000)),
        window: WINDOW,
        limit,
        calibrated: is_calibrated,
        points,
        top_categories: top(&days),
        days: days.into_iter().map(Day::of).collect(),
    };
    Ok((counts, end_users))
}

fn top(days: &[AbuseDay]) -> Vec<Top> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for count in days.iter().flat_map(|day| &day.findings) {
        let sum = sums.entry(&count.category).or_default();
        *sum = sum.saturating_add(count.requests);
    }
    let of = |(category, requests): (&str, u64)| Top { category: category.to_owned(), requests };
    let mut all: Vec<Top> = sums.into_iter().map(of).collect();
    all.sort_by_key(|top| std::cmp::Reverse(top.requests));
    all
}

impl Day {
    fn of(day: AbuseDay) -> Self {
        let AbuseDay { day, requests, flags, findings } = day;
        let date: String = rfc3339(day.saturating_mul(DAY_MS / 1000)).chars().take(10).collect();
        Self { date, requests, flags, findings: findings.into_iter().map(Found::of).collect() }
    }
}

impl Found {
    fn of(count: AbuseCount) -> Self {
        let AbuseCount { side, category, severity, filtered, requests } = count;
        Self { side, category, severity, filtered, requests }
    }
}

impl EndUser {
    fn of(user: AbuseEndUser) -> Self {
        let AbuseEndUser { end_user, last_ms, is_potentially_abusive, points, categories } = user;
        Self {
            end_user: end_user.to_string(),
            last_seen: rfc3339(last_ms / 1000),
            potentially_abusive: is_potentially_abusive,
            points,
            categories: categories.into_iter().collect(),
        }
    }
}
