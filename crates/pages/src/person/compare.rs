//! The offerings side by side, and the chooser by need.

#[cfg(test)]
mod tests;

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Answer, Desk, Route, View, Visit,
    console::parts::{keep_language, section, spans},
    explain::{Setting, settings},
    is_name,
};
use crate::{
    format::{Query, encoded},
    words::{Lang, Message as _, compare::Compare},
};

/// Its page.
pub(super) const ROUTES: &[Route] = &[Route {
    desks: &[Desk::Owner, Desk::Operations],
    address: "/compare",
    view: |_, query| Box::new(Page::of(query)),
}];

struct Page {
    /// The chosen needs; all of them if there are none.
    needs: Vec<String>,
    /// The offering whose words are shown.
    offering: Option<String>,
    /// The resource of this service that is compared; all that the person may see if there is none.
    resource: Option<String>,
}

/// A comparison, as `GET /admin/v1/compare` answers.
#[derive(Deserialize)]
struct Comparison {
    needs: Vec<Need>,
    /// All needs of the catalogue.
    known: Vec<Need>,
    gathered: String,
    offerings: Vec<Offering>,
}

#[derive(Deserialize)]
struct Need {
    id: String,
    asks: String,
}

#[derive(Deserialize)]
struct Offering {
    id: String,
    name: String,
    vendor: String,
    outcome: String,
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    need: String,
    verdict: String,
    #[serde(default)]
    quote: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    dated: Option<String>,
    #[serde(default)]
    read: Option<String>,
    #[serde(default)]
    old: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    because: Vec<Setting>,
}

/// Columns of the table for resources of this service: more would hide the other offerings.
const OWN_SHOWN: usize = 4;

/// Columns of the table for other offerings.
const OTHERS_SHOWN: usize = 30;

/// The beginning of the ids of this service's resources.
const OWN: &str = "bailiwick:";

impl Page {
    fn of(query: &Query) -> Self {
        let needs = query.pairs().filter(|(name, value)| *name == "need" && is_name(value));
        Self {
            needs: needs.map(|(_, value)| value.to_owned()).collect(),
            offering: query.get("offering").map(str::to_owned),
            resource: query.get("resource").filter(|name| is_name(name)).map(str::to_owned),
        }
    }

    /// Returns the address of the page with an offering's words.
    fn with(&self, visit: &Visit<'_>, offering: &str) -> String {
        let mut address = format!("/pages/compare?offering={}", encoded(offering));
        let needs = self.needs.iter().map(|need| ("need", need));
        for (name, value) in needs.chain(self.resource.iter().map(|name| ("resource", name))) {
            address.push_str(&format!("&{name}={}", encoded(value)));
        }
        format!("{}#words", visit.frame.link(&address))
    }
}

impl View for Page {
    fn asks(&self) -> Vec<String> {
        let needs = (!self.needs.is_empty()).then(|| format!("needs={}", self.needs.join(",")));
        let resource = self.resource.as_ref().map(|name| format!("resource={name}"));
        let parameters: Vec<_> = needs.into_iter().chain(resource).collect();
        let mark = if parameters.is_empty() { "" } else { "?" };
        vec![format!("/admin/v1/compare{mark}{}", parameters.join("&"))]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [comparison] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Compare::Lead.text(lang)) }
            (comparison.shown(visit, |one: Comparison| html! {
                p { (Compare::Caution.with(lang, &[("date", &one.gathered)])) }
                p class="help" { (Compare::InEnglish.text(lang)) }
                (section("chooser", Compare::Chooser.text(lang), &self.chooser(visit, &one.known)))
                (section("side-by-side", Compare::SideBySide.text(lang), &self.table(visit, &one)))
                (self.words(&one, lang))
            }))
        };
        visit.page(Compare::Title.text(lang), &[], &body)
    }
}

impl Page {
    fn chooser(&self, visit: &Visit<'_>, known: &[Need]) -> Markup {
        let lang = visit.frame.lang;
        html! {
            form method="get" {
                (keep_language(visit))
                @if let Some(name) = &self.resource { input type="hidden" name="resource" value=(name); }
                fieldset {
                    legend { (Compare::Need.text(lang)) }
                    @for need in known {
                        div class="choice" { label lang="en" {
                            input type="checkbox" name="need" value=(need.id) checked[self.needs.contains(&need.id)];
                            " " (need.asks)
                        } }
                    }
                }
                button { (Compare::Choose.text(lang)) }
            }
            @if !self.needs.is_empty() {
                p { a href=(visit.frame.link("/pages/compare")) { (Compare::All.text(lang)) } }
            }
        }
    }

    /// One column for each offering: its outcome, and a cell for each need.
    fn table(&self, visit: &Visit<'_>, comparison: &Comparison) -> Markup {
        let lang = visit.frame.lang;
        let (own, others): (Vec<_>, Vec<_>) =
            comparison.offerings.iter().partition(|one| one.id.starts_with(OWN));
        let shown = own.iter().take(OWN_SHOWN).chain(others.iter().take(OTHERS_SHOWN)).copied();
        let offerings: Vec<&Offering> = shown.collect();
        html! {
            p { (Compare::Pick.text(lang)) }
            p class="help" { (Compare::Legend.text(lang)) }
            @if own.len() > OWN_SHOWN {
                p class="notice" { (Compare::NotAll.with(lang, &[("count", &own.len().to_string())])) }
            }
            div class="sideways" tabindex="0" role="group" aria-label=(Compare::SideBySide.text(lang)) {
                table {
                    thead { tr {
                        th scope="col" { (Compare::Need.text(lang)) }
                        @for one in &offerings {
                            th scope="col" {
                                a href=(self.with(visit, &one.id)) { (spans(&one.name)) }
                                p class="help" { (one.vendor) }
                            }
                        }
                    } }
                    tbody {
                        tr {
                            th scope="row" { (Compare::Verdict.text(lang)) }
                            @for one in &offerings { td { (outcome(&one.outcome, lang)) } }
                        }
                        @for need in &comparison.needs { tr {
                            th scope="row" lang="en" { (need.asks) p class="help" { (need.id) } }
                            @for one in &offerings {
                                @let claim = one.claims.iter().find(|claim| claim.need == need.id);
                                td { (verdict(claim.map_or("unknown", |claim| claim.verdict.as_str()), lang)) }
                            }
                        } }
                    }
                }
            }
        }
    }

    /// The words of the chosen offering.
    fn words(&self, comparison: &Comparison, lang: Lang) -> Markup {
        let chosen =
            comparison.offerings.iter().find(|one| Some(&one.id) == self.offering.as_ref());
        let Some(chosen) = chosen else { return html! {} };
        let title = Compare::Details.with(lang, &[("offering", &chosen.name)]);
        section(
            "words",
            &title,
            &html! {
                @for need in &comparison.needs {
                    @let claim = chosen.claims.iter().find(|claim| claim.need == need.id);
                    h3 lang="en" { (need.asks) }
                    @match claim {
                        Some(claim) => { (said(claim, lang)) }
                        None => { p { (Compare::NoWords.text(lang)) } }
                    }
                }
            },
        )
    }
}

fn said(claim: &Claim, lang: Lang) -> Markup {
    let dated = match (&claim.dated, &claim.read) {
        (Some(date), _) => Compare::Dated.with(lang, &[("date", date)]),
        (None, read) => Compare::Undated.with(lang, &[("date", read.as_deref().unwrap_or("?"))]),
    };
    html! {
        p { (verdict(&claim.verdict, lang)) }
        @if let Some(quote) = &claim.quote { blockquote lang="en" { "“" (quote) "”" } }
        @if let Some(source) = &claim.source {
            p {
                (link(source, claim.title.as_deref().unwrap_or(source))) ", " (dated)
                @if let Some(why) = &claim.old { ", " strong { (Compare::Old.with(lang, &[("why", why)])) } }
            }
        }
        @if let Some(note) = &claim.note { p lang="en" { (spans(note)) } }
        @if claim.quote.is_none() && claim.note.is_none() { p { (Compare::NoWords.text(lang)) } }
        @if !claim.because.is_empty() { (settings(&claim.because, lang)) }
    }
}

/// A link to a source. An address of another kind is shown as text: it could run a script.
fn link(source: &str, title: &str) -> Markup {
    html! {
        @if source.starts_with("https://") { a href=(source) rel="noreferrer" lang="en" { (title) } }
        @else { (title) }
    }
}

fn outcome(name: &str, lang: Lang) -> Markup {
    let (class, text) = match name {
        "fits" => ("kept", Compare::Fits),
        "conditions" => ("stale", Compare::Conditions),
        "fails" => ("broken", Compare::Fails),
        _ => ("", Compare::Unknown),
    };
    html! { span class={ "state " (class) } { (text.text(lang)) } }
}

fn verdict(name: &str, lang: Lang) -> Markup {
    let (class, text) = match name {
        "yes" => ("kept", Compare::Yes),
        "partly" => ("stale", Compare::Partly),
        "no" => ("broken", Compare::No),
        _ => ("", Compare::NotSaid),
    };
    html! { span class={ "state " (class) } { (text.text(lang)) } }
}
