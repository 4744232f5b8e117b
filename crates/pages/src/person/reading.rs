//! The reading view: an opened record, once, for some minutes. The reviewer's opening and the owner's
//! reading lead here.

mod talk;
#[cfg(test)]
mod tests;

use maud::{Markup, html};
use serde::Deserialize;

use self::talk::{Piece, Turn};
use super::{
    Answer, Visit,
    parts::{fact, moment, unfold},
};
use crate::{
    assets,
    time::minute,
    words::{Lang, Message as _, reading::Reading},
};

/// Time to read, if the answer names no end.
const READ_MS: u64 = 15 * 60_000;

/// Copies of the watermark: enough to cover a large screen.
const MARKS: usize = 200;

/// A record's content, as both desks answer it.
#[derive(Deserialize)]
struct Record {
    request: String,
    caller: String,
    deployment: Option<String>,
    region: String,
    route: String,
    started_ms: u64,
    status: u16,
    request_body: String,
    response_body: String,
    #[serde(default)]
    request_body_base64: Option<String>,
    #[serde(default)]
    response_body_base64: Option<String>,
    /// The end of the permission, if the answer names it.
    #[serde(default)]
    expires_ms: Option<u64>,
}

/// Returns the page of an opened record. It ends at `back`.
pub(super) fn page(visit: &Visit<'_>, back: &str, answer: &Answer) -> String {
    let lang = visit.frame.lang;
    let body = answer.shown(visit, |record: Record| view(visit, back, &record));
    visit.page_after(Reading::Title.text(lang), &[&assets::reading().address()], &body)
}

fn view(visit: &Visit<'_>, back: &str, record: &Record) -> Markup {
    let lang = visit.frame.lang;
    let left_ms = record.expires_ms.map_or(READ_MS, |end| end.saturating_sub(visit.now_ms));
    let seconds = left_ms / 1000;
    let viewer = visit.name.unwrap_or_else(|| Reading::Viewer.text(lang));
    let mark = format!("{viewer} · {}", minute(visit.now_ms));
    html! {
        p class="lead" { (Reading::Lead.text(lang)) }
        p class="note" { (Reading::Honest.text(lang)) }
        noscript { p class="notice" { (Reading::NoScript.text(lang)) } }
        p class="clock" {
            (Reading::Left.text(lang)) ": "
            strong id="left" role="timer" { (clock(seconds)) }
            " " a class="button" href=(back) { (Reading::End.text(lang)) }
        }
        div id="reading" class="reading" data-seconds=(seconds) data-back=(back) {
            div class="marks" aria-hidden="true" { @for _ in 0..MARKS { span data-mark=(mark) {} } }
            (facts(record, lang))
            h2 { (Reading::Asked.text(lang)) }
            (part(&record.request_body, record.request_body_base64.as_deref(), talk::asked, lang))
            h2 { (Reading::Answered.text(lang)) }
            (part(&record.response_body, record.response_body_base64.as_deref(), talk::answered, lang))
        }
    }
}

/// Shows the messages of a request and its answer.
pub(super) fn messages(asked: &str, answered: &str, lang: Lang) -> Markup {
    html! {
        h2 { (Reading::Asked.text(lang)) }
        (part(asked, None, talk::asked, lang))
        h2 { (Reading::Answered.text(lang)) }
        (part(answered, None, talk::answered, lang))
    }
}

/// Returns minutes and seconds: `14:05`.
fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn facts(record: &Record, lang: Lang) -> Markup {
    let row = |name: Reading, value: Markup| fact(name.text(lang), &value);
    html! {
        dl class="facts" {
            (row(Reading::Request, html! { code { (record.request) } }))
            (row(Reading::Started, moment(record.started_ms)))
            (row(Reading::Route, html! { code { (record.route) } }))
            (row(Reading::Caller, html! { (record.caller) }))
            @if let Some(deployment) = &record.deployment {
                (row(Reading::Deployment, html! { code { (deployment) } }))
            }
            (row(Reading::Region, html! { (record.region) }))
            (row(Reading::Status, html! { (record.status) }))
        }
    }
}

/// Shows a body: its messages, and all of it folded.
fn part(body: &str, base64: Option<&str>, read: fn(&str) -> Vec<Turn>, lang: Lang) -> Markup {
    let turns = if base64.is_some() { Vec::new() } else { read(body) };
    let raw = |text: &str| html! { pre dir="auto" { (text) } };
    html! {
        @if let Some(bytes) = base64 {
            p { (Reading::NotText.text(lang)) }
            (raw(bytes))
        } @else if body.is_empty() {
            p { (Reading::Empty.text(lang)) }
        } @else if turns.is_empty() {
            p { (Reading::NothingRead.text(lang)) }
            (raw(body))
        } @else {
            ol class="talk" { @for turn in &turns { (bubble(turn, lang)) } }
            (unfold(Reading::Raw.text(lang), &raw(body)))
        }
    }
}

fn bubble(turn: &Turn, lang: Lang) -> Markup {
    let (class, name) = match turn.role.as_str() {
        "system" => ("system", Some(Reading::System)),
        "developer" => ("system", Some(Reading::Developer)),
        "instructions" => ("system", Some(Reading::Instructions)),
        "user" => ("user", Some(Reading::User)),
        "assistant" => ("assistant", Some(Reading::Assistant)),
        "tool" | "function" => ("tool", Some(Reading::Tool)),
        "error" => ("system", Some(Reading::Error)),
        _ => ("system", None),
    };
    html! {
        li class={ "turn " (class) } {
            p class="role" { (name.map_or(turn.role.as_str(), |name| name.text(lang))) }
            @for piece in &turn.pieces { (shown(piece, lang)) }
        }
    }
}

fn shown(piece: &Piece, lang: Lang) -> Markup {
    let folded = |summary: &str, text: &str| unfold(summary, &html! { pre dir="auto" { (text) } });
    match piece {
        Piece::Text(text) => html! { div class="said" dir="auto" { (text) } },
        Piece::Call { name, arguments } => {
            folded(&Reading::Call.with(lang, &[("name", name)]), arguments)
        }
        Piece::Result(text) => folded(Reading::Result.text(lang), text),
        Piece::Thinking(text) => folded(Reading::Thinking.text(lang), text),
        Piece::Other(kind) => {
            html! { p class="note" { (Reading::Other.with(lang, &[("kind", kind)])) } }
        }
    }
}
