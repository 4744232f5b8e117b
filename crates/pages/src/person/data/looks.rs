//! The accesses to a resource's records: by the operator's reviewers, and by the customer's own people.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, lines, text},
        parts::{card, moment, pages},
    },
    List, address, page,
};
use crate::{
    format::Query,
    layout::grouped,
    words::{Lang, Message as _, data::Data, person::Person},
};

/// Rows of own acts.
const ROWS: usize = 100;

/// Rows of openings; the API answers all of them.
const OPENED_MAX: usize = 200;

pub(super) struct Looks {
    resource: String,
    after: Option<u64>,
}

impl Looks {
    pub(super) fn of(resource: String, query: &Query) -> Self {
        Self { resource, after: query.get("after").and_then(|after| after.parse().ok()) }
    }
}

/// An access of a reviewer.
#[derive(Deserialize)]
pub(super) struct Look {
    grant: String,
    pub(super) request: String,
    reviewer: String,
    workstation: String,
    reason: String,
    waiting: Option<String>,
    pub(super) opened_ms: Option<u64>,
}

/// A read or a deletion by the customer's own people.
#[derive(Deserialize)]
pub(super) struct OwnAct {
    entry: u64,
    act: String,
    pub(super) request: String,
    at_ms: u64,
    person: String,
    object_id: String,
}

impl View for Looks {
    fn asks(&self) -> Vec<String> {
        let desk = format!("/desk/v1/resources/{}", self.resource);
        let after = self.after.map(|entry| format!("&after={entry}")).unwrap_or_default();
        vec![format!("{desk}/looks"), format!("{desk}/acts?limit={ROWS}{after}")]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [looks, own] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Data::LooksLead.text(lang)) }
            (looks.shown(visit, |looks: Vec<Look>| html! {
                h3 { (Data::Waiting.text(lang)) }
                @let waiting: Vec<_> = looks.iter().filter(|look| look.waiting.is_some()).collect();
                @if waiting.is_empty() { p { (Data::NoWaiting.text(lang)) } }
                @for look in waiting { (under_way(visit, look)) }
                h3 { (Data::Opened.text(lang)) }
                (opened(&looks, |_| true, lang))
            }))
            h3 { (Data::Acts.text(lang)) }
            (own.shown(visit, |own: List<OwnAct>| {
                let to = |act: &OwnAct| {
                    format!("{}?after={}", address(&self.resource, "/looks"), act.entry)
                };
                let next = own.data.last().filter(|_| own.has_more).map(to);
                let first = self.after.map(|_| address(&self.resource, "/looks"));
                html! { (acts(&own.data, |_| true, lang)) (pages(visit, first.as_deref(), next.as_deref())) }
            }))
        };
        page(visit, &self.resource, "/looks", &body)
    }
}

/// Shows an access request under way, with the customer's steps.
fn under_way(visit: &Visit<'_>, look: &Look) -> Markup {
    let lang = visit.frame.lang;
    let waiting = look.waiting.as_deref().unwrap_or_default();
    let state = match waiting {
        "manager" => Some(Data::WaitsManager),
        "customer" => Some(Data::WaitsCustomer),
        "look" => Some(Data::WaitsLook),
        "judgement" => Some(Data::WaitsJudgement),
        _ => None,
    };
    // The consent can be declined, and withdrawn until the record is opened.
    let may_decline = ["manager", "customer", "look"].contains(&waiting);
    let form = |step: &str, [button, about]: [Data; 2], fields: Markup| {
        let path = format!("/desk/v1/records/{}/{step}", look.request);
        let act = Act { method: "POST", path: &path, then: Then::Back, button: button.text(lang) };
        let fields = html! {
            input type="hidden" name=(text("grant")) value=(look.grant);
            (fields)
        };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    };
    html! {
        section class="card" {
            p { strong { (state.map_or(waiting, |state| state.text(lang))) } }
            dl class="facts" { (facts(look, lang)) }
            div class="cards" {
                @if waiting == "customer" { (form("consent", [Data::Consent, Data::ConsentAbout], html! {})) }
                @if may_decline {
                    (form("decline", [Data::Decline, Data::DeclineAbout], lines(Person::Reason.text(lang), &text("reason"))))
                }
            }
        }
    }
}

fn facts(look: &Look, lang: Lang) -> Markup {
    let row = |name: &str, value: Markup| html! { div { dt { (name) } dd { (value) } } };
    html! {
        (row(Data::Request.text(lang), html! { code { (look.request) } }))
        (row(Person::Reason.text(lang), html! { (look.reason) }))
        (row(Data::Reviewer.text(lang), html! { code { (look.reviewer) } }))
        (row(Data::Workstation.text(lang), html! { code { (look.workstation) } }))
        @if let Some(opened_ms) = look.opened_ms { (row(Data::OpenedAt.text(lang), moment(opened_ms))) }
    }
}

/// Shows those records that reviewers opened, the newest first.
pub(super) fn opened(looks: &[Look], is_meant: impl Fn(&Look) -> bool, lang: Lang) -> Markup {
    let is_opened = |look: &&Look| look.opened_ms.is_some() && is_meant(look);
    let mut looks: Vec<_> = looks.iter().filter(is_opened).collect();
    looks.sort_by_key(|look| std::cmp::Reverse(look.opened_ms));
    html! {
        @if looks.is_empty() { p { (Data::NoOpened.text(lang)) } } @else {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Data::Request.text(lang)) }
                    th scope="col" { (Data::OpenedAt.text(lang)) }
                    th scope="col" { (Data::Reviewer.text(lang)) }
                    th scope="col" { (Person::Reason.text(lang)) }
                } }
                tbody {
                    @for look in looks.into_iter().take(OPENED_MAX) {
                        tr {
                            th scope="row" { code { (look.request) } }
                            td { @if let Some(ms) = look.opened_ms { (moment(ms)) } @else { "–" } }
                            td { code { (look.reviewer) } }
                            td { (look.reason) }
                        }
                    }
                }
            }
        }
    }
}

/// Shows those reads and deletions, in the order of the log.
pub(super) fn acts(acts: &[OwnAct], is_meant: impl Fn(&OwnAct) -> bool, lang: Lang) -> Markup {
    let acts: Vec<_> = acts.iter().filter(|act| is_meant(act)).collect();
    html! {
        @if acts.is_empty() { p { (Data::NoActs.text(lang)) } } @else {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Data::Request.text(lang)) }
                    th scope="col" { (Data::Time.text(lang)) }
                    th scope="col" { (Data::Act.text(lang)) }
                    th scope="col" { (Data::By.text(lang)) }
                    th scope="col" class="number" { (Data::Entry.text(lang)) }
                } }
                tbody {
                    @for act in acts {
                        @let word = match act.act.as_str() {
                            "read" => Data::ActRead.text(lang),
                            "deleted" => Data::ActDeleted.text(lang),
                            other => other,
                        };
                        tr {
                            th scope="row" { code { (act.request) } }
                            td { (moment(act.at_ms)) }
                            td class="word" { (word) }
                            td { code { (act.person) } " (" (Data::InDirectory.text(lang)) ": " code { (act.object_id) } ")" }
                            td class="number" { (grouped(act.entry)) }
                        }
                    }
                }
            }
        }
    }
}
