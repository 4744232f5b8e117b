//! Bodies with valid, damaged, repeated and hostile coding.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const TEXT: &[u8] =
    br#"{"model":"m","messages":[{"role":"user","content":"Hi. Hi. Hi. Hi. Hi."}]}"#;
const LIMIT: usize = 4096;

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstded(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Both codings, with an encoder and the decoder.
type Both = [(Coding, fn(&[u8]) -> Vec<u8>, fn(&[u8], usize) -> Result<Vec<u8>, NotRead>); 2];
const BOTH: Both = [(Coding::Gzip, gzipped, gzip), (Coding::Zstd, zstded, zstd)];

fn declared(lines: &[&str]) -> Result<Coding, NotRead> {
    Coding::of(lines.iter().map(|line| line.as_bytes()))
}

#[test]
fn one_coding_is_declared_or_none() {
    for none in [&[][..], &[""], &["identity"], &["identity, "], &["identity", "IDENTITY"]] {
        assert_eq!(declared(none), Ok(Coding::Identity), "{none:?}");
    }
    for one in [&["gzip"][..], &["x-gzip"], &[" GZip "], &["identity, gzip"], &["", "gzip"]] {
        assert_eq!(declared(one), Ok(Coding::Gzip), "{one:?}");
    }
    assert_eq!(declared(&["zstd"]), Ok(Coding::Zstd));
    for bad in [
        &["br"][..],
        &["deflate"],
        &["gzip, gzip"],
        &["gzip", "zstd"],
        &["zstd, br"],
        &["gzip;q=1"],
        &["chunked"],
        &["aws-chunked"],
    ] {
        assert_eq!(declared(bad), Err(NotRead::Coding), "{bad:?}");
    }
}

#[test]
fn what_is_coded_is_decoded() {
    for (coding, encode, _) in BOTH {
        for text in [TEXT, b"", b"x"] {
            let decoded = coding.decoded(&encode(text), LIMIT);
            assert_eq!(decoded.as_deref(), Ok(text), "{coding:?}");
        }
        // Several members or frames are one body: RFC 1952 §2.2, RFC 8878 §3.1.
        let twice = [encode(b"{}"), encode(b"  ")].concat();
        assert_eq!(coding.decoded(&twice, LIMIT).as_deref(), Ok(&b"{}  "[..]));
    }
    let plain = Coding::Identity.decoded(TEXT, LIMIT);
    assert_eq!(plain.as_deref(), Ok(TEXT));
}

/// The same bytes as zstd's own encoder writes them, with a checksum; and with a wrong checksum.
#[test]
fn frames_of_the_reference_encoder_are_read_and_their_checksums_checked() {
    // printf 'hello, hello, hello, hello, hello' | zstd -19 --check
    let mut frame =
        b"\x28\xb5\x2f\xfd\x04\x68\x6d\x00\x00\x38\x68\x65\x6c\x6c\x6f\x2c\x20\x01\x00\xb2\
        \x8b\x11\x0d\xac\xd1\x05"
            .to_vec();
    assert_eq!(zstd(&frame, LIMIT).as_deref(), Ok(&b"hello, hello, hello, hello, hello"[..]));
    *frame.last_mut().unwrap() ^= 1;
    assert_eq!(zstd(&frame, LIMIT), Err(NotRead::Damaged("zstd")));
    let skippable = [&b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"[..], &zstded(TEXT)].concat();
    assert_eq!(zstd(&skippable, LIMIT).as_deref(), Ok(TEXT));
}

#[test]
fn a_bomb_meets_the_limit_of_decoded_bytes() {
    let zeros = vec![0; 64 * 1024 * 1024];
    for (coding, encode, decode) in BOTH {
        let bomb = encode(&zeros);
        assert!(bomb.len() < zeros.len() / 500, "{coding:?}: {} bytes", bomb.len());
        assert_eq!(decode(&bomb, LIMIT), Err(NotRead::TooLong { limit: LIMIT }), "{coding:?}");
        // Many small members or frames, one after another.
        let many = encode(&zeros[..LIMIT]).repeat(2);
        assert_eq!(decode(&many, LIMIT), Err(NotRead::TooLong { limit: LIMIT }), "{coding:?}");
        assert_eq!(decode(&encode(&zeros[..LIMIT]), LIMIT).map(|d| d.len()), Ok(LIMIT));
    }
}

#[test]
fn what_is_cut_changed_or_followed_by_anything_is_refused() {
    for (coding, encode, decode) in BOTH {
        let whole = encode(TEXT);
        for end in 0..whole.len() {
            assert!(decode(&whole[..end], LIMIT).is_err(), "{coding:?} cut at {end}");
        }
        for garbage in [&b"garbage"[..], b"\0", b"{}", TEXT] {
            let trailed = [&whole, garbage].concat();
            assert!(decode(&trailed, LIMIT).is_err(), "{coding:?} with {garbage:?} behind");
        }
        for (at, bit) in (0..whole.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            // Descriptive fields (a name, a time) may change; the text may not.
            if let Ok(decoded) = decode(&changed, LIMIT) {
                assert_eq!(decoded, TEXT, "{coding:?} changed at {at}");
            }
        }
        assert!(decode(TEXT, LIMIT).is_err(), "{coding:?} of plain JSON");
    }
}

#[test]
fn a_window_that_asks_for_much_memory_is_refused() {
    // Magic number, a frame header with a window of 2^(10+17) bytes, one empty last block.
    let greedy = b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00";
    assert_eq!(zstd(greedy, LIMIT), Err(NotRead::Window));
    // The largest allowed window, 2^23.
    let allowed = b"\x28\xb5\x2f\xfd\x00\x68\x01\x00\x00";
    assert_eq!(zstd(allowed, LIMIT).as_deref(), Ok(&b""[..]));
}
