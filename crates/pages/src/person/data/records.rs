//! The stored records of a resource, without content.

use maud::{Markup, html};

use super::{
    super::{
        Answer, View, Visit, is_name,
        parts::{due, moment, pages},
    },
    Item, List, address, page,
};
use crate::{
    format::{Query, encoded},
    layout::grouped,
    time::{DAY_MS, start_of},
    words::{Message as _, data::Data, person::Person},
};

/// Records of one answer of the API: its most.
const ASKED: usize = 1000;

/// Rows of the page.
const ROWS: usize = 100;

/// The API lists records in the order in which they were stored, and finds none by time: the page
/// looks through one of its answers.
pub(super) struct Records {
    resource: String,
    /// The id that the person looks for.
    request: Option<String>,
    after: Option<String>,
    from: Option<String>,
    until: Option<String>,
}

impl Records {
    pub(super) fn of(resource: String, query: &Query) -> Self {
        let get = |name: &str| query.get(name).map(str::to_owned);
        Self {
            resource,
            request: get("request"),
            after: get("after").filter(|id| is_name(id)),
            from: get("from"),
            until: get("until"),
        }
    }

    fn fits(&self, record: &Item) -> bool {
        let from = self.from.as_deref().and_then(start_of);
        let until = self.until.as_deref().and_then(start_of);
        from.is_none_or(|from| from <= record.started_ms)
            && until.is_none_or(|until| record.started_ms < until.saturating_add(DAY_MS))
    }

    /// Returns the address of the page after a record.
    fn next(&self, after: &str) -> String {
        let mut next = format!("{}?after={}", address(&self.resource, "/records"), encoded(after));
        for (name, value) in [("from", &self.from), ("until", &self.until)] {
            if let Some(value) = value {
                next.push_str(&format!("&{name}={}", encoded(value)));
            }
        }
        next
    }
}

impl View for Records {
    fn asks(&self) -> Vec<String> {
        let after = self.after.as_ref().map(|id| format!("&after={id}")).unwrap_or_default();
        vec![format!("/desk/v1/resources/{}/records?limit={ASKED}{after}", self.resource)]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [records] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Data::RecordsLead.text(lang)) }
            (self.filters(visit))
            @match self.request.as_deref() {
                Some(request) if is_name(request) => {
                    p { a href=(visit.frame.link(&address(&self.resource, &format!("/records/{request}")))) {
                        code { (request) }
                    } }
                }
                Some(_) => { p class="notice" role="alert" { (Data::BadRequest.text(lang)) } }
                None => {}
            }
            (records.shown(visit, |records: List<Item>| self.table(visit, &records)))
        };
        page(visit, &self.resource, "/records", &body)
    }
}

impl Records {
    fn filters(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        let input = |label: Data, kind: &str, name: &str, value: &Option<String>| {
            html! {
                label {
                    (label.text(lang))
                    input type=(kind) name=(name) value=(value.as_deref().unwrap_or_default());
                }
            }
        };
        html! {
            form class="filters" method="get" action=(address(&self.resource, "/records")) {
                @if visit.frame.is_lang_named { input type="hidden" name="lang" value=(lang.tag()); }
                (input(Data::FindRequest, "text", "request", &self.request))
                (input(Data::FindFrom, "date", "from", &self.from))
                (input(Data::FindUntil, "date", "until", &self.until))
                button { (Person::Show.text(lang)) }
            }
        }
    }

    fn table(&self, visit: &Visit<'_>, records: &List<Item>) -> Markup {
        let lang = visit.frame.lang;
        let mut fitting = records.data.iter().filter(|record| self.fits(record));
        let rows: Vec<_> = fitting.by_ref().take(ROWS).collect();
        // The next page begins after the last row, or after the last record that was looked through.
        let next = match (fitting.next(), rows.last(), records.data.last()) {
            (Some(_), Some(last), _) => Some(self.next(&last.id)),
            (None, _, Some(last)) if records.has_more => Some(self.next(&last.id)),
            _ => None,
        };
        let first = self.after.as_ref().map(|_| address(&self.resource, "/records"));
        let searched = grouped(u64::try_from(records.data.len()).unwrap_or(u64::MAX));
        html! {
            @if rows.is_empty() { p { (Data::NoRecords.text(lang)) } } @else {
                table class="wide" {
                    thead { tr {
                        th scope="col" { (Data::Request.text(lang)) }
                        th scope="col" { (Data::Time.text(lang)) }
                        th scope="col" { (Data::Deployment.text(lang)) }
                        th scope="col" class="number" { (Data::Status.text(lang)) }
                        th scope="col" class="number" { (Data::Tokens.text(lang)) }
                        th scope="col" { (Data::KeyEnds.text(lang)) }
                    } }
                    tbody { @for record in rows { (self.row(visit, record)) } }
                }
            }
            @if records.has_more { p class="note" { (Data::Searched.with(lang, &[("count", &searched)])) } }
            (pages(visit, first.as_deref(), next.as_deref()))
        }
    }

    fn row(&self, visit: &Visit<'_>, record: &Item) -> Markup {
        let to = address(&self.resource, &format!("/records/{}", record.id));
        html! {
            tr {
                th scope="row" { a href=(visit.frame.link(&to)) { code { (record.id) } } }
                td { (moment(record.started_ms)) }
                td { (record.deployment.as_deref().unwrap_or("–")) }
                td class="number" { (record.status) }
                td class="number" { (grouped(record.prompt_tokens)) " / " (grouped(record.completion_tokens)) }
                td { (due(visit, record.deadline_ms)) }
            }
        }
    }
}
