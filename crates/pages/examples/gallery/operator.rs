//! The pages of developers and operators, with invented answers of the API.

use pages::{
    Frame,
    format::Query,
    person::{Answer, Badges, Desk, Visit, find},
};
use serde::Deserialize;
use serde_json::Value;

/// A page, its address, and the answers of the API.
#[derive(Deserialize)]
struct Page {
    name: String,
    address: String,
    answers: Vec<Value>,
}

/// Makes the pages: each its name and its HTML.
pub(crate) fn pages(frame: &Frame<'_>) -> Vec<(String, String)> {
    let pages: Vec<Page> =
        serde_json::from_str(include_str!("operator.json")).expect("a list of pages");
    pages.iter().map(|page| (page.name.clone(), made(page, frame))).collect()
}

fn made(page: &Page, frame: &Frame<'_>) -> String {
    let (path, query) = page.address.split_once('?').unwrap_or((&page.address, ""));
    let view = find(Desk::Owner, path, &Query::parse(query)).expect("a page");
    let here = format!("/pages{}", page.address);
    let badges = Badges::default();
    let visit = Visit {
        frame: Frame { here: &here, ..frame.clone() },
        desk: Desk::Owner,
        csrf: "invented",
        name: Some("Ada Example"),
        badges: &badges,
        now_ms: crate::NOW,
    };
    let answers: Vec<_> = page.answers.iter().cloned().map(Answer::Value).collect();
    view.html(&visit, &answers)
}
