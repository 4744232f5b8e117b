//! An attacker writes into the database of a stopped service. Each attack says which defence names it:
//! the start, `bailiwick doctor`, `bailiwick verify`, or the custodian.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    client::Request,
    kills::sqlite,
    people::People,
    process::eventually,
    review::PEOPLE,
    service::{CHAT, Files, Service, chat_path, free_addresses},
};

/// The defence that names an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// `doctor`, and the start, which refuses.
    Start,
    /// `doctor` only: no decision depends on the row.
    Doctor,
}

/// An attack: its name, a statement, who names it, and the kind and words of the finding.
type Attack = (&'static str, &'static str, Named, &'static str, &'static str);

/// A manager's approval, and the customer's consent.
const APPROVED: &str = "UPDATE workflow SET state = replace(state, '\"stage\":{\"Requested\":{', \
     '\"stage\":{\"Granted\":{\"manager\":\"per_00000000000000000000000000000000\",\"consented\":true,') \
     WHERE kind = 'review'";

/// A second row of the review, about the record of another request.
const FLAGGED: &str = "INSERT INTO workflow SELECT kind, (SELECT request FROM receipt ORDER BY idx DESC \
     LIMIT 1), replace(state, lower(hex(id)), (SELECT lower(hex(request)) FROM receipt ORDER BY idx \
     DESC LIMIT 1)), due_ms FROM workflow WHERE kind = 'review'";

const ATTACKS: [Attack; 33] = [
    (
        "an officer who never was",
        "INSERT INTO role_assignment SELECT r.principal, 'Data Protection Officer', 'service', x'' \
         FROM role_assignment r WHERE r.role = 'Reviewer'",
        Named::Start,
        "role",
        "the log says not assigned",
    ),
    (
        "another person behind an officer's id",
        "UPDATE principal SET oid = randomblob(16)",
        Named::Start,
        "principal",
        "another object of a directory",
    ),
    (
        "a person in another team",
        "UPDATE team_member SET team = (SELECT id FROM team WHERE name = 'south')",
        Named::Start,
        "team",
        "the log says tea_",
    ),
    (
        "lockbox off",
        "UPDATE resource SET lockbox = 0 WHERE name = 'contoso'",
        Named::Start,
        "resource",
        "contoso, lockbox: the log says true; the table says false",
    ),
    (
        "zero retention off",
        "UPDATE resource SET content_logging = 1 WHERE name = 'zero'",
        Named::Start,
        "content_logging",
        "zero: the log says off",
    ),
    (
        "zero retention without an approval",
        "UPDATE resource SET content_logging = 0 WHERE name = 'contoso'",
        Named::Start,
        "content_logging",
        "contoso: the log says on; the table says off",
    ),
    (
        "an exemption until later",
        "UPDATE resource SET content_logging_until_ms = content_logging_until_ms + 1 WHERE name = 'zero'",
        Named::Start,
        "content_logging",
        "until",
    ),
    (
        "an approval that keeps more",
        "UPDATE workflow SET state = replace(state, '\"keeps\":0', '\"keeps\":1') WHERE kind = 'exemption'",
        Named::Start,
        "exemption",
        "keeps=1",
    ),
    (
        "longer retention",
        "UPDATE resource SET retention_days = 30 WHERE name = 'contoso'",
        Named::Start,
        "resource",
        "retention_days: the log says 7; the table says 30",
    ),
    (
        "a root that no customer made",
        "INSERT INTO tenant_root SELECT tenant, 1, randomblob(32) FROM resource WHERE name = 'contoso'",
        Named::Start,
        "root",
        "root of contoso: the log says none",
    ),
    (
        "an identity provider that no customer named",
        "INSERT INTO tenant_issuer SELECT tenant, randomblob(32) FROM resource WHERE name = 'contoso'",
        Named::Start,
        "issuer",
        "the log says not named; the table says named",
    ),
    (
        "another region",
        "UPDATE resource SET region = 'elsewhere' WHERE name = 'contoso'",
        Named::Start,
        "resource",
        "contoso, region: the log says local",
    ),
    (
        "a resource of another tenant",
        "UPDATE resource SET tenant = (SELECT tenant FROM resource WHERE name = 'zero') \
         WHERE name = 'contoso'",
        Named::Start,
        "resource",
        "contoso, tenant",
    ),
    (
        "another key",
        "UPDATE resource SET key1 = randomblob(32) WHERE name = 'contoso'",
        Named::Start,
        "key",
        "key1 of contoso",
    ),
    (
        "another key of the administrator",
        "UPDATE admin_key SET digest = randomblob(32)",
        Named::Start,
        "key",
        "of the administrator",
    ),
    (
        "open to other networks",
        "UPDATE resource SET network_default_action = 'Deny' WHERE name = 'contoso'",
        Named::Start,
        "resource",
        "network_default_action: the log says Allow",
    ),
    (
        "a workstation in another region",
        "UPDATE workflow SET state = replace(state, '\"local\"', '\"elsewhere\"') \
         WHERE kind = 'workstation'",
        Named::Start,
        "workstation",
        "region=elsewhere",
    ),
    (
        "a revoked workstation",
        "UPDATE workflow SET state = replace(state, '{\"Revoked\"', '{\"Enrolled\"') \
         WHERE kind = 'workstation'",
        Named::Start,
        "workstation",
        "the log says revoked",
    ),
    (
        "a workstation that never was",
        "INSERT INTO workflow SELECT kind, randomblob(32), state, due_ms FROM workflow \
         WHERE kind = 'workstation'",
        Named::Start,
        "workstation",
        "the enrolment of another certificate",
    ),
    (
        "a processor without the customer's permission",
        "INSERT INTO resource_processor SELECT id, 'evil', randomblob(16), 1 FROM resource \
         WHERE name = 'contoso'",
        Named::Start,
        "processor",
        "evil for contoso: the log says not allowed; the table says allowed",
    ),
    (
        "a flag that no entry raised",
        FLAGGED,
        Named::Start,
        "review",
        "the log says that it was never flagged; the table says a row",
    ),
    (
        "a flag that is gone",
        "DELETE FROM workflow WHERE kind = 'review'",
        Named::Start,
        "review",
        "the log says that it exists; the table says no row",
    ),
    (
        "no lockbox in an access request",
        "UPDATE workflow SET state = replace(state, '\"lockbox\":true', '\"lockbox\":false') \
         WHERE kind = 'review'",
        Named::Start,
        "review",
        "lockbox=false",
    ),
    (
        "an exemption without an application",
        "INSERT INTO workflow SELECT kind, randomblob(length(id)), replace(state, (SELECT \
         lower(hex(id)) FROM resource WHERE name = 'zero'), (SELECT lower(hex(id)) FROM resource \
         WHERE name = 'contoso')), due_ms FROM workflow WHERE kind = 'exemption'",
        Named::Start,
        "exemption",
        "the log says none",
    ),
    (
        "an exemption that is gone",
        "DELETE FROM workflow WHERE kind = 'exemption'",
        Named::Start,
        "exemption",
        "the table says none",
    ),
    ("an approval and a consent", APPROVED, Named::Start, "review", "consented=true"),
    (
        "a later deadline",
        "UPDATE record_key SET deadline_ms = deadline_ms + 86400000",
        Named::Start,
        "record_key",
        "deadline",
    ),
    (
        "the text of a change",
        "UPDATE log_opening SET state = 'lockbox=false' WHERE state = 'lockbox=true'",
        Named::Start,
        "change",
        "a text that does not fit it",
    ),
    (
        "a deleted receipt",
        "DELETE FROM receipt WHERE idx = (SELECT min(r.idx) FROM receipt r)",
        Named::Doctor,
        "receipt",
        "a request; the table says no receipt",
    ),
    (
        "another receipt",
        "UPDATE receipt SET facts = (SELECT r.facts FROM receipt r ORDER BY r.idx DESC LIMIT 1) \
         WHERE idx = (SELECT min(r.idx) FROM receipt r)",
        Named::Doctor,
        "receipt",
        "another receipt than the log commits to",
    ),
    (
        "tokens that were never used",
        "UPDATE usage SET prompt_tokens = prompt_tokens + 1000",
        Named::Doctor,
        "usage",
        "1 served, 0 refused, 0 failed, 10",
    ),
    (
        "requests that are not billed",
        "DELETE FROM usage",
        Named::Doctor,
        "usage",
        "the table says no request",
    ),
    (
        "another reason of a person",
        "UPDATE log_opening SET state = 'nothing' WHERE state = 'an attack, it seems'",
        Named::Doctor,
        "opening",
        "a text that does not fit it",
    ),
];

/// The records of two tenants in each other's places.
const EXCHANGED: &str = "UPDATE record SET span = o.span, position = o.position, bytes = o.bytes, \
     piece = o.piece, pieces = o.pieces FROM (SELECT * FROM record) o \
     WHERE record.idx <> o.idx AND record.idx IN (SELECT min(idx) FROM record UNION SELECT max(idx) \
     FROM record) AND o.idx IN (SELECT min(idx) FROM record UNION SELECT max(idx) FROM record)";

#[test]
fn a_row_that_was_written_without_the_log_is_named() {
    let people = People::start(&PEOPLE);
    let record = set_up(&people);
    let people = people.restarted_after(|files| {
        let database = files.data().join("bailiwick.db");
        // The service was killed: its last commits are in the write-ahead log.
        assert!(sqlite(&database, "PRAGMA wal_checkpoint(TRUNCATE)"));
        let (clean, report) = doctor(files);
        assert!(clean && report["findings"] == json!([]), "{report:#}");
        assert!(report["receipts"].as_u64() >= Some(2), "{report:#}");
        let missed: Vec<_> = ATTACKS.iter().filter_map(|attack| try_one(files, attack)).collect();
        assert!(missed.is_empty(), "{}", missed.join("\n"));
        // No decision depends on this: the service starts.
        assert!(sqlite(&database, EXCHANGED));
        let (clean, report) = doctor(files);
        assert!(!clean && says(&report, "record", "a record of"), "{report:#}");
        let text = succeed_not(files, &["doctor"]);
        assert!(text.contains("DIFFERS: record of entry"), "{text}");
        assert!(text.contains("a service starts on it"), "{text}");
    });
    // The custodian does not open a record in another's place; the log itself is whole.
    let path = format!("/desk/v1/resources/contoso/records/{record}");
    let refused = people.ask("customer", Request::get(&path));
    assert_ne!(refused.status, 200, "{}", refused.text());
    people.verify_log();
}

/// Tries an attack on the files of a stopped service, and takes it back. Returns what went wrong.
fn try_one(files: &Files, (name, sql, named, kind, words): &Attack) -> Option<String> {
    let database = files.data().join("bailiwick.db");
    let saved = fs::read(&database).unwrap();
    let done = sqlite(&database, sql);
    let (clean, report) = doctor(files);
    let mut missed = None;
    if !done || clean || !says(&report, kind, words) {
        missed = Some(format!("{name}: {report:#}"));
    } else if *named == Named::Start {
        let (status, text) = start(files);
        if status != Some(1) || !text.contains("differ from the log") {
            missed = Some(format!("{name}: {status:?}: {text}"));
        }
    }
    // The write-ahead log is empty after the last connection was closed.
    for file in ["bailiwick.db-wal", "bailiwick.db-shm"] {
        let _ = fs::remove_file(files.data().join(file));
    }
    fs::write(&database, saved).unwrap();
    missed
}

/// Returns whether a finding of this kind has these words.
pub(crate) fn says(report: &Value, kind: &str, words: &str) -> bool {
    let text = |finding: &Value| {
        let part = |name: &str| finding[name].as_str().unwrap().to_owned();
        let (which, log, table) = (part("which"), part("log"), part("table"));
        format!("{which}: the log says {log}; the table says {table}")
    };
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["what"] == kind).any(|finding| text(finding).contains(words))
}

/// A reviewer asks for a record of a customer with lockbox; another resource has zero retention, and
/// a third one a record, too. Returns the request of the first record.
fn set_up(people: &People) -> String {
    let files = &people.service.files;
    let contoso = people.service.caller("contoso");
    let fabrikam = people.service.caller("fabrikam");
    people.service.caller("zero");
    files.approve_zero_retention("zero");
    let update = ["resource", "update", "contoso", "--lockbox", "on", "--retention-days", "7"];
    files.cli(&update);
    people.assign("Reviewer", "reviewer", &["--service"]);
    people.assign("Review Manager", "manager", &["--service"]);
    people.assign("Operator", "operator", &["--service"]);
    people.assign("Data Protection Officer", "customer", &[]);
    people.who(&["role", "team", "north"], "reviewer");
    people.who(&["role", "team", "north"], "manager");
    people.who(&["role", "team", "south"], "other-manager");
    people.enroll("desk-1", "local");
    people.enroll("stolen", "local");
    let stolen = people.authority.path("stolen.pem").display().to_string();
    people.who(&["workstation", "revoke", &stolen, "--reason", "stolen"], "operator");
    let reply = contoso.post(&chat_path(CHAT), &contoso.short());
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    fabrikam.post(&chat_path(CHAT), &fabrikam.short()).ok();
    let desk = people.seat(Some("desk-1"));
    for (what, body) in [
        ("flag", json!({"category": "jailbreak"})),
        ("look", json!({"reason": "an attack, it seems"})),
    ] {
        let path = format!("/review/v1/records/{request}/{what}");
        let answer = desk.ask(&people.token("reviewer"), "POST", &path, &body).unwrap();
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    request
}

/// A row that changes while the service runs: it is logged and counted, and no request is served until
/// it is put right.
#[test]
fn a_row_that_changes_under_a_running_service_stops_it() {
    let service = Service::start(&[("BAILIWICK_RETENTION__COMPARE_SECONDS", "1")]);
    let caller = service.caller("watched");
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let database = service.files.data().join("bailiwick.db");
    assert!(sqlite(&database, "UPDATE resource SET retention_days = 7 WHERE name = 'watched'"));
    eventually("it is noticed", || (!service.is_ready()).then_some(()));
    assert!(service.metrics().contains("bailiwick_doctor_findings 1\n"), "{}", service.metrics());
    assert_ne!(caller.post(&chat_path(CHAT), &caller.short()).status, 200);
    let log = service.files.log();
    assert!(log.contains("the log says 30; the table says 7"), "{log}");
    service.files.cli(&["resource", "update", "watched", "--retention-days", "30"]);
    eventually("it is put right", || service.is_ready().then_some(()));
    caller.post(&chat_path(CHAT), &caller.short()).ok();
    let text = crate::process::succeed(service.files.command().arg("doctor"));
    assert!(text.contains("the database says what the log says"), "{text}");
}

/// Runs `bailiwick doctor`; returns whether it found nothing, and its report.
pub(crate) fn doctor(files: &Files) -> (bool, Value) {
    let output = files.command().args(["doctor", "--json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.success(), report)
}

/// Runs a command that fails, and returns its output.
fn succeed_not(files: &Files, words: &[&str]) -> String {
    let output = files.command().args(words).output().unwrap();
    assert!(!output.status.success(), "{words:?}");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Starts the service, which refuses; returns its exit status and its output.
pub(crate) fn start(files: &Files) -> (Option<i32>, String) {
    let [api, operations] = free_addresses();
    let ours = files.command();
    let mut command = Command::new("timeout");
    command.arg("60").arg(ours.get_program()).arg("serve");
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("BAILIWICK_LISTEN__API", api.to_string());
    command.env("BAILIWICK_LISTEN__OPERATIONS", operations.to_string());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), text)
}
