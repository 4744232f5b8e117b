//! A prompt with a mark is sent; afterwards the mark must not be in any log, metric, error, file,
//! or in the memory of a worker or the gateway.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use server::self_test::marks::Mark;

use crate::{
    client::Request,
    process::{contains, eventually, read_memory},
    service::{CHAT, Caller, EMBED, Service, chat_path, embeddings_path, say},
};

/// A random word that cannot occur by accident.
pub(crate) fn mark() -> String {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).unwrap();
    Mark::of(bytes).reveal().to_owned()
}

/// Returns the forms of a mark that are in some bytes. `bailiwick self-test` searches the same ones.
pub(crate) fn found_in(hay: &[u8], mark: &str) -> BTreeSet<&'static str> {
    Mark::word(mark).found_in(hay)
}

/// Sends the mark in every possible way: plain, streamed, cancelled, refused, embedded, in tools,
/// schemas, names, metadata, paths and broken JSON.
pub(crate) fn send_everywhere(caller: &Caller, mark: &str) {
    let mut body = say(&format!("{mark} {mark}: repeat this word."));
    body["max_tokens"] = json!(16);
    body["user"] = json!(mark);
    body["metadata"] = json!({"note": mark});
    body["stop"] = json!([format!("{mark} stop")]);
    caller.post(&chat_path(CHAT), &body).ok();
    body["stream"] = json!(true);
    caller.post(&chat_path(CHAT), &body).events();
    // Cancelled in the middle.
    body["max_tokens"] = json!(300);
    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
    drop(request.open(caller.address).events().next());

    caller.post(&embeddings_path(EMBED), &json!({"input": [mark, "b"], "user": mark})).ok();
    caller
        .post("/openai/v1/completions", &json!({"model": CHAT, "prompt": mark, "max_tokens": 4}))
        .ok();

    // This model cannot fill in the middle, so the suffix is refused.
    let suffix = json!({"model": CHAT, "prompt": mark, "suffix": mark, "prompt_cache_key": mark});
    let reply = caller.post("/openai/v1/completions", &suffix);
    reply.error(400);
    assert!(!reply.text().contains(mark) && !format!("{:?}", reply.headers).contains(mark));

    let mut tools = say(mark);
    tools["max_tokens"] = json!(40);
    tools["tools"] = json!([{"type": "function", "function": {"name": "f", "description": mark,
        "parameters": {"type": "object", "properties": {mark: {"enum": [mark]}}, "required": [mark], "additionalProperties": false}}}]);
    tools["tool_choice"] = json!("required");
    caller.post(&chat_path(CHAT), &tools);

    let refused = [
        json!({"messages": [{"role": mark, "content": mark}]}),
        json!({"messages": [{"role": "user", "content": format!("{mark} ").repeat(5000)}]}),
        json!({"messages": mark}),
        json!({"messages": [{"role": "user", "content": mark}], "temperature": mark}),
        json!({"messages": [{"role": "user", "content": mark}], "stop": [mark, mark, mark, mark, mark]}),
        json!({"messages": [{"role": "user", "content": mark}], "response_format": {"type": "json_schema",
            "json_schema": {"name": "s", "schema": {"type": "string", "pattern": format!("({mark}")}}}}),
    ];
    for body in refused {
        let reply = caller.post(&chat_path(CHAT), &body);
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(!reply.text().contains(mark), "an error repeats content: {}", reply.text());
    }
    let broken = format!(r#"{{"messages":[{{"role":"user","content":"{mark}"}}],}}"#);
    let request = Request::new("POST", &chat_path(CHAT)).bytes(broken).key(&caller.key1);
    let reply = request.send(caller.address);
    reply.error(400);
    assert!(!reply.text().contains(mark), "{}", reply.text());
}

#[test]
fn a_marked_prompt_is_nowhere_afterwards() {
    let service = Service::start(&[("BAILIWICK_LOG__LEVEL", "trace")]);
    let caller = service.caller("canary");
    let mark = mark();
    send_everywhere(&caller, &mark);
    eventually("the given-up request is gone", || (service.load() == 0).then_some(()));

    let log = service.files.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is not at trace level: {log}");
    assert_eq!(found_in(log.as_bytes(), &mark), BTreeSet::new(), "in the log");
    assert_eq!(found_in(service.metrics().as_bytes(), &mark), BTreeSet::new(), "in the metrics");
    for file in service.files.all() {
        let held = fs::read(&file).unwrap();
        assert_eq!(found_in(&held, &mark), BTreeSet::new(), "in {}", file.display());
    }
}

/// Sequences are cleared when their requests end: with prefix reuse off, the worker no longer holds
/// any of their content.
#[test]
fn a_worker_forgets_what_it_worked_on() {
    let service = Service::start(&[]);
    let caller = service.caller_without_prefix_cache("forget");
    let mark = mark();
    send_everywhere(&caller, &mark);
    eventually("the given-up request is gone", || (service.load() == 0).then_some(()));
    for worker in service.workers() {
        let mut found = BTreeSet::new();
        let mut sees = false;
        let look = |place: &str, piece: &[u8]| {
            found.extend(found_in(piece, &mark).into_iter().map(|how| (place.to_owned(), how)));
            // A worker always holds its model's vocabulary.
            sees |= contains(piece, b"<|im_start|>");
        };
        match read_memory(worker.pid, look) {
            Ok(()) => {
                assert!(sees, "the search does not even find what is there");
                assert_eq!(found, BTreeSet::new(), "in the memory of worker {}", worker.name);
            }
            // A worker makes its memory unreadable; only root can read it anyway.
            Err(error) => unseen(&worker.name, &error),
        }
    }
}

/// Reports memory that cannot be searched. This is a failure only in CI, because its tests run as
/// root and decide about a release.
fn unseen(what: &str, error: &std::io::Error) {
    let text = format!("the memory of {what} cannot be read ({error}); run as root");
    assert!(std::env::var_os("CI").is_none_or(|ci| ci.is_empty()), "{text}");
    eprintln!("skipped: {text}");
}

/// After a request has ended and its connection is closed, the gateway holds none of its content:
/// no prompt, answer, schema, error or key.
#[test]
fn the_gateway_forgets_what_it_passed_on() {
    let service = Service::start(&[]);
    let caller = service.caller("pass");
    let mark = mark();
    send_everywhere(&caller, &mark);
    // The schema forces the model's answer to be a random word.
    let answer = self::mark();
    let mut body = say("Answer.");
    body["max_tokens"] = json!(60);
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "s", "strict": true,
        "schema": {"type": "object", "properties": {"a": {"enum": [answer]}}, "required": ["a"],
                   "additionalProperties": false}}});
    let reply = caller.post(&chat_path(CHAT), &body);
    assert!(reply.text().contains(&answer), "{}", reply.text());
    body["stream"] = json!(true);
    caller.post(&chat_path(CHAT), &body).events();
    // A wrong key, and errors that could repeat sent content.
    let wrong = format!("{}{}", self::mark(), self::mark());
    Request::post(&chat_path(CHAT), &caller.short()).key(&wrong).send(caller.address).error(401);
    eventually("the given-up request is gone", || (service.load() == 0).then_some(()));

    let secrets =
        [("prompt", mark), ("answer", answer), ("wrong key", wrong), ("key", caller.key1.clone())];
    let mut tries = 0;
    // The last buffers are dropped shortly after the answer was read.
    let found = eventually("the gateway's memory was searched", || {
        let (mut found, mut sees) = (BTreeSet::new(), false);
        let look = |place: &str, piece: &[u8]| {
            for (what, secret) in &secrets {
                let found_here = found_in(piece, secret).into_iter();
                found.extend(found_here.map(|how| (place.to_owned(), *what, how)));
            }
            sees |= contains(piece, b"bailiwick");
        };
        match read_memory(service.process.pid, look) {
            Ok(()) => assert!(sees, "the search does not even find what is there"),
            Err(error) => unseen("the gateway", &error),
        }
        tries += 1;
        (found.is_empty() || tries == 3).then_some(found)
    });
    assert_eq!(found, BTreeSet::new(), "in the gateway's memory");
}
