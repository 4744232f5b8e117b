//! OpenAI's API on Azure's and on OpenAI's own paths.
//!
//! Everything that a customer sees is here; nothing of how models run is.

mod answer;
pub mod chat;
pub mod completions;
pub mod embeddings;
pub mod error;
pub mod fields;
pub mod json;
pub mod models;
pub mod operation;
pub mod receipts;
pub mod routes;
pub mod said;
pub mod sse;
pub(crate) mod target;
pub mod unserved;
pub mod usage;
