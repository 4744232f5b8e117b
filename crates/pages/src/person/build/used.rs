//! The use of a resource in this hour and today.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::{
    layout::grouped,
    person::{Visit, console::things::Usage},
    time,
    words::{Lang, Message as _, build::Build, console::Console},
};

/// Returns the parameters that ask for the hours of today.
pub(super) fn today(now_ms: u64) -> String {
    let day = time::day(now_ms);
    format!("by=hour&from={day}&to={day}")
}

#[derive(Default)]
struct Sum {
    requests: u64,
    refused: u64,
    failed: u64,
    tokens: u64,
}

impl Sum {
    fn add(&mut self, row: &Usage) {
        self.requests = self.requests.saturating_add(row.requests);
        self.refused = self.refused.saturating_add(row.refused);
        self.failed = self.failed.saturating_add(row.failed);
        let tokens = row.prompt_tokens.saturating_add(row.completion_tokens);
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

/// Shows the use by deployment. Rows of other hours than this one count for today; rows of months, which
/// the page gets when it could not ask for today, count for their month.
pub(super) fn shown(visit: &Visit<'_>, rows: Vec<Usage>) -> Markup {
    let lang = visit.frame.lang;
    let this_hour = time::rfc3339(visit.now_ms / 3_600_000 * 3_600_000);
    let is_today = rows.iter().all(|row| row.period.starts_with(&time::day(visit.now_ms)));
    let month: String = time::day(visit.now_ms).chars().take("2026-11".len()).collect();
    let (mut hour, mut all) = (BTreeMap::<String, Sum>::new(), BTreeMap::<String, Sum>::new());
    for row in rows.iter().filter(|row| row.period.starts_with(&month)) {
        all.entry(row.deployment.clone()).or_default().add(row);
        if row.period == this_hour {
            hour.entry(row.deployment.clone()).or_default().add(row);
        }
    }
    html! {
        @if is_today {
            h3 { (Build::ThisHour.text(lang)) }
            (table(&hour, lang))
        }
        h3 { (if is_today { Build::Today.text(lang) } else { Build::ThisMonth.text(lang) }) }
        (table(&all, lang))
        p class="help" { (Build::UseHelp.text(lang)) }
    }
}

fn table(sums: &BTreeMap<String, Sum>, lang: Lang) -> Markup {
    if sums.is_empty() {
        return html! { p { (Build::NoUse.text(lang)) } };
    }
    let cell = |name: Console, number: u64| {
        html! { td class="number" { (grouped(number)) " " span class="unit" { (name.text(lang)) } } }
    };
    html! {
        table class="wide" {
            thead { tr {
                th scope="col" { (Console::Deployment.text(lang)) }
                th scope="col" class="number" { (Console::Served.text(lang)) }
                th scope="col" class="number" { (Console::Refused.text(lang)) }
                th scope="col" class="number" { (Console::FailedRequests.text(lang)) }
                th scope="col" class="number" { (Console::Tokens.text(lang)) }
            } }
            tbody { @for (deployment, sum) in sums { tr {
                th scope="row" {
                    @if deployment.is_empty() { (Build::NoneNamed.text(lang)) } @else { code { (deployment) } }
                }
                (cell(Console::Served, sum.requests))
                (cell(Console::Refused, sum.refused))
                (cell(Console::FailedRequests, sum.failed))
                (cell(Console::Tokens, sum.tokens))
            } } }
        }
    }
}
