//! The Responses API on the wire.
//!
//! A request becomes a chat request ([`lower`]), so both have the same checks and the same engine's
//! request. An answer becomes items ([`item`]).

pub mod item;
pub mod kept;
pub mod lower;
pub mod outline;
pub mod request;
pub mod response;
mod words;
mod writer;

pub use self::{
    kept::Kept,
    lower::{Lowered, ResponseRequest, body_field, parse},
    outline::Outline,
    writer::ResponseWriter,
};
