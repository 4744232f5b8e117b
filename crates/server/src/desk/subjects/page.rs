//! The pages of an export, for the person in the data: no script, nothing to fetch, ready
//! to print.

use audit::rfc3339;
use maud::{Markup, html};
use serde_json::{Map, Value};
use store::Content;

use super::talk::Turn;
use crate::html;

/// Most bytes of a body that a page shows; the file beside it has all of it.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// Makes the first page: the kept data, and its history.
pub(super) fn index(export: &Value) -> String {
    let tenant = text(export, "tenant");
    let (records, objects) = (list(export, "records"), list(export, "objects"));
    let body = html! {
        h1 { "What is kept about you" }
        p { "This is everything that the service keeps for " b { (tenant) } " about the person whom "
            (tenant) " calls:" }
        pre { (text(export, "subject")) }
        p.note { "Made " (time(export, "made_ms")) " by the data protection officer ("
            code { (text(export, "made_by")) } "), for request " code { (text(export, "request")) }
            ". The same as data for programs: " a href="export.json" { "export.json" }
            ". SHA256SUMS has the digest of each file of this archive." }

        h2 { "Requests and answers" }
        @if records.is_empty() { p { "None is kept." } } @else {
            (html::table(["When", "Request", "Kept until", "Looked at", ""], records.iter().map(record_row)))
        }

        h2 { "Other data that is kept" }
        @if objects.is_empty() { p { "None is kept." } } @else {
            (html::table(["Since", "What", "Kept until", ""], objects.iter().map(object_row)))
        }

        h2 { "Who looked at it" }
        @let looks = list(export, "looks");
        @if looks.is_empty() { p { "There was no access before this archive, except those that are in it." } } @else {
            (html::table(["When", "What", "Who", "Why"], looks.iter().map(look_row)))
        }

        h2 { "Where else something may be kept" }
        (html::table(["Where", "Number", "Remark"], list(export, "stores").iter().map(store_row)))
        @if export.get("restricted").and_then(Value::as_bool) == Some(true) {
            p { "The person is restricted: nothing new is kept." }
        }

        h2 { "Your rights" }
        p { "You can ask " (tenant) " to correct or erase this data, to restrict its processing, and to "
            "object to it. You can complain to a supervisory authority." }
    };
    html::page("What is kept about you", &body)
}

/// Makes the page of one record.
pub(super) fn record(
    facts: &Map<String, Value>,
    turns: &[Vec<Turn>; 2],
    opened: &Content,
) -> String {
    let title = format!("Request of {}", rfc3339(opened.started_ms / 1000));
    let [asked, answered] = turns;
    let body = html! {
        p { a href="../index.html" { "All that is kept" } }
        h1 { (title) }
        (fact_table(facts))
        h2 { "What was asked" }
        (said(asked))
        h2 { "What was answered" }
        (said(answered))
        h2 { "The same in full, as it was sent" }
        h3 { "Request" }
        (raw(&opened.request_body))
        h3 { "Answer" }
        (raw(&opened.response_body))
    };
    html::page(&title, &body)
}

fn said(turns: &[Turn]) -> Markup {
    html! {
        @if turns.is_empty() { p.note { "See the full text below." } }
        @for turn in turns { h3 { (turn.who) } pre { (turn.text) } }
    }
}

fn raw(body: &[u8]) -> Markup {
    let shown = body.get(..SHOWN_BYTES_MAX).unwrap_or(body);
    html! {
        pre { (String::from_utf8_lossy(shown)) }
        @if shown.len() < body.len() { p.note { "It is longer: the JSON file has all of it." } }
    }
}

/// The facts of a record, each in a row.
fn fact_table(facts: &Map<String, Value>) -> Markup {
    html! {
        table { tbody {
            @for (name, value) in facts {
                @if let Some(shown) = fact(name, value) {
                    tr { th scope="row" { (name.trim_end_matches("_ms").replace('_', " ")) } td { (shown) } }
                }
            }
        } }
    }
}

fn fact(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if name.ends_with("_ms") => {
            number.as_u64().map(|ms| rfc3339(ms / 1000))
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(if *is { "yes" } else { "no" }.to_owned()),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn record_row(record: &Value) -> [Markup; 5] {
    let looks = list(record, "looks").len();
    [
        html! { (time(record, "started_ms")) },
        html! { code { (text(record, "id")) } br; (text(record, "resource")) },
        html! { (time(record, "deadline_ms")) },
        html! { @if looks == 0 { "not once" } @else { (looks) " times" } },
        link(record, "page"),
    ]
}

fn object_row(object: &Value) -> [Markup; 4] {
    let lines = list(object, "lines").len();
    [
        html! { (time(object, "created_ms")) },
        html! {
            (text(object, "class")) " " code { (text(object, "id")) }
            @if lines > 0 { br; (lines) " lines are about you" }
            @if !text(object, "why").is_empty() { br; (text(object, "why")) }
        },
        html! { @if object.get("expires_ms").is_some_and(Value::is_u64) { (time(object, "expires_ms")) } @else { "it is deleted" } },
        html! { (link(object, "file")) " " (link(object, "content")) },
    ]
}

fn look_row(look: &Value) -> [Markup; 4] {
    [
        html! { (time(look, "at_ms")) },
        html! { (text(look, "what")) br; code { (text(look, "request")) } },
        html! { (text(look, "by")) br; code { (text(look, "person")) } },
        html! { (text(look, "reason")) },
    ]
}

fn store_row(store: &Value) -> [Markup; 3] {
    let found = store.get("found").and_then(Value::as_u64).unwrap_or(0);
    [html! { (text(store, "name")) }, html! { (found) }, html! { (text(store, "note")) }]
}

/// Links to a file of the archive; its name is made of ids, never of a caller's text.
fn link(of: &Value, field: &str) -> Markup {
    let name = text(of, field);
    html! {
        @if name.is_empty() { @if field != "content" { (text(of, "missing")) } } @else { a href=(name) { (name) } }
    }
}

fn list<'v>(of: &'v Value, field: &str) -> &'v [Value] {
    of.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(of: &'v Value, field: &str) -> &'v str {
    of.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn time(of: &Value, field: &str) -> String {
    of.get(field).and_then(Value::as_u64).map(|ms| rfc3339(ms / 1000)).unwrap_or_default()
}
