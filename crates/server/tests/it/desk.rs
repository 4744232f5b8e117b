//! The desk: a customer applies for zero retention, two of the operator's officers decide, and
//! applicants cannot decide about their own application.

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    people::{Account, People, person, program},
    service::{CHAT, chat_path},
};

const ZERO: &str = "/desk/v1/resources/contoso/zeroRetention";

const PEOPLE: [Account; 6] = [
    person("customer", "contoso"),
    person("stranger", "contoso"),
    person("officer-a", "ops"),
    person("officer-b", "ops"),
    person("operator", "ops"),
    program("program", "ops"),
];

#[test]
fn zero_retention_is_applied_for_and_decided_by_two_others() {
    let people = People::start(&PEOPLE);
    let People { service, desk, .. } = &people;
    let contoso = service.caller("contoso");
    people.assign("Data Protection Officer", "customer", &[]);
    people.assign("Cognitive Services OpenAI User", "stranger", &[]);
    for name in ["officer-a", "officer-b", "program"] {
        people.assign("Data Protection Officer", name, &["--service"]);
    }
    people.assign("Operator", "operator", &["--service"]);
    let ask = |who: &str, request: Request| -> Reply { people.ask(who, request) };
    let post = |who: &str, path: &str, body: &Value| ask(who, Request::post(path, body));
    let application = json!({"useCase": "medical letters", "measures": "filters of our own",
        "days": 90, "reviewAfterAbuse": true});

    // Only some roles may apply.
    assert_eq!(Request::get(ZERO).send(*desk).status, 401);
    assert_eq!(ask("program", Request::get(ZERO)).status, 403, "a program decides nothing");
    assert_eq!(post("stranger", ZERO, &application).status, 403);
    assert_eq!(post("officer-a", ZERO, &application).status, 403, "the operator does not apply");
    let bad = json!({"useCase": " ", "measures": "m", "days": 90});
    assert_eq!(post("customer", ZERO, &bad).status, 400);
    let long = json!({"useCase": "u", "measures": "m", "days": 366});
    assert_eq!(post("customer", ZERO, &long).status, 409);
    let words = [
        "desk",
        "apply",
        "contoso",
        "--use-case",
        "medical letters",
        "--measures",
        "filters of our own",
        "--days",
        "90",
        "--review-after-abuse",
    ];
    let applied = people.types("customer", &words);
    let approval = applied["pending"]["approval"].as_str().unwrap().to_owned();
    assert_eq!(applied["content_logging"], "true");

    // Refused: the applicant, the operator's other people, and a second decision by the same
    // person.
    let decision =
        |approve: bool| json!({"approval": approval, "approve": approve, "reason": "seen"});
    let decide = format!("{ZERO}/decision");
    for nobody in ["customer", "stranger", "operator"] {
        assert_eq!(post(nobody, &decide, &decision(true)).status, 403, "{nobody}");
    }
    let waiting = people.types("officer-a", &["desk", "applications"]);
    assert_eq!(waiting[0]["use_case"], "medical letters", "{waiting}");
    assert_eq!(waiting[0]["applicant_name"], "customer of contoso", "{waiting}");
    assert_eq!(ask("customer", Request::get("/desk/v1/zeroRetention")).ok(), json!([]));
    let once = post("officer-a", &decide, &decision(true)).ok();
    assert_eq!(
        (&once["pending"]["approvals"], &once["content_logging"]),
        (&json!(1), &json!("true"))
    );
    assert_eq!(post("officer-a", &decide, &decision(true)).status, 403, "twice");
    let words =
        ["desk", "decide", "contoso", "--approval", &approval, "--approve", "--reason", "seen"];
    let twice = people.types("officer-b", &words);
    assert_eq!(twice["in_force"]["approval"], approval.as_str(), "{twice}");
    assert_eq!(twice["content_logging"], "false");
    // Zero retention does not switch the prefix cache off, and the officers see that.
    assert_eq!(twice["prefix_cache"], true, "{twice}");
    service.files.cli(&["resource", "update", "contoso", "--prefix-cache", "off"]);
    assert_eq!(ask("customer", Request::get(ZERO)).ok()["prefix_cache"], false);

    // From the next request on, no content is stored, and the resource names the approval.
    let shown = service.files.cli(&["resource", "show", "contoso"]);
    let capability = &shown["capabilities"][0];
    assert_eq!(capability["value"], "false", "{shown}");
    assert!(shown.to_string().contains(&approval), "{shown}");
    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let claims = Request::get(reply.header("x-bailiwick-receipt").unwrap())
        .header("accept", "application/json")
        .key(&contoso.key1)
        .send(contoso.address)
        .ok();
    assert_eq!(claims["retention"]["class"], "none", "{claims}");
    service.files.assert_nowhere(&canary);

    // A withdrawal takes effect at once, and needs the right role.
    let withdrawal = json!({"approval": approval, "reason": "no longer needed"});
    let withdraw = format!("{ZERO}/withdrawal");
    assert_eq!(post("stranger", &withdraw, &withdrawal).status, 403);
    let over = post("customer", &withdraw, &withdrawal).ok();
    assert_eq!((&over["content_logging"], &over["in_force"]), (&json!("true"), &Value::Null));
    assert_eq!(ask("customer", Request::get(ZERO)).ok()["ended"]["how"], "withdrawn_by_customer");

    // The log records every step, and an auditor finds no fault in it.
    people.verify_log();
}

const FILTER: &str = "/desk/v1/resources/contoso/contentFilterExemption";

/// A weaker content filter takes an application of its own: the same people, and no effect on the
/// content that is stored.
#[test]
fn a_weaker_filter_is_applied_for_and_content_stays_stored() {
    let people = People::start(&PEOPLE);
    let People { service, .. } = &people;
    let contoso = service.caller("contoso");
    people.assign("Data Protection Officer", "customer", &[]);
    people.assign("Cognitive Services OpenAI User", "stranger", &[]);
    for name in ["officer-a", "officer-b"] {
        people.assign("Data Protection Officer", name, &["--service"]);
    }
    people.assign("Operator", "operator", &["--service"]);
    let post = |who: &str, path: &str, body: &Value| people.ask(who, Request::post(path, body));
    let get = |who: &str, path: &str| people.ask(who, Request::get(path));

    let filter = ["--for", "content-filter"];
    let desk = |who: &str, words: &[&str]| people.types(who, &[&["desk"], words, &filter].concat());
    let application = json!({"useCase": "u", "measures": "m", "days": 90});
    assert_eq!(post("stranger", FILTER, &application).status, 403);
    let words =
        ["apply", "contoso", "--use-case", "novels", "--measures", "adults", "--days", "90"];
    let applied = desk("customer", &words);
    assert_eq!(applied["kind"], "content_filter", "{applied}");
    assert!(applied.get("content_logging").is_none() && applied.get("prefix_cache").is_none());
    let approval = applied["pending"]["approval"].as_str().unwrap().to_owned();
    // The other kind's list and routes do not know it.
    assert_eq!(get("officer-a", "/desk/v1/zeroRetention").ok(), json!([]));
    assert_eq!(get("customer", ZERO).ok()["pending"], Value::Null);
    assert_eq!(desk("officer-a", &["applications"])[0]["use_case"], "novels");
    let decision = json!({"approval": approval, "approve": true, "reason": "seen"});
    let other = post("officer-a", &format!("{ZERO}/decision"), &decision);
    assert_eq!(other.status, 404, "{:?}", other.json());
    let withdrawal = json!({"approval": approval, "reason": "r"});
    assert_eq!(post("customer", &format!("{ZERO}/withdrawal"), &withdrawal).status, 404);
    let decide = format!("{FILTER}/decision");
    for nobody in ["customer", "stranger", "operator"] {
        assert_eq!(post(nobody, &decide, &decision).status, 403, "{nobody}");
    }
    // Two officers decide, and both kinds can wait and be in force at a time.
    let zero = post("customer", ZERO, &application).ok()["pending"]["approval"].clone();
    assert_eq!(post("officer-a", &decide, &decision).ok()["pending"]["approvals"], 1);
    assert_eq!(post("officer-a", &decide, &decision).status, 403, "twice");
    let words = ["decide", "contoso", "--approval", &approval, "--approve", "--reason", "seen"];
    let twice = desk("officer-b", &words);
    assert_eq!(twice["in_force"]["approval"], approval.as_str(), "{twice}");
    let status = get("customer", ZERO).ok();
    assert_eq!((&status["content_logging"], &status["in_force"]), (&json!("true"), &Value::Null));
    let shown = service.files.cli(&["resource", "show", "contoso"]);
    assert_eq!(shown["capabilities"][0]["value"], "true", "{shown}");
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let claims = Request::get(reply.header("x-bailiwick-receipt").unwrap())
        .header("accept", "application/json")
        .key(&contoso.key1)
        .send(contoso.address)
        .ok();
    assert_ne!(claims["retention"]["class"], "none", "{claims}");

    // The operator ends it, and the other application goes on.
    let words = ["withdraw", "contoso", "--approval", &approval, "--reason", "abuse"];
    let over = desk("officer-a", &words);
    assert_eq!(over["ended"]["how"], "withdrawn_by_operator", "{over}");
    assert_eq!(get("customer", ZERO).ok()["pending"]["approval"], zero);
    people.verify_log();
}
