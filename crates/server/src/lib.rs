//! The gateway: HTTP surface, listeners, configuration and command line.
//!
//! Few names are public: [`cli::main`] for the binary, [`paths`], [`clock`], [`listen`] and [`self_test`] for tests
//! and fuzz targets, [`manage`] and [`looked`] for examples of code that must not compile.

/// Overwrites freed memory: no content of a request stays in memory after the request, whichever
/// library handled it.
#[global_allocator]
static ALLOCATOR: engine::memory::Overwriting = engine::memory::Overwriting;

mod abuse;
mod admin;
mod archive;
mod asked;
mod authn;
mod authority;
mod batches;
mod board;
mod body;
mod call;
pub mod cli;
pub mod clock;
mod coding;
mod compare;
mod config;
mod cosigners;
mod custodian;
mod desk;
mod engines;
mod exchange;
mod explain;
mod failure;
mod files;
mod fleet;
mod gateway;
mod guard;
mod html;
mod http;
mod identity;
mod ids;
mod intake;
mod inventory;
mod limits;
pub mod listen;
mod live;
pub mod looked;
pub mod manage;
mod meters;
mod metrics;
mod named;
mod notices;
mod openai;
mod openapi;
mod operations;
mod outward;
pub mod paths;
mod period;
mod person;
mod personal;
mod posted;
mod processing;
mod promises;
mod recent_errors;
mod reports;
mod restricted;
mod routes;
mod screening;
pub mod self_test;
mod serve;
mod services;
mod sign_in;
mod snapshot;
mod statement;
mod telemetry;
mod tls;
mod trust;
mod uses;
mod waiting;
mod withheld;

#[cfg(test)]
#[expect(dead_code, reason = "the tests of the store use the rest of it")]
#[path = "../../store/tests/people/mod.rs"]
mod people_of_tests;
