//! The gateway: HTTP surface, listeners, configuration and command line.

pub mod config;
