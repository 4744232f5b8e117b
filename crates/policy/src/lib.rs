//! What is allowed: pure decisions, as values that the next step needs.
//!
//! No input or output, no clock, no randomness, no async: whoever calls passes the time and the
//! random bytes in. That is what makes each decision testable and, later, provable.
#![forbid(unsafe_code)]

pub mod authz;
pub mod content;
pub mod meter;
pub mod network;
pub mod permit;
pub mod price;
pub mod principal;
pub mod retention;
pub mod task;
pub mod token;
pub mod workflow;

pub use tlog::id;
