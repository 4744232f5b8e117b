//! Models with unusual or unusable chat templates, and models that cannot be loaded.

use std::{fs, path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    process::{eventually, model},
    service::{CHAT, Files, Service, chat_path, free_addresses, say},
};

/// The small model with another chat template, in a separate file.
fn with_template(files: &Files, name: &str, template: &str) -> PathBuf {
    let mut bytes = fs::read(model()).unwrap();
    let key = b"tokenizer.chat_template";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len() + 4;
    let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let length = usize::try_from(length).unwrap();
    // Of equal length, so that nothing else in the file moves.
    let padding = length - template.len() - 4;
    let template = format!("{template}{{#{}#}}", " ".repeat(padding));
    bytes[at + 8..at + 8 + length].copy_from_slice(template.as_bytes());
    let path = files.data().with_file_name(format!("{name}.gguf"));
    fs::write(&path, bytes).unwrap();
    path
}

/// Returns the error output of a failing command.
fn fail(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const NO_SYSTEM: &str = "{%- if messages[0].role == 'system' -%}{{ raise_exception('System role not supported') }}{%- endif -%}{%- for m in messages -%}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor -%}{{ '<|im_start|>assistant\n' }}";
const DATED: &str = "{{- '<|im_start|>system\n' + strftime_now('%d %B %Y') + '<|im_end|>\n' -}}{%- for m in messages -%}{{ m.role + '\n' + m.content }}{%- endfor -%}";
const TAGGED: &str = "{%- for m in messages -%}{%- if m.role == 'assistant' -%}{% generation %}{{ m.content }}{% endgeneration %}{%- else -%}{{ m.content }}{%- endif -%}{%- endfor -%}";
const PARTS: &str = "{%- for m in messages -%}{%- for part in m.content -%}{%- if part.type == 'text' -%}{{ part.text }}{%- endif -%}{%- endfor -%}{%- endfor -%}";

#[test]
fn a_model_is_added_with_what_its_template_can_do_or_not_at_all() {
    let files = Files::new();
    let add = |name: &str, template: &str| {
        let path = with_template(&files, name, template);
        let mut command = files.command();
        command.args(["model", "add", path.to_str().unwrap(), "--name", name, "--in-place"]);
        command
    };
    let shown = crate::process::succeed(&mut add("shown", NO_SYSTEM));
    assert!(shown.contains("system turns") && shown.contains("next user turn"), "{shown}");

    let dropping = fail(&mut add("dropping", "{% for m in messages %}{{ m.role }}{% endfor %}"));
    assert!(
        dropping.contains("it leaves out the content of a turn with the role `user`"),
        "{dropping}"
    );
    assert!(dropping.contains("gguf-new-metadata"), "says what to do: {dropping}");
    let broken = fail(&mut add("broken", "{% for %}"));
    assert!(broken.contains("not a Jinja template"), "{broken}");
    let raises = "{{ raise_exception({'a': 1, 'b': [1, 2]}|tojson ~ ' / ' ~ {'a': 1}|tojson) }}";
    let raises = fail(&mut add("raises", raises));
    assert!(raises.contains("{\"a\": 1, \"b\": [1, 2]} / {\"a\": 1}"), "{raises}");
    let views = files.cli(&["model", "list"]);
    assert_eq!(views.as_array().unwrap().len(), 2, "what was refused is not there: {views}");
}

#[test]
fn templates_that_others_work_around_serve() {
    let files = Files::new();
    files.cli(&["tenant", "create", "t"]);
    files.cli(&["resource", "create", "t", "--tenant", "t"]);
    for (name, template) in
        [("nosystem", NO_SYSTEM), ("dated", DATED), ("tagged", TAGGED), ("parts", PARTS)]
    {
        let path = with_template(&files, name, template);
        let added =
            files.cli(&["model", "add", path.to_str().unwrap(), "--name", name, "--in-place"]);
        assert_eq!(added["template"][0]["what"], "texts", "{added}");
        files.cli(&["deployment", "create", name, "--resource", "t", "--model", name]);
    }
    let caller = files.chat_caller("warm", "127.0.0.1:1".parse().unwrap(), &[]);
    let key = files.cli(&["key", "rotate", "t", "--key", "Key1"])["key"].clone();
    let settings =
        [("BAILIWICK_ENGINE__SEQUENCES", "1"), ("BAILIWICK_ENGINE__CONTEXT_TOKENS", "512")];
    let service = Service::begin(files, free_addresses(), &settings);
    service.wait_until_ready();
    drop(caller);
    let chat = |deployment: &str, body: &Value| -> Reply {
        Request::post(&chat_path(deployment), body).key(key.as_str().unwrap()).send(service.api)
    };
    let mut tools = say("Weather in Paris?");
    tools["max_tokens"] = json!(2);
    tools["tools"] = json!([{"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false}}}]);
    for name in ["nosystem", "dated", "tagged", "parts"] {
        let answer = chat(name, &tools).ok();
        assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 100, "{name}: {answer}");
        let count = |text: &str| {
            let mut body = say(text);
            body["max_tokens"] = json!(1);
            chat(name, &body).ok()["usage"]["prompt_tokens"].as_u64().unwrap()
        };
        assert!(count(&"word ".repeat(50)) > count("word") + 40, "{name}: the text counts");
    }
    // The name of a message's author reaches the model, too.
    let count =
        |body: &Value| chat("nosystem", body).ok()["usage"]["prompt_tokens"].as_u64().unwrap();
    let mut named = json!({"max_tokens": 1, "messages": [
        {"role": "user", "name": "alice", "content": "Who am I?"}]});
    let with = count(&named);
    named["messages"][0].as_object_mut().unwrap().remove("name");
    assert!(with > count(&named));
}

#[test]
fn a_model_that_cannot_load_is_failed_and_the_others_serve() {
    let files = Files::new();
    let path = files.data().with_file_name("gone.gguf");
    fs::copy(model(), &path).unwrap();
    files.cli(&["model", "add", path.to_str().unwrap(), "--name", "gone", "--in-place"]);
    fs::remove_file(&path).unwrap();
    let addresses = free_addresses();
    let caller = files.chat_caller("warm", addresses[0], &[]);
    let service = Service::begin(files, addresses, &[]);
    service.wait_until_ready();

    // With a running service, `create` waits, and reports why the model cannot be loaded.
    let create = ["deployment", "create", "broken", "--resource", "warm", "--model", "gone"];
    let said = fail(service.files.command().args(create));
    assert!(said.contains("cannot be loaded") && said.contains("cannot be opened"), "{said}");
    service.files.cli(&[
        "deployment",
        "create",
        "other",
        "--resource",
        "warm",
        "--model",
        "gone",
        "--no-wait",
    ]);

    let shown = service.files.cli(&["deployment", "show", "broken", "--resource", "warm"]);
    assert_eq!(shown["worker"]["state"], "failed", "{shown}");
    assert!(shown["worker"]["reason"].as_str().unwrap().contains("cannot be opened"), "{shown}");
    let managed = service.admin("/admin/v1/resources/warm/deployments/broken");
    assert_eq!(managed["worker"], shown["worker"]);
    let served = service.files.cli(&["deployment", "show", CHAT, "--resource", "warm"]);
    assert_eq!(served["worker"]["state"], "ready", "{served}");

    let ready = Request::get("/readyz").send(service.operations);
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert_eq!(ready.json()["failed"], json!(["gone/chat"]));

    let refused = caller.post(&chat_path("broken"), &caller.short());
    let error = refused.error(503);
    assert_eq!(error["code"], "ModelFailed", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("cannot be opened") && message.contains("does not help"), "{message}");
    assert!(!message.contains("gone.gguf"), "where the file lies is the operator's: {message}");
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert_eq!(refused.header("retry-after"), None);
    caller.post(&chat_path(CHAT), &caller.short()).ok();

    // Once the deployments are deleted, the failure is gone, too. A deployment shows no worker while
    // the service is stopped.
    for name in ["broken", "other"] {
        service.files.cli(&["deployment", "delete", name, "--resource", "warm"]);
    }
    eventually("nothing has failed", || {
        Request::get("/readyz").send(service.operations).json()["failed"].is_null().then_some(())
    });
    let files = service.into_files();
    let shown = files.cli(&["deployment", "show", CHAT, "--resource", "warm"]);
    assert!(shown["worker"].is_null(), "{shown}");
}
