//! The first page: finding a person, and the list of requests.

use maud::{Markup, html};

use super::{
    super::{
        Answer, View, Visit,
        act::{Act, Then, line, number, text},
        parts::{card, choice, due, moment, spans},
    },
    RIGHTS, Request, Requests, STATES, word,
};
use crate::{
    time::{DAY_MS, day},
    words::{Lang, Message as _, subjects::Subjects as Words},
};

/// Rows of requests; the API answers all of them.
const ROWS_MAX: usize = 200;

/// Days before today that a request can have been received on.
const DAYS_BACK: u64 = 60;

pub(super) struct List;

impl View for List {
    fn asks(&self) -> Vec<String> {
        vec!["/desk/v1/subjects/requests".to_owned()]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [requests] = answers else { return String::new() };
        let open = requests.read::<Requests>().map(|requests| requests.data).unwrap_or_default();
        let body = html! {
            p class="lead" { (Words::Lead.text(lang)) }
            (find(visit, &open))
            h2 { (Words::Requests.text(lang)) }
            p { (Words::RequestsLead.text(lang)) }
            (requests.shown(visit, |requests: Requests| table(visit, &requests.data)))
            (note(visit))
        };
        visit.page(Words::Title.text(lang), &[], &body)
    }
}

fn find(visit: &Visit<'_>, requests: &[Request]) -> Markup {
    let lang = visit.frame.lang;
    let open: Vec<_> = requests.iter().filter(|request| !request.is_over()).take(100).collect();
    let named: Vec<_> = open.iter().map(|one| (one.id.as_str(), label(one, lang))).collect();
    let mut options = vec![("", Words::AnswersNone.text(lang))];
    options.extend(named.iter().map(|(id, label)| (*id, label.as_str())));
    let act = Act {
        method: "POST",
        path: "/desk/v1/subjects/find",
        then: Then::Subject,
        button: Words::Find.text(lang),
    };
    let fields = html! {
        (line(Words::Name.text(lang), &text("subject"), "", true))
        @if !open.is_empty() { (choice(Words::Answers.text(lang), &text("request"), &options)) }
    };
    html! {
        h2 { (Words::Find.text(lang)) }
        p { (spans(Words::FindAbout.text(lang))) }
        (act.form(visit, &fields))
    }
}

/// Returns the text of a request in a choice.
fn label(request: &Request, lang: Lang) -> String {
    format!("{}: {}", request.reference, word(&RIGHTS, &request.right, lang))
}

fn table(visit: &Visit<'_>, requests: &[Request]) -> Markup {
    let lang = visit.frame.lang;
    let heads = [Words::Reference, Words::Right, Words::State, Words::Received, Words::Due];
    let more = requests.len().saturating_sub(ROWS_MAX);
    html! {
        @if requests.is_empty() { p { (Words::NoRequests.text(lang)) } } @else {
            table class="wide" {
                thead { tr { @for head in heads { th scope="col" { (head.text(lang)) } } } }
                tbody {
                    @for request in requests.iter().take(ROWS_MAX) {
                        tr {
                            th scope="row" {
                                a href=(visit.frame.link(&format!("/pages/subjects/{}", request.id))) { (request.reference) }
                            }
                            td { (word(&RIGHTS, &request.right, lang)) }
                            td class="word" { (word(&STATES, &request.state, lang)) }
                            td { (moment(request.received_ms)) }
                            td { (deadline(visit, request)) }
                        }
                    }
                }
            }
            @if more > 0 { p { (spans(&Words::MoreRequests.with(lang, &[("count", &more.to_string())]))) } }
        }
    }
}

/// Shows until when a request must be answered.
pub(super) fn deadline(visit: &Visit<'_>, request: &Request) -> Markup {
    let lang = visit.frame.lang;
    let urgent = match request.urgency.as_str() {
        "overdue" => Some(("state broken", Words::Overdue)),
        "dueSoon" => Some(("state stale", Words::DueSoon)),
        _ => None,
    };
    html! {
        @if request.is_over() { (moment(request.due_ms)) } @else { (due(visit, request.due_ms)) }
        @if let Some((class, words)) = urgent { " " span class=(class) { (words.text(lang)) } }
    }
}

fn note(visit: &Visit<'_>) -> Markup {
    let lang = visit.frame.lang;
    let rights = RIGHTS.map(|(name, words)| (name, words.text(lang)));
    let days: Vec<_> = (1..=DAYS_BACK)
        .map(|back| visit.now_ms.saturating_sub(back.saturating_mul(DAY_MS)) / DAY_MS * DAY_MS)
        .map(|ms| (ms.to_string(), day(ms)))
        .collect();
    let mut options = vec![("", Words::Now.text(lang))];
    options.extend(days.iter().map(|(ms, day)| (ms.as_str(), day.as_str())));
    let act = Act {
        method: "POST",
        path: "/desk/v1/subjects/requests",
        then: Then::Back,
        button: Words::Note.text(lang),
    };
    let fields = html! {
        (choice(Words::Right.text(lang), &text("right"), &rights))
        (line(Words::Reference.text(lang), &text("reference"), "", true))
        (choice(Words::ReceivedOn.text(lang), &number("received_ms"), &options))
    };
    card(Words::Note.text(lang), Words::NoteAbout.text(lang), &act.form(visit, &fields))
}
