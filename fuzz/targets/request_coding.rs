//! Compressed request bodies: at most the limit is decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::coding::Coding;

const LIMIT: usize = 64 * 1024;

fuzz_target!(|bytes: &[u8]| {
    for coding in [Coding::Gzip, Coding::Zstd] {
        if let Ok(decoded) = coding.decoded(bytes, LIMIT) {
            assert!(decoded.len() <= LIMIT);
        }
    }
});
