//! `bailiwick prove`: runs the prover on the policies, prints the result, and records it in the
//! log.
//!
//! The solver runs in a separate program, so that no part of it is linked here. Its report counts
//! for these policies only if it names the digest that is computed here.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
};

use policy::authz::{
    policies::Policies,
    proof::{BadReport, Proof, ProofOutcome},
};

use super::{
    args::Prove,
    data,
    output::{Failure, note},
    serve::load,
};
use crate::config::PoliciesConfig;

/// Exit status if the solver could not decide or the prover failed; 1 means a broken promise.
const UNDECIDED: u8 = 2;

/// The program that runs the solver.
const PROVER: &str = "bailiwick-prove";

pub(crate) fn prove(args: &Prove) -> ExitCode {
    match run(args) {
        Ok(ProofOutcome::Holds) => ExitCode::SUCCESS,
        Ok(ProofOutcome::Refuted) => ExitCode::FAILURE,
        Ok(ProofOutcome::Undecided) => ExitCode::from(UNDECIDED),
        Err(failure) => failure.exiting(UNDECIDED).report(),
    }
}

fn run(args: &Prove) -> Result<ProofOutcome, Failure> {
    let mut config = load(args.config.as_deref())?;
    if let Some(data) = &args.data {
        config.data.clone_from(data);
    }
    let policies = config.policies.read()?;
    let management = data::open(&config.data)?;
    let prover = args.prover.clone().unwrap_or_else(beside_this);
    let proof = ask(&prover, &config.policies, &policies)?;
    let index = management.store().log_proof(&proof)?;
    let mut out = anstream::stdout().lock();
    match args.json {
        true => write!(out, "{}", proof.text())?,
        false => write!(out, "{}", proof.report())?,
    }
    out.flush()?;
    note(&format!("log entry {index} records this result: {}", next(proof.outcome())));
    Ok(proof.outcome())
}

/// Runs the prover on the same files, and returns its report if it is about the same policies.
fn ask(prover: &Path, config: &PoliciesConfig, policies: &Policies) -> Result<Proof, Failure> {
    let run = Command::new(prover).arg("--json").args(&config.files).output();
    let Output { status, stdout, stderr } = run.map_err(|error| missing(prover, &error))?;
    let said = String::from_utf8_lossy(&stderr);
    if stdout.is_empty() {
        return Err(Failure::new(
            format!("the prover failed: {}", said.trim()),
            "if the solver is missing, run `apt-get install cvc5`, or give its path in the variable CVC5",
        ));
    }
    let proof = String::from_utf8_lossy(&stdout);
    let proof = Proof::read(&proof, policies).map_err(|error| not_taken(prover, &error))?;
    let expected = match proof.outcome() {
        ProofOutcome::Holds => 0,
        ProofOutcome::Refuted => 1,
        ProofOutcome::Undecided => i32::from(UNDECIDED),
    };
    if status.code() != Some(expected) {
        return Err(Failure::new(
            format!(
                "`{}` ended with {status}, but its report has another result",
                prover.display()
            ),
            "run it again; no entry was added to the log",
        ));
    }
    Ok(proof)
}

/// Returns the path of the prover beside this program, or else the one on the PATH.
fn beside_this() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(PROVER));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| OsString::from(PROVER).into())
}

fn missing(prover: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("`{}` cannot be run: {error}", prover.display()),
        "it is a separate program: `make prove` builds it and puts it beside \
         target/release/bailiwick; or give its path with --prover",
    )
}

fn not_taken(prover: &Path, error: &BadReport) -> Failure {
    let help = match error {
        BadReport::OtherPolicies { .. } => {
            "a file has changed meanwhile, or the prover is of another version than this program: run \
             it again; if that does not help, build the matching prover with `make prove`"
        }
        BadReport::Malformed { .. } | BadReport::Contradiction { .. } => {
            "the prover is of another version than this program: build the matching one with `make \
             prove`"
        }
    };
    Failure::new(format!("`{}`: {error}; no entry was added to the log", prover.display()), help)
}

fn next(outcome: ProofOutcome) -> &'static str {
    match outcome {
        ProofOutcome::Holds => "`bailiwick serve` accepts these policies from its next start on",
        ProofOutcome::Refuted => {
            "`bailiwick serve` refuses these policies; change or remove the policy that breaks the \
             promise"
        }
        ProofOutcome::Undecided => {
            "`bailiwick serve` accepts these policies only with `policies.unproved = \"serve\"`; a \
             simpler policy may help the solver"
        }
    }
}
