//! An engine's answer, from its bytes to the events of [`engine::request`]. Pure; the bytes are
//! foreign.
//!
//! [`Stream`] reads a streamed text, [`embeddings`] a body with vectors, and [`failure`] classifies
//! an answer with an error status.

mod chunk;
mod error;
mod sse;
mod stream;
mod vectors;

pub(crate) use self::stream::estimate_inputs;
pub use self::{
    error::failure,
    stream::{Expect, Form, Stream},
    vectors::{Vectors, embeddings},
};

/// Returns a model's name that an engine gave, if it can stand in a receipt: ASCII characters that
/// print, and not too many.
fn model_name(name: String) -> Option<String> {
    let prints = name.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    (prints && name.len() <= MODEL_NAME_MAX).then_some(name)
}

/// Maximum length of a model's name that an engine gives, in bytes. llama-server gives the path of
/// the model's file if it has no other name.
const MODEL_NAME_MAX: usize = 256;
