//! Abuse monitoring by itself: a pattern of harmful requests gets into the review queue, to the
//! owner and to a throttle. People decide the rest.

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    penalty::Staffed,
    process::eventually,
    service::{CHAT, Caller, chat_path, say},
};

/// Rated as sexual at medium or more, without the encoder too.
const HARM: &str = "She took off her clothes and he had sex with her, moaning with pleasure.";

const END_USER: &str = "canary-alice-81f0";

/// Sends a harmful text that differs from the others.
fn harm(caller: &Caller, number: u32) -> Reply {
    let mut body = say(&format!("Page {number}. {HARM}"));
    body["user"] = json!(END_USER);
    caller.post(&chat_path(CHAT), &body)
}

/// Returns the owner's counts once monitoring has counted so many requests.
fn counts(staffed: &Staffed, requests: u64) -> Value {
    eventually("the requests are counted", || {
        let counts = staffed.people.types("customer", &["desk", "abuse", "contoso"]);
        (counts["days"][0]["requests"].as_u64() == Some(requests)).then_some(counts)
    })
}

#[test]
fn a_pattern_gets_into_the_queue_to_the_owner_and_to_a_throttle_that_is_appealed() {
    let staffed = Staffed::start();
    let people = &staffed.people;
    let service = &people.service;
    let (contoso, neighbour) = (service.caller("contoso"), service.caller("neighbour"));
    staffed.appoint();
    for name in ["reviewer", "manager"] {
        people.who(&["role", "team", "north"], name);
    }
    let before = people.types("customer", &["desk", "abuse", "contoso"]);
    assert_eq!((&before["limit"], &before["days"]), (&json!(8), &json!([])), "{before}");

    // Three are no pattern, even at high severity, and repeating one of them makes none.
    for number in 0..3 {
        assert_eq!(harm(&contoso, number).error(400)["code"], "content_filter");
    }
    for _ in 0..9 {
        harm(&contoso, 0).error(400);
    }
    assert_eq!(counts(&staffed, 12)["days"][0]["flags"], 0);
    assert_eq!(people.types("reviewer", &["review", "queue"]), json!([]));
    // Each has one point or two; 24 points lead to the throttle.
    let mut sent = Vec::new();
    while staffed.owner_sees()["abusePenalty"] == Value::Null {
        assert!(sent.len() < 40, "no throttle");
        let reply = harm(&contoso, 3 + u32::try_from(sent.len()).unwrap());
        reply.error(400);
        sent.push(reply.header("x-request-id").unwrap().to_owned());
        counts(&staffed, 12 + u64::try_from(sent.len()).unwrap());
    }
    let counted = counts(&staffed, 12 + u64::try_from(sent.len()).unwrap());
    let last = sent.last().unwrap();

    // Three records are in the queue, by monitoring; the last one is of the last request.
    assert_eq!(counted["days"][0]["flags"], 3, "{counted}");
    let queue = people.types("reviewer", &["review", "queue"]);
    let items = queue.as_array().unwrap();
    assert_eq!(items.len(), 3, "{queue}");
    for item in items {
        assert_eq!((&item["source"], &item["category"]), (&json!("monitoring"), &json!("sexual")));
    }
    assert!(items.iter().any(|item| item["request"] == json!(last)), "{queue}");

    // The owner sees the end user as a hash, and finds the name's hash; the operator sees no end
    // users, and other tenants nothing.
    assert_eq!(counted["topCategories"][0]["category"], "sexual", "{counted}");
    let [user] = counted["endUsers"].as_array().unwrap().as_slice() else { panic!("{counted}") };
    assert_eq!(user["potentiallyAbusive"], true, "{user}");
    let of_name = ["desk", "abuse", "contoso", "--end-user", END_USER];
    assert_eq!(people.types("customer", &of_name)["endUser"], user["endUser"]);
    let seen = people.types("manager", &["review", "abuse", "contoso"]);
    assert_eq!((&seen["days"], seen.get("endUsers")), (&counted["days"], None), "{seen}");
    for (who, path) in [
        ("customer", "/desk/v1/resources/neighbour/abuse"),
        ("manager", "/desk/v1/resources/contoso/abuse"),
        ("reviewer", "/desk/v1/resources/contoso/abuse"),
    ] {
        let refused = people.ask(who, Request::get(path)).status;
        assert!(matches!(refused, 403 | 404), "{who} {path}: {refused}");
    }
    let (refused, _) = staffed.ask_review("reviewer", "GET", "abuse", &Value::Null);
    assert_eq!(refused, 403);

    // Half of the limits remain, for a day; no person imposed it. Neighbours are not affected.
    let owned = staffed.owner_sees();
    assert_eq!(owned["abusePenalty"]["action"], "Throttle", "{owned}");
    assert_eq!(owned["abusePenalty"]["rateLimitPercentage"], 50, "{owned}");
    let reason = owned["reason"].as_str().unwrap();
    assert!(reason.contains("most of them in the category sexual;"), "{reason}");
    assert!(reason.ends_with(" points, and the limit is 8"), "{reason}");
    let kinds: Vec<_> = owned["notices"].as_array().unwrap().iter().map(|n| &n["what"]).collect();
    assert_eq!(kinds, [&json!("notified"), &json!("throttled")]);
    let imposed = staffed.penalties("manager");
    assert_eq!(imposed[0]["imposedBy"], json!([]), "{imposed}");
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    neighbour.post(&chat_path(CHAT), &neighbour.short()).ok();
    assert!(service.metrics().contains("bailiwick_abuse_acts_total{act=\"throttle\"} 1"));
    assert!(service.metrics().contains("bailiwick_abuse_acts_total{act=\"flag\"} 3"));

    // A flag by monitoring gives no access by itself: the record is opened by the usual steps.
    let words = |what: &'static str| vec!["review", what, last.as_str()];
    let asked = [words("look"), vec!["--reason", "a pattern"]].concat();
    let asked = people.types("reviewer", &asked);
    let grant = ["--grant", asked["grant"].as_str().unwrap()];
    people.types("manager", &[words("approve"), grant.to_vec()].concat());
    let opened = people.types("reviewer", &[words("open"), grant.to_vec()].concat());
    assert!(opened["request_body"].to_string().contains("moaning"), "{opened}");
    let outcome = ["--outcome", "dismissed", "--reason", "a novel"];
    people.types("reviewer", &[words("judge"), grant.to_vec(), outcome.to_vec()].concat());

    // The owner appeals, and a person lifts the throttle.
    staffed.appeal("customer").ok();
    let lifted = staffed.review("other-manager", "lift", &json!({"reason": "a publisher"}));
    assert_eq!(lifted.0, 200, "{}", lifted.1);
    assert_eq!(staffed.owner_sees()["abusePenalty"], Value::Null);
    people.verify_log();

    // No name, no text and no hash of them, except in sealed records.
    let private = [END_USER, "moaning", user["endUser"].as_str().unwrap()];
    let metrics = service.metrics();
    let shown = format!("{before}{counted}{seen}{owned}{imposed}{metrics}");
    assert!(!private[..2].iter().any(|text| shown.contains(text)), "{shown}");
    assert!(!metrics.contains(private[2]));
    for text in &private[..2] {
        service.files.assert_nowhere(text);
    }
}
