//! Engines that are other programs: where a request may go, and what a caller gets when an engine
//! fails. The engines are stand-ins that fail on demand, llama.cpp's own server, a server that
//! checks each request by Azure's documents, and a second Bailiwick.

mod conformance;
mod filter;
mod timing;
mod tokens;

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request, connect},
    kills::number,
    people::{Account, People, person},
    process::{eventually, model, project, succeed},
    records::claims,
    service::{Caller, Files, Service, chat_path, free_addresses, say},
    stub::{Got, Manner, Stub},
};

/// The model that the engines serve.
const SERVED: &str = "llama-70b";
/// The deployment of that model.
const DEPLOYMENT: &str = "llama";
const ZONES: &str = r#"{ eu = ["local", "francecentral"], us = ["eastus"] }"#;

/// A service with engines, and one caller with a deployment of the served model.
struct World {
    service: Service,
    caller: Caller,
}

/// One engine of a test.
struct Entry<'a> {
    name: &'a str,
    kind: &'a str,
    url: String,
    region: &'a str,
    more: &'a [&'a str],
}

impl<'a> Entry<'a> {
    fn of(name: &'a str, stub: &Stub, region: &'a str) -> Self {
        Self { name, kind: "openai", url: stub.url(), region, more: &[] }
    }

    fn with(self, more: &'a [&'a str]) -> Self {
        Self { more, ..self }
    }
}

/// Returns `[[egress]]` with the origins of these URLs.
fn egress<'a>(urls: impl IntoIterator<Item = &'a str>) -> String {
    let origins: BTreeSet<_> = urls
        .into_iter()
        .map(|url| {
            let rest = url.strip_prefix("http://").unwrap();
            rest.split('/').next().unwrap().to_owned()
        })
        .collect();
    let listed: Vec<_> =
        origins.iter().map(|origin| format!("{{ url = \"http://{origin}\" }}")).collect();
    format!("[{}]", listed.join(", "))
}

impl World {
    fn start(engines: &[Entry<'_>]) -> Self {
        Self::of_sku("Standard", engines)
    }

    fn of_sku(sku: &str, engines: &[Entry<'_>]) -> Self {
        Self::with(sku, engines, &[])
    }

    fn with(sku: &str, engines: &[Entry<'_>], more: &[(&str, &str)]) -> Self {
        let egress = egress(engines.iter().map(|engine| engine.url.as_str()));
        let mut settings = vec![
            ("BAILIWICK_EGRESS", egress.as_str()),
            ("BAILIWICK_REGIONS__ZONES", ZONES),
            ("BAILIWICK_LIMITS__REQUEST_MS", "20000"),
        ];
        settings.extend(more);
        let files = Files::new();
        let addresses = free_addresses();
        let caller = tenant(&files, "contoso", addresses[0]);
        files.cli(&[
            "model",
            "add",
            SERVED,
            "--served",
            "--task",
            "chat",
            "--context-tokens",
            "4096",
        ]);
        deploy(&files, "contoso", sku);
        for engine in engines {
            add(&files, engine, &settings);
        }
        let service = Service::begin(files, addresses, &settings);
        service.wait_until_ready();
        Self { service, caller }
    }

    /// Asks for a chat completion of the served model.
    fn ask(&self, body: &Value) -> Reply {
        self.caller.post(&chat_path(DEPLOYMENT), body)
    }

    fn claims(&self, reply: &Reply) -> Value {
        claims(&self.caller, reply)
    }
}

/// Creates a tenant with a resource, and no deployment: no worker loads a model.
fn tenant(files: &Files, name: &str, address: SocketAddr) -> Caller {
    files.cli(&["tenant", "create", name]);
    let made = files.cli(&["resource", "create", name, "--tenant", name]);
    let key = |key: &str| made[key].as_str().unwrap().to_owned();
    Caller { address, resource: name.to_owned(), key1: key("key1"), key2: key("key2") }
}

fn deploy(files: &Files, resource: &str, sku: &str) {
    let what = ["deployment", "create", DEPLOYMENT, "--resource", resource, "--model", SERVED];
    let how = ["--task", "chat", "--sku", sku, "--tokens-per-minute", "1000000000"];
    files.cli(&[&what[..], &how, &["--requests-per-minute", "1000000"]].concat());
}

fn add(files: &Files, engine: &Entry<'_>, settings: &[(&str, &str)]) -> Value {
    add_as(files, engine, "big", settings)
}

/// Adds an engine that has another name for the served model.
fn add_as(files: &Files, engine: &Entry<'_>, served: &str, settings: &[(&str, &str)]) -> Value {
    let served = format!("{SERVED}={served}");
    let mut words = vec![
        "engine",
        "add",
        engine.name,
        "--kind",
        engine.kind,
        "--url",
        &engine.url,
        "--region",
        engine.region,
        "--model",
        &served,
    ];
    if !engine.more.contains(&"--prefix-cache") {
        words.extend(["--prefix-cache", "none"]);
    }
    words.extend(engine.more);
    let mut command = files.command();
    let text = succeed(command.args(words).arg("--json").envs(settings.iter().copied()));
    serde_json::from_str(&text).unwrap()
}

fn text(reply: &Value) -> &str {
    reply["choices"][0]["message"]["content"].as_str().unwrap()
}

/// The events of a stream, without `[DONE]`.
fn chunks(reply: &Reply) -> Vec<Value> {
    let all = reply.text();
    let lines = all.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter(|line| *line != "[DONE]").map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_engine_answers_and_the_receipt_says_which() {
    let one = Stub::start("one", "big");
    let world = World::start(&[Entry::of("one", &one, "local")]);
    let marker = mark();
    let mut body = say(&marker);
    let reply = world.ask(&body);
    assert_eq!(text(&reply.ok()), "hello from one");
    assert_eq!(reply.ok()["model"], SERVED);
    assert_eq!(reply.ok()["usage"]["total_tokens"], 9);

    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let streamed = world.ask(&body);
    let chunks = chunks(&streamed);
    let said: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "hello from one");
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], 2);
    assert!(streamed.text().ends_with("data: [DONE]\n\n"));

    let claims = world.claims(&reply);
    assert_eq!((&claims["engine"], &claims["region_processed"]), (&json!("one"), &json!("local")));
    let expected = json!({
        "kind": "openai", "processor": null, "country": null, "model": "big", "sku": "Standard",
        "destination": format!("http://{}", one.address), "allowed_regions": ["local"],
        "allowed_processors": [],
    });
    assert_eq!(claims["ran"], expected);

    // The canary reached the engine, and no other sink.
    let got = one.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].body["messages"][0]["content"], marker.as_str());
    assert!(!world.service.metrics().contains(&marker));
    world.service.into_files().assert_nowhere(&marker);
}

/// Headers that clients, SDKs and proxies send; each value is one that the test finds again.
const CALLERS_HEADERS: [(&str, &str); 9] = [
    ("x-ms-client-request-id", "alice-1"),
    ("x-request-id", "alice-2"),
    ("openai-organization", "alice-3"),
    ("openai-project", "alice-4"),
    ("cookie", "session=alice-5"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("baggage", "user=alice-6"),
    ("user-agent", "alice-7"),
    ("x-forwarded-for", "10.1.2.3"),
];

/// Sends a request with labels and headers of its caller.
fn ask_as_alice(caller: &Caller) -> Reply {
    let mut body = say("hi");
    body["user"] = json!("alice");
    body["safety_identifier"] = json!("alice");
    body["metadata"] = json!({"who": "alice"});
    body["user_security_context"] = json!({"end_user_id": "alice-8"});
    let request = Request::post(&chat_path(DEPLOYMENT), &body).key(&caller.key1);
    let request = CALLERS_HEADERS
        .into_iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    request.send(caller.address)
}

/// The labels that an engine got. Nothing else of the caller's is in the request.
fn labels(got: &Got, caller: &Caller) -> [Value; 3] {
    let mut rest = got.body.clone();
    let names = ["user", "safety_identifier", "metadata"];
    let labels = names.map(|name| rest.as_object_mut().unwrap().remove(name).unwrap_or_default());
    let rest = format!("{}{rest}", got.head);
    for secret in ["alice", "10.1.2.3", "4bf92f3577b34da6", &caller.key1, &caller.resource] {
        assert!(!rest.contains(secret), "{secret}: {rest}");
    }
    for (name, _) in CALLERS_HEADERS {
        let line = format!("\n{name}:");
        assert!(name == "user-agent" || !got.head.to_lowercase().contains(&line), "{}", got.head);
    }
    labels
}

#[test]
fn what_names_a_person_is_not_forwarded() {
    let one = Stub::start("one", "big");
    let world = World::start(&[Entry::of("one", &one, "local")]);
    assert_eq!(ask_as_alice(&world.caller).status, 200);
    let none = [Value::Null, Value::Null, Value::Null];
    assert_eq!(labels(&one.got()[0], &world.caller), none);
}

/// The setting of a resource says which labels leave this machine; an engine that speaks Azure's
/// API gets a pseudonym for the end user, and no `user`.
#[test]
fn a_resource_says_which_labels_its_engines_get() {
    let one = Stub::start("one", "big");
    let azure = Stub::start("azure", "big");
    let entry = Entry::of("azure", &azure, "francecentral");
    let world = World::start(&[
        Entry::of("one", &one, "local"),
        Entry { kind: "azure", url: azure.origin(), ..entry },
    ]);
    let files = &world.service.files;
    let none = [Value::Null, Value::Null, Value::Null];
    let all = "--forward user --forward safety_identifier --forward metadata";
    let update = |resource: &str, words: &str| {
        let words: Vec<_> =
            ["resource", "update", resource].into_iter().chain(words.split(' ')).collect();
        files.cli(&words)
    };
    // Another resource of the same tenant, one of another tenant.
    let second = {
        let made = files.cli(&["resource", "create", "second", "--tenant", "contoso"]);
        deploy(files, "second", "Standard");
        let key = |key: &str| made[key].as_str().unwrap().to_owned();
        let (key1, key2) = (key("key1"), key("key2"));
        Caller { address: world.caller.address, resource: "second".to_owned(), key1, key2 }
    };
    let other = tenant(files, "fabrikam", world.caller.address);
    deploy(files, "fabrikam", "Standard");
    let got = |caller: &Caller, stub: &Stub| {
        let before = stub.got().len();
        let reply = eventually("the deployment is known", || {
            let reply = ask_as_alice(caller);
            (reply.status != 404).then_some(reply)
        });
        assert_eq!(reply.status, 200, "{}", reply.text());
        labels(&stub.got()[before], caller)
    };
    let shown = update("contoso", all);
    assert_eq!(shown["forward"], json!(["user", "safety_identifier", "metadata"]), "{shown}");
    let clear = [json!("alice"), json!("alice"), json!({"who": "alice"})];
    eventually("the change counts", || (got(&world.caller, &one) == clear).then_some(()));
    assert_eq!(got(&second, &one), none, "another resource of the same tenant");
    update("contoso", "--forward metadata");
    let only = [Value::Null, Value::Null, json!({"who": "alice"})];
    eventually("the change counts", || (got(&world.caller, &one) == only).then_some(()));

    // At the engine with Azure's API: a pseudonym, the same each time, another one by tenant.
    files.cli(&["engine", "remove", "one"]);
    for resource in ["contoso", "fabrikam"] {
        update(resource, all);
        let words = ["deployment", "update", DEPLOYMENT, "--resource", resource];
        files.cli(&[&words[..], &["--sku", "DataZoneStandard"]].concat());
    }
    let hidden = |caller: &Caller| {
        eventually("the change counts", || {
            if ask_as_alice(caller).status != 200 {
                return None;
            }
            let [user, safety, metadata] = got(caller, &azure);
            assert_eq!(user, Value::Null);
            let safety = safety.as_str()?.to_owned();
            assert_eq!(metadata, json!({"who": "alice"}));
            Some(safety)
        })
    };
    let (first, again, others) = (hidden(&world.caller), hidden(&world.caller), hidden(&other));
    assert_eq!((&first, first.len()), (&again, 64));
    assert_ne!(first, others);
    update("contoso", "--forward none");
    eventually("the change counts", || (got(&world.caller, &azure) == none).then_some(()));
}

#[test]
fn no_request_leaves_the_regions_of_its_sku() {
    let [here, france, us] = ["here", "france", "us"].map(|name| Stub::start(name, "big"));
    // The engine in the wrong region is listed first.
    let entries = [
        Entry::of("a-us", &us, "eastus"),
        Entry::of("b-france", &france, "francecentral"),
        Entry::of("c-here", &here, "local"),
    ];
    let world = World::start(&entries);
    for _ in 0..4 {
        assert_eq!(text(&world.ask(&say("hi")).ok()), "hello from here");
    }

    // The only fitting engine is down: no other region takes its place.
    here.stop();
    let refused = world.ask(&say("hi"));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!((us.got().len(), france.got().len()), (0, 0));

    // A zone allows its regions, and no others.
    let update = |sku: &str| {
        let words = ["deployment", "update", DEPLOYMENT, "--resource", "contoso", "--sku", sku];
        world.service.files.cli(&words);
    };
    update("DataZoneStandard");
    eventually("the zone's other region answers", || {
        let reply = world.ask(&say("hi"));
        (reply.status == 200).then(|| assert_eq!(text(&reply.ok()), "hello from france"))
    });
    assert_eq!(us.got().len(), 0);
    let claims = world.claims(&world.ask(&say("hi")));
    assert_eq!(claims["region_processed"], "francecentral", "{claims}");
    assert_eq!(claims["ran"]["allowed_regions"], json!(["francecentral", "local"]), "{claims}");

    // Anywhere means: any region that the configuration lists.
    update("GlobalStandard");
    france.stop();
    eventually("the other zone answers", || (world.ask(&say("hi")).status == 200).then_some(()));
    assert!(!us.got().is_empty());
}

#[test]
fn a_refusal_names_the_rule_and_the_regions() {
    let us = Stub::start("us", "big");
    let world = World::start(&[Entry::of("us", &us, "eastus")]);
    let refused = world.ask(&say("hi"));
    let error = refused.json();
    assert_eq!((refused.status, &error["error"]["code"]), (503, &json!("no_engine_in_region")));
    let message = error["error"]["message"].as_str().unwrap();
    for part in ["Standard", "only the resource's own region", "local"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert!(us.got().is_empty());
    // The refusal has a receipt, which names no engine.
    let claims = world.claims(&refused);
    assert_eq!((&claims["outcome"], &claims["ran"]), (&json!("failed"), &Value::Null), "{claims}");
}

#[test]
fn another_engine_answers_only_before_the_first_byte() {
    let [bad, good] = ["bad", "good"].map(|name| Stub::start(name, "big"));
    let world = World::start(&[Entry::of("bad", &bad, "local"), Entry::of("good", &good, "local")]);
    let unavailable = |status: u16| Manner::Status(status, String::new(), "{}".to_owned());
    for manner in [unavailable(503), unavailable(502)] {
        bad.answer(manner.clone());
        for _ in 0..6 {
            let reply = world.ask(&say("hi"));
            assert_eq!(text(&reply.ok()), "hello from good", "{manner:?}");
        }
    }
    // The receipt names the attempt.
    assert!(!bad.got().is_empty());

    // After its first piece an answer is not repeated elsewhere: the client sees the error.
    let alone = Stub::start("alone", "big");
    let world = World::start(&[
        Entry::of("alone", &alone, "local"),
        Entry::of("good", &good, "francecentral"),
    ]);
    let before = good.got().len();
    alone.answer(Manner::Cut);
    let mut body = say("hi");
    body["stream"] = json!(true);
    let cut = world.ask(&body);
    assert_eq!(cut.status, 200);
    // The content filter has not judged the first piece, so its text does not go out.
    assert!(cut.text().contains("assistant") && cut.text().contains("\"error\""), "{}", cut.text());
    assert!(!cut.text().contains("[DONE]"));
    assert_eq!((alone.got().len(), good.got().len()), (1, before));
    let whole = world.ask(&say("hi"));
    assert!(whole.status >= 500, "{}", whole.text());
    assert_eq!(good.got().len(), before);
}

#[test]
fn the_metrics_have_each_engine_by_its_name() {
    let [one, other] = ["one", "other"].map(|name| Stub::start(name, "big"));
    let world =
        World::start(&[Entry::of("one", &one, "local"), Entry::of("other", &other, "local")]);
    one.answer(Manner::Status(503, String::new(), "{}".to_owned()));
    // Each request begins at `one`, which was chosen longest ago, and goes on to `other`.
    for _ in 0..2 {
        assert_eq!(text(&world.ask(&say("hi")).ok()), "hello from other");
    }
    let metrics = world.service.metrics();
    for line in [
        "engine_requests_total{engine=\"one\"} 2",
        "engine_failures_total{engine=\"one\",failure=\"unavailable\"} 2",
        "engine_answered_total{engine=\"one\"} 0",
        "engine_requests_total{engine=\"other\"} 2",
        "engine_answered_total{engine=\"other\"} 2",
        "engine_retries_total{engine=\"other\"} 2",
        "engine_ejections_total{engine=\"one\"} 0",
        "engine_retries_refused_total 0",
        "engine_in_flight{engine=\"other\"} 0",
        "engine_state{engine=\"one\",state=\"ready\"} 1",
        "engine_state{engine=\"one\",state=\"ejected\"} 0",
        "engine_first_event_seconds_count{engine=\"other\"} 2",
        "engine_tokens_total{engine=\"other\",kind=\"completion\"} 4",
    ] {
        assert!(metrics.contains(&format!("bailiwick_{line}\n")), "{line}: {metrics}");
    }
    assert!(!metrics.contains("engine_first_event_seconds_count{engine=\"one\"}"), "{metrics}");
}

#[test]
fn another_deployment_takes_what_one_has_no_capacity_for() {
    let [small, big] = ["small", "big"].map(|name| Stub::start(name, "big"));
    // `parked` only lists the destination of the second engine.
    let parked = Entry::of("parked", &big, "local");
    let world = World::start(&[Entry::of("small", &small, "local"), parked]);
    let files = &world.service.files;
    let egress = egress([small.url().as_str(), big.url().as_str()]);
    let engine = |words: &[&str]| {
        let words = [&["engine"], words, &["--json"]].concat();
        succeed(files.command().args(words).env("BAILIWICK_EGRESS", &egress));
    };
    engine(&["remove", "parked"]);
    let words = ["model", "add", "other", "--served", "--task", "chat"];
    files.cli(&[&words[..], &["--context-tokens", "4096"]].concat());
    let url = big.url();
    let words = ["add", "big", "--kind", "openai", "--url", &url, "--region", "local"];
    engine(&[&words[..], &["--model", "other=big", "--prefix-cache", "none"]].concat());
    let create = |name: &str, sku: &str| {
        let words = ["deployment", "create", name, "--resource", "contoso", "--model", "other"];
        files.cli(&[&words[..], &["--task", "chat", "--sku", sku]].concat());
    };
    create("overflow", "Standard");
    create("worldwide", "GlobalStandard");
    let update = |more: &[&str]| {
        let words = ["deployment", "update", DEPLOYMENT, "--resource", "contoso"];
        files.command().args([&words[..], more].concat()).output().unwrap()
    };

    // A wider SKU would let content leave its region: the setting is refused.
    let refused = update(&["--spillover", "worldwide"]);
    assert!(!refused.status.success());
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("GlobalStandard") && refused.contains("same SKU"), "{refused}");
    // So is a caller who names it.
    small.answer(Manner::Status(429, "retry-after: 60\r\n".to_owned(), "{}".to_owned()));
    let request = |to: &str| {
        let request = Request::post(&chat_path(DEPLOYMENT), &say("hi")).key(&world.caller.key1);
        request.header("x-ms-spillover-deployment", to).send(world.caller.address)
    };
    assert_eq!(request("worldwide").status, 429);
    assert_eq!(world.ask(&say("hi")).status, 429, "nothing spills without a setting");
    assert_eq!((small.got().len(), big.got().len()), (1, 0));
    let asked = request("overflow");
    assert_eq!(text(&asked.ok()), "hello from big");

    assert!(update(&["--spillover", "overflow"]).status.success());
    let spilled = eventually("the setting is known", || {
        let reply = world.ask(&say("hi"));
        (reply.status == 200).then_some(reply)
    });
    assert_eq!(text(&spilled.ok()), "hello from big");
    assert_eq!(spilled.ok()["model"], "other");
    for (header, value) in [
        ("x-ms-spillover-from-deployment", DEPLOYMENT),
        ("x-ms-deployment-name", "overflow"),
        ("x-ms-spillover-error", "429"),
    ] {
        assert_eq!(spilled.header(header), Some(value), "{header}");
    }
    let claims = world.claims(&spilled);
    let made = files.cli(&["deployment", "show", "overflow", "--resource", "contoso"]);
    assert_eq!(claims["deployment"], made["id"], "{claims}");
    assert_eq!((&claims["engine"], &claims["ran"]["sku"]), (&json!("big"), &json!("Standard")));
    let shown = files.cli(&["deployment", "show", DEPLOYMENT, "--resource", "contoso"]);
    assert_eq!(shown["spilloverDeploymentName"], "overflow");

    // The deployment's own limit is used up: the refusal, and then the other deployment.
    assert!(update(&["--spillover", "none", "--requests-per-minute", "1"]).status.success());
    eventually("the limit is known", || {
        let reply = world.ask(&say("hi"));
        (reply.status == 429 && reply.text().contains("request rate limit")).then_some(())
    });
    assert!(update(&["--spillover", "overflow"]).status.success());
    let spilled = eventually("the setting is known", || {
        let reply = world.ask(&say("hi"));
        (reply.status == 200).then_some(reply)
    });
    assert_eq!(spilled.header("x-ms-spillover-from-deployment"), Some(DEPLOYMENT));

    // Both without capacity: the caller gets the first refusal.
    big.answer(Manner::Status(429, "retry-after: 60\r\n".to_owned(), "{}".to_owned()));
    assert_eq!(world.ask(&say("hi")).status, 429);
    let refused = world.ask(&say("hi"));
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert_eq!(refused.header("x-ms-spillover-from-deployment"), None);
    assert_eq!(small.got().len(), 1);
    let used = ["deployment", "delete", "overflow", "--resource", "contoso"];
    assert!(!files.command().args(used).output().unwrap().status.success(), "it is in use");
}

#[test]
fn an_engine_that_answers_wrongly_is_not_believed() {
    let bad = Stub::start("bad", "big");
    let world = World::start(&[Entry::of("bad", &bad, "local")]);
    let secret = "the engine quotes the prompt";
    let chunk = |model: &str, content: &str, finish: Value| {
        let choices = json!([{"index": 0, "delta": {"content": content}, "finish_reason": finish}]);
        format!("data: {}\n\n", json!({"id": "x", "model": model, "choices": choices}))
    };
    let (end, stop) = ("data: [DONE]\n\n".to_owned(), json!("stop"));
    let faults = [
        ("another model", Manner::Pieces(vec![chunk("small", "hi", stop.clone()), end.clone()])),
        ("no end", Manner::Pieces(vec![chunk("big", "hi", Value::Null)])),
        ("an error", Manner::Pieces(vec![format!("data: {{\"error\": \"{secret}\"}}\n\n")])),
        ("garbage", Manner::Pieces(vec![format!("data: {secret}\n\n")])),
        ("no HTTP", Manner::Bytes(secret.as_bytes().to_vec())),
        ("a refusal", Manner::Status(400, String::new(), format!("{{\"error\": \"{secret}\"}}"))),
        ("a credential", Manner::Status(401, String::new(), secret.to_owned())),
        ("a missing model", Manner::Status(404, String::new(), secret.to_owned())),
        ("a redirect", {
            let to = format!("location: http://{}/v1\r\n", bad.address);
            Manner::Status(307, to, String::new())
        }),
        ("a closed connection", Manner::Close),
        ("a cut answer", Manner::Cut),
        ("no end of text", Manner::Endless),
    ];
    for (what, manner) in faults {
        bad.answer(manner);
        let before = bad.got().len();
        let reply = world.ask(&say("hi"));
        assert_eq!(bad.got().len(), before + 1, "{what}: it is asked once");
        assert!(reply.status >= 500, "{what}: {} {}", reply.status, reply.text());
        assert!(!reply.text().contains(secret), "{what}: {}", reply.text());
        assert_eq!(world.claims(&reply)["outcome"], "failed", "{what}");
        // It is believed again when it answers well, and so it is not ejected.
        bad.answer(Manner::Well);
        assert_eq!(world.ask(&say("hi")).status, 200, "after {what}");
    }
    assert!(!world.service.files.log().contains(secret));
}

#[test]
fn a_busy_engine_is_left_alone_as_long_as_it_asks() {
    let busy = Stub::start("busy", "big");
    let world = World::start(&[Entry::of("busy", &busy, "local")]);
    let headers = "retry-after: 7\r\n".to_owned();
    busy.answer(Manner::Status(429, headers, "{}".to_owned()));
    let reply = world.ask(&say("hi"));
    assert_eq!(reply.status, 429, "{}", reply.text());
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
    // It is not asked again before that.
    assert_eq!(world.ask(&say("hi")).status, 429);
    assert_eq!(busy.got().len(), 1);
}

#[test]
fn a_client_that_hangs_up_ends_the_request_at_the_engine() {
    let slow = Stub::start("slow", "big");
    let world = World::start(&[Entry::of("slow", &slow, "local")]);
    slow.answer(Manner::Stall);
    let mut body = say("hi");
    body["stream"] = json!(true);
    let request = Request::post(&chat_path(DEPLOYMENT), &body).key(&world.caller.key1);
    let answer = request.open(world.caller.address);
    assert_eq!(slow.hung_up(), 0);
    drop(answer);
    eventually("the engine sees the hang-up", || (slow.hung_up() == 1).then_some(()));

    // Also before the first byte.
    slow.answer(Manner::Silent);
    let mut stream = connect(world.caller.address);
    stream.write_all(&request.wire(world.caller.address)).unwrap();
    eventually("the engine got the request", || (slow.got().len() == 2).then_some(()));
    drop(stream);
    eventually("the engine sees the hang-up", || (slow.hung_up() == 2).then_some(()));
}

#[test]
fn a_salt_keeps_tenants_apart_and_callers_choose_none() {
    let vllm = Stub::start("vllm", "big");
    let entry = Entry::of("vllm", &vllm, "local").with(&["--prefix-cache", "salted"]);
    let world = World::start(&[entry]);
    let files = &world.service.files;
    let other = tenant(files, "fabrikam", world.caller.address);
    deploy(files, "fabrikam", "Standard");
    let salt = |caller: &Caller| {
        let reply = eventually("the deployment is known", || {
            let reply = caller.post(&chat_path(DEPLOYMENT), &say("hi"));
            (reply.status != 404).then_some(reply)
        });
        assert_eq!(reply.status, 200, "{}", reply.text());
        let salt = vllm.got().pop().unwrap().body["cache_salt"].clone();
        salt.as_str().unwrap().to_owned()
    };
    let (one, again, others) = (salt(&world.caller), salt(&world.caller), salt(&other));
    assert_eq!(one, again);
    assert_ne!(one, others);
    assert!(one.len() >= 32, "{one}");
    // A caller who sends a salt is refused by name.
    let mut body = say("hi");
    body["cache_salt"] = json!(one);
    let refused = world.ask(&body);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("cache_salt"), "{}", refused.text());
}

#[test]
fn an_engine_with_a_shared_cache_serves_one_tenant() {
    let shared = Stub::start("shared", "big");
    // The tenant must exist before the engine: another engine makes room for it.
    let world = World::start(&[Entry::of("first", &shared, "local")]);
    let files = &world.service.files;
    let other = tenant(files, "fabrikam", world.caller.address);
    deploy(files, "fabrikam", "Standard");
    let egress = egress([shared.url().as_str()]);
    let words = ["engine", "update", "first", "--prefix-cache", "shared=contoso", "--json"];
    succeed(files.command().args(words).env("BAILIWICK_EGRESS", &egress));
    eventually("the other tenant is refused", || {
        let reply = other.post(&chat_path(DEPLOYMENT), &say("hi"));
        (reply.status == 503).then_some(())
    });
    let before = shared.got().len();
    assert_eq!(world.ask(&say("hi")).status, 200);
    assert_eq!(other.post(&chat_path(DEPLOYMENT), &say("hi")).status, 503);
    assert_eq!(shared.got().len(), before + 1);
}

#[test]
fn a_drained_engine_gets_no_new_requests_and_finishes_its_own() {
    let [first, second] = ["first", "second"].map(|name| Stub::start(name, "big"));
    let world =
        World::start(&[Entry::of("first", &first, "local"), Entry::of("second", &second, "local")]);
    let egress = egress([first.url().as_str(), second.url().as_str()]);
    let words = ["engine", "update", "first", "--drain", "--json"];
    succeed(world.service.files.command().args(words).env("BAILIWICK_EGRESS", &egress));
    eventually("the drain is known", || {
        let before = first.got().len();
        let all = (0..4).all(|_| text(&world.ask(&say("hi")).ok()) == "hello from second");
        (all && first.got().len() == before).then_some(())
    });
    let list = world.service.admin("/admin/v1/engines");
    let states: Vec<_> = list.as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert!(states.contains(&json!("draining")), "{list}");
}

/// Four clients send requests while one engine is killed, one is slow and one fails now and then.
/// `BAILIWICK_TEST_ENGINE_REQUESTS` sets the number of requests; `make soak` sends 10,000.
#[test]
fn engines_that_fail_under_load_lose_no_request_that_had_not_begun() {
    let [lost, slow, flapping, abroad] =
        ["lost", "slow", "flapping", "abroad"].map(|name| Stub::start(name, "big"));
    let entries = [
        Entry::of("abroad", &abroad, "eastus"),
        Entry::of("lost", &lost, "local"),
        Entry::of("slow", &slow, "francecentral"),
        Entry::of("flapping", &flapping, "local"),
    ];
    let world = World::of_sku("DataZoneStandard", &entries);
    let all = number("BAILIWICK_TEST_ENGINE_REQUESTS").unwrap_or(400);
    slow.answer(Manner::Slow);
    let (next, answered, refused) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let allowed = json!(["francecentral", "local"]);
    let client = || {
        loop {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            if turn >= all {
                return;
            }
            if turn == all / 3 {
                lost.stop();
            }
            if turn.is_multiple_of(20) {
                let fails = turn.is_multiple_of(80);
                let failure = Manner::Status(503, String::new(), "{}".to_owned());
                flapping.answer(if fails { failure } else { Manner::Well });
            }
            let reply = world.ask(&say("hi"));
            // Each request has a receipt, and none ran outside of the zone.
            let claims = world.claims(&reply);
            if reply.status == 200 {
                answered.fetch_add(1, Ordering::Relaxed);
                assert!(text(&reply.ok()).starts_with("hello from "), "{}", reply.text());
                assert_eq!(claims["ran"]["allowed_regions"], allowed, "{claims}");
                let region = &claims["region_processed"];
                assert!(allowed.as_array().unwrap().contains(region), "{claims}");
            } else {
                refused.fetch_add(1, Ordering::Relaxed);
                assert!([429, 503].contains(&reply.status), "{}", reply.text());
            }
        }
    };
    thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(client))));
    let (answered, refused) = (answered.into_inner(), refused.into_inner());
    eprintln!("engines: {answered} of {all} answered, {refused} refused with 429 or 503");
    assert_eq!(answered + refused, all);
    assert!(answered * 2 >= all, "{answered} of {all}");
    assert!(abroad.got().is_empty());
    assert!(!slow.got().is_empty() && !flapping.got().is_empty() && !lost.got().is_empty());
}

/// llama.cpp's own server; it ends when dropped.
struct LlamaServer {
    child: Child,
    _leash: ChildStdin,
    url: String,
}

impl LlamaServer {
    fn start() -> Self {
        let mut child = Command::new(project().join(".cache/venv/bin/python"))
            .arg(project().join("tests/engines/llama_server.py"))
            .args([model().to_str().unwrap(), "big"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let leash = child.stdin.take().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("http://"), "llama-server did not start: {line}");
        Self { child, _leash: leash, url: format!("{}/v1", line.trim_end()) }
    }
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn llama_server_serves_behind_the_same_api() {
    let server = LlamaServer::start();
    let more = ["--prefix-cache", "off", "--capability", "local_sampling"];
    let capabilities = ["tools", "json_schema", "logprobs", "choices"];
    let more: Vec<_> = more
        .into_iter()
        .chain(capabilities.into_iter().flat_map(|c| ["--capability", c]))
        .collect();
    let (name, kind, url) = ("llama", "openai", server.url.clone());
    let entry = Entry { name, kind, url, region: "local", more: &more };
    let world = World::start(&[entry]);

    let mut body = say("Say hello.");
    body["max_tokens"] = json!(8);
    body["temperature"] = json!(0);
    let first = world.ask(&body).ok();
    assert!(!text(&first).is_empty());
    assert!(first["usage"]["prompt_tokens"].as_u64() > Some(5), "{first}");
    // The cache is off: the same prompt finds nothing of the first one.
    let second = world.ask(&body).ok();
    assert_eq!(text(&first), text(&second));
    assert_eq!(second["usage"]["prompt_tokens_details"]["cached_tokens"], 0, "{second}");

    body["stream"] = json!(true);
    let streamed: String = chunks(&world.ask(&body))
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(streamed, text(&first));

    let mut body = say("Give me a point.");
    let schema = json!({
        "type": "object", "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["x"], "additionalProperties": false,
    });
    body["response_format"] = json!({
        "type": "json_schema", "json_schema": {"name": "point", "schema": schema, "strict": true},
    });
    body["max_tokens"] = json!(40);
    let point: Value = serde_json::from_str(text(&world.ask(&body).ok())).unwrap();
    assert!(point["x"].as_u64().unwrap() < 10, "{point}");
}

#[test]
fn another_bailiwick_is_an_engine() {
    let inner = crate::service::shared();
    let url = format!("http://{}", inner.service.api);
    // Its key comes from a file, and is in no database.
    let home = tempfile::TempDir::new().unwrap();
    let key = home.path().join("inner.key");
    std::fs::write(&key, &inner.demo.key1).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let egress = format!(
        "[{{ url = \"http://{}\", credential_file = \"{}\", credential_header = \"api-key\" }}]",
        inner.service.api,
        key.display()
    );
    let settings = [("BAILIWICK_EGRESS", egress.as_str()), ("BAILIWICK_REGIONS__ZONES", ZONES)];
    let files = Files::new();
    let addresses = free_addresses();
    let caller = tenant(&files, "contoso", addresses[0]);
    files.cli(&["model", "add", SERVED, "--served", "--task", "chat", "--context-tokens", "4096"]);
    deploy(&files, "contoso", "Standard");
    let mut command = files.command();
    let model = format!("{SERVED}={}", crate::service::CHAT);
    succeed(command.envs(settings).args([
        "engine",
        "add",
        "inner",
        "--kind",
        "azure",
        "--url",
        &url,
        "--region",
        "local",
        "--model",
        &model,
        "--prefix-cache",
        "shared=contoso",
        "--json",
    ]));
    let service = Service::begin(files, addresses, &settings);
    service.wait_until_ready();
    let mut body = say("hi");
    body["max_tokens"] = json!(4);
    let reply = caller.post(&chat_path(DEPLOYMENT), &body);
    assert_eq!(reply.ok()["usage"]["completion_tokens"], 4, "{}", reply.text());
    service.into_files().assert_nowhere(&inner.demo.key1);
}

const PEOPLE: [Account; 3] =
    [person("officer", "contoso"), person("user", "contoso"), person("operator", "ops")];

#[test]
fn a_processor_gets_content_only_where_the_customers_officer_allowed_it() {
    let azure = Stub::start("azure", "big");
    let people = People::beside(&PEOPLE, &[&azure.origin()]);
    let People { service, .. } = &people;
    let files = &service.files;
    let caller = tenant(files, "contoso", service.api);
    let second = ["resource", "create", "contoso-2", "--tenant", "contoso"];
    let made = files.cli(&second);
    let key = |name: &str| made[name].as_str().unwrap().to_owned();
    let (key1, key2) = (key("key1"), key("key2"));
    let other = Caller { address: service.api, resource: "contoso-2".to_owned(), key1, key2 };
    files.cli(&["model", "add", SERVED, "--served", "--task", "chat", "--context-tokens", "4096"]);
    deploy(files, "contoso", "Standard");
    deploy(files, "contoso-2", "Standard");
    let listed = format!("[{{ url = \"{}\" }}]", azure.origin());
    let more = [
        "--prefix-cache",
        "none",
        "--processor",
        "big-cloud",
        "--country",
        "IE",
        "--contract",
        "DPA-7",
    ];
    let entry = Entry::of("azure", &azure, "local").with(&more);
    add(
        files,
        &Entry { kind: "azure", url: azure.origin(), ..entry },
        &[("BAILIWICK_EGRESS", &listed)],
    );
    people.assign("Data Protection Officer", "officer", &["--resource", "contoso"]);
    people.assign("Data Protection Officer", "operator", &["--service"]);
    people.assign("Cognitive Services Contributor", "user", &[]);

    // Off by default: the refusal names the processor.
    let ask = |caller: &Caller| caller.post(&chat_path(DEPLOYMENT), &say("hi"));
    let refused = eventually("the deployment is known", || {
        let reply = ask(&caller);
        (reply.status != 404).then_some(reply)
    });
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("big-cloud"), "{}", refused.text());

    // Only the customer's own officer allows it.
    let path = "/desk/v1/resources/contoso/processors/big-cloud";
    for who in ["user", "operator"] {
        let reply = people.ask(who, Request::new("PUT", path));
        assert!([403, 404].contains(&reply.status), "{who}: {}", reply.text());
    }
    assert_eq!(ask(&caller).status, 503);
    let unknown = "/desk/v1/resources/contoso/processors/nobody";
    assert!(people.ask("officer", Request::new("PUT", unknown)).status >= 400);
    let allowed = people.ask("officer", Request::new("PUT", path));
    assert!(allowed.status < 300, "{}", allowed.text());
    let reply = ask(&caller);
    assert_eq!(text(&reply.ok()), "hello from azure");
    let claimed = claims(&caller, &reply);
    assert_eq!(claimed["ran"]["processor"], "big-cloud", "{claimed}");
    assert_eq!(claimed["ran"]["allowed_processors"], json!(["big-cloud"]), "{claimed}");

    // Allowed for one resource, it is not allowed for another.
    let before = azure.got().len();
    assert_eq!(ask(&other).status, 503);
    assert_eq!(azure.got().len(), before);

    // The list of processors says so.
    let list = service.admin("/admin/v1/processors").to_string();
    for part in ["big-cloud", "IE", "DPA-7", "contoso"] {
        assert!(list.contains(part), "{list}");
    }

    // Withdrawn, it counts from the next request on.
    let withdrawn = people.ask("officer", Request::new("DELETE", path));
    assert!(withdrawn.status < 300, "{}", withdrawn.text());
    assert_eq!(ask(&caller).status, 503);
    assert_eq!(azure.got().len(), before);
    people.verify_log();
}

/// A server that checks requests by an OpenAPI document; it ends when dropped.
struct Checker {
    child: Child,
    address: SocketAddr,
}

impl Checker {
    fn start(document: &str) -> Self {
        let [address, _] = free_addresses();
        let folder = project().join("tests/engines");
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", project().join(".cache/venv/bin").display());
        let child = Command::new(folder.join("node_modules/.bin/steady"))
            .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
            .arg(folder.join(document))
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("the checker listens", || TcpStream::connect(address).ok());
        Self { child, address }
    }

    /// Sends a request that an engine got; returns whether the document allows it.
    fn allows(&self, got: &Got) -> bool {
        let reply = Request::post(&got.path, &got.body).key("x").send(self.address);
        reply.header("x-steady-request-valid") == Some("true")
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests with each field that an engine may get.
fn requests() -> Vec<Value> {
    let tool = json!({"type": "function", "function": {
        "name": "weather", "description": "the weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    }});
    let with = |more: Value| {
        let mut body = say("hi");
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    vec![
        with(json!({})),
        with(json!({"temperature": 0.5, "top_p": 0.9, "stop": ["x"], "seed": 7, "n": 2})),
        with(json!({"max_tokens": 5, "frequency_penalty": 1, "presence_penalty": -1})),
        with(json!({"logprobs": true, "top_logprobs": 3, "logit_bias": {"5": 10}})),
        with(json!({"tools": [tool], "tool_choice": "required", "parallel_tool_calls": false})),
        with(json!({"response_format": {"type": "json_object"}})),
        with(json!({"messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "tool_calls": [{"id": "a", "type": "function",
                "function": {"name": "weather", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "fine"},
        ], "tools": [tool]})),
        with(json!({"user": "alice", "safety_identifier": "a1", "metadata": {"who": "alice"}})),
    ]
}

#[test]
fn azures_own_documents_accept_each_request() {
    for (document, version) in
        [("azure-v1.json", &[][..]), ("azure-2024-10-21.json", &["--api-version", "2024-10-21"])]
    {
        let checker = Checker::start(document);
        let azure = Stub::start("azure", "big");
        let more = [&["--prefix-cache", "shared=contoso"][..], version].concat();
        let entry = Entry::of("azure", &azure, "local").with(&more);
        let world = World::start(&[Entry { kind: "azure", url: azure.origin(), ..entry }]);
        let forward =
            ["--forward", "user", "--forward", "safety_identifier", "--forward", "metadata"];
        let update = ["resource", "update", "contoso"];
        world.service.files.cli(&[&update[..], &forward].concat());
        for body in requests() {
            for stream in [false, true] {
                let mut body = body.clone();
                body["stream"] = json!(stream);
                let reply = world.ask(&body);
                assert_eq!(reply.status, 200, "{body}: {}", reply.text());
            }
        }
        let got = azure.got();
        assert_eq!(got.len(), 2 * requests().len());
        for got in &got {
            assert!(checker.allows(got), "{document}: {} {}", got.path, got.body);
        }
        // The checker refuses what the document does not allow.
        let wrong = Got { body: json!({"messages": "hi", "model": 7}), ..got[0].clone() };
        assert!(!checker.allows(&wrong));
    }
}
