//! The settings of a resource, each with the form that changes it. Each form asks for one permit, so that
//! a person can change the settings that their role allows.

use maud::{Markup, html};

use super::{
    parts::{select, whole, yes},
    things::Resource,
};
use crate::{
    format::encoded,
    layout::grouped,
    person::{
        Visit,
        act::{Act, Then, flag, line, number, text},
    },
    words::{Message as _, console::Console},
};

/// The settings.
pub(super) fn table(visit: &Visit<'_>, of: &Resource) -> Markup {
    let lang = visit.frame.lang;
    let path = format!("/admin/v1/resources/{}", encoded(&of.name));
    let (on, off) = (Console::Yes.text(lang), Console::No.text(lang));
    let form = |fields: Markup| {
        let button = Console::Change.text(lang);
        Act { method: "PATCH", path: &path, then: Then::Back, button }.form(visit, &fields)
    };
    let new = Console::NewValue.text(lang);
    let switch = |field: &str, now: bool| {
        let now = if now { "true" } else { "false" };
        form(select(new, &flag(field), &[("true", on), ("false", off)], now))
    };
    let row = |name: Console, now: Markup, change: Markup| {
        // The fields of all rows have one label: the group says which setting they change.
        html! { tr {
            th scope="row" { (name.text(lang)) }
            td { (now) }
            td { div role="group" aria-label=(name.text(lang)) { (change) } }
        } }
    };
    let acls = &of.network_acls;
    let rules: Vec<_> = acls.ip_rules.iter().map(|rule| rule.value.as_str()).collect();
    let networks = [("Enabled", "Enabled"), ("Disabled", "Disabled")];
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Console::Setting.text(lang)) }
                th scope="col" { (Console::Now.text(lang)) }
                th scope="col" { (Console::Change.text(lang)) }
            } }
            tbody {
                (row(Console::RetentionDays, html! {
                    (grouped(of.retention_days))
                    @if of.keeps_content() == Some(false) { p class="help" { (Console::ZeroRetention.text(lang)) } }
                }, form(whole(new, &number("retentionDays"), Some(of.retention_days), 30))))
                (row(Console::Lockbox, html! { (yes(of.lockbox, lang)) }, html! {
                    (switch("lockbox", of.lockbox)) p class="help" { (Console::LockboxHelp.text(lang)) }
                }))
                (row(Console::PrefixCache, html! { (yes(of.prefix_cache, lang)) }, switch("prefixCache", of.prefix_cache)))
                (row(Console::TokensOnly, html! { (yes(of.disable_local_auth, lang)) }, switch("disableLocalAuth", of.disable_local_auth)))
                (row(Console::NoStoredCompletions, html! { (yes(of.stored_completions_disabled, lang)) }, switch("storedCompletionsDisabled", of.stored_completions_disabled)))
                (row(Console::Public, html! { (of.public_network_access) },
                    form(select(new, &text("publicNetworkAccess"), &networks, &of.public_network_access))))
                (row(Console::SubjectHeader, html! { (of.subject_header.as_deref().unwrap_or("–")) },
                    form(line(new, &text("subjectHeader"), of.subject_header.as_deref().unwrap_or_default(), true))))
                (row(Console::IpRules, html! {
                    (acls.default_action)
                    @if !rules.is_empty() { ": " (rules.join(", ")) }
                }, html! { p { code { "bailiwick resource update " (of.name) " --help" } } }))
                (row(Console::Forward, html! {
                    @if of.forward.is_empty() { "–" } @else { (of.forward.join(", ")) }
                }, html! { p { code { "bailiwick resource update " (of.name) " --forward …" } } }))
            }
        }
        p class="help" { (Console::SettingsHelp.text(lang)) }
    }
}
