//! Measures Bailiwick against llama.cpp's own `llama-server`: same model, same threads, same
//! context, over HTTP, in turns. `scripts/bench.sh` runs it. `bench overhead`, run by
//! `scripts/overhead.sh`, measures the gateway alone ([`overhead`]), and `bench filter`, run by
//! `scripts/filter-cost.sh`, the content filter ([`filter`]). None measures quality, and all use only
//! loopback.

#![expect(clippy::disallowed_methods, reason = "a client of its own, which talks to loopback")]

mod filter;
mod http;
mod measure;
mod overhead;
mod report;
mod schema;
mod servers;
mod shape;
mod weights;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Duration,
};

use measure::Plan;
use report::Series;
use servers::{Server, Setup};

const USAGE: &str = "usage: bench --ours BINARY --theirs BINARY --model GGUF --work DIR
             [--rounds 5] [--tokens 192] [--prompt-words 1200] [--first-tokens 8] [--answers 4]
             [--threads N] [--only ours|theirs] [--write FILE.md]
       bench weights …
       bench shape …
       bench filter …
       bench overhead …
       bench attacks …
       bench stub --listen ADDRESS";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    let result = match arguments.next_if(|first| !first.starts_with("--")).as_deref() {
        None => Options::parse(arguments).map_err(io::Error::other).and_then(run),
        Some("overhead") => overhead::main(arguments),
        Some("filter") => filter::main(arguments),
        Some("shape") => shape::main(arguments),
        Some("weights") => weights::main(arguments),
        Some("stub") => overhead::stub(arguments),
        Some("attacks") => overhead::attacks(arguments),
        Some("attacker") => overhead::attack(arguments),
        Some(other) => Err(io::Error::other(format!("`{other}` is not a command\n{USAGE}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Options {
    ours: PathBuf,
    theirs: PathBuf,
    only: Option<String>,
    write: Option<PathBuf>,
    setup: Setup,
    plan: Plan,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let mut options = Self {
            ours: PathBuf::new(),
            theirs: PathBuf::new(),
            only: None,
            write: None,
            setup: Setup {
                model: PathBuf::new(),
                threads: u32::try_from(threads).unwrap_or(1),
                sequences: measure::STREAMS,
                context: 2048,
                work: std::env::temp_dir(),
            },
            plan: Plan { rounds: 5, tokens: 192, prompt_words: 1200, first_tokens: 8, answers: 4 },
        };
        let mut arguments = arguments;
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            let number = || value.parse::<u32>().map_err(|_| format!("`{name}` needs a number"));
            match name.as_str() {
                "--ours" => options.ours = value.into(),
                "--theirs" => options.theirs = value.into(),
                "--model" => options.setup.model = value.into(),
                "--work" => options.setup.work = value.into(),
                "--write" => options.write = Some(value.into()),
                "--only" => options.only = Some(value),
                "--rounds" => options.plan.rounds = number()?,
                "--tokens" => options.plan.tokens = number()?,
                "--prompt-words" => options.plan.prompt_words = number()?,
                "--first-tokens" => options.plan.first_tokens = number()?,
                "--answers" => options.plan.answers = number()?,
                "--threads" => options.setup.threads = number()?,
                _ => return Err(format!("`{name}` is not an option\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn run(options: Options) -> io::Result<()> {
    let Options { ours, theirs, only, write, setup, plan } = options;
    std::fs::create_dir_all(&setup.work)?;
    let mut series = [
        Contender { name: "bailiwick", start: Box::new(|| servers::start_ours(&ours, &setup)) },
        Contender {
            name: "llama-server",
            start: Box::new(|| servers::start_theirs(&theirs, &setup)),
        },
    ]
    .map(|contender| (contender, Series::default()));

    for turn in 0..plan.rounds {
        // The order changes from round to round, so that drift of the machine affects both.
        series.reverse();
        for (contender, series) in &mut series {
            if only
                .as_deref()
                .is_some_and(|only| (only == "ours") != (contender.name == "bailiwick"))
            {
                continue;
            }
            // Only one server runs at a time: even an idle one may use the processor.
            let server = (contender.start)()?;
            measure::warm_up(&server.target)?;
            let round = measure::round(&server.target, plan, turn)?;
            let megabytes = |count: u64| f64::from(u32::try_from(count).unwrap_or(0));
            let memory = megabytes(servers::memory_peak_mb(&server));
            series.rounds.push(round);
            series.memory_mb.push(memory);
            series.memory_once_mb.push(megabytes(servers::memory_peak_shared_once_mb(&server)));
            progress(turn, contender.name, &round, memory);
            drop(server);
            thread::sleep(Duration::from_millis(500));
        }
    }
    series.sort_by_key(|(contender, _)| contender.name);
    let [(_, ours), (_, theirs)] = series;
    let report = report::markdown(&ours, &theirs, plan);
    write!(io::stdout(), "{report}")?;
    match write {
        Some(document) => report::write_between_markers(&document, "measured", &report),
        None => Ok(()),
    }
}

/// A server, with the function that starts it.
struct Contender<'a> {
    name: &'static str,
    start: Box<dyn Fn() -> io::Result<Server> + 'a>,
}

fn progress(turn: u32, name: &str, round: &measure::Round, memory_mb: f64) {
    let _ = writeln!(
        io::stderr(),
        "round {} {name:>12}: first token {:.1} ms, {:.1} tokens/s, with 8 streams {:.1}, prompt {:.0}, \
         schema {:.1}, with 8 streams {:.1} tokens/s, {memory_mb} MB",
        turn.saturating_add(1),
        round.first_token_ms,
        round.tokens_per_second_1,
        round.tokens_per_second_8,
        round.prompt_tokens_per_second,
        round.schema_1.tokens,
        round.schema_8.tokens,
    );
}
