//! The pages about the promises over HTTP: who gets them, their headers and their JSON, and that they
//! name what is broken. `tests/pages` drives them with a real browser.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    broken, canary,
    client::{Reply, Request},
    evidence,
    process::{eventually, files_below, project, succeed},
    records::receipt,
    sdk,
    service::{CHAT, Caller, Service, chat_path, say, shared},
};

const PAGES: [&str; 5] =
    ["/trust", "/trust/receipt", "/trust/receipt/saved", "/trust/log", "/trust/log/0"];

fn public() -> Service {
    Service::start(&[
        ("BAILIWICK_TRUST__PAGES", "public"),
        ("BAILIWICK_TRUST__SECURITY_CONTACT", "mailto:security@example.com"),
        ("BAILIWICK_OPERATOR__NAME", "Example <script>alert(1)</script> GmbH"),
        ("BAILIWICK_RETENTION__COMPARE_SECONDS", "1"),
    ])
}

fn home(service: &Service) -> Value {
    Request::get("/trust?format=json").send(service.api).ok()
}

/// Waits until each check has answered; returns the states by id. There was no self-test, so P12 is stale.
fn states(service: &Service) -> Vec<(String, String)> {
    eventually("each check has answered", || {
        let home = home(service);
        let states: Vec<_> = home["promises"].as_array().unwrap().iter().map(state).collect();
        states.iter().all(|(id, state)| (state == "stale") == (id == "P12")).then_some(states)
    })
}

fn state(promise: &Value) -> (String, String) {
    let text = |name: &str| promise[name].as_str().unwrap().to_owned();
    (text("id"), text("state"))
}

fn with_password(path: &str, key: &str) -> Request {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(format!("anybody:{key}"));
    Request::get(path).header("authorization", &format!("Basic {encoded}"))
}

/// By default only callers get the pages. `roles` tries each page with wrong callers.
#[test]
fn pages_are_for_customers_by_default_and_a_browser_asks_for_the_key() {
    let (service, demo) = (&shared().service, &shared().demo);
    for path in PAGES {
        let refused = Request::get(path).send(service.api);
        refused.error(401);
        assert!(refused.header("www-authenticate").unwrap().starts_with("Basic realm="), "{path}");
        assert_eq!(with_password(path, &demo.key1).send(service.api).status, 200, "{path}");
        assert_eq!(Request::get(path).key(&demo.key1).send(service.api).status, 200, "{path}");
        with_password(path, "wrong").send(service.api).error(401);
        assert_eq!(Request::get(path).send(service.operations).status, 404, "{path}");
    }
    // Without a contact there is no file, for anybody.
    Request::get("/.well-known/security.txt").send(service.api).error(404);
}

#[test]
fn without_pages_there_is_nothing() {
    let service = Service::start(&[
        ("BAILIWICK_TRUST__PAGES", "off"),
        ("BAILIWICK_TRUST__SECURITY_CONTACT", "mailto:security@example.com"),
    ]);
    let caller = service.caller("none");
    for path in PAGES.into_iter().chain(["/.well-known/security.txt"]) {
        Request::get(path).send(service.api).error(404);
        Request::get(path).key(&caller.key1).send(service.api).error(404);
    }
}

/// One service for the steps about public pages, since loading the model is slow.
#[test]
fn public_pages() {
    let service = public();
    let caller = service.caller("pages");
    let said = caller.post(&chat_path(CHAT), &caller.short());
    said.ok();
    // The log is published up to this request before its receipt comes.
    let receipt = receipt(&caller, &said);
    have_strict_headers_and_no_foreign_text(&service);
    say_the_same_as_their_json(&service);
    serve_documents_for_auditors(&service);
    know_the_languages(&service);
    find_entries_and_compare_checkpoints(&service);
    work_in_a_browser(&service, &caller, (&said, &receipt));
    let mark = canary::mark();
    caller.post(&chat_path(CHAT), &say(&mark)).ok();
    evidence::a_bundle_is_verified_offline(&service, &[&mark, &caller.key1]);
    broken::each_promise_breaks(&service, &caller);
}

fn have_strict_headers_and_no_foreign_text(service: &Service) {
    for path in PAGES {
        let page = Request::get(path).send(service.api);
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(page.header(name), Some(value), "{path} {name}");
        }
        assert!(page.header("set-cookie").is_none());
        if path == "/trust/receipt/saved" {
            let disposition = page.header("content-disposition").unwrap();
            assert!(disposition.starts_with("attachment; "), "{disposition}");
            continue;
        }
        assert!(page.text().len() < 150_000, "{path}: {} bytes", page.text().len());
        let page = page.text();
        assert!(
            !page.contains("<script>") && !page.contains(" style=") && !page.contains("<style")
        );
        for script in page.split("<script").skip(1) {
            assert!(script.starts_with(" type=\"module\" src=\"/trust/files/check."), "{path}");
        }
    }
    assert!(Request::get("/trust").send(service.api).text().contains("Example &lt;script&gt;"));
    // Texts of the address get into the page as texts.
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for name in ["kind", "day", "id", "older", "lang", "before", "other"] {
        let path = format!("/trust/log?{name}={hostile}");
        let page = Request::get(&path).send(service.api);
        assert!(page.status == 200 && !page.text().contains("<script"), "{path}");
    }
    for path in ["/trust/log/999999", "/trust/log/01", "/trust/log/x", "/trust/files/style.css"] {
        assert_eq!(Request::get(path).send(service.api).status, 404, "{path}");
    }
    let page = Request::get("/trust").send(service.api).text();
    let style = page.split("/trust/files/").nth(1).unwrap().split('"').next().unwrap();
    let style = Request::get(&format!("/trust/files/{style}")).send(service.api);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    let security = Request::get("/.well-known/security.txt").send(service.api).text();
    assert!(security.contains("Contact: mailto:security@example.com\nExpires: 20"), "{security}");
}

fn say_the_same_as_their_json(service: &Service) {
    let states = states(service);
    assert_eq!(states.len(), 17);
    for (id, state) in &states {
        assert_eq!(state, if id == "P12" { "stale" } else { "kept" }, "{id}");
    }
    let json = Request::get("/trust").header("accept", "application/json").send(service.api);
    assert_eq!(json.header("content-type"), Some("application/json"));
    let json = json.ok();
    let page = Request::get("/trust").send(service.api).text();
    for promise in json["promises"].as_array().unwrap() {
        for field in ["id", "name", "statement", "howToCheck"] {
            assert!(page.contains(promise[field].as_str().unwrap()), "{promise}");
        }
    }
    // Each is in the history, once, and the history survives in the data directory.
    assert_eq!(json["history"].as_array().unwrap().len(), 17);
    assert!(service.files.data().join("trust-history.jsonl").exists());
    let key = fs::read_to_string(service.files.data().join("service.pub")).unwrap();
    assert_eq!(json["service"]["key"], key.trim());
    let checker = Request::get("/trust/receipt?format=json").send(service.api).ok();
    assert_eq!(checker["serviceKey"], key.trim());
    assert_eq!(checker["fingerprint"], json["service"]["fingerprint"]);
    let entry = Request::get("/trust/log/0?format=json").send(service.api).ok();
    assert_eq!((&entry["entry"], &entry["holds"]), (&0.into(), &true.into()), "{entry}");
}

/// The documents for auditors are those of the running service, and compliance-trestle accepts them.
fn serve_documents_for_auditors(service: &Service) {
    let folder = tempfile::tempdir().unwrap();
    let get = |name: &str| {
        let reply = Request::get(&format!("/trust/evidence/{name}")).send(service.api);
        let document = reply.ok();
        fs::write(folder.path().join(name), &reply.body).unwrap();
        document
    };
    let map = get("controls.json").to_string();
    assert!(map.contains("A.8.10") && map.contains("\"kept\""), "{map}");
    let components = get("component-definition.json");
    assert!(components["component-definition"]["components"].is_array(), "{components}");
    let results = get("assessment-results.json");
    let findings = &results["assessment-results"]["results"][0]["findings"];
    let status = |finding: &Value| finding["target"]["status"]["state"].clone();
    let met = findings.as_array().unwrap().iter().filter(|one| status(one) == "satisfied").count();
    assert!(met > 0 && met < findings.as_array().unwrap().len(), "{findings}");
    succeed(Command::new(project().join("scripts/evidence.sh")).arg(folder.path()));
    let none = Request::get("/trust/evidence/other.json").send(service.api);
    assert_eq!(none.status, 404);
}

fn know_the_languages(service: &Service) {
    let get = |path: &str, language: &str| {
        Request::get(path).header("accept-language", language).send(service.api)
    };
    for path in ["/trust", "/trust/receipt", "/trust/log", "/trust/log/0"] {
        let german = get(path, "de-DE,de;q=0.9,en;q=0.8");
        assert_eq!(german.header("content-language"), Some("de"), "{path}");
        assert!(german.text().contains("<html lang=\"de\">"), "{path}");
        assert!(get(path, "fr").text().contains("<html lang=\"en\">"), "{path}");
        assert!(
            get(&format!("{path}?lang=en"), "de").text().contains("<html lang=\"en\">"),
            "{path}"
        );
    }
}

fn find_entries_and_compare_checkpoints(service: &Service) {
    let explore = |query: &str| {
        Request::get(&format!("/trust/log?format=json&{query}")).send(service.api).ok()
    };
    let all = explore("");
    let size = all["head"]["size"].as_u64().unwrap();
    assert_eq!(all["entries"][0]["entry"], size - 1);
    assert_eq!(all["searched"]["from"], 0);
    let starts = explore("kind=start");
    assert!(!starts["entries"].as_array().unwrap().is_empty());
    assert!(starts["entries"].as_array().unwrap().iter().all(|entry| entry["kind"] == "start"));
    let key = explore("kind=key")["entries"][0]["text"].as_str().unwrap().to_owned();
    let id = key.split_whitespace().find(|word| word.starts_with("key_")).unwrap();
    let found = explore(&format!("id={id}"));
    assert_eq!(found["entries"].as_array().unwrap().len(), 1, "{found}");
    let today = &all["entries"][0]["at"].as_str().unwrap()[..10];
    assert_eq!(explore(&format!("day={today}"))["entries"], all["entries"]);
    assert_eq!(explore("day=2001-02-03")["entries"].as_array().unwrap().len(), 0);
    assert_eq!(explore("day=2001-02-30")["trouble"], "day");
    assert_eq!(explore("id=x")["trouble"], "id");
    // Each page goes on where the one before ended.
    let before = explore(&format!("before={}", size - 1));
    assert_eq!(before["entries"][0]["entry"], size - 2);

    let checkpoint = Request::get("/log/checkpoint").send(service.api).text();
    let compare = |text: &str| {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        explore(&format!("older={encoded}"))["consistency"]["result"].clone()
    };
    assert_eq!(compare(&checkpoint), "continues");
    assert_eq!(compare(&checkpoint.trim().replace('\n', "\r\n")), "continues");
    assert_eq!(compare(&checkpoint.replacen('\n', "\n1", 1)), "notOurs");
    assert_eq!(compare("something else"), "notOurs");
}

fn work_in_a_browser(service: &Service, caller: &Caller, (said, receipt): (&Reply, &Reply)) {
    let evidence = tempfile::tempdir().unwrap();
    let save = |name: &str, bytes: &[u8]| fs::write(evidence.path().join(name), bytes).unwrap();
    save("receipt", &receipt.body);
    save("request.json", caller.short().to_string().as_bytes());
    save("response.json", &said.body);
    copy_of_the_log(&service.files.data().join("log"), &evidence.path().join("log"));
    let mut node = sdk::program("node", &format!("http://{}", service.api), caller);
    node.current_dir(project().join("tests/pages"));
    node.env("BAILIWICK_EVIDENCE", evidence.path());
    if let Some(folder) = std::env::var_os("BAILIWICK_TEST_SCREENSHOTS") {
        node.env("BAILIWICK_SCREENSHOTS", project().join(folder));
    }
    succeed(setup(&mut node));
}

/// Copies the log's files, as a mirror has them.
fn copy_of_the_log(from: &Path, to: &Path) {
    for file in files_below(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, copy).unwrap();
    }
}

fn setup(node: &mut Command) -> &mut Command {
    node.args(["--test", "--test-reporter=spec", "pages.test.js"])
}
