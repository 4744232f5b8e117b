//! How long a resource's data is stored: the retention clock.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Answer, View, Visit,
        parts::{due, fact, from_now, moment},
    },
    Item, List, page,
};
use crate::{
    layout::grouped,
    time::{day, minute},
    words::{Lang, Message as _, data::Data},
};

/// Records that the clock counts. The API's largest page.
const COUNTED: usize = 1000;

pub(super) struct Overview {
    pub(super) resource: String,
}

/// A resource, as the desk lists it.
#[derive(Deserialize)]
struct Resource {
    name: String,
    region: String,
    prefix_cache: bool,
    lockbox: bool,
    retention_days: u32,
    subject_header: Option<String>,
}

#[derive(Deserialize)]
struct Inventory {
    also_kept: Vec<AlsoKept>,
}

#[derive(Deserialize)]
struct AlsoKept {
    what: String,
    content: bool,
    #[serde(default)]
    count: Option<u64>,
    days: Option<u32>,
    #[serde(default)]
    until: Option<u64>,
    why: String,
}

#[derive(Deserialize)]
struct Retention {
    #[serde(default)]
    content_logging: Option<String>,
    in_force: Option<InForce>,
}

#[derive(Deserialize)]
struct InForce {
    until_ms: u64,
}

impl View for Overview {
    fn asks(&self) -> Vec<String> {
        let desk = format!("/desk/v1/resources/{}", self.resource);
        vec![
            "/desk/v1/resources".to_owned(),
            format!("{desk}/zeroRetention"),
            format!("{desk}/records?limit={COUNTED}"),
            format!("{desk}/inventory?limit=1"),
        ]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [resources, retention, records, inventory] = answers else { return String::new() };
        let body = html! {
            p class="lead" { (Data::Lead.text(lang)) }
            (retention.shown(visit, |retention: Retention| html! {
                dl class="facts" { (fact(Data::Logging.text(lang), &html! { (logging(&retention, lang)) })) }
            }))
            (resources.shown(visit, |known: Vec<Resource>| html! {
                @for resource in known.iter().filter(|one| one.name == self.resource) {
                    (settings(resource, lang))
                }
            }))
            h2 { (Data::Clock.text(lang)) }
            (records.shown(visit, |records: List<Item>| clock(visit, &records)))
            h2 { (Data::AlsoKept.text(lang)) }
            (inventory.shown(visit, |inventory: Inventory| also_kept(visit, &inventory.also_kept)))
        };
        page(visit, &self.resource, "", &body)
    }
}

fn logging(retention: &Retention, lang: Lang) -> String {
    match (retention.content_logging.as_deref(), &retention.in_force) {
        (Some("false"), Some(active)) => {
            Data::LoggingOff.with(lang, &[("until", &minute(active.until_ms))])
        }
        (Some("false"), None) => Data::LoggingOffPlain.text(lang).to_owned(),
        _ => Data::LoggingOn.text(lang).to_owned(),
    }
}

fn settings(resource: &Resource, lang: Lang) -> Markup {
    let days = Data::DaysAtMost.with(lang, &[("days", &resource.retention_days.to_string())]);
    let lockbox = if resource.lockbox { Data::LockboxOn } else { Data::LockboxOff };
    let cache = if resource.prefix_cache { Data::PrefixOn } else { Data::Off };
    let row = |name: Data, value: &str| fact(name.text(lang), &html! { (value) });
    html! {
        dl class="facts" {
            (row(Data::Promised, &days))
            (row(Data::Region, &resource.region))
            (row(Data::Lockbox, lockbox.text(lang)))
            (row(Data::PrefixCache, cache.text(lang)))
            @if let Some(header) = &resource.subject_header {
                (fact(Data::SubjectHeader.text(lang), &html! { code { (header) } }))
            }
        }
    }
}

/// Shows the records by the day on which they were stored, with the end of their keys.
fn clock(visit: &Visit<'_>, records: &List<Item>) -> Markup {
    let lang = visit.frame.lang;
    let Some(oldest) = records.data.iter().map(|record| record.deadline_ms).min() else {
        return html! { p { (Data::ClockNone.text(lang)) } };
    };
    // The records of a day can have several deadlines: the setting may have changed on that day.
    let mut days: BTreeMap<(String, u64), u64> = BTreeMap::new();
    for record in &records.data {
        let count = days.entry((day(record.finished_ms), record.deadline_ms)).or_default();
        *count = count.saturating_add(1);
    }
    let most = days.values().copied().max().unwrap_or(1);
    let summary = if records.has_more { Data::ClockMany } else { Data::ClockSummary };
    let count = grouped(u64::try_from(records.data.len()).unwrap_or(u64::MAX));
    let when = from_now(lang, oldest, visit.now_ms);
    html! {
        p class="verdict" { (summary.with(lang, &[("count", &count), ("when", &when)])) }
        table class="wide" {
            thead { tr {
                th scope="col" { (Data::Stored.text(lang)) }
                th scope="col" class="number" { (Data::Count.text(lang)) }
                th scope="col" { (Data::Share.text(lang)) }
                th scope="col" { (Data::KeyEnds.text(lang)) }
            } }
            tbody {
                @for ((day, deadline_ms), count) in &days {
                    tr {
                        th scope="row" class="time" { (day) }
                        td class="number" { (grouped(*count)) }
                        td { meter min="0" max=(most) value=(count) aria-label=(Data::Share.text(lang)) { (count) } }
                        td { (due(visit, *deadline_ms)) }
                    }
                }
            }
        }
    }
}

fn also_kept(visit: &Visit<'_>, kept: &[AlsoKept]) -> Markup {
    let lang = visit.frame.lang;
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Data::Kind.text(lang)) }
                th scope="col" { (Data::Content.text(lang)) }
                th scope="col" class="number" { (Data::Number.text(lang)) }
                th scope="col" class="number" { (Data::Days.text(lang)) }
                th scope="col" { (Data::Last.text(lang)) }
                th scope="col" { (Data::Purpose.text(lang)) }
            } }
            tbody {
                @for one in kept {
                    @let words = words(&one.what);
                    tr {
                        th scope="row" { (words.map_or(one.what.as_str(), |(name, _)| name.text(lang))) }
                        td { ((if one.content { Data::Yes } else { Data::No }).text(lang)) }
                        td class="number" { (one.count.map_or_else(|| "–".to_owned(), grouped)) }
                        td class="number" {
                            (one.days.map_or_else(|| Data::NoEnd.text(lang).to_owned(), |days| days.to_string()))
                        }
                        td {
                            @match one.until {
                                Some(until) => { (moment(until.saturating_mul(1000))) }
                                None => { "–" }
                            }
                        }
                        @match words {
                            Some((_, why)) => { td { (why.text(lang)) } }
                            None => { td lang="en" { (one.why) } }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the name and the purpose of data that the service keeps by itself.
fn words(what: &str) -> Option<(Data, Data)> {
    Some(match what {
        "records" => (Data::Records, Data::WhyRecords),
        "receipts" => (Data::Receipts, Data::WhyReceipts),
        "usage" => (Data::Usage, Data::WhyUsage),
        "abuse_counts" => (Data::AbuseCounts, Data::WhyAbuse),
        "log" => (Data::Log, Data::WhyLog),
        _ => return None,
    })
}
