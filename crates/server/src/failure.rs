//! The failure of a command: the reason, the remedy and the exit code. [`cli`](crate::cli) prints it.

use std::io;

use crate::{config::ConfigError, files::NotWritten, manage::ManageError};

/// Exit code of a failed command.
const FAILED: u8 = 1;

/// Exit code of a bad configuration, from sysexits.h (`EX_USAGE`).
const BAD_CONFIGURATION: u8 = 64;

/// Reason that a command failed, and the remedy.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
    code: u8,
}

impl Failure {
    /// Makes a failure with a remedy.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: Some(help.into()), code: FAILED }
    }

    /// Makes a failure whose message includes the remedy.
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, code: FAILED }
    }

    /// Sets the exit code, unless the failure already has its own: a bad configuration, or a pipe
    /// that was closed early.
    pub(crate) fn exiting(self, code: u8) -> Self {
        Self { code: if self.code == FAILED { code } else { self.code }, ..self }
    }

    /// Returns the reason. It is empty if there is nothing to print.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the remedy, unless the message includes it.
    pub(crate) fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }
}

/// Failures of the auditor's commands, from `audit`.
impl From<audit::Failure> for Failure {
    fn from(failure: audit::Failure) -> Self {
        let (message, help) = (failure.message(), failure.help());
        Self { code: failure.code(), ..Self::new(message, help) }
    }
}

impl From<ManageError> for Failure {
    fn from(error: ManageError) -> Self {
        Self::new(error.to_string(), error.help())
    }
}

impl From<NotWritten> for Failure {
    fn from(error: NotWritten) -> Self {
        ManageError::from(error).into()
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        Self::new(error.to_string(), error.help())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let help = match error {
            ConfigError::Read { .. } => "check the path; without --config the defaults are used",
            ConfigError::PolicyFile { .. } => {
                "check the path; relative paths start in the directory in which bailiwick was started"
            }
            ConfigError::Policies(_) => {
                "docs/operate/authorization.md explains how to write policies"
            }
            _ => "bailiwick.example.toml explains every field",
        };
        Self { code: BAD_CONFIGURATION, ..Self::new(error.to_string(), help) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // `bailiwick model list | head -1` closes the pipe early: this is not a failure.
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), help: None, code: 0 };
        }
        Self::new(
            format!("input or output failed: {error}"),
            "the terminal or the pipe was closed, or a disk is full; run the command again",
        )
    }
}
