//! The queue.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, PATH, Then, line, text},
        parts::{choice, span},
    },
    CATEGORIES, Queued, category,
};
use crate::words::{Message as _, review::Review};

/// Rows of the page. The API answers the whole queue.
const ROWS_MAX: usize = 150;

pub(super) struct Queue;

impl View for Queue {
    fn asks(&self) -> Vec<String> {
        vec!["/review/v1/queue".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [queue] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Review::QueueLead.text(lang)) }
            (queue.shown(visit, |mut queue: Vec<Queued>| {
                queue.sort_by_key(|item| Reverse(item.age_ms));
                table(visit, &queue)
            }))
            (flag(visit, None))
        };
        visit.page(Review::QueueTitle.text(lang), &[], &body)
    }
}

fn table(visit: &Visit<'_>, queue: &[Queued]) -> Markup {
    let lang = visit.frame.lang;
    let heads = [
        Review::Record,
        Review::Age,
        Review::Category,
        Review::Region,
        Review::State,
        Review::Turn,
        Review::AskedBy,
    ];
    let more = queue.len().saturating_sub(ROWS_MAX);
    html! {
        @if queue.is_empty() { p { (Review::QueueEmpty.text(lang)) } } @else {
            table class="wide" {
                thead { tr { @for head in heads { th scope="col" { (head.text(lang)) } } } }
                tbody { @for item in queue.iter().take(ROWS_MAX) { (row(visit, item)) } }
            }
            @if more > 0 { p { (Review::QueueMore.with(lang, &[("count", &more.to_string())])) } }
        }
    }
}

fn row(visit: &Visit<'_>, item: &Queued) -> Markup {
    let lang = visit.frame.lang;
    let [state, turn, _] = item.waiting.words();
    html! {
        tr {
            th scope="row" {
                a href=(visit.frame.link(&format!("/pages/case/{}", item.request))) { code { (item.request) } }
            }
            td class="time" { (span(item.age_ms)) }
            td {
                (category(&item.category, lang))
                @if item.escalated { " (" (Review::Escalated.text(lang)) ")" }
            }
            td { (item.region) }
            td { (state.text(lang)) }
            td { (turn.text(lang)) }
            td {
                @match (&item.asked, &item.grant) {
                    (Some(asked), _) => {
                        @match &asked.reviewer_name {
                            Some(name) => { strong { (name) } }
                            None => { code { (asked.reviewer) } }
                        }
                    }
                    (None, Some(_)) => { (Review::OtherTeam.text(lang)) }
                    (None, None) => { "–" }
                }
            }
        }
    }
}

/// Makes the form that flags a record: this one, or one that the form names.
pub(super) fn flag(visit: &Visit<'_>, request: Option<&str>) -> Markup {
    let lang = visit.frame.lang;
    let options = CATEGORIES.map(|(name, words)| (name, words.text(lang)));
    let fields = html! {
        @if request.is_none() { (line(Review::RequestId.text(lang), PATH, "", true)) }
        (choice(Review::Category.text(lang), &text("category"), &options))
    };
    let form = Act {
        method: "POST",
        path: &format!("/review/v1/records/{}/flag", request.unwrap_or("{}")),
        then: Then::Back,
        button: Review::Flag.text(lang),
    };
    html! {
        h2 { (Review::Flag.text(lang)) }
        p { (Review::FlagAbout.text(lang)) }
        (form.form(visit, &fields))
    }
}
