//! The keys that an issuer serves.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::key_set(bytes));
