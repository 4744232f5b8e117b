//! Drives the running binary from outside, as its clients do: one module per topic.
//!
//! A test gets the shared service of `service::shared`, with a tenant of its own where it changes
//! anything, or a service of its own where it breaks something.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "in a test, to panic is to say what is wrong"
)]
#![expect(clippy::disallowed_methods, reason = "the tests are the clients, and dial")]

mod bad_input;
mod cache;
mod canary;
mod cli;
mod client;
mod constrained;
mod desk;
mod engine;
mod errors;
mod heads;
mod identity;
mod keys;
mod kills;
mod lifecycle;
mod limits;
mod missing_keys;
mod networks;
mod operations;
mod owner;
mod penalty;
mod people;
mod policies;
mod process;
mod records;
mod replay;
mod restore;
mod review;
mod roles;
mod schema;
mod sdk;
mod service;
mod tenants;
mod tls;
mod witness;
