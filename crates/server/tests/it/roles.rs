//! Who signs in manages what their roles let them; and no route lets in who may not enter it.
//!
//! Every route that the service answers is walked by four callers that must be refused, and the
//! answers are compared with tests/refused-callers.txt: a route that is added stands there with its
//! refusals, or the test fails.

use std::{fmt::Write as _, fs, path::Path};

use hyper::Method;
use serde_json::{Value, json};
use server::openai::routes::{Endpoint, ROUTES};

use crate::{
    client::{Reply, Request},
    people::{People, Somebody, person, program},
    service::{CHAT, Caller, EMBED, chat_path},
};

const EVERYBODY: [Somebody; 9] = [
    person("contributor", "contoso"),
    person("user", "contoso"),
    program("pipeline", "contoso"),
    person("nobody", "contoso"),
    person("privacy", "contoso"),
    person("stranger", "fabrikam"),
    person("operator", "ops"),
    person("officer", "ops"),
    person("newcomer", "ops"),
];

/// All roles that there are.
const ROLES: [&str; 9] = [
    "Cognitive Services OpenAI User",
    "Cognitive Services OpenAI Contributor",
    "Cognitive Services Contributor",
    "Cognitive Services Usages Reader",
    "Reviewer",
    "Review Manager",
    "Data Protection Officer",
    "Auditor",
    "Operator",
];

struct Setting {
    people: People,
    contoso: Caller,
    fabrikam: Caller,
}

impl Setting {
    fn start() -> Self {
        let people = People::start(&EVERYBODY);
        let contributor = ["Cognitive Services Contributor", "Cognitive Services Usages Reader"];
        let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| people.service.caller(name));
        for role in contributor {
            people.assign(role, "contributor", &[]);
            people.assign(role, "pipeline", &["--resource", "contoso"]);
        }
        people.assign("Cognitive Services OpenAI User", "user", &[]);
        people.assign("Data Protection Officer", "privacy", &[]);
        // Whatever a customer's own people are called, it is in their own tenant.
        for role in ROLES {
            people.assign(role, "stranger", &[]);
        }
        people.assign("Operator", "operator", &["--service"]);
        people.assign("Data Protection Officer", "officer", &["--service"]);
        Self { people, contoso, fabrikam }
    }

    /// Asks the administration at the desk.
    fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.people.ask(who, Request::new(method, &format!("/admin/v1/{path}")).bytes(body))
    }

    fn status(&self, who: &str, method: &str, path: &str, body: &Value) -> u16 {
        self.ask(who, method, path, body).status
    }
}

/// One service for all, since each costs a model's loading.
#[test]
fn who_signs_in_manages_what_their_roles_let_them() {
    let setting = Setting::start();
    customers_manage_their_own(&setting);
    the_operators_manage_the_service_and_choose_no_reviewers(&setting);
    every_route_refuses_who_may_not_enter(&setting);
    setting.people.verify_log();
}

fn names(reply: &Reply) -> Vec<String> {
    let views = reply.ok();
    let views = views.as_array().unwrap();
    views.iter().map(|view| view["name"].as_str().unwrap().to_owned()).collect()
}

fn customers_manage_their_own(setting: &Setting) {
    let nothing = Value::Null;
    let get = |who: &str, path: &str| setting.ask(who, "GET", path, &nothing);
    for who in ["contributor", "pipeline", "user"] {
        assert_eq!(names(&get(who, "resources")), ["contoso"], "{who}");
    }
    assert_eq!(names(&get("contributor", "tenants")), ["contoso"]);
    assert!(names(&get("pipeline", "tenants")).is_empty(), "a role at a resource only");
    // What is another's, and what nobody has, is answered in the same words.
    let theirs = get("contributor", "resources/fabrikam");
    let none = get("contributor", "resources/fabrikan");
    assert_eq!((theirs.status, none.status), (404, 404));
    assert_eq!(theirs.text().replace("fabrikam", "fabrikan"), none.text());

    let week = json!({"retentionDays": 7});
    for (who, expected) in [("contributor", 200), ("pipeline", 200), ("user", 403)] {
        let path = "resources/contoso";
        assert_eq!(setting.status(who, "PATCH", path, &week), expected, "{who}");
    }
    let refused = setting.ask("user", "PATCH", "resources/contoso", &week).json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("`Cognitive Services Contributor`"), "{message}");

    let which = json!({"keyName": "Key2"});
    let path = "resources/contoso/regenerateKey";
    assert_eq!(setting.status("user", "POST", path, &which), 403);
    let made = setting.ask("pipeline", "POST", path, &which).ok();
    let models = Request::get("/openai/v1/models")
        .key(made["key"].as_str().unwrap())
        .header("host", "contoso.openai.test");
    assert_eq!(models.clone().send(setting.people.service.api).status, 200);
    assert_eq!(models.key(&setting.contoso.key2).send(setting.people.service.api).status, 401);

    let new = json!({"name": "second", "model": "smollm2-135m", "task": "chat"});
    let path = "resources/contoso/deployments";
    assert_eq!(setting.status("user", "POST", path, &new), 403);
    assert_eq!(setting.status("pipeline", "POST", path, &new), 201);
    let path = "resources/contoso/deployments/second";
    assert_eq!(setting.status("pipeline", "DELETE", path, &nothing), 204);

    let resource = json!({"name": "contoso-2", "tenant": "contoso", "region": "local"});
    assert_eq!(setting.status("pipeline", "POST", "resources", &resource), 404, "no tenant's role");
    assert_eq!(setting.status("contributor", "POST", "resources", &resource), 201);
    assert_eq!(names(&get("contributor", "resources")), ["contoso", "contoso-2"]);
    assert_eq!(names(&get("pipeline", "resources")), ["contoso"]);
    assert_eq!(setting.status("contributor", "DELETE", "resources/contoso-2", &nothing), 204);

    // Nobody of the customer's gives roles or deletes the tenant; nor learns from trying what there
    // is of others'.
    let give = |tenant: &str, scope: Value| {
        let object = setting.people.find("nobody").1;
        let given = json!({"role": ROLES[0], "tenant": tenant, "objectId": object, "scope": scope});
        let answer = setting.ask("contributor", "POST", "roleAssignments", &given);
        assert!(matches!(answer.status, 403 | 404), "{given} {}", answer.text());
        answer.text()
    };
    let of = |resource: &str| json!({"resource": {"name": resource}});
    let at =
        |resource: &str, name: &str| json!({"deployment": {"resource": resource, "name": name}});
    let none = give("contoso", of("fabrikan"));
    for scope in [of("fabrikam"), at("fabrikam", CHAT), at("fabrikam", "none")] {
        assert_eq!(give("contoso", scope).replace("fabrikam", "fabrikan"), none);
    }
    let none = give("fabrikan", json!("tenant"));
    assert_eq!(give("fabrikam", json!("tenant")).replace("fabrikam", "fabrikan"), none);
    assert_eq!(give("fabrikam", of("contoso")).replace("fabrikam", "fabrikan"), none);
    let wider = json!({"role": ROLES[0], "tenant": "contoso", "objectId": "0e2f6a1c-0000-4000-8000-000000000099",
        "scope": {"resource": {"name": "contoso", "deployment": CHAT}}});
    assert_eq!(setting.status("contributor", "POST", "roleAssignments", &wider), 400);
    let role =
        json!({"role": ROLES[0], "tenant": "contoso", "objectId": setting.people.find("nobody").1});
    assert_eq!(setting.status("contributor", "POST", "roleAssignments", &role), 403);
    assert_eq!(setting.status("contributor", "DELETE", "tenants/contoso", &nothing), 403);
}

fn the_operators_manage_the_service_and_choose_no_reviewers(setting: &Setting) {
    let nothing = Value::Null;
    let tenants = setting.ask("operator", "GET", "tenants", &nothing);
    assert_eq!(names(&tenants), ["contoso", "fabrikam", "ops", "warm"]);
    assert_eq!(setting.status("operator", "POST", "tenants", &json!({"name": "new"})), 201);
    assert_eq!(setting.status("operator", "DELETE", "tenants/new", &nothing), 204);
    assert_eq!(setting.status("operator", "GET", "workers", &nothing), 200);

    // The customer's consent is not the operator's to switch off, nor the administrator's.
    let (on, off) = (json!({"lockbox": true}), json!({"lockbox": false}));
    for (who, update, expected) in [
        ("privacy", &on, 200),
        ("operator", &off, 403),
        ("privacy", &off, 200),
        ("operator", &on, 200),
        ("user", &off, 403),
        ("contributor", &off, 200),
    ] {
        let answer = setting.ask(who, "PATCH", "resources/contoso", update);
        assert_eq!(answer.status, expected, "{who} {update} {}", answer.text());
    }
    let path = "/admin/v1/resources/contoso";
    let by_key = |update: &Value| {
        let request = Request::new("PATCH", path).bytes(update.to_string());
        setting.people.service.as_administrator(&request).status
    };
    assert_eq!((by_key(&on), by_key(&off)), (200, 403));
    // Nor beside another field, which they may change.
    let both = json!({"prefixCache": false, "lockbox": false});
    let answer = setting.ask("operator", "PATCH", "resources/contoso", &both);
    let message = answer.text();
    assert!(answer.status == 403 && message.contains("only the customer's own"), "{message}");
    assert_eq!(by_key(&both), 403);
    let shown = setting.ask("operator", "GET", "resources/contoso", &nothing).ok();
    assert_eq!((&shown["lockbox"], &shown["prefixCache"]), (&json!(true), &json!(true)));
    assert_eq!(setting.status("privacy", "PATCH", "resources/contoso", &off), 200);

    let give = |who: &str, role: &str, whom: &str| {
        let (tenant, object, _) = setting.people.find(whom);
        let given = json!({"role": role, "tenant": tenant, "objectId": object, "scope": "service"});
        setting.status(who, "POST", "roleAssignments", &given)
    };
    assert_eq!(give("operator", "Auditor", "newcomer"), 201);
    assert_eq!(give("operator", "Reviewer", "newcomer"), 403);
    assert_eq!(give("operator", "Data Protection Officer", "newcomer"), 403, "who chooses that");
    assert_eq!(give("officer", "Reviewer", "newcomer"), 201);
    assert_eq!(give("officer", "Operator", "newcomer"), 403);
    assert_eq!(give("officer", "Reviewer", "officer"), 403, "to oneself");
    assert_eq!(give("operator", "Operator", "operator"), 403, "to oneself");
}

/// Where a route is.
#[derive(Debug, Clone, Copy)]
enum At {
    Api,
    Operations,
    Desk,
    Review,
}

fn every_route_refuses_who_may_not_enter(setting: &Setting) {
    setting.people.enroll("desk-1", "local");
    let said = setting.contoso.post(&chat_path(CHAT), &setting.contoso.short());
    said.ok();
    let request = said.header("x-request-id").unwrap().to_owned();

    let mut routes: Vec<(At, Method, String)> = ROUTES
        .iter()
        .filter(|route| {
            !matches!(route.endpoint, Endpoint::LogFile | Endpoint::OpenApi | Endpoint::About)
        })
        .map(|route| (At::Api, route.endpoint.method(), route.path.to_owned()))
        .collect();
    let admin = server::admin::routes();
    for at in [At::Operations, At::Desk] {
        routes
            .extend(admin.listed().iter().map(|(method, path)| (at, method.clone(), path.clone())));
    }
    let desks = [(At::Desk, server::desk::routes()), (At::Review, server::desk::review_routes())];
    for (at, listed) in &desks {
        let listed = listed.listed().iter();
        routes.extend(listed.map(|(method, path)| (*at, method.clone(), path.clone())));
    }

    let bearers = [
        String::new(),
        format!("Bearer {}", setting.fabrikam.key1),
        setting.people.bearer("nobody"),
        setting.people.bearer("stranger"),
    ];
    let seat = setting.people.seat(Some("desk-1"));
    let ask = |at: At, method: &Method, path: &str, body: &Value, bearer: &str| {
        let sent = if *method == Method::GET { String::new() } else { body.to_string() };
        let mut request = Request::new(method.as_str(), path).bytes(sent);
        if !bearer.is_empty() {
            request = request.header("authorization", bearer);
        }
        let People { service, desk, .. } = &setting.people;
        let reply = match at {
            At::Review => {
                let token = bearer.strip_prefix("Bearer ").unwrap_or_default();
                return seat.ask(token, method.as_str(), path, body).unwrap();
            }
            At::Api => request.header("host", "contoso.openai.test").send(service.api),
            At::Operations => request.send(service.operations),
            At::Desk => request.send(*desk),
        };
        (reply.status, if reply.body.is_empty() { Value::Null } else { reply.json() })
    };
    let mut text = String::from(HEADING);
    for (at, method, template) in &routes {
        let path = template
            .replace("{name}", "contoso")
            .replace("{deployment}", if template.ends_with("embeddings") { EMBED } else { CHAT })
            .replace("{model}", CHAT)
            .replace("{request}", &request)
            .replace("{request_id}", &request);
        let body = body_of(method, template);
        let _ = write!(text, "{:<11}{:<7}{template}", format!("{at:?}"), method.as_str());
        for bearer in &bearers {
            let (status, answer) = ask(*at, method, &path, &body, bearer);
            // What is there and what is not are answered in the same words.
            if (status, template.contains("{name}")) == (404, true) && !matches!(at, At::Api) {
                let other = path.replace("contoso", "contosx");
                let (_, none) = ask(*at, method, &other, &body, bearer);
                let same = answer.to_string().replace("contoso", "contosx");
                assert_eq!(same, none.to_string(), "{method} {path}");
            }
            // A list may be answered: with nothing in it that is another's.
            let told = answer.to_string().contains("contoso") && status < 300;
            let refused = matches!(status, 401 | 403 | 404);
            assert!(refused || (status == 200 && !told), "{method} {path} {status} {answer}");
            let _ = write!(text, " {status}");
        }
        text.push('\n');
    }

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused-callers.txt");
    if std::env::var_os("UPDATE_REFUSED").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    let read = fs::read_to_string(&golden).unwrap_or_default();
    let changed = text.lines().zip(read.lines()).find(|(now, read)| now != read);
    assert!(
        text == read,
        "routes or refusals differ from tests/refused-callers.txt, first in {changed:?}; read the \
         change, then UPDATE_REFUSED=1"
    );
}

const HEADING: &str = "\
Every route, and how it answers four callers who may not enter it. Written by a test of `server`;
after a change of the routes: UPDATE_REFUSED=1 cargo test --release -p server --test it roles

The callers, in this order: without a credential; with the key of another tenant's resource; a
person of the tenant without any role; a person who holds every role there is in another tenant.
401, 403 and 404 refuse; 200 is a list, with nothing in it that is not the caller's own.

";

/// A body that would be taken, so that it is the caller who is refused.
fn body_of(method: &Method, template: &str) -> Value {
    let reason = json!({"reason": "to see whether it works"});
    let grant = "gra_00000000000000000000000000000000";
    let approval = "apr_00000000000000000000000000000000";
    let object = "0e2f6a1c-0000-4000-8000-000000000099";
    let role = json!({"role": ROLES[0], "tenant": "contoso", "objectId": object});
    let last = template.rsplit('/').next().unwrap_or_default();
    match (method.as_str(), last) {
        ("POST" | "PATCH" | "DELETE", "roleAssignments") => role,
        ("POST", "tenants") => json!({"name": "new"}),
        ("POST", "resources") => json!({"name": "new", "tenant": "contoso", "region": "local"}),
        ("POST", "regenerateKey") => json!({"keyName": "Key1"}),
        ("POST", "deployments") => {
            json!({"name": "new", "model": "smollm2-135m", "task": "chat"})
        }
        ("POST", "models") => json!({"name": "new", "path": "/nowhere.gguf"}),
        ("PATCH", "{name}") => json!({"retentionDays": 1}),
        ("PATCH", "{deployment}") => json!({"tokensPerMinute": 1}),
        ("POST", "zeroRetention") => {
            json!({"useCase": "none", "measures": "none", "days": 1, "reviewAfterAbuse": true})
        }
        ("POST", "decision") => json!({"approval": approval, "approve": true, "reason": "none"}),
        ("POST", "withdrawal") => json!({"approval": approval, "reason": "none"}),
        ("POST", "flag") => json!({"category": "jailbreak"}),
        ("POST", "approval" | "open" | "consent") => json!({"grant": grant}),
        ("POST", "refusal" | "decline") => json!({"grant": grant, "reason": "none"}),
        ("POST", "judgement") => {
            json!({"grant": grant, "outcome": "dismissed", "reason": "none"})
        }
        ("POST", "completions") if template.contains("chat") => {
            json!({"model": CHAT, "messages": [{"role": "user", "content": "hi"}]})
        }
        ("POST", "completions") => json!({"model": CHAT, "prompt": "hi"}),
        ("POST", "embeddings") => json!({"model": EMBED, "input": "hi"}),
        ("POST", "penalty") => json!({"action": "Block", "days": 1, "reason": "none"}),
        ("POST", _) => reason,
        _ => Value::Null,
    }
}
