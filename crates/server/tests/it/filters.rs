//! Content filters and blocklists, as customers manage them over HTTP: their own, within what the
//! operator allows, and no other customer's.

use serde_json::{Value, json};

use crate::{
    process::{read_apart, succeed},
    roles::Setting,
    service::CHAT,
};

/// A term that must stand nowhere but in the answers to its owner and in the database.
const CANARY: &str = "zanzibarquux";

/// The steps on the service of [`crate::roles`].
pub(crate) fn are_their_customers_own(setting: &Setting) {
    its_owner_writes_one(setting);
    every_caller_is_refused_a_weaker_one(setting);
    another_tenant_neither_reads_nor_loosens_it(setting);
    the_command_line_does_the_same(setting);
}

fn its_owner_writes_one(setting: &Setting) {
    let nothing = Value::Null;
    let list = "resources/contoso/raiBlocklists/words";
    let description = json!({"properties": {"description": "project names"}});
    assert_eq!(setting.status("user", "PUT", list, &description), 403);
    assert_eq!(setting.status("contributor", "PUT", list, &description), 201);
    assert_eq!(setting.status("contributor", "PUT", list, &description), 200);
    let items = json!([
        {"name": "one", "properties": {"pattern": CANARY}},
        {"name": "two", "properties": {"pattern": "proj-[0-9]{4}", "isRegex": true}},
    ]);
    let add = format!("{list}/addRaiBlocklistItems");
    assert_eq!(setting.ask("contributor", "POST", &add, &items).ok()["terms"], 2);
    let item = format!("{list}/raiBlocklistItems/two");
    let bad = json!({"properties": {"pattern": format!("{CANARY}("), "isRegex": true}});
    let refused = setting.ask("contributor", "PUT", &item, &bad);
    let told = refused.text();
    assert!(refused.status == 400 && told.contains("item `two`"), "{told}");
    assert!(!told.contains(CANARY), "{told}");

    // Who may only read the resource sees the list, and not its terms.
    assert_eq!(setting.ask("user", "GET", list, &nothing).ok()["terms"], 2);
    let items = format!("{list}/raiBlocklistItems");
    assert_eq!(setting.status("user", "GET", &items, &nothing), 403);
    let read = setting.ask("contributor", "GET", &items, &nothing).ok();
    assert_eq!(read[0]["properties"], json!({"pattern": CANARY, "isRegex": false}));
    assert_eq!(setting.ask("contributor", "GET", &item, &nothing).ok()["name"], "two");

    let policy = json!({"properties": {
        "mode": "Asynchronous_filter",
        "basePolicyName": "Microsoft.DefaultV2",
        "contentFilters": [{"name": "Hate", "blocking": true, "enabled": true,
            "severityThreshold": "Low", "source": "Prompt"}],
        "customBlocklists": [{"blocklistName": "words", "blocking": true, "source": "Prompt"}],
    }});
    let path = "resources/contoso/raiPolicies/strict";
    assert_eq!(setting.status("user", "PUT", path, &policy), 403);
    let made = setting.ask("contributor", "PUT", path, &policy);
    assert_eq!(made.status, 201, "{}", made.text());
    let point = format!("resources/contoso/deployments/{CHAT}");
    let to = json!({"raiPolicyName": "strict"});
    assert_eq!(setting.status("user", "PATCH", &point, &to), 403);
    let view = setting.ask("contributor", "PATCH", &point, &to).ok();
    assert_eq!(view["raiPolicyName"], "strict");
    // In use, neither is deleted.
    for used in [path, list] {
        assert_eq!(setting.status("contributor", "DELETE", used, &nothing), 409, "{used}");
    }
}

fn every_caller_is_refused_a_weaker_one(setting: &Setting) {
    let path = "resources/contoso/raiPolicies/strict";
    let before = setting.ask("user", "GET", path, &Value::Null).ok();
    let weak = json!({"properties": {"contentFilters": [
        {"name": "Violence", "source": "Completion", "blocking": false}]}});
    for who in ["contributor", "operator"] {
        let refused = setting.ask(who, "PUT", path, &weak);
        let told = refused.text();
        assert_eq!(refused.status, 400, "{who}: {told}");
        for expected in ["`Violence` for `Completion` is only annotated", "bailiwick desk apply"] {
            assert!(told.contains(expected), "{who}: {told}");
        }
    }
    let request = crate::client::Request::new("PUT", &format!("/admin/v1/{path}"));
    let by_key = setting.people.service.as_administrator(&request.bytes(weak.to_string()));
    assert_eq!(by_key.status, 400, "the administrator's key does not replace an application");
    assert_eq!(setting.ask("user", "GET", path, &Value::Null).ok(), before);
}

/// The attack: a person with every role of another tenant loosens the filter, or reads it.
fn another_tenant_neither_reads_nor_loosens_it(setting: &Setting) {
    let loose = json!({"properties": {}});
    let pattern = json!({"properties": {"pattern": "x"}});
    let nothing = Value::Null;
    let resource = "resources/contoso";
    let chat = format!("deployments/{CHAT}");
    for (method, rest, body) in [
        ("GET", "raiPolicies", &nothing),
        ("GET", "raiPolicies/strict", &nothing),
        ("PUT", "raiPolicies/strict", &loose),
        ("DELETE", "raiPolicies/strict", &nothing),
        ("GET", "raiBlocklists/words", &nothing),
        ("PUT", "raiBlocklists/words", &loose),
        ("DELETE", "raiBlocklists/words", &nothing),
        ("GET", "raiBlocklists/words/raiBlocklistItems", &nothing),
        ("PUT", "raiBlocklists/words/raiBlocklistItems/one", &pattern),
        ("DELETE", "raiBlocklists/words/raiBlocklistItems/one", &nothing),
        ("POST", "raiBlocklists/words/deleteRaiBlocklistItems", &json!(["one"])),
        ("PATCH", &chat, &json!({"raiPolicyName": null})),
    ] {
        let hidden = setting.ask("stranger", method, &format!("{resource}/{rest}"), body);
        let none = setting.ask("stranger", method, &format!("resources/contosx/{rest}"), body);
        assert_eq!((hidden.status, none.status), (404, 404), "{method} {rest}");
        assert_eq!(hidden.text().replace("contoso", "contosx"), none.text(), "{method} {rest}");
    }
    // Their own deployment cannot use the filter of another customer either.
    let borrow = json!({"raiPolicyName": "strict"});
    let path = format!("resources/fabrikam/deployments/{CHAT}");
    let refused = setting.ask("stranger", "PATCH", &path, &borrow);
    assert_eq!(refused.status, 404, "{}", refused.text());
    let policy = json!({"properties": {"customBlocklists": [
        {"blocklistName": "words", "blocking": true, "source": "Prompt"}]}});
    let path = "resources/fabrikam/raiPolicies/strict";
    assert_eq!(setting.status("stranger", "PUT", path, &policy), 404, "nor its list");
    let path = format!("{resource}/{chat}");
    let view = setting.ask("contributor", "GET", &path, &nothing).ok();
    assert_eq!(view["raiPolicyName"], "strict", "all is as before");
    let items = format!("{resource}/raiBlocklists/words/raiBlocklistItems");
    let items = setting.ask("contributor", "GET", &items, &nothing).ok();
    assert_eq!(items.as_array().map(Vec::len), Some(2));
}

fn the_command_line_does_the_same(setting: &Setting) {
    let files = &setting.people.service.files;
    let shown = files.cli(&["filter", "show", "contoso", "strict"]);
    assert_eq!(shown["deployments"], json!([CHAT]));
    let rules = ["--block", "prompt:violence=low", "--annotate", "profanity", "--mode", "default"];
    let lists = ["--no-blocklist", "words"];
    let update = ["filter", "update", "contoso", "strict"];
    let changed = files.cli(&[&update[..], &rules, &lists].concat());
    assert_eq!(changed["properties"]["mode"], "Default");
    assert_eq!(changed["properties"]["customBlocklists"], json!([]));
    assert_ne!(changed["digest"], shown["digest"]);
    let refused = files.command().args(update).args(["--off", "hate"]).output().unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && told.contains("`Hate` for `Prompt` is off"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("terms.txt");
    std::fs::write(&file, "okapi\n\nblue quagga\n").unwrap();
    let file = file.to_str().unwrap();
    let list = ["contoso", "animals"];
    let made = files.cli(&[&["blocklist", "create"][..], &list, &["--from", file]].concat());
    assert_eq!(made["terms"], 2);
    let again = files.cli(&[&["blocklist", "add"][..], &list, &[file]].concat());
    assert_eq!((&again["terms"], &again["digest"]), (&made["terms"], &made["digest"]));
    let terms = [&["blocklist", "show", "--terms"][..], &list].concat();
    assert!(succeed(files.command().args(&terms)).contains("blue quagga"));
    let removed = files.cli(&[&["blocklist", "remove"][..], &list, &[file]].concat());
    assert_eq!(removed["terms"], 0);
    files.cli(&[&["blocklist", "delete"][..], &list].concat());
    files.cli(&["deployment", "update", CHAT, "--resource", "contoso", "--filter", "default"]);
    files.cli(&["filter", "delete", "contoso", "strict"]);

    // A term is in the database, and in no log.
    for file in files.all() {
        let name = file.to_string_lossy().into_owned();
        if name.contains("bailiwick.db") {
            continue;
        }
        let held = read_apart(&file);
        assert!(!crate::process::contains(&held, CANARY.as_bytes()), "{name}");
    }
    files.cli(&["blocklist", "delete", "contoso", "words"]);
}
