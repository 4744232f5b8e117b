//! `bailiwick prove`: has the policies proved, says what came out, and tells the log.
//!
//! The solver's side is a program of its own, so that nothing of it is linked here. What it reports
//! is taken for these policies only if it says the digest that is computed here.

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
    manage,
    output::{Failure, note},
    serve::load,
};
use crate::config::PoliciesConfig;

/// Exit status where it could not be found out; 1 is for a promise that is broken.
const UNDECIDED: u8 = 2;

/// The program that asks the solver.
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
    let management = manage::open(&config.data)?;
    let prover = args.prover.clone().unwrap_or_else(beside_this);
    let proof = ask(&prover, &config.policies, &policies)?;
    let index = management.store().log_proof(&proof)?;
    let mut out = anstream::stdout().lock();
    match args.json {
        true => write!(out, "{}", proof.text())?,
        false => write!(out, "{}", proof.report())?,
    }
    out.flush()?;
    note(&format!("entry {index} of the log tells of it: {}", next(proof.outcome())));
    Ok(proof.outcome())
}

/// Runs the prover over the same files, and takes its report if it is on the same policies.
fn ask(prover: &Path, config: &PoliciesConfig, policies: &Policies) -> Result<Proof, Failure> {
    let run = Command::new(prover).arg("--json").args(&config.files).output();
    let Output { status, stdout, stderr } = run.map_err(|error| missing(prover, &error))?;
    let said = String::from_utf8_lossy(&stderr);
    if stdout.is_empty() {
        return Err(Failure::new(
            format!("nothing was found out: {}", said.trim()),
            "where the solver is missing: `apt-get install cvc5`, or give its path in CVC5",
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
            format!("`{}` ended with {status}, and reports something else", prover.display()),
            "run it again; the log was told nothing",
        ));
    }
    Ok(proof)
}

/// The prover beside this program; where there is none, the one on the PATH.
fn beside_this() -> PathBuf {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(PROVER));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| OsString::from(PROVER).into())
}

fn missing(prover: &Path, error: &io::Error) -> Failure {
    Failure::new(
        format!("`{}` cannot be run: {error}", prover.display()),
        "it is built apart from this program: `make prove` builds it and puts it beside \
         target/release/bailiwick; or give its path with --prover",
    )
}

fn not_taken(prover: &Path, error: &BadReport) -> Failure {
    let help = match error {
        BadReport::OtherPolicies { .. } => {
            "a file was changed meanwhile, or the prover is of another version than this program: \
             run it again, and if that does not help `make prove` builds the one that belongs to it"
        }
        BadReport::Malformed { .. } | BadReport::Contradiction { .. } => {
            "the prover is of another version than this program: `make prove` builds the one that \
             belongs to it"
        }
    };
    Failure::new(format!("`{}`: {error}; the log was told nothing", prover.display()), help)
}

fn next(outcome: ProofOutcome) -> &'static str {
    match outcome {
        ProofOutcome::Holds => "`bailiwick serve` takes these policies from its next start on",
        ProofOutcome::Refuted => {
            "`bailiwick serve` does not take these policies; change or remove the one that permits \
             what breaks the promise"
        }
        ProofOutcome::Undecided => {
            "`bailiwick serve` takes these policies only with `policies.unproved = \"serve\"`; a \
             simpler policy may help the solver"
        }
    }
}
