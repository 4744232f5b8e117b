//! The body of an embeddings request.
#![no_main]

use server::{config::Limits, openai::embeddings::parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &Limits::default()) {
    Ok(request) => fuzz::embed(request.embed),
    Err(invalid) => fuzz::refusal(&invalid),
});
