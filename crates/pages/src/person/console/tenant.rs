//! One tenant: its root, its resources, and the forms for a new resource and for its end.

use maud::{Markup, html};

use super::{
    parts::{
        NameRule, ROWS, delete, fact, moment, new_name, page_of, pages, part, place, section,
        select, whole, yes,
    },
    things::{Resource, Tenant},
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    person::{
        Answer, View, Visit,
        act::{Act, Then, flag, number, text},
    },
    words::{Message as _, console::Console},
};

/// The page.
pub(super) struct OneTenant {
    name: String,
    from: usize,
}

impl OneTenant {
    pub(super) fn of(named: &[&str], query: &Query) -> Self {
        Self { name: named.first().copied().unwrap_or_default().to_owned(), from: place(query) }
    }
}

/// The page of the tenants.
const TENANTS: &str = "/pages/console/tenants";

impl View for OneTenant {
    fn asks(&self) -> Vec<String> {
        vec![
            format!("/admin/v1/tenants/{}", self.name),
            format!("/admin/v1/resources?tenant={}", self.name),
        ]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [tenant, resources] = answers else { return String::new() };
        let body = html! {
            (tenant.shown(visit, |tenant: Tenant| about(visit, &tenant)))
            (section("resources", Console::Resources.text(lang), &resources.shown(visit, |all: Vec<Resource>| self.table(visit, &all))))
            (section("new", Console::NewResource.text(lang), &create(visit, &self.name)))
            (section("end", Console::End.text(lang), &delete(
                visit,
                &format!("/admin/v1/tenants/{}", encoded(&self.name)),
                &self.name,
                (Console::DeleteTenantHelp.text(lang), TENANTS),
            )))
        };
        let title = Console::TenantTitle.with(lang, &[("tenant", &self.name)]);
        super::page(visit, TENANTS, &title, &body)
    }
}

fn about(visit: &Visit<'_>, tenant: &Tenant) -> Markup {
    let lang = visit.frame.lang;
    html! {
        dl class="facts" {
            (fact(Console::Id.text(lang), &html! { code { (tenant.id) } }))
            (fact(Console::Created.text(lang), &moment(&tenant.created_at)))
            (fact(Console::Root.text(lang), &html! {
                @match &tenant.root {
                    Some(root) => { code { (root) } p class="help" { (Console::RootHelp.text(lang)) } }
                    None => { (Console::NoRoot.text(lang)) }
                }
            }))
        }
    }
}

impl OneTenant {
    fn table(&self, visit: &Visit<'_>, all: &[Resource]) -> Markup {
        let lang = visit.frame.lang;
        if all.is_empty() {
            return html! { p { (Console::NoResources.text(lang)) } };
        }
        html! {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Console::Resource.text(lang)) }
                    th scope="col" { (Console::Deployments.text(lang)) }
                    th scope="col" { (Console::Content.text(lang)) }
                    th scope="col" { (Console::Lockbox.text(lang)) }
                    th scope="col" { (Console::Created.text(lang)) }
                } }
                tbody { @for one in part(all, self.from, ROWS) { tr {
                    th scope="row" {
                        a href=(page_of(visit, "console/resources", &one.name)) { (one.name) }
                        @if one.abuse_penalty.is_some() { " " span class="state broken" { (Console::Penalised.text(lang)) } }
                    }
                    td {
                        @if one.deployments.is_empty() { "–" } @else { (one.deployments.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ")) }
                        @if one.deployments.len() > 8 { " …" }
                    }
                    td {
                        @if one.keeps_content() == Some(false) { (Console::ZeroRetention.text(lang)) }
                        @else { (Console::Days.with(lang, &[("days", &grouped(one.retention_days))])) }
                    }
                    td { (yes(one.lockbox, lang)) }
                    td { (moment(&one.created_at)) }
                } } }
            }
            (pages(visit, all.len(), self.from, ROWS))
        }
    }
}

fn create(visit: &Visit<'_>, tenant: &str) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::CreateResource.text(lang);
    let act = Act { method: "POST", path: "/admin/v1/resources", then: Then::Keys, button };
    let (on, off) = (Console::Yes.text(lang), Console::No.text(lang));
    let fields = html! {
        input type="hidden" name=(text("tenant")) value=(tenant);
        (new_name(Console::Name.text(lang), &text("name"), NameRule::Label))
        (whole(Console::RetentionDays.text(lang), &number("retentionDays"), None, 30))
        (select(Console::PrefixCache.text(lang), &flag("prefixCache"), &[("true", on), ("false", off)], "true"))
        (select(Console::TokensOnly.text(lang), &flag("disableLocalAuth"), &[("false", off), ("true", on)], "false"))
    };
    html! {
        p { (Console::NewResourceHelp.text(lang)) }
        (act.form(visit, &fields))
    }
}
