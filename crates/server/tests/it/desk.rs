//! The desk: a customer applies for zero retention, two of the operator's officers decide, and nobody
//! decides about their own application.

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::{Reply, Request},
    identity::provider::{AUDIENCE, CONTOSO, Client, Provider},
    service::{CHAT, Service, chat_path, free_addresses},
};

const OPS: &str = "33333333-2222-3333-4444-555555555555";
const ZERO: &str = "/desk/v1/resources/contoso/zeroRetention";

/// The people, by the names of their clients: directory and object.
const PEOPLE: [(&str, &str, &str); 5] = [
    ("customer", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000011"),
    ("stranger", CONTOSO, "0e2f6a1c-0000-4000-8000-000000000012"),
    ("officer-a", OPS, "0e2f6a1c-0000-4000-8000-000000000021"),
    ("officer-b", OPS, "0e2f6a1c-0000-4000-8000-000000000022"),
    ("operator", OPS, "0e2f6a1c-0000-4000-8000-000000000023"),
];

#[test]
fn zero_retention_is_applied_for_and_decided_by_two_others() {
    let claims = |tid: &str, oid: &str| json!({"tid": tid, "oid": oid, "scp": "desk"});
    let mut clients: Vec<Client> =
        PEOPLE.iter().map(|(name, tid, oid)| Client::new(name, claims(tid, oid))).collect();
    let mut program = claims(OPS, PEOPLE[2].2);
    program.as_object_mut().unwrap().remove("scp");
    program["idtyp"] = "app".into();
    clients.push(Client::new("program", program));
    let provider = Provider::start(&clients, "rsa-1");
    let issuers = format!(
        "[{{issuer = '{}', audiences = ['{AUDIENCE}'], tenants = {{'{CONTOSO}' = 'contoso', \
         '{OPS}' = 'ops'}}}}]",
        provider.issuer()
    );
    let [desk, _] = free_addresses();
    let service = Service::start(&[
        ("BAILIWICK_LISTEN__DESK", &desk.to_string()),
        ("BAILIWICK_IDENTITY__OPERATOR", "ops"),
        ("BAILIWICK_IDENTITY__ISSUERS", &issuers),
        ("BAILIWICK_EGRESS", &format!("[{{url = '{}'}}]", provider.issuer())),
    ]);
    let contoso = service.caller("contoso");
    service.files.cli(&["tenant", "create", "ops"]);
    let role = |role: &str, who: usize, more: &[&str]| {
        let (_, tid, oid) = PEOPLE[who];
        let tenant = if tid == OPS { "ops" } else { "contoso" };
        let words = ["role", "assign", role, "--tenant", tenant, "--object", oid];
        service.files.cli(&[&words[..], more].concat());
    };
    role("Data Protection Officer", 0, &[]);
    role("Cognitive Services OpenAI User", 1, &[]);
    role("Data Protection Officer", 2, &["--service"]);
    role("Data Protection Officer", 3, &["--service"]);
    role("Operator", 4, &["--service"]);
    let ask = |who: &str, request: Request| -> Reply {
        let token = provider.token(who, AUDIENCE);
        request.header("authorization", &format!("Bearer {token}")).send(desk)
    };
    let post = |who: &str, path: &str, body: &Value| ask(who, Request::post(path, body));
    let application = json!({"useCase": "medical letters", "measures": "filters of our own",
        "days": 90, "reviewAfterAbuse": true});

    // Who may apply, and who may not.
    assert_eq!(Request::get(ZERO).send(desk).status, 401);
    assert_eq!(ask("program", Request::get(ZERO)).status, 403, "a program decides nothing");
    assert_eq!(post("stranger", ZERO, &application).status, 403);
    assert_eq!(post("officer-a", ZERO, &application).status, 403, "the operator does not apply");
    let bad = json!({"useCase": " ", "measures": "m", "days": 90});
    assert_eq!(post("customer", ZERO, &bad).status, 400);
    let long = json!({"useCase": "u", "measures": "m", "days": 366});
    assert_eq!(post("customer", ZERO, &long).status, 409);
    let applied = post("customer", ZERO, &application).ok();
    let approval = applied["pending"]["approval"].as_str().unwrap().to_owned();
    assert_eq!(applied["content_logging"], "true");

    // Neither the applicant, nor the operator's others, nor one person twice.
    let decision =
        |approve: bool| json!({"approval": approval, "approve": approve, "reason": "seen"});
    let decide = format!("{ZERO}/decision");
    for nobody in ["customer", "stranger", "operator"] {
        assert_eq!(post(nobody, &decide, &decision(true)).status, 403, "{nobody}");
    }
    let waiting = ask("officer-a", Request::get("/desk/v1/zeroRetention")).ok();
    assert_eq!(waiting[0]["use_case"], "medical letters", "{waiting}");
    assert_eq!(ask("customer", Request::get("/desk/v1/zeroRetention")).ok(), json!([]));
    let once = post("officer-a", &decide, &decision(true)).ok();
    assert_eq!(
        (&once["pending"]["approvals"], &once["content_logging"]),
        (&json!(1), &json!("true"))
    );
    assert_eq!(post("officer-a", &decide, &decision(true)).status, 403, "twice");
    let twice = post("officer-b", &decide, &decision(true)).ok();
    assert_eq!(twice["in_force"]["approval"], approval.as_str(), "{twice}");
    assert_eq!(twice["content_logging"], "false");

    // From the next request on nothing is kept, and the resource says by which approval.
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

    // Withdrawal is immediate, and only by those who may.
    let withdrawal = json!({"approval": approval, "reason": "no longer needed"});
    let withdraw = format!("{ZERO}/withdrawal");
    assert_eq!(post("stranger", &withdraw, &withdrawal).status, 403);
    let over = post("customer", &withdraw, &withdrawal).ok();
    assert_eq!((&over["content_logging"], &over["in_force"]), (&json!("true"), &Value::Null));
    assert_eq!(ask("customer", Request::get(ZERO)).ok()["ended"]["how"], "withdrawn_by_customer");

    // The log tells of every step, and an auditor finds nothing wrong with it.
    let mut verify = service.files.command();
    verify.args(["verify", "--service-key"]).arg(service.files.data().join("service.pub"));
    let output = verify.arg("log").arg(service.files.data().join("log")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
