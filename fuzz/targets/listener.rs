//! Bytes that a client sends before it is authenticated: heads of HTTP/1.1, frames of HTTP/2.
#![no_main]

use server::listen::{frames::Frames, heads::Heads};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let size = bytes.first().map_or(1, |byte| usize::from(*byte) + 1);
    let (mut whole, mut parts) = (Heads::new(), Heads::new());
    whole.read(bytes);
    bytes.chunks(size).for_each(|part| parts.read(part));
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "pieces mean what the whole means");

    let (mut whole, mut parts) = (Frames::of_a_client(), Frames::of_a_client());
    let (mut seen, mut seen_in_parts) = (Vec::new(), Vec::new());
    whole.read(bytes, |frame| seen.push(frame));
    bytes.chunks(size).for_each(|part| parts.read(part, |frame| seen_in_parts.push(frame)));
    assert_eq!(seen, seen_in_parts);
    assert_eq!(whole.is_between(), parts.is_between());
});
