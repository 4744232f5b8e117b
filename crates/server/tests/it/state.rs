//! Objects that customers ask the service to keep: no one but the owner gets one, and no one learns
//! that there is one. Each path of the API is tried with each kind of stranger.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};
use server::paths::{Endpoint, State, routes};

use crate::{
    client::{Reply, Request},
    people::{Account, People, person},
    service::{CHAT, Caller},
};

const PEOPLE: [Account; 4] = [
    person("alice", "contoso"),
    person("officer", "contoso"),
    person("stranger", "fabrikam"),
    person("operator", "ops"),
];

/// A caller that sends requests to the API.
#[derive(Clone)]
struct Sender<'a> {
    people: &'a People,
    /// The key, or the name of a person of the resource.
    who: Who,
    /// The host of the resource that is called.
    host: &'static str,
}

#[derive(Clone)]
enum Who {
    Key(String),
    Person(&'static str),
}

impl Sender<'_> {
    fn send(&self, request: Request) -> Reply {
        let request = request.header("host", &format!("{}.openai.test", self.host));
        let request = match &self.who {
            Who::Key(key) => request.key(key),
            Who::Person(name) => request.header("authorization", &self.people.bearer(name)),
        };
        request.send(self.people.service.api)
    }

    fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path))
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Request::post(path, body))
    }
}

fn form(purpose: &str, name: &str, content: &str) -> Request {
    let mark = "7d1b2c";
    let body = format!(
        "--{mark}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--{mark}\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: application/octet-stream\r\n\r\n{content}\r\n--{mark}--\r\n"
    );
    let kind = format!("multipart/form-data; boundary={mark}");
    Request::new("POST", "/openai/v1/files").bytes(body).header("content-type", &kind)
}

/// One object of each kind that a caller can make, by the name of the path's variable.
fn objects(owner: &Sender<'_>) -> BTreeMap<&'static str, String> {
    let id = |value: &Value| value["id"].as_str().unwrap_or_else(|| panic!("{value}")).to_owned();
    let line = json!({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": CHAT, "max_tokens": 2, "messages": [{"role": "user", "content": "hi"}]}});
    let file = owner.send(form("batch", "lines.jsonl", &line.to_string()));
    let file = id(&file.ok());
    let message = json!({"type": "message", "role": "user", "content": "hello"});
    let conversation = owner.post("/openai/v1/conversations", &json!({"items": [message]})).ok();
    let conversation = id(&conversation);
    let items = owner.get(&format!("/openai/v1/conversations/{conversation}/items")).ok();
    let item = id(&items["data"][0]);
    let response = json!({"model": CHAT, "input": "hi", "max_output_tokens": 16, "store": true});
    let response = id(&owner.post("/openai/v1/responses", &response).ok());
    let chat = json!({"model": CHAT, "store": true, "max_tokens": 2,
        "messages": [{"role": "user", "content": "hi"}]});
    let completion = id(&owner.post("/openai/v1/chat/completions", &chat).ok());
    let upload = json!({"filename": "a.jsonl", "purpose": "batch", "bytes": 10,
        "mime_type": "application/jsonl"});
    let upload = id(&owner.post("/openai/v1/uploads", &upload).ok());
    let batch = json!({"input_file_id": file, "endpoint": "/v1/chat/completions",
        "completion_window": "24h"});
    let batch = id(&owner.post("/openai/v1/batches", &batch).ok());
    [
        ("file", file),
        ("conversation", conversation),
        ("item", item),
        ("response", response),
        ("completion", completion),
        ("upload", upload),
        ("batch", batch),
    ]
    .into()
}

/// A body that the path takes, so that nothing else refuses the request first.
fn body(state: State) -> Value {
    let message = json!({"type": "message", "role": "user", "content": "hello"});
    match state {
        State::UpdateConversation | State::UpdateCompletion => json!({"metadata": {"a": "b"}}),
        State::CreateItems => json!({"items": [message]}),
        State::CompleteUpload => json!({"part_ids": []}),
        State::UpdateObject => json!({"shared": true}),
        _ => json!({}),
    }
}

/// Replaces each variable of a path, or returns `None` for a path without one of these ids.
fn filled(path: &str, ids: &BTreeMap<&'static str, String>) -> Option<String> {
    let mut filled = path.to_owned();
    for (name, id) in ids {
        filled = filled.replace(&format!("{{{name}}}"), id);
    }
    (filled != path && !filled.contains('{')).then_some(filled)
}

/// The id with other digits: it has the form of an id, and no object has it.
fn absent(id: &str) -> String {
    let digits = id.len() - 32;
    format!("{}{}", &id[..digits], "0".repeat(32))
}

fn ask(sender: &Sender<'_>, state: State, path: &str) -> Reply {
    let method = Endpoint::State(state).method();
    if method == Method::POST {
        return sender.post(path, &body(state));
    }
    sender.send(Request::new(method.as_str(), path))
}

#[test]
fn an_object_of_others_is_answered_like_one_that_does_not_exist() {
    let people = People::start(&PEOPLE);
    let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| people.service.caller(name));
    for (role, who) in [
        ("Cognitive Services OpenAI User", "alice"),
        ("Data Protection Officer", "officer"),
        ("Cognitive Services OpenAI User", "stranger"),
    ] {
        people.assign(role, who, &[]);
    }
    let key = |caller: &Caller, second: bool, host| {
        let key = if second { &caller.key2 } else { &caller.key1 };
        Sender { people: &people, who: Who::Key(key.clone()), host }
    };
    let person = |name, host| Sender { people: &people, who: Who::Person(name), host };
    let owner = key(&contoso, false, "contoso");
    let neighbours = [key(&contoso, true, "contoso"), person("alice", "contoso")];
    let foreign = [key(&fabrikam, false, "fabrikam"), person("stranger", "fabrikam")];
    let ids = objects(&owner);
    let nothing: BTreeMap<_, _> = ids.iter().map(|(name, id)| (*name, absent(id))).collect();

    let mut tried = 0;
    for route in routes().filter(|route| route.path.starts_with("/openai/v1/")) {
        let Endpoint::State(state) = route.endpoint else { continue };
        let (Some(path), Some(empty)) = (filled(route.path, &ids), filled(route.path, &nothing))
        else {
            continue;
        };
        for sender in neighbours.iter().chain(&foreign) {
            let (there, not_there) = (ask(sender, state, &path), ask(sender, state, &empty));
            assert_eq!(there.shape(), not_there.shape(), "{state:?} {path}");
            assert!(there.status >= 400, "{state:?} {path}: {}", there.text());
            if there.status != 404 {
                // Something else refuses the request, before anything is looked up.
                assert_eq!(ask(&owner, state, &empty).shape(), there.shape(), "{state:?}");
            }
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried} requests");

    // In the inventory, the resource's own principals see that it is there, and nothing of it.
    for (name, id) in &ids {
        let path = format!("/openai/v1/inventory/{id}");
        for neighbour in &neighbours {
            let seen = neighbour.get(&path).ok();
            assert_eq!((&seen["owner"], &seen["deletable"]), (&json!("Key1"), &json!(false)));
            for refused in [
                neighbour.post(&path, &json!({"shared": true})),
                neighbour.send(Request::new("DELETE", &path)),
            ] {
                refused.error(403);
            }
        }
        for stranger in &foreign {
            let empty = stranger.get(&format!("/openai/v1/inventory/{}", nothing[name]));
            assert_eq!(stranger.get(&path).shape(), empty.shape(), "{name}");
            empty.error(404);
        }
    }
    let listed = foreign[0].get("/openai/v1/inventory").ok();
    assert_eq!(listed["data"], json!([]), "{listed}");

    // Nothing was changed by all this, and the owner still has everything.
    for (name, id) in &ids {
        let kept = owner.get(&format!("/openai/v1/inventory/{id}")).ok();
        assert_eq!((&kept["shared"], &kept["deletable"]), (&json!(false), &json!(true)), "{name}");
    }
    assert_eq!(owner.get(&format!("/openai/v1/files/{}", ids["file"])).ok()["id"], ids["file"]);
    let content = owner.get(&format!("/openai/v1/files/{}/content", ids["file"]));
    assert!(content.text().contains("custom_id"));

    sharing(&owner, &neighbours[0], &ids["file"]);
    deletion(&people, &owner, &ids);
}

/// The owner shares a file: others read it, and cannot delete it.
fn sharing(owner: &Sender<'_>, neighbour: &Sender<'_>, file: &str) {
    let (path, kept) = (format!("/openai/v1/files/{file}"), format!("/openai/v1/inventory/{file}"));
    assert_eq!(owner.post(&kept, &json!({"shared": true})).ok()["shared"], json!(true));
    assert_eq!(neighbour.get(&path).ok()["id"], json!(file));
    neighbour.send(Request::new("DELETE", &path)).error(403);
    neighbour.post(&kept, &json!({"shared": false})).error(403);
    assert_eq!(owner.post(&kept, &json!({"shared": false})).ok()["shared"], json!(false));
    neighbour.get(&path).error(404);
    for bad in [json!({"expires_at": 1}), json!({"canary": 1}), json!({"shared": "yes"}), json!([])]
    {
        owner.post(&kept, &bad).error(400);
    }
}

/// The officer lists and deletes at the desk and reads nothing; the operator does neither.
fn deletion(people: &People, owner: &Sender<'_>, ids: &BTreeMap<&'static str, String>) {
    let at_desk = "/desk/v1/resources/contoso/inventory";
    let listed = people.ask("officer", Request::get(at_desk)).ok();
    let data = listed["data"].as_array().unwrap();
    for id in ids.values() {
        assert!(data.iter().any(|kept| kept["id"] == json!(id)), "{id} in {listed}");
    }
    assert!(!listed.to_string().contains("lines.jsonl"), "a file's name is content");
    let file = format!("{at_desk}/{}", ids["file"]);
    for who in ["alice", "stranger", "operator"] {
        let status = people.ask(who, Request::new("DELETE", &file)).status;
        assert!([403, 404].contains(&status), "{who}: {status}");
    }
    assert_eq!(people.ask("operator", Request::get(at_desk)).status, 403);
    let typed = people.types("officer", &["desk", "shred", "contoso", &ids["conversation"]]);
    assert_eq!(typed["deleted"], json!(true));
    for path in [
        format!("/openai/v1/conversations/{}", ids["conversation"]),
        format!("/openai/v1/inventory/{}", ids["item"]),
    ] {
        owner.get(&path).error(404);
    }
    let deleted =
        owner.send(Request::new("DELETE", &format!("/openai/v1/inventory/{}", ids["file"])));
    assert_eq!(deleted.ok()["deleted"], json!(true));
    owner.get(&format!("/openai/v1/files/{}", ids["file"])).error(404);
    people.verify_log();
}

/// Under zero retention each request to keep something is refused by name.
#[test]
fn under_zero_retention_nothing_is_kept() {
    let service = &crate::service::shared().service;
    let caller = service.caller("keeps-nothing");
    service.files.approve_zero_retention(&caller.resource);
    let chat =
        json!({"model": CHAT, "store": true, "messages": [{"role": "user", "content": "hi"}]});
    let response = json!({"model": CHAT, "input": "hi", "store": true});
    let upload = json!({"filename": "a.jsonl", "purpose": "batch", "bytes": 10,
        "mime_type": "application/jsonl"});
    for refused in [
        caller.post("/openai/v1/chat/completions", &chat),
        caller.post("/openai/v1/responses", &response),
        caller.post("/openai/v1/conversations", &json!({})),
        caller.post("/openai/v1/uploads", &upload),
        form("batch", "a.jsonl", "{}").key(&caller.key1).send(caller.address),
    ] {
        assert_eq!(refused.error(400)["code"], json!("zero_data_retention"), "{}", refused.text());
    }
    let answered = json!({"model": CHAT, "input": "hi", "max_output_tokens": 16});
    let answered = caller.post("/openai/v1/responses", &answered).ok();
    assert_eq!(answered["store"], json!(false), "{answered}");
    let listed = caller.get("/openai/v1/inventory").ok();
    assert_eq!((&listed["data"], &listed["also_kept"][0]["count"]), (&json!([]), &json!(0)));
}
