//! A file of the content filter's heads.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::guard_heads(bytes));
