//! Runs models: requests and events, the worker process and its supervision.
//!
//! Each model runs in its own worker process (the same binary, started as `bailiwick worker`). The
//! worker holds the weights and the KV cache. Once the weights are loaded, it has no access to
//! files and network. The gateway talks to it over an inherited Unix socket ([`protocol`]).
//!
//! This is the only crate with `unsafe` code: for the calls into llama.cpp, and for the few system
//! calls of the confinement and the allocator.
//!
//! Without the feature `workers` only [`request`] remains, which has no I/O: all that `wire` needs.

#[cfg(feature = "workers")]
pub mod confine;
#[cfg(feature = "workers")]
pub mod digest;
#[cfg(feature = "embedded")]
pub mod embedded;
#[cfg(test)]
#[cfg(feature = "workers")]
mod fixtures;
#[cfg(feature = "workers")]
pub mod gpu;
#[cfg(feature = "embedded")]
mod mappings;
#[cfg(feature = "workers")]
pub mod memory;
#[cfg(feature = "workers")]
pub mod protocol;
pub mod request;
#[cfg(feature = "embedded")]
mod schema;
#[cfg(feature = "workers")]
pub mod sockets;
#[cfg(feature = "workers")]
pub mod supervise;
#[cfg(feature = "workers")]
pub mod train;
#[cfg(feature = "embedded")]
pub mod worker;
