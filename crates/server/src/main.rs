//! The binary `bailiwick`: everything it does is a command of [`server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
