//! Attacks on the way out: other places, other addresses, other servers, other amounts.

mod engine;
mod fixtures;
mod pins;
mod send;
mod token;

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;

use self::fixtures::{Scripted, authority, http, limits, loopback, secure, serve, serve_on, tls};
use crate::{
    BadDestination, Destination, DownloadLimits, Egress, EgressError, ExchangeLimits, NotListed,
};

fn listed(texts: &[&str]) -> Egress {
    Egress::new(texts.iter().map(|text| Destination::parse(text).unwrap())).unwrap()
}

/// Scheme, host and port must match exactly, in any form of the URL.
#[test]
fn only_what_is_listed_gives_a_permit() {
    let egress = listed(&["https://login.example.com", "http://127.0.0.1:8123"]);
    for url in [
        "https://login.example.com",
        "https://login.example.com/a?b=c",
        "https://LOGIN.example.com:443/",
        "http://127.0.0.1:8123/keys",
    ] {
        assert!(egress.permit(url).is_ok(), "{url}");
    }
    let elsewhere = [
        "http://login.example.com/",
        "https://login.example.com:8443/",
        "https://example.com/",
        "https://evil.login.example.com/",
        "https://login.example.com.evil.example/",
        "https://login.example.comevil/",
        "http://127.0.0.1/",
        "http://localhost:8123/",
        "https://127.0.0.1:8123/",
        "http://127.0.0.2:8123/",
        "http://[::ffff:127.0.0.1]:8123/",
    ];
    for url in elsewhere {
        assert!(matches!(egress.permit(url), Err(NotListed::Elsewhere { .. })), "{url}");
    }
    let no_url = [
        "",
        "/keys",
        "login.example.com",
        "ftp://login.example.com/",
        "file:///etc/passwd",
        "https://login.example.com@evil.example/",
        "https://evil.example@login.example.com/",
        "https://login.example.com./",
        "https://login.example.com:0/",
        "https://login.example.com:65536/",
        "https://login.example.com:/",
        "https://login.example.com\\@evil.example/",
        "https://login.exämple.com/",
        "http://127.1:8123/",
        "http://2130706433:8123/",
        "http://0x7f.1:8123/",
    ];
    for url in no_url {
        assert_eq!(egress.permit(url).unwrap_err(), NotListed::NoUrl, "{url}");
    }
    assert_eq!(egress.refused(), (elsewhere.len() + no_url.len()) as u64);
    assert!(egress.visits().iter().all(|visits| visits.dials == 0));
    assert!(listed(&[]).permit("https://login.example.com").is_err());
}

/// A destination that is weaker than it looks is refused in the list, before any dial.
#[test]
fn a_list_refuses_what_it_cannot_keep() {
    let list = |destination: Destination| Egress::new([destination]).map(drop);
    let parsed = |text: &str| Destination::parse(text).unwrap();
    assert_eq!(list(parsed("http://login.example.com")), Err(BadDestination::Plaintext));
    assert_eq!(list(parsed("http://10.0.0.1")), Err(BadDestination::Plaintext));
    assert_eq!(list(parsed("http://login.example.com").plaintext(true)), Ok(()));
    for local in ["http://localhost:1", "http://127.0.0.5", "http://[::1]"] {
        assert_eq!(list(parsed(local)), Ok(()), "{local}");
    }
    for text in ["https://a.example/x", "https://a.example/?x", "https://a.example/#x"] {
        assert_eq!(Destination::parse(text), Err(BadDestination::Path), "{text}");
    }
    let twice = [parsed("https://a.example"), parsed("https://A.example:443/")];
    assert_eq!(Egress::new(twice).unwrap_err(), BadDestination::Twice);
    assert_eq!(parsed("https://a.example").trust(b"nothing"), Err(BadDestination::Trust));
    assert_eq!(parsed("https://[::1]:1").to_string(), "https://[::1]:1");
}

/// An answer and a request arrive unchanged, and are counted.
#[tokio::test]
async fn what_is_listed_is_reached() {
    let (port, mut seen) = serve(http("200 OK", "hello")).await;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    let permit = egress.permit(&format!("{origin}/a/b?c=d")).unwrap();
    assert_eq!(permit.destination(), origin);
    let answer = egress.get(permit, limits()).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hello"[..]));
    let head = seen.recv().await.unwrap();
    assert!(head.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: 127.0.0.1:{port}\r\n")), "{head}");

    let permit = egress.permit(&format!("{origin}/add-checkpoint")).unwrap();
    let body = Bytes::from_static(b"old 0\n");
    egress.post(permit, "text/plain", body, limits()).await.unwrap().ok().unwrap();
    let request = seen.recv().await.unwrap();
    assert!(request.starts_with("POST /add-checkpoint HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: text/plain\r\n"), "{request}");
    let permit = egress.permit(&origin).unwrap();
    let split = egress.post(permit, "text/plain\r\nx: y", Bytes::new(), limits()).await;
    assert!(matches!(split, Err(EgressError::Request)), "{split:?}");

    let visits = egress.visits();
    assert_eq!((visits[0].dials, visits[0].answers), (2, 2));
}

/// A witness answers a stale checkpoint with a failure status and a body.
#[tokio::test]
async fn a_failure_is_an_answer_with_a_body() {
    let (port, _seen) = serve(http("409 Conflict", "17\n")).await;
    let origin = format!("http://localhost:{port}");
    let egress = listed(&[&origin]);
    let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (409, &b"17\n"[..]));
    assert!(matches!(answer.ok(), Err(EgressError::Status(409))));
}

/// A redirect is not followed, even to a listed destination: the permit was for one URL.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, mut lured) = serve(http("200 OK", "lured")).await;
    let target = format!("302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/");
    let (port, _seen) = serve(http(&target, "")).await;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin, &format!("http://127.0.0.1:{elsewhere}")]);
    let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await;
    assert!(matches!(answer, Err(EgressError::Redirect(302))), "{answer:?}");
    assert!(lured.try_recv().is_err());
    assert_eq!(egress.visits()[1].dials, 0);
}

/// An unlisted name is not resolved. A listed name is resolved once per connection; a second
/// question would get no answer.
#[tokio::test]
async fn a_name_is_looked_up_once_and_the_connection_goes_there() {
    let (port, mut right) = serve(http("200 OK", "right")).await;
    let mut rebound = serve_on(loopback(2), port, http("200 OK", "rebound")).await;
    let resolver = Arc::new(Scripted::new([[loopback(1)], [loopback(2)]]));
    let origin = format!("http://localhost:{port}");
    let list = [Destination::parse(&origin).unwrap()];
    let egress = Egress::with_resolver(list, Arc::<Scripted>::clone(&resolver)).unwrap();

    assert!(egress.permit(&format!("http://unlisted.example:{port}/")).is_err());
    assert_eq!(resolver.queries(), Vec::<String>::new());

    let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await.unwrap();
    assert_eq!(&answer.body[..], b"right");
    assert_eq!(resolver.queries(), ["localhost"]);
    assert!(right.try_recv().is_ok());
    assert!(rebound.try_recv().is_err());
}

/// A name server cannot point a listed name into the machine, or at the cloud's metadata service.
#[tokio::test]
async fn a_name_does_not_lead_inside() {
    let (port, mut inside) = serve(http("200 OK", "inside")).await;
    for address in
        ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0", "::", "fe80::1"]
    {
        let resolver = Arc::new(Scripted::new([[address.parse().unwrap()]]));
        let origin = format!("http://login.example.com:{port}");
        let list = [Destination::parse(&origin).unwrap().plaintext(true)];
        let egress = Egress::with_resolver(list, resolver).unwrap();
        let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await;
        assert!(matches!(answer, Err(EgressError::Address)), "{address}: {answer:?}");
        assert_eq!(egress.visits()[0].dials, 0);
    }
    assert!(inside.try_recv().is_err());
    // `localhost` does not lead outside, either.
    let resolver = Arc::new(Scripted::new([["192.0.2.1".parse().unwrap()]]));
    let list = [Destination::parse("http://localhost").unwrap()];
    let egress = Egress::with_resolver(list, resolver).unwrap();
    let answer = egress.get(egress.permit("http://localhost").unwrap(), limits()).await;
    assert!(matches!(answer, Err(EgressError::Address)), "{answer:?}");
}

/// A failed dial is counted; a name without an address is not dialed.
#[tokio::test]
async fn nobody_there_is_said_and_counted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await;
    assert!(matches!(answer, Err(EgressError::Connect(_))), "{answer:?}");
    assert_eq!((egress.visits()[0].dials, egress.visits()[0].answers), (1, 0));

    let list = [Destination::parse("https://login.example.com").unwrap()];
    let none = Arc::new(Scripted::new::<0, 0>([]));
    let egress = Egress::with_resolver(list, none).unwrap();
    let permit = egress.permit("https://login.example.com").unwrap();
    let answer = egress.get(permit, limits()).await;
    assert!(matches!(answer, Err(EgressError::Lookup(_))), "{answer:?}");
}

/// Silence and a slow head or body all end at the time limit.
#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let drops = |text: &'static str| fixtures::Script::Drip(text.to_owned(), "x".to_owned());
    for script in [
        drops("HTTP/1.1 200 OK\r\nx-slow: "),
        drops("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"),
        fixtures::Script::Silence,
    ] {
        let (port, _seen) = serve(script).await;
        let origin = format!("http://127.0.0.1:{port}");
        let egress = listed(&[&origin]);
        let limits = ExchangeLimits { time: Duration::from_millis(200), ..limits() };
        let answer = egress.get(egress.permit(&origin).unwrap(), limits).await;
        assert!(matches!(answer, Err(EgressError::Timeout(_))), "{answer:?}");
    }
    // A server that accepts and then does not speak TLS.
    let (port, _seen) = serve(fixtures::Script::Silence).await;
    let origin = format!("https://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    let limits = ExchangeLimits { time: Duration::from_millis(200), ..limits() };
    let answer = egress.get(egress.permit(&origin).unwrap(), limits).await;
    assert!(matches!(answer, Err(EgressError::Timeout(_))), "{answer:?}");
}

/// An answer never exceeds the limit, with or without an announced size.
#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = |head: &str, piece: &str| {
        fixtures::Script::Flood(format!("HTTP/1.1 200 OK\r\n{head}"), piece.to_owned())
    };
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    for (script, expected_too_large) in [
        (endless("transfer-encoding: chunked\r\n\r\n", &chunk), true),
        (endless("\r\n", "xxxxxxxxxxxxxxxx"), true),
        (endless("content-length: 1000000000000\r\n\r\n", "x"), true),
        (endless("", "x-more: more\r\n"), false),
    ] {
        let (port, _seen) = serve(script).await;
        let origin = format!("http://127.0.0.1:{port}");
        let egress = listed(&[&origin]);
        let limits = ExchangeLimits { body_bytes_max: 10_000, ..limits() };
        let answer = egress.get(egress.permit(&origin).unwrap(), limits).await;
        match answer {
            Err(EgressError::TooLarge(10_000)) => assert!(expected_too_large),
            Err(EgressError::Http(_)) => assert!(!expected_too_large),
            other => panic!("{other:?}"),
        }
    }
    // Exactly the limit fits.
    let (port, _seen) = serve(http("200 OK", "12345")).await;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    for (body_bytes_max, fits) in [(5, true), (4, false)] {
        let limits = ExchangeLimits { body_bytes_max, ..limits() };
        let answer = egress.get(egress.permit(&origin).unwrap(), limits).await;
        assert_eq!(answer.is_ok(), fits);
    }
}

/// An answer that is shorter than announced is an error.
#[tokio::test]
async fn a_short_answer_is_refused() {
    let script = fixtures::Script::Say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".into());
    for script in [script, fixtures::Script::Say("garbage\r\n\r\n".into())] {
        let (port, _seen) = serve(script).await;
        let origin = format!("http://127.0.0.1:{port}");
        let egress = listed(&[&origin]);
        let answer = egress.get(egress.permit(&origin).unwrap(), limits()).await;
        assert!(matches!(answer, Err(EgressError::Http(_))), "{answer:?}");
    }
}

/// The listed authority, the listed name, and TLS itself are required.
#[tokio::test]
async fn the_wrong_certificate_gets_nothing() {
    let (ours, issuer) = authority();
    let (theirs, other) = authority();
    let ask = async |origin: String, trust: Option<&str>| {
        let destination = Destination::parse(&origin).unwrap();
        let destination = match trust {
            Some(pem) => destination.trust(pem.as_bytes()).unwrap(),
            None => destination,
        };
        let egress = Egress::new([destination]).unwrap();
        egress.get(egress.permit(&origin).unwrap(), limits()).await
    };
    let refused = |answer: &Result<crate::Answer, EgressError>| match answer {
        Err(EgressError::Tls(error)) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    };

    let (port, mut seen) = secure(tls("localhost", &issuer), http("200 OK", "hello")).await;
    let here = format!("https://localhost:{port}");
    assert_eq!(ask(here.clone(), Some(&ours)).await.unwrap().body, "hello");
    assert!(seen.recv().await.is_some());
    // Another authority; the public ones; a name that is not in the certificate.
    for (origin, trust) in [
        (here.clone(), Some(theirs.as_str())),
        (here.clone(), None),
        (format!("https://127.0.0.1:{port}"), Some(ours.as_str())),
    ] {
        let answer = ask(origin, trust).await;
        assert!(refused(&answer), "{answer:?}");
    }
    let (port, _seen) = secure(tls("localhost", &other), http("200 OK", "hello")).await;
    let answer = ask(format!("https://localhost:{port}"), Some(&ours)).await;
    assert!(refused(&answer), "{answer:?}");
    assert!(seen.try_recv().is_err());
    // No TLS at all.
    let (port, _seen) = serve(http("200 OK", "hello")).await;
    let answer = ask(format!("https://localhost:{port}"), Some(&ours)).await;
    assert!(refused(&answer), "{answer:?}");
}

/// Clones share the list that is replaced. Counters stay, also those of removed destinations.
#[tokio::test]
async fn a_list_is_replaced_as_a_whole_and_its_counters_stay() {
    let egress = listed(&["http://127.0.0.1:9", "https://a.example"]);
    let clone = egress.clone();
    // The port is closed. The dial is counted all the same.
    let permit = egress.permit("http://127.0.0.1:9/x").unwrap();
    drop(egress.get(permit, limits()).await);
    let dials = |egress: &Egress| {
        let visits = egress.visits().into_iter();
        visits.map(|one| (one.destination, one.dials, one.listed)).collect::<Vec<_>>()
    };
    let dead = "http://127.0.0.1:9".to_owned();
    let (a, b) = ("https://a.example:443".to_owned(), "https://b.example:443".to_owned());
    assert_eq!(dials(&clone), [(dead.clone(), 1, true), (a, 0, true)]);

    egress.replace(&listed(&["https://b.example"]));
    assert!(clone.permit("https://b.example/x").is_ok());
    for gone in ["http://127.0.0.1:9/x", "https://a.example/x"] {
        assert!(clone.permit(gone).is_err(), "{gone}");
    }
    assert_eq!(dials(&clone), [(b.clone(), 0, true), (dead.clone(), 1, false)]);

    egress.replace(&listed(&["http://127.0.0.1:9", "https://b.example"]));
    assert_eq!(dials(&clone), [(dead, 1, true), (b, 0, true)]);
}

fn large() -> DownloadLimits {
    let time = Duration::from_secs(20);
    DownloadLimits { time, stall: time, body_bytes_max: 1 << 20 }
}

async fn whole(download: &mut crate::Download) -> Result<Vec<u8>, EgressError> {
    let mut whole = Vec::new();
    while let Some(piece) = download.next().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// A download returns its head first, then its body. It is dialed and counted like every answer.
#[tokio::test]
async fn a_download_arrives_in_pieces_with_its_headers() {
    let said = "HTTP/1.1 200 OK\r\netag: \"abc\"\r\nx-twice: 1\r\nx-twice: 2\r\ncontent-length: 5\r\n\r\nhello";
    let (port, mut seen) = serve(fixtures::Script::Say(said.into())).await;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    let permit = egress.permit(&format!("{origin}/a/b")).unwrap();
    let mut download = egress.download(permit, large()).await.unwrap();
    assert_eq!((download.status(), download.announced()), (200, Some(5)));
    assert_eq!((download.header("etag"), download.header("x-twice")), (Some("\"abc\""), None));
    assert_eq!((download.origin(), download.redirect()), (origin.as_str(), None));
    assert_eq!(egress.visits()[0].answers, 0, "it is not whole yet");
    assert_eq!(whole(&mut download).await.unwrap(), b"hello");
    assert!(seen.recv().await.unwrap().starts_with("GET /a/b HTTP/1.1\r\n"));
    assert_eq!((egress.visits()[0].dials, egress.visits()[0].answers), (1, 1));
}

/// A redirect is reported. Its target requires another permit, and an unlisted place gets none.
#[tokio::test]
async fn a_download_does_not_follow_a_redirect() {
    for (location, leads) in [
        ("https://evil.example/x", Some("https://evil.example/x".to_owned())),
        ("/inside?a=b", Some("/inside?a=b".to_owned())),
        ("//evil.example/x", Some("//evil.example/x".to_owned())),
        ("", Some(String::new())),
    ] {
        let head = format!("302 Found\r\nlocation: {location}");
        let (port, _seen) = serve(http(&head, "")).await;
        let origin = format!("http://127.0.0.1:{port}");
        let egress = listed(&[&origin]);
        let permit = egress.permit(&format!("{origin}/x")).unwrap();
        let download = egress.download(permit, large()).await.unwrap();
        let to = download.redirect();
        if location == "/inside?a=b" {
            assert_eq!(to, leads.map(|leads| format!("{origin}{leads}")));
            assert!(egress.permit(&to.unwrap()).is_ok());
        } else {
            assert_eq!(to, leads);
            assert!(egress.permit(&to.unwrap()).is_err(), "{location}");
        }
        assert_eq!(egress.visits()[0].dials, 1);
    }
}

/// A download that is cut, grows beyond the limit, announces too much or stalls is an error.
#[tokio::test]
async fn a_broken_download_is_an_error() {
    let limits =
        DownloadLimits { stall: Duration::from_millis(300), body_bytes_max: 100, ..large() };
    let say = |text: &str| fixtures::Script::Say(text.to_owned());
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let cases = [
        (say("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"), "exchange failed"),
        (
            say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n"),
            "exchange failed",
        ),
        (say("HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n"), "larger than 100 bytes"),
        (
            fixtures::Script::Flood(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(),
                chunk,
            ),
            "larger than 100 bytes",
        ),
        (
            fixtures::Script::Flood("HTTP/1.1 200 OK\r\n\r\n".into(), "xxxx".into()),
            "larger than 100 bytes",
        ),
        (fixtures::Script::Silence, "no complete answer within 300ms"),
    ];
    for (script, expected) in cases {
        let (port, _seen) = serve(script).await;
        let origin = format!("http://127.0.0.1:{port}");
        let egress = listed(&[&origin]);
        let result = match egress.download(egress.permit(&origin).unwrap(), limits).await {
            Ok(mut download) => whole(&mut download).await,
            Err(error) => Err(error),
        };
        let said = result.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert_eq!(egress.visits()[0].answers, 0);
    }
    // Bytes that arrive in time, and never end.
    let drip = fixtures::Script::Drip("HTTP/1.1 200 OK\r\n\r\n".into(), "x".into());
    let (port, _seen) = serve(drip).await;
    let origin = format!("http://127.0.0.1:{port}");
    let egress = listed(&[&origin]);
    let limits = DownloadLimits { time: Duration::from_millis(300), ..large() };
    let mut download = egress.download(egress.permit(&origin).unwrap(), limits).await.unwrap();
    let said = whole(&mut download).await.unwrap_err();
    assert!(matches!(said, EgressError::Timeout(_)), "{said}");
}
