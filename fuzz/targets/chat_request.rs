//! The body of a chat request.
#![no_main]

use wire::{chat::parse, limits::RequestLimits};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &RequestLimits::default(), 1) {
    Ok(request) => fuzz::generate(request.generate),
    Err(invalid) => fuzz::refusal(&invalid),
});
