//! Authorization decisions as pure functions. Each decision is a value that the next step requires.
//!
//! This crate has no input or output, clock, randomness or async code. The caller passes the time
//! and the random bytes. Each decision can therefore be tested, and proved.
//!
//! Without the feature `decisions` only [`capability`], [`content`], [`forward`], [`task`] and
//! [`texts`] remain: the words that `wire` needs. The feature `guard` adds `guard`, which needs nothing else of
//! this crate, and `personal` adds `personal`.
#![forbid(unsafe_code)]

#[cfg(all(feature = "decisions", feature = "guard"))]
pub mod abuse;
#[cfg(feature = "decisions")]
pub mod administrator;
#[cfg(feature = "decisions")]
pub mod authz;
#[cfg(feature = "decisions")]
mod bounded;
pub mod capability;
pub mod content;
#[cfg(feature = "decisions")]
pub mod engine;
pub mod forward;
#[cfg(feature = "guard")]
pub mod guard;
#[cfg(feature = "decisions")]
pub mod meter;
#[cfg(feature = "decisions")]
pub mod model;
#[cfg(feature = "decisions")]
pub mod network;
#[cfg(feature = "decisions")]
pub mod object;
#[cfg(feature = "decisions")]
pub mod permit;
#[cfg(feature = "personal")]
pub mod personal;
#[cfg(feature = "decisions")]
pub mod price;
#[cfg(feature = "decisions")]
pub mod principal;
#[cfg(feature = "decisions")]
pub mod residency;
#[cfg(feature = "decisions")]
pub mod retention;
#[cfg(feature = "decisions")]
pub mod spillover;
#[cfg(feature = "decisions")]
pub mod subject_header;
pub mod task;
pub mod texts;
#[cfg(feature = "decisions")]
pub mod token;
#[cfg(feature = "decisions")]
pub mod training;
#[cfg(feature = "decisions")]
pub mod workflow;

#[cfg(feature = "decisions")]
pub use tlog::id;
