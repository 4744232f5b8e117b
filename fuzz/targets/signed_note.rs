//! A signed note, a checkpoint or a verifier key.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::signed_note(bytes));
