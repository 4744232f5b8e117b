//! The applications that wait for a decision of the operator's officers.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::{
    Answer, View, Visit,
    act::{Act, Then, flag, lines, text},
    parts::{card, due, fact, person},
};
use crate::words::{Message as _, exemption::Exempt, person::Person};

pub(super) struct Pending;

#[derive(Deserialize)]
struct Application {
    resource: String,
    approval: String,
    applicant: String,
    applicant_name: Option<String>,
    use_case: String,
    measures: String,
    until_ms: u64,
    lapses_ms: u64,
    review_after_abuse: bool,
    #[serde(default)]
    keeps: Vec<String>,
    approved_by: Vec<String>,
    approved_by_names: Vec<String>,
    renewal: bool,
}

/// The kinds, by the API's names.
const KINDS: [(&str, Exempt); 2] =
    [("zeroRetention", Exempt::ZeroTitle), ("contentFilterExemption", Exempt::FilterTitle)];

impl View for Pending {
    fn asks(&self) -> Vec<String> {
        KINDS.map(|(kind, _)| format!("/desk/v1/{kind}")).into()
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let body = html! {
            p class="lead" { (Exempt::ApplicationsLead.text(lang)) }
            @for ((kind, title), answer) in KINDS.into_iter().zip(answers) {
                h2 { (title.text(lang)) }
                (answer.shown(visit, |applications: Vec<Application>| html! {
                    @if applications.is_empty() { p { (Exempt::NoApplications.text(lang)) } }
                    @for one in &applications { (shown(visit, kind, one)) }
                }))
            }
        };
        visit.page(Exempt::Applications.text(lang), &[], &body)
    }
}

fn shown(visit: &Visit<'_>, kind: &str, one: &Application) -> Markup {
    let lang = visit.frame.lang;
    let row = |name: Exempt, value: Markup| fact(name.text(lang), &value);
    let review = if one.review_after_abuse { Exempt::ReviewYes } else { Exempt::ReviewNo };
    // The API leaves unknown names out: they cannot be put beside the ids then.
    let are_named = one.approved_by_names.len() == one.approved_by.len();
    html! {
        section class="card" {
            h3 {
                (one.resource)
                @if one.renewal { " " span class="state" { (Exempt::Renewal.text(lang)) } }
            }
            dl class="facts" {
                (row(Exempt::Applicant, person(one.applicant_name.as_deref(), &one.applicant)))
                (row(Exempt::UseCaseShort, html! { (one.use_case) }))
                (row(Exempt::MeasuresShort, html! { (one.measures) }))
                (row(Exempt::AskedUntil, due(visit, one.until_ms)))
                (row(Exempt::Lapses, due(visit, one.lapses_ms)))
                @if kind == "zeroRetention" {
                    (row(Exempt::Review, html! { (review.text(lang)) }))
                    (row(Exempt::Keeps, html! {
                        @if one.keeps.is_empty() { (Exempt::KeepsNone.text(lang)) }
                        @else { (one.keeps.join(", ")) }
                    }))
                }
                (row(Exempt::Approved, html! {
                    @if one.approved_by.is_empty() { "–" }
                    @for (place, id) in one.approved_by.iter().enumerate() {
                        @let name = one.approved_by_names.get(place).filter(|_| are_named);
                        div { (person(name.map(String::as_str), id)) }
                    }
                }))
            }
            div class="cards" {
                (decision(visit, kind, one, true, [Exempt::Approve, Exempt::ApproveAbout]))
                (decision(visit, kind, one, false, [Exempt::Refuse, Exempt::RefuseAbout]))
            }
        }
    }
}

fn decision(
    visit: &Visit<'_>,
    kind: &str,
    one: &Application,
    approve: bool,
    [button, about]: [Exempt; 2],
) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/desk/v1/resources/{}/{kind}/decision", one.resource);
    let act = Act { method: "POST", path: &path, then: Then::Back, button: button.text(lang) };
    let fields = html! {
        input type="hidden" name=(text("approval")) value=(one.approval);
        input type="hidden" name=(flag("approve")) value=(approve);
        (lines(Person::Reason.text(lang), &text("reason")))
    };
    card(button.text(lang), about.text(lang), &act.form(visit, &fields))
}
