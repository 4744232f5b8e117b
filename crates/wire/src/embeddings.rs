//! Embeddings: the request's body, its conversion to the engine's request, and the answer.

mod request;
mod response;

pub use self::{
    request::{EmbeddingBody, EmbeddingRequest, EncodingFormat, parse},
    response::{Embedding, EmbeddingList, EmbeddingUsage, Vector, shortened},
};
