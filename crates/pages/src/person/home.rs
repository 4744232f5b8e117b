//! The first page: the resources that the person may see, and the pages about each.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    Answer, Desk, Route, View, Visit,
    console::{
        parts::{ROWS, page_of, pages, part, place},
        things::Resource,
    },
};
use crate::words::{Lang, Message as _, person::Person};

/// Its page at each listener.
pub(super) const ROUTES: &[Route] = &[
    Route {
        desks: &[Desk::Owner],
        address: "",
        view: |_, query| Box::new(Home { known: Some("/desk/v1/resources"), from: place(query) }),
    },
    Route {
        desks: &[Desk::Operations],
        address: "",
        view: |_, query| Box::new(Home { known: None, from: place(query) }),
    },
];

struct Home {
    /// The list of all resources that the person may know of. The administration lists those whose
    /// settings the person may read: a data protection officer reads the data of others.
    known: Option<&'static str>,
    from: usize,
}

/// A resource that the person may know of.
#[derive(Deserialize)]
struct Known {
    name: String,
    tenant: String,
    region: String,
    /// Access requests that wait for the customer's consent.
    #[serde(default)]
    waiting_for_consent: Option<usize>,
}

impl View for Home {
    fn asks(&self) -> Vec<String> {
        vec![self.known.unwrap_or(SETTINGS).to_owned(), SETTINGS.to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [known, settings] = answers else { return String::new() };
        let settings: Vec<Resource> = settings.read().unwrap_or_default();
        let body = known.shown(visit, |known: Vec<Known>| {
            html! {
                p class="lead" { (Person::HomeLead.text(lang)) }
                @if known.is_empty() { p { (Person::NoResources.text(lang)) } } @else {
                    (table(visit, part(&known, self.from, ROWS), &settings))
                    (pages(visit, known.len(), self.from, ROWS))
                }
            }
        });
        visit.page(Person::NavHome.text(lang), &[], &body)
    }
}

const SETTINGS: &str = "/admin/v1/resources";

/// The pages about a resource: their folders, and their names in a row. The first is for the owner desk.
const PAGES: [(&str, Person); 4] = [
    ("data", Person::ToData),
    ("build", Person::ToBuild),
    ("explain", Person::ToExplain),
    ("console/resources", Person::ToConsole),
];

/// Deployments that a row names.
const NAMED: usize = 5;

fn table(visit: &Visit<'_>, known: &[Known], settings: &[Resource]) -> Markup {
    let lang = visit.frame.lang;
    let links = if visit.desk == Desk::Owner { &PAGES[..] } else { PAGES.get(1..).unwrap_or(&[]) };
    let first = links.first().map_or("build", |(folder, _)| folder);
    let of = |one: &Known| settings.iter().find(|resource| resource.name == one.name);
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Person::Name.text(lang)) }
                th scope="col" { (Person::Region.text(lang)) }
                th scope="col" { (Person::Deployments.text(lang)) }
                th scope="col" { (Person::Content.text(lang)) }
                th scope="col" { (Person::Pages.text(lang)) }
            } }
            tbody { @for one in known { tr {
                th scope="row" {
                    a href=(page_of(visit, first, &one.name)) { (one.name) }
                    p class="help" { (one.tenant) }
                    @if let Some(waiting) = one.waiting_for_consent.filter(|waiting| *waiting > 0) {
                        a href=(page_of(visit, "data", &format!("{}/looks", one.name))) {
                            (Person::Consents.with(lang, &[("count", &waiting.to_string())]))
                        }
                    }
                    @if of(one).is_some_and(|found| found.abuse_penalty.is_some()) {
                        span class="state broken" { (Person::Penalised.text(lang)) }
                    }
                }
                td { (one.region) }
                td { @if let Some(found) = of(one) { (deployments(found)) } @else { "–" } }
                td { @if let Some(found) = of(one) { (content(found, lang)) } @else { "–" } }
                td { ul class="links" { @for (folder, name) in links {
                    // Links of the same name lead to different places: the label says which.
                    li { a href=(page_of(visit, folder, &one.name)) aria-label={ (name.text(lang)) ": " (one.name) } { (name.text(lang)) } }
                } } }
            } } }
        }
    }
}

fn deployments(resource: &Resource) -> Markup {
    let names = &resource.deployments;
    html! {
        @if names.is_empty() { "–" }
        @for (place, name) in names.iter().take(NAMED).enumerate() {
            @if place > 0 { ", " }
            (name)
        }
        @if names.len() > NAMED { " …" }
    }
}

fn content(resource: &Resource, lang: Lang) -> String {
    let days = resource.retention_days.to_string();
    match resource.keeps_content() {
        Some(false) => Person::HomeNothing.text(lang).to_owned(),
        _ => Person::HomeDays.with(lang, &[("days", &days)]),
    }
}
