//! The states of workflows: reviews, exemptions, penalties and workstations.

use std::collections::{BTreeMap, BTreeSet};

use policy::{
    id::{ApprovalId, GrantId, PersonId, ResourceId},
    workflow::{exemption, penalty, review, workstation},
};
use serde::de::DeserializeOwned;
use tlog::{canon::Digest, entry::Outcome, limits::EXEMPTION_DECIDERS};

use super::{
    Finding, Findings, What,
    row::WorkflowRow,
    things::{NONE, ONE, short},
    told::{Told, ToldExemption, ToldGrant, ToldReview, ToldWorkstation},
};
use crate::{
    error::StoreError,
    row::{EXEMPTION, PENALTY},
    sqlite::Read,
    workflow::{Exemption, Review, Workflow, Workstation},
};

/// Compares the states of workflows, and the places of grants.
pub(super) fn compare(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    reviews(told, database, findings)?;
    grants(told, database, findings)?;
    exemptions(told, database, findings)?;
    penalties(told, database, findings)?;
    workstations(told, database, findings)
}

fn state<S: DeserializeOwned>(row: &WorkflowRow) -> Result<S, StoreError> {
    serde_json::from_str(&row.state).map_err(|_| StoreError::Damaged { what: "workflow.state" })
}

fn reviews(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let mut there = BTreeSet::new();
    for row in database.workflow_rows(Review::KIND)? {
        let state: review::State = state(&row)?;
        let Some(record) = state.record() else { continue };
        let request = record.request;
        let which = request.to_string();
        if row.id != *request.as_bytes() || !there.insert(request) {
            findings.add(Finding::new(What::Review, which, "one state", "the state of another id"));
            continue;
        }
        let Some(said) = told.reviews.get(&request) else {
            findings.add(Finding::new(What::Review, which, "that it was never flagged", ONE));
            continue;
        };
        let has = step(&state, told.time_ms());
        findings.same(What::Review, &which, said_step(said, told.time_ms()), has);
        let ids = |grants: Vec<GrantId>| {
            let ids: Vec<String> = grants.iter().map(ToString::to_string).collect();
            format!("opened under: {}", ids.join(" "))
        };
        let seen = state.seen().iter().map(|seen| seen.grant).collect();
        findings.same(What::Grant, &which, ids(said.seen.clone()), ids(seen));
    }
    let missing = told.reviews.keys().filter(|request| !there.contains(*request));
    missing.for_each(|request| missed(What::Review, request.to_string(), findings));
    Ok(())
}

fn missed(what: What, which: String, findings: &mut Findings) {
    findings.add(Finding::new(what, which, "that it exists", "no row"));
}

/// Describes the step of a review in the table.
fn step(state: &review::State, now_ms: u64) -> String {
    if let review::State::Judged(judged) = state {
        return judged_by(judged.outcome, judged.person);
    }
    let Some(look) = state.look(now_ms) else { return OPEN.to_owned() };
    let (until, opened) = (look.expires_ms, look.opened_ms.is_some());
    let by = (look.reviewer, look.workstation);
    look_in_words(&look.grant, by, (look.lockbox, look.consented), (look.manager, opened, until))
}

/// Describes the step of a review in the log.
fn said_step(said: &ToldReview, now_ms: u64) -> String {
    if let Some((outcome, person)) = said.judged {
        return judged_by(outcome, person);
    }
    let look = said.look.as_ref().filter(|look| look.opened || now_ms < look.expires_ms);
    let Some(look) = look else { return OPEN.to_owned() };
    let by = (look.reviewer, look.workstation);
    // After the opening, the state in the table does not hold who approved it and until when.
    let (manager, consented, until) = match look.opened {
        true => (None, false, None),
        false => (look.manager, look.consented, Some(look.expires_ms)),
    };
    look_in_words(&look.grant, by, (look.lockbox, consented), (manager, look.opened, until))
}

const OPEN: &str = "open, without an access request";

fn judged_by(outcome: Outcome, person: PersonId) -> String {
    format!("decided by {person}: {outcome:?}").to_lowercase()
}

fn look_in_words(
    grant: &GrantId,
    (reviewer, workstation): (PersonId, Digest),
    (lockbox, consented): (bool, bool),
    (manager, opened, until_ms): (Option<PersonId>, bool, Option<u64>),
) -> String {
    let manager = manager.map_or_else(|| "nobody".to_owned(), |manager| manager.to_string());
    let until = until_ms.map_or_else(String::new, |until_ms| format!(", until {until_ms}"));
    format!(
        "{grant} of {reviewer} at workstation {}, lockbox={lockbox}, approved by {manager}, \
         consented={consented}, opened={opened}{until}",
        short(&workstation)
    )
}

fn grants(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let words = |approved: Option<u64>, consented: Option<u64>, looked: Option<u64>| {
        let place = |place: Option<u64>| place.map_or("none".to_owned(), |at| at.to_string());
        let (approved, consented, looked) = (place(approved), place(consented), place(looked));
        format!("approved in entry {approved}, consented in {consented}, opened in {looked}")
    };
    let mut there = BTreeSet::new();
    for row in database.grants()? {
        there.insert(row.grant);
        let has = words(row.entries.approved, row.entries.consented, row.entries.looked);
        let said = match told.grants.get(&row.grant) {
            Some(ToldGrant { approved, consented, looked, .. }) => {
                words(*approved, *consented, *looked)
            }
            None => NONE.to_owned(),
        };
        findings.same(What::Grant, &row.grant.to_string(), said, has);
    }
    let used = |told: &ToldGrant| told.approved.or(told.consented).or(told.looked).is_some();
    let missing = told.grants.iter().filter(|(grant, told)| used(told) && !there.contains(*grant));
    missing.for_each(|(grant, _)| missed(What::Grant, grant.to_string(), findings));
    Ok(())
}

/// What a table or the log says of the exemptions of one resource and kind.
type Exempt = (Option<String>, Option<String>);

fn exemptions(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let now_ms = told.time_ms();
    let mut said: BTreeMap<(ResourceId, bool), Exempt> = BTreeMap::new();
    for (approval, told) in told.exemptions.iter().filter(|(_, told)| !told.ended) {
        let resource = ResourceId::from_random(told.resource);
        let entry = said.entry((resource, told.weaker_filters)).or_default();
        let ToldExemption { until_ms, review_after_abuse, keeps, approved_by, .. } = told;
        let words = exempt(approval, *until_ms, (*review_after_abuse, keeps.bits()));
        if approved_by.len() >= EXEMPTION_DECIDERS {
            if now_ms < *until_ms {
                entry.0 = Some(words);
            }
        } else if now_ms < told.lapses_ms.min(*until_ms) {
            entry.1 = Some(format!("{words}, approved by {}", people(approved_by)));
        }
    }
    let mut has: BTreeMap<(ResourceId, bool), Exempt> = BTreeMap::new();
    for row in database.workflow_rows(EXEMPTION)? {
        let state: exemption::State = state(&row)?;
        let subject = state.subject();
        if row.id != Exemption::id(&subject) {
            let which = subject.resource().to_string();
            let table = "the state of another id";
            findings.add(Finding::new(What::Exemption, which, "one state", table));
        }
        let weaker = subject.kind() == exemption::Kind::ContentFilter;
        let in_force = state.status(now_ms).in_force.map(|view| {
            let more = (view.review_after_abuse, view.keeps.bits());
            exempt(&view.approval, view.until_ms, more)
        });
        let pending = state.application(now_ms).map(|view| {
            let more = (view.review_after_abuse, view.keeps.bits());
            let words = exempt(&view.approval, view.until_ms, more);
            format!("{words}, approved by {}", people(view.approved_by))
        });
        has.insert((subject.resource(), weaker), (in_force, pending));
    }
    let keys: BTreeSet<_> = said.keys().chain(has.keys()).copied().collect();
    for key @ (resource, weaker) in keys {
        let kind = if weaker { "weaker filters" } else { "zero retention" };
        let (said, has) =
            (said.remove(&key).unwrap_or_default(), has.remove(&key).unwrap_or_default());
        let words = |state: Option<String>| state.unwrap_or_else(|| "none".to_owned());
        let which = format!("{kind} of {resource}, in force");
        findings.same(What::Exemption, &which, words(said.0), words(has.0));
        let which = format!("{kind} of {resource}, waiting");
        findings.same(What::Exemption, &which, words(said.1), words(has.1));
    }
    Ok(())
}

fn exempt(
    approval: &ApprovalId,
    until_ms: u64,
    (review_after_abuse, keeps): (bool, u16),
) -> String {
    format!("{approval} until {until_ms}, review_after_abuse={review_after_abuse}, keeps={keeps}")
}

fn people(people: &[PersonId]) -> String {
    let names: Vec<String> = people.iter().map(ToString::to_string).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(" and ") }
}

fn penalties(told: &Told, database: &Read<'_>, findings: &mut Findings) -> Result<(), StoreError> {
    let now_ms = told.time_ms();
    let mut has: BTreeMap<ResourceId, String> = BTreeMap::new();
    let mut unknown = BTreeMap::new();
    for row in database.workflow_rows(PENALTY)? {
        let state: penalty::State = state(&row)?;
        let resource = state.resource();
        if row.id != *resource.as_bytes() {
            let (which, table) = (resource.to_string(), "the state of another id");
            findings.add(Finding::new(What::Penalty, which, "one state", table));
        }
        if let Some(shown) = state.abuse_penalty(now_ms) {
            let left = shown.rate_limit_percentage.map(|left| left.to_string());
            unknown.insert(resource, left.clone());
            has.insert(resource, penalised(shown.action == "Block", shown.expires_ms, left));
        }
    }
    // The log's penalties of deleted resources are forgotten, and have no effect.
    for (id, told) in &told.resources {
        let resource = ResourceId::from_random(*id);
        let said = told.penalty.as_ref().and_then(|penalty| {
            let expires_ms = penalty.expires_ms.filter(|expires_ms| now_ms < *expires_ms)?;
            let left = penalty.percentage.clone();
            // Without its text, the percentage is not known.
            let left = left.or_else(|| unknown.get(&resource).cloned().flatten());
            Some(penalised(penalty.blocked, expires_ms, left))
        });
        let words = |state: Option<String>| state.unwrap_or_else(|| "none".to_owned());
        let has = has.remove(&resource);
        findings.same(What::Penalty, &resource.to_string(), words(said), words(has));
    }
    Ok(())
}

fn penalised(blocked: bool, expires_ms: u64, left: Option<String>) -> String {
    let action = if blocked { "blocked" } else { "throttled" };
    let left = left.filter(|_| !blocked).map_or_else(String::new, |left| format!(" to {left}%"));
    format!("{action}{left} until {expires_ms}")
}

fn workstations(
    told: &Told,
    database: &Read<'_>,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let mut there = BTreeSet::new();
    for row in database.workflow_rows(Workstation::KIND)? {
        let state: workstation::State = state(&row)?;
        let (enrolment, revoked) = match &state {
            workstation::State::Unknown => continue,
            workstation::State::Enrolled(enrolment) => (enrolment, false),
            workstation::State::Revoked(enrolment) => (enrolment, true),
        };
        let id = enrolment.workstation;
        let which = format!("{} ({})", enrolment.name, short(&id));
        if row.id != id.0 || !there.insert(id) {
            let table = "the enrolment of another certificate";
            findings.add(Finding::new(What::Workstation, which, "one state", table));
            continue;
        }
        let Some(said) = told.workstations.get(&id) else {
            findings.add(Finding::new(What::Workstation, which, "that it was never enrolled", ONE));
            continue;
        };
        let details = format!("name={} region={}", enrolment.name, enrolment.region);
        let has = ToldWorkstation {
            person: enrolment.person,
            expires_ms: enrolment.expires_ms,
            // Without its text, name and region are not known.
            details: said.details.as_ref().map(|_| details),
            revoked,
        };
        findings.same(What::Workstation, &which, enrolled(said), enrolled(&has));
    }
    let missing = told.workstations.keys().filter(|id| !there.contains(*id));
    missing.for_each(|id| missed(What::Workstation, short(id), findings));
    Ok(())
}

fn enrolled(told: &ToldWorkstation) -> String {
    let ToldWorkstation { person, expires_ms, details, revoked } = told;
    let state = if *revoked { "revoked" } else { "enrolled" };
    let details = details.as_deref().unwrap_or_default();
    format!("{state}, {details} by {person} until {expires_ms}")
}
