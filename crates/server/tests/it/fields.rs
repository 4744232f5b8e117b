//! Fields that OpenAI's clients and others send. Fields without effect are named in the answer and
//! in the receipt; llama.cpp's fields work; a request that waiting cannot help is not asked to
//! retry.

use std::fs;

use serde_json::{Value, json};

use crate::{
    client::Reply,
    process::model,
    records::{Auditor, claims},
    service::{
        CHAT, Caller, DeploymentLimits, EMBED, Files, Service, chat_path, embeddings_path,
        free_addresses, say, shared,
    },
};

const NO_EFFECT: &str = "x-bailiwick-no-effect";

/// A body that VS Code sends with a custom model.
fn vs_code() -> Value {
    json!({"model": CHAT, "messages": [
        {"role": "system", "content": "brief", "copilot_cache_control": {"type": "ephemeral"}},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 10})
}

/// A body that Open WebUI sends with its advanced parameters.
fn open_webui() -> Value {
    json!({"model": CHAT, "messages": [{"role": "system", "content": "brief"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 10,
        "top_k": 40, "min_p": 0.05, "repeat_penalty": 1.1})
}

/// A body that Continue sends for code between two pieces of code.
fn continue_middle(model: &str) -> Value {
    json!({"model": model, "prompt": "def f(", "suffix": "return 1", "max_tokens": 8, "stream": true})
}

#[test]
fn fields_without_effect_are_named_in_the_answer_and_in_the_receipt() {
    let shared = shared();
    let (caller, auditor) = (&shared.demo, Auditor::new(&shared.service));
    let mut everything = caller.short();
    everything["reasoning_effort"] = json!("high");
    everything["service_tier"] = json!("priority");
    everything["prompt_cache_key"] = json!("canary");
    everything["prompt_cache_options"] = json!({"mode": "explicit", "ttl": "30m"});
    let hints = "reasoning_effort, service_tier, prompt_cache_key, prompt_cache_options";
    let completion = json!({"model": CHAT, "prompt": "a", "max_tokens": 2, "verbosity": "low"});
    let embedding = json!({"input": "a", "prompt_cache_key": "canary"});
    for (path, body, named) in [
        ("/openai/v1/chat/completions", vs_code(), "messages[0].copilot_cache_control"),
        ("/v1/chat/completions", vs_code(), "messages[0].copilot_cache_control"),
        (&chat_path(CHAT), vs_code(), "messages[0].copilot_cache_control"),
        (&chat_path(CHAT), everything, hints),
        ("/openai/v1/completions", completion, "verbosity"),
        (&embeddings_path(EMBED), embedding, "prompt_cache_key"),
    ] {
        let reply = caller.post(path, &body);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.header(NO_EFFECT), Some(named), "{path}");
        assert!(!format!("{:?}", reply.headers).contains("canary"));
        let paths: Vec<_> = named.split(", ").collect();
        assert_eq!(claims(caller, &reply)["no_effect"], json!(paths), "{path}");
        // The names are signed and in the log.
        let (good, text) = auditor.check(caller, &body, &reply);
        assert!(good, "{text}");
        assert!(text.contains(&format!("no effect   {named}\n")), "{text}");
    }
    // Without such fields there is no header.
    let mut plain = caller.short();
    plain["service_tier"] = json!("auto");
    let reply = caller.post(&chat_path(CHAT), &plain);
    assert_eq!(reply.ok()["service_tier"], "default");
    assert_eq!(reply.header(NO_EFFECT), None);
    assert_eq!(claims(caller, &reply)["no_effect"], json!([]));
    let (good, text) = auditor.check(caller, &plain, &reply);
    assert!(good && !text.contains("no effect"), "{text}");
}

#[test]
fn an_answer_says_which_tier_served_it() {
    let caller = &shared().demo;
    let mut body = caller.short();
    body["service_tier"] = json!("flex");
    assert_eq!(caller.post(&chat_path(CHAT), &body).ok()["service_tier"], "default");
    body["stream"] = json!(true);
    let events = caller.post(&chat_path(CHAT), &body).events();
    assert!(events.iter().all(|event| event["service_tier"] == "default"), "{events:?}");
    let events = caller.post(&chat_path(CHAT), &vs_code()).events();
    assert!(events.iter().all(|event| event.get("service_tier").is_none()), "{events:?}");
}

#[test]
fn images_and_sounds_are_refused_by_name_where_the_model_reads_none() {
    let caller = &shared().demo;
    let image =
        json!({"type": "image_url", "image_url": {"url": "data:image/gif;base64,R0lGODlh"}});
    let sound =
        json!({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}});
    for part in [image, sound] {
        let mut body = caller.short();
        let text = json!({"type": "text", "text": "hi"});
        body["messages"] = json!([{"role": "user", "content": [text, part]}]);
        let error = caller.post(&chat_path(CHAT), &body).error(400);
        assert_eq!(error["code"], "unsupported_parameter", "{error}");
        assert_eq!(error["param"], "messages[0].content[1].type", "{error}");
    }
    // A URL is never fetched, by no deployment.
    let mut body = caller.short();
    let remote = json!({"type": "image_url", "image_url": {"url": "https://canary.example/a.png"}});
    body["messages"] = json!([{"role": "user", "content": [remote]}]);
    let error = caller.post(&chat_path(CHAT), &body).error(400);
    assert_eq!(error["param"], "messages[0].content[0].image_url.url", "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[test]
fn an_operator_may_refuse_fields_without_effect() {
    let service = Service::start(&[("BAILIWICK_REQUESTS__NO_EFFECT_FIELDS", "refuse")]);
    let caller = service.caller("strict");
    let error = caller.post(&chat_path(CHAT), &vs_code()).error(400);
    assert_eq!(error["param"], "messages[0].copilot_cache_control");
    assert_eq!(error["code"], "unsupported_parameter");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("requests.no_effect_fields"), "{message}");
    let embedding = json!({"input": "a", "prompt_cache_key": "canary"});
    let error = caller.post(&embeddings_path(EMBED), &embedding).error(400);
    assert_eq!(error["param"], "prompt_cache_key");
    let completion = json!({"model": CHAT, "prompt": "a", "reasoning_effort": "low"});
    let error = caller.post("/openai/v1/completions", &completion).error(400);
    assert_eq!(error["param"], "reasoning_effort");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
}

#[test]
fn samplings_of_llama_cpp_change_the_answer() {
    let caller = &shared().demo;
    let events = caller.post("/openai/v1/chat/completions", &open_webui()).events();
    assert!(events.last().unwrap()["usage"]["completion_tokens"].as_u64().unwrap() > 0);

    let chat =
        |fields: Value| answer_with(caller, &chat_path(CHAT), &say("Name a colour."), fields);
    let completion = json!({"model": CHAT, "prompt": "1 1 1 1 1 1 1 1 1 1 1 1"});
    let complete =
        |fields: Value| answer_with(caller, "/openai/v1/completions", &completion, fields);
    let cold = json!({"temperature": 0});
    for seed in 0..3 {
        for one in [json!({"top_k": 1}), json!({"min_p": 1})] {
            let mut hot = json!({"temperature": 2, "seed": seed});
            hot.as_object_mut().unwrap().extend(one.as_object().unwrap().clone());
            assert_eq!(chat(hot.clone()), chat(cold.clone()), "{hot}");
            assert_eq!(complete(hot.clone()), complete(cold.clone()), "{hot}");
        }
        let hot = json!({"temperature": 2, "seed": seed});
        assert_ne!(chat(hot.clone()), chat(cold.clone()), "{hot}");
    }
    // The prompt's tokens count as repeated, too.
    let repeated = complete(cold.clone());
    assert!(repeated.contains("1 1 1"), "it repeats: {repeated}");
    let penalised = complete(json!({"temperature": 0, "repeat_penalty": 2}));
    assert!(!penalised.contains("1 1"), "{penalised}");
    assert_eq!(complete(json!({"temperature": 0, "repeat_penalty": 1})), repeated);
}

fn answer_with(caller: &Caller, path: &str, body: &Value, fields: Value) -> String {
    let mut body = body.clone();
    body["max_tokens"] = json!(8);
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let choice = caller.post(path, &body).ok()["choices"][0].clone();
    let text = choice["text"].as_str().or(choice["message"]["content"].as_str());
    text.unwrap().to_owned()
}

/// The small model, with three of its control tokens renamed to those for filling in the middle.
fn filler(files: &Files) -> String {
    let mut bytes = fs::read(model()).unwrap();
    let mut metadata = Vec::new();
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    };
    for (mark, token) in [("pre", 11_u32), ("suf", 12), ("mid", 13)] {
        text(&mut metadata, &format!("tokenizer.ggml.fim_{mark}_token_id"));
        metadata.extend(4_u32.to_le_bytes());
        metadata.extend(token.to_le_bytes());
    }
    text(&mut metadata, "general.description");
    metadata.extend(8_u32.to_le_bytes());
    // Padded so that the weights stay aligned.
    let length = (metadata.len() + 8).next_multiple_of(32) - (metadata.len() + 8);
    text(&mut metadata, &" ".repeat(length));
    let count = u64::from_le_bytes(bytes[16..24].try_into().unwrap()) + 4;
    bytes[16..24].copy_from_slice(&count.to_le_bytes());
    bytes.splice(24..24, metadata);
    let path = files.data().with_file_name("filler.gguf");
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn code_is_filled_in_where_the_model_can() {
    let files = Files::new();
    let addresses = free_addresses();
    let caller = files.chat_caller("editor", addresses[0], &[]);
    files.cli(&["model", "add", &filler(&files), "--name", "filler", "--in-place"]);
    files.cli(&["deployment", "create", "fim", "--resource", "editor", "--model", "filler"]);
    let service = Service::begin(files, addresses, &[("BAILIWICK_LOG__LEVEL", "trace")]);
    service.wait_until_ready();
    let complete = |body: &Value| -> Reply { caller.post("/openai/v1/completions", body) };
    let tokens = |reply: &Reply| reply.ok()["usage"]["prompt_tokens"].as_u64().unwrap();

    let events = complete(&continue_middle("fim")).events();
    let reason = events.last().unwrap()["choices"][0]["finish_reason"].clone();
    assert!(reason == "length" || reason == "stop", "{events:?}");

    let plain =
        |text: &str| tokens(&complete(&json!({"model": "fim", "prompt": text, "max_tokens": 1})));
    let mark = crate::canary::mark();
    let suffix = format!("return {mark}");
    let body = json!({"model": "fim", "prompt": "def f(", "suffix": suffix, "max_tokens": 8, "temperature": 0});
    let reply = complete(&body);
    assert_eq!(tokens(&reply), plain("def f(") + plain(&suffix) + 3, "prompt and suffix count");
    // The model sees the suffix.
    let mut other = body.clone();
    other["suffix"] = json!("");
    assert_eq!(tokens(&complete(&other)), plain("def f("));
    other["suffix"] = json!("x = 12345\n".repeat(20));
    assert_ne!(complete(&other).ok()["choices"], reply.json()["choices"]);
    // Names of control tokens in the suffix stay text.
    other["suffix"] = json!("<jupyter_code>");
    assert!(tokens(&complete(&other)) > plain("def f(") + 3 + 2);

    let error = complete(&continue_middle(CHAT)).error(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("unsupported_parameter"), &json!("suffix"))
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("in the middle") && message.contains("Leave 'suffix' out"),
        "{message}"
    );
    let mut refused = body.clone();
    refused["model"] = json!(CHAT);
    assert!(!complete(&refused).text().contains(&mark));

    let log = service.files.log();
    assert!(log.contains("TRACE"), "the log is not at trace level");
    assert!(crate::canary::found_in(log.as_bytes(), &mark).is_empty(), "in the log");
    for file in service.files.all() {
        let held = fs::read(&file).unwrap();
        assert!(crate::canary::found_in(&held, &mark).is_empty(), "in {}", file.display());
    }
}

#[test]
fn what_no_waiting_helps_is_no_429() {
    let service = &shared().service;
    let caller = service.caller("fields-limits");
    let limits = DeploymentLimits { requests: 2, tokens: 300 };
    service.deployment(&caller, "small", "chat", Some(limits));
    let chat = |fields: Value| {
        let mut body = say("hi");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        caller.post(&chat_path("small"), &body)
    };
    // More than the context holds: the error names the model's limit, and comes first.
    let error = chat(json!({"max_tokens": 1_000_000})).error(400);
    assert_eq!(error["param"], "max_tokens");
    assert!(error["message"].as_str().unwrap().contains("this model supports at most"), "{error}");
    // More than any minute allows; also when the minute's requests are used up.
    for (fields, param) in [
        (json!({"max_tokens": 301}), "max_tokens"),
        (json!({"max_completion_tokens": 301}), "max_completion_tokens"),
        (json!({"max_tokens": 100, "n": 4}), "max_tokens"),
        (json!({"n": 2}), "max_tokens"),
        (json!({"max_tokens": 400, "stream": true}), "max_tokens"),
    ] {
        let reply = chat(fields.clone());
        let error = reply.error(400);
        assert_eq!((&error["code"], &error["param"]), (&json!("request_too_large"), &json!(param)));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("300 tokens per minute"), "{fields}: {message}");
        assert!(message.contains("Send a smaller 'max_tokens'"), "{message}");
        assert_eq!(reply.header("retry-after"), None);
    }
    // A request that fits in a full minute is asked to retry later.
    let reply = chat(json!({"max_tokens": 200}));
    reply.error(429);
    assert!(reply.header("retry-after").is_some());

    let limits = DeploymentLimits { requests: 100, tokens: 300 };
    service.deployment(&caller, "embeds", "embeddings", Some(limits));
    let inputs = vec!["word ".repeat(100); 3];
    let error = caller.post(&embeddings_path("embeds"), &json!({"input": inputs})).error(400);
    assert_eq!((&error["code"], &error["param"]), (&json!("request_too_large"), &json!("input")));
    let completion = json!({"model": "small", "prompt": ["a", "b"], "max_tokens": 200});
    let error = caller.post("/openai/v1/completions", &completion).error(400);
    assert_eq!(error["code"], "request_too_large");
}

/// A request reserves at most the tokens that it can use: its answers end at the context's limit.
#[test]
fn no_more_is_reserved_than_the_context_holds() {
    let service = &shared().service;
    let caller = service.caller("fields-reserved");
    let limits = DeploymentLimits { requests: 100, tokens: 1024 };
    service.deployment(&caller, "context", "chat", Some(limits));
    let mut body = say(&"word ".repeat(50));
    // The context length of these tests' models.
    body["max_tokens"] = json!(1024);
    body["stop"] = json!([" ", "!", "."]);
    caller.post(&chat_path("context"), &body).ok();
    caller.post(&chat_path("context"), &body).error(429);
}
