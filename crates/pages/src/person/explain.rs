//! The life of a request of a resource, in sentences that the service makes from its settings.

#[cfg(test)]
mod tests;

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Answer, Desk, Route, View, Visit,
    console::parts::{fact, page_of, section, spans},
};
use crate::{
    time,
    words::{Lang, Message as _, explain::Explain},
};

/// Its page.
pub(super) const ROUTES: &[Route] = &[Route {
    desks: &[Desk::Owner, Desk::Operations],
    address: "/explain/{}",
    view: |named, _| {
        Box::new(Page { resource: named.first().copied().unwrap_or_default().to_owned() })
    },
}];

struct Page {
    resource: String,
}

/// An explanation, as `GET /admin/v1/resources/{name}/explain` answers.
#[derive(Deserialize)]
struct Explanation {
    tenant: String,
    /// Seconds since 1970.
    created_at: u64,
    configuration_sha256: String,
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    id: String,
    step: String,
    text: String,
    because: Vec<Setting>,
    check: Vec<Check>,
}

/// A setting behind a sentence.
#[derive(Deserialize)]
pub(super) struct Setting {
    setting: String,
    value: String,
    source: String,
}

#[derive(Deserialize)]
struct Check {
    by: String,
    how: String,
}

/// The steps in the life of a request, in order.
const STEPS: [(&str, Explain); 11] = [
    ("accepted", Explain::Accepted),
    ("caller", Explain::Callers),
    ("limits", Explain::Limits),
    ("content_filter", Explain::ContentFilter),
    ("personal_data", Explain::PersonalData),
    ("runs", Explain::Runs),
    ("seen", Explain::Seen),
    ("kept", Explain::Kept),
    ("opened", Explain::Opened),
    ("abuse", Explain::Abuse),
    ("receipt", Explain::Receipt),
];

impl View for Page {
    fn asks(&self) -> Vec<String> {
        vec![format!("/admin/v1/resources/{}/explain", self.resource)]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [explanation] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Explain::Lead.text(lang)) }
            (explanation.shown(visit, |one: Explanation| shown(&one, lang)))
            p class="pages" {
                a href=(visit.frame.link(&format!("/pages/compare?resource={}", self.resource))) { (Explain::ToCompare.text(lang)) }
                a href=(page_of(visit, "build", &self.resource)) { (Explain::ToBuild.text(lang)) }
            }
        };
        visit.page(&Explain::Title.with(lang, &[("resource", &self.resource)]), &[], &body)
    }
}

fn shown(explanation: &Explanation, lang: Lang) -> Markup {
    let known = |sentence: &Sentence| STEPS.iter().any(|(step, _)| *step == sentence.step);
    let others: Vec<_> = explanation.sentences.iter().filter(|one| !known(one)).collect();
    html! {
        dl class="facts" {
            (fact(Explain::Tenant.text(lang), &html! { (explanation.tenant) }))
            (fact(Explain::At.text(lang), &html! { (time::minute(explanation.created_at.saturating_mul(1000))) }))
            (fact(Explain::Configuration.text(lang), &html! { code { (explanation.configuration_sha256) } }))
        }
        p class="help" { (Explain::InEnglish.text(lang)) }
        @for (step, title) in STEPS {
            @let its: Vec<_> = explanation.sentences.iter().filter(|one| one.step == step).collect();
            @if !its.is_empty() { (section(step, title.text(lang), &sentences(&its, lang))) }
        }
        @if !others.is_empty() { (section("other", Explain::Other.text(lang), &sentences(&others, lang))) }
    }
}

fn sentences(sentences: &[&Sentence], lang: Lang) -> Markup {
    html! {
        @for one in sentences {
            div class="sentence" id=(one.id) {
                p lang="en" { (spans(&one.text)) }
                details class="more" {
                    summary aria-label={ (Explain::Because.text(lang)) ": " (one.id) } { (Explain::Because.text(lang)) }
                    (settings(&one.because, lang))
                    @if !one.check.is_empty() {
                        p { strong { (Explain::Checks.text(lang)) } }
                        ul class="claims" { @for check in &one.check {
                            li { (by(&check.by, lang)) ": " span lang="en" { (spans(&check.how)) } }
                        } }
                    }
                }
            }
        }
    }
}

/// The settings that a sentence depends on.
pub(super) fn settings(because: &[Setting], lang: Lang) -> Markup {
    if because.is_empty() {
        return html! { p { (Explain::NoSetting.text(lang)) } };
    }
    html! {
        p { strong { (Explain::Settings.text(lang)) } }
        ul class="claims" lang="en" { @for one in because {
            li { code { (one.setting) " = " (one.value) } " (" (spans(&one.source)) ")" }
        } }
    }
}

fn by(who: &str, lang: Lang) -> &str {
    match who {
        "caller" => Explain::Caller.text(lang),
        "officer" => Explain::Officer.text(lang),
        "auditor" => Explain::Auditor.text(lang),
        "operator" => Explain::Operator.text(lang),
        other => other,
    }
}
