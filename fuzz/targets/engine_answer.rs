//! The answer of an engine that is another program.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::engine_answer(bytes));
