//! Errors and headers, byte for byte where clients depend on them.

use serde_json::json;

use crate::{
    client::Request,
    service::{CHAT, chat_path, embeddings_path, shared},
};

#[test]
fn a_wrong_key_is_azures_401() {
    let caller = &shared().demo;
    let body = json!({"error": {"code": "401", "message": "Access denied due to a missing or invalid key, or a wrong host name. Send one of the two keys of your resource in the header `api-key`, or as `Authorization: Bearer KEY`, to the address that the operator of this service gave you."}});
    for request in [
        Request::post(&chat_path(CHAT), &caller.short()),
        Request::post(&chat_path(CHAT), &caller.short()).key(""),
        Request::post(&chat_path(CHAT), &caller.short()).key("wrong"),
        Request::post(&chat_path(CHAT), &caller.short()).key(&caller.key1[1..]),
        Request::post("/openai/v1/chat/completions", &caller.short())
            .header("authorization", "Bearer wrong"),
        Request::post("/openai/v1/chat/completions", &caller.short())
            .header("authorization", "Basic eDp5"),
        Request::get("/openai/v1/models"),
        // Without a key, a caller cannot find out which deployments exist.
        Request::post(&chat_path("no-such-deployment"), &caller.short()).key("wrong"),
    ] {
        let reply = request.send(caller.address);
        reply.error(401);
        assert_eq!(reply.json(), body);
    }
}

#[test]
fn a_missing_deployment_is_azures_404() {
    let caller = &shared().demo;
    // Callers that may list the existing deployments see their names; another tenant's do not
    // appear.
    let expected = json!({"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist. The deployments of your resource are: emb, gpt-4o, gpt4o, m, mydep, smollm2, smollm2-embed."}});
    for path in
        [chat_path("absent"), embeddings_path("absent"), chat_path("%00"), chat_path("..%2f..")]
    {
        let body = if path.contains("embeddings") { json!({"input": "a"}) } else { caller.short() };
        let reply = caller.post(&path, &body);
        reply.error(404);
        assert_eq!(reply.json(), expected, "{path}");
    }
    let mut body = caller.short();
    body["model"] = json!("absent");
    let error = caller.post("/openai/v1/chat/completions", &body).error(404);
    assert!(error["code"] == "DeploymentNotFound" || error["code"] == "model_not_found", "{error}");
    caller.get("/openai/v1/models/absent").error(404);
}

#[test]
fn paths_methods_and_types_that_do_not_fit_have_their_own_answers() {
    let caller = &shared().demo;
    for path in ["/openai", "/openai/deployments/gpt4o/nothing", "/admin/v1/tenants", "/metrics"] {
        let error = caller.get(path).error(404);
        assert_eq!(error["code"], "404", "{path}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("This path does not exist on this service"), "{message}");
    }
    // Paths of other services' APIs are refused by name, with an alternative.
    for (path, name) in [
        ("/openai/v1/evals", "The Evals API"),
        ("/v1/assistants", "The Assistants API"),
        ("/openai/vector_stores?api-version=2024-10-21", "The Vector Stores API"),
        ("/openai/deployments/gpt4o/images/generations", "The Images API"),
    ] {
        for reply in [caller.get(path), caller.post(path, &json!({}))] {
            let error = reply.error(404);
            assert_eq!(error["code"], "404", "{path}");
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with(&format!("{name}: not served here. ")), "{message}");
        }
    }
    let about = Request::get("/").send(caller.address);
    assert_eq!(about.status, 200);
    assert!(about.text().starts_with("Bailiwick: "), "{}", about.text());
    let reply = caller.get(&chat_path(CHAT));
    reply.error(405);
    let typed = |kind: &str| {
        let request = Request::post(&chat_path(CHAT), &caller.short()).key(&caller.key1);
        request.header("content-type", kind).send(caller.address)
    };
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
    {
        typed(kind).error(415);
    }
    for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        typed(kind).ok();
    }
}

/// `/v1/…` equals `/openai/v1/…`, receipts included.
#[test]
fn the_short_v1_paths_are_the_long_ones() {
    let caller = &shared().demo;
    let mut body = caller.short();
    body["model"] = json!(CHAT);
    let reply = caller.post("/v1/chat/completions", &body);
    reply.ok();
    let id = reply.header("x-request-id").unwrap();
    let long = caller.get(&format!("/openai/v1/receipts/{id}"));
    let short = caller.get(&format!("/v1/receipts/{id}"));
    assert_eq!((long.status, short.status), (200, 200));
    assert!(!long.body.is_empty() && !short.body.is_empty());
    assert_eq!(caller.get("/v1/models").ok(), caller.get("/openai/v1/models").ok());
    caller.post(&format!("/openai/v1/deployments/{CHAT}/chat/completions"), &caller.short()).ok();
}

#[test]
fn unknown_fields_are_named_as_openai_names_them() {
    let caller = &shared().demo;
    let mut body = caller.short();
    body["foo"] = json!(1);
    let error = caller.post(&chat_path(CHAT), &body).error(400);
    assert_eq!(error["message"], "Unknown parameter: 'foo'.");
    assert_eq!((&error["code"], &error["param"]), (&json!("unknown_parameter"), &json!("foo")));
    let body = json!({"messages": [{"role": "user", "content": "a", "foo": 1}]});
    let error = caller.post(&chat_path(CHAT), &body).error(400);
    assert_eq!(error["message"], "Unknown parameter: 'messages[0].foo'.");
}

#[test]
fn every_answer_carries_the_headers_that_clients_read() {
    let caller = &shared().demo;
    let request = Request::post(&chat_path(CHAT), &caller.short()).key(&caller.key1);
    let request = request.header("x-ms-client-request-id", "f3c1c9d8-0000-4000-8000-0123456789ab");
    let reply = request.send(caller.address);
    reply.ok();
    let header =
        |name: &str| reply.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", reply.headers));
    assert_eq!(header("x-ms-client-request-id"), "f3c1c9d8-0000-4000-8000-0123456789ab");
    assert_eq!(header("x-request-id"), header("apim-request-id"));
    assert_eq!(header("x-ms-region"), "local");
    for kind in ["requests", "tokens"] {
        for part in ["limit", "remaining", "reset"] {
            header(&format!("x-ratelimit-{part}-{kind}"));
        }
    }
    let limit: u64 = header("x-ratelimit-limit-tokens").parse().unwrap();
    let remaining: u64 = header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!(remaining < limit);
    assert_eq!(header("content-type"), "application/json");

    // Errors have unique ids, too.
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let reply = Request::get("/openai/v1/models").send(caller.address);
            reply.error(401);
            reply.header("x-request-id").unwrap().to_owned()
        })
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn models_are_listed_on_both_surfaces() {
    let caller = &shared().demo;
    for path in ["/openai/v1/models", "/openai/models?api-version=2024-10-21"] {
        let list = caller.get(path).ok();
        assert_eq!(list["object"], "list");
        let ids: Vec<_> =
            list["data"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
        assert!(ids.contains(&json!(CHAT)), "{list}");
    }
    let model = caller.get(&format!("/openai/v1/models/{CHAT}")).ok();
    assert_eq!((model["id"].as_str(), model["object"].as_str()), (Some(CHAT), Some("model")));
}
