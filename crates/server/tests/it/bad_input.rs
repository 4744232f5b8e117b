//! Bad input: each kind gives a clear 4xx within its time limit, and other callers are not
//! affected.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::Shutdown,
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{Answer, PATIENCE, Request, connect},
    process::eventually,
    service::{CHAT, Caller, EMBED, Service, chat_path, embeddings_path, say, shared},
};

/// Answers to bad input are immediate: they never wait for the model.
const PROMPT_ANSWER: Duration = Duration::from_secs(10);

#[test]
fn bodies_that_are_not_the_json_asked_for_are_refused() {
    let caller = &shared().demo;
    let deep_arrays = "[".repeat(100_000);
    let deep_objects = r#"{"a":"#.repeat(100_000);
    let bodies: &[(&str, Vec<u8>)] = &[
        ("empty", b"".to_vec()),
        ("null", b"null".to_vec()),
        ("array", b"[]".to_vec()),
        ("text", b"\"hi\"".to_vec()),
        ("cut", br#"{"messages":[{"role":"user""#.to_vec()),
        ("trailing comma", br#"{"messages":[],}"#.to_vec()),
        ("two values", br#"{"messages":[{"role":"user","content":"hi"}]}{}"#.to_vec()),
        ("NaN", br#"{"messages":[{"role":"user","content":"hi"}],"temperature":NaN}"#.to_vec()),
        (
            "Infinity",
            br#"{"messages":[{"role":"user","content":"hi"}],"top_p":-Infinity}"#.to_vec(),
        ),
        ("1e999", br#"{"messages":[{"role":"user","content":"hi"}],"temperature":1e999}"#.to_vec()),
        ("lone surrogate", br#"{"messages":[{"role":"user","content":"\ud800 hi"}]}"#.to_vec()),
        (
            "swapped surrogates",
            br#"{"messages":[{"role":"user","content":"\udc00\ud800"}]}"#.to_vec(),
        ),
        (
            "invalid UTF-8",
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}".to_vec(),
        ),
        (
            "overlong UTF-8",
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"\xc0\xaf\"}]}".to_vec(),
        ),
        (
            "control character",
            b"{\"messages\":[{\"role\":\"user\",\"content\":\"\x01\"}]}".to_vec(),
        ),
        ("deep arrays", deep_arrays.clone().into_bytes()),
        ("deep objects", deep_objects.into_bytes()),
        ("deep in a field", format!(r#"{{"messages":{deep_arrays}"#).into_bytes()),
    ];
    for (name, body) in bodies {
        let started = Instant::now();
        let request = Request::new("POST", &chat_path(CHAT)).bytes(body.clone()).key(&caller.key1);
        let reply = request.send(caller.address);
        assert_eq!(reply.status, 400, "{name}: {}", reply.text());
        reply.error(400);
        assert!(started.elapsed() < PROMPT_ANSWER, "{name} took {:?}", started.elapsed());
    }
}

/// Bodies that parsers read in different ways: each is refused with the reason, and without
/// repeating its content.
#[test]
fn bodies_that_parsers_disagree_about_are_refused_clearly() {
    let caller = &shared().demo;
    let hi = r#"{"messages":[{"role":"user","content":"hi"}],"max_tokens":1}"#;
    let utf16: Vec<u8> = hi.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let with = |field: &str| hi.replace(r#""max_tokens":1"#, field).into_bytes();
    let deep = format!("{}{}", r#"{"a":"#.repeat(5_000), "1".to_owned() + &"}".repeat(5_000));
    let tools =
        format!(r#""tools":[{{"type":"function","function":{{"name":"f","parameters":{deep}}}}}]"#);
    let format = format!(
        r#""response_format":{{"type":"json_schema","json_schema":{{"name":"s","schema":{deep}}}}}"#
    );
    for (name, body, code, says) in [
        (
            "byte order mark",
            [b"\xef\xbb\xbf", hi.as_bytes()].concat(),
            "invalid_json",
            "byte order mark",
        ),
        ("UTF-16", utf16, "invalid_json", "UTF-8"),
        (
            "not UTF-8",
            with("\"user\":\"caf\u{e9}\"").into_iter().filter(|b| *b != 0xa9).collect(),
            "invalid_json",
            "UTF-8",
        ),
        ("twice", with(r#""max_tokens":1,"max_tokens":2"#), "invalid_value", "'max_tokens'"),
        ("twice, null", with(r#""n":null,"n":1"#), "invalid_value", "'n'"),
        ("escaped twice", with(r#""user":"a","us\u0065r":"b""#), "invalid_value", "'user'"),
        ("messages twice", with(r#""messages":[]"#), "invalid_value", "'messages'"),
        (
            "twice inside",
            br#"{"messages":[{"role":"user","role":"system","content":"hi"}]}"#.to_vec(),
            "invalid_value",
            "'messages[0].role'",
        ),
        ("label twice", with(r#""metadata":{"a":"1","a":"2"}"#), "invalid_value", "'metadata'"),
        ("bias twice", with(r#""logit_bias":{"1":1,"1":2}"#), "invalid_value", "'logit_bias'"),
        ("deep label", with(&format!(r#""metadata":{deep}"#)), "invalid_type", "'metadata"),
        (
            "deep in what is unknown",
            with(&format!(r#""canary":{deep}"#)),
            "unknown_parameter",
            "'canary'",
        ),
        ("deep schema", with(&format), "invalid_schema", "json_schema"),
    ] {
        let request = Request::new("POST", &chat_path(CHAT)).bytes(body).key(&caller.key1);
        let error = request.send(caller.address).error(400);
        assert_eq!(error["code"], code, "{name}: {error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{name}: {error}");
    }
    // Keywords of a tool's parameters that cannot be enforced are ignored. Deep parameters must not
    // break the service.
    let request = Request::new("POST", &chat_path(CHAT)).bytes(with(&tools)).key(&caller.key1);
    let status = request.send(caller.address).status;
    assert!([200, 400].contains(&status), "deep parameters: {status}");
}

#[test]
fn json_is_declared_in_every_usual_way() {
    let caller = &shared().demo;
    let send = |kind: Option<&str>| {
        let request = Request::new("POST", &chat_path(CHAT)).bytes(caller.short().to_string());
        let kind = kind.unwrap_or("");
        request.header("content-type", kind).key(&caller.key1).send(caller.address)
    };
    for kind in [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "application/json ; odata.metadata=none",
    ] {
        send(Some(kind)).ok();
    }
    for kind in [
        None,
        Some("text/plain"),
        Some("text/json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("application/json, text/plain"),
        Some("*/*"),
    ] {
        let error = send(kind).error(415);
        assert!(error["message"].as_str().unwrap().contains("application/json"), "{error}");
    }
}

/// Each body is a valid one with some fields replaced; the error names the field.
#[test]
fn fields_that_make_no_sense_are_refused_by_name() {
    let caller = &shared().demo;
    let table: &[(Value, &str)] = &[
        (json!({"messages": []}), "messages"),
        (json!({"messages": "hi"}), "messages"),
        (json!({"messages": {"role": "user"}}), "messages"),
        (json!({"messages": [1]}), "messages"),
        (json!({"messages": [{"role": "wizard", "content": "hi"}]}), "messages"),
        (json!({"messages": [{"role": "user"}]}), "messages"),
        (json!({"messages": [{"content": "hi"}]}), "messages"),
        (json!({"messages": [{"role": "user", "content": 7}]}), "messages"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]}),
            "messages",
        ),
        (json!({"messages": [{"role": "user", "content": "hi", "surprise": 1}]}), "messages"),
        (json!({"messages": [{"role": "tool", "content": "hi"}]}), "messages"),
        (json!({"model": 7}), "model"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"max_tokens": 1.5}), "max_tokens"),
        (json!({"max_tokens": "10"}), "max_tokens"),
        (json!({"max_tokens": 1e30}), "max_tokens"),
        (json!({"max_completion_tokens": -5}), "max_completion_tokens"),
        (json!({"n": 0}), "n"),
        (json!({"n": 1_000_000}), "n"),
        (json!({"n": -1}), "n"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": 1.1}), "top_p"),
        (json!({"top_p": -1}), "top_p"),
        (json!({"frequency_penalty": 3}), "frequency_penalty"),
        (json!({"presence_penalty": -2.5}), "presence_penalty"),
        (json!({"logit_bias": {"1": 101}}), "logit_bias"),
        (json!({"logit_bias": {"one": 1}}), "logit_bias"),
        (json!({"logit_bias": {"-1": 1}}), "logit_bias"),
        (json!({"logit_bias": [1]}), "logit_bias"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"stop": 3}), "stop"),
        (json!({"stop": [1]}), "stop"),
        (json!({"seed": "x"}), "seed"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (json!({"logprobs": 5}), "logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"response_format": "json"}), "response_format"),
        (json!({"response_format": {"type": "yaml"}}), "response_format"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format"),
        (json!({"tools": [{"type": "retrieval"}]}), "tools"),
        (json!({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}), "tools"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": {"type": "function", "function": {"name": "g"}}}),
            "tool_choice",
        ),
        (json!({"user": 7}), "user"),
        (json!({"metadata": "x"}), "metadata"),
        (json!({"frobnicate": true}), "frobnicate"),
        (json!({"modalities": ["audio"]}), "modalities"),
        (json!({"data_sources": []}), "data_sources"),
    ];
    for (fields, named) in table {
        let mut body = say("hi");
        body["max_tokens"] = json!(4);
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = caller.post(&chat_path(CHAT), &body);
        let error = reply.error(400);
        let param = error["param"].as_str().unwrap_or_default();
        assert!(param.starts_with(named), "{fields}: the error names `{param}`: {error}");
    }
}

#[test]
fn embedding_inputs_that_make_no_sense_are_refused_by_name() {
    let caller = &shared().demo;
    let table: &[(Value, &str)] = &[
        (json!({}), "input"),
        (json!({"input": ""}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": [""]}), "input"),
        (json!({"input": [[]]}), "input"),
        (json!({"input": 7}), "input"),
        (json!({"input": ["a", 1]}), "input"),
        (json!({"input": [-1]}), "input"),
        (json!({"input": [4_000_000_000_u32]}), "input"),
        (json!({"input": [1.5]}), "input"),
        (json!({"input": vec!["a"; 2049]}), "input"),
        (json!({"input": "a", "encoding_format": "hex"}), "encoding_format"),
        (json!({"input": "a", "dimensions": 0}), "dimensions"),
        (json!({"input": "a", "dimensions": 1_000_000}), "dimensions"),
        (json!({"input": "a", "dimensions": -4}), "dimensions"),
        (json!({"input": "a", "frobnicate": 1}), "frobnicate"),
    ];
    for (body, named) in table {
        let error = caller.post(&embeddings_path(EMBED), body).error(400);
        let param = error["param"].as_str().unwrap_or_default();
        assert!(param.starts_with(named), "{body}: the error names `{param}`: {error}");
    }
}

#[test]
fn a_body_of_ten_megabytes_is_413() {
    let caller = &shared().demo;
    let started = Instant::now();
    let body = say(&"x".repeat(10_000_000));
    caller.post(&chat_path(CHAT), &body).error(413);
    assert!(started.elapsed() < PROMPT_ANSWER);
    // A body with a too large announced length is refused without reading it.
    let wire = Request::post(&chat_path(CHAT), &json!({})).key(&caller.key1);
    let wire = wire.header("content-length", "99999999999").wire(caller.address);
    let mut stream = connect(caller.address);
    stream.write_all(&wire).unwrap();
    Answer::read(stream).unwrap().finish().error(413);
}

#[test]
fn a_hundred_thousand_messages_are_refused_by_their_number() {
    let caller = &shared().demo;
    let messages = vec![json!({"role": "user", "content": ""}); 100_000];
    let error = caller.post(&chat_path(CHAT), &json!({"messages": messages})).error(400);
    assert!(error["message"].as_str().unwrap().contains("2048"), "{error}");
}

#[test]
fn a_prompt_longer_than_the_context_is_context_length_exceeded() {
    let caller = &shared().demo;
    let long = "word ".repeat(20_000);
    let error = caller.post(&chat_path(CHAT), &say(&long)).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    assert_eq!(error["param"], "messages");
    let error = caller.post(&embeddings_path(EMBED), &json!({"input": long})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    // Streams are refused before they start.
    let mut body = say(&long);
    body["stream"] = json!(true);
    assert_eq!(caller.post(&chat_path(CHAT), &body).error(400)["code"], "context_length_exceeded");
}

#[test]
fn a_schema_that_is_not_one_is_refused() {
    let caller = &shared().demo;
    let deep = (0..300).fold(
        json!({"type": "string"}),
        |inner, _| json!({"type": "object", "properties": {"a": inner}, "required": ["a"]}),
    );
    let schemas = [
        json!("a text"),
        json!({"type": "nonsense"}),
        json!({"type": 7}),
        json!({"type": "object", "properties": 3}),
        json!({"type": "object", "properties": {"a": 3}}),
        json!({"enum": "a"}),
        json!({"$ref": "#/definitions/absent"}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"type": "string", "pattern": "("}),
        json!({"type": "string", "minLength": 5, "maxLength": 2}),
        json!({"type": "integer", "minimum": 5, "maximum": 2}),
        deep,
    ];
    // A tool without `strict` is never refused because of a keyword: unsupported keywords are
    // ignored. A schema that is no object, or nested deeper than JSON readers accept, is refused.
    let taken =
        |schema: &Value| schema.is_object() && schema["properties"]["a"]["properties"].is_null();
    let mut wrong = Vec::new();
    for schema in schemas {
        let text: String = schema.to_string().chars().take(80).collect();
        let for_tools = if taken(&schema) { 200 } else { 400 };
        let mut format = say("hi");
        format["response_format"] = json!({"type": "json_schema",
            "json_schema": {"name": "s", "strict": true, "schema": schema}});
        let mut tools = say("hi");
        tools["tools"] =
            json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]);
        tools["tool_choice"] = json!("required");
        let mut strict = tools.clone();
        strict["tools"][0]["function"]["strict"] = json!(true);
        for (mut body, named, status) in [
            (format, "response_format", 400),
            (tools, "tools", for_tools),
            (strict, "tools[0].function.parameters", 400),
        ] {
            let started = Instant::now();
            body["max_tokens"] = json!(4);
            let reply = caller.post(&chat_path(CHAT), &body);
            let param = reply.json()["error"]["param"].as_str().unwrap_or_default().to_owned();
            let took = started.elapsed();
            let fits = status == 200 || param.starts_with(named);
            if reply.status != status || !fits || took > PROMPT_ANSWER {
                wrong.push(format!("{named} {text}: {took:?} {} {}", reply.status, reply.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each of these patterns takes exponential time or space in some engine. This service either
/// enforces a pattern within its limits or refuses it at once, and then serves the next request.
#[test]
fn a_pattern_that_is_a_bomb_costs_little() {
    let caller = &shared().demo;
    let nested = (0..12).fold("a".to_owned(), |inner, _| format!("({inner}{{1,99}}){{1,99}}"));
    let patterns = [
        format!("^{nested}$"),
        nested,
        "^(a+)+$".into(),
        "^(a|aa)+$".into(),
        "^(([a-z])+.)+[A-Z]([a-z])+$".into(),
        "^.*.*.*.*.*.*.*x{500}$".into(),
    ];
    for pattern in patterns {
        let started = Instant::now();
        let mut body = say("hi");
        body["max_tokens"] = json!(20);
        body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "s",
            "strict": true, "schema": {"type": "string", "pattern": pattern}}});
        let reply = caller.post(&chat_path(CHAT), &body);
        assert!(matches!(reply.status, 200 | 400), "{pattern}: {}", reply.text());
        assert!(started.elapsed() < PROMPT_ANSWER, "{pattern} took {:?}", started.elapsed());
        caller.post(&chat_path(CHAT), &caller.short()).ok();
    }
}

/// Another caller's stream continues while bad input arrives.
#[test]
fn bad_input_does_not_slow_another_clients_stream() {
    let (caller, other) = (&shared().demo, &shared().other);
    let mut body = say("Tell a long story about a river.");
    body["max_tokens"] = json!(200);
    body["stream"] = json!(true);
    body["logit_bias"] = json!({"0": -100, "2": -100});
    let request = Request::post(&chat_path(CHAT), &body).key(&other.key1);
    let address = other.address;
    let (started, has_started) = mpsc::channel();
    let stream = std::thread::spawn(move || {
        let mut longest = Duration::ZERO;
        let mut events = 0;
        let mut last = None;
        for _event in request.open(address).events() {
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                longest = longest.max(now - last);
            }
            events += 1;
            if events == 2 {
                let _ = started.send(());
            }
        }
        (events, longest)
    });
    has_started.recv_timeout(PATIENCE).unwrap();
    let nested = "[".repeat(100_000);
    while !stream.is_finished() {
        for body in ["{", "\"hi\"", "{\"messages\":[]}", nested.as_str()] {
            let request = Request::new("POST", &chat_path(CHAT)).bytes(body).key(&caller.key1);
            assert_eq!(request.send(caller.address).status, 400);
        }
        let wrong = Request::post(&chat_path(CHAT), &say("hi")).key("wrong");
        assert_eq!(wrong.send(caller.address).status, 401);
    }
    let (events, longest) = stream.join().unwrap();
    assert!(events > 100, "{events} events");
    // The content filter holds a window of 64 tokens back, so the model's time for them is a pause.
    assert!(longest < Duration::from_secs(30), "the stream stalled for {longest:?}");
}

/// A service that waits 400 ms for headers and for bodies.
fn impatient() -> (Service, Caller) {
    let service = Service::start(&[
        ("BAILIWICK_LIMITS__HEADER_READ_MS", "400"),
        ("BAILIWICK_LIMITS__BODY_READ_MS", "400"),
    ]);
    let caller = service.caller("slow");
    (service, caller)
}

/// Sends `bytes` one at a time, with a pause after each. Returns the server's answer, empty if it
/// only closed the connection, and the duration.
fn dribble(caller: &Caller, wire: &[u8]) -> (String, Duration) {
    let mut stream = connect(caller.address);
    // The wait for an answer is the pause between two bytes.
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let started = Instant::now();
    let mut answer = Vec::new();
    let mut bytes = wire.iter();
    while started.elapsed() < Duration::from_secs(20) {
        if let Some(byte) = bytes.next() {
            // A connection that the server has closed may refuse more bytes.
            let _ = stream.write_all(&[*byte]);
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) => return (String::from_utf8(answer).unwrap(), started.elapsed()),
            Ok(got) => answer.extend_from_slice(&buffer[..got]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return (String::from_utf8(answer).unwrap(), started.elapsed()),
        }
    }
    panic!("the server waited for 20 s for a slow sender");
}

#[test]
fn slow_senders_are_cut_off_within_their_limit() {
    let (_service, caller) = impatient();
    let limit = Duration::from_secs(5);
    let request = Request::post(&chat_path(CHAT), &say(&"slow ".repeat(200))).key(&caller.key1);
    let wire = request.wire(caller.address);
    let (head, body) =
        wire.split_at(wire.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4);

    let (answer, time) = dribble(&caller, head);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(time < limit, "headers: {time:?}");

    // Complete silence after connecting is slow, too.
    let (answer, time) = dribble(&caller, b"");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(time < limit, "silence: {time:?}");

    let mut stream = connect(caller.address);
    stream.write_all(head).unwrap();
    stream.write_all(&body[..10]).unwrap();
    let started = Instant::now();
    let error = Answer::read(stream).unwrap().finish().error(408);
    assert!(started.elapsed() < limit, "body: {:?}", started.elapsed());
    assert!(error["message"].as_str().unwrap().contains("body_read_ms"), "{error}");

    // The service still works.
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}

/// A client that closes its sending side may have disconnected: its request is cancelled. If the
/// client is still there, it receives an error.
#[test]
fn half_closed_connections_are_a_400() {
    let (service, caller) = impatient();
    let mut body = say("Tell a very long story.");
    body["logit_bias"] = json!({"0": -100, "2": -100});
    body["max_tokens"] = json!(900);
    let wire = Request::post(&chat_path(CHAT), &body).key(&caller.key1).wire(caller.address);
    // Closed in the middle of the headers, in the middle of the body, and after the whole body.
    for (cut, said) in [
        (20, "head ended before"),
        (wire.len() - 5, "body ended before"),
        (wire.len(), "closed its sending side"),
    ] {
        let mut stream = connect(caller.address);
        stream.write_all(&wire[..cut]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let started = Instant::now();
        let error = Answer::read(stream).unwrap().finish().error(400);
        assert!(started.elapsed() < PROMPT_ANSWER, "{cut}: {:?}", started.elapsed());
        assert!(error["message"].as_str().unwrap().contains(said), "{cut}: {error}");
        eventually("the sequence is free", || (service.load() == 0).then_some(()));
    }
    // An answer that has begun is cut.
    body["stream"] = json!(true);
    let wire = Request::post(&chat_path(CHAT), &body).key(&caller.key1).wire(caller.address);
    let mut stream = connect(caller.address);
    stream.write_all(&wire).unwrap();
    assert_eq!(stream.read(&mut [0; 12]).unwrap(), 12);
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.windows(6).any(|six| six == b"[DONE]"), "it ran to its end");
    eventually("the sequence is free", || (service.load() == 0).then_some(()));
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}
