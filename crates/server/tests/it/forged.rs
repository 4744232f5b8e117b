//! An attacker with the database and `service.key` adds decisions to the log that no person made, and
//! the rows that go with them. `doctor` names the entries, the start is refused for the rows, the custodian opens
//! nothing by them, and `verify log` names them for ever.

use std::{path::Path, process::Command};

use serde_json::json;
use tlog::{
    entry::{Entry, Event},
    hex,
    id::{GrantId, PersonId, RequestId},
    people::Party,
};

use crate::{
    canary::mark,
    client::Request,
    doctor::{doctor, says, start},
    kills::sqlite,
    process::eventually,
    service::{CHAT, Files, chat_path},
    signed::{CONTOSO, OPERATOR, Setting},
};

#[test]
fn decisions_in_the_log_that_nobody_signed_open_nothing() {
    let setting = Setting::start();
    setting.root("operator", &OPERATOR, "ops-root");
    setting.root("officer", &CONTOSO, "contoso-root");
    for name in ["reviewer", "manager"] {
        setting.enroll("operator", &OPERATOR, "ops-root", (name, name));
    }
    setting.enroll("officer", &CONTOSO, "contoso-root", ("officer", "officer"));
    let lockbox = ["desk", "lockbox", "on", "--tenant", "contoso"];
    setting.signs("officer", "officer", &lockbox);
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = setting.contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = |what: &str| format!("/review/v1/records/{request}/{what}");
    let flag = json!({"category": "jailbreak"});
    assert_eq!(setting.reviews("reviewer", &path("flag"), &flag, &[]).0, 200);
    let words = ["review", "look", &request, "--reason", "an attack on the instructions"];
    setting.signs("reviewer", "reviewer", &words);

    let mut rows = String::new();
    let setting = setting.restarted_after(|files| {
        let database = files.data().join("bailiwick.db");
        assert!(sqlite(&database, "PRAGMA wal_checkpoint(TRUNCATE)"));
        let (clean, report) = doctor(files);
        assert!(clean, "{report:#}");
        rows = forge(&database);

        // Entries alone: no row says anything else than the log, and they count for nothing.
        let (clean, report) = doctor(files);
        assert!(!clean && says(&report, "decision", "it is not signed"), "{report:#}");
        assert_eq!(report["findings"].as_array().unwrap().len(), 2, "{report:#}");

        // With the rows: the start is refused.
        assert!(script(&database, &format!("BEGIN; {rows} COMMIT;")));
        let (_, report) = doctor(files);
        assert!(says(&report, "review", "consented=true"), "{report:#}");
        let (status, text) = start(files);
        assert!(status == Some(1) && text.contains("differ from the log"), "{status:?}: {text}");
        assert!(script(&database, TAKEN_BACK));
    });

    // The service runs, and has signed and published the entries. The rows are written under it, and
    // the reviewer opens the record before the next comparison.
    let database = setting.people.service.files.data().join("bailiwick.db");
    assert!(script(&database, &format!("BEGIN; {rows} COMMIT;")));
    let grant = grant_of(&entries(&database)).0.to_string();
    eventually("the forged entries are published", || {
        let (_, replay) = verify_log(&setting.people.service.files);
        replay.contains("is not signed").then_some(())
    });
    let (status, refused) =
        setting.reviews("reviewer", &path("open"), &json!({"grant": grant}), &[]);
    assert_eq!((status, &refused["error"]["code"]), (403, &json!("step_unsigned")), "{refused}");
    assert!(refused.to_string().contains("no signature of the manager"), "{refused}");
    assert!(!refused.to_string().contains(&canary), "{refused}");

    let (good, replay) = verify_log(&setting.people.service.files);
    assert!(!good, "{replay}");
    assert_eq!(replay.matches("it is not signed").count(), 2, "{replay}");
}

/// The configuration names a provider of the attacker in the place of the customer's. It makes a token of
/// the officer: without the officer's key, the token reads, deletes and promises nothing.
#[test]
fn a_provider_of_the_attacker_reads_nothing() {
    let setting = Setting::start();
    setting.root("operator", &OPERATOR, "ops-root");
    setting.root("officer", &CONTOSO, "contoso-root");
    setting.enroll("officer", &CONTOSO, "contoso-root", ("officer", "officer"));
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = setting.contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let setting = setting.restarted_with_a_provider_of_the_attacker();
    let path = format!("/desk/v1/resources/contoso/records/{request}");
    let promise = json!({"kind": "lockbox", "tenant": "contoso", "on": false});
    for ask in [
        Request::get(&path),
        Request::new("DELETE", &path),
        Request::post("/desk/v1/roll", &promise),
    ] {
        let unsigned = setting.people.ask("officer", ask.clone());
        assert_eq!(unsigned.status, 409, "{}", unsigned.text());
        for key in ["made-officer", "ops-root", "manager"] {
            let refused = setting.asks_signed("officer", &ask, key);
            assert_eq!(refused.status, 403, "{key}: {}", refused.text());
            assert!(!refused.text().contains(&canary), "{}", refused.text());
        }
    }
    // The officer's own key still counts.
    let read = setting.signs("officer", "officer", &["desk", "record", "contoso", &request]);
    assert!(read["request_body"].as_str().unwrap().contains(&canary), "{read}");
}

/// Puts the rows of the review back.
const TAKEN_BACK: &str = "UPDATE workflow SET state = (SELECT state FROM attacker_copy) \
     WHERE kind = 'review'; DROP TABLE attacker_copy; DELETE FROM grant_entry;";

/// Adds an approval and a consent to the log of a stopped service. Returns the rows that go with them.
fn forge(database: &Path) -> String {
    let entries = entries(database);
    let (grant, request, reviewer, workstation) = grant_of(&entries);
    let person = |operator: bool, nth: usize| {
        let of = |entry: &Entry| match &entry.event {
            Event::PersonKeyEnrolled { party, person, .. } => {
                ((*party == Party::Operator) == operator).then_some(*person)
            }
            _ => None,
        };
        entries.iter().filter_map(of).nth(nth).unwrap()
    };
    let (manager, officer) = (person(true, 1), person(false, 0));
    let (time_ms, expires_ms) = (entries.last().unwrap().time_ms, u64::MAX >> 12);
    let lockbox = true;
    let forged = [
        Event::Approved { grant, request, reviewer, manager, expires_ms, workstation, lockbox },
        Event::Consented { grant, person: officer, expires_ms },
    ];
    let approved = entries.len();
    for (place, event) in forged.into_iter().enumerate() {
        let (index, bytes) = (approved + place, Entry::new(time_ms, event).encode());
        let bytes = hex::encode(&bytes);
        let sql = format!("INSERT INTO log_entry (idx, bytes) VALUES ({index}, x'{bytes}')");
        assert!(sqlite(database, &sql));
        assert!(sqlite(database, "UPDATE log_head SET next = next + 1"));
    }
    let consented = approved + 1;
    format!(
        "CREATE TABLE attacker_copy AS SELECT state FROM workflow WHERE kind = 'review';
         UPDATE workflow SET state = json_set(state, '$.Open.look.stage', json('{{\"Granted\": \
         {{\"manager\": \"{manager}\", \"consented\": true, \"expires_ms\": {expires_ms}}}}}')) \
         WHERE kind = 'review';
         INSERT INTO grant_entry (grant_id, approved, consented) \
         VALUES (x'{}', {approved}, {consented});",
        hex::encode(grant.as_bytes())
    )
}

/// Returns grant, request, reviewer and workstation of the access request in the log.
fn grant_of(entries: &[Entry]) -> (GrantId, RequestId, PersonId, tlog::canon::Digest) {
    let asked = entries.iter().find_map(|entry| match &entry.event {
        Event::LookRequested { grant, request, reviewer, workstation, .. } => {
            Some((*grant, *request, *reviewer, *workstation))
        }
        _ => None,
    });
    asked.unwrap()
}

/// Returns the entries of a log that has no full bundle yet.
pub(crate) fn entries(database: &Path) -> Vec<Entry> {
    let text =
        python(database, "SELECT hex(bytes) FROM log_entry ORDER BY idx", "execute").unwrap();
    let decode = |line: &str| {
        let bytes: Vec<u8> = (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        Entry::decode(&bytes).unwrap()
    };
    text.lines().map(decode).collect()
}

/// Runs several statements.
pub(crate) fn script(database: &Path, statements: &str) -> bool {
    python(database, statements, "executescript").is_some()
}

/// Runs a statement with Python's own SQLite, and returns the first column.
fn python(database: &Path, statement: &str, how: &str) -> Option<String> {
    let script = format!(
        "import sqlite3, sys\n\
         c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n\
         for row in c.{how}(sys.argv[2]).fetchall(): print(row[0])\n\
         c.close()"
    );
    let mut python = Command::new("python3");
    let output = python.args(["-c", &script]).arg(database).arg(statement).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Replays the log; returns whether it has no fault, and what the replay says.
fn verify_log(files: &Files) -> (bool, String) {
    let mut verify = files.command();
    verify.args(["verify", "--service-key"]).arg(files.data().join("service.pub"));
    let output = verify.arg("log").arg(files.data().join("log")).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}
