//! The things that wait for a person now. Nothing here is stored: it follows from the workflows and the promises' states.

use pages::{
    format::Query,
    person::{self, Desk},
    trust::{Change, State},
};
use policy::{
    id::{RequestId, ResourceId},
    retention::DAY_MS,
    workflow::{
        exemption,
        review::{self, Waiting},
        subject_request,
    },
};
use store::{
    Directory, StoreError,
    workflow::{Exemption, SubjectRequest},
};

use super::{
    message::{Data, time},
    plan::TRY_MS_MAX,
};
use crate::{config::NoticeKind, services::Services, waiting::Reviews};

/// A reason for a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) kind: NoticeKind,
    pub(super) of: For,
    /// Differs from that of all other reasons of the kind: a destination gets one notice of each.
    pub(super) key: String,
    pub(super) data: Data,
}

/// The side whose people are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum For {
    /// The operator.
    Operator,
    /// The tenant with this name.
    Tenant(String),
    /// The operator and all tenants.
    Everybody,
}

/// Returns everything that needs a person now, and the numbers of flagged records. May block.
///
/// # Errors
/// If the database cannot be read.
pub(super) fn due(
    services: &Services,
    certificates: &[(&'static str, u64)],
    now_ms: u64,
) -> Result<(Vec<Due>, Reviews), StoreError> {
    let directory = services.store.directory()?;
    let reviews = services.store.open_reviews()?;
    let mut all = Vec::new();
    for state in &reviews {
        let resource = match state.record() {
            Some(record) => services.ledger.resource(record.request)?,
            None => None,
        };
        all.extend(of_review(state, resource, &directory, now_ms));
    }
    all.extend(appeals(&directory, now_ms));
    let applications = services.store.read_states::<Exemption>()?;
    all.extend(applications.iter().filter_map(|state| application(state, &directory, now_ms)));
    let requests = services.store.read_states::<SubjectRequest>()?;
    all.extend(requests.iter().filter_map(|state| deadline(state, &directory, now_ms)));
    all.extend(services.promises.changes().iter().filter_map(|change| promise(change, now_ms)));
    let ends = certificates.iter();
    all.extend(ends.filter_map(|(listener, ends_s)| certificate(listener, *ends_s, now_ms)));
    Ok((all, count(&reviews, now_ms)))
}

fn count(reviews: &[review::State], now_ms: u64) -> Reviews {
    let items = || reviews.iter().filter_map(|state| state.queue_item(now_ms));
    let waiting = [
        ("reviewer", Waiting::Reviewer),
        ("manager", Waiting::Manager),
        ("customer", Waiting::Customer),
        ("look", Waiting::Look),
        ("judgement", Waiting::Judgement),
    ];
    let of = |wanted| items().filter(|item| item.waiting == wanted).count();
    let waiting = waiting.map(|(name, turn)| (name, u64::try_from(of(turn)).unwrap_or(u64::MAX)));
    let oldest_ms = items().map(|item| now_ms.saturating_sub(item.age_ms)).min();
    Reviews { waiting, oldest_ms }
}

/// Returns the reasons of one flagged record: its flag, and its access request.
fn of_review(
    state: &review::State,
    resource: Option<ResourceId>,
    directory: &Directory,
    now_ms: u64,
) -> Vec<Due> {
    let (Some(item), Some(record)) = (state.queue_item(now_ms), state.record()) else {
        return Vec::new();
    };
    let resource = resource.and_then(|id| directory.resource(id)).map(|one| one.name.clone());
    let request = item.request;
    let of_record = || Data {
        request: Some(request.to_string()),
        resource: resource.clone(),
        page: Some(case(request)),
        ..Data::default()
    };
    // A flag that a reviewer escalates waits for another one.
    let flagged_ms = now_ms.saturating_sub(item.age_ms);
    let flagged = Due {
        kind: NoticeKind::Flagged,
        of: For::Operator,
        key: format!("{request} {flagged_ms} {}", item.escalated),
        data: of_record(),
    };
    let asked = state.look(now_ms).and_then(|look| {
        let data = Data {
            grant: Some(look.grant.to_string()),
            deadline: look.expires_ms.map(time),
            ..of_record()
        };
        let key = look.grant.to_string();
        match look.waiting {
            Waiting::Manager => {
                Some(Due { kind: NoticeKind::Approval, of: For::Operator, key, data })
            }
            Waiting::Customer => {
                let of = For::Tenant(directory.tenant(record.tenant)?.name.clone());
                let name = resource.as_deref().unwrap_or_default();
                let page = Some(page(Desk::Owner, &format!("/data/{name}/looks")));
                Some(Due { kind: NoticeKind::Consent, of, key, data: Data { page, ..data } })
            }
            Waiting::Reviewer | Waiting::Look | Waiting::Judgement => None,
        }
    });
    [flagged].into_iter().chain(asked).collect()
}

fn appeals(directory: &Directory, now_ms: u64) -> Vec<Due> {
    let open = directory.resources().into_iter().filter_map(|resource| {
        let penalty = directory.penalty(resource.id)?.penalty(now_ms)?;
        let appeal = penalty.appeal.filter(|appeal| appeal.heard.is_none())?;
        Some(Due {
            kind: NoticeKind::Appeal,
            of: For::Operator,
            key: format!("{} {}", resource.id, appeal.at_ms),
            data: Data {
                resource: Some(resource.name.clone()),
                // The penalty then ends by itself.
                deadline: Some(time(penalty.shown.expires_ms)),
                page: Some(page(Desk::Review, "/penalties")),
                ..Data::default()
            },
        })
    });
    open.collect()
}

fn application(state: &exemption::State, directory: &Directory, now_ms: u64) -> Option<Due> {
    let application = state.application(now_ms)?;
    let resource = directory.resource(application.resource)?;
    Some(Due {
        kind: NoticeKind::Application,
        of: For::Operator,
        key: application.approval.to_string(),
        data: Data {
            application: Some(application.approval.to_string()),
            resource: Some(resource.name.clone()),
            deadline: Some(time(application.lapses_ms.min(application.until_ms))),
            page: Some(page(Desk::Owner, "/applications")),
            ..Data::default()
        },
    })
}

fn deadline(state: &subject_request::State, directory: &Directory, now_ms: u64) -> Option<Due> {
    let due_ms = state.due_ms()?;
    let days_left = stage(due_ms, now_ms, &SUBJECT_DAYS)?;
    let mut tenants = directory.tenants().into_iter();
    let (tenant, id) =
        tenants.find_map(|tenant| Some((tenant, state.view(tenant.id, now_ms)?.id)))?;
    Some(Due {
        kind: NoticeKind::Deadline,
        of: For::Tenant(tenant.name.clone()),
        // An extended deadline makes notices of its own.
        key: format!("{id} {due_ms} {days_left}"),
        data: Data {
            subject_request: Some(id.to_string()),
            deadline: Some(time(due_ms)),
            days_left: Some(days_left),
            page: Some(page(Desk::Owner, "/subjects")),
            ..Data::default()
        },
    })
}

/// A change of a promise's state stays a reason after the next change: also a short break has its notice.
fn promise(change: &Change, now_ms: u64) -> Option<Due> {
    let Change { promise, state, at_ms } = *change;
    let is_bad = matches!(state, State::Broken | State::Stale);
    let is_recent = now_ms.saturating_sub(at_ms) < PROMISE_MS;
    (is_bad && is_recent).then(|| Due {
        kind: NoticeKind::Promise,
        of: For::Everybody,
        key: format!("{} {} {at_ms}", promise.id(), state.name()),
        data: Data {
            promise: Some(promise.id()),
            state: Some(state.name()),
            page: Some("/trust".to_owned()),
            ..Data::default()
        },
    })
}

fn certificate(listener: &'static str, ends_s: u64, now_ms: u64) -> Option<Due> {
    let ends_ms = ends_s.saturating_mul(1000);
    let days_left = stage(ends_ms, now_ms, &CERTIFICATE_DAYS)?;
    Some(Due {
        kind: NoticeKind::Certificate,
        of: For::Operator,
        key: format!("{listener} {ends_s} {days_left}"),
        data: Data {
            listener: Some(listener),
            deadline: Some(time(ends_ms)),
            days_left: Some(days_left),
            ..Data::default()
        },
    })
}

/// Returns the smallest of these numbers of days that is at least the number of days left. `None` while
/// there are more. After the deadline it is 0.
fn stage(due_ms: u64, now_ms: u64, days: &[u64]) -> Option<u64> {
    let left_ms = due_ms.saturating_sub(now_ms);
    let fits = |days: &u64| left_ms <= days.saturating_mul(DAY_MS);
    days.iter().copied().filter(fits).min()
}

/// Returns the page of a case at the review desk.
fn case(request: RequestId) -> String {
    page(Desk::Review, &format!("/case/{request}"))
}

/// Returns the path of a page. If this version has no such page, it is the first page of that desk.
fn page(desk: Desk, address: &str) -> String {
    let found = person::find(desk, address, &Query::parse(""));
    format!("{}{}", person::FOLDER, found.map_or("", |_| address))
}

/// How long a change of a promise's state is a reason: longer than a notice is tried, so that its end is
/// noted.
const PROMISE_MS: u64 = TRY_MS_MAX + DAY_MS;

/// A data subject's request: a week before its deadline, a day before, and after it.
const SUBJECT_DAYS: [u64; 3] = [0, 1, 7];

/// A certificate: when the alerts fire, and when it has expired.
const CERTIFICATE_DAYS: [u64; 3] = [0, 3, 14];

#[cfg(test)]
mod tests;
