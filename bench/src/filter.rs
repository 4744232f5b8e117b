//! Measures what the content filter costs: for a prompt of 1 KB, and for an answer; without and with
//! its encoder. The filter's time is the service's own number, read before and after each request.

mod report;

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    http::{Answer, chat, get},
    measure::request,
    report::write_between_markers,
    servers::{self, Server, Setup},
};

const USAGE: &str = "usage: bench filter --ours BINARY --model GGUF --encoder GGUF --work DIR
             [--requests 100] [--answers 5] [--tokens 192] [--threads N] [--write FILE.md]";

/// The command line.
struct Options {
    ours: PathBuf,
    encoder: PathBuf,
    write: Option<PathBuf>,
    setup: Setup,
    amount: Amount,
}

/// Amount of work.
#[derive(Debug, Clone, Copy)]
struct Amount {
    requests: u32,
    answers: u32,
    tokens: u32,
}

/// What one request cost.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// The client's time, from sending the request to the end of the answer.
    whole_ms: f64,
    /// The filter's time for the prompt.
    prompt_ms: f64,
    /// The filter's time for the answer.
    completion_ms: f64,
    /// The filter's looks at the answer.
    looks: f64,
    /// Generated tokens.
    tokens: u64,
}

/// All costs of one configuration.
#[derive(Debug, Default)]
struct Costs {
    prompts: Vec<Cost>,
    answers: Vec<Cost>,
}

/// `bench filter`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let Options { ours, encoder, write, setup, amount } = Options::parse(arguments)?;
    fs::create_dir_all(&setup.work)?;
    let encoder = encoder.to_string_lossy().into_owned();
    let mut measured = [Costs::default(), Costs::default()];
    let settings: [&[(&str, &str)]; 2] = [&[], &[("BAILIWICK_GUARD__ENCODER", &encoder)]];
    for (costs, settings) in measured.iter_mut().zip(settings) {
        let operations = servers::free_address()?;
        let server = servers::start_ours_with(&ours, &setup, operations, settings)?;
        warm_up(&server)?;
        *costs = measure(&server, operations, amount)?;
    }
    let report = report::markdown(&measured, amount);
    write!(io::stdout(), "{report}")?;
    match write {
        Some(document) => write_between_markers(&document, "filter", &report),
        None => Ok(()),
    }
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut options = Self {
            ours: PathBuf::new(),
            encoder: PathBuf::new(),
            write: None,
            setup: Setup {
                model: PathBuf::new(),
                threads: u32::try_from(threads).unwrap_or(1),
                sequences: 1,
                context: 2048,
                work: std::env::temp_dir(),
            },
            amount: Amount { requests: 100, answers: 5, tokens: 192 },
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| io::Error::other(USAGE))?;
            let number = || value.parse::<u32>().map_err(|_| io::Error::other(USAGE));
            match name.as_str() {
                "--ours" => options.ours = value.into(),
                "--model" => options.setup.model = value.into(),
                "--encoder" => options.encoder = value.into(),
                "--work" => options.setup.work = value.into(),
                "--write" => options.write = Some(value.into()),
                "--requests" => options.amount.requests = number()?,
                "--answers" => options.amount.answers = number()?,
                "--tokens" => options.amount.tokens = number()?,
                "--threads" => options.setup.threads = number()?,
                _ => return Err(io::Error::other(USAGE)),
            }
        }
        Ok(options)
    }
}

/// Sends requests until one is answered: the encoder's worker may still start.
fn warm_up(server: &Server) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match chat(&server.target, &request(u32::MAX, 40, 8)) {
            Ok(_) => return Ok(()),
            Err(error) if started.elapsed() > Duration::from_secs(60) => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

fn measure(server: &Server, operations: SocketAddr, amount: Amount) -> io::Result<Costs> {
    let mut costs = Costs::default();
    for nonce in 0..amount.requests {
        costs.prompts.push(cost(server, operations, &one_kilobyte(nonce))?);
    }
    for nonce in 0..amount.answers {
        costs.answers.push(cost(server, operations, &request(nonce, 40, amount.tokens))?);
    }
    Ok(costs)
}

/// Sends one request; no other one is under way.
fn cost(server: &Server, operations: SocketAddr, body: &Value) -> io::Result<Cost> {
    let before = Numbers::read(operations)?;
    let Answer { whole, completion_tokens, .. } = chat(&server.target, body)?;
    let after = Numbers::read(operations)?;
    let milliseconds = |before: f64, after: f64| (after - before) * 1000.0;
    Ok(Cost {
        whole_ms: whole.as_secs_f64() * 1000.0,
        prompt_ms: milliseconds(before.prompt, after.prompt),
        completion_ms: milliseconds(before.completion, after.completion),
        looks: after.looks - before.looks,
        tokens: completion_tokens,
    })
}

/// The filter's numbers so far.
struct Numbers {
    /// Seconds for prompts, and for answers.
    prompt: f64,
    completion: f64,
    /// Looks at answers.
    looks: f64,
}

impl Numbers {
    fn read(operations: SocketAddr) -> io::Result<Self> {
        let text = get(operations, "/metrics")?;
        let value = |what: &str, side: &str| {
            let name = format!("bailiwick_content_filter_seconds_{what}{{side=\"{side}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<f64>().ok());
            value.ok_or_else(|| io::Error::other(format!("/metrics has no `{name}`")))
        };
        Ok(Self {
            prompt: value("sum", "prompt")?,
            completion: value("sum", "completion")?,
            looks: value("count", "completion")?,
        })
    }
}

/// Builds a request with one message of 1 KB, and one generated token.
fn one_kilobyte(nonce: u32) -> Value {
    json!({
        "model": "bench",
        "messages": [{ "role": "user", "content": text(nonce) }],
        "temperature": 0,
        "max_tokens": 1,
        "logit_bias": { "0": -100, "2": -100 },
        "stream": true,
        "stream_options": { "include_usage": true },
    })
}

/// Returns 1024 bytes of ordinary English sentences that depend on `nonce`, the same on every machine.
fn text(nonce: u32) -> String {
    let mut state = nonce.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut pick = |from: &[&'static str; 16]| {
        // A linear congruential generator, as for the other benchmarks' words.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = usize::try_from(state >> 28).ok();
        at.and_then(|at| from.get(at)).copied().unwrap_or_default()
    };
    let mut text = String::from("Please summarise this report for my colleagues.");
    while text.len() < BYTES {
        for part in [&OPENINGS, &SUBJECTS, &VERBS, &OBJECTS, &ENDS] {
            text.push_str(pick(part));
        }
    }
    text.truncate(BYTES);
    text
}

/// Length of a prompt.
const BYTES: usize = 1024;

const OPENINGS: [&str; 16] = [
    " On Monday",
    " In the morning",
    " After the meeting",
    " Last spring",
    " During the week",
    " As planned",
    " Before lunch",
    " In October",
    " This year",
    " Near the end of the quarter",
    " Once again",
    " For the first time",
    " At the office",
    " By the river",
    " Since then",
    " A little later",
];

const SUBJECTS: [&str; 16] = [
    " the team",
    " our neighbours",
    " the new librarian",
    " a group of students",
    " the bakery",
    " my sister",
    " the city council",
    " the engineers",
    " a small publisher",
    " the orchestra",
    " the gardener",
    " their teacher",
    " the museum",
    " the accountants",
    " a local farmer",
    " the train company",
];

const VERBS: [&str; 16] = [
    " finished",
    " presented",
    " ordered",
    " repaired",
    " opened",
    " described",
    " compared",
    " painted",
    " planned",
    " measured",
    " bought",
    " sorted",
    " translated",
    " reviewed",
    " extended",
    " tested",
];

const OBJECTS: [&str; 16] = [
    " a wooden bridge",
    " the annual budget",
    " three maps of the valley",
    " the kitchen windows",
    " a collection of letters",
    " two hundred chairs",
    " the software for invoices",
    " a list of plants",
    " the timetable",
    " several old recipes",
    " the concert hall",
    " a chapter about weather",
    " the storage room",
    " the survey results",
    " a box of lemons",
    " the bicycle lane",
];

const ENDS: [&str; 16] = [
    " and wrote a short note about it.",
    " with the help of volunteers.",
    ", which took longer than expected.",
    " because the first version was too small.",
    " and sent the invoice to the treasurer.",
    " while it rained outside.",
    ", and everyone was pleased with the result.",
    " for less money than last time.",
    " without any delay.",
    " according to the instructions.",
    " and invited the visitors to look at it.",
    ", although the weather was cold.",
    " in less than four days.",
    " and thanked the sponsors.",
    " next to the railway station.",
    " so that the work could go on.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_a_kilobyte_and_different() {
        let [first, second] = [0, 1].map(text);
        assert_eq!(first.len(), 1024);
        assert_ne!(first, second);
        assert_eq!(text(0), first);
    }
}
