//! Bytes on the socket between gateway and worker, in both directions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::worker_protocol(bytes));
