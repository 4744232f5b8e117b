//! Each refusal of the desks that a person meets says what is missing and what to do: the rows of the
//! tables in docs/operate/review.md and docs/operate/zero-retention.md. (An application that lapsed
//! takes thirty days, so its row is tested in `policy`.) To a caller who may not know of the thing it
//! says nothing.

use serde_json::{Value, json};

use crate::{
    client::Request,
    people::{People, Seat, Somebody, person},
    service::{CHAT, Caller, chat_path},
};

const EVERYBODY: [Somebody; 10] = [
    person("reviewer", "ops"),
    person("colleague", "ops"),
    person("manager", "ops"),
    person("other-manager", "ops"),
    person("both", "ops"),
    person("operator", "ops"),
    person("officer-a", "ops"),
    person("officer-b", "ops"),
    person("customer", "contoso"),
    person("stranger", "fabrikam"),
];

struct Setting {
    people: People,
    contoso: Caller,
    seat: Seat,
}

impl Setting {
    fn start() -> Self {
        let people = People::start(&EVERYBODY);
        let contoso = people.service.caller("contoso");
        people.service.caller("fabrikam");
        people.service.files.cli(&["resource", "create", "ops-prod", "--tenant", "ops"]);
        for name in ["reviewer", "colleague", "both"] {
            people.assign("Reviewer", name, &["--service"]);
        }
        for name in ["manager", "other-manager", "both"] {
            people.assign("Review Manager", name, &["--service"]);
        }
        for name in ["officer-a", "officer-b"] {
            people.assign("Data Protection Officer", name, &["--service"]);
        }
        people.assign("Operator", "operator", &["--service"]);
        people.assign("Data Protection Officer", "customer", &[]);
        people.assign("Data Protection Officer", "stranger", &[]);
        for name in ["reviewer", "colleague", "manager", "both"] {
            people.who(&["role", "team", "north"], name);
        }
        people.who(&["role", "team", "south"], "other-manager");
        people.enroll("desk-1", "local");
        people.enroll("desk-2", "elsewhere");
        let seat = people.seat(Some("desk-1"));
        Self { people, contoso, seat }
    }

    /// A new record, by its request.
    fn record(&self) -> String {
        let reply = self.contoso.post(&chat_path(CHAT), &self.contoso.short());
        reply.ok();
        reply.header("x-request-id").unwrap().to_owned()
    }

    fn lockbox(&self, on: bool) {
        let body = json!({"lockbox": on}).to_string();
        let patch = Request::new("PATCH", "/admin/v1/resources/contoso").bytes(body);
        self.people.ask("customer", patch).ok();
    }

    fn at(&self, seat: &Seat, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let token = self.people.token(who);
        seat.ask(&token, "POST", &format!("/review/v1/{path}"), body).unwrap()
    }

    fn takes(&self, who: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.at(&self.seat, who, path, body);
        assert_eq!(status, 200, "{who} {path} {answer}");
        answer
    }

    fn refused(&self, who: &str, path: &str, body: &Value, expected: (u16, &str)) {
        told(self.at(&self.seat, who, path, body), expected, path);
    }

    fn desk(&self, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.people.ask(who, Request::post(&format!("/desk/v1/{path}"), body));
        (reply.status, reply.json())
    }
}

fn told((status, answer): (u16, Value), (expected, text): (u16, &str), path: &str) {
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert_eq!((status, message), (expected, text), "{path}");
}

#[test]
fn every_refusal_at_the_desks_says_what_is_missing_and_what_to_do() {
    let setting = Setting::start();
    of_a_review(&setting);
    of_a_review_with_lockbox(&setting);
    of_a_penalty(&setting);
    nothing_to_a_stranger(&setting);
    // Last: from then on nothing is kept that could be reviewed.
    of_zero_retention(&setting);
    let desk = setting.people.authority.path("desk-1.pem").display().to_string();
    setting.people.who(&["workstation", "revoke", &desk, "--reason", "lost"], "operator");
    let queue = setting.seat.ask(
        &setting.people.token("reviewer"),
        "GET",
        "/review/v1/queue",
        &Value::Null,
    );
    let text =
        "this workstation was revoked; give the workstation a new certificate, and enrol that";
    told(queue.unwrap(), (403, text), "queue");
    setting.people.verify_log();
}

fn of_a_review(setting: &Setting) {
    let request = setting.record();
    let path = |what: &str| format!("records/{request}/{what}");
    let why = json!({"reason": "looks like an attack"});
    setting.refused(
        "reviewer",
        &path("look"),
        &why,
        (
            409,
            "this record is not flagged, or was judged; only flagged records are reviewed: flag it \
             first, for a category",
        ),
    );
    setting.takes("reviewer", &path("flag"), &json!({"category": "jailbreak"}));
    let elsewhere = setting.people.seat(Some("desk-2"));
    told(
        setting.at(&elsewhere, "reviewer", &path("look"), &why),
        (
            403,
            "this record is kept in another region than the reviewer works in; let a reviewer in \
             the record's region take it",
        ),
        "look from elsewhere",
    );

    let asked = setting.takes("both", &path("look"), &why);
    let (grant, id) = (json!({"grant": asked["grant"]}), &asked["grant"]);
    let under_way = "another request to see this record is under way; wait until it is refused, used \
                     or expired, then ask again";
    setting.refused("reviewer", &path("look"), &why, (409, under_way));
    let own = "nobody approves or refuses their own look; let another manager of the team decide, or \
               another reviewer ask";
    setting.refused("both", &path("approval"), &grant, (403, own));
    let refusal = json!({"grant": id, "reason": "no"});
    setting.refused("both", &path("refusal"), &refusal, (403, own));
    let team = "the manager of the reviewer's own team decides; pass it to the manager of the \
                reviewer's team";
    setting.refused("other-manager", &path("approval"), &grant, (403, team));
    let not_yet = "the manager has not approved this; wait for the manager of the team";
    setting.refused("both", &path("open"), &grant, (409, not_yet));
    // Another role is missing: that it says, and not how far the look has come.
    let answer = setting.at(&setting.seat, "reviewer", &path("approval"), &grant);
    assert!(answer.1.to_string().contains("it takes the role `Review Manager`"), "{answer:?}");

    setting.takes("manager", &path("approval"), &grant);
    let again = "this was decided already; nothing is to be done: look at the queue again";
    setting.refused("manager", &path("approval"), &grant, (409, again));
    let other = "another person was allowed to see this record; ask to see the record yourself";
    setting.refused("colleague", &path("open"), &grant, (403, other));
    let judgement = json!({"grant": id, "outcome": "confirmed", "reason": "it is"});
    let not_seen =
        "only who has looked at this record judges it; open the record first, then judge it";
    setting.refused("both", &path("judgement"), &judgement, (409, not_seen));
    setting.takes("both", &path("open"), &grant);
    let used = "this permission was used already; ask to see the record again: each look needs its \
                own approval";
    setting.refused("both", &path("open"), &grant, (409, used));
    let over = "this is not the request to see this record that is under way; look at the queue \
                again: what you saw is over";
    let never = json!({"grant": "gra_00000000000000000000000000000001"});
    for (who, what) in [("manager", "approval"), ("reviewer", "open")] {
        setting.refused(who, &path(what), &never, (404, over));
    }
    setting.takes("both", &path("judgement"), &judgement);
    setting.refused(
        "both",
        &path("open"),
        &grant,
        (
            409,
            "this record is not flagged, or was judged; only flagged records are reviewed: flag it \
             first, for a category",
        ),
    );
}

fn of_a_review_with_lockbox(setting: &Setting) {
    let request = setting.record();
    let path = |what: &str| format!("records/{request}/{what}");
    let why = json!({"reason": "looks like an attack"});
    setting.takes("reviewer", &path("flag"), &json!({"category": "other"}));
    let asked = setting.takes("reviewer", &path("look"), &why);
    let grant = json!({"grant": asked["grant"]});
    let off = "this customer's lockbox is off, so they are told of looks and not asked; switch \
               lockbox on: it counts for every look from then on";
    told(setting.desk("customer", &path("consent"), &grant), (409, off), "consent");
    setting.lockbox(true);
    setting.takes("manager", &path("approval"), &grant);
    let text = "the customer must consent to this, and has not; wait for the customer; where lockbox \
                was switched on since the approval, ask again";
    setting.refused("reviewer", &path("open"), &grant, (409, text));
    let (status, answer) = setting.desk("customer", &path("consent"), &grant);
    assert_eq!((status, &answer["waiting"]), (200, &json!("look")), "{answer}");
    let far = setting.people.seat(Some("desk-2"));
    let text = "this record is kept in another region than the reviewer works in; let a reviewer in \
                the record's region take it";
    told(setting.at(&far, "reviewer", &path("open"), &grant), (403, text), "open from elsewhere");
    setting.people.enroll("stolen", "local");
    let other = setting.people.seat(Some("stolen"));
    let text = "this record may be seen from another workstation; open it from the workstation that \
                you asked from, or ask again from this one";
    told(setting.at(&other, "reviewer", &path("open"), &grant), (403, text), "another workstation");
    setting.takes("reviewer", &path("open"), &grant);
    setting.lockbox(false);
}

fn of_a_penalty(setting: &Setting) {
    let path = |what: &str| format!("resources/contoso/{what}");
    let block = json!({"action": "Throttle", "rateLimitPercentage": 99, "days": 1, "reason": "x"});
    let why = json!({"reason": "because"});
    setting.takes("manager", &path("penalty"), &block);
    let (status, answer) = setting.desk("customer", &path("appeal"), &why);
    assert_eq!(status, 200, "{answer}");
    let text = "who imposed a penalty does not hear the appeal against it; let another person hear \
                it; anybody may lift the penalty";
    setting.refused("manager", &path("uphold"), &why, (403, text));
    setting.takes("other-manager", &path("uphold"), &why);
    let text = "an appeal against this penalty was heard already; wait until the penalty expires; a \
                new penalty can be appealed";
    told(setting.desk("customer", &path("appeal"), &why), (409, text), "appeal");
    setting.takes("manager", &path("lift"), &why);
}

fn of_zero_retention(setting: &Setting) {
    let path = "resources/contoso/zeroRetention";
    let application = |days: u16| json!({"useCase": "u", "measures": "m", "days": days});
    let text = "zero retention is approved for 365 days at most; ask for 365 days, and renew it \
                before they are over";
    told(setting.desk("customer", path, &application(400)), (409, text), path);
    let (status, applied) = setting.desk("customer", path, &application(90));
    assert_eq!(status, 200, "{applied}");
    let text = "an application for this resource is being decided; wait until it is decided, or \
                withdraw it and apply again";
    told(setting.desk("customer", path, &application(90)), (409, text), path);

    let decide = format!("{path}/decision");
    let decision = |applied: &Value| json!({"approval": applied["pending"]["approval"], "approve": true, "reason": "seen"});
    assert_eq!(setting.desk("officer-a", &decide, &decision(&applied)).0, 200);
    let text = "this person has decided, and another person must; let another person decide";
    told(setting.desk("officer-a", &decide, &decision(&applied)), (403, text), &decide);
    let (status, answer) = setting.desk("officer-b", &decide, &decision(&applied));
    assert_eq!((status, &answer["content_logging"]), (200, &json!("false")), "{answer}");
    let text = "this application was decided already; to end what was approved, withdraw it; to \
                renew it, apply again";
    told(setting.desk("officer-b", &decide, &decision(&applied)), (409, text), &decide);
    let never = json!({"approval": "apr_00000000000000000000000000000001", "approve": true,
        "reason": "seen"});
    let text = "there is no such application or approval for this resource; look at the resource's \
                status: what you saw is over";
    told(setting.desk("officer-b", &decide, &never), (404, text), &decide);
    // The customer's officer is no officer of the operator's.
    let text = "the caller may not `decideExemption` here; only the operator's own people and \
                programs do this; ask the operator";
    told(setting.desk("customer", &decide, &decision(&applied)), (403, text), &decide);

    // The operator's own resource: the applicant could decide, if it were another's application.
    let path = "resources/ops-prod/zeroRetention";
    let (status, applied) = setting.desk("officer-a", path, &application(90));
    assert_eq!(status, 200, "{applied}");
    let text = "nobody decides about their own application; let two other people decide";
    let decide = format!("{path}/decision");
    told(setting.desk("officer-a", &decide, &decision(&applied)), (403, text), &decide);
}

/// What a caller may not know of is answered as what there is not, whatever state it is in.
fn nothing_to_a_stranger(setting: &Setting) {
    let request = setting.record();
    setting.takes("reviewer", &format!("records/{request}/flag"), &json!({"category": "other"}));
    let asked = setting.takes(
        "reviewer",
        &format!("records/{request}/look"),
        &json!({"reason": "looks like an attack"}),
    );
    let nothing = "req_00000000000000000000000000000001";
    let grants = [asked["grant"].clone(), json!("gra_00000000000000000000000000000001")];
    let text = "not found, or not visible to you; check the name or id";
    for request in [request.as_str(), nothing] {
        for grant in &grants {
            let consent = json!({"grant": grant});
            let decline = json!({"grant": grant, "reason": "no"});
            for (what, body) in [("consent", consent), ("decline", decline)] {
                let path = format!("records/{request}/{what}");
                told(setting.desk("stranger", &path, &body), (404, text), &path);
            }
        }
    }
    let decision = json!({"approval": "apr_00000000000000000000000000000001", "approve": true,
        "reason": "seen"});
    for name in ["contoso", "contosx"] {
        let path = format!("resources/{name}/zeroRetention/decision");
        told(setting.desk("stranger", &path, &decision), (404, text), &path);
    }
}
