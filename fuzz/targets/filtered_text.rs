//! A text that the content filter reads, whole and in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::filtered_text(bytes));
