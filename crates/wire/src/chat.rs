//! Chat: the request's body, its conversion to the engine's request, and the answer, whole and in
//! chunks.

pub(crate) mod lower;
pub mod request;
pub mod response;
mod writer;

pub use self::{
    lower::{ChatRequest, parse},
    writer::ChatWriter,
};
