//! `Content-Encoding` of requests to the running service: accepted codings, refusals, and the
//! receipt's digest.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use tlog::canon::Digest;

use crate::{
    client::{Reply, Request},
    service::{CHAT, Caller, chat_path, shared},
};

/// `limits.body_bytes_max` of the shared service.
const LIMIT: usize = 4 * 1024 * 1024;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn body() -> Vec<u8> {
    let messages = json!([{"role": "user", "content": "Hi"}]);
    json!({"model": CHAT, "max_tokens": 2, "messages": messages}).to_string().into_bytes()
}

fn send(caller: &Caller, coding: &str, body: &[u8]) -> Reply {
    let request = Request::new("POST", &chat_path(CHAT)).bytes(body).key(&caller.key1);
    request.header("content-encoding", coding).send(caller.address)
}

/// The receipt covers the decoded body, so the caller can check it with the original JSON.
#[test]
fn compressed_requests_are_answered_and_receipts_are_of_what_was_compressed() {
    let caller = &shared().demo;
    let plain = body();
    for (coding, sent) in [
        ("gzip", gzip(&plain)),
        ("X-GZip", gzip(&plain)),
        ("zstd", zstd(&plain)),
        ("identity", plain.clone()),
        ("identity, gzip", gzip(&plain)),
    ] {
        let reply = send(caller, coding, &sent);
        assert_eq!(reply.ok()["object"], "chat.completion", "{coding}");
        let receipt = Request::get(reply.header("x-bailiwick-receipt").unwrap())
            .key(&caller.key1)
            .header("accept", "application/json")
            .send(caller.address)
            .ok();
        assert_eq!(receipt["request_sha256"], Digest::of(&[&plain]).to_string(), "{coding}");
    }
}

#[test]
fn a_bomb_is_refused_by_the_limit_on_decoded_bytes() {
    let caller = &shared().demo;
    let mut large = br#"{"messages":[{"role":"user","content":""#.to_vec();
    large.resize(256 * 1024 * 1024, b' ');
    for (coding, bomb) in [("gzip", gzip(&large)), ("zstd", zstd(&large))] {
        assert!(bomb.len() < LIMIT / 4, "{coding}: {} bytes", bomb.len());
        let error = send(caller, coding, &bomb).error(413);
        assert!(error["message"].as_str().unwrap().contains("limits.body_bytes_max"), "{error}");
    }
}

#[test]
fn codings_that_are_not_read_are_a_415_that_says_which_are() {
    let caller = &shared().demo;
    let twice = gzip(&gzip(&body()));
    for coding in ["br", "deflate", "gzip, gzip", "gzip, zstd", "gzip;q=1", "aws-chunked"] {
        let reply = send(caller, coding, &twice);
        let error = reply.error(415);
        assert_eq!(reply.header("accept-encoding"), Some("gzip, zstd"), "{coding}");
        assert!(error["message"].as_str().unwrap().contains("`gzip` or `zstd`"), "{error}");
    }
    // A 415 for another reason does not mention codings.
    let plain = Request::new("POST", &chat_path(CHAT)).bytes(body()).key(&caller.key1);
    let reply = plain.header("content-type", "text/plain").send(caller.address);
    reply.error(415);
    assert_eq!(reply.header("accept-encoding"), None);
}

#[test]
fn bodies_that_are_not_what_their_coding_says_are_refused() {
    let caller = &shared().demo;
    let plain = body();
    for (coding, whole) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        let trailed = [&whole[..], b"{}"].concat();
        for bad in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &trailed, &plain, b""] {
            let error = send(caller, coding, bad).error(400);
            assert_eq!(error["code"], "invalid_content_encoding", "{coding}: {error}");
            assert!(error["message"].as_str().unwrap().contains(coding), "{error}");
        }
    }
    // Without a declared coding, the body must be plain JSON.
    let error: Value = send(caller, "", &gzip(&plain)).error(400);
    assert_eq!(error["code"], "invalid_json");
}
