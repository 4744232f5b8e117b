use serde_json::{Value, json};

use super::super::{
    Answer, Desk,
    act::Asked,
    find, outcome,
    testing::{HOSTILE, NOW, check, hostile, page, visit},
};
use crate::{
    format::{Query, encoded},
    time::DAY_MS,
    words::Lang,
};

fn request(id: &str, urgency: &str) -> Value {
    let is_over = urgency == "over";
    json!({
        "id": id, "object": "subject.request", "right": "erasure",
        "state": if is_over { "answered" } else { "received" }, "reference": "letter 7",
        "received_ms": NOW - 25 * DAY_MS, "due_ms": NOW + 5 * DAY_MS, "extension": null,
        "reason": null, "ended_ms": is_over.then_some(NOW), "urgency": urgency, "remark": "5 days left",
    })
}

fn list() -> Value {
    let data =
        json!([request("dsr_1", "overdue"), request("dsr_2", "dueSoon"), request("dsr_3", "over")]);
    json!({"object": "list", "data": data, "has_more": false})
}

/// The answer of an erasure, as the API makes it.
fn erasure(state: &str) -> Value {
    match state {
        "done" => json!({
            "object": "subject.erasure", "request": "dsr_1", "state": "done",
            "salt": "7583c0b55ec757de73e09efede1dc1ec", "started_ms": NOW - 900, "finished_ms": NOW,
            "stores": [
                {"name": "records", "found": 8, "erased": 8, "kept": 0, "why": null},
                {"name": "files", "found": 2, "erased": 0, "kept": 2, "why": "a line cannot be cut out"},
            ],
            "entry": 1116, "certificate": "AAEC",
        }),
        _ => json!({"object": "subject.erasure", "request": "dsr_1", "state": "pending",
            "salt": "7583", "stores": []}),
    }
}

fn found(restricted: bool) -> Value {
    json!({
        "object": "subject.found", "request": "dsr_9", "entry": 7,
        "records": [{"id": "req_1", "object": "record", "resource": "prod", "deployment": "gpt-4o",
            "started_ms": NOW - DAY_MS, "finished_ms": NOW, "status": 200, "prompt_tokens": 1,
            "completion_tokens": 1, "deadline_ms": NOW + DAY_MS, "flagged": false, "looks": []}],
        "objects": [{"id": "file-1", "object": "object", "class": "file", "resource": "prod",
            "created_ms": NOW, "expires_ms": null, "bytes": 7, "made_by": "req_2", "why": "w", "lines": [1]}],
        "stores": [{"name": "records", "found": 1, "note": ""}, {"name": "flags", "found": 0, "note": ""},
            {"name": "usage", "found": 0, "note": "numbers"}],
        "adapters": [], "abuse_counters": [], "looks": [{"what": "read"}], "restricted": restricted,
    })
}

/// Returns the page after a form whose request has this path.
fn after(path: &str, fields: &str, then: &str, answer: Value) -> String {
    let form = format!("request=POST%20{path}&then={then}&back=/pages/subjects{fields}");
    let asked = Asked::read(&Query::parse(&form)).unwrap();
    let answer = Answer::Value(answer);
    for lang in [Lang::De, Lang::En] {
        check(&outcome(&visit(Desk::Owner, lang), &asked, &answer).unwrap());
    }
    outcome(&visit(Desk::Owner, Lang::En), &asked, &answer).unwrap()
}

fn search(subject: &str, answer: Value) -> String {
    let fields = format!("&text:subject={}", encoded(subject));
    after("/desk/v1/subjects/find", &fields, "subject", answer)
}

#[test]
fn requests_are_listed_with_their_deadlines() {
    let page = page(Desk::Owner, "/subjects", &[list()]);
    assert!(page.contains("in 5 d 0 h") && page.contains("overdue") && page.contains("due soon"));
    assert!(page.contains("href=\"/pages/subjects/dsr_3\""));
    let choice =
        page.split("name=\"text:request\"").nth(1).unwrap().split("</select>").next().unwrap();
    assert!(
        choice.contains("dsr_1") && !choice.contains("dsr_3"),
        "an ended request needs no answer"
    );
    // The day on which a request was received: yesterday, as the number that the API takes.
    let day = (NOW - DAY_MS) / DAY_MS * DAY_MS;
    assert!(page.contains(&format!("<option value=\"{day}\">2026-11-29</option>")));
}

#[test]
fn an_officer_of_no_requests_still_finds_a_person() {
    let empty = json!({"object": "list", "data": [], "has_more": false});
    let page = page(Desk::Owner, "/subjects", &[empty]);
    assert!(page.contains("name=\"text:subject\"") && page.contains("No requests."));
}

#[test]
fn one_request_has_its_steps_and_the_certificate() {
    let one = page(Desk::Owner, "/subjects/dsr_1", &[list(), erasure("done")]);
    for step in ["answer", "extension", "refusal"] {
        assert!(one.contains(&format!("POST /desk/v1/subjects/requests/dsr_1/{step}")), "{step}");
    }
    assert!(one.contains("download=\"dsr_1.certificate\""));
    let view = find(Desk::Owner, "/subjects/dsr_3", &Query::default()).unwrap();
    let none = Answer::of(404, br#"{"error": {"code": "NotFound", "message": "no certificate"}}"#);
    let over = view.html(&visit(Desk::Owner, Lang::En), &[Answer::Value(list()), none]);
    assert!(
        !over.contains("method=\"post\" action=\"/pages/act\"") && !over.contains("no certificate")
    );
}

#[test]
fn what_was_found_leads_to_the_acts_without_typing_the_name_again() {
    let page = search("Alice <x>", found(false));
    for act in ["export", "erase", "restrict"] {
        assert!(page.contains(&format!("POST /desk/v1/subjects/{act}")), "{act}");
    }
    assert_eq!(page.matches("name=\"text:subject\" value=\"Alice &lt;x&gt;\"").count(), 3);
    assert_eq!(page.matches("name=\"text:request\" value=\"dsr_9\"").count(), 3);
    assert!(page.contains("name=\"flag:restricted\" value=\"true\""));
    assert!(
        page.contains("under this name: 2.") && page.contains("/pages/data/prod/records/req_1")
    );
    assert!(
        page.contains("name=\"back\" value=\"/pages/subjects\"") && !page.contains("format=json")
    );
    let restricted = search("Alice", found(true));
    assert!(restricted.contains("name=\"flag:restricted\" value=\"false\""));
}

#[test]
fn hostile_names_stay_text() {
    search(HOSTILE, hostile(&found(false)));
    after("/desk/v1/subjects/erase", "", "erasure", hostile(&erasure("done")));
}

#[test]
fn many_findings_fit_on_a_page() {
    let mut many = found(false);
    many["records"] = vec![many["records"][0].clone(); 5000].into();
    many["objects"] = vec![many["objects"][0].clone(); 5000].into();
    assert!(search("Alice", many).contains("The first 100; the export has all."));
}

#[test]
fn an_erasure_shows_its_salt_once_and_the_certificate_as_a_file() {
    let page = after("/desk/v1/subjects/erase", "", "erasure", erasure("done"));
    assert!(page.contains("7583c0b55ec757de73e09efede1dc1ec") && page.contains("1\u{202f}116"));
    assert!(page.contains("href=\"data:application/octet-stream;base64,AAEC\""));
    assert!(page.contains("a line cannot be cut out"));
    let page = after("/desk/v1/subjects/erase", "", "erasure", erasure("pending"));
    assert!(
        page.contains("Some keys could not be destroyed at once") && !page.contains("download=")
    );
}
