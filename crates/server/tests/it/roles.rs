//! A signed-in person can do exactly the actions that their roles permit, and no route admits an
//! unauthorized caller.
//!
//! The test calls every route of the service as four callers that must be refused, and compares the
//! answers with tests/refused-callers.txt. A new route must be listed there with its refusals, or
//! the test fails.

use std::{fmt::Write as _, fs, path::Path};

use hyper::Method;
use serde_json::{Value, json};
use server::paths::{self, Endpoint, Page, State, routes};

use crate::{
    client::{Reply, Request},
    filters,
    people::{Account, People, person, program},
    service::{CHAT, Caller, DeploymentLimits, EMBED, chat_path},
};

const EVERYBODY: [Account; 9] = [
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

/// All roles.
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

pub(crate) struct Setting {
    pub(crate) people: People,
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
        // Any role of a customer's people applies only to their own tenant.
        for role in ROLES {
            people.assign(role, "stranger", &[]);
        }
        people.assign("Operator", "operator", &["--service"]);
        people.assign("Data Protection Officer", "officer", &["--service"]);
        Self { people, contoso, fabrikam }
    }

    /// Sends a request to the administration at the desk.
    pub(crate) fn ask(&self, who: &str, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.people.ask(who, Request::new(method, &format!("/admin/v1/{path}")).bytes(body))
    }

    pub(crate) fn status(&self, who: &str, method: &str, path: &str, body: &Value) -> u16 {
        self.ask(who, method, path, body).status
    }
}

/// One service for all steps, since loading the model is slow.
#[test]
fn who_signs_in_manages_what_their_roles_let_them() {
    let setting = Setting::start();
    customers_manage_their_own(&setting);
    the_operators_manage_the_service_and_choose_no_reviewers(&setting);
    filters::are_their_customers_own(&setting);
    every_route_refuses_who_may_not_enter(&setting);
    who_may_not_call_learns_nothing_and_uses_up_nothing(&setting);
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
    // Another tenant's object and a missing one get the same answer.
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

    // The customer's people cannot assign roles or delete the tenant, and attempts reveal nothing
    // about other tenants' objects.
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

    // Neither the operator nor the administrator can turn off the customer's consent.
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
    // The same together with each other field that they may change: nothing is changed.
    let before = setting.ask("operator", "GET", "resources/contoso", &nothing).text();
    for (field, value) in [
        ("prefixCache", json!(false)),
        ("forward", json!(["user"])),
        ("disableLocalAuth", json!(true)),
        ("retentionDays", json!(3)),
        ("publicNetworkAccess", json!("Disabled")),
        ("networkAcls", json!({"defaultAction": "Deny", "ipRules": [{"value": "192.0.2.0/24"}]})),
    ] {
        let alone = json!({field: value});
        assert_eq!(by_key(&alone), 200, "{field} is none that they may change");
        let undo: Value = serde_json::from_str(&before).unwrap();
        let undo = json!({field: undo[field]});
        assert_eq!(by_key(&undo), 200, "{undo}");
        let both = json!({field: value, "lockbox": false});
        let answer = setting.ask("operator", "PATCH", "resources/contoso", &both);
        let message = answer.text();
        assert!(answer.status == 403 && message.contains("only the customer's own"), "{message}");
        assert_eq!(by_key(&both), 403, "{both}");
        let after = setting.ask("operator", "GET", "resources/contoso", &nothing).text();
        assert_eq!(after, before, "{both}");
    }
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

/// The listener of a route.
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

    let mut routes: Vec<(At, Method, String)> = routes()
        .filter(|route| {
            let open =
                matches!(route.endpoint, Endpoint::LogFile | Endpoint::OpenApi | Endpoint::About)
                    || route.endpoint == Endpoint::Page(Page::SecurityTxt);
            // These take forms: `state` tries them.
            let form =
                matches!(route.endpoint, Endpoint::State(State::CreateFile | State::AddPart));
            !open && !form
        })
        .map(|route| (At::Api, route.endpoint.method(), route.path.to_owned()))
        .collect();
    for (at, listed) in [
        (At::Operations, paths::administration()),
        (At::Desk, paths::administration()),
        (At::Desk, paths::desk()),
        (At::Review, paths::review()),
    ] {
        routes.extend(listed.into_iter().map(|(method, path)| (at, method, path)));
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
        // An archive of an export is no JSON.
        let is_json = reply.header("content-type").is_some_and(|kind| kind.contains("json"));
        (reply.status, if is_json { reply.json() } else { Value::Null })
    };
    let mut text = String::from(HEADING);
    for (at, method, template) in &routes {
        let path = template
            .replace("{name}", "contoso")
            .replace("{deployment}", if template.ends_with("embeddings") { EMBED } else { CHAT })
            .replace("{model}", CHAT)
            .replace("{processor}", "gpu-company")
            .replace("{kind}", "measures")
            .replace("{policy}", "strict")
            .replace("{list}", "words")
            .replace("{item}", "one")
            .replace("{request}", &request)
            .replace("{request_id}", &request);
        let body = body_of(method, template);
        let _ = write!(text, "{:<11}{:<7}{template}", format!("{at:?}"), method.as_str());
        for bearer in &bearers {
            let (status, answer) = ask(*at, method, &path, &body, bearer);
            // Existing and missing objects get the same answer.
            if (status, template.contains("{name}")) == (404, true) && !matches!(at, At::Api) {
                let other = path.replace("contoso", "contosx");
                let (_, none) = ask(*at, method, &other, &body, bearer);
                let same = answer.to_string().replace("contoso", "contosx");
                assert_eq!(same, none.to_string(), "{method} {path}");
            }
            // A list may be returned, but without another tenant's objects.
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

/// The role is checked before the request is compared with the model, and before the call is
/// counted; a request that the model cannot serve is not counted either.
fn who_may_not_call_learns_nothing_and_uses_up_nothing(setting: &Setting) {
    let service = &setting.people.service;
    let messages = json!([{"role": "user", "content": "hi"}]);
    for (name, task, path, field, body) in [
        ("few-1", "chat", "chat/completions", "max_tokens", json!({"messages": messages})),
        ("few-2", "chat", "completions", "max_tokens", json!({"prompt": "hi"})),
        ("few-3", "embeddings", "embeddings", "dimensions", json!({"input": "hi"})),
    ] {
        let limits = DeploymentLimits { requests: 1, tokens: 1_000_000 };
        service.deployment(&setting.contoso, name, task, Some(limits));
        let call = |who: &str, size: u32| {
            let mut body = body.clone();
            body[field] = size.into();
            Request::post(&format!("/openai/deployments/{name}/{path}"), &body)
                .header("host", "contoso.openai.test")
                .header("authorization", &setting.people.bearer(who))
                .send(service.api)
        };
        for (who, status) in [("nobody", 403), ("user", 400), ("nobody", 403), ("user", 400)] {
            let refused = call(who, 1_000_000);
            refused.error(status);
            assert_eq!(refused.header("x-ratelimit-remaining-requests"), None, "{who} {path}");
        }
        // A missing deployment, and one for another task, look the same to a caller without a role.
        let other = if task == "chat" { EMBED } else { CHAT };
        let elsewhere = |deployment: &str| {
            Request::post(&format!("/openai/deployments/{deployment}/{path}"), &body)
                .header("host", "contoso.openai.test")
                .header("authorization", &setting.people.bearer("nobody"))
                .send(service.api)
                .error(403)
        };
        assert_eq!(elsewhere(other), elsewhere("none"));
        let answered = call("user", 4);
        answered.ok();
        assert_eq!(answered.header("x-ratelimit-remaining-requests"), Some("0"), "{path}");
    }
}

const HEADING: &str = "\
Every route, and how it answers four callers who may not enter it. Written by a test of `server`;
after a change of the routes: UPDATE_REFUSED=1 cargo test --release -p server --test it roles

The callers, in this order: without a credential; with the key of another tenant's resource; a
person of the tenant without any role; a person who holds every role there is in another tenant.
401, 403 and 404 refuse; 200 is a list, with nothing in it that is not the caller's own.

";

/// A valid body, so that the refusal can only be due to the caller.
fn body_of(method: &Method, template: &str) -> Value {
    let reason = json!({"reason": "to see whether it works"});
    let grant = "gra_00000000000000000000000000000000";
    let approval = "apr_00000000000000000000000000000000";
    let object = "0e2f6a1c-0000-4000-8000-000000000099";
    let file = "file-00000000000000000000000000000000";
    let role = json!({"role": ROLES[0], "tenant": "contoso", "objectId": object});
    let last = template.rsplit('/').next().unwrap_or_default();
    let subject = json!({"subject": "alice"});
    match (method.as_str(), last) {
        ("POST" | "PATCH" | "DELETE", "roleAssignments") => role,
        ("POST", "tenants") => json!({"name": "new"}),
        ("POST", "resources") => json!({"name": "new", "tenant": "contoso", "region": "local"}),
        ("POST", "regenerateKey") => json!({"keyName": "Key1"}),
        ("POST", "deployments") => {
            json!({"name": "new", "model": "smollm2-135m", "task": "chat"})
        }
        ("PUT", "{policy}" | "{list}") => json!({"properties": {}}),
        ("PUT", "{item}") => json!({"properties": {"pattern": "none"}}),
        ("POST", "addRaiBlocklistItems") => {
            json!([{"name": "one", "properties": {"pattern": "none"}}])
        }
        ("POST", "deleteRaiBlocklistItems") => json!(["one"]),
        ("POST", "engines") => {
            json!({"name": "new", "kind": "openai", "url": "https://gpu.example/v1",
            "region": "local", "models": [{"model": "smollm2-135m"}], "prefixCache": "none"})
        }
        ("POST", "models") => json!({"name": "new", "path": "/nowhere.gguf"}),
        ("PATCH", "personalData") => json!({"mode": "report"}),
        ("PATCH", "{name}") if template.contains("engines") => json!({"weight": 2}),
        ("PATCH", "{name}") => json!({"retentionDays": 1}),
        ("PATCH", "{deployment}") => json!({"tokensPerMinute": 1}),
        ("POST", "zeroRetention" | "contentFilterExemption") => {
            json!({"useCase": "none", "measures": "none", "days": 1, "reviewAfterAbuse": true})
        }
        ("POST", "decision") => json!({"approval": approval, "approve": true, "reason": "none"}),
        ("POST", "withdrawal") => json!({"approval": approval, "reason": "none"}),
        ("POST", "roll") => json!({"kind": "rootMade", "tenant": "contoso", "keys": []}),
        ("POST", "endUser") => json!({"name": "alice"}),
        ("POST", "flag") => json!({"category": "jailbreak"}),
        ("POST", "approval" | "open" | "consent") => json!({"grant": grant}),
        ("POST", "refusal") if template.contains("subjects") => reason,
        ("POST", "refusal" | "decline") => json!({"grant": grant, "reason": "none"}),
        ("POST", "judgement") => {
            json!({"grant": grant, "outcome": "dismissed", "reason": "none"})
        }
        ("POST", "completions") if template.contains("chat") => {
            json!({"model": CHAT, "messages": [{"role": "user", "content": "hi"}]})
        }
        ("POST", "completions") => json!({"model": CHAT, "prompt": "hi"}),
        ("POST", "embeddings") => json!({"model": EMBED, "input": "hi"}),
        ("POST", "responses") => json!({"model": CHAT, "input": "hi"}),
        ("POST", "conversations" | "{conversation}" | "{completion}") => json!({"metadata": {}}),
        ("POST", "items") => json!({"items": [{"role": "user", "content": "hi"}]}),
        ("POST", "batches") => json!({"input_file_id": file, "endpoint": "/v1/chat/completions",
            "completion_window": "24h"}),
        ("POST", "jobs") => json!({"model": CHAT, "training_file": file}),
        ("POST", "uploads") => {
            json!({"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain"})
        }
        ("POST", "complete") => json!({"part_ids": ["part_00000000000000000000000000000000"]}),
        ("POST", "{object}") => json!({"shared": true}),
        ("POST", "penalty") => json!({"action": "Block", "days": 1, "reason": "none"}),
        ("POST", "find" | "export" | "erase") => subject,
        ("POST", "restrict") => json!({"subject": "alice", "restricted": true}),
        ("POST", "requests") => json!({"right": "access", "reference": "letter 1"}),
        ("POST", "answer") => json!({"note": "none"}),
        ("POST", _) => reason,
        _ => Value::Null,
    }
}
