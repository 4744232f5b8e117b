//! The first page: the resources that the person may see.

use maud::{Markup, html};
use serde::Deserialize;

use super::{Answer, Desk, Route, View, Visit};
use crate::words::{Message as _, person::Person};

/// Its page at each listener: the desk and the administration list different resources.
pub(super) const ROUTES: &[Route] = &[
    Route {
        desks: &[Desk::Owner],
        address: "",
        view: |_, _| Box::new(Home { list: "/desk/v1/resources" }),
    },
    Route {
        desks: &[Desk::Operations],
        address: "",
        view: |_, _| Box::new(Home { list: "/admin/v1/resources" }),
    },
];

struct Home {
    /// The address of the list.
    list: &'static str,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    region: String,
}

impl View for Home {
    fn asks(&self) -> Vec<String> {
        vec![self.list.to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [resources] = answers else { return String::new() };
        let body = resources.shown(visit, |resources: Vec<Resource>| {
            html! {
                p class="lead" { (Person::HomeLead.text(lang)) }
                @if resources.is_empty() { p { (Person::NoResources.text(lang)) } } @else {
                    table class="wide" {
                        thead { tr {
                            th scope="col" { (Person::Name.text(lang)) }
                            th scope="col" { (Person::Region.text(lang)) }
                        } }
                        tbody {
                            @for resource in &resources {
                                tr {
                                    th scope="row" { (linked(visit, &resource.name)) }
                                    td { (resource.region) }
                                }
                            }
                        }
                    }
                }
            }
        });
        visit.page(Person::NavHome.text(lang), &[], &body)
    }
}

/// Shows a resource's name; at the owner desk it leads to the data.
fn linked(visit: &Visit<'_>, name: &str) -> Markup {
    let leads = visit.desk == Desk::Owner && super::is_name(name);
    html! {
        @if leads { a href=(visit.frame.link(&format!("/pages/data/{name}"))) { (name) } }
        @else { (name) }
    }
}
