//! The owner's view: a customer's officer lists, reads and deletes the records of their own
//! resource, and other people cannot. (`store::ledger::tests::own` tests
//! which records open afterwards from copies of the data.)

use std::fs;

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    people::{Account, People, person},
    process::{files_below, succeed},
    service::{CHAT, Caller, chat_path},
};

const RECORDS: &str = "/desk/v1/resources/contoso/records";
const ACTS: &str = "/desk/v1/resources/contoso/acts";

const PEOPLE: [Account; 7] = [
    person("officer", "contoso"),
    person("user", "contoso"),
    person("operating-officer", "contoso"),
    person("auditing-officer", "contoso"),
    person("foreign-officer", "fabrikam"),
    person("operator", "ops"),
    person("auditor", "ops"),
];

/// The role of each person.
const ROLES: [(&str, &str, &[&str]); 10] = [
    ("officer", "Data Protection Officer", &["--resource", "contoso"]),
    ("user", "Cognitive Services OpenAI User", &[]),
    ("operating-officer", "Data Protection Officer", &[]),
    ("operating-officer", "Operator", &["--service"]),
    ("auditing-officer", "Data Protection Officer", &[]),
    ("auditing-officer", "Auditor", &["--service"]),
    ("foreign-officer", "Data Protection Officer", &["--service"]),
    ("operator", "Operator", &["--service"]),
    ("operator", "Data Protection Officer", &["--service"]),
    ("auditor", "Auditor", &["--service"]),
];

#[test]
fn an_owner_reads_and_deletes_its_own_records_and_nobody_else_does() {
    let people = People::start(&PEOPLE);
    let People { service, desk, .. } = &people;
    let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| service.caller(name));
    let second = ["resource", "create", "contoso-2", "--tenant", "contoso", "--region", "local"];
    service.files.cli(&second);
    for (who, role, more) in ROLES {
        people.assign(role, who, more);
    }
    let ask = |who: &str, method: &str, path: &str| -> Reply {
        people.ask(who, Request::new(method, path))
    };

    // Three requests of Contoso with their answers as sent on the wire, and one of another tenant.
    let sent: Vec<Sent> = (0..3).map(|n| Sent::by(&contoso, n == 1)).collect();
    let foreign = Sent::by(&fabrikam, false);
    let of = |sent: &Sent| format!("{RECORDS}/{}", sent.id);

    // The list, page by page.
    let page = ask("officer", "GET", &format!("{RECORDS}?limit=2")).ok();
    assert_eq!((ids(&page), &page["has_more"]), (sent[..2].iter().map(id).collect(), &json!(true)));
    let item = &page["data"][0];
    assert_eq!((&item["deployment"], &item["status"]), (&json!(CHAT), &json!(200)), "{item}");
    assert!(item["prompt_tokens"].as_u64() > Some(0), "{item}");
    let last = page["last_id"].as_str().unwrap();
    let rest = ask("officer", "GET", &format!("{RECORDS}?limit=2&after={last}")).ok();
    assert_eq!((ids(&rest), &rest["has_more"]), (vec![sent[2].id.as_str()], &json!(false)));
    for bad in ["limit=0", "limit=1001", "limit=x", "before=x", "after=x"] {
        assert_eq!(ask("officer", "GET", &format!("{RECORDS}?{bad}")).status, 400, "{bad}");
    }
    let foreign_cursor = ask("officer", "GET", &format!("{RECORDS}?after={}", foreign.id));
    assert_eq!(foreign_cursor.status, 400);

    // The owner reads exactly the bytes sent on the wire.
    for sent in &sent {
        let reply = ask("officer", "GET", &of(sent));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let shown = reply.ok();
        assert_eq!(shown["request_body"], sent.request, "{shown}");
        assert_eq!(shown["response_body"], sent.response, "{shown}");
        let typed = people.types("officer", &["desk", "record", "contoso", &sent.id]);
        assert_eq!(typed, shown);
    }

    // Other people can neither read nor delete a record; another tenant's record looks like a
    // missing one.
    let own = of(&sent[0]);
    let nothing = format!("{RECORDS}/req_{}", "0".repeat(32));
    for (who, status) in [
        ("user", 403),
        ("operating-officer", 403),
        ("auditing-officer", 403),
        ("foreign-officer", 404),
        ("operator", 403),
        ("auditor", 403),
    ] {
        let refused = ask(who, "GET", &own);
        assert_eq!(refused.status, status, "{who} reads: {}", refused.text());
        assert!(!refused.text().contains(&sent[0].mark), "{who}");
    }
    for who in ["user", "foreign-officer", "operator", "auditor"] {
        for (method, path) in [("GET", RECORDS), ("DELETE", &own), ("DELETE", &nothing)] {
            let refused = ask(who, method, path);
            assert!([403, 404].contains(&refused.status), "{who} {method}: {}", refused.text());
            // Their answer does not reveal whether the record exists.
            assert_eq!(refused.body, ask(who, method, &nothing).body, "{who} {method} {path}");
        }
    }
    let none = ask("officer", "GET", &nothing);
    assert_eq!(none.status, 404);
    let elsewhere = format!("/desk/v1/resources/contoso-2/records/{}", sent[0].id);
    let others = [
        format!("{RECORDS}/{}", foreign.id),
        format!("/desk/v1/resources/fabrikam/records/{}", foreign.id),
        elsewhere,
        format!("{RECORDS}/nonsense"),
    ];
    for path in others {
        for method in ["GET", "DELETE"] {
            let refused = ask("officer", method, &path);
            assert_eq!((refused.status, &refused.body), (404, &none.body), "{method} {path}");
        }
    }
    assert_eq!(Request::get(&own).send(*desk).status, 401);
    assert_eq!(
        Request::get(&own).key(&contoso.key1).send(*desk).status,
        401,
        "a key is no officer"
    );

    // One record is deleted while requests arrive.
    let deleted = std::thread::scope(|scope| {
        let meanwhile = scope.spawn(|| Sent::by(&contoso, false));
        let deleted = ask("officer", "DELETE", &of(&sent[1])).ok();
        (deleted, meanwhile.join().unwrap())
    });
    let (told, fourth) = deleted;
    let expected = json!({"id": sent[1].id, "object": "record", "deleted": true, "shredded": true});
    assert_eq!(told, expected);

    // The record cannot be read, listed or deleted any more; the others are unchanged.
    for method in ["GET", "DELETE"] {
        let gone = ask("officer", method, &of(&sent[1]));
        assert_eq!((gone.status, &gone.body), (404, &none.body), "{method}");
    }
    // The command names the list that has the deletion.
    let mut command = service.files.command();
    command.env("BAILIWICK_TOKEN", people.token("officer"));
    command.env("BAILIWICK_DESK_URL", format!("http://{desk}"));
    let refused = command.args(["desk", "record", "contoso", &sent[1].id]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("`bailiwick desk acts RESOURCE`"), "{told}");
    let left = ask("officer", "GET", RECORDS).ok();
    assert_eq!(ids(&left), [&sent[0], &sent[2], &fourth].map(id));
    for sent in [&sent[0], &sent[2], &fourth] {
        assert_eq!(ask("officer", "GET", &of(sent)).ok()["response_body"], sent.response);
    }
    // The key that sealed it no longer exists: the note of its destruction contains no key. Its
    // receipt is still valid.
    let receipt = Request::get(&format!("/openai/v1/receipts/{}", sent[1].id))
        .header("accept", "application/json")
        .key(&contoso.key1)
        .send(contoso.address)
        .ok();
    let key = receipt["retention"]["key"].as_str().unwrap_or_else(|| panic!("{receipt}"));
    let keys = files_below(&service.files.keys());
    let named = |name: &str| keys.iter().any(|file| file.to_string_lossy().contains(name));
    assert!(named("records/key_") && !named(&format!("records/{key}")), "{key} in {keys:?}");
    let notes = keys.iter().filter(|file| file.to_string_lossy().contains(&format!("/{key}.")));
    notes.for_each(|note| assert_eq!(fs::metadata(note).unwrap().len(), 0, "{}", note.display()));
    // The deleted content is not stored in clear anywhere.
    service.files.assert_nowhere(&sent[1].mark);

    the_officer_sees_who_did_what(&people, &sent, &none);

    // The log records each read and the deletion, and an auditor finds no fault in it.
    let saved = service.files.data().with_extension("receipt");
    let bytes = contoso.get(&format!("/openai/v1/receipts/{}", sent[1].id));
    std::fs::write(&saved, &bytes.body).unwrap();
    people.verify_log();
    let log = service.files.data().join("log");
    let mut verify = service.files.command();
    verify.args(["verify", "--service-key"]).arg(service.files.data().join("service.pub"));
    let told = succeed(verify.arg("receipt").arg(saved).arg("--log").arg(log));
    let counted = "0 looks by reviewers, 2 reads and 1 deletion by its owner, by this log";
    assert!(told.contains(&format!("{}: {counted}", sent[1].id)), "{told}");
}

/// The desk lists reads and deletions with the person and the log entry. Without permission to list
/// the records, people do not see them.
fn the_officer_sees_who_did_what(people: &People, sent: &[Sent], none: &Reply) {
    let ask = |who: &str, path: &str| people.ask(who, Request::new("GET", path));
    let all = ask("officer", ACTS).ok();
    let acts = all["data"].as_array().unwrap();
    let done: Vec<_> =
        acts.iter().map(|act| (act["request"].as_str(), act["act"].as_str())).collect();
    let twice = |n: usize| [(Some(sent[n].id.as_str()), Some("read")); 2];
    // Each record once by HTTP and once on the command line; then the deletion, and the later
    // reads.
    let before = [twice(0), twice(1), twice(2)].concat();
    assert_eq!((&done[..6], done[6]), (&before[..], (Some(sent[1].id.as_str()), Some("deleted"))));
    assert_eq!((done.len(), &all["has_more"]), (10, &json!(false)), "{all}");
    let object = people.find("officer").1;
    for act in acts {
        assert_eq!((&act["object_id"], &act["object"]), (&json!(object), &json!("act")), "{act}");
        assert!(act["person"].as_str().unwrap().starts_with("per_"), "{act}");
        assert!(act["at_ms"].as_u64() > Some(1_764_000_000_000), "{act}");
    }
    // The history of one record equals the log's.
    let deleted = &acts[6];
    let log = people.service.files.data().join("log");
    let mut verify = people.service.files.command();
    verify.args(["verify", "--service-key"]).arg(people.service.files.data().join("service.pub"));
    let told = succeed(verify.arg("log").arg(log).args(["--request", &sent[1].id]));
    for act in acts.iter().filter(|act| act["request"] == deleted["request"]) {
        let (entry, act) = (&act["entry"], act["act"].as_str().unwrap());
        let line = told.lines().find(|line| line.contains(&format!(": entry {entry}, ")));
        let line = line.unwrap_or_else(|| panic!("{entry} in {told}"));
        assert!(line.ends_with(&format!("{act} by its owner")), "{line}");
    }

    // Page by page, and on the command line.
    let page = ask("officer", &format!("{ACTS}?limit=7")).ok();
    assert_eq!((&page["last_id"], &page["has_more"]), (&deleted["entry"], &json!(true)));
    let after = deleted["entry"].to_string();
    let rest = ask("officer", &format!("{ACTS}?after={after}")).ok();
    assert_eq!(rest["data"], json!(acts[7..]));
    let typed = people.types("officer", &["desk", "acts", "contoso", "--after", &after]);
    assert_eq!(typed, rest);
    for bad in ["limit=0", "limit=1001", "limit=x", "before=1", "after=x", "after=-1"] {
        assert_eq!(ask("officer", &format!("{ACTS}?{bad}")).status, 400, "{bad}");
    }

    // Without permission to list the records, people get the same answer there; another tenant's
    // resource looks like a missing one.
    for who in ["user", "foreign-officer", "operator", "auditor"] {
        let refused = ask(who, ACTS);
        assert!([403, 404].contains(&refused.status), "{who}: {}", refused.text());
        assert_eq!(refused.body, ask(who, RECORDS).body, "{who}");
    }
    for other in ["fabrikam", "contoso-2", "nothing"] {
        let path = format!("/desk/v1/resources/{other}/acts");
        let refused = ask("officer", &path);
        assert_eq!((refused.status, &refused.body), (404, &none.body), "{path}");
    }
    assert_eq!(Request::get(ACTS).send(people.desk).status, 401);
}

/// A request with its answer, and the unique marks in them.
struct Sent {
    id: String,
    mark: String,
    request: String,
    response: String,
}

impl Sent {
    fn by(caller: &Caller, streamed: bool) -> Self {
        let mark = mark();
        let body = json!({"messages": [{"role": "user", "content": mark}], "max_tokens": 3,
            "stream": streamed});
        let reply = caller.post(&chat_path(CHAT), &body);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let receipt = reply.header("x-bailiwick-receipt").unwrap();
        let id = receipt.rsplit('/').next().unwrap().to_owned();
        Self { id, mark, request: body.to_string(), response: reply.text() }
    }
}

fn id(sent: &Sent) -> &str {
    &sent.id
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}
