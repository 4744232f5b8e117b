//! Workflows: decisions that several people make one after the other, as pure steps.
//!
//! Each is `step(&state, event, now_ms)`. It returns the next state and its effects, or a refusal
//! that names the next step. Only a step changes a state. Every effect names the log entry that
//! records it ([`Logged`]), so a change without a log entry cannot be expressed.
//!
//! States are facts and are stored. A decision ([`review::OpenRecord`], [`workstation::Enrolled`])
//! is made by a step, used at once, and cannot be stored or loaded. The caller has already
//! identified the person and checked their role.
//!
//! `tlog::verify` states the same rules again, on purpose: an auditor's verdict must not depend on
//! the code that it judges. A change of a rule changes both; the random histories of the tests here
//! are replayed there, without findings.

pub mod exemption;
pub mod owner;
pub mod penalty;
pub mod review;
pub mod subject;
pub mod subject_request;
pub mod workstation;

use std::fmt;

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{self, commit},
};

/// A change that the log records.
pub trait Logged {
    /// Returns the log entry of the change. There is always one.
    fn log(&self) -> entry::Event;

    /// Returns the texts that the entry commits to. They are stored beside the log and shown to
    /// readers with the right to see them.
    fn statements(&self) -> Vec<&Statement>;
}

/// The maximum length of a statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 4000;

/// A text that a person is responsible for: a reason, a use case. The log contains only a salted
/// commitment to it. It must not quote content; these types give it none to quote.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    salt: [u8; 16],
    text: String,
}

/// The reason why a text is not a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text is too long.
    #[error("the text has {bytes} bytes; the maximum is {STATEMENT_BYTES_MAX}")]
    TooLong {
        /// The text's length in bytes.
        bytes: usize,
    },
}

impl BadStatement {
    /// Returns the help text for the error.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Empty => "give the reason in one sentence; auditors may read it",
            Self::TooLong { .. } => "shorten the text, or name the document that has the full text",
        }
    }
}

impl Statement {
    /// Makes a statement of a person's text, with a random salt.
    ///
    /// # Errors
    /// [`BadStatement::Empty`] if the text has only white space. [`BadStatement::TooLong`] if it
    /// has more than [`STATEMENT_BYTES_MAX`] bytes.
    pub fn new(text: &str, salt: [u8; 16]) -> Result<Self, BadStatement> {
        let text = text.trim();
        match text.len() {
            0 => Err(BadStatement::Empty),
            bytes if bytes > STATEMENT_BYTES_MAX => Err(BadStatement::TooLong { bytes }),
            _ => Ok(Self { salt, text: text.to_owned() }),
        }
    }

    /// Makes a statement of a text that the program wrote.
    fn made(text: String, salt: [u8; 16]) -> Self {
        Self { salt, text }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the salt.
    #[must_use]
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Returns the commitment that the log contains.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        commit(&self.salt, self.text.as_bytes())
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // People write more than they should, and this output may go into the server's own log.
        write!(f, "Statement({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests;
