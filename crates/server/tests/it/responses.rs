//! The Responses API from outside.

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    process::succeed,
    sdk::program,
    service::{CHAT, Caller, shared},
};

const PATH: &str = "/openai/v1/responses";

fn hello() -> Value {
    json!({"model": CHAT, "input": "Say hello.", "max_output_tokens": 12, "temperature": 0})
}

fn with(more: Value) -> Value {
    let mut body = hello();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The events of a stream, each with its name.
fn events(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    let event = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"]);
        data
    };
    text.split_terminator("\n\n").filter(|event| !event.starts_with(':')).map(event).collect()
}

#[test]
fn python() {
    let caller = shared().service.caller("responses-python");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_responses.py"]));
}

#[test]
fn javascript() {
    let caller = shared().service.caller("responses-javascript");
    let url = format!("http://{}", caller.address);
    succeed(program("node", &url, &caller).args(["--test", "js/responses.test.js"]));
}

#[test]
fn every_path_makes_the_same_response() {
    let caller = &shared().demo;
    let mut answers = Vec::new();
    for path in [
        "/openai/v1/responses",
        "/v1/responses",
        "/openai/responses",
        "/openai/responses?api-version=2025-04-01-preview",
        &format!("/openai/deployments/{CHAT}/responses"),
    ] {
        let answer = caller.post(path, &with(json!({"store": false}))).ok();
        assert_eq!(answer["object"], "response");
        answers.push(answer["output"][0]["content"].clone());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // The text is that of a chat.
    let chat = json!({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 12,
        "temperature": 0});
    let chat = caller.post(&crate::service::chat_path(CHAT), &chat).ok();
    assert_eq!(answers[0][0]["text"], chat["choices"][0]["message"]["content"]);
}

#[test]
fn a_stream_has_all_events_in_order_and_is_kept() {
    let caller = &shared().demo;
    let reply = caller.post(PATH, &with(json!({"stream": true})));
    let events = events(&reply);
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number);
    }
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[0], "response.created");
    assert_eq!(kinds[1], "response.in_progress");
    let last = &events.last().unwrap()["response"];
    assert!(["completed", "incomplete"].contains(&last["status"].as_str().unwrap()));
    let id = last["id"].as_str().unwrap();
    let kept = caller.get(&format!("{PATH}/{id}")).ok();
    assert_eq!(&kept, last);
    // The receipt of the request names the object.
    assert!(!reply.text().contains("[DONE]"));
}

#[test]
fn what_others_keep_does_not_exist() {
    let owner = &shared().demo;
    let kept = owner.post(PATH, &hello()).ok();
    let id = kept["id"].as_str().unwrap();
    let item = kept["output"][0]["id"].as_str().unwrap();
    let send = |caller: &Caller, request: Request| request.key(&caller.key1).send(caller.address);
    let other_key =
        |caller: &Caller, request: Request| request.key(&caller.key2).send(caller.address);
    let missing = format!("resp_{}", "0".repeat(32));
    for (method, path) in [
        ("GET", format!("{PATH}/ID")),
        ("GET", format!("{PATH}/ID?stream=true")),
        ("GET", format!("{PATH}/ID/input_items")),
        ("POST", format!("{PATH}/ID/cancel")),
        ("DELETE", format!("{PATH}/ID")),
    ] {
        let of = |id: &str| {
            let request = Request::new(method, &path.replace("ID", id));
            if method == "POST" { request.bytes("{}") } else { request }
        };
        let expected = send(&shared().other, of(&missing));
        assert_eq!(expected.status, 404, "{method} {path}");
        for reply in [send(&shared().other, of(id)), other_key(owner, of(id))] {
            assert_eq!((reply.status, &reply.body), (404, &expected.body), "{method} {path}");
        }
    }
    let body = with(json!({"previous_response_id": id}));
    let error = shared().other.post(PATH, &body).error(400);
    assert_eq!(error["code"], "previous_response_not_found");
    let body = with(json!({"input": [{"type": "item_reference", "id": item},
        {"role": "user", "content": "a"}]}));
    assert_eq!(shared().other.post(PATH, &body).error(400)["param"], "input[0].id");
    let body = with(json!({"previous_response_id": id}));
    let reply = other_key(owner, Request::post(PATH, &body));
    assert_eq!(reply.error(400)["code"], "previous_response_not_found");
    assert_eq!(owner.get(&format!("{PATH}/{id}")).ok(), kept, "the owner still has it");
}

#[test]
fn a_shared_response_can_be_continued_by_all_keys() {
    let owner = &shared().demo;
    let request = Request::post(PATH, &hello()).header("x-bailiwick-share", "resource");
    let kept = request.key(&owner.key1).send(owner.address).ok();
    let body = with(json!({"previous_response_id": kept["id"]}));
    let next = Request::post(PATH, &body).key(&owner.key2).send(owner.address).ok();
    assert_eq!(next["previous_response_id"], kept["id"]);
}

#[test]
fn a_conversation_grows_with_each_response() {
    let caller = &shared().demo;
    let made = caller.post("/openai/v1/conversations", &json!({})).ok();
    let id = made["id"].as_str().unwrap();
    for stream in [false, true] {
        let body = with(json!({"conversation": id, "stream": stream}));
        let reply = caller.post(PATH, &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let items = caller.get(&format!("/openai/v1/conversations/{id}/items?order=asc")).ok();
    let roles: Vec<_> =
        items["data"].as_array().unwrap().iter().map(|item| item["role"].clone()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
}

#[test]
fn an_unknown_path_below_responses_is_named() {
    let caller = &shared().demo;
    let error = caller.post("/openai/v1/responses/compact", &json!({})).error(404);
    assert!(error["message"].as_str().unwrap().contains("Compaction"), "{error}");
}
