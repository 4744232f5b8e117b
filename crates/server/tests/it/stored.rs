//! Stored chat completions: `store` on chat requests, and what reads them later.

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    service::{CHAT, Caller, Service, chat_path, shared},
};

const PATH: &str = "/openai/v1/chat/completions";

fn ask(caller: &Caller, key: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::new(method, path).key(key);
    let request = if body.is_null() { request } else { request.bytes(body.to_string()) };
    request.send(caller.address)
}

/// A request with `store`.
fn asked(caller: &Caller, labels: &Value) -> Value {
    let mut body = caller.short();
    body["store"] = json!(true);
    body["temperature"] = json!(0);
    body["metadata"] = labels.clone();
    body
}

fn ids(list: &Value) -> Vec<String> {
    let data = list["data"].as_array().unwrap();
    data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// What is kept is what was answered, also of a stream.
#[test]
fn a_stored_completion_is_the_answer_that_was_sent() {
    let caller = shared().service.caller("stored");
    let reply = caller.post(&chat_path(CHAT), &asked(&caller, &json!({"n": "1"})));
    let sent = reply.ok();
    let id = sent["id"].as_str().unwrap();
    let kept = caller.get(&format!("{PATH}/{id}")).ok();
    for field in ["id", "object", "created", "model", "choices", "usage", "system_fingerprint"] {
        assert_eq!(kept[field], sent[field], "{field}");
    }
    assert_eq!(kept["metadata"], json!({"n": "1"}));
    assert_eq!(kept["request_id"], reply.header("x-request-id").unwrap());
    assert_eq!(kept["temperature"], 0.0);

    // The same as a stream: it has the same text, and is there when the stream ends.
    let mut body = asked(&caller, &json!({"n": "2"}));
    body["stream"] = json!(true);
    let chunks = caller.post(&chat_path(CHAT), &body).events();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    let streamed = chunks[0]["id"].as_str().unwrap();
    let kept = caller.get(&format!("{PATH}/{streamed}")).ok();
    assert_eq!(kept["choices"][0]["message"]["content"], text);
    assert_eq!(kept["choices"][0]["message"], sent["choices"][0]["message"]);
    assert_eq!(kept["choices"][0]["finish_reason"], sent["choices"][0]["finish_reason"]);
    assert_eq!(kept["usage"]["completion_tokens"], sent["usage"]["completion_tokens"]);

    // Without `store` nothing is kept.
    let plain = caller.post(&chat_path(CHAT), &caller.short()).ok();
    caller.get(&format!("{PATH}/{}", plain["id"].as_str().unwrap())).error(404);

    // The list: oldest first, by label, by deployment and by model.
    let list = caller.get(PATH).ok();
    assert_eq!(ids(&list), [id, streamed]);
    assert_eq!(list["has_more"], false);
    assert_eq!(ids(&caller.get(&format!("{PATH}?order=desc&limit=1")).ok()), [streamed]);
    assert_eq!(ids(&caller.get(&format!("{PATH}?limit=1&after={id}")).ok()), [streamed]);
    assert_eq!(ids(&caller.get(&format!("{PATH}?metadata%5Bn%5D=2")).ok()), [streamed]);
    assert!(ids(&caller.get(&format!("{PATH}?metadata[n]=3")).ok()).is_empty());
    assert_eq!(ids(&caller.get(&format!("{PATH}?model={CHAT}")).ok()).len(), 2);
    let model = kept["model"].as_str().unwrap();
    assert_eq!(ids(&caller.get(&format!("{PATH}?model={model}")).ok()).len(), 2);
    assert!(ids(&caller.get(&format!("{PATH}?model=nothing")).ok()).is_empty());
    let page = caller.get(&format!("{PATH}?limit=1")).ok();
    assert_eq!((ids(&page), &page["has_more"]), (vec![id.to_owned()], &json!(true)));

    // The request's messages.
    let messages = caller.get(&format!("{PATH}/{id}/messages")).ok();
    assert_eq!(messages["data"][0]["content"], "hi");
    assert_eq!(messages["data"][0]["role"], "user");
    assert_eq!(ids(&messages), [format!("{id}-0")]);

    // Other labels, and the end.
    let at = format!("{PATH}/{id}");
    let changed = caller.post(&at, &json!({"metadata": {"n": "9"}})).ok();
    assert_eq!((&changed["metadata"], &changed["id"]), (&json!({"n": "9"}), &json!(id)));
    assert_eq!(caller.get(&at).ok(), changed);
    let gone = ask(&caller, &caller.key1, "DELETE", &at, &Value::Null).ok();
    assert_eq!(gone, json!({"id": id, "object": "chat.completion.deleted", "deleted": true}));
    caller.get(&at).error(404);
    assert_eq!(ids(&caller.get(PATH).ok()), [streamed]);
}

#[test]
fn others_find_nothing() {
    let caller = shared().service.caller("private-completions");
    let other = &shared().other;
    let sent = caller.post(&chat_path(CHAT), &asked(&caller, &json!({}))).ok();
    let id = sent["id"].as_str().unwrap();
    let never = format!("chatcmpl-{}", "0".repeat(32));
    let (nothing, labels) = (Value::Null, json!({"metadata": {}}));
    for (method, rest, body) in [
        ("GET", "", &nothing),
        ("POST", "", &labels),
        ("DELETE", "", &nothing),
        ("GET", "/messages", &nothing),
    ] {
        let answer = |who: &Caller, key: &str, id: &str| {
            let reply = ask(who, key, method, &format!("{PATH}/{id}{rest}"), body);
            (reply.status, reply.text())
        };
        let wanted = answer(&caller, &caller.key1, &never);
        assert_eq!(wanted.0, 404, "{method} {rest}: {}", wanted.1);
        for (who, key) in [(other, &other.key1), (&caller, &caller.key2)] {
            assert_eq!(answer(who, key, id), wanted, "{method} {rest}");
        }
        for strange in ["chatcmpl-", "..%2f..%2fx", "%00", "chatcmpl-%ff", "file-1"] {
            assert_eq!(answer(&caller, &caller.key1, strange).0, 404, "{method} {strange}");
        }
    }
    let list = ask(&caller, &caller.key2, "GET", PATH, &nothing).ok();
    assert!(ids(&list).is_empty(), "{list}");
    assert_eq!(ids(&caller.get(PATH).ok()), [id]);
    let bad = caller.get(&format!("{PATH}?after={}", sent["created"]));
    assert_eq!(bad.status, 400, "{}", bad.text());

    // Shared when it was made.
    let request = Request::post(&chat_path(CHAT), &asked(&caller, &json!({}))).key(&caller.key1);
    let common = request.header("x-bailiwick-share", "resource").send(caller.address).ok();
    let common = format!("{PATH}/{}", common["id"].as_str().unwrap());
    ask(&caller, &caller.key2, "GET", &common, &nothing).ok();
    ask(other, &other.key1, "GET", &common, &nothing).error(404);
}

/// A stream that its client gives up keeps nothing; neither does a request that is refused.
#[test]
fn only_whole_answers_are_kept() {
    let caller = shared().service.caller("cut-completions");
    let mut body = asked(&caller, &json!({}));
    body["stream"] = json!(true);
    body["max_tokens"] = json!(400);
    let request = Request::post(&chat_path(CHAT), &body).key(&caller.key1);
    let id = {
        let mut events = request.open(caller.address).events();
        events.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    crate::process::eventually("the given-up request is gone", || {
        (shared().service.load() == 0).then_some(())
    });
    caller.get(&format!("{PATH}/{id}")).error(404);
    let mut body = asked(&caller, &json!({}));
    body["n"] = json!(0);
    caller.post(&chat_path(CHAT), &body).error(400);
    assert!(ids(&caller.get(PATH).ok()).is_empty());
}

#[test]
fn content_is_sealed_and_labels_leave_nothing() {
    let service = Service::start(&[]);
    let caller = service.caller("sealed-completions");
    let mark = mark();
    let mut body = asked(&caller, &json!({"who": mark}));
    body["messages"][0]["content"] = json!(mark);
    let sent = caller.post(&chat_path(CHAT), &body).ok();
    let at = format!("{PATH}/{}", sent["id"].as_str().unwrap());
    let messages = caller.get(&format!("{at}/messages")).ok();
    assert_eq!(messages["data"][0]["content"], mark);
    service.files.assert_nowhere(&mark);
    ask(&caller, &caller.key1, "DELETE", &at, &Value::Null).ok();
    service.files.assert_nowhere(&mark);
}

#[test]
fn a_resource_can_switch_them_off() {
    let service = &shared().service;
    let caller = service.caller("no-completions");
    let kept = caller.post(&chat_path(CHAT), &asked(&caller, &json!({}))).ok();
    let update = ["resource", "update", "no-completions", "--stored-completions", "off"];
    service.files.cli(&update);
    let error = caller.post(&chat_path(CHAT), &asked(&caller, &json!({}))).error(400);
    let wanted = (json!("store"), json!("unsupported_parameter"));
    assert_eq!((error["param"].clone(), error["code"].clone()), wanted, "{error}");
    // What is kept already can be read and deleted.
    let at = format!("{PATH}/{}", kept["id"].as_str().unwrap());
    caller.get(&at).ok();
    ask(&caller, &caller.key1, "DELETE", &at, &Value::Null).ok();
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}

#[test]
fn zero_retention_refuses_to_store_by_name() {
    let service = &shared().service;
    let caller = service.caller("zero-completions");
    service.files.approve_zero_retention("zero-completions");
    let error = caller.post(&chat_path(CHAT), &asked(&caller, &json!({}))).error(400);
    assert_eq!((&error["param"], &error["code"]), (&json!("store"), &json!("zero_data_retention")));
    let mut body = caller.short();
    body["store"] = json!(false);
    caller.post(&chat_path(CHAT), &body).ok();
}
