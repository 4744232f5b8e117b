//! An officer whose key is a passkey: Chromium's virtual authenticator makes it and signs with it, on a
//! page of the desk's own host.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tlog::{canon::Digest, hex, key::Key};

use super::{CONTOSO, OPERATOR, Setting};
use crate::{
    canary::mark,
    client::{Reply, Request},
    process::{project, succeed},
    service::{CHAT, chat_path},
};

/// The website of the passkeys: the host of the desk's page.
const WEBSITE: &str = "localhost";

/// A browser with an authenticator.
struct Browser {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Browser {
    fn start(desk: &str) -> Self {
        succeed(&mut Command::new(project().join("scripts/sdk.sh")));
        let mut node = Command::new(project().join(".cache/venv/bin/node"));
        node.current_dir(project().join("tests/pages")).arg("passkey.js");
        node.env("BAILIWICK_URL", desk).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = node.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { ask: process.stdin.take(), process, answers }
    }

    fn does(&mut self, command: &Value) -> Value {
        writeln!(self.ask.as_mut().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the browser ended at {command}"))
    }

    /// Makes a passkey and returns it as the desk reads keys, with its fingerprint.
    fn create(&mut self) -> (String, String) {
        let made = self.does(&json!({"create": true}));
        let info = STANDARD.decode(made["publicKey"].as_str().unwrap()).unwrap();
        let (x, y) = info[info.len() - 64..].split_at(32);
        let mut point = [0; 33];
        point[0] = if y[31].is_multiple_of(2) { 2 } else { 3 };
        point[1..].copy_from_slice(x);
        let website = Digest::of(&[WEBSITE.as_bytes()]);
        let key = Key::p256(point, Some(website)).unwrap();
        (format!("p256:{}@{website}", hex::encode(&point)), key.fingerprint().to_string())
    }

    /// Signs the statement of a refusal: the challenge is its digest.
    fn sign(&mut self, refused: &Value, fingerprint: &str) -> String {
        let digest = refused["statement"]["digest"].as_str().unwrap();
        let challenge: [u8; 32] = hex::decode(digest).unwrap();
        let signed = self.does(&json!({"sign": STANDARD.encode(challenge)}));
        let part = |name: &str| signed[name].as_str().unwrap().to_owned();
        let (data, client) = (part("authenticatorData"), part("clientData"));
        format!("{fingerprint} passkey {data} {client} {}", part("signature"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.process.wait();
    }
}

/// Asks the desk with signatures of an earlier answer.
fn signed(setting: &Setting, request: &Request, refused: &Value, signatures: &[String]) -> Reply {
    let draft = refused["draft"].as_str().unwrap();
    let request = request.clone().header("bailiwick-draft", draft);
    let request = signatures
        .iter()
        .fold(request, |request, signature| request.also("bailiwick-signature", signature));
    setting.people.ask("officer", request)
}

fn unsigned(setting: &Setting, request: &Request) -> Value {
    let refused = setting.people.ask("officer", request.clone());
    assert_eq!(refused.status, 409, "{}", refused.text());
    serde_json::from_slice(&refused.body).unwrap()
}

#[test]
fn an_officer_signs_with_a_passkey() {
    let setting = Setting::start();
    let people = &setting.people;
    setting.root("operator", &OPERATOR, "ops-root");
    setting.root("officer", &CONTOSO, "contoso-root");
    let page = format!("http://{WEBSITE}:{}/desk/v1/roll", people.desk.port());
    let (mut browser, mut stranger) = (Browser::start(&page), Browser::start(&page));
    let (public, fingerprint) = browser.create();
    stranger.create();

    // The root names the officer, and the passkey proves that its holder has it.
    let (_, object, _) = people.find("officer");
    let enrol = json!({"kind": "keyEnrolled", "tenant": "contoso", "object": object, "key": public,
        "capacities": ["officer"], "days": 30});
    let enrol = Request::post("/desk/v1/roll", &enrol);
    for (by, status) in [(&mut stranger, 403), (&mut browser, 200)] {
        let refused = unsigned(&setting, &enrol);
        let [_, (_, root)] = setting.sign(&refused, "contoso-root");
        let possession = by.sign(&refused, &fingerprint);
        let mut both = [root, possession];
        both.sort_unstable();
        let answer = signed(&setting, &enrol, &refused, &both);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let listed = people.types("officer", &["desk", "signer", "list"]);
    assert_eq!(listed["keys"][0]["key"], json!(fingerprint), "{listed}");

    // The owner reads a record: the custodian checks the passkey's signature, too.
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = setting.contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap();
    let read = Request::get(&format!("/desk/v1/resources/contoso/records/{request}"));
    let refused = unsigned(&setting, &read);
    let forged = stranger.sign(&refused, &fingerprint);
    assert_eq!(signed(&setting, &read, &refused, &[forged]).status, 403);
    let refused = unsigned(&setting, &read);
    let good = browser.sign(&refused, &fingerprint);
    let shown = signed(&setting, &read, &refused, std::slice::from_ref(&good));
    assert!(shown.status == 200 && shown.text().contains(&canary), "{}", shown.text());
    // The same signature does not serve again.
    let refused = unsigned(&setting, &read);
    assert_eq!(signed(&setting, &read, &refused, &[good]).status, 403);
    people.verify_log();
}
