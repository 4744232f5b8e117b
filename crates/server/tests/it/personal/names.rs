//! A model finds names that no word of context gives away, and nothing leaves while it does not answer.

use std::process::Command;

use super::*;
use crate::process::{project, signal};

/// A service with the model, whose processor's setting asks for names.
fn named() -> Outside {
    let encoder = succeed(&mut Command::new(project().join("scripts/fetch-guard.sh")));
    let settings =
        [("BAILIWICK_PERSONAL__NER", encoder.trim()), ("BAILIWICK_PERSONAL__NER_WAIT_MS", "4000")];
    let outside = Outside::with(&settings);
    outside.set(&["--processor", CLOUD], &["--kind", "name", "--kind", "email"]);
    outside.chat.answer(Manner::Echo(&[], 5));
    outside
}

fn refused(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(reply.json()["error"]["code"], "personal_data_unavailable");
    assert!(reply.header("retry-after").is_some());
    assert!(!reply.text().contains("Thompson"));
}

#[test]
fn a_name_without_context_does_not_leave_and_comes_back() {
    let outside = named();
    let said = "Margaret Thompson wants the invoice by Friday.";
    let reply = outside.say(&json!(said));
    assert_eq!(text(&reply.ok()), said);
    let claimed = claims(&outside.caller, &reply);
    assert_eq!(claimed["personal_data"]["found"], json!({"name": 1}), "{claimed}");
    assert_eq!(claimed["personal_data"]["restored"], 1, "{claimed}");
    // Where the model alone would not see it: in a name, and in a call's arguments.
    let call = json!({"id": "c1", "type": "function", "function": {
        "name": "find", "arguments": json!({"x": "Margaret Thompson"}).to_string()}});
    let messages = json!([
        {"role": "user", "name": "Margaret Thompson", "content": "go on"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "[\"Margaret Thompson\"]"},
        {"role": "user", "content": said},
    ]);
    let reply = outside.ask(&json!({ "messages": messages }));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let left = outside.left();
    assert!(!left.contains("Margaret") && !left.contains("Thompson"), "{left}");
    assert!(left.contains("wants the invoice by Friday"));

    // More than the model reads.
    let long = format!("{} Thompson", "word ".repeat(70_000));
    let reply = outside.say(&json!(long));
    assert_eq!(reply.status, 400, "{}", reply.text());
    assert_eq!(reply.json()["error"]["code"], "personal_data_too_long");
    assert!(!outside.left().contains("Thompson"));
}

#[test]
fn nothing_leaves_while_the_model_does_not_answer() {
    let outside = named();
    let said = json!("Margaret Thompson wants the invoice by Friday.");
    let find = || {
        let workers = outside.people.service.workers();
        workers.into_iter().find(|one| one.name.contains("personal-data")).unwrap()
    };
    assert_eq!(outside.say(&said).status, 200);
    // Hung: it does not answer in time. In each mode.
    let pid = find().pid;
    signal("STOP", pid);
    let before = outside.chat.got().len();
    refused(&outside.say(&said));
    outside.set(&["--processor", CLOUD], &["--mode", "report"]);
    refused(&outside.say(&said));
    assert_eq!(outside.chat.got().len(), before);
    // Who does not look for names does not wait for the model.
    outside.set(&["--processor", CLOUD], &["--mode", "pseudonymise", "--kind", "email"]);
    assert_eq!(outside.say(&json!("hello")).status, 200);
    outside.set(&["--processor", CLOUD], &["--kind", "name"]);
    signal("CONT", pid);
    eventually("it answers again", || (outside.say(&said).status == 200).then_some(()));
    // Killed: it is started again.
    signal("KILL", pid);
    let reply = outside.say(&said);
    if reply.status != 200 {
        refused(&reply);
    }
    eventually("another worker runs", || (find().pid != pid).then_some(()));
    eventually("it answers again", || (outside.say(&said).status == 200).then_some(()));
    assert!(!outside.left().contains("Thompson"));
}
