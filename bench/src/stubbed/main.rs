//! Bailiwick's own server and command line, with a worker that runs no model and answers at once.
//! Only the gateway remains to be measured. For `bench overhead` only.

#[path = "../overhead/fixed.rs"]
mod fixed;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The gateway starts its workers like this.
    if std::env::args_os().nth(1).is_some_and(|command| command == "worker") {
        return worker::main();
    }
    server::cli::main()
}
