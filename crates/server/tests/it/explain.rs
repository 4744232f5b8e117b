//! An explanation of a resource, as a caller, an officer and the operator get it: it follows the
//! settings at once, and it is of the caller's own resource.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    client::{Reply, Request},
    people::{Account, People, person},
    process::succeed,
    sdk,
    service::{CHAT, Caller, chat_path},
};

const PEOPLE: [Account; 3] =
    [person("privacy", "contoso"), person("stranger", "fabrikam"), person("operator", "ops")];

fn explain(caller: &Caller) -> Reply {
    let host = format!("{}.openai.test", caller.resource);
    Request::get("/openai/v1/explain").header("host", &host).key(&caller.key1).send(caller.address)
}

/// The texts by the ids of their sentences.
fn texts(explanation: &Value) -> BTreeMap<String, String> {
    let sentences = explanation["sentences"].as_array().unwrap();
    let text = |sentence: &Value, field: &str| sentence[field].as_str().unwrap().to_owned();
    sentences.iter().map(|one| (text(one, "id"), text(one, "text"))).collect()
}

fn changed(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (texts(before), texts(after));
    assert!(before.keys().eq(after.keys()), "the same sentences");
    before.iter().filter(|(id, text)| after[*id] != **text).map(|(id, _)| id.clone()).collect()
}

/// One service for all steps, since loading the model is slow.
#[test]
fn an_explanation_follows_the_settings() {
    let people = People::start(&PEOPLE);
    let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|name| people.service.caller(name));
    people.assign("Data Protection Officer", "privacy", &[]);
    people.assign("Data Protection Officer", "stranger", &[]);
    people.assign("Operator", "operator", &["--service"]);
    is_the_callers_own(&people, &contoso, &fabrikam);
    changes_with_each_setting(&people, &contoso);
    names_the_configuration_of_the_receipts(&contoso);
    is_the_same_for_officer_and_operator(&people, &contoso);
    is_read_by_a_real_client(&contoso);
    compares_what_is_configured(&people);
}

fn is_the_callers_own(people: &People, contoso: &Caller, fabrikam: &Caller) {
    let own = explain(contoso).ok();
    assert_eq!((&own["object"], &own["resource"]), (&json!("explanation"), &json!("contoso")));
    assert_eq!(explain(fabrikam).ok()["resource"], "fabrikam");
    let crossed = Caller { key1: fabrikam.key1.clone(), ..contoso_of(contoso) };
    explain(&crossed).error(401);
    Request::get("/openai/v1/explain").send(people.service.api).error(401);
    let text = own.to_string();
    let authority = people.authority.path("server.pem").display().to_string();
    for secret in [contoso.key1.as_str(), "fabrikam", &authority] {
        assert!(!text.contains(secret), "{secret}");
    }
}

fn contoso_of(caller: &Caller) -> Caller {
    let Caller { address, resource, key1, key2 } = caller;
    Caller { address: *address, resource: resource.clone(), key1: key1.clone(), key2: key2.clone() }
}

/// Each change is made by the command line beside the running service; the next answer has it.
fn changes_with_each_setting(people: &People, contoso: &Caller) {
    let files = &people.service.files;
    for (words, expected, new) in [
        (
            &["resource", "update", "contoso", "--retention-days", "7"][..],
            &["kept.records"][..],
            "within 7 days",
        ),
        (
            &["resource", "update", "contoso", "--lockbox", "on"],
            &["opened.lockbox"],
            "the customer must consent",
        ),
        (
            &["resource", "update", "contoso", "--stored-completions", "off"],
            &["kept.completions"],
            "`store` is refused",
        ),
        (
            &["deployment", "update", CHAT, "--resource", "contoso", "--filter", "default"],
            &["content_filter.smollm2"],
            "The filter `Microsoft.DefaultV2` judges the requests of deployment `smollm2`",
        ),
    ] {
        let before = explain(contoso).ok();
        files.cli(words);
        let after = explain(contoso).ok();
        assert_eq!(changed(&before, &after), expected, "{words:?}");
        let texts = texts(&after);
        let said = texts.values().any(|text| text.contains(new));
        assert!(said, "{new}: {texts:?}");
    }
    let before = explain(contoso).ok();
    files.approve_zero_retention("contoso");
    let after = explain(contoso).ok();
    let expected =
        ["abuse.monitoring", "kept.files", "kept.records", "kept.state", "opened.review"];
    assert_eq!(changed(&before, &after), expected);
    let records = &texts(&after)["kept.records"];
    assert!(records.contains("are not stored for abuse monitoring"), "{records}");
}

/// The receipt of a request names the configuration that explained it.
fn names_the_configuration_of_the_receipts(contoso: &Caller) {
    let host = "contoso.openai.test";
    let answer = Request::post(&chat_path(CHAT), &contoso.short())
        .header("host", host)
        .key(&contoso.key1)
        .send(contoso.address);
    answer.ok();
    let receipt = Request::get(answer.header("x-bailiwick-receipt").unwrap())
        .header("host", host)
        .header("accept", "application/json")
        .key(&contoso.key1)
        .send(contoso.address)
        .ok();
    let explanation = explain(contoso).ok();
    assert_eq!(receipt["configuration_sha256"], explanation["configuration_sha256"]);
    assert_eq!(receipt["retention"]["class"], "none");
}

fn is_the_same_for_officer_and_operator(people: &People, contoso: &Caller) {
    let own = explain(contoso).ok();
    let path = "/admin/v1/resources/contoso/explain";
    let officers = people.ask("privacy", Request::get(path)).ok();
    assert_eq!(officers["sentences"], own["sentences"]);
    assert_eq!(
        people.service.admin("/admin/v1/resources/contoso/explain")["sentences"],
        own["sentences"]
    );
    // Another customer's officer learns not even that there is such a resource.
    let theirs = people.ask("stranger", Request::get(path));
    let none = people.ask("stranger", Request::get("/admin/v1/resources/contosa/explain"));
    assert_eq!((theirs.status, none.status), (404, 404));
    assert_eq!(theirs.text().replace("contoso", "contosa"), none.text());
    // The command line reads the directory of the service, and its own configuration.
    let files = &people.service.files;
    let printed = files.cli(&["explain", "--resource", "contoso"]);
    for id in ["kept.records", "opened.lockbox", "runs.regions.smollm2"] {
        assert_eq!(texts(&printed)[id], texts(&own)[id]);
    }
    assert_eq!(files.cli(&["explain"]).as_array().unwrap().len(), 3);
    let text = succeed(files.command().args(["explain", "--resource", "contoso"]));
    for line in [
        "What is kept, and for how long",
        "because  lockbox = true (resource)",
        "check    caller: `retention` in each receipt",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

fn is_read_by_a_real_client(contoso: &Caller) {
    let url = format!("http://{}", contoso.address);
    let script = "
import os, openai
client = openai.OpenAI(base_url=os.environ['BAILIWICK_URL'] + '/openai/v1',
    api_key=os.environ['BAILIWICK_API_KEY'],
    default_headers={'host': 'contoso.openai.test'})
answer = client.get('/explain', cast_to=object)
assert answer['resource'] == 'contoso', answer
print(answer['sentences'][0]['text'])
";
    let said = succeed(sdk::program("python", &url, contoso).args(["-c", script]));
    assert!(said.contains("The API's listener has no TLS"), "{said}");
}

fn compares_what_is_configured(people: &People) {
    let files = &people.service.files;
    let compared = files.cli(&["compare", "--need", "zero-retention", "--resource", "contoso"]);
    let one = |id: &str| {
        let offerings = compared["offerings"].as_array().unwrap();
        offerings.iter().find(|one| one["id"] == id).unwrap().clone()
    };
    let own = one("bailiwick:contoso");
    assert_eq!((&own["outcome"], &own["claims"][0]["verdict"]), (&json!("fits"), &json!("yes")));
    assert_eq!(own["claims"][0]["because"][0]["setting"], "capabilities.ContentLogging");
    assert_eq!(one("copilot-m365")["outcome"], "fails");
    assert!(one("copilot-m365")["claims"][0]["quote"].is_string());
    let compared = files.cli(&["compare", "--need", "zero-retention", "--resource", "fabrikam"]);
    let other = compared["offerings"].as_array().unwrap().iter();
    let other = other.filter(|one| one["id"] == "bailiwick:fabrikam").collect::<Vec<_>>();
    assert_eq!(other[0]["outcome"], "fails");
}
