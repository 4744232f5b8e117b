//! An entry of the transparency log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::log_entry(bytes));
