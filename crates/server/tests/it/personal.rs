//! Personal data does not leave: an engine outside the boundary records every byte that it gets, and
//! none of the identifiers that were planted is among them.

mod names;

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    batches::{content, ended, line, started},
    client::{Reply, Request},
    people::{Account, People, person},
    process::{eventually, succeed},
    records::claims,
    sdk::program,
    service::{Caller, chat_path, embeddings_path},
    stub::{Manner, Stub},
};

const PEOPLE: [Account; 2] = [person("officer", "contoso"), person("operator", "ops")];
/// The deployments, which are named as their models.
const CHAT: &str = "llama";
const EMBED: &str = "vectors";
/// The processor.
const CLOUD: &str = "big-cloud";

/// A service whose engines are a processor's, which the customer's officer allowed.
struct Outside {
    people: People,
    chat: Stub,
    embed: Stub,
    caller: Caller,
}

impl Outside {
    fn start() -> Self {
        Self::with(&[])
    }

    fn with(settings: &[(&'static str, &str)]) -> Self {
        let chat = Stub::start("outside", CHAT);
        let embed = Stub::start("outside-vectors", EMBED);
        let people = People::beside_with(&PEOPLE, &[&chat.origin(), &embed.origin()], settings);
        let files = &people.service.files;
        files.cli(&["tenant", "create", "contoso"]);
        let made = files.cli(&["resource", "create", "contoso", "--tenant", "contoso"]);
        let key = |key: &str| made[key].as_str().unwrap().to_owned();
        let address = people.service.api;
        let resource = "contoso".to_owned();
        let caller = Caller { address, resource, key1: key("key1"), key2: key("key2") };
        let limits = ["--tokens-per-minute", "1000000000", "--requests-per-minute", "1000000"];
        for (name, task, stub) in [(CHAT, "chat", &chat), (EMBED, "embeddings", &embed)] {
            files.cli(&[
                "model",
                "add",
                name,
                "--served",
                "--task",
                task,
                "--context-tokens",
                "65536",
            ]);
            let made = ["deployment", "create", name, "--resource", "contoso", "--model", name];
            files.cli(
                &[&made[..], &["--task", task, "--no-filter"][..1], &[task], &limits].concat(),
            );
            let url = stub.url();
            let mut command = files.command();
            let model = format!("{name}={name}");
            let origin = format!("[{{ url = \"{}\" }}]", stub.origin());
            command
                .args([
                    "engine", "add", name, "--kind", "openai", "--url", &url, "--region", "local",
                ])
                .args(["--model", &model, "--prefix-cache", "none", "--processor", CLOUD])
                .args(["--country", "IE", "--contract", "DPA-7"])
                .args([
                    "--capability",
                    "tools",
                    "--capability",
                    "logprobs",
                    "--capability",
                    "images",
                ])
                .env("BAILIWICK_EGRESS", origin);
            succeed(&mut command);
        }
        people.assign("Data Protection Officer", "officer", &["--resource", "contoso"]);
        let path = format!("/desk/v1/resources/contoso/processors/{CLOUD}");
        let allowed = people.ask("officer", Request::new("PUT", &path));
        assert!(allowed.status < 300, "{}", allowed.text());
        let outside = Self { people, chat, embed, caller };
        eventually("the deployment answers", || {
            (outside.say(&json!("hi")).status == 200).then_some(())
        });
        outside
    }

    fn ask(&self, body: &Value) -> Reply {
        self.caller.post(&chat_path(CHAT), body)
    }

    fn say(&self, content: &Value) -> Reply {
        self.ask(&json!({ "messages": [{ "role": "user", "content": content }] }))
    }

    fn set(&self, of: &[&str], what: &[&str]) {
        self.people.service.files.cli(&[&["personal-data", "set"][..], of, what].concat());
    }

    /// Everything that left the boundary so far.
    fn left(&self) -> String {
        let got = self.chat.got().into_iter().chain(self.embed.got());
        got.map(|got| format!("{}\n{}\n{}\n", got.path, got.head, got.body)).collect()
    }
}

fn text(answer: &Value) -> String {
    answer["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// Returns a number with its Luhn digit.
fn card(number: usize) -> String {
    let body = format!("4539{number:011}");
    let digits = body.bytes().rev().map(|byte| u32::from(byte - b'0')).enumerate();
    let sum: u32 = digits
        .map(|(at, digit)| match at % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => digit,
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// Returns a German account number with its check digits.
fn iban(number: usize) -> String {
    let account = format!("37040044{number:010}");
    let remainder = format!("{account}131400")
        .bytes()
        .fold(0, |rest, byte| (rest * 10 + u32::from(byte - b'0')) % 97);
    format!("DE{:02}{account}", 98 - remainder)
}

/// A thousand identifiers.
fn planted() -> Vec<String> {
    (0..1000)
        .map(|at| match at % 4 {
            0 | 1 => format!("person{at}.of@customer{at}.example.org"),
            2 => card(at * 7919),
            _ => iban(at * 104_729),
        })
        .collect()
}

#[test]
fn none_of_a_thousand_planted_identifiers_leaves() {
    let outside = Outside::start();
    let planted = planted();
    let (caller, mut at) = (&outside.caller, planted.chunks(50));
    let mut next = || at.next().unwrap().to_vec();
    let good = |reply: Reply| {
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply
    };

    // Each echo comes back whole.
    outside.chat.answer(Manner::Echo(&[], 7));
    for _ in 0..4 {
        let said = next().join("; ");
        let reply = good(outside.say(&json!(said)));
        assert_eq!(text(&reply.ok()), said);
        let claimed = claims(caller, &reply);
        let personal = &claimed["personal_data"];
        assert_eq!(personal["handling"], "pseudonymise", "{claimed}");
        assert_eq!(personal["processor"], CLOUD, "{claimed}");
        assert_eq!((&personal["restored"], &personal["unsure"]), (&json!(50), &json!(0)));
        let found = personal["found"].as_object().unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["card", "email", "iban"], "{claimed}");
        assert_eq!(found.values().filter_map(Value::as_u64).sum::<u64>(), 50, "{claimed}");
    }
    // In each place of a chat.
    for _ in 0..3 {
        let some = next();
        let tool = |at: usize| {
            json!({"type": "function", "function": {
                "name": format!("f{at}"), "description": format!("asks {}", some[at]),
                "parameters": {"type": "object", "properties": {
                    "who": {"type": "string", "enum": [some[at + 5]]}}},
            }})
        };
        let call = |at: usize| {
            json!({"id": format!("c{at}"), "type": "function", "function": {
                "name": "f0", "arguments": json!({"who": some[at], "n": [some[at + 5]]}).to_string(),
            }})
        };
        let calls: Vec<_> = (10..15).map(call).collect();
        let results = (10..15).map(|at| {
            let content = json!({"found": {"id": some[at + 10]}}).to_string();
            json!({"role": "tool", "tool_call_id": format!("c{at}"), "content": content})
        });
        let mut messages = vec![
            json!({"role": "system", "content": some[25..30].join(" ")}),
            json!({"role": "user", "content": some[30..35].join("\n")}),
            json!({"role": "assistant", "content": null, "tool_calls": calls}),
        ];
        messages.extend(results);
        messages.push(json!({"role": "user", "content": [
            {"type": "text", "text": some[35..40].join(",")},
            {"type": "text", "text": format!("see report_{}.pdf", some[40])},
            {"type": "text", "text": BASE64_STANDARD.encode(some[41..45].join("\n"))},
        ]}));
        let halves = some[45].split_at(some[45].len() / 2);
        messages.push(json!({"role": "user", "content": format!("it is {}", halves.0)}));
        messages.push(json!({"role": "user", "content": format!("{} .", halves.1)}));
        messages.push(json!({"role": "user", "content": some[46..].join(" and ")}));
        let tools: Vec<_> = (0..5).map(tool).collect();
        good(outside.ask(&json!({ "messages": messages, "tools": tools })));
    }
    // By the other operations.
    let some = next();
    let body = json!({"model": CHAT, "input": some.join(", "), "instructions": some[0]});
    let response = good(caller.post("/openai/v1/responses", &body)).ok();
    assert!(response.to_string().contains(&some[1]), "restored and kept: {response}");
    let more = next();
    let body = json!({
        "model": CHAT, "input": more.join(", "), "previous_response_id": response["id"],
    });
    good(caller.post("/openai/v1/responses", &body));
    let some = next();
    let items = json!([{"type": "message", "role": "user", "content": some.join(" ")}]);
    let made = good(caller.post("/openai/v1/conversations", &json!({ "items": items }))).ok();
    let more = next();
    let body = json!({"model": CHAT, "input": more.join(", "), "conversation": made["id"]});
    good(caller.post("/openai/v1/responses", &body));
    let some = next();
    let body = json!({"model": CHAT, "prompt": [some[..25].join(" "), some[25..].join(" ")]});
    good(caller.post("/openai/v1/completions", &body));
    let some = next();
    let inputs: Vec<_> = some.chunks(5).map(|few| few.join(" ")).collect();
    good(caller.post(&embeddings_path(EMBED), &json!({ "input": inputs })));
    let some = next();
    let lines: String = some
        .iter()
        .map(|one| {
            let messages = json!([{ "role": "user", "content": format!("about {one}") }]);
            line(one, "/v1/chat/completions", &json!({ "model": CHAT, "messages": messages }))
        })
        .collect();
    let over = ended(caller, &started(caller, &lines, "/v1/chat/completions"));
    assert_eq!(over["request_counts"]["completed"], 50, "{over}");
    let answers = content(caller, &over["output_file_id"]);
    for one in &answers {
        let said = text(&one["response"]["body"]);
        assert_eq!(said, format!("about {}", one["custom_id"].as_str().unwrap()));
    }
    let rest: Vec<_> = std::iter::from_fn(|| at.next()).flatten().collect();
    for some in rest.chunks(50) {
        let said = some.iter().map(|one| one.as_str()).collect::<Vec<_>>().join("|");
        good(outside.say(&json!(said)));
    }

    let left = outside.left();
    let found: Vec<_> = planted.iter().filter(|one| left.contains(*one)).collect();
    assert!(found.is_empty(), "{} left, the first is {:?}", found.len(), found.first());
    for one in &planted {
        let encoded = BASE64_STANDARD.encode(one);
        assert!(!left.contains(&encoded[..encoded.len() / 4 * 3]), "{one} in base64");
    }
    assert!(left.contains("<EMAIL_1_") && left.contains("<CARD_1_") && left.contains("<IBAN_1_"));
    outside.people.verify_log();
}

#[test]
fn a_mangled_placeholder_comes_back_as_the_value() {
    let outside = Outside::start();
    let said = "Write to jane.doe@example.org or to bob@example.net.";
    let manglings: [&'static [(&'static str, &'static str)]; 6] = [
        &[("<EMAIL", "<email")],
        &[("<", "< "), (">", " >")],
        &[("<", "\\u003c"), (">", "\\u003e")],
        &[("<", "&lt;"), (">", "&gt;")],
        &[("_", "\\_")],
        &[("<", ""), (">", "")],
    ];
    for mangling in manglings {
        for size in [1, 3, 100] {
            outside.chat.answer(Manner::Echo(mangling, size));
            assert_eq!(text(&outside.say(&json!(said)).ok()), said);
        }
    }
    // A placeholder of the caller's own stays one.
    outside.chat.answer(Manner::Echo(&[], 2));
    let own = "keep <EMAIL_1_a1> and EMAIL_1_zz, but jane.doe@example.org";
    assert_eq!(text(&outside.say(&json!(own)).ok()), own);
    assert!(!outside.left().contains("jane"));
}

#[test]
fn the_real_library_gets_a_restored_stream() {
    let outside = Outside::start();
    outside.chat.answer(Manner::Echo(&[("<", "**<"), (">", ">**")], 3));
    let url = format!("http://{}", outside.caller.address);
    let script = "import os, openai\n\
        c = openai.OpenAI(api_key=os.environ['BAILIWICK_API_KEY'], base_url=os.environ['BAILIWICK_URL'] + '/openai/v1')\n\
        s = c.chat.completions.create(model='llama', stream=True, messages=[{'role': 'user', 'content': 'ask jane@example.org'}])\n\
        t = ''.join(k.choices[0].delta.content or '' for k in s if k.choices)\n\
        assert t == 'ask **jane@example.org**', t\n";
    succeed(program("python", &url, &outside.caller).args(["-c", script]));
    assert!(!outside.left().contains("jane"));
}

#[test]
fn a_blocked_request_names_kinds_and_no_value() {
    let outside = Outside::start();
    outside.set(&["--resource", "contoso"], &["--mode", "block"]);
    let refused = outside.say(&json!("ask jane@example.org"));
    assert_eq!(refused.status, 400, "{}", refused.text());
    let said = refused.text();
    assert!(said.contains("personal_data_blocked") && said.contains("email: 1"), "{said}");
    assert!(said.contains("This resource") && !said.contains("jane"), "{said}");
    let claimed = claims(&outside.caller, &refused);
    assert_eq!(claimed["personal_data"]["handling"], "block", "{claimed}");
    assert_eq!(claimed["personal_data"]["found"], json!({"email": 1}), "{claimed}");
    assert_eq!(outside.say(&json!("nothing of that kind")).status, 200);

    // A resource makes nothing weaker than its processor's setting is.
    outside.set(&["--resource", "contoso"], &["--mode", "report"]);
    assert_eq!(outside.say(&json!("ask jane@example.org")).status, 200);
    assert!(!outside.left().contains("jane"));
    // The operator's own words, and the operator's choice about the processor.
    let words = outside.people.service.files.data().join("words");
    std::fs::write(&words, "Project Heron\n").unwrap();
    let words = words.to_str().unwrap().to_owned();
    outside.set(&["--processor", CLOUD], &["--kind", "term", "--words", &words]);
    outside.set(&["--resource", "contoso"], &["--mode", "off"]);
    assert_eq!(outside.say(&json!("about project heron, bob@example.org")).status, 200);
    let left = outside.left();
    assert!(!left.contains("heron") && left.contains("bob@example.org"));
    outside.set(&["--processor", CLOUD], &["--mode", "off"]);
    let reply = outside.say(&json!("about Project Heron"));
    assert_eq!(claims(&outside.caller, &reply)["personal_data"]["handling"], "off");
    assert!(outside.left().contains("Heron"));
    outside.people.verify_log();
}

#[test]
fn what_cannot_be_looked_into_does_not_leave() {
    let outside = Outside::start();
    let pixel = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let image = json!([
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": pixel}},
    ]);
    let before = outside.chat.got().len();
    // The content filter refuses them, too, unless it is set to let them pass.
    let refused = outside.say(&image);
    assert!(refused.status >= 400, "{}", refused.text());
    let body = json!({"model": CHAT, "prompt": [1, 2, 3]});
    let refused = outside.caller.post("/openai/v1/completions", &body);
    assert!(refused.status >= 400, "{}", refused.text());
    let body = json!({
        "messages": [{"role": "user", "content": "ask jane@example.org"}], "logprobs": true,
    });
    let refused = outside.ask(&body);
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("logprobs"), "{}", refused.text());
    assert_eq!(outside.chat.got().len(), before);
}

#[test]
fn inside_the_boundary_only_a_resource_that_asks_for_it_is_looked_into() {
    let outside = Outside::start();
    let files = &outside.people.service.files;
    let mut command = files.command();
    let listed = format!(
        "[{{ url = \"{}\" }}, {{ url = \"{}\" }}]",
        outside.chat.origin(),
        outside.embed.origin()
    );
    command.args(["engine", "update", CHAT, "--no-processor"]).env("BAILIWICK_EGRESS", listed);
    succeed(&mut command);
    let reply = outside.say(&json!("ask jane@example.org"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(claims(&outside.caller, &reply)["personal_data"].is_null());
    assert!(outside.left().contains("jane@example.org"));
    outside.set(&["--resource", "contoso"], &["--mode", "pseudonymise", "--everywhere", "on"]);
    let reply = outside.say(&json!("ask maria@example.org"));
    let claimed = claims(&outside.caller, &reply);
    assert_eq!(claimed["personal_data"]["found"], json!({"email": 1}), "{claimed}");
    let names: BTreeSet<_> = ["maria"].into();
    assert!(names.iter().all(|name| !outside.left().contains(name)));
}
