//! Access tokens: an endpoint that is slow, wrong or gone, and engines that refuse a token.

use std::sync::{Mutex, mpsc::channel};

use tokio::sync::mpsc::error::TryRecvError;
use zeroize::Zeroizing;

use super::{
    engine::{Act, Engine, Seen, engine, limits, ok, whole},
    fixtures::{authority, tls},
};
use crate::{
    BadDestination, ClientCredentials, Destination, Egress, EgressError, NoToken, Reply,
    SendRequest,
};

const SECRET: &str = "s3cret~canary/+&=%";

fn client(endpoint: &str) -> ClientCredentials {
    ClientCredentials {
        url: format!("{endpoint}/t/oauth2/v2.0/token"),
        client_id: "app 1".to_owned(),
        secret: Zeroizing::new(SECRET.to_owned()),
        scope: "https://a.example/.default".to_owned(),
    }
}

/// Lists an engine, and the endpoint of its tokens.
fn both(engine: &Engine, endpoint: &Engine) -> Egress {
    let place = engine.destination().token(client(&endpoint.origin)).unwrap();
    assert!(!format!("{place:?}").contains("canary"), "{place:?}");
    Egress::new([place, endpoint.destination()]).unwrap()
}

async fn ask(egress: &Egress, engine: &Engine) -> Result<Reply, EgressError> {
    let permit = egress.permit(&engine.origin).unwrap();
    egress.send(permit, SendRequest::get().authenticated(), limits()).await
}

/// Sends a request, and returns it as the engine got it.
async fn carried(egress: &Egress, engine: &mut Engine) -> String {
    whole(&mut ask(egress, engine).await.unwrap()).await.unwrap();
    next(engine).await
}

/// An endpoint that gives `token-CONNECTION`, good for an hour.
fn endpoint() -> Engine {
    engine(|connection, _| ok(&granted(connection)))
}

fn granted(number: usize) -> String {
    format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"token-{number}"}}"#)
}

fn status(status: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"))
}

/// The next request, on any connection.
async fn next(engine: &mut Engine) -> String {
    loop {
        if let Seen::Request(_, request) = engine.next().await {
            return request;
        }
    }
}

fn is_quiet(engine: &mut Engine) -> bool {
    loop {
        match engine.seen.try_recv() {
            Ok(Seen::Request(..)) => return false,
            Ok(Seen::End(_)) => {}
            Err(TryRecvError::Empty) => return true,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The secret goes to the endpoint, the token to the engine, and neither elsewhere.
#[tokio::test]
async fn a_token_is_requested_once_and_used_by_all() {
    let (mut engine, mut endpoint) = (engine(|_, _| ok("")), endpoint());
    let egress = both(&engine, &endpoint);
    for _ in 0..3 {
        whole(&mut ask(&egress, &engine).await.unwrap()).await.unwrap();
        let request = next(&mut engine).await;
        assert!(request.contains("\r\nauthorization: Bearer token-0\r\n"), "{request}");
        assert!(!request.contains("canary"), "{request}");
    }
    let request = next(&mut endpoint).await;
    assert!(request.starts_with("POST /t/oauth2/v2.0/token HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/x-www-form-urlencoded\r\n"));
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("authorization"), "{head}");
    let fields = [
        "grant_type=client_credentials",
        "client_id=app%201",
        "client_secret=s3cret%7Ecanary%2F%2B%26%3D%25",
        "scope=https%3A%2F%2Fa.example%2F.default",
    ];
    assert_eq!(form, fields.join("&"));
    assert!(is_quiet(&mut endpoint));
    let counts: Vec<_> = egress.visits().iter().map(|one| (one.requests, one.answers)).collect();
    assert_eq!(counts, [(3, 3), (1, 1)], "the endpoint is counted like all others");
    assert!(!format!("{egress:?}").contains("canary"), "{egress:?}");

    // A request that asks for no credential carries none, and requests no token.
    let egress = both(&engine, &endpoint);
    let permit = egress.permit(&engine.origin).unwrap();
    egress.send(permit, SendRequest::get(), limits()).await.unwrap();
    assert!(!next(&mut engine).await.contains("authorization"));
    assert!(is_quiet(&mut endpoint));
}

/// Many requests that wait for the first token ask for it once; a caller that gives up spoils
/// nothing.
#[tokio::test]
async fn the_endpoint_is_asked_once_at_a_time() {
    let (go, wait) = channel();
    let wait = Mutex::new(wait);
    let mut endpoint = engine(move |connection, _| {
        let () = wait.lock().unwrap().recv().unwrap();
        ok(&granted(connection))
    });
    let mut engine = engine(|_, _| ok(""));
    let egress = both(&engine, &endpoint);
    let many: Vec<_> = (0..20)
        .map(|_| {
            let (egress, origin) = (egress.clone(), engine.origin.clone());
            tokio::spawn(async move {
                let permit = egress.permit(&origin).unwrap();
                egress.send(permit, SendRequest::get().authenticated(), limits()).await.map(drop)
            })
        })
        .collect();
    next(&mut endpoint).await;
    // The first one, which asks, hangs up; another one asks instead of it.
    many[0].abort();
    next(&mut endpoint).await;
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    for (number, one) in many.into_iter().enumerate() {
        match one.await {
            Ok(sent) => sent.unwrap(),
            Err(error) => assert!(number == 0 && error.is_cancelled(), "{number}: {error}"),
        }
    }
    for _ in 1..20 {
        assert!(next(&mut engine).await.contains("\r\nauthorization: Bearer token-1\r\n"));
    }
    assert!(is_quiet(&mut endpoint));
}

/// A token that must be renewed is still used, and one request renews it in the background.
#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let (mut engine, mut endpoint) = (engine(|_, _| ok("")), endpoint());
    let egress = both(&engine, &endpoint);
    let listed = egress.permit(&engine.origin).unwrap().listed;
    ask(&egress, &engine).await.unwrap();
    assert!(next(&mut engine).await.contains("token-0"));
    next(&mut endpoint).await;
    // As if the token had been requested long ago.
    listed.tokens.age(std::time::Duration::from_secs(3400));
    for _ in 0..3 {
        let request = carried(&egress, &mut engine).await;
        assert!(request.contains("\r\nauthorization: Bearer token-"), "{request}");
    }
    next(&mut endpoint).await;
    assert!(is_quiet(&mut endpoint), "one request renews");
    let renewed = async { while !carried(&egress, &mut engine).await.contains("token-1") {} };
    tokio::time::timeout(limits().first_byte, renewed).await.unwrap();
    assert!(is_quiet(&mut endpoint));
}

/// A 401 throws the token away. The request is not sent again, and the next one has a new token.
#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let mut engine = engine(|_, _| status("401 Unauthorized", "canary"));
    let mut endpoint = endpoint();
    let egress = both(&engine, &endpoint);
    for expected in ["token-0", "token-1", "token-1", "token-1"] {
        let mut reply = ask(&egress, &engine).await.unwrap();
        assert_eq!(reply.status(), 401);
        whole(&mut reply).await.unwrap();
        assert!(next(&mut engine).await.contains(expected), "{expected}");
        assert!(is_quiet(&mut engine), "it is sent once");
    }
    next(&mut endpoint).await;
    next(&mut endpoint).await;
    assert!(is_quiet(&mut endpoint), "a third token would be refused, too");
}

/// Without a token nothing reaches the engine, the reason can be read, and the endpoint rests.
#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let refusal = |code: &str| format!(r#"{{"error":"{code}","error_description":"canary"}}"#);
    let redirect = "HTTP/1.1 307 T\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let flood = Act::Flood("HTTP/1.1 200 OK\r\n\r\n".to_owned(), "x".repeat(4096));
    for (act, expected) in [
        (status("401 Unauthorized", &refusal("invalid_client")), NoToken::Client),
        (status("400 Bad Request", &refusal("unauthorized_client")), NoToken::Unauthorized),
        (status("400 Bad Request", &refusal("invalid_scope")), NoToken::Scope),
        (status("503 Service Unavailable", "canary"), NoToken::Refused(503)),
        (Act::Say(redirect.to_owned()), NoToken::Redirect),
        (ok("canary"), NoToken::Malformed),
        (Act::Close("garbage\r\n\r\n".to_owned()), NoToken::Broken),
        (Act::Close(String::new()), NoToken::Broken),
        (flood, NoToken::Broken),
    ] {
        let mut engine = engine(|_, _| ok(""));
        let answer = act.clone();
        let mut endpoint = super::engine::engine(move |_, _| answer.clone());
        let egress = both(&engine, &endpoint);
        for _ in 0..3 {
            let error = ask(&egress, &engine).await.unwrap_err();
            assert!(matches!(error, EgressError::NoToken(why) if why == expected), "{error:?}");
            assert!(!error.was_sent() && !format!("{error} {error:?}").contains("canary"));
        }
        next(&mut endpoint).await;
        assert!(is_quiet(&mut endpoint), "{act:?}: it is asked once, then it rests");
        assert!(is_quiet(&mut engine), "{act:?}");
        assert_eq!(egress.visits()[0].dials, 0, "{act:?}");
    }
}

/// The endpoint is a destination like all others: unlisted, gone or untrusted, it gets no secret.
#[tokio::test]
async fn the_secret_goes_to_the_listed_endpoint_only() {
    let mut engine = engine(|_, _| ok(""));
    let refused = async |egress: &Egress| match ask(egress, &engine).await {
        Err(EgressError::NoToken(why)) => why,
        other => panic!("{other:?}"),
    };
    let mut endpoint = endpoint();
    let place = engine.destination().token(client(&endpoint.origin)).unwrap();
    let egress = Egress::new([place]).unwrap();
    assert_eq!(refused(&egress).await, NoToken::NotListed);
    assert!(is_quiet(&mut endpoint));

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let place = engine.destination().token(client(&gone)).unwrap();
    let egress = Egress::new([place, Destination::parse(&gone).unwrap()]).unwrap();
    assert_eq!(refused(&egress).await, NoToken::Unreachable);

    // The certificate is of another authority than the listed one.
    let (_, theirs) = authority();
    let (trusted, _) = authority();
    let script = super::fixtures::http("200 OK", &granted(0));
    let (port, mut seen) = super::fixtures::secure(tls("localhost", &theirs), script).await;
    let origin = format!("https://localhost:{port}");
    let place = engine.destination().token(client(&origin)).unwrap();
    let listed = Destination::parse(&origin).unwrap().trust(trusted.as_bytes()).unwrap();
    let egress = Egress::new([place, listed]).unwrap();
    assert_eq!(refused(&egress).await, NoToken::Unreachable);
    assert!(seen.try_recv().is_err());
    assert!(is_quiet(&mut engine));
}

/// A reload keeps the token of a destination that stays as it is. A new secret gets a new one.
#[tokio::test]
async fn a_reload_keeps_a_token_unless_its_source_changed() {
    let (mut engine, mut endpoint) = (engine(|_, _| ok("")), endpoint());
    let egress = both(&engine, &endpoint);
    for (secret, expected) in [(SECRET, "token-0"), (SECRET, "token-0"), ("other", "token-1")] {
        let secret = Zeroizing::new(secret.to_owned());
        let client = ClientCredentials { secret, ..client(&endpoint.origin) };
        let place = engine.destination().token(client).unwrap();
        egress.replace(&Egress::new([place, endpoint.destination()]).unwrap());
        ask(&egress, &engine).await.unwrap();
        assert!(next(&mut engine).await.contains(expected), "{expected}");
    }
    next(&mut endpoint).await;
    assert!(next(&mut endpoint).await.contains("client_secret=other"));
    assert!(is_quiet(&mut endpoint));
}

#[test]
fn a_request_for_tokens_that_cannot_be_written_is_refused() {
    let place = || Destination::parse("https://a.example").unwrap();
    let good = || client("https://login.example");
    assert!(place().token(good()).is_ok());
    for url in ["", "login.example/token", "ftp://login.example/", "https://a@login.example/"] {
        let bad = ClientCredentials { url: url.to_owned(), ..good() };
        assert_eq!(place().token(bad).unwrap_err(), BadDestination::TokenUrl, "{url}");
    }
    for bad in ["", "a\nb", "a\r\n", "schlüssel", "a\0"] {
        let secret = Zeroizing::new(bad.to_owned());
        let all = [
            ClientCredentials { secret, ..good() },
            ClientCredentials { client_id: bad.to_owned(), ..good() },
            ClientCredentials { scope: bad.to_owned(), ..good() },
        ];
        for one in all {
            assert_eq!(place().token(one).unwrap_err(), BadDestination::Token, "{bad:?}");
        }
    }
}
