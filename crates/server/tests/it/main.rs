//! Tests of the running binary from outside, as its clients use it: one module per topic.
//!
//! A test uses the shared service of `service::shared`, with its own tenant if it changes anything,
//! or its own service if it breaks something.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "in a test, to panic is to say what is wrong"
)]
#![expect(clippy::disallowed_methods, reason = "the tests are the clients, and dial")]

mod abuse;
mod attacks;
mod bad_input;
mod batches;
mod broken;
mod cache;
mod canary;
mod chaos;
mod check;
mod cli;
mod client;
mod coding;
mod constrained;
mod conversations;
mod customer_keys;
mod desk;
mod doctor;
mod engine;
mod engines;
mod errors;
mod evidence;
mod explain;
mod fields;
mod files;
mod filters;
mod fine_tuning;
mod forged;
#[expect(dead_code, reason = "the engine's own tests use the rest")]
#[path = "../../../engine/src/embedded/tests/gguf.rs"]
mod gguf;
mod h2;
mod hardened;
mod heads;
mod hook;
mod hub;
mod identity;
mod inputs;
mod keys;
mod kills;
mod lifecycle;
mod limits;
mod mirror;
mod missing_keys;
mod models;
mod networks;
mod notices;
mod openapi;
mod operations;
mod owner;
mod packages;
mod pages;
mod penalty;
mod people;
#[path = "../../../store/tests/people/mod.rs"]
mod people_of_tests;
mod personal;
mod policies;
mod process;
mod readme;
mod recent_errors;
mod records;
mod refusals;
mod release;
mod reload;
mod replay;
mod reports;
mod responses;
mod restore;
mod review;
mod roles;
mod schema;
mod sdk;
mod service;
mod signed;
mod state;
mod stored;
mod stub;
mod subjects;
mod telemetry;
mod tenants;
mod tls;
mod visits;
mod witness;
