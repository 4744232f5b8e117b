//! The developer's overview of a resource: everything that an application needs, on one page.

mod code;
mod errors;
mod rules;
#[cfg(test)]
pub(super) mod tests;
mod used;

use maud::{Markup, html};

use super::{
    Answer, Desk, Route, View, Visit,
    act::{Act, Then, text},
    console::{
        parts::{days_since, fact, moment, page_of, section, state, yes},
        things::{Deployment, Key, Resource},
    },
    playground,
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    words::{Lang, Message as _, build::Build, console::Console},
};

/// Its page.
pub(super) const ROUTES: &[Route] = &[Route {
    desks: &[Desk::Owner, Desk::Operations],
    address: "/build/{}",
    view: |named, query| Box::new(Overview::of(named, query)),
}];

struct Overview {
    resource: String,
    /// The deployment that the code names.
    deployment: Option<String>,
}

impl Overview {
    fn of(named: &[&str], query: &Query) -> Self {
        Self {
            resource: named.first().copied().unwrap_or_default().to_owned(),
            deployment: query.get("deployment").map(str::to_owned),
        }
    }

    fn asks_with(&self, usage: &str) -> Vec<String> {
        let resource = format!("/admin/v1/resources/{}", self.resource);
        vec![
            resource.clone(),
            format!("{resource}/deployments"),
            format!("/admin/v1/usage?resource={}&{usage}", self.resource),
            format!("{resource}/raiPolicies"),
            format!("{resource}/errors"),
        ]
    }
}

impl View for Overview {
    fn asks(&self) -> Vec<String> {
        self.asks_with("by=month")
    }

    fn asks_at(&self, now_ms: u64) -> Vec<String> {
        self.asks_with(&used::today(now_ms))
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [resource, deployments, usage, filters, errors] = answers else { return String::new() };
        let known: Option<Vec<Deployment>> = deployments.read().ok();
        let body = html! {
            p class="lead" { (Build::Lead.text(lang)) }
            (resource.shown(visit, |resource: Resource| about(&resource, visit)))
            (section("deployments", Build::Deployments.text(lang), &deployments.shown(visit, |all: Vec<Deployment>| table(&all, lang))))
            (section("code", Build::Code.text(lang), &code::shown(visit, known.as_deref().unwrap_or_default(), self.deployment.as_deref())))
            // The administrator's key calls no deployment.
            @if visit.desk == Desk::Owner {
                (section("playground", Build::Playground.text(lang), &deployments.shown(visit, |all: Vec<Deployment>| playground::form(visit, &self.resource, &all))))
            }
            (section("use", Build::Use.text(lang), &usage.shown(visit, |rows| used::shown(visit, rows))))
            (section("errors", Build::Errors.text(lang), &errors.shown(visit, |recent: errors::Recent| errors::shown(&recent, lang))))
            (resource.read::<Resource>().map_or_else(|_| html! {}, |resource| html! {
                (section("keys", Build::Keys.text(lang), &keys(&resource, visit)))
                (section("networks", Build::Networks.text(lang), &rules::networks(&resource, lang)))
            }))
            (section("filter", Build::Filter.text(lang), &filters.shown(visit, |all: Vec<rules::Filter>| rules::filters(&all, lang))))
            p { a href=(page_of(visit, "explain", &self.resource)) { (Build::ToExplain.text(lang)) } }
        };
        visit.page(&Build::Title.with(lang, &[("resource", &self.resource)]), &[], &body)
    }
}

fn about(resource: &Resource, visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let kept = match resource.keeps_content() {
        Some(false) => Build::NothingKept.text(lang).to_owned(),
        _ => Build::KeptDays.with(lang, &[("days", &resource.retention_days.to_string())]),
    };
    html! {
        @if let Some(penalty) = &resource.abuse_penalty {
            div class="notice" {
                p {
                    @match penalty.rate_limit_percentage.filter(|_| penalty.action != "Block") {
                        Some(percent) => (Build::Throttled.with(lang, &[("percent", &percent.to_string())])),
                        None => (Build::Blocked.text(lang)),
                    }
                    " " (Build::Until.text(lang)) " " (moment(&penalty.expiration)) "."
                }
            }
        }
        dl class="facts" {
            (fact(Build::Endpoint.text(lang), &html! {
                code { "https://HOST:PORT" } p class="help" { (Build::EndpointHelp.text(lang)) }
            }))
            (fact(Build::PathV1.text(lang), &html! { code { "ENDPOINT/openai/v1/" } }))
            (fact(Build::PathClassic.text(lang), &html! { code { "ENDPOINT/openai/deployments/DEPLOYMENT/…" } }))
            (fact(Build::Resource.text(lang), &html! { code { (resource.name) } }))
            (fact(Console::Tenant.text(lang), &html! { (resource.tenant) }))
            (fact(Console::Region.text(lang), &html! { (resource.region) }))
            (fact(Build::Content.text(lang), &html! { (kept) }))
            (fact(Console::Lockbox.text(lang), &html! { (yes(resource.lockbox, lang)) }))
            (fact(Console::PrefixCache.text(lang), &html! { (yes(resource.prefix_cache, lang)) }))
        }
    }
}

fn table(deployments: &[Deployment], lang: Lang) -> Markup {
    if deployments.is_empty() {
        return html! { p { (Build::NoDeployments.text(lang)) } };
    }
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Console::Deployment.text(lang)) }
                th scope="col" { (Console::Model.text(lang)) }
                th scope="col" { (Console::State.text(lang)) }
                th scope="col" class="number" { (Console::Tpm.text(lang)) }
                th scope="col" class="number" { (Console::Rpm.text(lang)) }
                th scope="col" { (Console::Sku.text(lang)) }
            } }
            tbody { @for one in deployments { tr {
                th scope="row" { code { (one.name) } }
                td { (one.model) p class="help" { (one.task) } }
                td { (of_worker(one, lang)) }
                td class="number" { (grouped(one.limits.tokens_per_minute)) " " span class="unit" { (Console::TpmShort.text(lang)) } }
                td class="number" { (grouped(one.limits.requests_per_minute)) " " span class="unit" { (Console::RpmShort.text(lang)) } }
                td {
                    (one.sku)
                    @if let Some(to) = &one.spillover_deployment_name {
                        p class="help" { (Build::Spills.with(lang, &[("deployment", to)])) }
                    }
                }
            } } }
        }
        p class="help" { (Build::SkuHelp.text(lang)) }
    }
}

/// The state of a deployment's worker.
pub(super) fn of_worker(deployment: &Deployment, lang: Lang) -> Markup {
    let Some(worker) = &deployment.worker else {
        return html! { span class="help" { (Build::ByEngines.text(lang)) } };
    };
    html! {
        (state(&worker.state, lang))
        @if let Some(part) = worker.loaded { " " (percent(part)) }
        @if let Some(reason) = &worker.reason { p class="help" lang="en" { (reason) } }
    }
}

/// Writes a part of one in percent.
pub(super) fn percent(part: f64) -> String {
    format!("{:.0}\u{202f}%", part * 100.0)
}

/// The keys of a resource, each with the form that replaces it.
pub(super) fn keys(resource: &Resource, visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/admin/v1/resources/{}/regenerateKey", encoded(&resource.name));
    html! {
        @if resource.disable_local_auth { p class="notice" { (Build::KeysOff.text(lang)) } }
        p { (Build::KeysText.text(lang)) }
        table class="wide" {
            thead { tr {
                th scope="col" { (Build::KeyName.text(lang)) }
                th scope="col" { (Build::KeyMade.text(lang)) }
                th scope="col" { (Build::KeyReplace.text(lang)) }
            } }
            tbody { @for key in &resource.keys { tr {
                th scope="row" { (key.key_name) }
                td { (moment(&key.created_at)) " " (age(key, visit)) }
                td { (replace(key, &path, visit)) }
            } } }
        }
    }
}

fn age(key: &Key, visit: &Visit<'_>) -> Markup {
    let days = days_since(&key.created_at, visit.now_ms).map(|days| days.to_string());
    html! {
        @if let Some(days) = days {
            span class="help" { (Build::DaysOld.with(visit.frame.lang, &[("days", &days)])) }
        }
    }
}

fn replace(key: &Key, path: &str, visit: &Visit<'_>) -> Markup {
    let button = Build::Regenerate.with(visit.frame.lang, &[("key", &key.key_name)]);
    let act = Act { method: "POST", path, then: Then::Keys, button: &button };
    act.form(visit, &html! { input type="hidden" name=(text("keyName")) value=(key.key_name); })
}
