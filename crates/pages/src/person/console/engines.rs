//! The engines, and the companies that operate some of them.

use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{
    ROWS, ROWS_WITH_FORMS, delete, fact, moment, pages, part, place, section, select, state, whole,
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    person::{
        Answer, View, Visit,
        act::{Act, Then, flag, number},
    },
    words::{Lang, Message as _, console::Console},
};

/// The page.
pub(super) struct Engines {
    from: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Engine {
    name: String,
    kind: String,
    region: String,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    processor: Option<Company>,
    models: Vec<Served>,
    state: String,
    #[serde(default)]
    reason: Option<String>,
    /// Absent, like the fields below, for the embedded engine.
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    credential: Option<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    prefix_cache: Option<String>,
    #[serde(default)]
    concurrency: Option<u64>,
    #[serde(default)]
    weight: Option<u64>,
    #[serde(default)]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Company {
    name: String,
    country: String,
    contract: String,
}

#[derive(Deserialize)]
struct Served {
    model: String,
    served: String,
}

#[derive(Deserialize)]
struct Processor {
    name: String,
    country: String,
    contract: String,
    since: String,
    requests: Vec<Requests>,
    allowed: Vec<Allowed>,
}

#[derive(Deserialize)]
struct Requests {
    requests: u64,
}

#[derive(Deserialize)]
struct Allowed {
    resource: String,
}

impl Engines {
    pub(super) fn of(query: &Query) -> Self {
        Self { from: place(query) }
    }
}

impl View for Engines {
    fn asks(&self) -> Vec<String> {
        vec!["/admin/v1/engines".to_owned(), "/admin/v1/processors".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [engines, processors] = answers else { return String::new() };
        let body = html! {
            (engines.shown(visit, |all: Vec<Engine>| html! {
                @for engine in part(&all, self.from, ROWS_WITH_FORMS) { (one(visit, engine)) }
                (pages(visit, all.len(), self.from, ROWS_WITH_FORMS))
            }))
            (section("new", Console::NewEngine.text(lang), &html! {
                p { (Console::NewEngineHelp.text(lang)) }
                pre tabindex="0" { code { (COMMAND) } }
            }))
            (section("processors", Console::Processors.text(lang), &processors.shown(visit, |all: Vec<Processor>| companies(&all, lang))))
        };
        super::page(visit, "/pages/console/engines", Console::Engines.text(lang), &body)
    }
}

const COMMAND: &str = "bailiwick engine add NAME --config bailiwick.toml --kind openai --url https://HOST/v1 \\\n    --region REGION --model MODEL=NAME_THERE --prefix-cache salted";

fn one(visit: &Visit<'_>, engine: &Engine) -> Markup {
    let lang = visit.frame.lang;
    html! {
        h2 { (engine.name) " " (state(&engine.state, lang)) }
        @if let Some(reason) = &engine.reason { p class="notice" lang="en" { (reason) } }
        dl class="facts" {
            (fact(Console::Kind.text(lang), &html! { (engine.kind) }))
            (fact(Console::Region.text(lang), &html! {
                (engine.region)
                @if let Some(zone) = &engine.zone { " (" (Console::Zone.text(lang)) " " (zone) ")" }
            }))
            (fact(Console::Operator.text(lang), &html! {
                @match &engine.processor {
                    Some(company) => { (company.name) ", " (company.country) ", " (company.contract) }
                    None => { (Console::OwnOperator.text(lang)) }
                }
            }))
            (fact(Console::Models.text(lang), &models(&engine.models)))
            (program(engine, lang))
        }
        @if engine.url.is_some() {
            details class="more" {
                summary { (Console::ChangeOf.with(lang, &[("name", &engine.name)])) }
                (change(visit, engine))
            }
            (delete(
                visit,
                &format!("/admin/v1/engines/{}", encoded(&engine.name)),
                &engine.name,
                (Console::DeleteEngineHelp.text(lang), visit.frame.here),
            ))
        }
    }
}

fn models(models: &[Served]) -> Markup {
    html! {
        @if models.is_empty() { "–" }
        @for (place, one) in models.iter().take(ROWS).enumerate() {
            @if place > 0 { ", " }
            (one.model)
            @if one.served != one.model { " (" code { (one.served) } ")" }
        }
        @if models.len() > ROWS { " …" }
    }
}

fn program(engine: &Engine, lang: Lang) -> Markup {
    html! {
        @if let Some(url) = &engine.url {
            (fact(Console::Address.text(lang), &html! { code { (url) } }))
            (fact(Console::Credential.text(lang), &html! {
                @match &engine.credential { Some(source) => { code { (source) } } None => { "–" } }
            }))
            (fact(Console::Abilities.text(lang), &html! { (engine.capabilities.join(", ")) }))
            (fact(Console::EngineCache.text(lang), &html! { (engine.prefix_cache.as_deref().unwrap_or("–")) }))
        }
        @if let Some(concurrency) = engine.concurrency {
            (fact(Console::Concurrency.text(lang), &html! { (grouped(concurrency)) }))
        }
        @if let Some(weight) = engine.weight {
            (fact(Console::Weight.text(lang), &html! { (grouped(weight)) }))
        }
        @if let Some(at) = &engine.created_at { (fact(Console::Created.text(lang), &moment(at))) }
    }
}

fn change(visit: &Visit<'_>, engine: &Engine) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/admin/v1/engines/{}", encoded(&engine.name));
    let patch = |button: &str, fields: &Markup| {
        Act { method: "PATCH", path: &path, then: Then::Back, button }.form(visit, fields)
    };
    let now = if engine.state == "draining" { "false" } else { "true" };
    let serving = [("true", Console::Serves.text(lang)), ("false", Console::Drains.text(lang))];
    html! {
        (patch(Console::Change.text(lang), &select(Console::NewRequests.text(lang), &flag("serving"), &serving, now)))
        (patch(Console::Change.text(lang), &html! {
            (whole(Console::Concurrency.text(lang), &number("concurrency"), engine.concurrency, 100_000))
            (whole(Console::Weight.text(lang), &number("weight"), engine.weight, 100_000))
        }))
    }
}

fn companies(processors: &[Processor], lang: Lang) -> Markup {
    if processors.is_empty() {
        return html! { p { (Console::NoProcessors.text(lang)) } };
    }
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Console::Company.text(lang)) }
                th scope="col" { (Console::Contract.text(lang)) }
                th scope="col" { (Console::Since.text(lang)) }
                th scope="col" { (Console::AllowedBy.text(lang)) }
                th scope="col" class="number" { (Console::Requests.text(lang)) }
            } }
            tbody { @for one in processors.iter().take(ROWS) { tr {
                th scope="row" { (one.name) " (" (one.country) ")" }
                td { (one.contract) }
                td { (moment(&one.since)) }
                td {
                    @if one.allowed.is_empty() { "–" } @else {
                        (one.allowed.iter().take(10).map(|one| one.resource.as_str()).collect::<Vec<_>>().join(", "))
                        @if one.allowed.len() > 10 { " …" }
                    }
                }
                td class="number" {
                    (grouped(one.requests.iter().map(|one| one.requests).sum()))
                    " " span class="unit" { (Console::Requests.text(lang)) }
                }
            } } }
        }
    }
}
