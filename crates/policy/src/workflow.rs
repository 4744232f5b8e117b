//! Workflows: what several people decide one after the other, as pure steps.
//!
//! Each is `step(&state, event, now_ms)`, which gives the next state and its effects, or a refusal
//! that says what to do next. Nothing changes but by a step, and every effect names the log entry
//! that tells of it ([`Logged`]), so a change that is not logged cannot be expressed.
//!
//! States are facts and are stored; a decision ([`review::OpenRecord`], [`workstation::Enrolled`])
//! is made by a step, used at once, and cannot be stored or loaded. Who somebody is, and that they
//! have the role they act in, was decided by whoever calls.

pub mod exemption;
pub mod owner;
pub mod penalty;
pub mod review;
pub mod workstation;

use std::fmt;

use serde::{Deserialize, Serialize};
use tlog::{
    canon::Digest,
    entry::{self, commit},
};

/// What changes something, and so stands in the log.
pub trait Logged {
    /// The entry that tells of it. There is always one.
    fn log(&self) -> entry::Event;

    /// The texts that the entry commits to: kept beside the log, to be shown to who may ask.
    fn statements(&self) -> Vec<&Statement>;
}

/// Bytes of a statement, at most.
pub const STATEMENT_BYTES_MAX: usize = 4000;

/// A text that somebody stands by: a reason, a use case. The log commits to it, with a salt, and
/// does not reveal it. It must not quote content; nothing here could.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    salt: [u8; 16],
    text: String,
}

/// A text that is not a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadStatement {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// Longer than any.
    #[error("the text has {bytes} bytes, and {STATEMENT_BYTES_MAX} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

impl BadStatement {
    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Empty => "say in a sentence why; auditors may be shown it",
            Self::TooLong { .. } => "say it shorter, or name the document that says it in full",
        }
    }
}

impl Statement {
    /// Takes a person's text, with a random salt.
    ///
    /// # Errors
    /// When it is empty or too long.
    pub fn new(text: &str, salt: [u8; 16]) -> Result<Self, BadStatement> {
        let text = text.trim();
        match text.len() {
            0 => Err(BadStatement::Empty),
            bytes if bytes > STATEMENT_BYTES_MAX => Err(BadStatement::TooLong { bytes }),
            _ => Ok(Self { salt, text: text.to_owned() }),
        }
    }

    /// A text of the program's own.
    fn made(text: String, salt: [u8; 16]) -> Self {
        Self { salt, text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// What the log says of it.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        commit(&self.salt, self.text.as_bytes())
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // People write more than they should, and this may go into the server's own log.
        write!(f, "Statement({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests;
