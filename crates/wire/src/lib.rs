//! The customers' API as bytes: requests from a stranger's JSON, and answers as JSON.
//!
//! Everything here is pure. There are no sockets, no files, no clock, no randomness and no async
//! code: the caller passes the bytes, the limits and the random bits. The crate links no HTTP
//! library, no database and no model runtime, so its tests and fuzz targets link none of them.
//!
//! `server` decides about requests, runs them, and sends the answers.
#![forbid(unsafe_code)]

pub mod answer;
pub mod batches;
pub mod bounds;
pub mod chat;
pub mod coding;
pub mod completions;
pub mod conversations;
pub mod embeddings;
pub mod error;
pub mod fields;
pub mod files;
pub mod filter;
pub mod fine_tuning;
pub mod inventory;
pub mod json;
pub mod jsonl;
pub mod keeping;
pub mod limits;
mod media;
pub mod model_text;
pub mod models;
pub mod multipart;
pub mod needs;
pub mod no_effect;
pub mod operation;
pub mod page;
mod refused;
pub mod responses;
pub mod sse;
pub mod stored;
mod text_or_list;
pub mod uploads;
pub mod usage;
