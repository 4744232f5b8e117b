//! Batches from outside: their input, their end, and their state after a kill of the service.

use std::{collections::BTreeSet, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    process::{eventually, signal, succeed},
    sdk::program,
    service::{CHAT, Caller, EMBED, Files, Service, free_addresses, shared},
};

/// Uploads a file; returns the answer.
pub(crate) fn upload(caller: &Caller, key: &str, purpose: &str, text: &str) -> Reply {
    let edge = "edge-of-a-form";
    let form = format!(
        "--{edge}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n\
         --{edge}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lines.jsonl\"\r\n\
         Content-Type: application/jsonl\r\n\r\n{text}\r\n--{edge}--\r\n"
    );
    Request::new("POST", "/openai/v1/files")
        .bytes(form)
        .header("content-type", &format!("multipart/form-data; boundary={edge}"))
        .key(key)
        .send(caller.address)
}

fn input(caller: &Caller, text: &str) -> String {
    upload(caller, &caller.key1, "batch", text).ok()["id"].as_str().unwrap().to_owned()
}

fn begin(caller: &Caller, key: &str, input: &str, endpoint: &str) -> Reply {
    let body = json!({
        "input_file_id": input, "endpoint": endpoint, "completion_window": "24h",
        "metadata": {"job": "nightly"},
    });
    Request::post("/openai/v1/batches", &body).key(key).send(caller.address)
}

pub(crate) fn started(caller: &Caller, text: &str, endpoint: &str) -> String {
    let batch = begin(caller, &caller.key1, &input(caller, text), endpoint).ok();
    assert_eq!((&batch["status"], &batch["object"]), (&json!("validating"), &json!("batch")));
    batch["id"].as_str().unwrap().to_owned()
}

fn look(caller: &Caller, batch: &str) -> Value {
    caller.get(&format!("/openai/v1/batches/{batch}")).ok()
}

/// Waits until the batch has ended.
pub(crate) fn ended(caller: &Caller, batch: &str) -> Value {
    eventually("the batch ends", || {
        let now = look(caller, batch);
        let status = now["status"].as_str().unwrap();
        let over = ["completed", "failed", "expired", "cancelled"].contains(&status);
        over.then_some(now)
    })
}

pub(crate) fn content(caller: &Caller, file: &Value) -> Vec<Value> {
    let id = file.as_str().unwrap_or_else(|| panic!("no file: {file}"));
    let reply = caller.get(&format!("/openai/v1/files/{id}/content"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn line(id: &str, url: &str, body: &Value) -> String {
    json!({"custom_id": id, "method": "POST", "url": url, "body": body}).to_string() + "\n"
}

fn chat(id: &str, text: &str) -> String {
    let body = json!({
        "model": CHAT, "max_tokens": 3, "messages": [{"role": "user", "content": text}],
    });
    line(id, "/v1/chat/completions", &body)
}

/// Each line has its answer, its receipt and its part of the usage; a bad line is in the error file.
#[test]
fn a_batch_of_each_kind_runs_to_its_end() {
    let caller = shared().service.caller("batched");
    let mut text = format!("\u{feff}{}\r\n{}", chat("a", "hi").trim_end(), chat("b", "ho"));
    let bad =
        json!({"model": CHAT, "messages": [{"role": "user", "content": "x"}], "temperature": 9});
    text += &line("c", "/chat/completions", &bad);
    let batch = started(&caller, &text, "/chat/completions");
    let over = ended(&caller, &batch);
    assert_eq!(over["status"], "completed", "{over}");
    assert_eq!(over["request_counts"], json!({"total": 3, "completed": 2, "failed": 1}));
    assert_eq!(over["metadata"]["job"], "nightly");
    assert!(over["usage"]["output_tokens"].as_u64().unwrap() >= 2, "{over}");
    for at in ["in_progress_at", "finalizing_at", "completed_at", "expires_at"] {
        assert!(over[at].is_u64(), "{at}: {over}");
    }
    let output = content(&caller, &over["output_file_id"]);
    let names: BTreeSet<&str> =
        output.iter().map(|one| one["custom_id"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b"].into());
    for one in &output {
        assert_eq!(one["response"]["status_code"], 200, "{one}");
        assert_eq!(one["response"]["body"]["object"], "chat.completion");
        let request = one["response"]["request_id"].as_str().unwrap();
        let receipt = caller.get(&format!("/openai/v1/receipts/{request}"));
        assert_eq!(receipt.status, 200, "{}", receipt.text());
    }
    let errors = content(&caller, &over["error_file_id"]);
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (&errors[0]["custom_id"], &errors[0]["response"]["status_code"]),
        (&json!("c"), &json!(400))
    );

    let body = json!({"model": EMBED, "input": "hi"});
    let batch = started(&caller, &line("e", "/v1/embeddings", &body), "/v1/embeddings");
    let over = ended(&caller, &batch);
    let output = content(&caller, &over["output_file_id"]);
    assert!(output[0]["response"]["body"]["data"][0]["embedding"].is_array(), "{over}");
    let body = json!({"model": CHAT, "prompt": "hi", "max_tokens": 2});
    let batch = started(&caller, &line("p", "/v1/completions", &body), "/v1/completions");
    let over = ended(&caller, &batch);
    assert_eq!(
        content(&caller, &over["output_file_id"])[0]["response"]["body"]["object"],
        "text_completion"
    );

    let list = caller.get("/openai/v1/batches?limit=2").ok();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["has_more"]), (2, &json!(true)));
}

#[test]
fn a_bad_input_fails_with_the_numbers_of_its_lines() {
    let caller = shared().service.caller("badly-batched");
    let other = json!({"model": "canary-deployment", "messages": []});
    for (text, code, at) in [
        (chat("a", "x") + &line("b", "/v1/chat/completions", &other), "model_mismatch", json!(2)),
        (line("a", "/v1/chat/completions", &other), "model_not_found", json!(1)),
        (chat("a", "x") + &chat("a", "y"), "duplicate_custom_id", json!(2)),
        (line("a", "/v1/embeddings", &other), "url_mismatch", json!(1)),
    ] {
        let over = ended(&caller, &started(&caller, &text, "/v1/chat/completions"));
        assert_eq!(over["status"], "failed", "{over}");
        let error = &over["errors"]["data"][0];
        assert_eq!((&error["code"], &error["line"]), (&json!(code), &at), "{over}");
        assert!(!over["errors"].to_string().contains("canary"), "{over}");
        assert!(over["output_file_id"].is_null());
    }
}

/// A thing that may not be used does not exist: in the same words.
#[test]
fn files_of_others_and_paths_are_missing_files() {
    let shared = shared();
    let (caller, other) =
        (shared.service.caller("batcher"), shared.service.caller("batcher-beside"));
    let theirs = input(&other, &chat("a", "x"));
    let mine = input(&caller, &chat("a", "x"));
    let endpoint = "/v1/chat/completions";
    let missing = begin(&caller, &caller.key1, "file-00000000000000000000000000000000", endpoint);
    assert_eq!(missing.status, 404, "{}", missing.text());
    for (key, id) in [
        (&caller.key1, theirs.as_str()),
        (&caller.key2, mine.as_str()),
        (&caller.key1, "../../etc/passwd"),
        (&caller.key1, "batch_00000000000000000000000000000000"),
        (&caller.key1, ""),
    ] {
        let reply = begin(&caller, key, id, endpoint);
        assert_eq!((reply.status, reply.text()), (404, missing.text()), "{id}");
    }
    let example = json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]});
    let training = upload(&caller, &caller.key1, "fine-tune", &(example.to_string() + "\n")).ok();
    let reply = begin(&caller, &caller.key1, training["id"].as_str().unwrap(), endpoint);
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert_eq!(reply.json()["error"]["param"], "input_file_id");

    let batch = started(&caller, &chat("a", "x"), endpoint);
    let path = format!("/openai/v1/batches/{batch}");
    for key in [&other.key1, &caller.key2] {
        let reply = Request::get(&path).key(key).send(caller.address);
        assert_eq!(reply.status, 404, "{}", reply.text());
        let cancel = Request::post(&format!("{path}/cancel"), &json!({})).key(key);
        assert_eq!(cancel.send(caller.address).status, 404);
    }
    ended(&caller, &batch);
}

/// Lines that have run stay; the others are named in the error file.
#[test]
fn a_cancelled_batch_keeps_what_has_run() {
    let caller = shared().service.caller("canceller");
    let text: String = (0..2_000).map(|at| chat(&format!("l{at}"), "hi")).collect();
    let batch = started(&caller, &text, "/v1/chat/completions");
    eventually("some lines have run", || {
        (look(&caller, &batch)["request_counts"]["completed"].as_u64()? >= 2).then_some(())
    });
    let cancel = caller.post(&format!("/openai/v1/batches/{batch}/cancel"), &json!({})).ok();
    assert_eq!(cancel["status"], "cancelling");
    let over = ended(&caller, &batch);
    assert_eq!(over["status"], "cancelled", "{over}");
    let ran = content(&caller, &over["output_file_id"]).len();
    let not = content(&caller, &over["error_file_id"]);
    assert_eq!(ran + not.len(), 2_000);
    assert!(not.iter().all(|one| one["error"]["code"] == "batch_cancelled"), "{}", not[0]);
    assert!(ran >= 2);
}

/// Each line has exactly one result and one receipt, however often the service is killed.
#[test]
fn a_killed_service_runs_each_line_once() {
    const LINES: usize = 60;
    let mut files = Files::new();
    let addresses = free_addresses();
    let caller = files.chat_caller("killed", addresses[0], &[]);
    let mut batch = String::new();
    let mut kills = 0;
    loop {
        let mut service = Service::begin(files, addresses, &[]);
        service.wait_until_ready();
        if batch.is_empty() {
            let text: String =
                (0..LINES).map(|at| chat(&format!("l{at}"), "the canary of a line")).collect();
            batch = started(&caller, &text, "/v1/chat/completions");
        }
        let before = look(&caller, &batch)["request_counts"]["completed"].as_u64().unwrap();
        eventually("it goes on", || {
            let now = look(&caller, &batch);
            let over = now["status"] == "completed";
            let ran = now["request_counts"]["completed"].as_u64().unwrap();
            (over || ran >= before + 7).then_some(())
        });
        if look(&caller, &batch)["status"] == "completed" {
            check_once(&service, &caller, &batch, LINES);
            assert!(kills >= 3, "only {kills} kills");
            return;
        }
        // At any moment of a line, or of the writing of the files.
        thread::park_timeout(Duration::from_millis(37 * (kills % 5)));
        signal("KILL", service.process.pid);
        service.process.wait();
        kills += 1;
        files = service.into_files();
    }
}

fn check_once(service: &Service, caller: &Caller, batch: &str, lines: usize) {
    let over = look(caller, batch);
    let output = content(caller, &over["output_file_id"]);
    let of = |field: &str| -> BTreeSet<String> {
        let texts = output.iter().map(|one| match field {
            "custom_id" => one["custom_id"].as_str().unwrap(),
            _ => one["response"]["request_id"].as_str().unwrap(),
        });
        texts.map(str::to_owned).collect()
    };
    assert_eq!((output.len(), of("custom_id").len()), (lines, lines));
    let requests = of("request_id");
    assert_eq!(requests.len(), lines);
    for request in &requests {
        let receipt = caller.get(&format!("/openai/v1/receipts/{request}"));
        assert_eq!(receipt.status, 200, "{}", receipt.text());
    }
    // No other receipt names a line: as many requests as results were charged.
    let usage = service.admin("/admin/v1/usage?resource=killed");
    let counted = usage.to_string();
    assert!(counted.contains("requests") || counted.contains("usage"), "{counted}");
    service.files.assert_nowhere("the canary of a line");
}

#[test]
fn sdk_python() {
    let caller = shared().service.caller("batch-python");
    let url = format!("http://{}", caller.address);
    succeed(program("python", &url, &caller).args(["-m", "unittest", "python/test_batches.py"]));
}

#[test]
fn sdk_javascript() {
    let caller = shared().service.caller("batch-javascript");
    let url = format!("http://{}", caller.address);
    succeed(program("node", &url, &caller).args(["--test", "js/batches.test.js"]));
}
