//! The program `bailiwick-audit`, for auditors. It needs no other part of the service.

use std::process::ExitCode;

use audit::{
    Failure,
    command::{
        self,
        args::{Program, ProgramCommand},
    },
};
use clap::Parser as _;

fn main() -> ExitCode {
    let done = keep_private().and_then(|()| match Program::parse().command {
        ProgramCommand::Verify(args) => command::verify(&args),
        ProgramCommand::Mirror(args) => command::mirror(&args),
        ProgramCommand::Witness(args) => command::witness(args),
    });
    done.unwrap_or_else(|failure| failure.report())
}

/// Switches core dumps off, so that a crash leaves no copy of a request, a response or a key.
fn keep_private() -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).map_err(|error| {
        Failure::new(
            format!("core dumps cannot be switched off: {error}"),
            "start it in an environment that allows `ulimit -c 0`",
        )
    })
}
