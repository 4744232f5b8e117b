//! The deployments of a resource, with the forms that create, change and delete them.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    parts::{
        NameRule, ROWS_WITH_FORMS, delete, fact, new_name, pages, part, section, select, suggested,
        whole,
    },
    things::Deployment,
};
use crate::{
    format::encoded,
    layout::grouped,
    person::{
        Answer, Visit,
        act::{Act, Then, number, text},
        build,
    },
    words::{Lang, Message as _, console::Console},
};

/// The names that the forms offer: of models, and of the resource's filters. A list is empty where the
/// person may not see it.
pub(super) struct Known {
    models: Vec<String>,
    filters: Vec<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Known {
    pub(super) fn of(models: &Answer, filters: &Answer) -> Self {
        let names = |answer: &Answer| {
            let named: Vec<Named> = answer.read().unwrap_or_default();
            named.into_iter().map(|one| one.name).collect()
        };
        Self { models: names(models), filters: names(filters) }
    }
}

/// Azure's SKUs.
const SKUS: [(&str, &str); 3] = [
    ("Standard", "Standard"),
    ("DataZoneStandard", "DataZoneStandard"),
    ("GlobalStandard", "GlobalStandard"),
];

/// The largest rate limit that a form takes.
const LIMIT_MAX: u64 = 4_294_967_295;

/// The deployments, and the form for a new one.
pub(super) fn shown(
    visit: &Visit<'_>,
    resource: &str,
    all: &[Deployment],
    known: &Known,
    from: usize,
) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/admin/v1/resources/{}/deployments", encoded(resource));
    html! {
        @if all.is_empty() { p { (Console::NoDeployments.text(lang)) } }
        @for one in part(all, from, ROWS_WITH_FORMS) { (deployment(visit, &path, one, (all, known))) }
        (pages(visit, all.len(), from, ROWS_WITH_FORMS))
        (section("new", Console::NewDeployment.text(lang), &create(visit, &path, (all, known))))
    }
}

fn deployment(
    visit: &Visit<'_>,
    path: &str,
    one: &Deployment,
    known: (&[Deployment], &Known),
) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("{path}/{}", encoded(&one.name));
    html! {
        h3 { (one.name) }
        dl class="facts" {
            (fact(Console::Model.text(lang), &html! { (one.model) ", " (one.task) }))
            (fact(Console::State.text(lang), &build::of_worker(one, lang)))
            (fact(Console::Limits.text(lang), &html! {
                (grouped(one.limits.tokens_per_minute)) " " (Console::TpmShort.text(lang)) ", "
                (grouped(one.limits.requests_per_minute)) " " (Console::RpmShort.text(lang))
            }))
            (fact(Console::Sku.text(lang), &html! { (one.sku) }))
            (fact(Console::Filter.text(lang), &html! { (one.rai_policy_name) }))
            (fact(Console::Spillover.text(lang), &html! { (one.spillover_deployment_name.as_deref().unwrap_or("–")) }))
            (fact(Console::Id.text(lang), &html! { code { (one.id) } }))
        }
        details class="more" {
            summary { (Console::ChangeOf.with(lang, &[("name", &one.name)])) }
            (change(visit, &path, one, known))
        }
        (delete(visit, &path, &one.name, (Console::DeleteDeploymentHelp.text(lang), visit.frame.here)))
    }
}

fn change(
    visit: &Visit<'_>,
    path: &str,
    one: &Deployment,
    (all, known): (&[Deployment], &Known),
) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::Change.text(lang);
    let limits = &one.limits;
    let others = all.iter().filter(|other| other.task == one.task && other.name != one.name);
    let fields = html! {
        (select(Console::Sku.text(lang), &text("sku"), &SKUS, &one.sku))
        (whole(Console::Tpm.text(lang), &number("tokensPerMinute"), Some(limits.tokens_per_minute), LIMIT_MAX))
        (whole(Console::Rpm.text(lang), &number("requestsPerMinute"), Some(limits.requests_per_minute), LIMIT_MAX))
        (filter(known, &one.rai_policy_name, lang))
        (spillover(others, one.spillover_deployment_name.as_deref(), lang))
    };
    Act { method: "PATCH", path, then: Then::Back, button }.form(visit, &fields)
}

fn create(visit: &Visit<'_>, path: &str, (all, known): (&[Deployment], &Known)) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::CreateDeployment.text(lang);
    let tasks =
        [("chat", Console::TaskChat.text(lang)), ("embeddings", Console::TaskEmbed.text(lang))];
    let models = known.models.iter().map(String::as_str);
    let fields = html! {
        (new_name(Console::Name.text(lang), &text("name"), NameRule::Word))
        (suggested((Console::Model.text(lang), &text("model")), "models", models))
        (select(Console::Task.text(lang), &text("task"), &tasks, "chat"))
        (select(Console::Sku.text(lang), &text("sku"), &SKUS, "Standard"))
        (whole(Console::Tpm.text(lang), &number("tokensPerMinute"), None, LIMIT_MAX))
        (whole(Console::Rpm.text(lang), &number("requestsPerMinute"), None, LIMIT_MAX))
        (filter(known, "", lang))
        (spillover(all.iter(), None, lang))
    };
    html! {
        p { (Console::NewDeploymentHelp.text(lang)) }
        (Act { method: "POST", path, then: Then::Back, button }.form(visit, &fields))
    }
}

fn filter(known: &Known, now: &str, lang: Lang) -> Markup {
    let names =
        known.filters.iter().take(super::parts::OFFERED).map(|name| (name.as_str(), name.as_str()));
    let options: Vec<_> = std::iter::once(("", Console::AsIs.text(lang))).chain(names).collect();
    select(Console::Filter.text(lang), &text("raiPolicyName"), &options, now)
}

fn spillover<'a>(
    others: impl Iterator<Item = &'a Deployment>,
    now: Option<&str>,
    lang: Lang,
) -> Markup {
    let names =
        others.take(super::parts::OFFERED).map(|one| (one.name.as_str(), one.name.as_str()));
    let options: Vec<_> = std::iter::once(("", Console::AsIs.text(lang))).chain(names).collect();
    select(
        Console::Spillover.text(lang),
        &text("spilloverDeploymentName"),
        &options,
        now.unwrap_or_default(),
    )
}
