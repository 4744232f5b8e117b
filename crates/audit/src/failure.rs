//! The error of a command, with advice.

use std::{fmt, io, io::Write as _, process::ExitCode};

use crate::terminal::harmless;

/// Exit status of a command that failed.
const FAILED: u8 = 1;

/// Exit status of wrong usage and of unreadable input. clap uses the same.
pub(crate) const UNREADABLE: u8 = 2;

/// The reason why a command failed, and advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    help: String,
    code: u8,
}

impl Failure {
    /// Creates a failure; `help` is advice.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), code: FAILED }
    }

    /// Creates a failure because of wrong usage or unreadable input.
    pub(crate) fn unreadable(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: UNREADABLE, ..Self::new(message, help) }
    }

    /// Changes the exit status, unless it is a special one. A pipe that was closed early keeps
    /// status 0.
    #[must_use]
    pub fn exiting(self, code: u8) -> Self {
        Self { code: if self.code == FAILED { code } else { self.code }, ..self }
    }

    /// Returns the reason. It is empty if there is no need to report it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the advice.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Returns the exit status.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Writes the failure to standard error, and returns the exit status.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            // If standard error is closed, there is no other place to write to.
            let _ = writeln!(io::stderr().lock(), "{self}");
        }
        ExitCode::from(self.code)
    }
}

/// The texts may quote a server or a file, so control characters are escaped.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhelp: {}", harmless(&self.message), harmless(&self.help))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // `bailiwick verify … | head -1` closes the pipe early, which is not a failure.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), help: String::new(), code: 0 };
        }
        Self::new(
            format!("input or output failed: {error}"),
            "the terminal or the pipe was closed, or a disk is full; run the command again",
        )
    }
}
