//! The operator's console: tenants, resources, deployments, models, engines, people, use, and the health
//! of the service. The policies decide how much of it each person sees and changes.

mod deployments;
mod engines;
mod models;
mod money;
mod overview;
pub(in crate::person) mod parts;
mod people;
mod resource;
mod settings;
mod tenant;
mod tenants;
#[cfg(test)]
mod tests;
pub(in crate::person) mod things;
mod usage;

use maud::{Markup, html};

use super::{Desk, Route, Visit};
use crate::words::{Message as _, console::Console};

const DESKS: &[Desk] = &[Desk::Owner, Desk::Operations];

/// Its pages.
pub(super) const ROUTES: &[Route] = &[
    Route { desks: DESKS, address: "/console", view: |_, _| Box::new(overview::Overview) },
    Route {
        desks: DESKS,
        address: "/console/tenants",
        view: |_, query| Box::new(tenants::Tenants::of(query)),
    },
    Route {
        desks: DESKS,
        address: "/console/tenants/{}",
        view: |named, query| Box::new(tenant::OneTenant::of(named, query)),
    },
    Route {
        desks: DESKS,
        address: "/console/resources/{}",
        view: |named, query| Box::new(resource::OneResource::of(named, query)),
    },
    Route {
        desks: DESKS,
        address: "/console/models",
        view: |_, query| Box::new(models::Models::of(query)),
    },
    Route {
        desks: DESKS,
        address: "/console/engines",
        view: |_, query| Box::new(engines::Engines::of(query)),
    },
    Route {
        desks: DESKS,
        address: "/console/people",
        view: |_, query| Box::new(people::People::of(query)),
    },
    Route {
        desks: DESKS,
        address: "/console/usage",
        view: |_, query| Box::new(usage::Use::of(query)),
    },
];

/// The parts of the console, as its own navigation shows them.
const PARTS: [(&str, Console); 6] = [
    ("/pages/console", Console::Health),
    ("/pages/console/tenants", Console::Tenants),
    ("/pages/console/models", Console::Models),
    ("/pages/console/engines", Console::Engines),
    ("/pages/console/people", Console::People),
    ("/pages/console/usage", Console::Usage),
];

/// Makes a page of the console. `part` is the address of the part that it belongs to.
fn page(visit: &Visit<'_>, part: &str, title: &str, body: &Markup) -> String {
    let lang = visit.frame.lang;
    let parts = html! {
        nav aria-label=(Console::Title.text(lang)) {
            ul { @for (address, name) in PARTS {
                li {
                    a href=(visit.frame.link(address)) aria-current=[(address == part).then_some("true")] {
                        (name.text(lang))
                    }
                }
            } }
        }
    };
    visit.page(title, &[], &html! { (parts) (body) })
}
