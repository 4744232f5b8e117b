//! Runs models: requests and events, the worker process and its supervision.
//!
//! A model runs in a worker process of its own (the same binary, started as `bailiwick worker`),
//! which holds weights and KV cache and, once the weights are loaded, has no file system and no
//! network. The gateway talks to it over an inherited Unix socket ([`protocol`]).
//!
//! This is the only crate with `unsafe` code: the calls into llama.cpp, and the few system calls
//! that confinement needs.

pub mod confine;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(test)]
mod fixtures;
pub mod memory;
pub mod protocol;
pub mod request;
pub mod supervise;
#[cfg(feature = "embedded")]
pub mod worker;
