//! The data of one resource, for its customer: how long it is stored, the records, the kept objects,
//! the accesses, the exemptions, penalties and processors.

mod exemption;
mod looks;
mod overview;
mod penalty;
mod pending;
mod processors;
mod record;
mod records;
mod state;
#[cfg(test)]
mod tests;

use maud::{Markup, html};
use serde::Deserialize;

use super::{Desk, Route, Visit, nth};
use crate::words::{Message as _, data::Data};

/// Their pages.
pub(super) const ROUTES: &[Route] = &[
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}",
        view: |named, _| Box::new(overview::Overview { resource: nth(named, 0) }),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/records",
        view: |named, query| Box::new(records::Records::of(nth(named, 0), query)),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/records/{}",
        view: |named, _| {
            Box::new(record::Record { resource: nth(named, 0), request: nth(named, 1) })
        },
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/state",
        view: |named, query| Box::new(state::State::of(nth(named, 0), query)),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/looks",
        view: |named, query| Box::new(looks::Looks::of(nth(named, 0), query)),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/zero-retention",
        view: |named, _| Box::new(exemption::Exemption::zero_retention(nth(named, 0))),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/content-filter",
        view: |named, _| Box::new(exemption::Exemption::content_filter(nth(named, 0))),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/penalty",
        view: |named, _| Box::new(penalty::Penalised { resource: nth(named, 0) }),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/data/{}/processors",
        view: |named, _| Box::new(processors::Processors { resource: nth(named, 0) }),
    },
    Route {
        desks: &[Desk::Owner],
        address: "/applications",
        view: |_, _| Box::new(pending::Pending),
    },
];

/// The pages of a resource, with the last segment of their address.
const PARTS: [(&str, Data); 8] = [
    ("", Data::NavOverview),
    ("/records", Data::NavRecords),
    ("/state", Data::NavState),
    ("/looks", Data::NavLooks),
    ("/zero-retention", Data::NavZero),
    ("/content-filter", Data::NavFilter),
    ("/penalty", Data::NavPenalty),
    ("/processors", Data::NavProcessors),
];

/// Makes a page of a resource: with the navigation of its parts. `part` is one of [`PARTS`].
fn page(visit: &Visit<'_>, resource: &str, part: &str, body: &Markup) -> String {
    let lang = visit.frame.lang;
    let title = Data::Title.with(lang, &[("name", resource)]);
    let here = PARTS.iter().find(|(path, _)| *path == part);
    let body = html! {
        nav class="parts" aria-label=(Data::Parts.text(lang)) {
            ul {
                @for (path, name) in PARTS {
                    li {
                        a href=(visit.frame.link(&address(resource, path)))
                            aria-current=[(path == part).then_some("page")] { (name.text(lang)) }
                    }
                }
            }
        }
        @if let Some((_, name)) = here { h2 { (name.text(lang)) } }
        (body)
    };
    visit.page(&title, &[], &body)
}

/// Returns the address of a page of a resource.
fn address(resource: &str, part: &str) -> String {
    format!("/pages/data/{resource}{part}")
}

/// A page of a list, in OpenAI's shape.
#[derive(Deserialize)]
struct List<Item> {
    data: Vec<Item>,
    has_more: bool,
}

/// A record, without content.
#[derive(Deserialize)]
struct Item {
    id: String,
    deployment: Option<String>,
    started_ms: u64,
    finished_ms: u64,
    status: u16,
    prompt_tokens: u64,
    completion_tokens: u64,
    deadline_ms: u64,
}
