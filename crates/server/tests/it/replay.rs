//! The service understands every request in `tests/clients`, as real clients sent it.

use std::{
    fs, iter,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    client::Request,
    service::{Caller, EMBED, Service, chat_path, say, shared},
};

/// One recorded request.
struct Recorded {
    name: String,
    json: Value,
}

impl Recorded {
    fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let mut all: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| {
                let file = file.unwrap();
                let json = serde_json::from_slice(&fs::read(file.path()).unwrap()).unwrap();
                Self { name: file.file_name().into_string().unwrap(), json }
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The parts in which requests differ.
    fn essence(&self) -> [&Value; 3] {
        [&self.json["path"], &self.json["query"], &self.json["body"]]
    }

    /// The request with this service's key instead of the recorded one.
    fn request(&self, caller: &Caller) -> Request {
        let text = |name: &str| self.json[name].as_str().unwrap().to_owned();
        let query = self.json["query"].as_object().unwrap().iter();
        let query: Vec<_> = query
            .flat_map(|(name, values)| values.as_array().unwrap().iter().map(move |v| (name, v)))
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap()))
            .collect();
        let path = match query.is_empty() {
            true => text("path"),
            false => format!("{}?{}", text("path"), query.join("&")),
        };
        let mut request = Request::new(&text("method"), &path);
        if !self.json["body"].is_null() {
            request = request.bytes(self.json["body"].to_string());
        }
        for header in self.json["headers"].as_array().unwrap() {
            let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
            request = match name.to_ascii_lowercase().as_str() {
                // Headers of the connection come from this client.
                "host" | "connection" | "content-length" => request,
                "api-key" => request.header(name, &caller.key1),
                "authorization" => request.header(name, &format!("Bearer {}", caller.key1)),
                _ => request.header(name, value),
            };
        }
        request
    }
}

/// Number of simultaneous requests: as many as the service has sequences.
const TOGETHER: usize = 8;

#[test]
fn every_recorded_request_is_understood() {
    // These requests set no limit, and the small model rambles: a small context bounds the answers.
    let service = Service::start(&[("BAILIWICK_ENGINE__CONTEXT_TOKENS", "256")]);
    let caller = &service.caller_of_recorded("recorded");
    let mut all = Recorded::all();
    assert!(all.len() > 70, "only {} recorded requests", all.len());
    // Many requests were recorded while the server failed on purpose; the client then repeated the
    // same request with another counter.
    all.dedup_by(|a, b| a.essence() == b.essence());
    let next = AtomicUsize::new(0);
    let work = || {
        let take = || all.get(next.fetch_add(1, Ordering::Relaxed));
        iter::from_fn(take).filter_map(|recorded| replay(recorded, caller).err()).collect()
    };
    let failures: Vec<Vec<String>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..TOGETHER).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let failures = failures.concat();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Sends one recorded request and checks the parts of the answer that its client reads.
fn replay(recorded: &Recorded, caller: &Caller) -> Result<(), String> {
    let name = &recorded.name;
    let reply = recorded.request(caller).send(caller.address);
    if name == "rs-async-openai.4.json" {
        // It requests embeddings from a chat deployment: understood, and refused for that reason.
        let code = &reply.error(400)["code"];
        return if code == "OperationNotSupported" { Ok(()) } else { Err(code.to_string()) };
    }
    if reply.status != 200 {
        return Err(format!("{name}: {} {}", reply.status, reply.text()));
    }
    let body = &recorded.json["body"];
    let path = recorded.json["path"].as_str().unwrap();
    let fine = if path.ends_with("/responses") {
        let text = reply.text();
        let last = text.trim_end().rsplit("data: ").next().unwrap_or_default();
        let answer: Value = serde_json::from_str(last).unwrap_or_default();
        let response = if body["stream"] == true { &answer["response"] } else { &answer };
        // The small model rambles: the filter may end its answer.
        let filtered = response["incomplete_details"]["reason"] == "content_filter";
        let said = response["output"][0]["type"] == "message";
        response["object"] == "response" && (said || filtered)
    } else if body["stream"] == true {
        let events = reply.events();
        let content = |event: &Value| event["choices"][0]["delta"]["content"].is_string();
        let asked = body["stream_options"]["include_usage"] == true;
        let told = events.last().unwrap()["usage"]["total_tokens"].is_u64();
        events.iter().any(content) && asked == told
    } else if path.ends_with("/chat/completions") {
        // SDKs build typed objects from these fields, including `refusal`.
        let message = &reply.json()["choices"][0]["message"];
        message["role"] == "assistant" && message.get("refusal").is_some()
    } else if path.ends_with("/embeddings") {
        let vector = &reply.json()["data"][0]["embedding"];
        vector.is_string() == (body["encoding_format"] == "base64")
    } else {
        true
    };
    if fine { Ok(()) } else { Err(format!("{name}: {}", reply.text())) }
}

/// The api-version is optional on every path, and v1 takes `v1` and `preview`.
#[test]
fn api_versions_are_optional_and_later_ones_are_accepted() {
    let caller = &shared().demo;
    let base = "/openai/deployments/gpt4o/chat/completions";
    for version in ["", "?api-version=2024-10-21", "?api-version=2025-04-01-preview"] {
        caller.post(&format!("{base}{version}"), &caller.short()).ok();
    }
    for version in ["", "?api-version=v1", "?api-version=preview"] {
        let mut body = caller.short();
        body["model"] = "gpt4o".into();
        caller.post(&format!("/openai/v1/chat/completions{version}"), &body).ok();
    }
    caller.post(&format!("{base}?api-version=yesterday"), &say("hi")).error(400);
}

/// The body's `model` is ignored if the path names the deployment, even if it is null or wrong.
#[test]
fn the_path_names_the_deployment() {
    let caller = &shared().demo;
    for model in [Value::Null, "no-such-model".into()] {
        let mut body = caller.short();
        body["model"] = model;
        caller.post(&chat_path("gpt4o"), &body).ok();
    }
    // A chat request to an embeddings deployment gets its own error.
    let error = caller.post(&chat_path(EMBED), &caller.short()).error(400);
    assert_eq!(error["code"], "OperationNotSupported");
}
