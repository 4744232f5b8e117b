//! The gateway: HTTP surface, listeners, configuration and command line.

pub mod admin;
pub mod authn;
pub mod body;
pub mod call;
pub mod cli;
pub mod clock;
pub mod config;
pub mod custodian;
pub mod exchange;
pub mod fleet;
pub mod gateway;
pub mod intake;
pub mod limits;
pub mod listen;
pub mod manage;
pub mod meters;
pub mod metrics;
pub mod openai;
pub mod openapi;
pub mod operations;
pub mod outward;
pub mod quickstart;
pub mod serve;
pub mod tls;
pub mod witness;
pub mod witnesses;
