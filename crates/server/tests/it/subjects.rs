//! One person in the data of a tenant: its officer finds, exports, erases and restricts the data
//! of that person, and no one else does.

use std::{
    collections::BTreeSet,
    fs,
    io::{Cursor, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    process::Stdio,
};

use serde_json::{Value, json};
use zip::ZipArchive;

use crate::{
    canary::mark,
    client::{Reply, Request},
    people::{Account, People, person},
    process::{eventually, succeed},
    service::{CHAT, Caller, EMBED, chat_path},
};

const PEOPLE: [Account; 6] = [
    person("officer", "contoso"),
    person("user", "contoso"),
    person("foreign-officer", "fabrikam"),
    person("operator", "ops"),
    person("auditor", "ops"),
    person("reviewer", "ops"),
];

const ROLES: [(&str, &str, &[&str]); 7] = [
    ("officer", "Data Protection Officer", &[]),
    ("user", "Cognitive Services OpenAI User", &[]),
    ("foreign-officer", "Data Protection Officer", &[]),
    ("operator", "Operator", &["--service"]),
    ("operator", "Data Protection Officer", &["--service"]),
    ("auditor", "Auditor", &["--service"]),
    ("reviewer", "Reviewer", &["--service"]),
];

/// The service, with one person in its data, and another.
struct Setting {
    people: People,
    contoso: Caller,
    fabrikam: Caller,
    /// The name of the person.
    person: String,
}

impl Setting {
    fn start() -> Self {
        let people = People::start(&PEOPLE);
        let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| people.service.caller(name));
        for (who, role, more) in ROLES {
            people.assign(role, who, more);
        }
        let person = format!("{}@example.com", mark());
        Self { people, contoso, fabrikam, person }
    }

    fn ask(&self, who: &str, what: &str, body: &Value) -> Reply {
        self.people.ask(who, Request::post(&format!("/desk/v1/subjects/{what}"), body))
    }

    fn find(&self, person: &str) -> Value {
        self.ask("officer", "find", &json!({"subject": person})).ok()
    }

    /// Returns the ids of everything that a search finds.
    fn found(&self, person: &str) -> BTreeSet<String> {
        let found = self.find(person);
        let ids = ["records", "objects"].map(|of| found[of].as_array().unwrap().clone());
        ids.concat().iter().map(|thing| thing["id"].as_str().unwrap().to_owned()).collect()
    }
}

/// A chat request of a person; returns its id and the word in it.
fn chat(caller: &Caller, more: &Value) -> (String, String) {
    let mark = mark();
    let mut body = json!({"messages": [{"role": "user", "content": mark}], "max_tokens": 2});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = caller.post(&chat_path(CHAT), &body);
    assert_eq!(reply.status, 200, "{}", reply.text());
    (request_of(&reply), mark)
}

fn request_of(reply: &Reply) -> String {
    let receipt = reply.header("x-bailiwick-receipt").unwrap();
    receipt.rsplit('/').next().unwrap().to_owned()
}

fn upload(caller: &Caller, purpose: &str, text: &str) -> String {
    let edge = "edge-of-a-form";
    let form = format!(
        "--{edge}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n\
         --{edge}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lines.jsonl\"\r\n\
         Content-Type: application/jsonl\r\n\r\n{text}\r\n--{edge}--\r\n"
    );
    let reply = Request::new("POST", "/openai/v1/files")
        .bytes(form)
        .header("content-type", &format!("multipart/form-data; boundary={edge}"))
        .key(&caller.key1)
        .send(caller.address);
    reply.ok()["id"].as_str().unwrap().to_owned()
}

fn line(id: &str, person: &str, text: &str) -> String {
    let body = json!({"model": CHAT, "max_tokens": 2, "user": person,
        "messages": [{"role": "user", "content": text}]});
    let line =
        json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body});
    line.to_string() + "\n"
}

/// Everything that the person has in the service, and the data of others beside it.
struct Kept {
    /// Ids of the person's data.
    ids: BTreeSet<String>,
    /// Words that only the person said.
    marks: Vec<String>,
    /// Words of others in the same files.
    others: Vec<String>,
    batch: String,
}

fn keep_everything(setting: &Setting) -> Kept {
    let Setting { contoso, person, .. } = setting;
    let (mut ids, mut marks) = (BTreeSet::new(), Vec::new());
    for more in [
        json!({"user": person}),
        json!({"safety_identifier": person, "user": "somebody else"}),
        json!({"user": person, "stream": true}),
        json!({"user": person, "store": true}),
    ] {
        let (request, mark) = chat(contoso, &more);
        ids.insert(request);
        marks.push(mark);
    }
    // A request that was refused has a record, too.
    let mark_refused = mark();
    let refused = json!({"user": person, "messages": mark_refused, "nonsense": 1});
    let reply = contoso.post(&chat_path(CHAT), &refused);
    assert_eq!(reply.status, 400);
    ids.insert(request_of(&reply));
    marks.push(mark_refused);
    // Responses and a conversation.
    let said = mark();
    let body = json!({"model": CHAT, "input": said, "user": person, "max_output_tokens": 16});
    let reply = contoso.post("/openai/v1/responses", &body);
    ids.insert(reply.ok()["id"].as_str().unwrap().to_owned());
    marks.push(said);
    let embedded = mark();
    let body = json!({"model": EMBED, "input": embedded, "user": person});
    let reply = contoso.post("/openai/v1/embeddings", &body);
    reply.ok();
    ids.insert(request_of(&reply));
    marks.push(embedded);
    // A batch with the person's lines and another's.
    let [mine, other] = [mark(), mark()];
    let text = line("a", person, &mine) + &line("b", "somebody else", &other);
    let file = upload(contoso, "batch", &text);
    let body = json!({"input_file_id": file, "endpoint": "/v1/chat/completions",
        "completion_window": "24h"});
    let batch = contoso.post("/openai/v1/batches", &body).ok()["id"].as_str().unwrap().to_owned();
    ids.extend([file, batch.clone()]);
    marks.push(mine);
    Kept { ids, marks, others: vec![other], batch }
}

fn ended(caller: &Caller, batch: &str) -> Value {
    eventually("the batch ends", || {
        let now = caller.get(&format!("/openai/v1/batches/{batch}")).ok();
        (now["status"] == "completed").then_some(now)
    })
}

#[test]
fn a_person_is_found_exported_and_erased_and_nobody_else_learns_of_it() {
    let setting = Setting::start();
    let kept = keep_everything(&setting);
    let over = ended(&setting.contoso, &kept.batch);
    let (_, neighbour) = chat(&setting.contoso, &json!({"user": "somebody else"}));
    let foreign = chat(&setting.fabrikam, &json!({"user": setting.person}));

    // Found: all of it, and nothing of others or of another tenant.
    let found = setting.found(&setting.person);
    let missing: Vec<_> = kept.ids.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?} of {found:?}");
    assert!(found.contains(over["output_file_id"].as_str().unwrap()), "{found:?}");
    assert!(!found.contains(&foreign.0));
    assert!(setting.found("nobody").is_empty());
    let typed =
        setting.people.types("officer", &["desk", "subject", "find", "--user", &setting.person]);
    assert_eq!(
        typed["records"].as_array().unwrap().len(),
        setting.find(&setting.person)["records"].as_array().unwrap().len()
    );
    let theirs = setting.ask("foreign-officer", "find", &json!({"subject": setting.person})).ok();
    let theirs = theirs["records"].as_array().unwrap();
    assert_eq!((theirs.len(), &theirs[0]["id"]), (1, &json!(foreign.0)), "each has its own only");

    others_are_refused(&setting, &kept);
    the_export_is_complete(&setting, &kept, &neighbour);
    the_erasure_is_certified(&setting, &kept, &neighbour);
    // Another tenant's person of the same name is untouched.
    let theirs = setting.ask("foreign-officer", "find", &json!({"subject": setting.person})).ok();
    assert_eq!(theirs["records"].as_array().unwrap().len(), 1);
    setting.people.verify_log();
    // The name is in no log line and no path.
    assert!(!setting.people.service.files.log().contains(&setting.person));
}

fn others_are_refused(setting: &Setting, kept: &Kept) {
    let body = json!({"subject": setting.person});
    let restricted = json!({"subject": setting.person, "restricted": true});
    for what in ["find", "export", "erase", "restrict"] {
        let body = if what == "restrict" { &restricted } else { &body };
        for who in ["user", "operator", "auditor", "reviewer"] {
            let refused = setting.ask(who, what, body);
            let text = refused.text();
            // An operator who is an officer, too, is one of the operator's own tenant.
            let own_tenant = who == "operator" && refused.status == 200;
            assert!(own_tenant || [403, 404].contains(&refused.status), "{who} {what}: {text}");
            assert!(!text.contains(&setting.person), "{who} {what}");
            assert!(kept.ids.iter().all(|id| !text.contains(id)), "{who} {what}: {text}");
        }
        let path = format!("/desk/v1/subjects/{what}");
        let by_key =
            Request::post(&path, body).key(&setting.contoso.key1).send(setting.people.desk);
        assert_eq!(by_key.status, 401, "a key is no officer");
    }
    for bad in [json!({"subject": ""}), json!({"subject": "a", "more": 1}), json!({"user": "a"})] {
        assert_eq!(setting.ask("officer", "find", &bad).status, 400, "{bad}");
    }
}

fn read(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    archive.by_name(name).unwrap_or_else(|_| panic!("{name}")).read_to_string(&mut text).unwrap();
    text
}

fn the_export_is_complete(setting: &Setting, kept: &Kept, neighbour: &str) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("export.zip");
    let mut command = setting.people.service.files.command();
    let mut child = command
        .env("BAILIWICK_TOKEN", setting.people.token("officer"))
        .env("BAILIWICK_DESK_URL", format!("http://{}", setting.people.desk))
        .args(["desk", "subject", "export", "--user-file", "-", "--out"])
        .arg(&out)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", setting.person).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o600);

    let mut archive = ZipArchive::new(Cursor::new(fs::read(&out).unwrap())).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let all: String = names.iter().map(|name| read_any(&mut archive, name)).collect();
    for mark in &kept.marks {
        assert!(all.contains(mark), "{mark} is in the export");
    }
    for other in kept.others.iter().map(String::as_str).chain([neighbour]) {
        assert!(!all.contains(other), "another person's words are not");
    }
    let export: Value = serde_json::from_str(&read(&mut archive, "export.json")).unwrap();
    assert_eq!(export["subject"], json!(setting.person));
    for record in export["records"].as_array().unwrap() {
        assert!(record["missing"].is_null(), "{record}");
        let receipt = record["receipt"].as_str().unwrap_or_else(|| panic!("{record}"));
        assert!(names.iter().any(|name| name == receipt), "{receipt}");
    }
    // Each opened record is an access of the officer, in the log and in the list.
    let acts = setting.people.ask("officer", Request::get("/desk/v1/resources/contoso/acts")).ok();
    let read: BTreeSet<&str> =
        acts["data"].as_array().unwrap().iter().filter_map(|act| act["request"].as_str()).collect();
    for record in export["records"].as_array().unwrap() {
        assert!(read.contains(record["id"].as_str().unwrap()), "{record}");
    }
    // Each digest is right.
    let sums = self::read(&mut archive, "SHA256SUMS");
    assert_eq!(sums.lines().count() + 1, names.len());
    fs::remove_file(&out).unwrap();
    // The service keeps no copy of it, sealed or not.
    for mark in &kept.marks {
        setting.people.service.files.assert_nowhere(mark);
    }
    setting.people.service.files.assert_nowhere(&setting.person);
}

fn read_any(archive: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn the_erasure_is_certified(setting: &Setting, kept: &Kept, neighbour: &str) {
    let files = &setting.people.service.files;
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("erasure.certificate");
    let path = certificate.to_str().unwrap();
    let erase = ["desk", "subject", "erase", "--user", &setting.person, "--files", "--yes"];
    let told = setting.people.types("officer", &[&erase[..], &["--certificate", path]].concat());
    assert_eq!(told["state"], "done", "{told}");
    for store in told["stores"].as_array().unwrap() {
        let left = store["kept"].as_u64().unwrap();
        assert!(left == 0 || store["why"].is_string(), "what is left has a reason: {store}");
    }
    // Nothing is found any more, and nothing opens.
    let left = setting.found(&setting.person);
    assert!(left.is_empty(), "{left:?}");
    for id in kept.ids.iter().filter(|id| id.starts_with("req_")) {
        let path = format!("/desk/v1/resources/contoso/records/{id}");
        assert_eq!(setting.people.ask("officer", Request::get(&path)).status, 404, "{id}");
    }
    for mark in kept.marks.iter().chain([&setting.person]) {
        files.assert_nowhere(mark);
    }
    // The neighbour's record is still there.
    let records = setting.people.ask("officer", Request::get("/desk/v1/resources/contoso/records"));
    let records = records.ok();
    let opens = records["data"].as_array().unwrap().iter().any(|record| {
        let id = record["id"].as_str().unwrap();
        let path = format!("/desk/v1/resources/contoso/records/{id}");
        setting.people.ask("officer", Request::get(&path)).text().contains(neighbour)
    });
    assert!(opens, "others keep what is theirs");

    // The certificate holds, for the person that it is about.
    let verify = |more: &[&str]| {
        let mut verify = files.command();
        verify.args(["verify", "--service-key"]).arg(files.data().join("service.pub"));
        verify.args(["erasure", "--certificate", path]).args(more);
        verify
    };
    let log = files.data().join("log");
    succeed(&mut verify(&["--log", log.to_str().unwrap()]));
    let salt = told["salt"].as_str().unwrap();
    succeed(&mut verify(&["--subject", &setting.person, "--salt", salt]));
    let other = verify(&["--subject", "somebody else", "--salt", salt]).output().unwrap();
    assert!(!other.status.success(), "it is about nobody else");
}

#[test]
fn a_restored_backup_has_nothing_of_an_erased_person() {
    let setting = Setting::start();
    let (request, _) = chat(&setting.contoso, &json!({"user": setting.person}));
    let body = json!({"model": CHAT, "input": "Hi.", "user": setting.person,
        "max_output_tokens": 16});
    let response = setting.contoso.post("/openai/v1/responses", &body).ok();
    let response = format!("/openai/v1/responses/{}", response["id"].as_str().unwrap());
    let home = tempfile::tempdir().unwrap();
    let backup = home.path().join("backup");
    succeed(setting.people.service.files.command().arg("backup").arg(&backup));
    let certificate = home.path().join("erasure.certificate");
    let erase = ["desk", "subject", "erase", "--user", &setting.person, "--yes", "--certificate"];
    let erase = [&erase[..], &[certificate.to_str().unwrap()]].concat();
    let told = setting.people.types("officer", &erase);
    assert_eq!(told["state"], "done", "{told}");

    let Setting { people, contoso, person, .. } = setting;
    let people = people.restarted_after(|files| {
        let old = files.data().with_extension("old");
        fs::rename(files.data(), &old).unwrap();
        let mut restore = files.command();
        restore.arg("restore").arg(&backup).args(["--reason", "a dead disk", "--log"]);
        succeed(restore.arg(old.join("log")));
    });
    let find = Request::post("/desk/v1/subjects/find", &json!({"subject": person}));
    let found = people.ask("officer", find).ok();
    assert_eq!((&found["records"], &found["objects"]), (&json!([]), &json!([])), "{found}");
    let record = Request::get(&format!("/desk/v1/resources/contoso/records/{request}"));
    assert_eq!(people.ask("officer", record).status, 404);
    let contoso = Caller { address: people.service.api, ..contoso };
    assert_eq!(contoso.get(&response).status, 404);
    people.verify_log();
}

#[test]
fn nothing_is_kept_of_a_restricted_person() {
    let setting = Setting::start();
    let Setting { people, contoso, person, .. } = &setting;
    let (before, _) = chat(contoso, &json!({"user": person}));
    let typed = people.types("officer", &["desk", "subject", "restrict", "--user", person, "--on"]);
    assert_eq!(typed["restricted"], true, "{typed}");
    assert_eq!(setting.find(person)["restricted"], true);

    // Answered, and not kept; earlier objects stay.
    let (_, mark) = chat(contoso, &json!({"user": person}));
    assert_eq!(setting.found(person), [before].into());
    let answer = contoso.post(
        "/openai/v1/responses",
        &json!({"model": CHAT, "input": "hi", "user": person, "max_output_tokens": 16}),
    );
    assert_eq!(answer.ok()["store"], false, "{}", answer.text());
    people.service.files.assert_nowhere(&mark);
    for (path, body) in [
        (
            chat_path(CHAT),
            json!({"messages": [{"role": "user", "content": "hi"}], "user": person, "store": true}),
        ),
        (
            "/openai/v1/responses".to_owned(),
            json!({"model": CHAT, "input": "hi", "user": person, "store": true}),
        ),
    ] {
        let refused = contoso.post(&path, &body).error(400);
        assert_eq!(refused["code"], "data_subject_restricted", "{refused}");
        assert!(!refused.to_string().contains(person.as_str()), "{refused}");
    }
    // A line of a batch is refused by itself.
    let file = upload(contoso, "batch", &(line("a", person, "hi") + &line("b", "else", "hi")));
    let body = json!({"input_file_id": file, "endpoint": "/v1/chat/completions",
        "completion_window": "24h"});
    let batch = contoso.post("/openai/v1/batches", &body).ok()["id"].as_str().unwrap().to_owned();
    let over = ended(contoso, &batch);
    assert_eq!(over["request_counts"], json!({"total": 2, "completed": 1, "failed": 1}));

    people.types("officer", &["desk", "subject", "restrict", "--user", person, "--off"]);
    let (after, _) = chat(contoso, &json!({"user": person}));
    assert!(setting.found(person).contains(&after));
}

#[test]
fn a_header_names_the_person_where_the_body_does_not() {
    let setting = Setting::start();
    let Setting { people, contoso, person, .. } = &setting;
    people.service.files.cli(&["resource", "update", "contoso", "--subject-header", "X-End-User"]);
    let send = |value: &str| {
        Request::post(&chat_path(CHAT), &contoso.short())
            .header("x-end-user", value)
            .key(&contoso.key1)
            .send(contoso.address)
    };
    let named = send(person);
    named.ok();
    assert_eq!(setting.found(person), [request_of(&named)].into());
    people.service.files.cli(&["resource", "update", "contoso", "--subject-header", "none"]);
    send(person).ok();
    assert_eq!(setting.found(person).len(), 1, "no header is read");
    let output = people
        .service
        .files
        .command()
        .args(["resource", "update", "contoso", "--subject-header", "authorization"])
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
fn requests_of_persons_have_their_deadlines() {
    let setting = Setting::start();
    let people = &setting.people;
    let receive = ["desk", "subject", "receive", "--right", "erasure", "--reference", "letter 7"];
    let made = people.types("officer", &[&receive[..], &["--received", "2026-01-31"]].concat());
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["right"], &made["state"]), (&json!("erasure"), &json!("received")), "{made}");
    // One calendar month from the last day of January ends with the last day of February.
    assert_eq!(made["due_ms"], json!(1_772_323_200_000_u64), "{made}");
    assert_eq!(made["urgency"], "overdue");
    let late = setting.ask("officer", &format!("requests/{id}/extension"), &json!({"reason": "x"}));
    assert_eq!(late.status, 409, "{}", late.text());

    let now = people.types("officer", &receive);
    let id_now = now["id"].as_str().unwrap();
    let extended =
        people.types("officer", &["desk", "subject", "extend", id_now, "--reason", "many records"]);
    assert!(extended["due_ms"].as_u64() > now["due_ms"].as_u64(), "{extended}");
    assert_eq!(extended["extension"], "many records");
    let listed = people.ask("officer", Request::get("/desk/v1/subjects/requests")).ok();
    let ids: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [id, id_now], "the most urgent first");
    let done = people.types("officer", &["desk", "subject", "answer", id, "--note", "erased"]);
    assert_eq!(done["state"], "answered", "{done}");
    let again = setting.ask("officer", &format!("requests/{id}/refusal"), &json!({"reason": "x"}));
    assert_eq!(again.status, 409);

    // Another tenant's officer sees none of them, nor does an operator with an officer's role.
    let theirs = people.ask("foreign-officer", Request::get("/desk/v1/subjects/requests")).ok();
    assert_eq!(theirs["data"], json!([]));
    let answer = json!({"note": "none"});
    let other = setting.ask("foreign-officer", &format!("requests/{id_now}/answer"), &answer);
    assert_eq!(other.status, 404, "{}", other.text());
    let operator = people.ask("operator", Request::get("/desk/v1/subjects/requests"));
    assert_eq!(operator.ok()["data"], json!([]));
}
