//! Plain completions: the request's body, its conversion to the engine's requests, and the answer,
//! whole and in chunks.

mod request;
mod response;
mod writer;

pub use self::{
    request::{CompletionBody, CompletionRequest, parse},
    response::{Completion, CompletionChoice, CompletionLogprobs},
    writer::CompletionWriter,
};
