//! The rules that requests meet: networks, and content filters.

use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    person::console::{
        parts::{fact, yes},
        things::Resource,
    },
    words::{Lang, Message as _, build::Build},
};

/// The networks that a resource admits.
pub(super) fn networks(resource: &Resource, lang: Lang) -> Markup {
    let acls = &resource.network_acls;
    let public = match resource.public_network_access.as_str() {
        "Enabled" => Build::PublicOn,
        _ => Build::PublicOff,
    };
    let others = if acls.default_action == "Allow" { Build::OthersIn } else { Build::OthersOut };
    html! {
        dl class="facts" {
            (fact(Build::Public.text(lang), &html! { (public.text(lang)) }))
            (fact(Build::Admitted.text(lang), &html! {
                @if acls.ip_rules.is_empty() { (Build::NoRules.text(lang)) } @else {
                    ul class="claims" { @for rule in &acls.ip_rules { li { code { (rule.value) } } } }
                }
            }))
            (fact(Build::Others.text(lang), &html! { (others.text(lang)) }))
        }
    }
}

/// A content filter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    name: String,
    properties: Properties,
    digest: String,
    in_force: bool,
    #[serde(default)]
    deployments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    mode: String,
    when_down: String,
    #[serde(default)]
    content_filters: Vec<Rule>,
    #[serde(default)]
    custom_blocklists: Vec<ListRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    name: String,
    enabled: bool,
    #[serde(default)]
    severity_threshold: Option<String>,
    blocking: bool,
    source: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListRule {
    blocklist_name: String,
    blocking: bool,
    source: String,
}

/// The content filters of a resource.
pub(super) fn filters(filters: &[Filter], lang: Lang) -> Markup {
    html! {
        p { (Build::FilterText.text(lang)) }
        @for filter in filters { (one(filter, lang)) }
    }
}

fn one(filter: &Filter, lang: Lang) -> Markup {
    let properties = &filter.properties;
    html! {
        h3 { (filter.name) }
        @if !filter.in_force { p class="notice" { (Build::FilterWeak.text(lang)) } }
        dl class="facts" {
            (fact(Build::FilterOf.text(lang), &html! {
                @if filter.deployments.is_empty() { "–" } @else { (filter.deployments.join(", ")) }
            }))
            (fact(Build::FilterMode.text(lang), &html! { (properties.mode) }))
            (fact(Build::FilterDown.text(lang), &html! { (properties.when_down) }))
            (fact(Build::FilterDigest.text(lang), &html! { code { (filter.digest) } }))
        }
        details class="more" {
            summary { (Build::FilterRules.text(lang)) }
            table class="wide" {
                thead { tr {
                    th scope="col" { (Build::Category.text(lang)) }
                    th scope="col" { (Build::Side.text(lang)) }
                    th scope="col" { (Build::LooksFor.text(lang)) }
                    th scope="col" { (Build::From.text(lang)) }
                    th scope="col" { (Build::Blocks.text(lang)) }
                } }
                tbody {
                    @for rule in &properties.content_filters { tr {
                        th scope="row" { (rule.name) }
                        td { (rule.source) }
                        td { (yes(rule.enabled, lang)) }
                        td { (rule.severity_threshold.as_deref().unwrap_or("–")) }
                        td { (yes(rule.enabled && rule.blocking, lang)) }
                    } }
                    @for rule in &properties.custom_blocklists { tr {
                        th scope="row" { (Build::List.with(lang, &[("name", &rule.blocklist_name)])) }
                        td { (rule.source) }
                        td { (yes(true, lang)) }
                        td { "–" }
                        td { (yes(rule.blocking, lang)) }
                    } }
                }
            }
        }
    }
}
