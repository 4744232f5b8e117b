//! Bytes on the socket between gateway and custodian, in both directions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::custodian_protocol(bytes));
