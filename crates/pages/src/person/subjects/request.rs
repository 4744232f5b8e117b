//! One request of a data subject, and the certificate of the erasure that answered it.

use maud::{Markup, html};
use serde_json::Value;

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, lines, text},
        parts::{card, fact, moment},
    },
    RIGHTS, Request, Requests, STATES, erased, list, word,
};
use crate::words::{Message as _, person::Person, subjects::Subjects as Words};

pub(super) struct One {
    pub(super) request: String,
}

impl View for One {
    fn asks(&self) -> Vec<String> {
        vec![
            "/desk/v1/subjects/requests".to_owned(),
            format!("/desk/v1/subjects/erasures/{}", self.request),
        ]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [requests, erasure] = answers else { return String::new() };
        let body = html! {
            p { code { (self.request) } }
            (requests.shown(visit, |requests: Requests| {
                match requests.data.iter().find(|one| one.id == self.request) {
                    Some(one) => shown(visit, one),
                    None => html! { p { (Words::NotFound.text(lang)) } },
                }
            }))
            // Most requests have no erasure: a refusal says just that.
            @if erasure.read::<Value>().is_ok() {
                h2 { (Words::Certificate.text(lang)) }
                (erased::certificate(visit, erasure))
            }
        };
        visit.page(Words::OneTitle.text(lang), &[], &body)
    }
}

fn shown(visit: &Visit<'_>, one: &Request) -> Markup {
    let lang = visit.frame.lang;
    let row = |name: Words, value: Markup| fact(name.text(lang), &value);
    html! {
        dl class="facts" {
            (row(Words::Reference, html! { (one.reference) }))
            (row(Words::Right, html! { (word(&RIGHTS, &one.right, lang)) }))
            (row(Words::State, html! { (word(&STATES, &one.state, lang)) }))
            (row(Words::Received, moment(one.received_ms)))
            (row(Words::Due, list::deadline(visit, one)))
            @if let Some(why) = &one.extension { (row(Words::Extension, html! { (why) })) }
            @if let Some(why) = &one.reason { (fact(Person::Reason.text(lang), &html! { (why) })) }
            @if let Some(ms) = one.ended_ms { (row(Words::Ended, moment(ms))) }
        }
        @if !one.is_over() {
            h2 { (Words::Steps.text(lang)) }
            div class="cards" { (steps(visit, one)) }
        }
    }
}

fn steps(visit: &Visit<'_>, one: &Request) -> Markup {
    let lang = visit.frame.lang;
    let form = |step: &str, [button, about]: [Words; 2], fields: Markup| {
        let path = format!("/desk/v1/subjects/requests/{}/{step}", one.id);
        let act = Act { method: "POST", path: &path, then: Then::Back, button: button.text(lang) };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    };
    let reason = || lines(Person::Reason.text(lang), &text("reason"));
    let note = lines(Words::AnswerNote.text(lang), &text("note"));
    html! {
        (form("answer", [Words::Answer, Words::AnswerAbout], note))
        @if one.extension.is_none() {
            (form("extension", [Words::Extend, Words::ExtendAbout], reason()))
        }
        (form("refusal", [Words::Refuse, Words::RefuseAbout], reason()))
    }
}
