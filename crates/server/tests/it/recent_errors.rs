//! The errors of the last hour by code: each end but a good one is counted for its resource, and only
//! people who may read the resource's usage see the counts.

use serde_json::{Value, json};

use crate::{
    client::Request,
    engine::endless,
    people::{Account, People, person},
    process::{eventually, signal},
    service::{CHAT, Caller, DeploymentLimits, chat_path, say},
};

const PEOPLE: [Account; 3] =
    [person("developer", "contoso"), person("stranger", "fabrikam"), person("guest", "contoso")];

const PATH: &str = "/admin/v1/resources/contoso/errors";

/// A text of the caller, which must not be in the counts.
const CANARY: &str = "canary-of-the-counts";

/// Returns the deployment and the number of the errors with a status and a code.
fn counted(errors: &Value, status: u16, code: &str) -> Vec<(Option<String>, u64)> {
    let rows = errors["data"].as_array().unwrap().iter();
    let rows = rows.filter(|row| row["status"] == status && row["code"] == code);
    rows.map(|row| (row["deployment"].as_str().map(str::to_owned), row["count"].as_u64().unwrap()))
        .collect()
}

/// One service for all steps, since loading the model is slow.
#[test]
fn errors_are_counted_by_code_for_those_who_may_read_them() {
    let people = People::start(&PEOPLE);
    let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| people.service.caller(name));
    people.assign("Cognitive Services OpenAI User", "developer", &[]);
    people.assign("Cognitive Services Contributor", "stranger", &[]);
    let read = || people.ask("developer", Request::get(PATH)).ok();

    let before = read();
    assert_eq!((&before["data"], &before["othersCount"]), (&json!([]), &json!(0)));
    assert_eq!((&before["minutes"], &before["sinceStart"]), (&json!(60), &json!(true)));
    assert!(before["from"].as_str().unwrap() <= before["to"].as_str().unwrap(), "{before}");

    refusals(&people, &contoso);
    // Calls that are no error, and those of another resource.
    contoso.post(&chat_path(CHAT), &contoso.short()).ok();
    fabrikam.get("/openai/v1/models/absent").error(404);
    let errors = read();
    let chat = || Some(CHAT.to_owned());
    assert_eq!(counted(&errors, 404, "DeploymentNotFound"), [(None, 2)], "{errors}");
    assert_eq!(counted(&errors, 400, "invalid_json"), [(None, 1)], "{errors}");
    assert_eq!(counted(&errors, 429, "429"), [(Some("small".to_owned()), 1)], "{errors}");
    assert_eq!(counted(&errors, 401, "401"), [], "a wrong key belongs to no resource: {errors}");
    assert_eq!(errors["data"].as_array().unwrap().len(), 4, "{errors}");
    assert!(!errors.to_string().contains(CANARY), "{errors}");
    for row in errors["data"].as_array().unwrap() {
        let last = row["lastAt"].as_str().unwrap();
        assert!(errors["from"].as_str().unwrap() <= last && last.ends_with('Z'), "{row}");
    }

    ends_of_streams(&people, &contoso);
    let errors = eventually("the hang-up is counted", || {
        let errors = read();
        (!counted(&errors, 499, "ClientClosedRequest").is_empty()).then_some(errors)
    });
    assert_eq!(counted(&errors, 499, "ClientClosedRequest"), [(chat(), 1)], "{errors}");
    assert_eq!(counted(&errors, 503, "503"), [(chat(), 1)], "{errors}");

    // The same counts at the operations listener; nothing for people of other resources.
    let operators = people.service.admin(PATH);
    assert_eq!(operators["data"], errors["data"]);
    let hidden = people.ask("stranger", Request::get(PATH));
    let absent = people.ask("stranger", Request::get("/admin/v1/resources/consoto/errors"));
    assert_eq!((hidden.status, absent.status), (404, 404));
    assert_eq!(hidden.text().replace("contoso", "consoto"), absent.text());
    assert_ne!(people.ask("guest", Request::get(PATH)).status, 200, "without a role");
    let own = Request::get("/admin/v1/resources/fabrikam/errors");
    let own = people.ask("stranger", own).ok();
    assert_eq!(own["data"].as_array().unwrap().len(), 1, "{own}");
}

/// Makes calls that are refused before their answer begins.
fn refusals(people: &People, caller: &Caller) {
    for name in ["absent", CANARY] {
        let error = caller.post(&chat_path(name), &say(CANARY)).error(404);
        assert_eq!(error["code"], "DeploymentNotFound");
    }
    let broken = Request::new("POST", &chat_path(CHAT)).bytes(CANARY).key(&caller.key1);
    let broken = broken.header("content-type", "application/json").send(caller.address);
    assert_eq!(broken.error(400)["code"], "invalid_json");
    let field = json!({"messages": [], CANARY: 1});
    caller.post(&chat_path(CHAT), &field).error(400);
    let limits = DeploymentLimits { requests: 1, tokens: 1_000_000 };
    people.service.deployment(caller, "small", "chat", Some(limits));
    let limited = (0..5).any(|_| {
        let reply = caller.post(&chat_path("small"), &caller.short());
        reply.status == 429
    });
    assert!(limited, "a limit of one request a minute is used up");
    let wrong = Request::post(&chat_path(CHAT), &caller.short()).key("wrong");
    wrong.send(caller.address).error(401);
}

/// Begins two streams: the client gives the first one up, and the worker of the second one dies.
fn ends_of_streams(people: &People, caller: &Caller) {
    let service = &people.service;
    let begin = || {
        let request = Request::post(&chat_path(CHAT), &endless()).key(&caller.key1);
        let mut events = request.open(caller.address).events();
        events.next().unwrap();
        events
    };
    drop(begin());
    eventually("the sequence is free", || (service.load() == 0).then_some(()));
    let worker = service.worker("chat");
    let events = begin();
    signal("KILL", worker.pid);
    let last = events.last().unwrap();
    assert_eq!(last["error"]["code"], "503", "{last}");
}
