//! Invalid heads: each gets the API's own error, not the HTTP library's bare status.

use std::io::{Read as _, Write as _};

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};

use crate::{
    client::{Answer, Reply, Request, connect},
    people::{Authority, Seat},
    service::{CHAT, Service, chat_path, free_addresses, shared},
};

/// Sends bytes, and reads the single answer.
fn answer(wire: &[u8]) -> Reply {
    let mut stream = connect(shared().demo.address);
    let mut writer = stream.try_clone().unwrap();
    let wire = wire.to_owned();
    // In parallel with the reading: a long head is answered before all of it is sent.
    let sender = std::thread::spawn(move || drop(writer.write_all(&wire)));
    let reply = Answer::read(stream.try_clone().unwrap()).unwrap().finish();
    sender.join().unwrap();
    // The connection ends, too.
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

/// Bytes after a valid request on the same connection do not change its answer.
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

/// Far beyond the limits, where the HTTP library itself refuses the head, the answer is the same.
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

/// RFC 9112, sections 3.2, 6.1 and 6.3: ambiguous heads are refused and the connection ends, so
/// that no part of them is read as another request.
#[test]
fn heads_that_mean_two_things_are_refused() {
    let chunk = "1\r\nx\r\n0\r\n\r\n";
    let table = [
        (400, "host: x\r\nhost: x\r\n", "Host"),
        (400, "host: x\r\nHost: y\r\n", "Host"),
        (400, "", "Host"),
        (400, "host: \r\n", "Host"),
        (400, "host: a b\r\n", "Host"),
        (400, "host: a/b\r\n", "Host"),
        (400, "host: user@a\r\n", "Host"),
        (400, "host: a:http\r\n", "Host"),
        (501, "host: x\r\ntransfer-encoding: gzip, chunked\r\n", "transfer coding"),
        (501, "host: x\r\ntransfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n", "coding"),
        (501, "host: x\r\ntransfer-encoding: chunked, chunked\r\n", "transfer coding"),
        (400, "host: x\r\ntransfer-encoding: gzip\r\n", "not an HTTP request"),
        (400, "host: x\r\ntransfer-encoding: chunked, gzip\r\n", "not an HTTP request"),
        (400, "host: x\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n", "two ways"),
        (400, "host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n", "two ways"),
        (400, "host: x\r\ncontent-length: 9\r\ntransfer-encoding: identity\r\n", ""),
        (400, "host: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n", "not an HTTP request"),
        (400, "host: x\r\ncontent-length: 1, 2\r\n", "not an HTTP request"),
    ];
    for (status, lines, says) in table {
        let key = &shared().demo.key1;
        let head = format!("POST /openai/v1/embeddings HTTP/1.1\r\napi-key: {key}\r\n{lines}\r\n");
        let reply = answer(format!("{head}{chunk}").as_bytes());
        let error = reply.error(status);
        assert!(error["message"].as_str().unwrap().contains(says), "{lines}: {error}");
        assert_eq!(reply.header("connection"), Some("close"), "{lines}");
    }
    let old = b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    answer(old).error(400);
}

/// The second of two requests on a connection is checked like the first, and the body of the first
/// is not read as a head.
#[test]
fn a_smuggled_request_is_not_answered() {
    let key = &shared().demo.key1;
    let get = format!("GET /openai/v1/models HTTP/1.1\r\nhost: x\r\napi-key: {key}\r\n");
    let both = "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let wire = format!("{get}\r\n{get}content-length: 4\r\n\r\nHEAD{get}{both}{get}\r\n");
    let mut stream = connect(shared().demo.address);
    stream.write_all(wire.as_bytes()).unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    assert_eq!(text.matches("HTTP/1.1 ").count(), 3, "{text}");
    assert!(text.contains("in two ways"), "{text}");

    // A body in chunks alone is accepted, and the connection ends after it.
    let post = format!("POST /openai/v1/embeddings HTTP/1.1\r\nhost: x\r\napi-key: {key}\r\n");
    let body = r#"{"input":"hi","model":"emb"}"#;
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let json = "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = answer(format!("{post}{json}{chunks}").as_bytes());
    reply.ok();
    assert_eq!(reply.header("connection"), Some("close"));
}

/// Successful and error answers of every listener, with TLS where supported.
#[test]
fn every_answer_of_every_listener_has_its_headers() {
    let authority = Authority::new();
    authority.issue("server", ServerAuth);
    authority.issue("desk-1", ClientAuth);
    let file = |name: &str| authority.path(name).to_str().unwrap().to_owned();
    let ([private, desk], [review, _]) = (free_addresses(), free_addresses());
    let settings = [
        ("BAILIWICK_LISTEN__PRIVATE", private.to_string()),
        ("BAILIWICK_LISTEN__DESK", desk.to_string()),
        ("BAILIWICK_TLS__CERTIFICATE", file("server.pem")),
        ("BAILIWICK_TLS__KEY", file("server-key.pem")),
        (
            "BAILIWICK_REVIEW",
            format!(
                "{{ listen = '{review}', certificate = '{}', key = '{}', workstation_ca = '{}' }}",
                file("server.pem"),
                file("server-key.pem"),
                file("ca.pem")
            ),
        ),
    ];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service::start(&settings);
    let api = ["/log/checkpoint", "/openapi.json", "/openai/v1/models", "/nowhere"];
    let table = [
        (service.api, &api[..]),
        (private, &api[..]),
        (desk, &["/desk/v1/zeroRetention", "/admin/v1/tenants", "/nowhere"]),
        (review, &["/review/v1/queue", "/nowhere"]),
    ];
    for (address, paths) in table {
        let seat = Seat::new(&authority, address, Some("desk-1"));
        let get =
            |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let bad = ["GET / HTTP/1.1\r\n\r\n".to_owned(), "hello\r\n\r\n".to_owned()];
        for wire in paths.iter().map(|path| get(path)).chain(bad) {
            let text = seat.text(&wire).unwrap();
            let head = text.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
            let once = |line: &str| head.matches(line).count() == 1;
            assert!(once("\r\ncache-control: no-store"), "{wire}: {text}");
            assert!(once("\r\nx-content-type-options: nosniff"), "{wire}: {text}");
            assert!(once("\r\nstrict-transport-security: max-age=31536000"), "{wire}: {text}");
        }
    }
    for path in ["/healthz", "/readyz", "/metrics", "/egress", "/admin/v1/tenants", "/nowhere"] {
        let reply = Request::get(path).send(service.operations);
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("strict-transport-security"), None, "{path}: this is not TLS");
    }
    // Streams, too.
    let mut body = shared().demo.short();
    body["stream"] = true.into();
    let reply = shared().demo.post(&chat_path(CHAT), &body);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}
