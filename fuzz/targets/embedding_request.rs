//! The body of an embeddings request.
#![no_main]

use wire::{embeddings::parse, limits::RequestLimits};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &RequestLimits::default()) {
    Ok(request) => fuzz::embed(request.embed),
    Err(invalid) => fuzz::refusal(&invalid),
});
