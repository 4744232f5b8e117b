mod rebinding;
mod stub;

use engine::request::{Embed, EmbedInput, Text, Work};
use policy::{
    engine::PrefixCache,
    forward::{CallerLabels, Forward, Label},
    id::TenantId,
};
use serde_json::{Value, json};

use self::stub::{
    Part, Stub, begins, decided, egress, engine, model, permit, processor, route, says, sent,
    streams, work,
};
use super::*;
use crate::{
    failure::Failure,
    pool::{Condition, FAILURES_IN_A_ROW},
};
use engine::request::Event;

fn text(content: &str) -> Value {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": { "content": content } }] })
}

fn stop() -> Value {
    json!({ "model": "m", "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] })
}

fn usage(completion: u32) -> Value {
    let usage = json!({ "prompt_tokens": 3, "completion_tokens": completion });
    json!({ "model": "m", "choices": [], "usage": usage })
}

fn hello() -> Part {
    Part::Say(streams(&[text("hello"), stop(), usage(1)]))
}

fn order() -> Order {
    Order::new(permit(1), true, [0; 32], Some(100), sent(work(None)))
}

fn later() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn upstream(engines: &[&Engine], limits: Limits) -> Upstream {
    let upstream = Upstream::new(egress(engines), [7; 32], limits);
    let engines: Vec<Engine> = engines.iter().map(|engine| (*engine).clone()).collect();
    upstream.follow(&engines);
    upstream
}

async fn run(upstream: &Upstream, engines: &[&Engine]) -> Result<(Answer, Trail), Why> {
    let routes = engines.iter().map(|engine| (route(1, engine), *engine)).collect();
    let mut trail = Trail::default();
    let answer = upstream.run(order(), routes, model(), later(), &mut trail).await?;
    Ok((answer, trail))
}

/// Runs at one engine that plays this part.
async fn at(part: Part) -> Result<Answer, Failure> {
    let stub = Stub::plays([part]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], small());
    match run(&upstream, &[&engine]).await {
        Ok((answer, _)) => Ok(answer),
        Err(Why::Failed(failure)) => Err(failure),
        Err(other) => panic!("{other:?}"),
    }
}

fn small() -> Limits {
    Limits { answer_bytes_max: 64 * 1024, event_bytes_max: 8 * 1024, ..Limits::default() }
}

/// Returns the text of an answer, and the failure that ended it.
async fn all(mut answer: Answer) -> (String, Option<Failure>) {
    let (mut said, mut last) = (String::new(), None);
    while let Some(event) = answer.events.next().await {
        match &event {
            Event::Delta { text, .. } => said.push_str(text.0.reveal()),
            Event::Accepted { .. }
            | Event::ToolStart { .. }
            | Event::ToolArguments { .. }
            | Event::Finished { .. }
            | Event::Embedding { .. }
            | Event::Judged { .. }
            | Event::Words { .. }
            | Event::Read { .. }
            | Event::Done
            | Event::Failed(_)
            | Event::Reasoning { .. }
            | Event::Counted { .. } => {}
        }
        last = Some(event);
    }
    let failure = answer.events.failure().cloned();
    let last = last.expect("an event");
    assert_eq!(failure.is_some(), matches!(last, Event::Failed(_)), "{last:?}");
    assert!(last.is_last(), "{last:?}");
    assert!(!format!("{answer:?} {last:?}").contains("canary"));
    (said, failure)
}

fn condition(upstream: &Upstream, number: usize) -> Condition {
    upstream.states()[number - 1].condition
}

#[tokio::test]
async fn a_text_comes_through_and_the_connection_is_used_again() {
    let mut stub = Stub::plays([hello()]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], Limits::default());
    for _ in 0..2 {
        let (answer, trail) = run(&upstream, &[&engine]).await.unwrap();
        assert_eq!(trail.failed, []);
        assert_eq!((answer.engine.as_str(), answer.model.as_deref()), ("engine1", Some("m")));
        assert_eq!(answer.destination, format!("http://127.0.0.1:{}", stub.port));
        assert_eq!(answer.route.engine().engine, Some(engine.id));
        assert_eq!(all(answer).await, ("hello".to_owned(), None));
        let request = stub.requests.recv().await.unwrap();
        assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\naccept: text/event-stream\r\n"), "{request}");
        // The end of the body is read in the background, in a few turns.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert!(stub.connections.recv().await.is_some());
    assert!(stub.connections.try_recv().is_err(), "one connection for both");
    let states = upstream.states();
    assert_eq!((states[0].condition, states[0].outstanding), (Condition::Ready, 0));
}

#[tokio::test]
async fn faults_of_an_answer_are_found() {
    let other =
        json!({ "model": "other", "choices": [{ "index": 0, "delta": { "content": "x" } }] });
    let error = json!({ "error": { "message": "the canary" } });
    let html = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\ncanary";
    for (part, expected) in [
        (Part::Say(streams(std::slice::from_ref(&other))), Failure::OtherModel),
        (Part::Say(streams(std::slice::from_ref(&error))), Failure::Failed),
        (Part::Say(begins(&[json!("the canary")])), Failure::Malformed),
        (Part::Say(html.to_owned()), Failure::Malformed),
        (Part::Say("the canary\r\n\r\n".to_owned()), Failure::Broken),
        (Part::Close, Failure::Broken),
        (Part::Say(streams(&[])), Failure::CutShort),
        (Part::Flood(begins(&[]), stub::chunk(": again\n\n")), Failure::TooLong),
        (Part::Flood(begins(&[]), stub::chunk("again")), Failure::TooLong),
        (Part::Say(says("400 Bad Request", "", "the canary")), Failure::Rejected { status: 400 }),
        (Part::Say(says("401 Unauthorized", "", "")), Failure::Unauthorized { status: 401 }),
        (Part::Say(says("302 Found", "location: http://127.0.0.1:1/\r\n", "")), Failure::Redirect),
        (Part::Say(says("500 Internal Server Error", "", "{}")), Failure::Failed),
    ] {
        let failure = at(part.clone()).await.unwrap_err();
        assert_eq!(failure, expected, "{part:?}");
    }
    for (part, expected) in [
        (Part::Say(streams(&[text("a"), other])), Failure::OtherModel),
        (Part::Say(streams(&[text("a"), error])), Failure::Failed),
        (Part::Say(streams(&[text("a"), stop(), usage(101)])), Failure::Implausible),
        (Part::Say(streams(&[text("a")])), Failure::CutShort),
        (Part::SayAndClose(begins(&[text("a"), stop()])), Failure::Broken),
        (Part::Flood(begins(&[text("a")]), stub::chunk(": again\n\n")), Failure::TooLong),
    ] {
        let answer = at(part.clone()).await.unwrap();
        assert_eq!(all(answer).await, ("a".to_owned(), Some(expected)), "{part:?}");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_is_given_up() {
    let stub = Stub::plays([Part::Drip(begins(&[text("a")]))]).await;
    let engine = Engine { silence_ms: 300, ..stub.engine(1) };
    let upstream = upstream(&[&engine], Limits::default());
    let (answer, _) = run(&upstream, &[&engine]).await.unwrap();
    let start = Instant::now();
    assert_eq!(all(answer).await, ("a".to_owned(), Some(Failure::Silent)));
    // Bytes arrived all the time. Only their number is limited otherwise.
    assert!(start.elapsed() >= Duration::from_millis(250));

    let drips = Part::Drip(begins(&[]));
    let stub = Stub::plays([drips]).await;
    let engine = Engine { first_byte_ms: 300, ..stub.engine(1) };
    upstream.follow(std::slice::from_ref(&engine));
    upstream.egress.replace(&egress(&[&engine]));
    let failed = run(&upstream, &[&engine]).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::Slow), "bytes are no beginning");
}

#[tokio::test]
async fn the_deadline_ends_an_answer_and_blames_no_engine() {
    let stub = Stub::plays([Part::Say(begins(&[text("a")])), Part::Silence]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], Limits::default());
    let (mut answer, _) = run(&upstream, &[&engine]).await.unwrap();
    answer.events.deadline = Instant::now();
    assert_eq!(all(answer).await, ("a".to_owned(), Some(Failure::Deadline)));
    for _ in 0..FAILURES_IN_A_ROW {
        let routes = vec![(route(1, &engine), &engine)];
        let mut trail = Trail::default();
        let ran = upstream.run(order(), routes, model(), Instant::now(), &mut trail).await;
        let failed = ran.unwrap_err();
        assert_eq!(failed, Why::Failed(Failure::Deadline));
    }
    assert_eq!(upstream.states()[0].outstanding, 0);
    assert_eq!(condition(&upstream, 1), Condition::Ready);
}

#[tokio::test]
async fn dropping_the_events_hangs_up() {
    let mut stub = Stub::plays([Part::Say(begins(&[text("a")]))]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], Limits::default());
    let (answer, _) = run(&upstream, &[&engine]).await.unwrap();
    assert_eq!(upstream.states()[0].outstanding, 1);
    drop(answer);
    assert_eq!(upstream.states()[0].outstanding, 0);
    assert!(stub.hang_ups.recv().await.is_some(), "the engine sees it");
    assert_eq!(condition(&upstream, 1), Condition::Ready, "the engine is not to blame");
}

#[tokio::test]
async fn a_request_goes_to_another_engine_only_before_its_first_event() {
    let mut good = Stub::plays([hello()]).await;
    let two = good.engine(2);
    for (part, failure) in [
        (Part::Close, Failure::Broken),
        (Part::SayAndClose("HTTP/1.1 200 OK\r\ncontent-".to_owned()), Failure::Broken),
        (
            Part::Say(says("503 Service Unavailable", "", "")),
            Failure::Unavailable { status: 503, retry_after: None },
        ),
        (
            Part::Say(says("429 Too Many Requests", "retry-after: 7\r\n", "")),
            Failure::Busy { retry_after: Some(Duration::from_secs(7)) },
        ),
    ] {
        let mut bad = Stub::plays([part]).await;
        let one = bad.engine(1);
        let upstream = upstream(&[&one, &two], Limits::default());
        let (answer, trail) = run(&upstream, &[&one, &two]).await.unwrap();
        assert_eq!(trail.failed, [Attempted { engine: one.id, failure }]);
        assert_eq!(trail.current, Some(two.id));
        assert_eq!(answer.engine, "engine2");
        assert_eq!(all(answer).await, ("hello".to_owned(), None));
        assert!(bad.requests.try_recv().is_ok());
        assert!(bad.requests.try_recv().is_err(), "sent once");
        assert!(good.requests.try_recv().is_ok());
    }
    // After the first event, and after failures that another engine would repeat, nothing is sent
    // again.
    for part in [
        Part::SayAndClose(begins(&[text("a")])),
        Part::Say(says("400 Bad Request", "", "{}")),
        Part::Say(says("500 Internal Server Error", "", "{}")),
    ] {
        let one = Stub::plays([part]).await.engine(1);
        let upstream = upstream(&[&one, &two], Limits::default());
        if let Ok((answer, trail)) = run(&upstream, &[&one, &two]).await {
            assert_eq!(trail.failed, []);
            assert_eq!(all(answer).await, ("a".to_owned(), Some(Failure::Broken)));
        }
        assert!(good.requests.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_processor_never_gets_a_request_twice() {
    let mut good = Stub::plays([hello()]).await;
    let two = good.engine(2);
    let bad = Stub::plays([Part::Close]).await;
    let one = Engine { processor: Some(processor()), ..bad.engine(1) };
    let upstream = upstream(&[&one, &two], Limits::default());
    let failed = run(&upstream, &[&one, &two]).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::Broken));
    assert!(good.requests.try_recv().is_err());
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_is_ejected_until_a_probe_finds_it() {
    let mut good = Stub::plays([hello()]).await;
    let two = good.engine(2);
    // A port that was free a moment ago.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let one = engine(1, port);
    let upstream = upstream(&[&one, &two], Limits::default());
    for _ in 0..5 {
        let (answer, trail) = run(&upstream, &[&one, &two]).await.unwrap();
        assert!(trail.failed.iter().all(|attempt| attempt.failure == Failure::NotSent));
        assert_eq!(all(answer).await, ("hello".to_owned(), None));
        good.requests.recv().await.unwrap();
    }
    assert!(matches!(condition(&upstream, 1), Condition::Ejected { .. }));
    let alone = run(&upstream, &[&one]).await.unwrap_err();
    assert!(matches!(alone, Why::Ejected { .. }), "{alone:?}");

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let answers = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let read = tokio::io::AsyncReadExt::read(&mut socket, &mut request).await.unwrap();
        let models = says("200 OK", "", r#"{"data":[]}"#);
        tokio::io::AsyncWriteExt::write_all(&mut socket, models.as_bytes()).await.unwrap();
        let found = async {
            while condition(&upstream, 1) != Condition::Trying {
                tokio::task::yield_now().await;
            }
        };
        found.await;
        String::from_utf8_lossy(&request[..read]).into_owned()
    };
    let request = tokio::select! {
        () = upstream.probe(Duration::from_secs(3600)) => unreachable!("it never returns"),
        request = answers => request,
    };
    assert!(request.starts_with("GET /v1/models HTTP/1.1\r\n"), "{request}");
}

#[tokio::test]
async fn each_engine_that_asks_to_wait_is_left_alone() {
    let busy = |seconds: u32| {
        let after = format!("retry-after: {seconds}\r\n");
        Part::Say(says("429 Too Many Requests", &after, ""))
    };
    let mut stub = Stub::plays([busy(9)]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], Limits::default());
    let failed = run(&upstream, &[&engine]).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(9));
    assert_eq!(failed, Why::Failed(Failure::Busy { retry_after }));
    assert!(stub.requests.recv().await.is_some());
    let failed = run(&upstream, &[&engine]).await.unwrap_err();
    let Why::Busy { retry_after } = failed else { panic!("{failed:?}") };
    assert!(retry_after > Duration::from_secs(5) && retry_after <= Duration::from_secs(9));
    assert!(stub.requests.try_recv().is_err(), "nothing was sent");
}

#[tokio::test]
async fn a_route_leads_to_its_own_engine_for_its_own_deployment() {
    let mut stub = Stub::plays([hello()]).await;
    let (one, other) = (stub.engine(1), engine(2, 9));
    let upstream = upstream(&[&one], Limits::default());
    let moved = Engine { region: "northcentralus".to_owned(), ..one.clone() };
    for wrong in [route(2, &one), route(1, &other), route(1, &moved)] {
        let (routes, mut trail) = (vec![(wrong, &one)], Trail::default());
        let ran = upstream.run(order(), routes, model(), later(), &mut trail).await;
        let failed = ran.unwrap_err();
        assert_eq!(failed, Why::Failed(Failure::WrongRoute));
    }
    let unlisted = Engine { address: "http://127.0.0.1:9/v1".to_owned(), ..one.clone() };
    let failed = run(&upstream, &[&unlisted]).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::NotListed));
    let serves_nothing = Engine { models: Vec::new(), ..one.clone() };
    let failed = run(&upstream, &[&serves_nothing]).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::NotServed));
    assert!(stub.requests.try_recv().is_err(), "nothing was sent");
}

#[tokio::test]
async fn an_answer_from_another_region_is_withheld() {
    let answer = |region: &str| {
        let text = streams(&[text("hello"), stop(), usage(1)]);
        Part::Say(text.replacen("\r\n", &format!("\r\nx-ms-region: {region}\r\n"), 1))
    };
    assert_eq!(at(answer("East US")).await.unwrap_err(), Failure::OtherRegion);
    let allowed = at(answer("North Central US")).await.unwrap();
    assert_eq!(allowed.region.as_deref(), Some("North Central US"));
}

#[tokio::test]
async fn a_shared_prefix_cache_serves_one_tenant() {
    let mut stub = Stub::plays([hello()]).await;
    let of = |tenant: u8| Engine {
        prefix_cache: PrefixCache::Shared(TenantId::from_random([tenant; 16])),
        ..stub.engine(1)
    };
    let (own, foreign) = (of(1), of(2));
    let upstream = upstream(&[&own], Limits::default());
    let refused = run(&upstream, &[&foreign]).await.unwrap_err();
    assert_eq!(refused, Why::NoEngine);
    let off = Order::new(permit(1), false, [0; 32], None, sent(work(None)));
    let (routes, mut trail) = (vec![(route(1, &own), &own)], Trail::default());
    let refused = upstream.run(off, routes, model(), later(), &mut trail).await;
    assert_eq!(refused.unwrap_err(), Why::NoEngine, "the resource has its cache off");
    assert!(run(&upstream, &[&own]).await.is_ok());
    assert!(stub.requests.recv().await.is_some());
    assert!(stub.requests.try_recv().is_err());
}

#[tokio::test]
async fn each_tenant_has_a_salt_of_its_own() {
    let mut stub = Stub::plays([hello()]).await;
    let engine = Engine { prefix_cache: PrefixCache::Salted, ..stub.engine(1) };
    let upstream = upstream(&[&engine], Limits::default());
    let mut salts = Vec::new();
    for (tenant, reuse, entropy) in [
        (1, true, [1; 32]),
        (1, true, [2; 32]),
        (2, true, [1; 32]),
        (1, false, [3; 32]),
        (1, false, [4; 32]),
    ] {
        let order = Order::new(permit(tenant), reuse, entropy, None, sent(work(None)));
        let routes = vec![(route(tenant, &engine), &engine)];
        let mut trail = Trail::default();
        let answer = upstream.run(order, routes, model(), later(), &mut trail).await.unwrap();
        all(answer).await;
        let request = stub.requests.recv().await.unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        salts.push(body["cache_salt"].as_str().unwrap().to_owned());
    }
    assert_eq!(salts[0], salts[1], "stable");
    // HMAC-SHA-256 with the key of 32 bytes 7, computed by Python's `hmac`.
    assert_eq!(salts[0], "8ec617ca6c032d04d6fd0533ea90216af0d36b14544c7691bca8c0cbbd3d726d");
    let different: std::collections::BTreeSet<_> = salts.iter().collect();
    assert_eq!(different.len(), 4);
}

#[tokio::test]
async fn a_company_gets_pseudonyms_and_only_those_that_the_resource_forwards() {
    let mut stub = Stub::plays([hello()]).await;
    let (own, foreign) =
        (stub.engine(1), Engine { processor: Some(processor()), ..stub.engine(1) });
    let upstream = upstream(&[&own], Limits::default());
    let labels = CallerLabels {
        user: Some("alice".to_owned().into()),
        safety_identifier: Some("alice".to_owned().into()),
        metadata: vec![("who".to_owned().into(), "alice".to_owned().into())],
    };
    let every = Forward::from_iter(Label::ALL);
    let mut got = async |tenant: u8, engine: &Engine, forward: Forward| {
        let outgoing = decided((work(None), forward.of(&labels)));
        let order = Order::new(permit(tenant), true, [0; 32], None, outgoing);
        let routes = vec![(route(tenant, engine), engine)];
        let mut trail = Trail::default();
        let answer = upstream.run(order, routes, model(), later(), &mut trail).await.unwrap();
        all(answer).await;
        let request = stub.requests.recv().await.unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        ["user", "safety_identifier", "metadata"].map(|name| body.get(name).cloned())
    };
    let who = json!({ "who": "alice" });
    for engine in [&own, &foreign] {
        assert_eq!(got(1, engine, Forward::NONE).await, [None, None, None]);
        let only = Forward::from_iter([Label::Metadata]);
        assert_eq!(got(1, engine, only).await, [None, None, Some(who.clone())]);
    }
    let clear = Some(json!("alice"));
    assert_eq!(got(1, &own, every).await, [clear.clone(), clear, Some(who.clone())]);
    // HMAC-SHA-256 with the key of 32 bytes 7, computed by Python's `hmac`.
    let user = "5b6a3d1193efaf6adbbf48e07d16092f3a3f744d9413914f36f23736cbcafed6";
    let safety = "9ac9fb6a9e2d654d4579164f78c2c7083c6d5d21927557db9c0007ab208ef1ae";
    let expected = [Some(json!(user)), Some(json!(safety)), Some(who)];
    assert_eq!(got(1, &foreign, every).await, expected);
    assert_eq!(got(1, &foreign, every).await, expected, "stable");
    let other = got(2, &foreign, every).await;
    let user = "3cff577a122c51de3474d3309735896478d812c51e1d42ce0acc0942198f8ace";
    let safety = "bc22cc095c347498c069204e1548e1319e4f7a8230337c650e842abb653a7e4a";
    assert_eq!(other[..2], [Some(json!(user)), Some(json!(safety))], "another tenant");
}

#[tokio::test]
async fn a_processor_that_no_decision_counted_with_gets_nothing() {
    let mut stub = Stub::plays([hello()]).await;
    let other = policy::engine::Processor { name: "another".to_owned(), ..processor() };
    let engine = Engine { processor: Some(other), ..stub.engine(1) };
    let upstream = upstream(&[&engine], Limits::default());
    let refused = run(&upstream, &[&engine]).await.unwrap_err();
    assert_eq!(refused, Why::Failed(Failure::WrongRoute));
    assert!(stub.requests.try_recv().is_err());
}

#[tokio::test]
async fn vectors_arrive_whole() {
    let body = json!({ "model": "m", "data": [{ "index": 0, "embedding": [0.6, 0.8] }] });
    let mut stub = Stub::plays([Part::Say(says("200 OK", "", &body.to_string()))]).await;
    let engine = stub.engine(1);
    let upstream = upstream(&[&engine], Limits::default());
    let inputs = || vec![EmbedInput::Text(Text::from("four tokens here".to_owned()))];
    let embed = async |inputs| {
        let order = Order::new(permit(1), true, [0; 32], None, sent(Work::Embed(Embed { inputs })));
        let (routes, mut trail) = (vec![(route(1, &engine), &engine)], Trail::default());
        upstream.run(order, routes, model(), later(), &mut trail).await
    };
    let mut answer = embed(inputs()).await.unwrap();
    let first = answer.events.next().await;
    assert!(matches!(first, Some(Event::Accepted { prompt_tokens: 4, .. })), "{first:?}");
    assert!(answer.events.is_estimated(), "the engine reported no tokens");
    let Some(Event::Embedding { index: 0, vector }) = answer.events.next().await else { panic!() };
    assert_eq!(vector, [0.6, 0.8]);
    assert!(matches!(answer.events.next().await, Some(Event::Done)));
    assert!(answer.events.next().await.is_none());
    assert!(stub.requests.recv().await.unwrap().starts_with("POST /v1/embeddings "));
    let two = inputs().into_iter().chain(inputs()).collect();
    let failed = embed(two).await.unwrap_err();
    assert_eq!(failed, Why::Failed(Failure::Malformed));
}
