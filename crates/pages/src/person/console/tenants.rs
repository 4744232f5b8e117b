//! The tenants, and their resources.

use maud::{Markup, html};

use super::{
    parts::{NameRule, ROWS, moment, new_name, page_of, pages, part, place, section},
    things::{Resource, Tenant},
};
use crate::{
    format::Query,
    person::{
        Answer, View, Visit,
        act::{Act, Then, text},
    },
    words::{Message as _, console::Console},
};

/// The page.
pub(super) struct Tenants {
    from: usize,
}

impl Tenants {
    pub(super) fn of(query: &Query) -> Self {
        Self { from: place(query) }
    }
}

impl View for Tenants {
    fn asks(&self) -> Vec<String> {
        vec!["/admin/v1/tenants".to_owned(), "/admin/v1/resources".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [tenants, resources] = answers else { return String::new() };
        let resources: Vec<Resource> = resources.read().unwrap_or_default();
        let body = html! {
            (tenants.shown(visit, |all: Vec<Tenant>| self.table(visit, &all, &resources)))
            (section("new", Console::NewTenant.text(lang), &create(visit)))
        };
        super::page(visit, "/pages/console/tenants", Console::Tenants.text(lang), &body)
    }
}

impl Tenants {
    fn table(&self, visit: &Visit<'_>, all: &[Tenant], resources: &[Resource]) -> Markup {
        let lang = visit.frame.lang;
        if all.is_empty() {
            return html! { p { (Console::NoTenants.text(lang)) } };
        }
        html! {
            p { (Console::RootHelp.text(lang)) }
            table class="wide" {
                thead { tr {
                    th scope="col" { (Console::Tenant.text(lang)) }
                    th scope="col" { (Console::Resources.text(lang)) }
                    th scope="col" { (Console::Root.text(lang)) }
                    th scope="col" { (Console::Created.text(lang)) }
                } }
                tbody { @for tenant in part(all, self.from, ROWS) { tr {
                    th scope="row" {
                        a href=(page_of(visit, "console/tenants", &tenant.name)) { (tenant.name) }
                    }
                    td { (its_resources(visit, tenant, resources)) }
                    td {
                        @match &tenant.root {
                            Some(root) => { code { (root) } }
                            None => { (Console::NoRoot.text(lang)) }
                        }
                    }
                    td { (moment(&tenant.created_at)) }
                } } }
            }
            (pages(visit, all.len(), self.from, ROWS))
        }
    }
}

/// Resources of a tenant that its row names.
const NAMED: usize = 5;

fn its_resources(visit: &Visit<'_>, tenant: &Tenant, resources: &[Resource]) -> Markup {
    let its: Vec<_> = resources.iter().filter(|one| one.tenant == tenant.name).collect();
    html! {
        @if its.is_empty() { "–" }
        @for (place, one) in its.iter().take(NAMED).enumerate() {
            @if place > 0 { ", " }
            a href=(page_of(visit, "console/resources", &one.name)) { (one.name) }
        }
        @if its.len() > NAMED { " …" }
    }
}

fn create(visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let button = Console::CreateTenant.text(lang);
    let act = Act { method: "POST", path: "/admin/v1/tenants", then: Then::Back, button };
    html! {
        p { (Console::NewTenantHelp.text(lang)) }
        (act.form(visit, &new_name(Console::Name.text(lang), &text("name"), NameRule::Word)))
    }
}
