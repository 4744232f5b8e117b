//! The section of the document about the content filter's cost.

use std::{fmt::Write as _, fs};

use super::{Amount, Cost, Costs};
use crate::report::machine;

/// Takes one value from each request.
type Of = fn(&Costs) -> Vec<f64>;

/// One row of the table.
struct Row {
    name: String,
    of: Of,
    /// The value of which this share of all values is at most as high.
    share: f64,
    decimals: usize,
}

/// A goal.
struct Goal {
    name: &'static str,
    measured: f64,
    most: f64,
    unit: &'static str,
}

/// Returns the report as Markdown. The costs are those without and with the encoder.
pub(super) fn markdown(measured: &[Costs; 2], amount: Amount) -> String {
    let mut text = String::new();
    let Amount { requests, answers, tokens } = amount;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{requests} prompts of 1 KB, then {answers} answers of {tokens} tokens, one after the other. Machine: \
         {}, at a load of {} at the end.\n",
        machine(),
        load.split(' ').next().unwrap_or_default(),
    );
    let _ = writeln!(text, "| | without the encoder | with the encoder |\n|---|---:|---:|");
    for row in rows(tokens) {
        let [without, with] = row.values(measured);
        let decimals = row.decimals;
        let _ = writeln!(text, "| {} | {without:.decimals$} | {with:.decimals$} |", row.name);
    }
    let _ = writeln!(text, "\n| goal | measured | result |\n|---|---:|---|");
    for Goal { name, measured, most, unit } in goals(measured) {
        let result = if measured <= most { "met" } else { "missed" };
        let _ = writeln!(text, "| {name} | {measured:.2}{unit} | {result} |");
    }
    let _ = writeln!(
        text,
        "\nValues of each request:\n\n| | without the encoder | with the encoder |\n|---|---|---|"
    );
    for (name, of) in RAW {
        let [without, with] = [0, 1].map(|at| measured.get(at).map(of).unwrap_or_default());
        let _ = writeln!(text, "| {name} | {} | {} |", list(&without), list(&with));
    }
    text
}

/// Values that are listed one by one.
const RAW: [(&str, Of); 4] = [
    ("prompt of 1 KB: the filter, ms", |costs| each(&costs.prompts, |cost| cost.prompt_ms)),
    ("prompt of 1 KB: the rest, ms", |costs| each(&costs.prompts, rest)),
    ("answer: the filter, ms", |costs| each(&costs.answers, |cost| cost.completion_ms)),
    ("answer: the client's time, ms", |costs| each(&costs.answers, |cost| cost.whole_ms)),
];

fn rows(tokens: u32) -> Vec<Row> {
    let row = |name: &str, of, share, decimals| Row { name: name.to_owned(), of, share, decimals };
    let prompt: Of = |costs| each(&costs.prompts, |cost| cost.prompt_ms);
    let own: Of = |costs| each(&costs.prompts, rest);
    let answer = |what: &str| format!("answer of {tokens} tokens: {what}");
    vec![
        row("prompt of 1 KB: the filter, p50, ms", prompt, 0.5, 3),
        row("prompt of 1 KB: the filter, p95, ms", prompt, 0.95, 3),
        row("prompt of 1 KB: the model and the gateway, p50, ms", own, 0.5, 1),
        row("prompt of 1 KB: the model and the gateway, p95, ms", own, 0.95, 1),
        row(
            "prompt of 1 KB: the filter's time divided by that, p50",
            |costs| each(&costs.prompts, |cost| cost.prompt_ms / rest(cost)),
            0.5,
            3,
        ),
        row(&answer("looks"), |costs| each(&costs.answers, |cost| cost.looks), 0.5, 0),
        row(
            &answer("the filter, p50, ms"),
            |costs| each(&costs.answers, |cost| cost.completion_ms),
            0.5,
            1,
        ),
        row(
            &answer("the client's time, p50, ms"),
            |costs| each(&costs.answers, |cost| cost.whole_ms),
            0.5,
            1,
        ),
        row(
            &answer("tokens/s, p50"),
            |costs| each(&costs.answers, |cost| count(cost.tokens) * 1000.0 / cost.whole_ms),
            0.5,
            1,
        ),
        row(
            &answer("the filter's share of the time, p50, %"),
            |costs| each(&costs.answers, percent),
            0.5,
            2,
        ),
    ]
}

impl Row {
    fn values(&self, measured: &[Costs; 2]) -> [f64; 2] {
        measured.each_ref().map(|costs| quantile((self.of)(costs), self.share))
    }
}

fn goals(measured: &[Costs; 2]) -> Vec<Goal> {
    let [without, with] = measured.each_ref();
    let p95 = |costs: &Costs| quantile(each(&costs.prompts, |cost| cost.prompt_ms), 0.95);
    let share = |costs: &Costs| quantile(each(&costs.answers, percent), 0.5);
    let goal = |name, measured, most, unit| Goal { name, measured, most, unit };
    vec![
        goal(
            "with the encoder, a prompt of 1 KB: a p95 of at most 100 ms",
            p95(with),
            100.0,
            " ms",
        ),
        goal("the same: at most 50 ms", p95(with), 50.0, " ms"),
        goal("without the encoder: a p95 of at most 1 ms", p95(without), 1.0, " ms"),
        goal("without the encoder: at most 10 % of an answer's time", share(without), 10.0, " %"),
        goal("with the encoder: at most 10 % of an answer's time", share(with), 10.0, " %"),
    ]
}

/// The client's time without the filter's for the prompt and for the one token.
fn rest(cost: &Cost) -> f64 {
    cost.whole_ms - cost.prompt_ms - cost.completion_ms
}

fn percent(cost: &Cost) -> f64 {
    100.0 * cost.completion_ms / cost.whole_ms
}

#[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^52")]
fn count(tokens: u64) -> f64 {
    tokens as f64
}

fn each(costs: &[Cost], of: fn(&Cost) -> f64) -> Vec<f64> {
    costs.iter().map(of).collect()
}

/// Returns the smallest value that at least `share` of the values do not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of some hundred values"
)]
fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!((quantile(values.clone(), 0.95) - 95.0).abs() < f64::EPSILON);
        assert!((quantile(values, 0.5) - 50.0).abs() < f64::EPSILON);
        assert!(quantile(Vec::new(), 0.5).is_nan());
    }
}
