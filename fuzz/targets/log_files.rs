//! Tiles and entry bundles of a log that is audited.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::log_files(bytes));
