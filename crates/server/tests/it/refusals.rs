//! Each refusal of the desks names the missing part and the next step: the rows of the tables in
//! docs/operate/review.md and docs/operate/zero-retention.md. (An application lapses after thirty
//! days, so that row is tested in `policy`.) Without permission to see an object, callers get
//! no information about it.

use serde_json::{Value, json};

use crate::{
    client::Request,
    people::{Account, People, Seat, person},
    service::{CHAT, Caller, chat_path},
};

const EVERYBODY: [Account; 10] = [
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

    /// Creates a new record; returns its request id.
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
        check(self.at(&self.seat, who, path, body), expected, path);
    }

    fn desk(&self, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.people.ask(who, Request::post(&format!("/desk/v1/{path}"), body));
        (reply.status, reply.json())
    }
}

fn check((status, answer): (u16, Value), (expected, text): (u16, &str), path: &str) {
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
    // Last: from then on no records are stored that could be reviewed.
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
    check(queue.unwrap(), (403, text), "queue");
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
            "this record is not flagged, or was already decided; only flagged records are \
             reviewed: flag it first, for a category",
        ),
    );
    setting.takes("reviewer", &path("flag"), &json!({"category": "jailbreak"}));
    let elsewhere = setting.people.seat(Some("desk-2"));
    check(
        setting.at(&elsewhere, "reviewer", &path("look"), &why),
        (
            403,
            "this record is stored in another region than the reviewer's; let a reviewer in the \
             record's region take it",
        ),
        "look from elsewhere",
    );

    let asked = setting.takes("both", &path("look"), &why);
    let (grant, id) = (json!({"grant": asked["grant"]}), &asked["grant"]);
    let under_way = "another access request for this record is in progress; wait until it is \
                     refused, used or expired, then ask again";
    setting.refused("reviewer", &path("look"), &why, (409, under_way));
    let own = "you cannot approve or refuse your own access request; let another manager of the \
               team decide, or another reviewer ask";
    setting.refused("both", &path("approval"), &grant, (403, own));
    let refusal = json!({"grant": id, "reason": "no"});
    setting.refused("both", &path("refusal"), &refusal, (403, own));
    let team = "the manager of the reviewer's own team decides; pass it to the manager of the \
                reviewer's team";
    setting.refused("other-manager", &path("approval"), &grant, (403, team));
    let not_yet = "the manager has not approved this; wait for the manager of the team";
    setting.refused("both", &path("open"), &grant, (409, not_yet));
    // A missing role: the error names it, and does not reveal the state of the access request.
    let answer = setting.at(&setting.seat, "reviewer", &path("approval"), &grant);
    assert!(answer.1.to_string().contains("it takes the role `Review Manager`"), "{answer:?}");

    setting.takes("manager", &path("approval"), &grant);
    let again = "this was decided already; no action is needed: look at the queue again";
    setting.refused("manager", &path("approval"), &grant, (409, again));
    let other = "another person was granted access to this record; request access yourself";
    setting.refused("colleague", &path("open"), &grant, (403, other));
    let judgement = json!({"grant": id, "outcome": "confirmed", "reason": "it is"});
    let not_seen = "only a reviewer who has opened this record may decide on it; open the record \
                    first, then decide";
    setting.refused("both", &path("judgement"), &judgement, (409, not_seen));
    setting.takes("both", &path("open"), &grant);
    let used = "this permission was used already; request access again: each access needs its own \
                approval";
    setting.refused("both", &path("open"), &grant, (409, used));
    let over = "this is not the current access request for this record; look at the queue again: \
                your view is out of date";
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
            "this record is not flagged, or was already decided; only flagged records are \
             reviewed: flag it first, for a category",
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
    let off = "this customer's lockbox is off, so access requests need no consent; switch \
               lockbox on: it applies to every later access request";
    check(setting.desk("customer", &path("consent"), &grant), (409, off), "consent");
    setting.lockbox(true);
    setting.takes("manager", &path("approval"), &grant);
    let text = "the customer must consent to this, and has not; wait for the customer; where lockbox \
                was switched on since the approval, ask again";
    setting.refused("reviewer", &path("open"), &grant, (409, text));
    let (status, answer) = setting.desk("customer", &path("consent"), &grant);
    assert_eq!((status, &answer["waiting"]), (200, &json!("look")), "{answer}");
    let far = setting.people.seat(Some("desk-2"));
    let text = "this record is stored in another region than the reviewer's; let a reviewer in the \
                record's region take it";
    check(setting.at(&far, "reviewer", &path("open"), &grant), (403, text), "open from elsewhere");
    setting.people.enroll("stolen", "local");
    let other = setting.people.seat(Some("stolen"));
    let text = "access to this record was requested from another workstation; open it from that \
                workstation, or request access again from this one";
    check(
        setting.at(&other, "reviewer", &path("open"), &grant),
        (403, text),
        "another workstation",
    );
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
    let text = "a person who imposed a penalty cannot hear the appeal against it; let another \
                person hear it; you may lift the penalty yourself";
    setting.refused("manager", &path("uphold"), &why, (403, text));
    setting.takes("other-manager", &path("uphold"), &why);
    let text = "an appeal against this penalty was heard already; wait until the penalty expires; a \
                new penalty can be appealed";
    check(setting.desk("customer", &path("appeal"), &why), (409, text), "appeal");
    setting.takes("manager", &path("lift"), &why);
}

fn of_zero_retention(setting: &Setting) {
    let path = "resources/contoso/zeroRetention";
    let application = |days: u16| json!({"useCase": "u", "measures": "m", "days": days});
    let text = "an exemption is approved for 365 days at most; ask for 365 days, and renew it \
                before they are over";
    check(setting.desk("customer", path, &application(400)), (409, text), path);
    let (status, applied) = setting.desk("customer", path, &application(90));
    assert_eq!(status, 200, "{applied}");
    let text = "an application for this resource is being decided; wait until it is decided, or \
                withdraw it and apply again";
    check(setting.desk("customer", path, &application(90)), (409, text), path);

    let decide = format!("{path}/decision");
    let decision = |applied: &Value| json!({"approval": applied["pending"]["approval"], "approve": true, "reason": "seen"});
    assert_eq!(setting.desk("officer-a", &decide, &decision(&applied)).0, 200);
    let text = "you have already decided on this application; let another person decide";
    check(setting.desk("officer-a", &decide, &decision(&applied)), (403, text), &decide);
    let (status, answer) = setting.desk("officer-b", &decide, &decision(&applied));
    assert_eq!((status, &answer["content_logging"]), (200, &json!("false")), "{answer}");
    let text = "this application was decided already; to end an approval, withdraw it; to renew \
                it, apply again";
    check(setting.desk("officer-b", &decide, &decision(&applied)), (409, text), &decide);
    let never = json!({"approval": "apr_00000000000000000000000000000001", "approve": true,
        "reason": "seen"});
    let text = "there is no such application or approval for this resource; look at the resource's \
                status: your view is out of date";
    check(setting.desk("officer-b", &decide, &never), (404, text), &decide);
    // The customer's officer is not an officer of the operator.
    let text = "the caller may not `decideExemption` here; only the operator's own people and \
                programs do this; ask the operator";
    check(setting.desk("customer", &decide, &decision(&applied)), (403, text), &decide);

    // The operator's own resource: this applicant could decide about another person's application.
    let path = "resources/ops-prod/zeroRetention";
    let (status, applied) = setting.desk("officer-a", path, &application(90));
    assert_eq!(status, 200, "{applied}");
    let text = "you cannot decide on your own application; let two other people decide";
    let decide = format!("{path}/decision");
    check(setting.desk("officer-a", &decide, &decision(&applied)), (403, text), &decide);
}

/// An object that a caller may not see is answered as missing, in every state.
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
                check(setting.desk("stranger", &path, &body), (404, text), &path);
            }
        }
    }
    let decision = json!({"approval": "apr_00000000000000000000000000000001", "approve": true,
        "reason": "seen"});
    for name in ["contoso", "contosx"] {
        let path = format!("resources/{name}/zeroRetention/decision");
        check(setting.desk("stranger", &path, &decision), (404, text), &path);
    }
}
