//! Penalties and appeals. A blocked resource is refused with the reason and the way to appeal. The
//! person behind a penalty cannot hear the appeal. A throttled resource gets lower limits.
//! Other resources are not affected.

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    people::{People, Seat},
    review::PEOPLE,
    service::{CHAT, DeploymentLimits, EMBED, chat_path, embeddings_path},
};

/// All people with their roles, and one enrolled workstation.
pub(crate) struct Staffed {
    pub(crate) people: People,
    seat: Seat,
}

impl Staffed {
    pub(crate) fn start() -> Self {
        let people = People::start(&PEOPLE);
        people.assign("Reviewer", "reviewer", &["--service"]);
        for name in ["manager", "other-manager"] {
            people.assign("Review Manager", name, &["--service"]);
        }
        people.assign("Operator", "operator", &["--service"]);
        people.enroll("desk-1", "local");
        let seat = people.seat(Some("desk-1"));
        Self { people, seat }
    }

    /// Gives the customer's officer a role; call it once the customer exists.
    pub(crate) fn appoint(&self) {
        self.people.assign("Data Protection Officer", "customer", &[]);
    }

    /// Takes a step at the review desk about the resource `contoso`.
    pub(crate) fn review(&self, who: &str, what: &str, body: &Value) -> (u16, Value) {
        self.ask_review(who, "POST", what, body)
    }

    /// Asks the review desk about the resource `contoso`.
    pub(crate) fn ask_review(
        &self,
        who: &str,
        method: &str,
        what: &str,
        body: &Value,
    ) -> (u16, Value) {
        let path = format!("/review/v1/resources/contoso/{what}");
        self.seat.ask(&self.people.token(who), method, &path, body).unwrap()
    }

    pub(crate) fn penalties(&self, who: &str) -> Value {
        self.people.types(who, &["review", "penalties"])
    }

    pub(crate) fn appeal(&self, who: &str) -> Reply {
        let body = json!({"reason": "it was a test of our filters"});
        self.people.ask(who, Request::post("/desk/v1/resources/contoso/appeal", &body))
    }

    pub(crate) fn owner_sees(&self) -> Value {
        self.people.types("customer", &["desk", "penalty", "contoso"])
    }
}

#[test]
fn a_block_is_explained_appealed_and_heard_by_somebody_else() {
    let staffed = Staffed::start();
    let service = &staffed.people.service;
    let (contoso, neighbour) = (service.caller("contoso"), service.caller("neighbour"));
    staffed.appoint();
    let because = json!({"reason": "fraud in many requests"});
    let block = json!({"action": "Block", "days": 7, "reason": "fraud in many requests"});

    // People without the permission; and requests that are not penalties.
    for nobody in ["reviewer", "customer"] {
        for (what, body) in [("notice", &because), ("penalty", &block), ("lift", &because)] {
            let status = staffed.review(nobody, what, body).0;
            assert!(matches!(status, 403 | 404), "{nobody} {what}: {status}");
        }
        assert_eq!(staffed.penalties("manager"), json!([]));
    }
    for (field, value, status) in [
        ("action", json!("Throttle"), 400),
        ("rateLimitPercentage", json!(20), 400),
        ("days", json!(0), 409),
        ("days", json!(91), 409),
        ("reason", json!(" "), 400),
        ("until", json!(1), 400),
    ] {
        let mut bad = block.clone();
        bad[field] = value;
        assert_eq!(staffed.review("manager", "penalty", &bad).0, status, "{bad}");
    }
    assert_eq!(staffed.review("manager", "lift", &because).0, 409, "there is none");
    assert_eq!(staffed.appeal("customer").status, 409, "there is none");
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();

    // First a notice, then a block: from the next request on, for every operation.
    assert_eq!(staffed.review("manager", "notice", &because).0, 200);
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    let (status, imposed) = staffed.review("manager", "penalty", &block);
    assert_eq!((status, &imposed["abusePenalty"]["action"]), (200, &json!("Block")), "{imposed}");
    let mut streamed = contoso.short();
    streamed["stream"] = json!(true);
    let embed = json!({"input": "hi"});
    for (path, body) in [
        (chat_path(CHAT), contoso.short()),
        (chat_path(CHAT), streamed),
        (embeddings_path(EMBED), embed),
        (chat_path("nothing-of-this-name"), json!("no chat at all")),
    ] {
        let reply = contoso.post(&path, &body);
        let error = reply.error(403);
        assert_eq!(error["code"], "ResourceBlocked", "{error}");
        let message = error["message"].as_str().unwrap();
        let until = imposed["abusePenalty"]["expiration"].as_str().unwrap();
        assert!(message.contains(until) && message.contains("/contoso/appeal"), "{message}");
        assert!(!message.contains("fraud"), "the reason is the owner's alone: {message}");
        // The refusal has a receipt like any other answer.
        let receipt = Request::get(reply.header("x-bailiwick-receipt").unwrap());
        let claims = receipt.header("accept", "application/json").key(&contoso.key1);
        assert_eq!(claims.send(contoso.address).ok()["outcome"], "refused");
    }
    // Recreating the resource does not remove the penalty.
    let anew = service.as_administrator(&Request::new("DELETE", "/admin/v1/resources/contoso"));
    assert!(anew.status == 409 && anew.text().contains("penalty"), "{}", anew.text());
    // All else of the resource still works, and other resources are not affected.
    assert_eq!(contoso.get("/openai/v1/models").status, 200);
    neighbour.post(&chat_path(CHAT), &neighbour.short()).ok();
    let shown = service.files.cli(&["resource", "show", "contoso"]);
    assert_eq!(shown["abusePenalty"], imposed["abusePenalty"], "{shown}");
    let shown = service.files.cli(&["resource", "show", "neighbour"]);
    assert_eq!(shown["abusePenalty"], Value::Null, "{shown}");

    // The owner sees the reason, and appeals once; the owner's other people and the operator's
    // cannot.
    let seen = staffed.owner_sees();
    assert_eq!(seen["reason"], "fraud in many requests", "{seen}");
    assert_eq!(
        (&seen["notices"][0]["what"], &seen["notices"][1]["what"]),
        (&json!("notified"), &json!("blocked")),
        "{seen}"
    );
    assert!(seen.get("imposedBy").is_none(), "{seen}");
    for nobody in ["manager", "operator"] {
        assert!(matches!(staffed.appeal(nobody).status, 403 | 404), "{nobody}");
    }
    let path = "/desk/v1/resources/contoso/abusePenalty";
    let to_others = staffed.people.ask("operator", Request::get(path)).ok();
    assert_eq!(to_others["abusePenalty"], imposed["abusePenalty"], "{to_others}");
    assert!(!to_others.to_string().contains("fraud"), "{to_others}");
    let appealed = staffed.appeal("customer").ok();
    assert_eq!(appealed["appeal"]["state"], "open", "{appealed}");
    assert_eq!(staffed.appeal("customer").status, 409, "twice");

    // The appeal is heard by an uninvolved person. If the penalty is upheld, it stays.
    assert_eq!(staffed.penalties("reviewer"), json!([]), "who may not decide sees none");
    let waiting = staffed.penalties("other-manager");
    assert_eq!(waiting[0]["appeal"]["reason"], "it was a test of our filters", "{waiting}");
    assert_eq!(staffed.review("manager", "uphold", &because).0, 403, "their own penalty");
    assert_eq!(staffed.review("other-manager", "uphold", &because).0, 200);
    contoso.post(&chat_path(CHAT), &contoso.short()).error(403);
    let heard = staffed.owner_sees();
    assert_eq!(
        (&heard["appeal"]["state"], &heard["appeal"]["answer"]),
        (&json!("heard"), &because["reason"])
    );
    assert_eq!(staffed.appeal("customer").status, 409, "heard");

    // The operator lifts the penalty: the resource is served as before, and its owner still sees
    // the history.
    let because = because["reason"].as_str().unwrap();
    staffed.people.types("operator", &["review", "lift", "contoso", "--reason", because]);
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    let after = staffed.owner_sees();
    assert_eq!(
        (&after["abusePenalty"], &after["notices"][3]["what"]),
        (&Value::Null, &json!("lifted"))
    );
    assert_eq!(staffed.penalties("manager"), json!([]));
    staffed.people.verify_log();
}

#[test]
fn a_throttled_resource_has_what_is_left_of_its_limits() {
    let staffed = Staffed::start();
    let service = &staffed.people.service;
    let contoso = service.caller("contoso");
    let limits = DeploymentLimits { requests: 10, tokens: 1 << 20 };
    service.deployment(&contoso, "narrow", "chat", Some(limits));
    let throttle =
        json!({"action": "Throttle", "rateLimitPercentage": 20, "days": 1, "reason": "spam"});
    let (status, imposed) = staffed.review("manager", "penalty", &throttle);
    assert_eq!(status, 200, "{imposed}");
    assert_eq!(imposed["abusePenalty"]["rateLimitPercentage"], 20, "{imposed}");

    let ask = || contoso.post(&chat_path("narrow"), &contoso.short());
    for left in ["1", "0"] {
        let reply = ask();
        reply.ok();
        assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("2"));
        assert_eq!(reply.header("x-ratelimit-remaining-requests"), Some(left));
    }
    let reply = ask();
    let message = reply.error(429)["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("leaves 20 % of the limit") && message.contains("/appeal"),
        "{message}"
    );
    assert!(reply.header("retry-after").is_some() && !message.contains("spam"), "{message}");

    // The reduced limits cannot be raised by other limits or by more deployments.
    let more = json!({"tokensPerMinute": 1 << 20, "requestsPerMinute": 1000});
    let path = "/admin/v1/resources/contoso/deployments";
    let other = json!({"name": "other", "model": "smollm2-135m", "task": "chat"});
    for (method, path, body) in [
        ("PATCH", format!("{path}/narrow"), more),
        ("POST", path.to_owned(), other),
        ("DELETE", format!("{path}/narrow"), Value::Null),
    ] {
        let request = Request::new(method, &path).bytes(body.to_string());
        assert_eq!(service.as_administrator(&request).status, 409, "{method} {path}");
    }

    // After the lift the agreed limits apply again, within the same minute.
    let lifted = staffed.review("manager", "lift", &json!({"reason": "it was a load test"}));
    assert_eq!(lifted.0, 200, "{}", lifted.1);
    let reply = ask();
    reply.ok();
    assert_eq!(reply.header("x-ratelimit-limit-requests"), Some("10"));
    staffed.people.verify_log();
}
