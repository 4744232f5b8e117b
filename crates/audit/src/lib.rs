//! The tools of an auditor: checks of receipts, checkpoints, proofs and whole logs, a mirror of a
//! log, and a witness of other services' logs.
//!
//! The rules are in `tlog`. This crate turns their results into a [`Report`] in words. `bailiwick
//! verify`, `mirror` and `witness`, the program `bailiwick-audit`, and the packages for Python and
//! JavaScript all use this crate, so that their results and texts are the same.
//!
//! Without the feature `command`, it opens no connection, and reads files only through a [`Folder`]
//! of the caller.
#![forbid(unsafe_code)]

mod accesses;
pub mod compact;
pub mod erasure;
mod failure;
mod files;
mod keys;
pub mod log;
pub mod proof;
pub mod receipt;
mod report;
mod terminal;
mod time;

#[cfg(feature = "command")]
pub mod command;
#[cfg(feature = "command")]
pub mod evidence;
#[cfg(feature = "command")]
mod mirror;
#[cfg(feature = "command")]
mod release;
#[cfg(feature = "command")]
pub mod training;
#[cfg(feature = "command")]
pub mod witness;

pub use self::{
    failure::Failure,
    files::{Folder, InMemory, LogFiles},
    keys::{older_checkpoint, service_key},
    report::{Report, Verdict},
    terminal::{escaped, harmless},
    time::rfc3339,
};
