//! The body of a completions request.
#![no_main]

use wire::{completions::parse, limits::RequestLimits};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match parse(bytes, &RequestLimits::default(), 1) {
    Ok(request) => request.prompts.into_iter().for_each(fuzz::generate),
    Err(invalid) => fuzz::refusal(&invalid),
});
