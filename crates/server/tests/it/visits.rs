//! The pages of signed-in people in a real browser: `tests/pages/people.test.js` signs in at a real
//! identity provider, goes each person's way, and attacks sessions and forms.

use std::process::Command;

use serde_json::json;

use crate::{
    client::Request,
    people::{Account, People, person},
    process::{project, succeed},
    service::{CHAT, chat_path},
};

const PEOPLE: [Account; 7] = [
    person("reviewer", "ops"),
    person("manager", "ops"),
    person("operator", "ops"),
    person("developer", "contoso"),
    person("officer", "contoso"),
    person("foreigner", "fabrikam"),
    person("newcomer", "contoso"),
];

#[test]
fn people_go_their_ways_in_a_browser() {
    let people = People::start(&PEOPLE);
    let contoso = people.service.caller("contoso");
    people.service.caller("fabrikam");
    people.assign("Reviewer", "reviewer", &["--service"]);
    people.assign("Review Manager", "manager", &["--service"]);
    people.assign("Operator", "operator", &["--service"]);
    people.assign("Cognitive Services Contributor", "developer", &[]);
    people.assign("Cognitive Services OpenAI User", "developer", &[]);
    for officer in ["officer", "foreigner"] {
        people.assign("Data Protection Officer", officer, &[]);
    }
    for name in ["reviewer", "manager"] {
        people.who(&["role", "team", "north"], name);
    }
    people.enroll("desk-1", "local");
    let body = json!({"messages": [{"role": "user", "content": "<script>alert(1)</script>"}],
        "max_tokens": 2, "user": "<img src=x onerror=alert(1)>"});
    let reply = contoso.post(&chat_path(CHAT), &body);
    reply.ok();

    let mut node = Command::new(project().join(".cache/venv/bin/node"));
    node.current_dir(project().join("tests/pages"));
    node.args(["--test", "--test-reporter=spec", "people.test.js"]);
    node.env("BAILIWICK_DESK", format!("http://localhost:{}", people.desk.port()));
    node.env("BAILIWICK_REVIEW", format!("https://{}", people.review_address()));
    node.env("BAILIWICK_OPERATIONS", format!("http://{}", people.service.operations));
    let key = std::fs::read_to_string(people.service.files.data().join("admin.key")).unwrap();
    node.env("BAILIWICK_ADMIN_KEY", key.trim());
    node.env("BAILIWICK_REQUEST", reply.header("x-request-id").unwrap());
    node.env("BAILIWICK_CERTIFICATES", people.authority.path(""));
    if let Some(folder) = std::env::var_os("BAILIWICK_TEST_SCREENSHOTS") {
        node.env("BAILIWICK_SCREENSHOTS", project().join(folder));
    }
    println!("{}", succeed(&mut node));
    people.verify_log();
}

/// Without a session, each page and each form leads to the sign-in, and changes nothing.
#[test]
fn without_a_session_there_is_only_the_sign_in() {
    let people = People::start(&PEOPLE[..1]);
    for path in ["/pages", "/pages/data/contoso", "/pages/console", "/pages/none?x=1"] {
        let reply = Request::get(path).send(people.desk);
        assert_eq!(reply.status, 303, "{path}");
        let to = reply.header("location").unwrap();
        assert!(to.starts_with("/pages/sign-in?to=%2Fpages"), "{to}");
    }
    for path in ["/pages/act", "/pages/playground", "/pages/sign-out"] {
        let form = "csrf=0&request=DELETE%20/admin/v1/tenants/contoso&then=back&back=/pages";
        let post = Request::new("POST", path).bytes(form);
        let post = post.header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(post.send(people.desk).status, 303, "{path}");
    }
    let forged = Request::get("/pages").header("cookie", "bailiwick-desk-session=00");
    let reply = forged.send(people.desk);
    let to = reply.header("location").unwrap();
    assert!(to.contains("ended=1"), "{to}");
    // The pages lead to no other website, and a key opens nothing at the desk.
    for to in ["https://evil.example", "//evil.example", "/pages/../evil", "/pagesevil"] {
        let page = Request::get(&format!("/pages/sign-in?to={to}")).send(people.desk).text();
        assert!(page.contains("href=\"/pages/sign-in/0?to=%2Fpages\""), "{page}");
    }
    let key = Request::new("POST", "/pages/sign-in").bytes("key=x");
    assert_eq!(key.send(people.desk).status, 401);
    let callback = Request::get("/pages/signed-in?code=x&state=y").send(people.desk);
    assert!(callback.status == 401 && callback.header("set-cookie").is_none());
    assert_eq!(Request::get("/pages/sign-in/7").send(people.desk).status, 401);
}
