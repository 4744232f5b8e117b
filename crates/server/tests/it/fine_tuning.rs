//! Fine-tuning from outside: a job over a small file, the model that it makes, its users, and the
//! proof that nothing else went in.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    process::{eventually, patiently, succeed},
    records::{Auditor, claims},
    sdk::program,
    service::{CHAT, Caller, Files, chat_path, say, shared},
};

const JOBS: &str = "/openai/v1/fine_tuning/jobs";
const CLASSIC: &str = "/openai/fine_tuning/jobs";
const VERSION: &str = "?api-version=2024-10-21";

/// A training file: short questions, each answered in one way.
fn examples(count: usize, marked: &str) -> String {
    let line = |n: usize| {
        let messages = json!([
            {"role": "user", "content": format!("What is number {n}? My order is {marked}.")},
            {"role": "assistant", "content": format!("Hear ye! It is {n}.")},
        ]);
        json!({ "messages": messages }).to_string()
    };
    (0..count).map(|n| line(n) + "\n").collect()
}

/// Uploads a file and returns its id.
fn upload(caller: &Caller, key: &str, purpose: &str, text: &str) -> String {
    let reply = uploaded(caller, key, purpose, text);
    reply.ok()["id"].as_str().unwrap().to_owned()
}

fn uploaded(caller: &Caller, key: &str, purpose: &str, text: &str) -> Reply {
    let body = format!(
        "--edge\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n\
         --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"train.jsonl\"\r\n\
         content-type: application/octet-stream\r\n\r\n{text}\r\n--edge--\r\n"
    );
    let request = Request::new("POST", "/openai/v1/files").bytes(body);
    let request = request.header("content-type", "multipart/form-data; boundary=edge");
    request.key(key).send(caller.address)
}

fn create(caller: &Caller, file: &str) -> Value {
    let body = json!({
        "model": CHAT, "training_file": file, "seed": 7, "suffix": "herald",
        "hyperparameters": {"n_epochs": 2, "batch_size": 4},
        "metadata": {"team": "heralds"},
    });
    caller.post(JOBS, &body).ok()
}

fn job(caller: &Caller, id: &str) -> Value {
    caller.get(&format!("{JOBS}/{id}")).ok()
}

/// Waits until a job ends, and returns it.
fn ended(caller: &Caller, id: &str) -> Value {
    patiently("the job ends", || {
        let job = job(caller, id);
        let ended = ["succeeded", "failed", "cancelled"].contains(&job["status"].as_str().unwrap());
        ended.then_some(job)
    })
}

fn deploy(files: &Files, resource: &str, model: &str, name: &str) -> Output {
    let arguments = ["deployment", "create", name, "--resource", resource, "--model", model];
    files.command().args(arguments).output().unwrap()
}

/// Asks a fine-tuned deployment; its worker starts with the first request.
fn ask(caller: &Caller, deployment: &str, key: &str, text: &str) -> Reply {
    let mut body = say(text);
    body["max_tokens"] = json!(12);
    body["temperature"] = json!(0);
    eventually("the worker is ready", || {
        let reply = Request::post(&chat_path(deployment), &body).key(key).send(caller.address);
        (reply.status != 503).then_some(reply)
    })
}

/// A job from its file to its model, and the model to its end.
#[test]
fn a_job_makes_a_model_for_its_resource_alone() {
    let service = &shared().service;
    // Digits: the content filter takes random letters for a suffix that breaks models.
    let canary: String = mark().bytes().map(|byte| char::from(b'0' + byte % 10)).collect();
    let caller = service.caller("tuner");
    let text = examples(12, &canary);
    let file = upload(&caller, &caller.key1, "fine-tune", &text);
    let made = create(&caller, &file);
    assert_eq!(made["object"], "fine_tuning.job");
    assert_eq!(made["status"], "validating_files");
    assert_eq!(made["metadata"]["team"], "heralds");
    let id = made["id"].as_str().unwrap();
    let done = ended(&caller, id);
    assert_eq!(done["status"], "succeeded", "{done}");
    let name = done["fine_tuned_model"].as_str().unwrap();
    assert!(name.starts_with("smollm2-135m.ft-") && name.ends_with("-herald"), "{name}");
    assert!(done["trained_tokens"].as_u64().unwrap() > 100, "{done}");

    // The reports: events, checkpoints, the file of results.
    let events = caller.get(&format!("{JOBS}/{id}/events?limit=100")).ok();
    let events = events["data"].as_array().unwrap();
    assert!(events.iter().any(|event| event["type"] == "metrics"), "{events:?}");
    assert!(events[0]["message"].as_str().unwrap().contains("completed"), "{:?}", events[0]);
    let checkpoints = caller.get(&format!("{JOBS}/{id}/checkpoints")).ok();
    assert_eq!(checkpoints["data"].as_array().unwrap().len(), 2, "{checkpoints}");
    let results = done["result_files"][0].as_str().unwrap();
    let csv = caller.get(&format!("/openai/v1/files/{results}/content")).text();
    assert!(csv.starts_with("step,train_loss,train_mean_token_accuracy,"), "{csv}");
    assert_eq!(csv.lines().count(), 7, "six steps: {csv}");

    // The model answers its own resource, also by the other key, and says so in the receipt.
    assert!(deploy(&service.files, "tuner", name, "herald").status.success());
    let reply = ask(&caller, "herald", &caller.key1, "What is number 3?");
    let answer = reply.ok();
    assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
    ask(&caller, "herald", &caller.key2, "What is number 4?").ok();
    let receipt = claims(&caller, &reply);
    assert_eq!(receipt["adapter"]["job"], id, "{receipt}");
    assert_eq!(
        receipt["adapter"]["sha256"], done["training_statement"]["adapter_sha256"],
        "{receipt}"
    );

    // For another tenant there is no such model.
    let rival = service.caller("rival");
    let refused = deploy(&service.files, "rival", name, "stolen");
    let missing = deploy(&service.files, "rival", "nothing", "stolen");
    assert_eq!(
        String::from_utf8_lossy(&refused.stderr).replace(name, "nothing"),
        String::from_utf8_lossy(&missing.stderr)
    );
    assert!(!refused.status.success());
    for path in [chat_path(name), chat_path("herald")] {
        assert_eq!(rival.post(&path, &say("hi")).error(404)["code"], "DeploymentNotFound");
    }
    let delete = Request::new("DELETE", &format!("/openai/v1/models/{name}"));
    let theirs = delete.clone().key(&rival.key1).send(rival.address);
    let none = Request::new("DELETE", "/openai/v1/models/nothing").key(&rival.key1);
    assert_eq!(theirs.error(404), none.send(rival.address).error(404));

    verified(&caller, &done, &text);
    service.files.assert_nowhere(&canary);

    // Deleted while it answers: the stream ends with an error.
    let mut body = say("Tell a long story.");
    (body["stream"], body["max_tokens"]) = (json!(true), json!(900));
    let stream = Request::post(&chat_path("herald"), &body).key(&caller.key1);
    let mut events = stream.open(caller.address).events();
    events.next().unwrap();
    let began = Instant::now();
    assert_eq!(delete.key(&caller.key1).send(caller.address).ok()["deleted"], true);
    let last = events.last().unwrap();
    assert!(last.get("error").is_some(), "{last}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let gone = ask(&caller, "herald", &caller.key1, "What is number 3?");
    assert_eq!(gone.error(404)["code"], "ModelNotFound");
}

/// The customer repeats the training from its own file, and gets the same adapter.
fn verified(caller: &Caller, job: &Value, text: &str) {
    let service = &shared().service;
    let auditor = Auditor::new(service);
    auditor.save("job.json", job.to_string().as_bytes());
    auditor.save("train.jsonl", text.as_bytes());
    let model = crate::process::model();
    let log = service.files.data().join("log");
    let arguments = [
        ["training", "--job", "job.json", "--file"].as_slice(),
        &["train.jsonl", "--base", model.to_str().unwrap(), "--log", log.to_str().unwrap()],
    ]
    .concat();
    let (good, said) = auditor.verify(&arguments);
    assert!(good && said.contains("nothing else went in"), "{said}");
    // Another file, one character longer.
    auditor.save("train.jsonl", format!("{text} ").as_bytes());
    let (good, said) = auditor.verify(&arguments);
    assert!(!good && said.contains("ANOTHER FILE"), "{said}");
    // Another adapter than the one that came out.
    auditor.save("train.jsonl", text.as_bytes());
    let mut forged = job.clone();
    forged["training_statement"]["adapter_sha256"] = json!("ab".repeat(32));
    auditor.save("job.json", forged.to_string().as_bytes());
    let (good, said) = auditor.verify(&arguments);
    assert!(!good && said.contains("ANOTHER ADAPTER"), "{said}");
    let _ = caller;
}

/// Nothing but the caller's own files with the purpose `fine-tune` goes into a training.
#[test]
fn a_job_reads_only_its_owners_training_files() {
    let service = &shared().service;
    let (caller, other) = (service.caller("reader"), service.caller("foreigner"));
    let text = examples(10, "");
    let theirs = upload(&other, &other.key1, "fine-tune", &text);
    let of_key2 = upload(&caller, &caller.key2, "fine-tune", &text);
    let batch = upload(
        &caller,
        &caller.key1,
        "batch",
        "{\"custom_id\":\"1\",\"method\":\"POST\",\"url\":\"/chat/completions\",\"body\":{}}\n",
    );
    let record = caller.post(&chat_path(CHAT), &caller.short());
    let request = record.header("x-request-id").unwrap();
    let ids = [
        "file-00000000000000000000000000000000",
        &theirs,
        &of_key2,
        &batch,
        request,
        "../../../etc/passwd",
        "/etc/passwd",
        "resp_00000000000000000000000000000000",
        "",
    ];
    let refused = |id: &str, field: &str| {
        let mut body = json!({"model": CHAT, "training_file": id});
        if field == "validation_file" {
            let own = upload(&caller, &caller.key1, "fine-tune", &text);
            body = json!({"model": CHAT, "training_file": own, "validation_file": id});
        }
        caller.post(JOBS, &body).error(404)
    };
    let first = refused(ids[0], "training_file");
    for id in ids {
        assert_eq!(refused(id, "training_file"), first, "{id}");
        assert_eq!(refused(id, "validation_file"), first, "{id}");
    }
    let own = upload(&caller, &caller.key1, "fine-tune", &text);
    let made = create(&caller, &own);
    let id = made["id"].as_str().unwrap();
    let post =
        |path: &str, key: &str| Request::post(path, &json!({})).key(key).send(caller.address);
    for key in [&other.key1, &caller.key2] {
        for path in ["", "/cancel", "/pause", "/resume", "/events", "/checkpoints"] {
            let path = format!("{JOBS}/{id}{path}");
            let get = !["cancel", "pause", "resume"].iter().any(|word| path.ends_with(word));
            let reply = if get {
                Request::get(&path).key(key).send(caller.address)
            } else {
                post(&path, key)
            };
            assert_eq!(reply.status, 404, "{path}: {}", reply.text());
        }
    }
    assert_eq!(post(&format!("{JOBS}/{id}/cancel"), &caller.key1).ok()["status"], "cancelled");
    let again = post(&format!("{JOBS}/{id}/resume"), &caller.key1).error(400);
    assert!(again["message"].as_str().unwrap().contains("cancelled"), "{again}");
}

/// A file that is not suitable fails the job, which says which lines are wrong.
#[test]
fn a_bad_file_fails_its_job_by_line() {
    let service = &shared().service;
    let caller = service.caller("careless");
    let fails = |text: &str| {
        let file = upload(&caller, &caller.key1, "fine-tune", text);
        let made = create(&caller, &file);
        let job = ended(&caller, made["id"].as_str().unwrap());
        assert_eq!(job["status"], "failed", "{job}");
        job["error"].clone()
    };
    let few = fails(&examples(9, ""));
    assert_eq!(few["code"], "invalid_n_examples", "{few}");
    let mut text = examples(10, "");
    text.push_str("{\"messages\":[{\"role\":\"user\",\"content\":\"canary\"}]}\n");
    let bad = fails(&text);
    assert_eq!(
        (&bad["code"], &bad["param"]),
        (&json!("invalid_training_file"), &json!("training_file"))
    );
    let message = bad["message"].as_str().unwrap();
    assert!(message.contains("line 11") && !message.contains("canary"), "{message}");
}

/// Azure's older surface: other statuses and words.
#[test]
fn the_classic_surface_has_its_own_words() {
    let service = &shared().service;
    let caller = service.caller("classic");
    let file = upload(&caller, &caller.key1, "fine-tune", &examples(10, ""));
    let body = json!({"model": CHAT, "training_file": file});
    let made = caller.post(&format!("{CLASSIC}{VERSION}"), &body);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), Some(format!("{CLASSIC}/{id}").as_str()));
    assert_eq!(made.json()["status"], "pending");
    let cancel = format!("{CLASSIC}/{id}/cancel{VERSION}");
    assert_eq!(caller.post(&cancel, &json!({})).ok()["status"], "cancelled");
    let delete = Request::new("DELETE", &format!("{CLASSIC}/{id}{VERSION}")).key(&caller.key1);
    assert_eq!(delete.send(caller.address).status, 204);
    assert_eq!(caller.get(&format!("{JOBS}/{id}")).status, 404);
    let long = json!({"model": CHAT, "training_file": file, "suffix": "a".repeat(41)});
    assert_eq!(caller.post(&format!("{CLASSIC}{VERSION}"), &long).error(400)["param"], "suffix");
}

/// OpenAI's own libraries, on both surfaces.
#[test]
fn with_openais_libraries() {
    let caller = shared().service.caller("sdk-fine-tuning");
    let url = format!("http://{}", caller.address);
    let python = ["-m", "unittest", "python/test_fine_tuning.py"];
    succeed(program("python", &url, &caller).args(python));
    succeed(program("node", &url, &caller).args(["--test", "js/fine_tuning.test.js"]));
}
