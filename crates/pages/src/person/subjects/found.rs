//! The result of a search: the stored data of a person, and the acts about it. Its forms carry the name
//! that was searched, so that the officer types it once.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::super::{
    Answer, Visit,
    act::{Act, Asked, Then, flag, text},
    is_name,
    parts::{card, confirm, moment, spans, tick},
};
use crate::{
    layout::grouped,
    words::{Lang, Message as _, subjects::Subjects as Words},
};

/// Rows of records, and of objects.
const ROWS: usize = 100;

#[derive(Deserialize)]
struct Found {
    request: String,
    records: Vec<Record>,
    objects: Vec<Object>,
    stores: Vec<Store>,
    looks: Vec<Value>,
    restricted: bool,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    resource: String,
    started_ms: u64,
    deadline_ms: u64,
}

#[derive(Deserialize)]
struct Object {
    id: String,
    class: String,
    resource: String,
    created_ms: u64,
    expires_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Store {
    name: String,
    found: u64,
    note: String,
}

/// Returns the page of a search's answer.
pub(in crate::person) fn found(visit: &Visit<'_>, asked: &Asked, answer: &Answer) -> String {
    let lang = visit.frame.lang;
    let subject = asked.body.as_ref().and_then(|body| body.get("subject")).and_then(Value::as_str);
    let body = answer.shown(visit, |found: Found| {
        let count = found.records.len().saturating_add(found.objects.len());
        let sentence = match count {
            0 => Words::FoundNothing.text(lang).to_owned(),
            _ => Words::FoundSome.with(lang, &[("count", &count.to_string())]),
        };
        html! {
            p class="verdict" { (sentence) }
            @if found.restricted { p class="notice" { (Words::IsRestricted.text(lang)) } }
            @if let Some(subject) = subject {
                h2 { (Words::Acts.text(lang)) }
                div class="cards" { (acts(visit, subject, &found)) }
            }
            (stores(&found.stores, lang))
            @if !found.looks.is_empty() {
                @let count = found.looks.len().to_string();
                p { (Words::LooksOf.with(lang, &[("count", &count)])) }
            }
            (records(visit, &found.records))
            (objects(visit, &found.objects))
        }
    });
    visit.page_after(Words::FoundTitle.text(lang), &[], &body)
}

fn acts(visit: &Visit<'_>, subject: &str, found: &Found) -> Markup {
    let lang = visit.frame.lang;
    let form = |step: &str, then, [button, about]: [Words; 2], fields: Markup| {
        let path = format!("/desk/v1/subjects/{step}");
        let act = Act { method: "POST", path: &path, then, button: button.text(lang) };
        let fields = html! {
            input type="hidden" name=(text("subject")) value=(subject);
            input type="hidden" name=(text("request")) value=(found.request);
            (fields)
        };
        card(button.text(lang), about.text(lang), &act.form(visit, &fields))
    };
    let restrict = match found.restricted {
        true => [Words::Unrestrict, Words::UnrestrictAbout],
        false => [Words::Restrict, Words::RestrictAbout],
    };
    let files = tick(Words::EraseFiles.text(lang), &flag("files"), "true");
    html! {
        (form("export", Then::Answer, [Words::Export, Words::ExportAbout], html! {}))
        (form("erase", Then::Erasure, [Words::Erase, Words::EraseAbout], html! { (files) (confirm(lang)) }))
        (form("restrict", Then::Answer, restrict, html! {
            input type="hidden" name=(flag("restricted")) value=(!found.restricted);
        }))
    }
}

fn stores(stores: &[Store], lang: Lang) -> Markup {
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Words::Store.text(lang)) }
                th scope="col" class="number" { (Words::Found.text(lang)) }
                th scope="col" { (Words::Why.text(lang)) }
            } }
            tbody {
                @for store in stores.iter().filter(|store| store.found > 0 || !store.note.is_empty()) {
                    tr {
                        th scope="row" class="word" lang="en" { (store.name) }
                        td class="number" { (grouped(store.found)) }
                        td lang="en" { (spans(&store.note)) }
                    }
                }
            }
        }
    }
}

/// Says that a table has only the first rows.
fn first(count: usize, lang: Lang) -> Markup {
    html! {
        @if count > ROWS { p class="note" { (Words::FirstOf.with(lang, &[("count", &ROWS.to_string())])) } }
    }
}

fn records(visit: &Visit<'_>, records: &[Record]) -> Markup {
    let lang = visit.frame.lang;
    let heads = [Words::Records, Words::Resource, Words::Time, Words::Until];
    html! {
        @if !records.is_empty() {
            h2 { (Words::Records.text(lang)) }
            table class="wide" {
                thead { tr { @for head in heads { th scope="col" { (head.text(lang)) } } } }
                tbody {
                    @for record in records.iter().take(ROWS) {
                        tr {
                            th scope="row" { (linked(visit, record)) }
                            td { (record.resource) }
                            td { (moment(record.started_ms)) }
                            td { (moment(record.deadline_ms)) }
                        }
                    }
                }
            }
            (first(records.len(), lang))
        }
    }
}

/// Shows a record's id; it leads to the record. A deleted resource is named by its id, and has no page.
fn linked(visit: &Visit<'_>, record: &Record) -> Markup {
    let to = format!("/pages/data/{}/records/{}", record.resource, record.id);
    html! {
        @if is_name(&record.resource) && is_name(&record.id) {
            a href=(visit.frame.link(&to)) { code { (record.id) } }
        } @else { code { (record.id) } }
    }
}

fn objects(visit: &Visit<'_>, objects: &[Object]) -> Markup {
    let lang = visit.frame.lang;
    let heads = [Words::Objects, Words::Class, Words::Resource, Words::Time, Words::Until];
    html! {
        @if !objects.is_empty() {
            h2 { (Words::Objects.text(lang)) }
            table class="wide" {
                thead { tr { @for head in heads { th scope="col" { (head.text(lang)) } } } }
                tbody {
                    @for object in objects.iter().take(ROWS) {
                        tr {
                            th scope="row" { code { (object.id) } }
                            td { (object.class) }
                            td { (object.resource) }
                            td { (moment(object.created_ms)) }
                            td {
                                @match object.expires_ms {
                                    Some(end) => { (moment(end)) }
                                    None => { (Words::UntilDeleted.text(lang)) }
                                }
                            }
                        }
                    }
                }
            }
            (first(objects.len(), lang))
        }
    }
}
