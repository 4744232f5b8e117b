//! Engines that are slow, silent, endless or gone; and the connections that are kept for them.

use std::{
    net::TcpListener,
    sync::{Arc, Barrier},
    time::Duration,
};

use bytes::Bytes;
use tokio::{task::yield_now, time::Instant};
use zeroize::Zeroizing;

use super::{
    engine::{Act, Engine, STREAM, Seen, engine, exchange, limits, ok, send, whole, with},
    fixtures::{Scripted, loopback},
};
use crate::{
    BadDestination, CredentialHeader, Destination, Egress, EgressError, SendHeader, SendLimits,
    SendRequest,
    idle::{CONNECTIONS_MAX, Idle},
};

const SHORT: Duration = Duration::from_millis(100);

/// The dials, requests and answers of the first destination.
fn counts(egress: &Egress) -> (u64, u64, u64) {
    let visits = &egress.visits()[0];
    (visits.dials, visits.requests, visits.answers)
}

/// The idle connections of the engine.
fn idle(egress: &Egress, engine: &Engine) -> Arc<Idle> {
    Arc::clone(&egress.permit(&engine.origin).unwrap().listed.idle)
}

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// A request arrives as the caller wrote it, and the answer as the engine wrote it.
#[tokio::test]
async fn a_request_and_its_stream_arrive() {
    let mut engine =
        engine(|_, _| Act::Say(format!("{STREAM}6\r\ndata: \r\n3\r\n{{}}\n\r\n0\r\n\r\n")));
    let egress = engine.egress();
    let permit = egress.permit(&format!("{}/v1/chat?a=b", engine.origin)).unwrap();
    let request = SendRequest::post("application/json", Bytes::from_static(b"{\"n\":1}"))
        .header(SendHeader::Accept, "text/event-stream")
        .and_then(|request| request.header(SendHeader::RequestId, "req-1"))
        .unwrap();
    assert_eq!(format!("{request:?}"), "SendRequest(POST with 7 bytes)");
    let mut reply = egress.send(permit, request, limits()).await.unwrap();
    assert_eq!((reply.status(), reply.destination()), (200, engine.origin.as_str()));
    assert_eq!(counts(&egress), (1, 1, 0), "it is not whole yet");
    assert_eq!(whole(&mut reply).await.unwrap(), "data: {}\n");
    assert!(reply.chunk().await.unwrap().is_none());
    assert_eq!(counts(&egress), (1, 1, 1));
    let request = engine.request(0).await;
    assert!(request.starts_with("POST /v1/chat?a=b HTTP/1.1\r\n"), "{request}");
    for line in
        ["content-type: application/json", "accept: text/event-stream", "x-request-id: req-1"]
    {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
    assert!(request.ends_with("\r\n\r\n{\"n\":1}"), "{request}");
    let split = SendRequest::get().header(SendHeader::RequestId, "a\r\nb: c");
    assert!(matches!(split, Err(EgressError::Request)), "{split:?}");
}

/// The engine sees the hang-up at once, during the answer and before it.
#[tokio::test]
async fn a_dropped_reply_hangs_up() {
    let mut engine = engine(|connection, _| {
        Act::Say(if connection == 0 { format!("{STREAM}1\r\nx\r\n") } else { String::new() })
    });
    let egress = engine.egress();
    let mut reply = send(&egress, &engine.origin).await.unwrap();
    assert_eq!(reply.chunk().await.unwrap().unwrap(), "x");
    engine.request(0).await;
    drop(reply);
    assert_eq!(engine.next().await, Seen::End(0));
    // The other select branch ends when the request has arrived.
    let origin = engine.origin.clone();
    tokio::select! {
        reply = send(&egress, &origin) => panic!("{reply:?}"),
        request = engine.request(1) => drop(request),
    }
    assert_eq!(engine.next().await, Seen::End(1));
    assert_eq!(counts(&egress), (2, 2, 0));
}

/// An engine that does not begin to answer is left, and so is one that stops in the middle.
#[tokio::test]
async fn a_silent_engine_is_left() {
    let mut engine = engine(|connection, _| {
        Act::Say(if connection == 0 { String::new() } else { format!("{STREAM}1\r\nx\r\n") })
    });
    let egress = engine.egress();
    let ask = async |limits| {
        egress.send(egress.permit(&engine.origin).unwrap(), SendRequest::get(), limits).await
    };
    let slow = ask(SendLimits { first_byte: SHORT, ..limits() }).await.unwrap_err();
    assert!(matches!(slow, EgressError::Silent(SHORT)) && slow.was_sent(), "{slow:?}");
    let mut reply = ask(SendLimits { silence: SHORT, ..limits() }).await.unwrap();
    assert_eq!(reply.chunk().await.unwrap().unwrap(), "x");
    assert!(matches!(reply.chunk().await, Err(EgressError::Silent(SHORT))));
    // The end of a failed answer must not look like the end of a whole one.
    assert!(matches!(reply.chunk().await, Err(EgressError::Failed)));
    let mut ends = Vec::new();
    while ends.len() < 2 {
        match engine.next().await {
            Seen::End(connection) => ends.push(connection),
            Seen::Request(..) => {}
        }
    }
    ends.sort_unstable();
    assert_eq!(ends, [0, 1]);
    assert_eq!(counts(&egress), (2, 2, 0));
}

/// A server that accepts the connection and says nothing in TLS gets no request.
#[tokio::test]
async fn a_connection_that_takes_too_long_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let egress = super::listed(&[&origin]);
    let limits = SendLimits { connect: SHORT, ..limits() };
    let permit = egress.permit(&origin).unwrap();
    let error = egress.send(permit, SendRequest::get(), limits).await.unwrap_err();
    assert!(matches!(error, EgressError::ConnectTimeout(SHORT)), "{error:?}");
    assert!(!error.was_sent());
    assert_eq!(counts(&egress), (1, 0, 0));
}

/// A caller may send elsewhere after every failure before the first byte of the request.
#[tokio::test]
async fn an_error_says_if_the_request_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = send(&super::listed(&[&closed]), &closed).await.unwrap_err();
    assert!(matches!(refused, EgressError::Connect(_)) && !refused.was_sent(), "{refused:?}");

    for (addresses, is_address) in [(vec![], false), (vec![loopback(1)], true)] {
        let resolver = match addresses[..] {
            [address] => Scripted::new([[address]]),
            _ => Scripted::default(),
        };
        let origin = "http://engine.example";
        let list = [Destination::parse(origin).unwrap().plaintext(true)];
        let egress = Egress::with_resolver(list, Arc::new(resolver)).unwrap();
        let error = send(&egress, origin).await.unwrap_err();
        assert_eq!(matches!(error, EgressError::Address), is_address, "{error:?}");
        assert!(!error.was_sent());
    }
    // No HTTP, and an answer that ends early.
    for said in ["garbage\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", ""] {
        let engine = engine(|_, _| Act::Close(said.to_owned()));
        let error = exchange(&engine.egress(), &engine.origin).await.unwrap_err();
        assert!(matches!(error, EgressError::Http(_)) && error.was_sent(), "{error:?}");
    }
}

/// An announced size is compared before the body is read, and every other one while it is read.
#[tokio::test]
async fn an_answer_that_is_too_large_is_cut() {
    // `Err(Err(…))` is an error before the body, `Err(Ok(…))` one in the middle of it.
    let ask = async |engine: &Engine, body_bytes_max| {
        let egress = engine.egress();
        let permit = egress.permit(&engine.origin).unwrap();
        let limits = SendLimits { body_bytes_max, ..limits() };
        let mut reply = egress.send(permit, SendRequest::get(), limits).await.map_err(Err)?;
        whole(&mut reply).await.map_err(Ok)
    };
    let announced = engine(|_, _| ok("12345"));
    assert_eq!(ask(&announced, 5).await.unwrap(), "12345");
    let refused = ask(&announced, 4).await;
    assert!(matches!(refused, Err(Err(EgressError::TooLarge(4)))), "{refused:?}");

    let piece = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let endless = [(STREAM, piece.as_str()), ("HTTP/1.1 200 OK\r\n\r\n", "xxxx")];
    for (start, piece) in endless.map(|(start, piece)| (start.to_owned(), piece.to_owned())) {
        let mut endless = engine(move |_, _| Act::Flood(start.clone(), piece.clone()));
        let cut = ask(&endless, 100_000).await;
        assert!(matches!(cut, Err(Ok(EgressError::TooLarge(100_000)))), "{cut:?}");
        endless.request(0).await;
        assert_eq!(endless.next().await, Seen::End(0));
    }
}

/// A redirect is not followed, and the credential does not reach its target.
#[tokio::test]
async fn a_redirect_gets_no_credential() {
    let mut target = engine(|_, _| ok("lured"));
    let location = target.origin.clone();
    let mut first = engine(move |_, _| {
        Act::Say(format!("HTTP/1.1 307 T\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
    });
    let destination = first.destination().credential(CredentialHeader::Bearer, secret("canary"));
    let egress = Egress::new([destination.unwrap(), target.destination()]).unwrap();
    let permit = egress.permit(&first.origin).unwrap();
    let answer = egress.send(permit, SendRequest::get().authenticated(), limits()).await;
    assert!(matches!(answer, Err(EgressError::Redirect(307))), "{answer:?}");
    assert!(first.request(0).await.contains("\r\nauthorization: Bearer canary\r\n"));
    // The connection is not used again, either.
    assert_eq!(first.next().await, Seen::End(0));
    assert_eq!(egress.visits()[1].dials, 0);
    assert!(target.seen.try_recv().is_err());
}

/// Only a request that asks for the credential carries it, over one connection with others.
#[tokio::test]
async fn only_a_request_that_asks_carries_the_credential() {
    for (header, line) in [
        (CredentialHeader::Bearer, "\r\nauthorization: Bearer canary\r\n"),
        (CredentialHeader::ApiKey, "\r\napi-key: canary\r\n"),
    ] {
        let mut engine = engine(|_, _| ok(""));
        let destination = engine.destination().credential(header, secret("canary")).unwrap();
        assert!(!format!("{destination:?}").contains("canary"), "{destination:?}");
        let egress = Egress::new([destination]).unwrap();
        let permit = || egress.permit(&engine.origin).unwrap();
        for request in [SendRequest::get(), SendRequest::get().authenticated(), SendRequest::get()]
        {
            let mut reply = egress.send(permit(), request, limits()).await.unwrap();
            assert_eq!(whole(&mut reply).await.unwrap(), "");
        }
        egress.get(permit(), super::limits()).await.unwrap();
        let body = Bytes::new();
        egress.post(permit(), "text/plain", body, super::limits()).await.unwrap();
        let mut carried = Vec::new();
        while carried.len() < 5 {
            if let Seen::Request(_, request) = engine.next().await {
                assert_eq!(request.contains(line), request.contains("canary"), "{request}");
                carried.push(request.contains("canary"));
            }
        }
        assert_eq!(carried, [false, true, false, false, false]);
        assert!(!format!("{egress:?}").contains("canary"), "{egress:?}");
    }
}

/// A credential that would begin another header, or that travels in clear, is refused.
#[test]
fn a_credential_that_cannot_be_kept_is_refused() {
    let place = |text: &str| Destination::parse(text).unwrap();
    for bad in ["", "a\nb", "a\r\nx: y", "two words", "schlüssel", "a\0", "\u{7f}"] {
        let refused = place("https://a.example").credential(CredentialHeader::ApiKey, secret(bad));
        assert_eq!(refused.unwrap_err(), BadDestination::Credential, "{bad:?}");
    }
    let clear = |consent| {
        let place = place("http://10.0.0.1").plaintext(consent);
        let place = place.credential(CredentialHeader::Bearer, secret("canary")).unwrap();
        Egress::new([place]).map(drop)
    };
    assert_eq!((clear(false), clear(true)), (Err(BadDestination::Plaintext), Ok(())));
}

/// One connection carries one exchange after the other; each is counted.
#[tokio::test]
async fn a_connection_is_used_again() {
    let mut engine = engine(|_, number| ok(&number.to_string()));
    let egress = engine.egress();
    for expected in ["0", "1", "2"] {
        assert_eq!(exchange(&egress, &engine.origin).await.unwrap(), expected);
        engine.request(0).await;
    }
    assert_eq!(counts(&egress), (1, 3, 3));
    // Two at once have two connections.
    let (one, two) =
        tokio::join!(exchange(&egress, &engine.origin), exchange(&egress, &engine.origin));
    assert_eq!((one.unwrap(), two.unwrap()), ("3".into(), "0".into()));
    assert_eq!(counts(&egress), (2, 5, 5));
}

/// A kept connection that the engine has closed is replaced: the request was not sent yet.
#[tokio::test]
async fn a_closed_connection_is_replaced() {
    let Act::Say(answer) = ok("hello") else { panic!() };
    let barrier = Arc::new(Barrier::new(2));
    let closing = Arc::clone(&barrier);
    let mut engine = engine(move |_, _| Act::CloseAt(answer.clone(), Arc::clone(&closing)));
    let egress = engine.egress();
    for connection in 0..2 {
        assert_eq!(exchange(&egress, &engine.origin).await.unwrap(), "hello");
        engine.request(connection).await;
        assert_eq!(idle(&egress, &engine).count(), 1);
        barrier.wait();
        assert_eq!(engine.next().await, Seen::End(connection));
        // The runtime learns of the closed socket.
        yield_now().await;
    }
    assert_eq!(counts(&egress), (2, 2, 2));
}

/// A request that an engine has read is not sent again when the engine closes the connection.
#[tokio::test]
async fn a_request_is_never_sent_twice() {
    let mut engine = engine(|_, number| match number {
        0 => ok("hello"),
        _ => Act::Close(String::new()),
    });
    let egress = engine.egress();
    assert_eq!(exchange(&egress, &engine.origin).await.unwrap(), "hello");
    let lost = exchange(&egress, &engine.origin).await.unwrap_err();
    assert!(matches!(lost, EgressError::Http(_)) && lost.was_sent(), "{lost:?}");
    assert_eq!(counts(&egress), (1, 2, 1));
    for _ in 0..2 {
        engine.request(0).await;
    }
    assert_eq!(engine.next().await, Seen::End(0));
    assert!(engine.seen.try_recv().is_err());
}

/// Idle connections are closed after some seconds, or before the time that the engine announces.
#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    for (header, kept_s, gone_s) in [
        ("", 1, 5),
        ("keep-alive: timeout=10, max=100\r\n", 5, 10),
        ("keep-alive: timeout=600\r\n", 20, 31),
    ] {
        let mut engine = engine(move |_, _| with(header, ""));
        let egress = engine.egress();
        exchange(&egress, &engine.origin).await.unwrap();
        engine.request(0).await;
        let idle = idle(&egress, &engine);
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(idle.expire(after(kept_s)).is_some());
        assert_eq!(idle.count(), 1);
        assert!(idle.expire(after(gone_s)).is_none());
        assert_eq!(engine.next().await, Seen::End(0));
    }
    // The engine closes at once: the connection is not kept.
    for header in ["keep-alive: timeout=1\r\n", "connection: close\r\n"] {
        let mut engine = engine(move |_, _| with(header, ""));
        let egress = engine.egress();
        exchange(&egress, &engine.origin).await.unwrap();
        engine.request(0).await;
        assert_eq!(engine.next().await, Seen::End(0));
    }
}

/// Of many connections, a limited number is kept.
#[tokio::test]
async fn few_idle_connections_are_kept() {
    let mut engine = engine(|_, _| ok("x"));
    let egress = engine.egress();
    let mut replies = Vec::new();
    for _ in 0..=CONNECTIONS_MAX {
        replies.push(send(&egress, &engine.origin).await.unwrap());
    }
    for reply in &mut replies {
        assert_eq!(whole(reply).await.unwrap(), "x");
    }
    assert_eq!(idle(&egress, &engine).count(), CONNECTIONS_MAX);
    let end = async {
        loop {
            if let Seen::End(connection) = engine.next().await {
                return connection;
            }
        }
    };
    assert_eq!(end.await, 0, "the longest idle one is closed");
}

/// A reload keeps the connections of a destination that stays as it is, and closes all others.
#[tokio::test]
async fn a_reload_closes_the_connections_of_what_changed() {
    let mut engine = engine(|_, _| ok("x"));
    let with = |text: &str| {
        let place = engine.destination().credential(CredentialHeader::ApiKey, secret(text));
        Egress::new([place.unwrap()]).unwrap()
    };
    let (egress, same, changed) = (with("one"), with("one"), with("two"));
    exchange(&egress, &engine.origin).await.unwrap();
    egress.replace(&same);
    exchange(&egress, &engine.origin).await.unwrap();
    for _ in 0..2 {
        engine.request(0).await;
    }
    // An exchange in progress continues; its connection is not kept afterwards.
    let mut reply = send(&egress, &engine.origin).await.unwrap();
    engine.request(0).await;
    let mut other = send(&egress, &engine.origin).await.unwrap();
    engine.request(1).await;
    assert_eq!(whole(&mut other).await.unwrap(), "x");
    egress.replace(&changed);
    assert_eq!(engine.next().await, Seen::End(1));
    assert_eq!(whole(&mut reply).await.unwrap(), "x");
    assert_eq!(engine.next().await, Seen::End(0));

    exchange(&egress, &engine.origin).await.unwrap();
    engine.request(2).await;
    egress.replace(&Egress::new([]).unwrap());
    assert_eq!(engine.next().await, Seen::End(2));
    assert_eq!(counts(&egress), (3, 5, 5));
}

/// The head of an answer is foreign text: only plain values are returned.
#[tokio::test]
async fn an_answers_head_is_read_with_care() {
    let day = Duration::from_secs(86_400);
    let long = format!("x-ms-region: {}\r\n", "a".repeat(65));
    let cases = [
        ("", None, None),
        ("retry-after: 7\r\n", Some(Duration::from_secs(7)), None),
        ("retry-after: 7\r\nretry-after-ms: 250\r\n", Some(Duration::from_millis(250)), None),
        ("retry-after: 18446744073709551615\r\n", Some(day), None),
        ("retry-after: Wed, 21 Oct 2015 07:28:00 GMT\r\n", None, None),
        ("retry-after: -1\r\n", None, None),
        ("retry-after: 1\r\nretry-after: 2\r\n", None, None),
        ("x-ms-region: Sweden Central\r\n", None, Some("Sweden Central")),
        ("x-ms-region: <b>\r\n", None, None),
        ("x-ms-region: \r\n", None, None),
        (long.as_str(), None, None),
    ];
    for (headers, retry_after, region) in cases {
        let headers = headers.to_owned();
        let engine = engine(move |_, _| with(&format!("content-type: text/x\r\n{headers}"), ""));
        let reply = send(&engine.egress(), &engine.origin).await.unwrap();
        assert_eq!(reply.content_type(), Some("text/x"));
        assert_eq!((reply.retry_after(), reply.region()), (retry_after, region));
    }
}
