//! The gateway: HTTP surface, listeners, configuration and command line.

/// What a request brought is not left in memory once it is over, whatever library it went through.
#[global_allocator]
static ALLOCATOR: engine::memory::Overwriting = engine::memory::Overwriting;

pub mod admin;
pub mod authn;
pub mod authority;
pub mod board;
pub mod body;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod custodian;
pub mod desk;
pub mod exchange;
pub mod fleet;
pub mod gateway;
pub mod identity;
pub mod intake;
pub mod limits;
pub mod listen;
pub mod live;
pub mod looked;
pub mod manage;
pub mod meters;
pub mod metrics;
pub mod openai;
pub mod openapi;
pub mod operations;
pub mod outward;
pub mod quickstart;
pub mod routes;
pub mod serve;
pub mod sign_in;
pub mod tls;
pub mod witness;
pub mod witnesses;

#[cfg(test)]
#[expect(dead_code, reason = "the tests of the store use the rest of it")]
#[path = "../../store/tests/people/mod.rs"]
mod people_of_tests;
