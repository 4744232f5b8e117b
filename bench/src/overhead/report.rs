//! The report on the gateway's overhead: medians, ratios, and the values of each round.

use std::fmt::Write as _;

use super::{CONCURRENCY, Measured, Proxy, Turn};
use crate::measure::median;

/// Reads a number from one turn.
type Value = Box<dyn Fn(&Turn) -> f64>;

/// One row of a table.
struct Row {
    name: String,
    value: Value,
    decimals: usize,
}

const COLUMNS: [Proxy; 5] =
    [Proxy::Bailiwick, Proxy::OverHttp, Proxy::Nginx, Proxy::LiteLlm, Proxy::Direct];

/// Returns the report as Markdown.
pub(super) fn markdown(measured: &Measured) -> String {
    let mut text = String::new();
    introduction(&mut text, measured);
    table(&mut text, measured);
    bars(&mut text, measured);
    raw(&mut text, measured);
    text
}

// Writing to a string cannot fail, here and below.
fn introduction(text: &mut String, measured: &Measured) {
    let Measured { rounds, requests, prompt_bytes, machine, fsync_ms, .. } = measured;
    let most = |connections| Proxy::Nginx.requests(*requests, connections);
    let least = |connections| Proxy::LiteLlm.requests(*requests, connections);
    let versions: Vec<String> = measured
        .versions
        .iter()
        .map(|(proxy, version)| format!("{} {version}", proxy.name()))
        .collect();
    let _ = writeln!(
        text,
        "{rounds} rounds. In each round every program runs in turn, with {} requests over one \
         connection, {} over 16 and {} over 64 (LiteLLM: {}, {} and {}). Prompt: {prompt_bytes} bytes. \
         Other programs: {}. Machine: {machine}. One fsync of a 512-byte append on the disk of the data \
         directory: {fsync_ms:.2} ms.\n",
        most(1),
        most(16),
        most(64),
        least(1),
        least(16),
        least(64),
        versions.join(", "),
    );
    let others = measured.turns.iter().map(|turn| turn.others).fold(0.0, f64::max);
    if others > OTHERS_MOST {
        let _ = writeln!(
            text,
            "**The machine was not idle**: in the worst turn, other programs used {others:.0} % of \
             the proxy's core. This makes throughput and latency worse, but not processor time per \
             request.\n"
        );
    }
    let state = |on: bool| if on { "on" } else { "not in this version" };
    let grown = middle(measured, Proxy::Bailiwick, &|turn| turn.grown);
    let _ = writeln!(
        text,
        "The measured version of Bailiwick authenticates by key, authorizes, checks rate limits, \
         counts metrics, and writes a line to its log for each call. Visible from outside: receipts \
         (`x-bailiwick-receipt` in the answer) {}; transparency log (`/log/checkpoint`) {}; growth of \
         the data directory for each request: {grown:.0} bytes{}.\n",
        state(measured.shown.receipts),
        state(measured.shown.log),
        if grown < 1.0 { ", so nothing is sealed, stored or committed yet" } else { "" },
    );
}

fn table(text: &mut String, measured: &Measured) {
    let _ = writeln!(
        text,
        "| median | {} | Bailiwick / nginx | over HTTP / nginx | over HTTP / LiteLLM |",
        COLUMNS.map(Proxy::name).join(" | ")
    );
    let _ = writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for Row { name, value, decimals } in rows() {
        let numbers = COLUMNS.map(|proxy| middle(measured, proxy, value.as_ref()));
        let [ours, over_http, nginx, litellm, _] = numbers;
        let cells = numbers.map(|number| cell(number, decimals));
        let ratios = [ours / nginx, over_http / nginx, over_http / litellm];
        let ratios = ratios.map(|ratio| cell(ratio, 2));
        let _ = writeln!(text, "| {name} | {} | {} |", cells.join(" | "), ratios.join(" | "));
    }
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (at, connections) in CONCURRENCY.into_iter().enumerate() {
        rows.push(Row {
            name: format!("requests/s, {connections} at once"),
            value: Box::new(move |turn| turn.runs.get(at).map_or(f64::NAN, |run| run.per_second)),
            decimals: 0,
        });
    }
    for (at, connections) in CONCURRENCY.into_iter().enumerate() {
        rows.push(Row {
            name: format!("p50, {connections} at once, ms"),
            value: Box::new(move |turn| turn.runs.get(at).map_or(f64::NAN, |run| run.p50_ms)),
            decimals: 3,
        });
        rows.push(Row {
            name: format!("p99, {connections} at once, ms"),
            value: Box::new(move |turn| turn.runs.get(at).map_or(f64::NAN, |run| run.p99_ms)),
            decimals: 3,
        });
        rows.push(Row {
            name: format!("p99 / p50, {connections} at once"),
            value: Box::new(move |turn| {
                turn.runs.get(at).map_or(f64::NAN, |run| run.p99_ms / run.p50_ms)
            }),
            decimals: 1,
        });
    }
    rows.push(Row {
        name: "proxy's processor time per request at 64, µs".to_owned(),
        value: Box::new(|turn| if turn.cost_us > 0.0 { turn.cost_us } else { f64::NAN }),
        decimals: 1,
    });
    rows.push(Row {
        name: "proxy's core busy at 64, %".to_owned(),
        value: Box::new(|turn| turn.busy.first().copied().unwrap_or(f64::NAN)),
        decimals: 0,
    });
    rows.push(Row {
        name: "stub's and load's core busy at 64, %".to_owned(),
        value: Box::new(|turn| turn.busy.last().copied().unwrap_or(f64::NAN)),
        decimals: 0,
    });
    rows
}

/// A goal.
struct Goal {
    name: &'static str,
    measured: f64,
    unit: &'static str,
    decimals: usize,
    is_met: bool,
    applies: bool,
}

/// The goals, and whether they are met.
fn bars(text: &mut String, measured: &Measured) {
    let _ = writeln!(text, "\n| goal | measured | result |\n|---|---:|---|");
    for Goal { name, measured, unit, decimals, is_met, applies } in goals(measured) {
        let judged = if is_met { "met" } else { "missed" };
        let applies = if applies { "" } else { " (one fsync takes longer here)" };
        if measured.is_finite() {
            let _ = writeln!(
                text,
                "| {name} | {}{unit} | {judged}{applies} |",
                cell(measured, decimals)
            );
        }
    }
}

fn goals(measured: &Measured) -> Vec<Goal> {
    let of = |proxy, value: &dyn Fn(&Turn) -> f64| middle(measured, proxy, value);
    let at_most = |turn: &Turn| turn.runs.last().map_or(f64::NAN, |run| run.per_second);
    let alone = |turn: &Turn| turn.runs.first().map_or(f64::NAN, |run| run.p50_ms);
    let tail = |turn: &Turn| turn.runs.last().map_or(f64::NAN, |run| run.p99_ms / run.p50_ms);
    let cost = |turn: &Turn| turn.cost_us;
    let (ours, over_http) = (Proxy::Bailiwick, Proxy::OverHttp);
    let added = of(over_http, &alone) - of(Proxy::Direct, &alone);
    let ratio = of(over_http, &at_most) / of(Proxy::LiteLlm, &at_most);
    let work = of(ours, &cost) / of(Proxy::Nginx, &cost);
    let at_most = |name, measured, unit, most, applies| Goal {
        name,
        measured,
        unit,
        decimals: 2,
        is_met: measured <= most,
        applies,
    };
    vec![
        at_most(
            "over HTTP, with one request at a time: a p50 less than 1 ms above the stub's",
            added,
            " ms",
            1.0,
            true,
        ),
        at_most("at 64 at once: a p99 of at most 3 times p50", of(ours, &tail), "", 3.0, true),
        at_most("the same, over HTTP", of(over_http, &tail), "", 3.0, true),
        at_most("at 64 at once: at most 3.5 times nginx's processor time", work, "", 3.5, true),
        at_most(
            "with one request at a time: a p50 below 0.5 ms, where an fsync takes less than 0.2 ms",
            of(ours, &alone),
            " ms",
            0.5,
            measured.fsync_ms < 0.2,
        ),
        Goal {
            name: "over HTTP, at 64 at once: at least 10 times LiteLLM's throughput",
            measured: ratio,
            unit: "",
            decimals: 1,
            is_met: ratio >= 10.0,
            applies: true,
        },
    ]
}

fn raw(text: &mut String, measured: &Measured) {
    let _ = writeln!(text, "\nValues of each round:\n");
    let _ = writeln!(text, "| | {} |", COLUMNS.map(Proxy::name).join(" | "));
    let _ = writeln!(text, "|---|---|---|---|---|---|");
    for Row { name, value, decimals } in rows() {
        let cells = COLUMNS.map(|proxy| {
            let numbers = values(measured, proxy, value.as_ref());
            let numbers: Vec<_> = numbers.into_iter().map(|value| cell(value, decimals)).collect();
            numbers.join(" ")
        });
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
}

/// Above the error of the clock ticks in `/proc/stat`, in percent.
const OTHERS_MOST: f64 = 10.0;

fn values(measured: &Measured, proxy: Proxy, value: &dyn Fn(&Turn) -> f64) -> Vec<f64> {
    measured.turns.iter().filter(|turn| turn.proxy == proxy).map(value).collect()
}

fn middle(measured: &Measured, proxy: Proxy, value: &dyn Fn(&Turn) -> f64) -> f64 {
    median(&mut values(measured, proxy, value))
}

/// Formats a number; a dash if it was not measured.
fn cell(number: f64, decimals: usize) -> String {
    if number.is_finite() { format!("{number:.decimals$}") } else { "–".to_owned() }
}
