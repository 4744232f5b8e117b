//! `bailiwick-prove [--json] [FILE.cedar …]`: proves that the built-in policies, together with an
//! operator's, keep the promises.
//!
//! Exit status: 0 if all promises are proved, 1 if one is broken, 2 if the solver could not decide.

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use policy::authz::{
    policies::{File, Policies},
    proof::ProofOutcome,
};
use prove::{Solver, prove, report::report};

const USAGE: &str = "usage: bailiwick-prove [--json] [FILE.cedar ...]

Proves that the authorization policies keep the promises: Bailiwick's own policies together with
those in the files. docs/operate/authorization.md explains what to do about a counterexample.";

fn main() -> ExitCode {
    let mut json = false;
    let mut paths = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--json") => json = true,
            Some("-h" | "--help") => {
                say(&USAGE);
                return ExitCode::SUCCESS;
            }
            Some(option) if option.starts_with('-') => return fail(&USAGE),
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    match run(&paths, json) {
        Ok(ProofOutcome::Holds) => ExitCode::SUCCESS,
        Ok(ProofOutcome::Refuted) => ExitCode::FAILURE,
        Ok(ProofOutcome::Undecided) => ExitCode::from(UNDECIDED),
        Err(error) => fail(&*error),
    }
}

fn run(paths: &[PathBuf], json: bool) -> Result<ProofOutcome, Box<dyn std::error::Error>> {
    let mut files = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        files.push((name, text));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| File { name, text }).collect();
    let policies = Policies::with(&files)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let proof = runtime.block_on(async {
        let mut solver = Solver::start(policies.schema())?;
        prove(&mut solver, &policies).await
    });
    let report = report(&policies, proof)?;
    match json {
        true => say(&serde_json::to_string_pretty(&report)?),
        false => say(&report),
    }
    Ok(report.outcome)
}

#[expect(clippy::print_stdout, reason = "the proof is the program's output")]
fn say(text: &dyn Display) {
    println!("{text}");
}

fn fail(text: &dyn Display) -> ExitCode {
    eprintln!("bailiwick-prove: {text}");
    ExitCode::from(UNDECIDED)
}

/// Exit status if the solver could not decide, or failed.
const UNDECIDED: u8 = 2;
