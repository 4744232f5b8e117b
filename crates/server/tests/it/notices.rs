//! Notices: each reaches the destination of its side once, signed and without content, also after a failure
//! and a restart.

use std::{fs, net::TcpListener};

use serde_json::{Value, json};

use crate::{
    canary::mark,
    client::Request,
    hook::{Hook, Message, url},
    people::{People, Seat},
    process::{bailiwick, eventually},
    review::PEOPLE,
    service::{CHAT, Caller, Service, chat_path, free_addresses},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The settings of destinations: each with its URL, the name of its tenant, and the variable with its secret.
/// The states of promises are left out: they depend on the machine.
fn settings(all: &[(&str, Option<&str>, &str)]) -> String {
    let one = |(url, tenant, secret): &(&str, Option<&str>, &str)| {
        let more = match tenant {
            Some(name) => {
                format!("tenant = '{name}', kinds = ['review.consent', 'subject.deadline']")
            }
            None => "kinds = ['review.flagged', 'review.approval', 'penalty.appeal', \
                     'exemption.application', 'certificate.expiry']"
                .to_owned(),
        };
        format!("{{url = '{url}', secret_env = '{secret}', {more}}}")
    };
    format!("[{}]", all.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Starts a service with these destinations.
fn start(all: &[(&str, Option<&str>, &str)]) -> People {
    let origins: Vec<_> =
        all.iter().map(|(url, ..)| url.strip_suffix("/hook/secret-path").unwrap()).collect();
    let more = [
        ("BAILIWICK_NOTICES", &*settings(all)),
        ("NOTICE_SECRET", SECRET),
        ("OTHER_SECRET", OTHER_SECRET),
    ];
    let people = People::beside_with(&PEOPLE, &origins, &more);
    people.assign("Reviewer", "reviewer", &["--service"]);
    people.assign("Review Manager", "manager", &["--service"]);
    people.assign("Operator", "operator", &["--service"]);
    for name in ["reviewer", "manager"] {
        people.who(&["role", "team", "north"], name);
    }
    people.enroll("desk-1", "local");
    people
}

/// A record with a mark in it, which a reviewer flags.
fn flag(people: &People, seat: &Seat, caller: &Caller, canary: &str) -> String {
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2,
        "user": format!("user-{canary}")});
    let reply = caller.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = format!("/review/v1/records/{request}/flag");
    let flag = json!({"category": "jailbreak"});
    assert_eq!(seat.ask(&people.token("reviewer"), "POST", &path, &flag).unwrap().0, 200);
    request
}

/// The one message of a kind.
fn one(hook: &Hook, kind: &str) -> Message {
    let all = hook.of_kind(kind);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

fn metric(service: &Service, name: &str) -> u64 {
    let metrics = service.metrics();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

#[test]
fn each_side_is_told_once_of_what_its_people_do() {
    let (operator, customer, other) = (Hook::start(), Hook::start(), Hook::start());
    // It accepts connections, and never answers.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let silent_url = url(silent.local_addr().unwrap());
    let people = start(&[
        (&silent_url, None, "NOTICE_SECRET"),
        (&operator.url(), None, "NOTICE_SECRET"),
        (&customer.url(), Some("contoso"), "OTHER_SECRET"),
        (&other.url(), Some("fabrikam"), "OTHER_SECRET"),
    ]);
    let contoso = people.service.caller("contoso");
    people.service.caller("fabrikam");
    people.assign("Data Protection Officer", "customer", &[]);
    people.service.files.cli(&["resource", "update", "contoso", "--lockbox", "on"]);
    let seat = people.seat(Some("desk-1"));
    let canary = mark();

    let request = flag(&people, &seat, &contoso, &canary);
    let flagged = one(&operator, "review.flagged");
    assert!(flagged.is_signed_with(SECRET) && !flagged.is_signed_with(OTHER_SECRET));
    assert!(flagged.id().starts_with("msg_"), "{flagged:?}");
    let json = flagged.json();
    let service = fs::read_to_string(people.service.files.data().join("service.pub")).unwrap();
    let service = service.split('+').next().unwrap();
    let page = json["data"]["page"].as_str().unwrap().to_owned();
    assert!(page.starts_with("/pages"), "{json}");
    let data = json!({"service": service, "request": request, "resource": "contoso", "page": page});
    assert_eq!(json["data"], data, "exactly these fields");
    let keys: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type", "timestamp", "data"]);

    // An access request waits for the manager, then for the customer.
    let post = |who: &str, what: &str, body: &Value| {
        let path = format!("/review/v1/records/{request}/{what}");
        let (status, answer) = seat.ask(&people.token(who), "POST", &path, body).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let asked = post("reviewer", "look", &json!({"reason": format!("because of {canary}")}));
    let grant = asked["grant"].as_str().unwrap();
    let approval = one(&operator, "review.approval").json();
    assert_eq!(approval["data"]["grant"], grant, "{approval}");
    assert!(approval["data"]["deadline"].as_str().unwrap().ends_with('Z'), "{approval}");
    post("manager", "approval", &json!({"grant": grant}));
    let consent = one(&customer, "review.consent");
    assert!(consent.is_signed_with(OTHER_SECRET) && !consent.is_signed_with(SECRET));
    let json = consent.json();
    assert_eq!(
        (&json["data"]["grant"], &json["data"]["request"]),
        (&json!(grant), &json!(request))
    );
    // The owner's pages count it.
    let known = people.ask("customer", Request::get("/desk/v1/resources")).ok();
    let [known] = known.as_array().unwrap().as_slice() else { panic!("{known}") };
    assert_eq!((&known["name"], &known["waiting_for_consent"]), (&json!("contoso"), &json!(1)));
    assert_eq!((&known["lockbox"], &known["retention_days"]), (&json!(true), &json!(30)));

    // A data subject's deadline: it has passed already.
    let receive = ["desk", "subject", "receive", "--right", "erasure", "--received", "2026-01-31"];
    let made = people.types("customer", &[&receive[..], &["--reference", &canary]].concat());
    let deadline = one(&customer, "subject.deadline").json();
    assert_eq!(deadline["data"]["subjectRequest"], made["id"], "{deadline}");
    assert_eq!(deadline["data"]["daysLeft"], 0, "{deadline}");
    assert_eq!(deadline["data"]["deadline"], "2026-03-01T00:00:00Z", "{deadline}");

    // An application, and an appeal.
    let application = json!({"useCase": canary, "measures": canary, "days": 90});
    let path = "/desk/v1/resources/contoso/zeroRetention";
    let applied = people.ask("customer", Request::post(path, &application)).ok();
    let waits = one(&operator, "exemption.application").json();
    assert_eq!(waits["data"]["application"], applied["pending"]["approval"], "{waits}");
    assert_eq!(waits["data"]["resource"], "contoso", "{waits}");
    let block =
        json!({"action": "Throttle", "rateLimitPercentage": 50, "days": 7, "reason": canary});
    let path = "/review/v1/resources/contoso/penalty";
    assert_eq!(seat.ask(&people.token("manager"), "POST", path, &block).unwrap().0, 200);
    let path = "/desk/v1/resources/contoso/appeal";
    people.ask("customer", Request::post(path, &json!({"reason": canary}))).ok();
    let appeal = one(&operator, "penalty.appeal").json();
    assert_eq!(appeal["data"]["resource"], "contoso", "{appeal}");

    // A destination of the operator that does not answer delays neither requests nor the others.
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    let service = &people.service;
    eventually("only those of the silent one are missing, and the approval is over", || {
        let delivered = metric(service, "bailiwick_notices_delivered_total");
        let missing = metric(service, "bailiwick_notices_undelivered");
        ((delivered, missing) == (6, 3)).then_some(())
    });
    assert_eq!(metric(service, "bailiwick_reviews_waiting{turn=\"customer\"}"), 1);
    assert_eq!(metric(service, "bailiwick_reviews_waiting{turn=\"reviewer\"}"), 0);
    assert!(metric(service, "bailiwick_log_entries") > 0);
    assert!(metric(service, "bailiwick_certificate_left_seconds{listener=\"review\"}") > 86_400);

    // Each one arrived once, without a text, a name or an end user; and the other customer got none.
    let [to_operator, to_customer] = [operator.all(), customer.all()];
    assert_eq!((to_operator.len(), to_customer.len()), (4, 2), "{to_operator:?} {to_customer:?}");
    for message in to_operator.iter().chain(&to_customer) {
        let text = message.text();
        let private = [&canary, " of ops", " of contoso", "per_", "jailbreak"];
        assert!(
            !private.iter().any(|private| text.contains(&private.to_ascii_lowercase())),
            "{text}"
        );
    }
    assert_eq!(other.all().len(), 0, "{:?}", other.all());
    let log = service.files.log();
    assert!(!log.contains("secret-path") && !log.contains(&canary), "{log}");
    people.verify_log();
}

#[test]
fn a_notice_survives_the_destination_and_the_service() {
    let [address, _] = free_addresses();
    let place = url(address);
    let people = start(&[(&place, None, "NOTICE_SECRET")]);
    let contoso = people.service.caller("contoso");
    let seat = people.seat(Some("desk-1"));
    let first = flag(&people, &seat, &contoso, &mark());
    eventually("the destination is down", || {
        people.service.files.log().contains("a notice was not delivered yet").then_some(())
    });
    assert_eq!(metric(&people.service, "bailiwick_notices_undelivered"), 1);
    // Requests go on meanwhile.
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();

    // It is up and refuses; then it accepts, and the service starts again.
    let hook = Hook::at(address);
    hook.answer(503);
    let refused = hook.of_kind("review.flagged").swap_remove(0);
    hook.answer(200);
    let people = people.restarted_after(|_| ());
    eventually("it is delivered", || {
        (metric(&people.service, "bailiwick_notices_delivered_total") == 1).then_some(())
    });
    let all = hook.all();
    let again = all.last().unwrap();
    assert!(again.is_signed_with(SECRET));
    assert_eq!((again.id(), again.json()), (refused.id(), refused.json()), "the same message");
    assert_eq!(again.json()["data"]["request"], first);
    let before = all.len();

    // After one more start, it does not arrive again; a new one does.
    let people = people.restarted_after(|_| ());
    let contoso = Caller { address: people.service.api, ..contoso };
    let seat = people.seat(Some("desk-1"));
    let second = flag(&people, &seat, &contoso, &mark());
    eventually("the second arrives", || (hook.all().len() > before).then_some(()));
    let all = hook.all();
    assert_eq!(all.len(), before + 1, "{all:?}");
    assert_eq!(all[before].json()["data"]["request"], second);
    assert_ne!(all[before].id(), again.id());
}

#[test]
fn a_destination_that_cannot_be_used_refuses_the_start() {
    let home = tempfile::tempdir().unwrap();
    let refusal = |egress: &str, notices: &str, secret: &str| {
        let mut command = bailiwick();
        command.arg("serve").env("BAILIWICK_DATA", home.path().join("data")).envs([
            ("BAILIWICK_LISTEN__API", "127.0.0.1:0"),
            ("BAILIWICK_LISTEN__OPERATIONS", "127.0.0.1:0"),
            ("BAILIWICK_EGRESS", egress),
            ("BAILIWICK_NOTICES", notices),
            ("NOTICE_SECRET", secret),
        ]);
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!text.contains("secret-path") && !text.contains("whsec_Mf"), "{text}");
        text
    };
    let listed = "[{ url = 'https://hooks.example' }]";
    let place = ("https://hooks.example/secret-path", None, "NOTICE_SECRET");
    let text = refusal("[]", &settings(&[place]), SECRET);
    assert!(
        text.contains("`https://hooks.example`") && text.contains("list it under `[[egress]]`"),
        "{text}"
    );
    let text = refusal(listed, &settings(&[place]), "whsec_Mf");
    assert!(text.contains("openssl rand -base64 32"), "{text}");
    let missing = ("https://hooks.example/secret-path", None, "NO_SECRET");
    let text = refusal(listed, &settings(&[missing]), SECRET);
    assert!(text.contains("`NO_SECRET` of `secret_env` is not set"), "{text}");
    let kinds = "[{url = 'https://hooks.example/secret-path', secret_env = 'NOTICE_SECRET', \
                  tenant = 'contoso', kinds = ['review.flagged']}]";
    let text = refusal(listed, kinds, SECRET);
    assert!(text.contains("which only the operator gets"), "{text}");
}
