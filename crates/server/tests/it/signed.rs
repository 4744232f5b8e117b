//! Decisions that people sign: the review and the owner's acts, with roots of the operator and of two
//! customers. A decision without a signature, or with a wrong one, changes nothing and names the next
//! step. Whom the operator makes an officer decides nothing.

mod passkey;
mod promised;

use std::{fs, io::Read as _, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tlog::{hex, secret::SecretKey, signature::Signature, statement::Draft};

use crate::{
    canary::mark,
    client::{Reply, Request},
    people::{Account, People, person},
    process::succeed,
    service::{CHAT, Caller, Files, chat_path},
};

const PEOPLE: [Account; 9] = [
    person("reviewer", "ops"),
    person("manager", "ops"),
    person("operator", "ops"),
    person("decider-a", "ops"),
    person("decider-b", "ops"),
    person("officer", "contoso"),
    person("deputy", "contoso"),
    person("made-officer", "contoso"),
    person("foreign-officer", "fabrikam"),
];

/// The service, its people, and their keys.
pub(crate) struct Setting {
    pub(crate) people: People,
    pub(crate) contoso: Caller,
    keys: tempfile::TempDir,
}

impl Setting {
    pub(crate) fn start() -> Self {
        let people = People::start(&PEOPLE);
        let contoso = people.service.caller("contoso");
        people.service.caller("fabrikam");
        people.assign("Reviewer", "reviewer", &["--service"]);
        people.assign("Review Manager", "manager", &["--service"]);
        people.assign("Operator", "operator", &["--service"]);
        for decider in ["decider-a", "decider-b"] {
            people.assign("Data Protection Officer", decider, &["--service"]);
        }
        for officer in ["officer", "deputy", "made-officer", "foreign-officer"] {
            people.assign("Data Protection Officer", officer, &[]);
        }
        for name in ["reviewer", "manager"] {
            people.who(&["role", "team", "north"], name);
        }
        people.enroll("desk-1", "local");
        let setting = Self { people, contoso, keys: tempfile::tempdir().unwrap() };
        let roots = ["ops-root", "contoso-root", "fabrikam-root"];
        for key in roots.into_iter().chain(PEOPLE.iter().map(Account::name)) {
            let mut command = setting.people.service.files.command();
            succeed(command.args(["signer", "new"]).arg(setting.key(key)));
        }
        setting
    }

    /// Stops the service, lets `act` change its files, and starts it again.
    pub(crate) fn restarted_after(self, act: impl FnOnce(&Files)) -> Self {
        Self { people: self.people.restarted_after(act), ..self }
    }

    /// The same, with a provider that makes tokens for everybody, as an attacker wants them.
    pub(crate) fn restarted_with_a_provider_of_the_attacker(self) -> Self {
        Self { people: self.people.restarted_with_a_provider_of_the_attacker(), ..self }
    }

    fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    /// Runs a command of a person that signs with this key.
    pub(crate) fn signs(&self, who: &str, key: &str, words: &[&str]) -> Value {
        let key = self.key(key).display().to_string();
        self.people.types(who, &[words, &["--yes", "--signer", &key]].concat())
    }

    /// Makes a root of one key.
    pub(crate) fn root(&self, who: &str, party: &[&str], key: &str) {
        let key = self.key(key).display().to_string();
        let words = [&["desk", "root", "make", "--yes", "--key", &key], party].concat();
        assert!(self.people.types(who, &words)["entry"].is_u64());
    }

    /// Enrols a person's key, carried by a person of its party and signed by the root.
    pub(crate) fn enroll(
        &self,
        by: &str,
        party: &[&str],
        root: &str,
        (name, capacity): (&str, &str),
    ) {
        let (_, object, _) = self.people.find(name);
        let key = self.key(name).display().to_string();
        let words = ["desk", "signer", "enroll", "--object", &object, "--capacity", capacity];
        self.signs(by, root, &[&words[..], &["--key", &key], party].concat());
    }

    fn secret(&self, name: &str) -> SecretKey {
        let text = fs::read_to_string(self.key(name)).unwrap();
        let digits = text.trim().rsplit(' ').next().unwrap().to_owned();
        SecretKey::from_seed(&hex::decode(&digits).unwrap())
    }

    /// Returns the headers that sign the statement in a refusal.
    fn sign(&self, refused: &Value, key: &str) -> [(&'static str, String); 2] {
        assert_eq!(refused["error"]["code"], "statement_unsigned", "{refused}");
        let bytes = STANDARD.decode(refused["statement"]["bytes"].as_str().unwrap()).unwrap();
        assert_eq!(Draft::read(&bytes).unwrap().bytes(), bytes);
        let secret = self.secret(key);
        let Signature::Raw { signature } = secret.sign(&bytes) else { panic!("an Ed25519 key") };
        let signed =
            format!("{} raw {}", secret.public().fingerprint(), STANDARD.encode(signature));
        let draft = refused["draft"].as_str().unwrap().to_owned();
        [("bailiwick-draft", draft), ("bailiwick-signature", signed)]
    }

    /// Asks the desk twice: for the statement, and with a signature by this key.
    pub(crate) fn asks_signed(&self, who: &str, request: &Request, key: &str) -> Reply {
        let refused = self.people.ask(who, request.clone());
        assert_eq!(refused.status, 409, "{}", refused.text());
        let refused: Value = serde_json::from_slice(&refused.body).unwrap();
        let headers = self.sign(&refused, key);
        let request = headers
            .iter()
            .fold(request.clone(), |request, (name, value)| request.header(name, value));
        self.people.ask(who, request)
    }

    /// The same at the review desk. Returns the status and the answer.
    fn reviews_signed(&self, who: &str, path: &str, body: &Value, key: &str) -> (u16, Value) {
        let (status, refused) = self.reviews(who, path, body, &[]);
        assert_eq!(status, 409, "{refused}");
        self.reviews(who, path, body, &self.sign(&refused, key))
    }

    pub(crate) fn reviews(
        &self,
        who: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, String)],
    ) -> (u16, Value) {
        let more: String =
            headers.iter().map(|(name, value)| format!("\r\n{name}: {value}")).collect();
        // The seat writes the token as the last part of a header.
        let token = self.people.token(who) + &more;
        self.people.seat(Some("desk-1")).ask(&token, "POST", path, body).unwrap()
    }
}

pub(crate) const OPERATOR: [&str; 1] = ["--operator"];
pub(crate) const CONTOSO: [&str; 2] = ["--tenant", "contoso"];
const FABRIKAM: [&str; 2] = ["--tenant", "fabrikam"];

#[test]
fn people_sign_and_nobody_signs_for_them() {
    let setting = Setting::start();
    let people = &setting.people;
    setting.root("operator", &OPERATOR, "ops-root");
    setting.root("officer", &CONTOSO, "contoso-root");
    setting.root("foreign-officer", &FABRIKAM, "fabrikam-root");
    setting.enroll("operator", &OPERATOR, "ops-root", ("reviewer", "reviewer"));
    setting.enroll("operator", &OPERATOR, "ops-root", ("manager", "manager"));
    setting.enroll("officer", &CONTOSO, "contoso-root", ("officer", "officer"));
    let foreign = ("foreign-officer", "officer");
    setting.enroll("foreign-officer", &FABRIKAM, "fabrikam-root", foreign);
    let shown = people.types("officer", &["desk", "signer", "list"]);
    assert_eq!(shown["keys"].as_array().unwrap().len(), 3, "not the other customer's: {shown}");

    // The operator names no officer: neither with its own root, nor with a second root.
    let (_, object, _) = people.find("made-officer");
    let enrol = json!({"kind": "keyEnrolled", "tenant": "contoso", "object": object,
        "key": public(&setting, "made-officer"), "capacities": ["officer"], "days": 30});
    let enrol = Request::post("/desk/v1/roll", &enrol);
    for key in ["ops-root", "made-officer", "fabrikam-root"] {
        let refused = setting.asks_signed("made-officer", &enrol, key);
        assert_eq!(refused.status, 403, "{key}: {}", refused.text());
    }
    let second = json!({"kind": "rootMade", "tenant": "contoso", "keys":
        [public(&setting, "made-officer")]});
    let second = Request::post("/desk/v1/roll", &second);
    let refused = setting.asks_signed("made-officer", &second, "made-officer");
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("has a root already"), "{}", refused.text());

    the_workstation(&setting);
    the_review(&setting);
    the_owner(&setting);
    the_data_subject(&setting);
    the_penalty(&setting);
    the_exemption(&setting);
    the_processor(&setting);

    let replay = people.verify_log();
    assert!(replay.contains("1 look at a record"), "{replay}");
}

/// Only an enroller of the operator enrols a workstation.
fn the_workstation(setting: &Setting) {
    let people = &setting.people;
    let certificate = people.authority.path("desk-2.pem").display().to_string();
    let (tenant, object, _) = people.find("operator");
    let enrol = |key: Option<&str>| {
        let mut command = people.service.files.command();
        command.args(["workstation", "enroll", &certificate, "--name", "desk-2"]);
        command.args(["--region", "local", "--tenant", tenant, "--object", &object, "--yes"]);
        command.args(key.map(|key| ["--signer".into(), setting.key(key)]).into_iter().flatten());
        command.output().unwrap()
    };
    let unsigned = enrol(None);
    let told = String::from_utf8_lossy(&unsigned.stderr).into_owned();
    assert!(!unsigned.status.success() && told.contains("--signer"), "{told}");
    for key in ["ops-root", "manager", "contoso-root"] {
        assert!(!enrol(Some(key)).status.success(), "{key}");
    }
    setting.enroll("operator", &OPERATOR, "ops-root", ("operator", "enroller"));
    let enrolled = enrol(Some("operator"));
    assert!(enrolled.status.success(), "{}", String::from_utf8_lossy(&enrolled.stderr));
}

/// The officer finds and erases a data subject. Each search and each erasure is signed.
fn the_data_subject(setting: &Setting) {
    let Setting { people, contoso, .. } = setting;
    let person = mark();
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2,
        "user": person});
    contoso.post(&chat_path(CHAT), &body).ok();
    let find = Request::post("/desk/v1/subjects/find", &json!({"subject": person}));
    let erase = Request::post("/desk/v1/subjects/erase", &json!({"subject": person}));
    for ask in [&find, &erase] {
        assert_eq!(people.ask("made-officer", ask.clone()).status, 409);
        for (who, key) in [("made-officer", "made-officer"), ("officer", "foreign-officer")] {
            let refused = setting.asks_signed(who, ask, key);
            assert_eq!(refused.status, 403, "{who} with {key}: {}", refused.text());
        }
    }
    let found = setting.asks_signed("officer", &find, "officer").ok();
    assert_eq!(found["records"].as_array().unwrap().len(), 1, "{found}");

    // A signed search alone erases nothing: the erasure has a statement of its own.
    let second = setting.asks_signed("officer", &erase, "officer");
    assert_eq!(second.status, 409, "{}", second.text());
    assert!(second.text().contains("erase everything"), "{}", second.text());

    // The export is whole, and says why it has no content of the records.
    let (export, out) = (["desk", "subject", "export", "--user", &person], setting.key("export"));
    let out = out.display().to_string();
    setting.signs("officer", "officer", &[&export[..], &["--out", &out]].concat());
    let mut archive = zip::ZipArchive::new(fs::File::open(&out).unwrap()).unwrap();
    let mut text = String::new();
    archive.by_name("export.json").unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("takes a signature of its own"), "{text}");

    let erase = ["desk", "subject", "erase", "--user", &person];
    let file = setting.key("certificate").display().to_string();
    let erased =
        setting.signs("officer", "officer", &[&erase[..], &["--certificate", &file]].concat());
    assert_eq!(erased["state"], "done", "{erased}");
    let restrict = ["desk", "subject", "restrict", "--user", &person, "--on"];
    let restricted = setting.signs("officer", "officer", &restrict);
    assert_eq!(restricted["restricted"], true, "{restricted}");
    let received = ["desk", "subject", "receive", "--right", "access", "--reference", "letter 1"];
    let received = setting.signs("officer", "officer", &received);
    assert_eq!(received["state"], "received", "{received}");
}

/// A manager blocks the resource, and its officer appeals; both sign.
fn the_penalty(setting: &Setting) {
    let people = &setting.people;
    let of = |what: &str| format!("/review/v1/resources/contoso/{what}");
    let block = json!({"action": "Block", "days": 7, "reason": "fraud"});
    for key in ["officer", "operator", "made-officer"] {
        let (status, refused) = setting.reviews_signed("manager", &of("penalty"), &block, key);
        assert_eq!(status, 403, "{key}: {refused}");
    }
    let (status, blocked) = setting.reviews_signed("manager", &of("penalty"), &block, "manager");
    assert_eq!(status, 200, "{blocked}");
    let body = json!({"reason": "it was a test"});
    let appeal = Request::post("/desk/v1/resources/contoso/appeal", &body);
    assert_eq!(setting.asks_signed("made-officer", &appeal, "made-officer").status, 403);
    setting.asks_signed("officer", &appeal, "officer").ok();
    let lift = json!({"reason": "they are right"});
    let (status, lifted) = setting.reviews_signed("manager", &of("lift"), &lift, "manager");
    assert_eq!(status, 200, "{lifted}");
    assert_eq!(
        people.types("officer", &["desk", "penalty", "contoso"])["abusePenalty"],
        Value::Null
    );
}

/// Zero retention: the officer applies, two deciders approve, the officer ends it; each signs.
fn the_exemption(setting: &Setting) {
    let path = |what: &str| format!("/desk/v1/resources/contoso/zeroRetention{what}");
    for decider in ["decider-a", "decider-b"] {
        setting.enroll("operator", &OPERATOR, "ops-root", (decider, "decider"));
    }
    let application = json!({"useCase": "letters", "measures": "filters", "days": 90,
        "reviewAfterAbuse": false});
    let apply = Request::post(&path(""), &application);
    assert_eq!(setting.asks_signed("made-officer", &apply, "made-officer").status, 403);
    let applied = setting.asks_signed("officer", &apply, "officer").ok();
    let approval = applied["pending"]["approval"].as_str().unwrap().to_owned();
    let decision = json!({"approval": approval, "approve": true, "reason": "seen"});
    let decide = Request::post(&path("/decision"), &decision);
    assert_eq!(setting.asks_signed("decider-a", &decide, "manager").status, 403);
    setting.asks_signed("decider-a", &decide, "decider-a").ok();
    let decided = setting.asks_signed("decider-b", &decide, "decider-b").ok();
    assert_eq!(decided["content_logging"], "false", "{decided}");
    let withdrawal = json!({"approval": approval, "reason": "no longer needed"});
    let withdraw = Request::post(&path("/withdrawal"), &withdrawal);
    assert_eq!(setting.asks_signed("made-officer", &withdraw, "made-officer").status, 403);
    let over = setting.asks_signed("officer", &withdraw, "officer").ok();
    assert_eq!(over["content_logging"], "true", "{over}");
}

/// The officer allows a processor, and signs that.
fn the_processor(setting: &Setting) {
    let files = &setting.people.service.files;
    let served = ["model", "add", "theirs", "--served", "--task", "chat"];
    files.cli(&[&served[..], &["--context-tokens", "4096"]].concat());
    let mut command = files.command();
    let (address, model) = ("http://127.0.0.1:9", "theirs=theirs");
    command.args(["engine", "add", "cloud", "--kind", "openai", "--url", address]);
    command.args(["--region", "local", "--model", model, "--prefix-cache", "none"]);
    command.args(["--processor", "big-cloud", "--country", "IE", "--contract", "DPA-7"]);
    succeed(command.env("BAILIWICK_EGRESS", format!("[{{ url = \"{address}\" }}]")));
    let path = "/desk/v1/resources/contoso/processors/big-cloud";
    for method in ["PUT", "DELETE"] {
        let ask = Request::new(method, path);
        for (who, key) in [("made-officer", "made-officer"), ("officer", "manager")] {
            let refused = setting.asks_signed(who, &ask, key);
            assert_eq!(refused.status, 403, "{method} {who} {key}: {}", refused.text());
        }
        setting.asks_signed("officer", &ask, "officer").ok();
    }
}

/// The whole review with lockbox: each decision needs the signature of its own person.
fn the_review(setting: &Setting) {
    let Setting { contoso, .. } = setting;
    // The customer promises its lockbox; the operator has no part in it.
    let promise = json!({"kind": "lockbox", "tenant": "contoso", "on": true});
    let promise = Request::post("/desk/v1/roll", &promise);
    for (who, key) in [("made-officer", "made-officer"), ("officer", "ops-root")] {
        assert_eq!(setting.asks_signed(who, &promise, key).status, 403, "{who} with {key}");
    }
    let lockbox = ["desk", "lockbox", "on", "--tenant", "contoso"];
    assert!(setting.signs("officer", "officer", &lockbox)["entry"].is_u64());
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = |what: &str| format!("/review/v1/records/{request}/{what}");
    let flag = json!({"category": "jailbreak"});
    assert_eq!(setting.reviews("reviewer", &path("flag"), &flag, &[]).0, 200, "no one signs it");

    // The reviewer asks. Another person's key, and a key of the wrong party, do not count.
    let reason = json!({"reason": "an attack on the instructions"});
    for key in ["manager", "officer", "made-officer", "ops-root"] {
        let (status, refused) = setting.reviews_signed("reviewer", &path("look"), &reason, key);
        assert_eq!(
            (status, &refused["error"]["code"]),
            (403, &json!("statement_refused")),
            "{key}"
        );
    }
    // A draft counts for the very words that were given.
    let (_, refused) = setting.reviews("reviewer", &path("look"), &reason, &[]);
    let signed = setting.sign(&refused, "reviewer");
    let other = json!({"reason": "something else"});
    assert_eq!(setting.reviews("reviewer", &path("look"), &other, &signed).0, 403);
    let (status, refused) = setting.reviews("reviewer", &path("look"), &reason, &signed);
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("draft_unknown")), "{refused}");
    let words = ["review", "look", &request, "--reason", "an attack on the instructions"];
    let asked = setting.signs("reviewer", "reviewer", &words);
    assert_eq!(asked["waiting"], "manager", "{asked}");
    let grant = asked["grant"].as_str().unwrap().to_owned();

    let body = json!({"grant": grant});
    let (status, refused) = setting.reviews_signed("manager", &path("approval"), &body, "reviewer");
    assert_eq!(status, 403, "{refused}");
    let allowed =
        setting.signs("manager", "manager", &["review", "approve", &request, "--grant", &grant]);
    assert_eq!(allowed["waiting"], "customer", "{allowed}");

    // Neither an officer that the operator made, nor a key of another customer, consents.
    let consent = Request::post(&format!("/desk/v1/records/{request}/consent"), &body);
    for (who, key) in [
        ("made-officer", "made-officer"),
        ("made-officer", "officer"),
        ("officer", "foreign-officer"),
    ] {
        let refused = setting.asks_signed(who, &consent, key);
        assert_eq!(refused.status, 403, "{who} with the key of {key}: {}", refused.text());
    }
    assert_eq!(setting.reviews("reviewer", &path("open"), &body, &[]).0, 409, "no consent");
    let consented =
        setting.signs("officer", "officer", &["desk", "consent", &request, "--grant", &grant]);
    assert_eq!(consented["waiting"], "look", "{consented}");
    let (status, opened) = setting.reviews("reviewer", &path("open"), &body, &[]);
    assert_eq!(status, 200, "{opened}");
    assert!(opened["request_body"].as_str().unwrap().contains(&canary));

    let judgement = json!({"grant": grant, "outcome": "dismissed", "reason": "harmless"});
    let (status, refused) = setting.reviews("reviewer", &path("judgement"), &judgement, &[]);
    assert_eq!((status, &refused["error"]["code"]), (409, &json!("statement_unsigned")));
    let (status, judged) =
        setting.reviews_signed("reviewer", &path("judgement"), &judgement, "reviewer");
    assert_eq!(status, 200, "{judged}");
}

/// The owner reads and deletes its records: each act is signed.
fn the_owner(setting: &Setting) {
    let Setting { people, contoso, .. } = setting;
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = format!("/desk/v1/resources/contoso/records/{request}");
    for method in ["GET", "DELETE"] {
        let ask = Request::new(method, &path);
        let unsigned = people.ask("made-officer", ask.clone());
        assert_eq!(unsigned.status, 409, "{}", unsigned.text());
        assert!(!unsigned.text().contains(&canary));
        for (who, key) in [
            ("made-officer", "made-officer"),
            ("officer", "foreign-officer"),
            ("officer", "manager"),
            ("deputy", "contoso-root"),
        ] {
            let refused = setting.asks_signed(who, &ask, key);
            assert_eq!(refused.status, 403, "{who} with {key}: {}", refused.text());
        }
    }
    let read = setting.signs("officer", "officer", &["desk", "record", "contoso", &request]);
    assert!(read["request_body"].as_str().unwrap().contains(&canary), "{read}");
    let deleted = setting.asks_signed("officer", &Request::new("DELETE", &path), "officer").ok();
    assert_eq!((&deleted["deleted"], &deleted["shredded"]), (&json!(true), &json!(true)));
    assert_eq!(people.ask("officer", Request::get(&path)).status, 404);

    // Without a key, the command line says which step is missing.
    let mut command = people.service.files.command();
    command.env("BAILIWICK_TOKEN", people.token("deputy"));
    command.env("BAILIWICK_DESK_URL", format!("http://{}", people.desk));
    let reply = contoso.post(&chat_path(CHAT), &body);
    let request = reply.header("x-request-id").unwrap().to_owned();
    let refused = command.args(["desk", "erase", "contoso", &request]).output().unwrap();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("bailiwick signer new"), "{told}");
}

fn public(setting: &Setting, name: &str) -> String {
    let mut command = setting.people.service.files.command();
    let shown = succeed(command.args(["signer", "show", "--json"]).arg(setting.key(name)));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    shown["public"].as_str().unwrap().to_owned()
}
