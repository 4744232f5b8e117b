//! The first page: the resources that the person may see, and the pages about each.

use maud::{Markup, html};

use super::{
    Answer, Desk, Route, View, Visit,
    console::{
        parts::{ROWS, page_of, pages, part, place},
        things::Resource,
    },
};
use crate::words::{Lang, Message as _, person::Person};

/// Its page.
pub(super) const ROUTES: &[Route] = &[Route {
    desks: &[Desk::Owner, Desk::Operations],
    address: "",
    view: |_, query| Box::new(Home { from: place(query) }),
}];

struct Home {
    from: usize,
}

impl View for Home {
    fn asks(&self) -> Vec<String> {
        vec!["/admin/v1/resources".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [resources] = answers else { return String::new() };
        let body = resources.shown(visit, |resources: Vec<Resource>| {
            html! {
                p class="lead" { (Person::HomeLead.text(lang)) }
                @if resources.is_empty() { p { (Person::NoResources.text(lang)) } } @else {
                    (table(visit, part(&resources, self.from, ROWS)))
                    (pages(visit, resources.len(), self.from, ROWS))
                }
            }
        });
        visit.page(Person::NavHome.text(lang), &[], &body)
    }
}

/// The pages about a resource: their folders, and their names in a row.
const PAGES: [(&str, Person); 3] = [
    ("build", Person::ToBuild),
    ("explain", Person::ToExplain),
    ("console/resources", Person::ToConsole),
];

/// Deployments that a row names.
const NAMED: usize = 5;

fn table(visit: &Visit<'_>, resources: &[Resource]) -> Markup {
    let lang = visit.frame.lang;
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Person::Name.text(lang)) }
                th scope="col" { (Person::Region.text(lang)) }
                th scope="col" { (Person::Deployments.text(lang)) }
                th scope="col" { (Person::Content.text(lang)) }
                th scope="col" { (Person::Pages.text(lang)) }
            } }
            tbody { @for one in resources { tr {
                th scope="row" {
                    a href=(page_of(visit, "build", &one.name)) { (one.name) }
                    p class="help" { (one.tenant) }
                    @if one.abuse_penalty.is_some() {
                        span class="state broken" { (Person::Penalised.text(lang)) }
                    }
                }
                td { (one.region) }
                td {
                    @if one.deployments.is_empty() { "–" }
                    @for (place, name) in one.deployments.iter().take(NAMED).enumerate() {
                        @if place > 0 { ", " }
                        (name)
                    }
                    @if one.deployments.len() > NAMED { " …" }
                }
                td { (content(one, lang)) }
                td { ul class="links" { @for (folder, name) in PAGES {
                    // Links of the same name lead to different places: the label says which.
                    li { a href=(page_of(visit, folder, &one.name)) aria-label={ (name.text(lang)) ": " (one.name) } { (name.text(lang)) } }
                } } }
            } } }
        }
    }
}

fn content(resource: &Resource, lang: Lang) -> String {
    let days = resource.retention_days.to_string();
    match resource.keeps_content() {
        Some(false) => Person::HomeNothing.text(lang).to_owned(),
        _ => Person::HomeDays.with(lang, &[("days", &days)]),
    }
}
