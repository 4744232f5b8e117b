//! Resources under a penalty, and the decisions about them.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::{
    Answer, View, Visit,
    act::{Act, Then, lines, number, text},
    is_name,
    parts::{card, count, fact, person, stamp},
};
use crate::{
    format::Query,
    words::{Lang, Message as _, penalty::Penalty, person::Person},
};

pub(super) struct Penalties {
    /// A resource whose page the person asks for.
    resource: Option<String>,
}

impl Penalties {
    pub(super) fn of(query: &Query) -> Self {
        let resource = query.get("resource").filter(|name| is_name(name));
        Self { resource: resource.map(str::to_owned) }
    }
}

/// A resource's penalty, as both desks show it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Standing {
    pub(in crate::person) resource: String,
    pub(in crate::person) abuse_penalty: Option<AbusePenalty>,
    #[serde(default)]
    pub(in crate::person) since: Option<String>,
    #[serde(default)]
    pub(in crate::person) reason: Option<String>,
    #[serde(default)]
    pub(in crate::person) appeal: Option<Appeal>,
    #[serde(default)]
    imposed_by: Vec<String>,
    #[serde(default)]
    imposed_by_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct AbusePenalty {
    action: String,
    #[serde(default)]
    rate_limit_percentage: Option<u8>,
    expiration: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::person) struct Appeal {
    state: String,
    person: String,
    at: String,
    reason: String,
    #[serde(default)]
    heard_at: Option<String>,
    #[serde(default)]
    answer: Option<String>,
}

impl Appeal {
    pub(in crate::person) fn is_open(&self) -> bool {
        self.state == "open"
    }
}

impl View for Penalties {
    fn asks(&self) -> Vec<String> {
        vec!["/review/v1/penalties".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [penalties] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Penalty::Lead.text(lang)) }
            (penalties.shown(visit, |penalties: Vec<Standing>| html! {
                @if penalties.is_empty() { p { (Penalty::NoPenalties.text(lang)) } }
                @for one in &penalties { (imposed(visit, one)) }
            }))
            (self.find(visit))
        };
        visit.page(Penalty::Title.text(lang), &[], &body)
    }
}

impl Penalties {
    /// Makes the form that leads to a resource's page.
    fn find(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        html! {
            h2 { (Penalty::Find.text(lang)) }
            p { (Penalty::FindAbout.text(lang)) }
            form class="filters" method="get" action="/pages/penalties" {
                @if visit.frame.is_lang_named { input type="hidden" name="lang" value=(lang.tag()); }
                label {
                    (Penalty::FindName.text(lang))
                    input type="text" name="resource" required value=(self.resource.as_deref().unwrap_or_default());
                }
                button { (Person::Show.text(lang)) }
            }
            @if let Some(name) = &self.resource {
                p { a href=(visit.frame.link(&format!("/pages/abuse/{name}"))) {
                    (Penalty::GoTo.with(lang, &[("name", name)]))
                } }
            }
        }
    }
}

fn imposed(visit: &Visit<'_>, one: &Standing) -> Markup {
    let lang = visit.frame.lang;
    let is_open = one.appeal.as_ref().is_some_and(Appeal::is_open);
    let by = one.imposed_by.iter().enumerate();
    html! {
        section class="card" {
            h2 {
                a href=(visit.frame.link(&format!("/pages/abuse/{}", one.resource))) { (one.resource) }
                @if is_open { " " span class="state stale" { (Penalty::AppealOpen.text(lang)) } }
            }
            (facts(one, lang))
            @if !one.imposed_by.is_empty() {
                dl class="facts" {
                    (fact(Penalty::By.text(lang), &html! {
                        // The API leaves unknown names out: they cannot be put beside the ids then.
                        @let are_named = one.imposed_by_names.len() == one.imposed_by.len();
                        @for (place, id) in by {
                            @let name = one.imposed_by_names.get(place).filter(|_| are_named);
                            div { (person(name.map(String::as_str), id)) }
                        }
                    }))
                }
            }
            div class="cards" {
                (decision(visit, &one.resource, ("lift", Then::Back), [Penalty::Lift, Penalty::LiftAbout]))
                @if is_open {
                    (decision(visit, &one.resource, ("uphold", Then::Back), [Penalty::Uphold, Penalty::UpholdAbout]))
                }
            }
        }
    }
}

/// Shows a penalty with its appeal.
pub(in crate::person) fn facts(one: &Standing, lang: Lang) -> Markup {
    let row = |name: Penalty, value: Markup| fact(name.text(lang), &value);
    html! {
        dl class="facts" {
            (row(Penalty::Action, html! {
                @match &one.abuse_penalty {
                    Some(penalty) => { strong { (action(penalty, lang)) } }
                    None => { (Penalty::None.text(lang)) }
                }
            }))
            @if let Some(since) = &one.since { (row(Penalty::Since, stamp(since))) }
            @if let Some(penalty) = &one.abuse_penalty { (row(Penalty::Until, stamp(&penalty.expiration))) }
            @if let Some(reason) = &one.reason { (fact(Person::Reason.text(lang), &html! { (reason) })) }
            @if let Some(appeal) = &one.appeal {
                (row(Penalty::Appeal, html! {
                    @let state = if appeal.is_open() { Penalty::AppealOpen } else { Penalty::AppealHeard };
                    strong { (state.text(lang)) } ", " (stamp(appeal.heard_at.as_ref().unwrap_or(&appeal.at)))
                    p { (appeal.reason) }
                    @if let Some(answer) = &appeal.answer { p { (Penalty::Answer.text(lang)) ": " (answer) } }
                }))
                (row(Penalty::AppealBy, html! { code { (appeal.person) } }))
            }
        }
    }
}

fn action(penalty: &AbusePenalty, lang: Lang) -> String {
    match (penalty.action.as_str(), penalty.rate_limit_percentage) {
        ("Throttle", Some(percent)) => {
            Penalty::Throttle.with(lang, &[("percent", &percent.to_string())])
        }
        ("Block", _) => Penalty::Block.text(lang).to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// Makes the form of a decision that has only a reason.
pub(super) fn decision(
    visit: &Visit<'_>,
    resource: &str,
    (step, then): (&str, Then),
    [button, about]: [Penalty; 2],
) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/review/v1/resources/{resource}/{step}");
    let form = Act { method: "POST", path: &path, then, button: button.text(lang) };
    let fields = lines(Person::Reason.text(lang), &text("reason"));
    card(button.text(lang), about.text(lang), &form.form(visit, &fields))
}

/// Makes the forms that throttle and block a resource. They lead to the list of penalties.
pub(super) fn impose(visit: &Visit<'_>, resource: &str) -> Markup {
    let visit = &visit.at("/pages/penalties");
    let lang = visit.frame.lang;
    let path = format!("/review/v1/resources/{resource}/penalty");
    let form = |action: &str, [button, about]: [Penalty; 2], fields: Markup| {
        let act = Act { method: "POST", path: &path, then: Then::Back, button: button.text(lang) };
        let fields = html! {
            input type="hidden" name=(text("action")) value=(action);
            (fields)
            (count(Penalty::Days.text(lang), &number("days"), 7, 90))
            (lines(Person::Reason.text(lang), &text("reason")))
        };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    };
    let percent = count(Penalty::Percent.text(lang), &number("rateLimitPercentage"), 20, 99);
    html! {
        (form("Throttle", [Penalty::ThrottleButton, Penalty::ThrottleAbout], percent))
        (form("Block", [Penalty::BlockButton, Penalty::BlockAbout], html! {}))
    }
}
