//! The body of a chat request.
#![no_main]

use server::{config::Limits, openai::chat::parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &Limits::default(), 1) {
    Ok(request) => fuzz::generate(request.generate),
    Err(invalid) => fuzz::refusal(&invalid),
});
