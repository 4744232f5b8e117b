//! One resource: its settings, its keys, its deployments, and its end.

use maud::html;

use super::{
    deployments::{self, Known},
    parts::{delete, fact, moment, page_of, place, section},
    settings,
    things::{Deployment, Resource},
};
use crate::{
    format::{Query, encoded},
    person::{Answer, View, Visit, build},
    words::{Message as _, build::Build, console::Console},
};

/// The page.
pub(super) struct OneResource {
    name: String,
    from: usize,
}

impl OneResource {
    pub(super) fn of(named: &[&str], query: &Query) -> Self {
        Self { name: named.first().copied().unwrap_or_default().to_owned(), from: place(query) }
    }
}

impl View for OneResource {
    fn asks(&self) -> Vec<String> {
        let resource = format!("/admin/v1/resources/{}", self.name);
        vec![
            resource.clone(),
            format!("{resource}/deployments"),
            "/admin/v1/models".to_owned(),
            format!("{resource}/raiPolicies"),
        ]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [resource, deployments, models, filters] = answers else { return String::new() };
        let known = Known::of(models, filters);
        let tenant = resource.read::<Resource>().map(|one| one.tenant).unwrap_or_default();
        let back = page_of(visit, "console/tenants", &tenant);
        let body = html! {
            (resource.shown(visit, |one: Resource| html! {
                dl class="facts" {
                    (fact(Console::Tenant.text(lang), &html! { a href=(back) { (one.tenant) } }))
                    (fact(Console::Id.text(lang), &html! { code { (one.id) } }))
                    (fact(Console::Region.text(lang), &html! { (one.region) }))
                    (fact(Console::Created.text(lang), &moment(&one.created_at)))
                }
                p class="pages" {
                    a href=(page_of(visit, "build", &one.name)) { (Console::ToBuild.text(lang)) }
                    a href=(page_of(visit, "explain", &one.name)) { (Console::ToExplain.text(lang)) }
                }
                (section("settings", Console::Settings.text(lang), &settings::table(visit, &one)))
                (section("keys", Build::Keys.text(lang), &build::keys(&one, visit)))
            }))
            (section("deployments", Console::Deployments.text(lang), &deployments.shown(visit, |all: Vec<Deployment>| {
                deployments::shown(visit, &self.name, &all, &known, self.from)
            })))
            (section("end", Console::End.text(lang), &delete(
                visit,
                &format!("/admin/v1/resources/{}", encoded(&self.name)),
                &self.name,
                (Console::DeleteResourceHelp.text(lang), "/pages/console/tenants"),
            )))
        };
        let title = Console::ResourceTitle.with(lang, &[("resource", &self.name)]);
        super::page(visit, "/pages/console/tenants", &title, &body)
    }
}
