//! Engines that are other programs: vLLM, SGLang, llama-server, Azure OpenAI, another Bailiwick.
//!
//! - [`body`] turns a request for a model into OpenAI's JSON, [`read`] turns the answer into the
//!   events that `wire` writes. Both are pure.
//! - [`pool`] chooses among the engines of a model, and ejects those that fail. It is pure; the
//!   time is an argument.
//! - [`Upstream`] sends an [`Order`] over a route, and fails over to another engine only before the
//!   first event of an answer.
//!
//! An answer of an engine is foreign: its size, its order, its model and its counts are checked.
//! Its errors are classified and never passed on as text. This crate decides nothing about
//! residency: an attempt takes a [`policy::residency::Route`], which only the policies give. It
//! dials only through `egress`, which also holds the credentials.
#![forbid(unsafe_code)]

pub mod body;
mod failure;
pub mod pool;
pub mod read;
mod run;

pub use self::{
    failure::{Attempted, Failure, Trail, Why},
    pool::{Condition, Counts, EngineState},
    run::{Answer, Events, Limits, Order, Upstream},
};
