//! The command line: its arguments, and the function behind each command.
//!
//! Data goes to standard output, as tables or as JSON; everything else goes to standard error.

mod args;
mod backup;
mod chat;
mod compare;
mod data;
mod desk;
mod dial;
mod doctor;
mod engines;
mod evidence;
mod explain;
mod filters;
mod inventory;
mod key_holder;
mod manage;
mod output;
mod personal;
mod progress;
mod prove;
mod quickstart;
mod report;
mod self_test;
mod serve;
mod signer;
#[cfg(feature = "embedded")]
mod training;
mod usage;
mod witness;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::{
    args::{Args, Command},
    output::Failure,
};

/// The command line of `bailiwick`, for its manual pages and completions.
#[must_use]
pub fn program() -> clap::Command {
    Args::command()
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    // Most commands hold keys or content, so core dumps and tracing are off.
    engine::confine::keep_private().map_err(|error| Failure::plain(error.to_string()))?;
    match command {
        Command::Serve(args) => serve::serve(&args)?,
        Command::Quickstart(args) => serve::quickstart(args)?,
        Command::Chat(args) => return chat::chat(args),
        Command::Tenant(args) => manage::tenant(&args)?,
        Command::Resource(args) => manage::resource(&args)?,
        Command::Deployment(args) => manage::deployment(&args)?,
        Command::Filter(args) => filters::filter(&args)?,
        Command::Blocklist(args) => filters::blocklist(&args)?,
        Command::Key(args) => manage::key(&args)?,
        Command::Workstation(args) => manage::workstation(&args)?,
        Command::Role(args) => manage::role(&args)?,
        Command::Signer(args) => signer::run(&args)?,
        Command::Desk(args) => desk::desk(args)?,
        Command::Review(args) => desk::review(args)?,
        Command::Model(args) => manage::model(&args)?,
        Command::Engine(args) => engines::engine(&args)?,
        Command::Processors(args) => engines::processors(&args)?,
        Command::PersonalData(args) => personal::personal_data(&args)?,
        Command::Usage(args) => usage::usage(&args)?,
        Command::Inventory(args) => inventory::inventory(&args)?,
        Command::Explain(args) => explain::explain(&args)?,
        Command::Compare(args) => compare::compare(&args)?,
        Command::Report(args) => report::report(&args)?,
        Command::Doctor(args) => return doctor::doctor(&args),
        Command::Evidence(args) => return evidence::evidence(&args),
        Command::SelfTest(args) => return self_test::self_test(&args),
        Command::Backup(args) => backup::backup(&args)?,
        Command::Restore(args) => backup::restore(args)?,
        Command::KeyHolder(args) => key_holder::key_holder(&args)?,
        Command::Prove(args) => return Ok(prove::prove(&args)),
        #[cfg(feature = "embedded")]
        Command::Verify(args) => {
            return Ok(audit::command::verify_repeating(&args, Some(&training::repeat))?);
        }
        #[cfg(not(feature = "embedded"))]
        Command::Verify(args) => return Ok(audit::command::verify(&args)?),
        Command::Mirror(args) => return Ok(audit::command::mirror(&args)?),
        Command::Witness(args) => witness::witness(&args)?,
        Command::Custodian { keys, expected, log, witnesses, held } => {
            crate::custodian::main(&keys, expected, &log, &witnesses, &held)?;
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut program(), "bailiwick", &mut text);
            std::io::Write::write_all(&mut std::io::stdout(), &text)?;
        }
        #[cfg(feature = "embedded")]
        Command::Worker => return Ok(engine::worker::main()),
        #[cfg(feature = "embedded")]
        Command::Train => return Ok(engine::train::worker::main()),
    }
    Ok(ExitCode::SUCCESS)
}
