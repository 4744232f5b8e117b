//! The page after a step of a review: the next step, and the time for it.

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, Visit,
        parts::{due, fact, spans},
    },
    Waiting,
};
use crate::words::{Message as _, review::Review};

#[derive(Deserialize)]
struct Stepped {
    waiting: Option<Waiting>,
    grant: Option<String>,
    expires_ms: Option<u64>,
    #[serde(default)]
    next: Option<String>,
}

/// Shows the state after a step.
pub(in crate::person) fn step(visit: &Visit<'_>, answer: &Answer) -> Markup {
    let lang = visit.frame.lang;
    answer.shown(visit, |step: Stepped| {
        let next = step.waiting.map_or(Review::StepOver, |waiting| {
            let [_, _, next] = waiting.words();
            next
        });
        html! {
            p class="verdict" { strong { (Review::Next.text(lang)) ": " } (next.text(lang)) }
            @if let Some(next) = &step.next { p lang="en" { (spans(next)) "." } }
            dl class="facts" {
                @if let Some(expires_ms) = step.expires_ms {
                    (fact(Review::Expires.text(lang), &due(visit, expires_ms)))
                }
                @if let Some(grant) = &step.grant {
                    (fact(Review::Grant.text(lang), &html! { code { (grant) } }))
                }
            }
        }
    })
}
