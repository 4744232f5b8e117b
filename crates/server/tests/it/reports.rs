//! Reports for data protection officers, from a running service: for the customer's officer at the desk, and
//! for the operator on the machine. A changed setting is in the next one.

use std::fs;

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    people::{Account, People, person},
    process::succeed,
    service::{CHAT, chat_path},
};

const PEOPLE: [Account; 4] = [
    person("officer", "contoso"),
    person("user", "contoso"),
    person("foreign-officer", "fabrikam"),
    person("operator", "ops"),
];

const KINDS: [&str; 7] =
    ["processing-record", "sub-processors", "transfers", "measures", "dpia", "breach-scope", "dpa"];

fn lines<'r>(report: &'r Value, section: &str) -> &'r Vec<Value> {
    let sections = report["sections"].as_array().unwrap();
    let section = sections.iter().find(|one| one["id"] == section).unwrap();
    section["lines"].as_array().unwrap()
}

fn line<'r>(report: &'r Value, section: &str, item: &str) -> &'r Value {
    let found = lines(report, section).iter().find(|line| line["item"] == item);
    found.unwrap_or_else(|| panic!("{item}: {report}"))
}

#[test]
fn an_officer_gets_the_papers_that_the_service_writes_itself() {
    let people = People::start(&PEOPLE);
    let People { service, .. } = &people;
    let [contoso, _] = ["contoso", "fabrikam"].map(|name| service.caller(name));
    people.assign("Data Protection Officer", "officer", &["--resource", "contoso"]);
    people.assign("Cognitive Services OpenAI User", "user", &[]);
    people.assign("Data Protection Officer", "foreign-officer", &["--service"]);
    people.assign("Operator", "operator", &["--service"]);
    people.assign("Data Protection Officer", "operator", &["--service"]);
    let path = |kind: &str| format!("/desk/v1/resources/contoso/reports/{kind}");
    let get = |who: &str, path: &str| -> Reply { people.ask(who, Request::get(path)) };

    // A request with a secret, whose record the officer reads.
    let secret = mark();
    let prompt = json!({"messages": [{"role": "user", "content": secret}], "max_tokens": 4});
    let answered = contoso.post(&chat_path(CHAT), &prompt);
    let receipt = answered.header("x-bailiwick-receipt").unwrap();
    let request = receipt.rsplit('/').next().unwrap().to_owned();
    answered.ok();
    get("officer", &format!("/desk/v1/resources/contoso/records/{request}")).ok();

    // Each kind, as JSON and as a page; no content anywhere.
    for kind in KINDS {
        let report = get("officer", &path(kind)).ok();
        assert_eq!((&report["kind"], &report["tenant"]), (&json!(kind), &json!("contoso")));
        assert_eq!(report["resources"], json!(["contoso"]), "{kind}");
        let page = get("officer", &format!("{}?format=html", path(kind)));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        for text in [report.to_string(), page.text()] {
            assert!(!text.contains(&secret), "{kind}");
            assert!(!text.contains("<script"), "{kind}");
        }
    }
    assert_eq!(get("officer", &path("nonsense")).status, 400);
    assert_eq!(get("officer", &format!("{}?from=yesterday", path("dpia"))).status, 400);

    // The command prints the same, and writes the page to a file.
    let typed =
        people.types("officer", &["desk", "report", "breach-scope", "--resource", "contoso"]);
    let scope = get("officer", &path("breach-scope")).ok();
    assert_eq!(typed["sections"], scope["sections"]);
    let read = lines(&scope, "accesses").iter().find(|line| line["data"]["read"] == true).unwrap();
    assert_eq!(read["data"]["request"], json!(request), "{read}");
    let (_, object, _) = people.find("officer");
    assert!(read["value"].as_str().unwrap().contains(&object), "the officer sees who: {read}");
    assert_eq!(line(&scope, "summary", "Read in the period")["data"]["ownReads"], 1);
    let past = get("officer", &format!("{}?from=2020-01&to=2020-02", path("breach-scope"))).ok();
    assert!(lines(&past, "accesses").is_empty(), "{past}");

    // The operator sees that it was read, and not its reader.
    let files = &service.files;
    let told = files.cli(&["report", "breach-scope", "--resource", "contoso"]);
    let read = lines(&told, "accesses").iter().find(|line| line["data"]["read"] == true).unwrap();
    assert_eq!(read["data"]["request"], json!(request));
    assert!(!told.to_string().contains(&object), "{told}");
    let page = files.data().join("record.html");
    let mut command = files.command();
    command.args(["report", "processing-record", "--tenant", "contoso", "--html"]).arg(&page);
    succeed(&mut command);
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!DOCTYPE html>"));

    // A setting changes, and the next report has it.
    let days = |report: &Value| {
        line(report, "retention", "Prompts and answers")["data"]["days"].as_u64().unwrap()
    };
    assert_eq!(days(&get("officer", &path("processing-record")).ok()), 30);
    files.cli(&["resource", "update", "contoso", "--retention-days", "9"]);
    assert_eq!(days(&get("officer", &path("processing-record")).ok()), 9);
    let terms = get("officer", &path("dpa")).ok();
    let deletion = line(&terms, "duties", "Return and deletion")["value"].as_str().unwrap();
    assert!(deletion.contains("contoso after 9 days"), "{deletion}");

    // The running processes are confined, and the report says so.
    let measures = get("officer", &path("measures")).ok();
    let gateway = line(&measures, "processes", "Process: gateway");
    assert_eq!(gateway["data"]["seccomp"], true, "{gateway}");
    let destinations = line(&measures, "network", "Destinations that the service may dial");
    assert!(destinations["value"].as_str().unwrap().contains("http"), "{destinations}");

    // Others do not get them.
    for who in ["user", "foreign-officer", "operator"] {
        for kind in KINDS {
            let refused = get(who, &path(kind));
            assert!([403, 404].contains(&refused.status), "{who} {kind}: {}", refused.text());
        }
        let all = get(who, "/desk/v1/reports/measures");
        let none = all.status >= 400 || !all.text().contains("contoso");
        assert!(none, "{who}: {}", all.text());
    }
    assert_eq!(Request::get(&path("dpia")).send(people.desk).status, 401);
    people.verify_log();
}
