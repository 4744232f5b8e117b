//! The guarded review, with the attacks of the promises: self-approval, another team's manager,
//! expired and used grants, workstations that are unenrolled or revoked, and a hundred simultaneous
//! openings.

use serde_json::{Value, json};

use crate::{
    canary::mark,
    people::{Account, People, Seat, person},
    service::{CHAT, chat_path},
};

/// All people with a part in reviews.
pub(crate) const PEOPLE: [Account; 7] = [
    person("reviewer", "ops"),
    person("colleague", "ops"),
    person("manager", "ops"),
    person("other-manager", "ops"),
    person("both", "ops"),
    person("operator", "ops"),
    person("customer", "contoso"),
];

#[test]
fn a_record_is_seen_once_by_whom_the_manager_allowed_and_the_customer_knows() {
    let people = People::start(&PEOPLE);
    let contoso = people.service.caller("contoso");
    for name in ["reviewer", "colleague", "both"] {
        people.assign("Reviewer", name, &["--service"]);
    }
    for name in ["manager", "other-manager", "both"] {
        people.assign("Review Manager", name, &["--service"]);
    }
    people.assign("Operator", "operator", &["--service"]);
    people.assign("Data Protection Officer", "customer", &[]);
    for name in ["reviewer", "colleague", "manager", "both"] {
        people.who(&["role", "team", "north"], name);
    }
    people.who(&["role", "team", "south"], "other-manager");
    people.enroll("desk-1", "local");
    people.enroll("desk-2", "elsewhere");

    let canary = mark();
    let body = json!({"messages": [{"role": "user", "content": canary}], "max_tokens": 2});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();
    let request = reply.header("x-request-id").unwrap().to_owned();
    let path = |what: &str| format!("/review/v1/records/{request}/{what}");
    let desk = people.seat(Some("desk-1"));
    let post = |who: &str, what: &str, body: &Value| {
        desk.ask(&people.token(who), "POST", &path(what), body).unwrap()
    };
    let get = |seat: &Seat, who: &str| {
        seat.ask(&people.token(who), "GET", "/review/v1/queue", &Value::Null)
    };

    // No certificate, an unenrolled certificate, one of another region; no token, no role.
    assert_eq!(get(&people.seat(None), "reviewer"), None);
    assert_eq!(get(&people.seat(Some("stolen")), "reviewer").unwrap().0, 403);
    assert_eq!(desk.ask("", "GET", "/review/v1/queue", &Value::Null).unwrap().0, 401);
    for nobody in ["operator", "customer"] {
        assert!(matches!(get(&desk, nobody).unwrap().0, 403 | 404), "{nobody}");
    }
    let reason = json!({"reason": "looks like an attack on the instructions"});
    assert_eq!(post("reviewer", "look", &reason).0, 409, "not flagged");
    assert_eq!(post("reviewer", "flag", &json!({"category": "jailbreak"})).0, 200);
    let (status, queue) = get(&desk, "reviewer").unwrap();
    assert_eq!((status, &queue[0]["request"]), (200, &json!(request)), "{queue}");
    assert_eq!(queue[0]["source"], "reviewer", "{queue}");
    assert!(!queue.to_string().contains(&canary));
    assert_eq!(people.types("reviewer", &["review", "queue"])[0]["request"], queue[0]["request"]);
    let elsewhere = people.seat(Some("desk-2"));
    assert_eq!(get(&elsewhere, "reviewer").unwrap().1, json!([]), "another region's queue");
    let far = elsewhere.ask(&people.token("reviewer"), "POST", &path("look"), &reason);
    assert_eq!(far.unwrap().0, 403, "another region");

    // Requested; only the manager of the team can approve, and must be another person.
    let (status, asked) = post("both", "look", &reason);
    assert_eq!((status, &asked["waiting"]), (200, &json!("manager")), "{asked}");
    let grant = json!({"grant": asked["grant"]});
    // The team's manager sees the requester and the reason; another team's manager does not.
    let queue = get(&desk, "manager").unwrap().1;
    assert_eq!(queue[0]["asked"]["reason"], reason["reason"], "{queue}");
    assert_eq!(queue[0]["asked"]["reviewer_name"], "both of ops", "{queue}");
    assert_eq!(queue[0]["asked"]["workstation_name"], "desk-1", "{queue}");
    assert_eq!(get(&desk, "other-manager").unwrap().1[0]["asked"], Value::Null);
    assert_eq!(post("both", "approval", &grant).0, 403, "self-approval");
    assert_eq!(post("both", "open", &grant).0, 409, "not approved");
    for nobody in ["other-manager", "colleague", "operator"] {
        assert!(matches!(post(nobody, "approval", &grant).0, 403 | 404), "{nobody}");
    }
    let foreign = json!({"grant": "gra_00000000000000000000000000000000"});
    assert_eq!(post("manager", "approval", &foreign).0, 404);
    let refusal = json!({"grant": asked["grant"], "reason": "say more"});
    assert_eq!(post("manager", "refusal", &refusal).0, 200);
    assert_eq!(post("both", "open", &grant).0, 404, "refused");

    let (_, asked) = post("reviewer", "look", &reason);
    let grant = json!({"grant": asked["grant"]});
    let (status, allowed) = post("manager", "approval", &grant);
    assert_eq!((status, &allowed["waiting"]), (200, &json!("look")), "{allowed}");
    // Attempts to transfer a grant: to another reviewer, to another workstation.
    assert_eq!(post("colleague", "open", &grant).0, 403);
    people.enroll("stolen", "local");
    let other = people.seat(Some("stolen"));
    let from_other = other.ask(&people.token("reviewer"), "POST", &path("open"), &grant);
    assert_eq!(from_other.unwrap().0, 403, "another workstation");

    // A hundred at once: the record is opened once.
    let token = people.token("reviewer");
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let ask = || desk.ask(&token, "POST", &path("open"), &grant).unwrap();
        let all: Vec<_> = (0..100).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let seen: Vec<&Value> =
        answers.iter().filter(|answer| answer.0 == 200).map(|answer| &answer.1).collect();
    assert_eq!(seen.len(), 1, "{answers:?}");
    assert!(seen[0]["request_body"].as_str().unwrap().contains(&canary), "{}", seen[0]);
    let others = answers.iter().filter(|answer| answer.0 != 200);
    assert!(others.clone().all(|answer| !answer.1.to_string().contains(&canary)));

    // The customer sees the reviewer (by an opaque id), the reason and the request.
    let looks = || {
        let looks = people.types("customer", &["desk", "looks", "contoso"]);
        assert_eq!(looks.as_array().unwrap().len(), 1, "{looks}");
        looks[0].clone()
    };
    let look = looks();
    assert!(!look.to_string().contains("of ops"), "the operator's staff has no name there: {look}");
    assert_eq!(look["request"], request.as_str(), "{look}");
    assert!(look["reviewer"].as_str().unwrap().starts_with("per_"), "{look}");
    assert_eq!(look["waiting"], "judgement", "{look}");
    let judgement = json!({"grant": asked["grant"], "outcome": "confirmed", "reason": "no joke"});
    assert_eq!(post("colleague", "judgement", &judgement).0, 403, "did not look");
    let (status, judged) = post("reviewer", "judgement", &judgement);
    let next = judged["next"].as_str().unwrap_or_default();
    assert_eq!((status, next.contains("resources/contoso/penalty")), (200, true), "{judged}");
    assert_eq!(get(&desk, "reviewer").unwrap().1, json!([]));

    // The access request stays in the customer's list.
    let mut over = look;
    over["waiting"] = Value::Null;
    assert_eq!(looks(), over);

    // A revoked workstation has no access any more.
    let file = people.authority.path("desk-1.pem").display().to_string();
    people.who(&["workstation", "revoke", &file, "--reason", "lost"], "operator");
    assert_eq!(get(&desk, "reviewer").unwrap().0, 403);

    let replay = people.verify_log();
    assert!(replay.contains("1 look at a record"), "{replay}");
    people.service.files.assert_nowhere(&canary);
    // People's names are in no file and in no log.
    people.service.files.assert_nowhere("both of ops");
}
