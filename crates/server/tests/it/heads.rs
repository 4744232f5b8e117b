//! Heads that are none: each gets the API's own error, not the HTTP library's bare one.

use std::io::{Read as _, Write as _};

use crate::{
    client::{Answer, Reply, Request, connect},
    service::{CHAT, chat_path, shared},
};

/// Sends bytes, and reads the one answer to them.
fn answer(wire: &[u8]) -> Reply {
    let mut stream = connect(shared().demo.address);
    let mut writer = stream.try_clone().unwrap();
    let wire = wire.to_owned();
    // Beside the reading: a long head is answered before all of it is sent.
    let sender = std::thread::spawn(move || drop(writer.write_all(&wire)));
    let reply = Answer::read(stream.try_clone().unwrap()).unwrap().finish();
    sender.join().unwrap();
    // And the connection ends.
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    reply
}

#[test]
fn what_is_not_http_is_a_400_of_the_apis_own() {
    let wires: [&[u8]; 9] = [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nx: \x01\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ];
    for wire in wires {
        let reply = answer(wire);
        let error = reply.error(400);
        assert_eq!(error["code"], "400", "{}", String::from_utf8_lossy(wire));
        assert_eq!(reply.header("connection"), Some("close"));
    }
}

/// What comes after a good request on the same connection changes nothing about its answer.
#[test]
fn a_bad_head_after_a_good_request_is_answered_after_it() {
    let mut stream = connect(shared().demo.address);
    let good = b"GET /openai/v1/models HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(&[&good[..], b"hello\r\n\r\n"].concat()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (first, second) = text.rsplit_once("HTTP/1.1 ").unwrap();
    assert!(first.starts_with("HTTP/1.1 401") && first.contains("Access denied"), "{text}");
    assert!(second.starts_with("400 ") && second.contains(r#"{"error":{"code":"400""#), "{text}");
}

/// Far beyond the limits, where the HTTP library gives up by itself, the answer is the same.
#[test]
fn heads_of_any_length_are_431_and_name_the_limits() {
    let request = || Request::get("/openai/v1/models").key(&shared().demo.key1);
    let many = |count: usize| {
        (0..count).fold(request(), |request, number| request.header(&format!("x-{number}"), "1"))
    };
    let long = |bytes: usize| request().header("x-filler", &"x".repeat(bytes));
    for request in [many(100), many(1500), long(20_000), long(200_000), long(3_000_000)] {
        let error = answer(&request.wire(shared().demo.address)).error(431);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("limits.header_bytes_max"), "{message}");
    }
}

#[test]
fn a_url_that_is_too_long_is_a_414() {
    let path = format!("{}&x={}", chat_path(CHAT), "x".repeat(70_000));
    let error = answer(&Request::get(&path).wire(shared().demo.address)).error(414);
    assert_eq!(error["code"], "414");
}
