//! What customers promise with their own keys, against an operator who may change everything else:
//! the retention, the lockbox, and the identity provider whose tokens count.

use serde_json::{Value, json};

use super::{CONTOSO, FABRIKAM, OPERATOR, Setting};
use crate::{
    client::Request,
    identity::provider::{self, AUDIENCE},
    kills::sqlite,
    process::succeed,
    records::{Auditor, claims, receipt},
    service::{CHAT, chat_path},
};

#[test]
fn what_a_customer_promised_binds_its_operator() {
    let setting = Setting::start();
    setting.root("operator", &OPERATOR, "ops-root");
    setting.root("officer", &CONTOSO, "contoso-root");
    setting.root("foreign-officer", &FABRIKAM, "fabrikam-root");
    setting.enroll("officer", &CONTOSO, "contoso-root", ("officer", "officer"));
    the_retention(&setting);
    the_receipt(&setting);
    the_provider(from_an_earlier_version(setting));
}

/// A database of an earlier version has no rows of roots: the start makes them from the log.
fn from_an_earlier_version(setting: Setting) -> Setting {
    let root = |setting: &Setting| {
        let files = &setting.people.service.files;
        files.cli(&["tenant", "show", "contoso"])["root"].clone()
    };
    let before = root(&setting);
    let setting = setting.restarted_after(|files| {
        assert!(sqlite(&files.data().join("bailiwick.db"), "DELETE FROM tenant_root"));
        assert_eq!(files.cli(&["tenant", "show", "contoso"])["root"], Value::Null);
    });
    assert!(before.is_string() && root(&setting) == before);
    setting
}

/// Content is stored for at most as long as the customer promised, in old and in new resources.
fn the_retention(setting: &Setting) {
    let files = &setting.people.service.files;
    let days = |resource: &str| {
        let shown = files.cli(&["resource", "show", resource]);
        (shown["retentionDays"].clone(), shown["lockbox"].clone())
    };
    assert_eq!(days("contoso"), (30.into(), false.into()));
    let promise = json!({"kind": "retention", "tenant": "contoso", "days": 7});
    let promise = Request::post("/desk/v1/roll", &promise);
    for (who, key) in [("made-officer", "made-officer"), ("officer", "ops-root")] {
        assert_eq!(setting.asks_signed(who, &promise, key).status, 403, "{who} with {key}");
    }
    let too_long = json!({"kind": "retention", "tenant": "contoso", "days": 31});
    let refused = setting.people.ask("officer", Request::post("/desk/v1/roll", &too_long));
    assert_eq!(refused.status, 400, "{}", refused.text());
    setting.signs("officer", "officer", &["desk", "retention", "7", "--tenant", "contoso"]);
    setting.signs("officer", "officer", &["desk", "lockbox", "on", "--tenant", "contoso"]);
    assert_eq!(days("contoso"), (7.into(), true.into()));
    files.cli(&["resource", "create", "second", "--tenant", "contoso"]);
    assert_eq!(days("second"), (7.into(), true.into()));

    // The operator may store it for less long, and not for longer.
    files.cli(&["resource", "update", "contoso", "--retention-days", "3"]);
    let mut longer = files.command();
    let longer = longer.args(["resource", "update", "contoso", "--retention-days", "8"]);
    let longer = longer.output().unwrap();
    let told = String::from_utf8_lossy(&longer.stderr).into_owned();
    assert!(!longer.status.success() && told.contains("at most 7 days"), "{told}");
    assert!(told.contains("bailiwick desk retention"), "{told}");
    assert_eq!(days("contoso").0, 3);
}

/// Each receipt names the customer's root, as `tenant show` and the log have it.
fn the_receipt(setting: &Setting) {
    let Setting { people, contoso, .. } = setting;
    let root = people.service.files.cli(&["tenant", "show", "contoso"])["root"].clone();
    let listed = people.service.files.cli(&["tenant", "list"]);
    let of = |name: &str| {
        let all = listed.as_array().unwrap().iter();
        all.into_iter().find(|tenant| tenant["name"] == name).unwrap()["root"].clone()
    };
    assert!(root.is_string() && of("contoso") == root && of("fabrikam") != root, "{listed}");
    let body = contoso.short();
    let reply = contoso.post(&chat_path(CHAT), &body);
    assert_eq!(claims(contoso, &reply)["customer"], json!({"root": root, "lockbox": true}));
    let auditor = Auditor::new(&people.service);
    let (good, told) = auditor.check(contoso, &body, &reply);
    assert!(good && told.contains(root.as_str().unwrap()), "{told}");
    auditor.save("receipt", &receipt(contoso, &reply).body);
    let log = people.service.files.data().join("log").display().to_string();
    let (good, told) = auditor.verify(&["receipt", "receipt", "--log", &log]);
    assert!(good, "{told}");
}

/// Once the customer named its identity provider, the tokens of another one do not count for its
/// tenant, at the API and at the desk, also if the operator configures it.
fn the_provider(setting: Setting) {
    let people = &setting.people;
    let desk =
        |setting: &Setting| setting.people.ask("officer", Request::get("/desk/v1/roll")).status;
    let chat = |setting: &Setting| {
        let ask = Request::post(&chat_path(CHAT), &setting.contoso.short());
        let ask = ask.header("host", "contoso.openai.test");
        let ask = ask.header("authorization", &setting.people.bearer("officer"));
        ask.send(setting.people.service.api).status
    };
    people.assign("Cognitive Services OpenAI User", "officer", &[]);
    assert_eq!([desk(&setting), chat(&setting)], [200; 2]);

    // A promise that would shut out its officer is refused.
    let named = |issuer: &str| {
        let body = json!({"kind": "issuer", "tenant": "contoso", "issuer": issuer,
            "audience": AUDIENCE, "directory": provider::CONTOSO, "counts": true});
        Request::post("/desk/v1/roll", &body)
    };
    let theirs = named("https://login.example");
    let refused = people.ask("officer", theirs.clone());
    assert_eq!(refused.status, 400, "{}", refused.text());
    let issuer = people.issuer();
    let words = ["desk", "issuer", "on", "--tenant", "contoso", "--issuer", &issuer];
    let more = ["--audience", AUDIENCE, "--directory", provider::CONTOSO];
    setting.signs("officer", "officer", &[&words[..], &more].concat());
    assert_eq!([desk(&setting), chat(&setting)], [200; 2]);
    // The operator names no provider for the customer.
    for (who, key) in [("made-officer", "made-officer"), ("officer", "ops-root")] {
        let asked = setting.asks_signed(who, &theirs, key);
        assert_eq!(asked.status, 403, "{who} with {key}: {}", asked.text());
    }
    let mut doctor = people.service.files.command();
    let found: Value = serde_json::from_str(&succeed(doctor.args(["doctor", "--json"]))).unwrap();
    assert_eq!(found["findings"], json!([]), "{found}");
    people.verify_log();

    let setting = setting.restarted_with_a_provider_of_the_attacker();
    assert_eq!([desk(&setting), chat(&setting)], [401; 2]);
}
