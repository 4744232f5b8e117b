//! OpenAI's API on Azure's and on OpenAI's own paths.
//!
//! `wire` reads the requests and writes the answers. Here are the steps between: find, authorize,
//! count, run, send. The code that runs models is in `engine`.

mod answer;
mod chat;
mod completions;
mod embeddings;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod explain;
mod held;
mod judge;
pub(crate) mod models;
pub(crate) mod receipts;
pub(crate) mod reply;
pub(crate) mod request;
mod restored;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod spillover;
pub(crate) mod sse;
pub(crate) mod state;
pub(crate) mod target;
pub(crate) mod unserved;
