//! Conversations: their items, pages and labels, and others that try to reach them.

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    service::{Caller, shared},
};

const PATH: &str = "/openai/v1/conversations";

fn ask(caller: &Caller, key: &str, method: &str, path: &str, body: &Value) -> Reply {
    let request = Request::new(method, path).key(key);
    let request = if body.is_null() { request } else { request.bytes(body.to_string()) };
    request.send(caller.address)
}

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn says(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// The way of a conversation, as the Agents SDK's sessions go it.
#[test]
fn a_conversation_keeps_its_items_in_order() {
    let caller = shared().service.caller("conversations");
    let none = Value::Null;
    let own =
        |method: &str, path: &str, body: &Value| ask(&caller, &caller.key1, method, path, body);
    let made = caller.post(PATH, &json!({"items": [says("a"), says("b")], "metadata": {"t": "1"}}));
    assert!(made.header("x-bailiwick-receipt").is_some(), "{:?}", made.headers);
    let made = made.ok();
    assert_eq!((&made["object"], &made["metadata"]), (&json!("conversation"), &json!({"t": "1"})));
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("conv_") && id.len() == 37, "{id}");
    let (at, items) = (format!("{PATH}/{id}"), format!("{PATH}/{id}/items"));
    assert_eq!(caller.get(&at).ok(), made);

    // More items: 20 at once stay in their order.
    let more: Vec<Value> = (0..20).map(|n| says(&format!("item {n}"))).collect();
    let added = caller.post(&items, &json!({"items": more})).ok();
    assert_eq!(added["data"].as_array().unwrap().len(), 20);
    let texts = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|item| item["content"][0]["text"].as_str().unwrap().to_owned()).collect()
    };
    let all = caller.get(&format!("{items}?order=asc&limit=100")).ok();
    let wanted: Vec<String> = ["a", "b"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..20).map(|n| format!("item {n}")))
        .collect();
    assert_eq!(texts(&all), wanted);
    assert!(all["data"][0]["id"].as_str().unwrap().starts_with("msg_"), "{all}");
    assert_eq!(all["has_more"], false);

    // Pages, newest first by default.
    let page = caller.get(&format!("{items}?limit=3")).ok();
    assert_eq!(texts(&page), ["item 19", "item 18", "item 17"]);
    assert_eq!((&page["has_more"], &page["last_id"]), (&json!(true), &json!(ids(&page)[2])));
    let next = caller.get(&format!("{items}?limit=3&after={}", ids(&page)[2])).ok();
    assert_eq!(texts(&next), ["item 16", "item 15", "item 14"]);
    for bad in ["limit=0", "limit=101", "order=up", "after=msg_1", "after=../x", "after=%ff"] {
        assert_eq!(caller.get(&format!("{items}?{bad}")).status, 400, "{bad}");
    }

    // One item; its deletion leaves the others.
    let first = ids(&all)[0];
    let one = caller.get(&format!("{items}/{first}")).ok();
    assert_eq!(one, all["data"][0]);
    let after = own("DELETE", &format!("{items}/{first}"), &none).ok();
    assert_eq!(after["id"], id);
    caller.get(&format!("{items}/{first}")).error(404);
    assert_eq!(texts(&caller.get(&format!("{items}?order=asc&limit=1")).ok()), ["b"]);

    // Labels.
    let changed = caller.post(&at, &json!({"metadata": {"t": "2", "u": "3"}})).ok();
    assert_eq!(changed["metadata"], json!({"t": "2", "u": "3"}));
    assert_eq!(caller.get(&at).ok()["metadata"], changed["metadata"]);
    assert_eq!(caller.post(&at, &json!({"metadata": null})).ok()["metadata"], json!({}));

    // The end: the items go with their conversation.
    let gone = own("DELETE", &at, &none).ok();
    assert_eq!(gone, json!({"id": id, "object": "conversation.deleted", "deleted": true}));
    let missing = caller.get(&at).error(404);
    for path in [items.clone(), format!("{items}/{}", ids(&all)[1])] {
        caller.get(&path).error(404);
    }
    assert_eq!(own("DELETE", &at, &none).error(404), missing);
    assert!(!missing["message"].as_str().unwrap().contains(id));
}

/// The items of a conversation cannot be found in any file, and its labels neither.
#[test]
fn content_is_sealed() {
    let service = crate::service::Service::start(&[]);
    let caller = service.caller("sealed-conversations");
    let mark = crate::canary::mark();
    let body = json!({"items": [says(&mark)], "metadata": {"who": mark, mark.as_str(): "x"}});
    let made = caller.post(PATH, &body).ok();
    let id = made["id"].as_str().unwrap();
    let items = caller.get(&format!("{PATH}/{id}/items")).ok();
    assert_eq!(items["data"][0]["content"][0]["text"], mark);
    service.files.assert_nowhere(&mark);
}

/// Another tenant and another key of the same resource get byte for byte the answer of an id that
/// never was.
#[test]
fn others_find_nothing() {
    let caller = shared().service.caller("private-conversations");
    let other = &shared().other;
    let made = caller.post(PATH, &json!({"items": [says("a")]})).ok();
    let id = made["id"].as_str().unwrap();
    let item = ids(&caller.get(&format!("{PATH}/{id}/items")).ok())[0].to_owned();
    let never = format!("conv_{}", "0".repeat(32));
    let nothing = Value::Null;
    let labels = json!({"metadata": {}});
    let more = json!({"items": [says("b")]});
    for (method, rest, body) in [
        ("GET", String::new(), &nothing),
        ("POST", String::new(), &labels),
        ("DELETE", String::new(), &nothing),
        ("GET", "/items".to_owned(), &nothing),
        ("POST", "/items".to_owned(), &more),
        ("GET", format!("/items/{item}"), &nothing),
        ("DELETE", format!("/items/{item}"), &nothing),
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
    }
    // An item of one's own conversation under another one of one's own.
    let second = caller.post(PATH, &json!({})).ok();
    let second = second["id"].as_str().unwrap();
    caller.get(&format!("{PATH}/{second}/items/{item}")).error(404);
    assert_eq!(caller.get(&format!("{PATH}/{id}")).ok(), made, "nothing was changed");

    // With the owner's consent the other key uses it.
    let request = Request::post(PATH, &json!({})).key(&caller.key1);
    let common = request.header("x-bailiwick-share", "resource").send(caller.address).ok();
    let common = format!("{PATH}/{}", common["id"].as_str().unwrap());
    let added = ask(&caller, &caller.key2, "POST", &format!("{common}/items"), &more);
    assert_eq!(added.status, 200, "{}", added.text());
    assert_eq!(ids(&caller.get(&format!("{common}/items")).ok()).len(), 1);
    ask(&caller, &caller.key2, "DELETE", &common, &nothing).error(403);
    ask(other, &other.key1, "GET", &common, &nothing).error(404);
}

#[test]
fn strange_ids_and_bodies_are_refused() {
    let caller = &shared().demo;
    let made = caller.post(PATH, &json!({})).ok();
    let at = format!("{PATH}/{}", made["id"].as_str().unwrap());
    for id in
        ["conv_", "x", "..%2f..%2fetc", "%00", "conv_%ff", "resp_00000000000000000000000000000000"]
    {
        let reply = caller.get(&format!("{PATH}/{id}"));
        assert_eq!(reply.status, 404, "{id}: {}", reply.text());
        let reply = caller.get(&format!("{at}/items/{id}"));
        assert_eq!(reply.status, 404, "{id}: {}", reply.text());
    }
    let send = |path: &str, bytes: &[u8]| {
        Request::post(path, &Value::Null).bytes(bytes).key(&caller.key1).send(caller.address)
    };
    let reply = send(PATH, b"{\"metadata\":{\"a\":\"\xff\"}}");
    assert_eq!(reply.error(400)["code"], "invalid_json");
    let many: Vec<Value> = (0..21).map(|_| says("x")).collect();
    let error = caller.post(&format!("{at}/items"), &json!({"items": many})).error(400);
    assert_eq!(
        (&error["param"], &error["code"]),
        (&json!("items"), &json!("array_above_max_length"))
    );
    for (body, param) in [
        (json!({"items": [{"type": "web_search_call", "id": "a"}]}), "items[0].type"),
        (json!({"items": [{"type": "item_reference", "id": "a"}]}), "items[0].type"),
        (json!({"items": [{"role": "user"}]}), "items[0].content"),
        (json!({"items": [says("a")], "more": 1}), "more"),
    ] {
        let error = caller.post(&format!("{at}/items"), &body).error(400);
        assert_eq!(error["param"], param, "{error}");
    }
    // Nothing of it was kept.
    assert!(ids(&caller.get(&format!("{at}/items")).ok()).is_empty());
}

#[test]
fn zero_retention_keeps_no_conversation() {
    let service = &shared().service;
    let caller = service.caller("zero-conversations");
    service.files.approve_zero_retention("zero-conversations");
    let error = caller.post(PATH, &json!({})).error(400);
    assert_eq!(error["code"], "zero_data_retention", "{error}");
}
