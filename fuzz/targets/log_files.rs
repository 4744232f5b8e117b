//! Tiles and entry bundles of an audited log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::log_files(bytes));
