//! Errors and headers, to the byte where clients look.

use serde_json::json;

use crate::{
    client::Request,
    service::{CHAT, chat_path, embeddings_path, shared},
};

#[test]
fn a_wrong_key_is_azures_401() {
    let caller = &shared().demo;
    let body = json!({"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}});
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
        // Without a key, nobody learns which deployments exist.
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
    let expected = json!({"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}});
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
    for path in [
        "/",
        "/openai",
        "/openai/v1/assistants",
        "/openai/deployments/gpt4o/nothing",
        "/admin/v1/tenants",
        "/metrics",
    ] {
        let reply = caller.get(path);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text());
    }
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

    // Errors have ids too, each its own; what a client may not inject stays out.
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
