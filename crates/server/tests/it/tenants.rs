//! Tenants never see each other: neither their deployments nor their existence.

use serde_json::json;

use crate::{
    client::Request,
    service::{CHAT, chat_path, embeddings_path, shared},
};

/// A deployment that only the tenant `other` has.
const PRIVATE: &str = "others-own";

#[test]
fn another_tenants_deployment_looks_like_one_that_does_not_exist() {
    let (demo, other) = (&shared().demo, &shared().other);
    other.post(&chat_path(PRIVATE), &other.short()).ok();
    let ask = |name: &str| {
        [
            demo.post(&chat_path(name), &demo.short()),
            demo.post(&embeddings_path(name), &json!({"input": "a"})),
        ]
    };
    for (foreign, absent) in ask(PRIVATE).into_iter().zip(ask("nobodys-own")) {
        foreign.error(404);
        assert_eq!(foreign.shape(), absent.shape());
    }
    let get = |name: &str| demo.get(&format!("/openai/v1/models/{name}"));
    assert_eq!(get(PRIVATE).shape(), get("nobodys-own").shape());
    assert!(!demo.get("/openai/v1/models").text().contains(PRIVATE));
}

/// With a domain, the host names the resource: a key only works for its own resource.
#[test]
fn the_host_names_the_resource() {
    let (demo, other) = (&shared().demo, &shared().other);
    let ask = |host: &str, key: &str| {
        let request = Request::post(&chat_path(CHAT), &demo.short()).key(key);
        request.header("host", host).send(demo.address)
    };
    let host = |resource: &str| format!("{resource}.openai.test");
    ask(&host(&demo.resource), &demo.key1).ok();
    ask(&format!("{}:8080", host(&demo.resource)), &demo.key1).ok();
    ask(&host(&demo.resource).to_uppercase(), &demo.key1).ok();
    ask(&host(&other.resource), &other.key1).ok();
    // A missing resource answers like an existing one, so that names cannot be tried.
    let foreign = ask(&host(&other.resource), &demo.key1);
    let absent = ask(&host("no-such-resource"), &demo.key1);
    foreign.error(401);
    assert_eq!(foreign.shape(), absent.shape());
    // Without a resource in the host, the key alone selects it.
    ask("127.0.0.1", &demo.key1).ok();
}
