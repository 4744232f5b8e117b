//! The certificate of an erasure.

use maud::{Markup, html};
use serde::Deserialize;

use super::super::{
    Answer, Visit,
    parts::{fact, moment, spans},
};
use crate::{
    layout::grouped,
    words::{Lang, Message as _, subjects::Subjects as Words},
};

#[derive(Deserialize)]
struct Erasure {
    request: String,
    state: String,
    #[serde(default)]
    salt: Option<String>,
    #[serde(default)]
    finished_ms: Option<u64>,
    stores: Vec<Line>,
    #[serde(default)]
    entry: Option<u64>,
    #[serde(default)]
    certificate: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    found: u64,
    erased: u64,
    kept: u64,
    why: Option<String>,
}

/// Returns the page of an erasure's answer.
pub(in crate::person) fn erased(visit: &Visit<'_>, answer: &Answer) -> String {
    let lang = visit.frame.lang;
    let body = html! {
        (certificate(visit, answer))
        p { a href=(visit.frame.link("/pages/subjects")) { (Words::Title.text(lang)) } }
    };
    visit.page_after(Words::ErasedTitle.text(lang), &[], &body)
}

/// Shows an erasure, with its certificate as a file.
pub(super) fn certificate(visit: &Visit<'_>, answer: &Answer) -> Markup {
    let lang = visit.frame.lang;
    answer.shown(visit, |erasure: Erasure| {
        let is_done = erasure.state == "done";
        let sentence = if is_done { Words::ErasedDone } else { Words::ErasedPending };
        html! {
            p class="verdict" { (sentence.text(lang)) }
            dl class="facts" {
                (fact(Words::Request.text(lang), &html! {
                    a href=(visit.frame.link(&format!("/pages/subjects/{}", erasure.request))) {
                        code { (erasure.request) }
                    }
                }))
                @if let Some(salt) = &erasure.salt {
                    (fact(Words::Salt.text(lang), &html! {
                        strong { code { (salt) } }
                        p class="help" { (Words::SaltAbout.text(lang)) }
                    }))
                }
                @if let Some(ms) = erasure.finished_ms { (fact(Words::Finished.text(lang), &moment(ms))) }
                @if let Some(entry) = erasure.entry {
                    (fact(Words::Entry.text(lang), &html! { (grouped(entry)) }))
                }
            }
            @if let Some(certificate) = &erasure.certificate { (file(&erasure.request, certificate, lang)) }
            @if !erasure.stores.is_empty() { (lines(&erasure.stores, lang)) }
        }
    })
}

/// Links the certificate as a file in the page itself: it needs no script and no second request.
fn file(request: &str, certificate: &str, lang: Lang) -> Markup {
    let name = format!("{request}.certificate");
    html! {
        p {
            a class="button" download=(name)
                href={ "data:application/octet-stream;base64," (certificate) } {
                (Words::Download.text(lang))
            }
        }
        p { (Words::Check.text(lang)) ":" }
        pre {
            "bailiwick verify --service-key service.pub erasure --certificate " (name)
            " --subject NAME --salt SALT"
        }
    }
}

fn lines(lines: &[Line], lang: Lang) -> Markup {
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Words::Store.text(lang)) }
                th scope="col" class="number" { (Words::Found.text(lang)) }
                th scope="col" class="number" { (Words::Erased.text(lang)) }
                th scope="col" class="number" { (Words::Left.text(lang)) }
                th scope="col" { (Words::Why.text(lang)) }
            } }
            tbody {
                @for line in lines {
                    tr {
                        th scope="row" class="word" lang="en" { (line.name) }
                        td class="number" { (grouped(line.found)) }
                        td class="number" { (grouped(line.erased)) }
                        td class="number" { (grouped(line.kept)) }
                        td lang="en" { (spans(line.why.as_deref().unwrap_or("–"))) }
                    }
                }
            }
        }
    }
}
