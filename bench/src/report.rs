//! The report on models: medians, ratios, the values of each round, and the machine.

use std::{fmt::Write as _, fs, io, path::Path};

use crate::measure::{Plan, Round, median};

/// All measurements of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    pub(crate) rounds: Vec<Round>,
    /// Peak memory of each start, in MB.
    pub(crate) memory_mb: Vec<f64>,
    /// The same, with pages that the server's processes share counted once.
    pub(crate) memory_once_mb: Vec<f64>,
}

/// One row of the table.
struct Metric {
    name: &'static str,
    lower_is_better: bool,
    values: fn(&Series) -> Vec<f64>,
}

const METRICS: [Metric; 10] = [
    Metric {
        name: "time to first token, ms",
        lower_is_better: true,
        values: |series| series.rounds.iter().map(|round| round.first_token_ms).collect(),
    },
    Metric {
        name: "tokens/s, 1 stream",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.tokens_per_second_1).collect(),
    },
    Metric {
        name: "tokens/s, 8 streams",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.tokens_per_second_8).collect(),
    },
    Metric {
        name: "prompt tokens/s",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.prompt_tokens_per_second).collect(),
    },
    Metric {
        name: "tokens/s under a schema, 1 stream",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.schema_1.tokens).collect(),
    },
    Metric {
        name: "tokens/s under a schema, 8 streams",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.schema_8.tokens).collect(),
    },
    Metric {
        name: "bytes/s of JSON under a schema, 1 stream",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.schema_1.bytes).collect(),
    },
    Metric {
        name: "bytes/s of JSON under a schema, 8 streams",
        lower_is_better: false,
        values: |series| series.rounds.iter().map(|round| round.schema_8.bytes).collect(),
    },
    Metric {
        name: "peak memory, MB",
        lower_is_better: true,
        values: |series| series.memory_mb.clone(),
    },
    Metric {
        name: "peak memory, shared pages once, MB",
        lower_is_better: true,
        values: |series| series.memory_once_mb.clone(),
    },
];

/// Returns the report as Markdown.
pub(crate) fn markdown(ours: &Series, theirs: &Series, plan: Plan) -> String {
    let mut text = String::new();
    let Plan { rounds, tokens, prompt_words, first_tokens, answers } = plan;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{rounds} rounds. In each round both servers run in turn, with {first_tokens} short \
         requests for the time to first token, {tokens} tokens in one stream, {tokens} tokens in \
         each of 8 streams at once, one prompt of about {prompt_words} tokens, and under a schema \
         {answers} answers one after another and 8 at once. Machine: {}.\n",
        machine()
    );
    let _ = writeln!(
        text,
        "| median | Bailiwick | llama-server | ratio (above 1 is better) | median of the rounds' ratios | lowest, highest |"
    );
    let _ = writeln!(text, "|---|---:|---:|---:|---:|---:|");
    for metric in &METRICS {
        let [mut us, mut them] = [ours, theirs].map(metric.values);
        let ratio = |us: f64, them: f64| if metric.lower_is_better { them / us } else { us / them };
        // Both servers of a round ran one after the other, so drift of the machine cancels out.
        let mut pairs: Vec<f64> =
            us.iter().zip(&them).map(|(&us, &them)| ratio(us, them)).collect();
        let [us, them, pair] = [median(&mut us), median(&mut them), median(&mut pairs)];
        let [lowest, highest] =
            [pairs.first(), pairs.last()].map(|end| end.copied().unwrap_or(f64::NAN));
        let _ = writeln!(
            text,
            "| {} | {us:.1} | {them:.1} | {:.2} | **{pair:.2}** | {lowest:.2}, {highest:.2} |",
            metric.name,
            ratio(us, them)
        );
    }
    let _ = writeln!(text, "\nValues of each round:\n");
    let _ = writeln!(text, "| | Bailiwick | llama-server |");
    let _ = writeln!(text, "|---|---|---|");
    for metric in &METRICS {
        let [us, them] = [ours, theirs].map(metric.values).map(|values| {
            values.iter().map(|value| format!("{value:.1}")).collect::<Vec<_>>().join(" ")
        });
        let _ = writeln!(text, "| {} | {us} | {them} |", metric.name);
    }
    text
}

/// Replaces the text between the markers of a document: `<!-- NAME: begin -->` and the same with
/// `end`.
pub(crate) fn write_between_markers(document: &Path, name: &str, report: &str) -> io::Result<()> {
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name}: {side} -->"));
    let text = fs::read_to_string(document)?;
    let (before, rest) = text.split_once(&begin).ok_or_else(|| missing(document, &begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(document, &end))?;
    fs::write(document, format!("{before}{begin}\n{report}{end}{after}"))
}

fn missing(document: &Path, marker: &str) -> io::Error {
    io::Error::other(format!("`{}` has no line `{marker}`: add it", document.display()))
}

/// Returns the kernel's name of the processor.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{count} processors of type {}", name.map_or("unknown", |(_, name)| name))
}
