//! A text in which personal data is looked for.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::personal_data(bytes));
