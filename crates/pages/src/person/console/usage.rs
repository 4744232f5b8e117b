//! Use and its cost by month, tenant, resource, deployment and caller.

use maud::{Markup, html};

use super::{
    money::Money,
    parts::{ROWS, fact, keep_language, pages, part, place, section, select},
    things::Usage,
};
use crate::{
    format::Query,
    layout::grouped,
    person::{
        Answer, View, Visit,
        act::{Act, Then},
        is_name,
    },
    time,
    words::{Lang, Message as _, console::Console},
};

/// The page.
pub(super) struct Use {
    month: Option<String>,
    tenant: Option<String>,
    resource: Option<String>,
    from: usize,
}

/// Months that the form offers: usage is kept for 400 days unless the configuration says otherwise.
const MONTHS: usize = 14;

impl Use {
    pub(super) fn of(query: &Query) -> Self {
        let name = |field| query.get(field).filter(|name| is_name(name)).map(str::to_owned);
        let month = query.get("month").filter(|month| is_month(month)).map(str::to_owned);
        Self { month, tenant: name("tenant"), resource: name("resource"), from: place(query) }
    }

    fn shown_month(&self, now_ms: u64) -> String {
        self.month.clone().unwrap_or_else(|| month_of(now_ms))
    }

    fn address(&self, month: Option<&str>) -> String {
        let mut address = "/admin/v1/usage?by=month".to_owned();
        let given = [
            ("from", month),
            ("to", month),
            ("tenant", self.tenant.as_deref()),
            ("resource", self.resource.as_deref()),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                address.push_str(&format!("&{name}={value}"));
            }
        }
        address
    }
}

fn is_month(text: &str) -> bool {
    time::start_of(&format!("{text}-01")).is_some()
}

fn month_of(ms: u64) -> String {
    time::day(ms).chars().take("2026-11".len()).collect()
}

/// Returns this month and those before it.
fn months(now_ms: u64) -> Vec<String> {
    let mut months = Vec::new();
    let mut at = now_ms;
    for _ in 0..MONTHS {
        let month = month_of(at);
        let first = time::start_of(&format!("{month}-01")).unwrap_or(0);
        months.push(month);
        let Some(before) = first.checked_sub(time::DAY_MS) else { break };
        at = before;
    }
    months
}

impl View for Use {
    fn asks(&self) -> Vec<String> {
        vec![self.address(self.month.as_deref())]
    }

    fn asks_at(&self, now_ms: u64) -> Vec<String> {
        vec![self.address(Some(&self.shown_month(now_ms)))]
    }

    fn html(&self, visit: &Visit<'_>, answers: &[Answer]) -> String {
        let lang = visit.frame.lang;
        let [usage] = answers else { return String::new() };
        let month = self.shown_month(visit.now_ms);
        let body = html! {
            (self.form(visit, &month))
            (usage.shown(visit, |rows: Vec<Usage>| {
                let rows: Vec<_> = rows.into_iter().filter(|row| row.period == month).collect();
                let total = Total::of(&rows);
                html! {
                    (section("total", &Console::TotalOf.with(lang, &[("month", &month)]), &total.shown(lang)))
                    (section("rows", Console::Rows.text(lang), &self.table(visit, &rows)))
                    (section("match", Console::Reconcile.text(lang), &reconcile(&total, lang)))
                }
            }))
            (section("export", Console::Export.text(lang), &self.export(visit, &month)))
        };
        super::page(visit, "/pages/console/usage", Console::Usage.text(lang), &body)
    }
}

impl Use {
    fn form(&self, visit: &Visit<'_>, month: &str) -> Markup {
        let lang = visit.frame.lang;
        let months = months(visit.now_ms);
        let mut options: Vec<_> = months.iter().map(|one| (one.as_str(), one.as_str())).collect();
        if !months.iter().any(|one| one == month) {
            options.push((month, month));
        }
        let name = |label: Console, name: &str, value: &Option<String>| {
            html! {
                div class="field" {
                    label { (label.text(lang)) input type="text" name=(name) value=[value] maxlength="64" spellcheck="false"; }
                }
            }
        };
        html! {
            form class="filters" method="get" {
                (keep_language(visit))
                (select(Console::Month.text(lang), "month", &options, month))
                (name(Console::Tenant, "tenant", &self.tenant))
                (name(Console::Resource, "resource", &self.resource))
                button { (Console::Show.text(lang)) }
            }
        }
    }

    fn table(&self, visit: &Visit<'_>, rows: &[Usage]) -> Markup {
        let lang = visit.frame.lang;
        if rows.is_empty() {
            return html! { p { (Console::NoUse.text(lang)) } };
        }
        let number = |number: u64, unit: Console| {
            html! { td class="number" { (grouped(number)) " " span class="unit" { (unit.text(lang)) } } }
        };
        html! {
            table class="wide" {
                thead { tr {
                    th scope="col" { (Console::Deployment.text(lang)) }
                    th scope="col" { (Console::Caller.text(lang)) }
                    th scope="col" class="number" { (Console::Served.text(lang)) }
                    th scope="col" class="number" { (Console::Refused.text(lang)) }
                    th scope="col" class="number" { (Console::FailedRequests.text(lang)) }
                    th scope="col" class="number" { (Console::PromptTokens.text(lang)) }
                    th scope="col" class="number" { (Console::CompletionTokens.text(lang)) }
                    th scope="col" class="number" { (Console::Amount.text(lang)) }
                } }
                tbody { @for row in part(rows, self.from, ROWS) { tr {
                    th scope="row" {
                        @if row.deployment.is_empty() { (Console::NoneNamed.text(lang)) } @else { (row.deployment) }
                        p class="help" { (row.tenant) " / " (row.resource) }
                    }
                    td { code { (row.caller) } }
                    (number(row.requests, Console::Served))
                    (number(row.refused, Console::Refused))
                    (number(row.failed, Console::FailedRequests))
                    td class="number" {
                        (grouped(row.prompt_tokens)) " " span class="unit" { (Console::PromptTokens.text(lang)) }
                        @if row.cached_tokens > 0 {
                            span class="help" { br; (Console::Cached.with(lang, &[("count", &grouped(row.cached_tokens))])) }
                        }
                    }
                    (number(row.completion_tokens, Console::CompletionTokens))
                    td class="number" {
                        @match &row.amount {
                            Some(amount) => { (amount) " " (row.currency.as_deref().unwrap_or_default()) }
                            None => { "–" }
                        }
                    }
                } } }
            }
            (pages(visit, rows.len(), self.from, ROWS))
        }
    }

    fn export(&self, visit: &Visit<'_>, month: &str) -> Markup {
        let lang = visit.frame.lang;
        let path = |format: &str| format!("{}&format={format}", self.address(Some(month)));
        let file = |path: &str, button: Console| {
            let button = button.text(lang);
            Act { method: "GET", path, then: Then::Answer, button }.form(visit, &html! {})
        };
        html! {
            p { (Console::ExportText.text(lang)) }
            (file(&path("csv"), Console::AsCsv))
        }
    }
}

/// The sums of all rows.
#[derive(Default)]
struct Total {
    requests: u64,
    refused: u64,
    failed: u64,
    prompt: u64,
    cached: u64,
    completion: u64,
    /// The sum of the amounts, and their currency.
    amount: Option<(Money, String)>,
    /// Rows with tokens and without a price, or with one that cannot be read.
    unpriced: u64,
}

impl Total {
    fn of(rows: &[Usage]) -> Self {
        let mut total = Self::default();
        for row in rows {
            let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
            add(&mut total.requests, row.requests);
            add(&mut total.refused, row.refused);
            add(&mut total.failed, row.failed);
            add(&mut total.prompt, row.prompt_tokens);
            add(&mut total.cached, row.cached_tokens);
            add(&mut total.completion, row.completion_tokens);
            match row.amount.as_deref().and_then(Money::read) {
                Some(amount) => {
                    let currency = row.currency.clone().unwrap_or_default();
                    let sum = total.amount.take().map_or(amount, |(sum, _)| sum.plus(amount));
                    total.amount = Some((sum, currency));
                }
                None if row.prompt_tokens > 0 || row.completion_tokens > 0 => {
                    add(&mut total.unpriced, 1);
                }
                None => {}
            }
        }
        total
    }

    fn entries(&self) -> u64 {
        self.requests.saturating_add(self.refused).saturating_add(self.failed)
    }

    fn shown(&self, lang: Lang) -> Markup {
        let row = |name: Console, number: u64| {
            html! { tr { th scope="row" { (name.text(lang)) } td class="number" { (grouped(number)) } } }
        };
        html! {
            table {
                tbody {
                    (row(Console::Served, self.requests))
                    (row(Console::Refused, self.refused))
                    (row(Console::FailedRequests, self.failed))
                    (row(Console::PromptTokens, self.prompt))
                    (row(Console::CachedTokens, self.cached))
                    (row(Console::CompletionTokens, self.completion))
                    tr {
                        th scope="row" { (Console::Amount.text(lang)) }
                        td class="number" {
                            @match &self.amount {
                                Some((sum, currency)) => { strong { (sum) " " (currency) } }
                                None => { "–" }
                            }
                        }
                    }
                }
            }
            @if self.unpriced > 0 {
                p class="notice" { (Console::Unpriced.with(lang, &[("count", &grouped(self.unpriced))])) }
            }
            p class="help" { (Console::PricesHelp.text(lang)) }
        }
    }
}

fn reconcile(total: &Total, lang: Lang) -> Markup {
    html! {
        p { (Console::ReconcileText.text(lang)) }
        dl class="facts" {
            (fact(Console::RequestsInUse.text(lang), &html! { (grouped(total.entries())) }))
            (fact(Console::TokensInUse.text(lang), &html! {
                (grouped(total.prompt)) " + " (grouped(total.completion))
            }))
        }
        p { (Console::ReconcileHow.text(lang)) }
        pre tabindex="0" { code { "bailiwick doctor --data DIR --config bailiwick.toml" } }
    }
}
