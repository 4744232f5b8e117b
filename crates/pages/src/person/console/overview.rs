//! The health of the service: its processes, and the engines.

use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{fact, section, spans, state, yes};
use crate::{
    layout::grouped,
    person::{Answer, View, Visit, build::percent},
    words::{Lang, Message as _, console::Console},
};

/// The page.
pub(super) struct Overview;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Worker {
    name: String,
    state: String,
    #[serde(default)]
    progress: Option<f64>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    pid: Option<u64>,
    #[serde(default)]
    context_tokens: Option<u64>,
    #[serde(default)]
    devices: Vec<String>,
    load: u64,
    restarts: u64,
    #[serde(default)]
    confinement: Option<Confinement>,
}

#[derive(Deserialize)]
struct Gateway {
    pid: u64,
    confinement: Confinement,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confinement {
    landlock_abi: u64,
    seccomp: bool,
    memory_locked: bool,
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Attempt {
    attempt: String,
    error: String,
}

#[derive(Deserialize)]
struct Engine {
    name: String,
    region: String,
    state: String,
    #[serde(default)]
    reason: Option<String>,
}

impl View for Overview {
    fn asks(&self) -> Vec<String> {
        ["workers", "engines", "gateway"].map(|what| format!("/admin/v1/{what}")).to_vec()
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [workers, engines, gateway] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Console::HealthLead.text(lang)) }
            (section("workers", Console::Workers.text(lang), &workers.shown(visit, |all: Vec<Worker>| table(&all, lang))))
            (section("engines", Console::Engines.text(lang), &engines.shown(visit, |all: Vec<Engine>| html! {
                (states(&all, lang))
                p { a href=(visit.frame.link("/pages/console/engines")) { (Console::ToEngines.text(lang)) } }
            })))
            (section("gateway", Console::Gateway.text(lang), &gateway.shown(visit, |gateway: Gateway| html! {
                dl class="facts" { (fact(Console::Process.text(lang), &html! { (gateway.pid) })) }
                (confined(&gateway.confinement, lang))
            })))
            (section("elsewhere", Console::Elsewhere.text(lang), &html! { p { (spans(Console::ElsewhereText.text(lang))) } }))
        };
        super::page(visit, "/pages/console", Console::HealthTitle.text(lang), &body)
    }
}

fn table(workers: &[Worker], lang: Lang) -> Markup {
    if workers.is_empty() {
        return html! { p { (Console::NoWorkers.text(lang)) } };
    }
    html! {
        @for worker in workers {
            h3 { (worker.name) " " (state(&worker.state, lang)) }
            @if let Some(reason) = &worker.reason { p class="notice" lang="en" { (reason) } }
            dl class="facts" {
                @if let Some(part) = worker.progress {
                    (fact(Console::Loaded.text(lang), &html! { (percent(part)) }))
                }
                (fact(Console::Load.text(lang), &html! { (grouped(worker.load)) }))
                (fact(Console::Restarts.text(lang), &html! { (grouped(worker.restarts)) }))
                @if let Some(tokens) = worker.context_tokens {
                    (fact(Console::Context.text(lang), &html! { (grouped(tokens)) }))
                }
                (fact(Console::Devices.text(lang), &html! {
                    @if worker.devices.is_empty() { (Console::Processor.text(lang)) } @else { (worker.devices.join(", ")) }
                }))
                @if let Some(pid) = worker.pid {
                    (fact(Console::Process.text(lang), &html! { (pid) }))
                }
            }
            @if let Some(confinement) = &worker.confinement { (confined(confinement, lang)) }
        }
    }
}

fn confined(confinement: &Confinement, lang: Lang) -> Markup {
    let count = confinement.attempts.len().to_string();
    html! {
        details class="more" {
            summary { (Console::Confined.with(lang, &[("count", &count)])) }
            dl class="facts" {
                (fact("Landlock ABI", &html! { (confinement.landlock_abi) }))
                (fact("seccomp", &html! { (yes(confinement.seccomp, lang)) }))
                (fact(Console::MemoryLocked.text(lang), &html! { (yes(confinement.memory_locked, lang)) }))
                @for one in &confinement.attempts {
                    div { dt lang="en" { (one.attempt) } dd { code { (one.error) } } }
                }
            }
        }
    }
}

fn states(engines: &[Engine], lang: Lang) -> Markup {
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Console::Engine.text(lang)) }
                th scope="col" { (Console::State.text(lang)) }
                th scope="col" { (Console::Region.text(lang)) }
            } }
            tbody { @for engine in engines.iter().take(super::parts::ROWS) { tr {
                th scope="row" { (engine.name) }
                td {
                    (state(&engine.state, lang))
                    @if let Some(reason) = &engine.reason { p class="help" lang="en" { (reason) } }
                }
                td { (engine.region) }
            } } }
        }
    }
}
