//! The stored data of one person: finding, exporting, erasing and restricting it; and the requests of
//! such people, with their deadlines. The name of a person stands in the body of requests only.

mod erased;
mod found;
mod list;
mod request;
#[cfg(test)]
mod tests;

use serde::Deserialize;

pub(super) use self::{erased::erased, found::found};
use super::{Desk, Route, nth};
use crate::words::{Lang, Message as _, subjects::Subjects as Words};

/// Their pages.
pub(super) const ROUTES: &[Route] = &[
    Route { desks: &[Desk::Owner], address: "/subjects", view: |_, _| Box::new(list::List) },
    Route {
        desks: &[Desk::Owner],
        address: "/subjects/{}",
        view: |named, _| Box::new(request::One { request: nth(named, 0) }),
    },
];

/// The answer that lists requests.
#[derive(Deserialize)]
struct Requests {
    data: Vec<Request>,
}

/// A request of a data subject.
#[derive(Deserialize)]
struct Request {
    id: String,
    right: String,
    state: String,
    reference: String,
    received_ms: u64,
    due_ms: u64,
    extension: Option<String>,
    reason: Option<String>,
    ended_ms: Option<u64>,
    urgency: String,
}

impl Request {
    fn is_over(&self) -> bool {
        self.urgency == "over"
    }
}

/// The rights, by the API's names.
const RIGHTS: [(&str, Words); 4] = [
    ("access", Words::Access),
    ("erasure", Words::Erasure),
    ("restriction", Words::Restriction),
    ("objection", Words::Objection),
];

/// The states of a request, by the API's names.
const STATES: [(&str, Words); 4] = [
    ("received", Words::StateReceived),
    ("begun", Words::StateBegun),
    ("answered", Words::StateAnswered),
    ("refused", Words::StateRefused),
];

/// Returns the text of a word of the API; an unknown word stands for itself.
fn word<'w>(known: &[(&str, Words)], name: &'w str, lang: Lang) -> &'w str {
    known.iter().find(|(word, _)| *word == name).map_or(name, |(_, words)| words.text(lang))
}
