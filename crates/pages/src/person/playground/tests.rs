use serde_json::Value;

use super::*;
use crate::{
    person::{
        Desk,
        build::tests::deployments,
        testing::{HOSTILE, visit},
    },
    words::Lang,
};

const BACK: &str = "/pages/build/acme-prod";

fn form_of(message: &str) -> Query {
    use crate::format::encoded;
    Query::parse(&format!(
        "csrf=x&resource=acme-prod&back={}&deployment=chat&message={}&tokens=16",
        encoded(BACK),
        encoded(message)
    ))
}

fn receipt_refused() -> Refused {
    Refused { status: 403, code: "Forbidden".to_owned(), message: "no role".to_owned() }
}

#[test]
fn a_question_is_a_request_of_the_api() {
    let question = Question::read(&form_of("Say \"hello\".")).unwrap();
    let body: Value = serde_json::from_slice(&question.body()).unwrap();
    assert_eq!(body["model"], "chat");
    assert_eq!(body["messages"][0]["content"], "Say \"hello\".");
    assert_eq!(body["max_completion_tokens"], 16);
    assert!(!format!("{question:?}").contains("hello"));
    for bad in
        ["back=/pages&deployment=chat&message=x", "resource=a&back=/pages&deployment=chat&tokens=x"]
    {
        assert!(Question::read(&Query::parse(bad)).is_err(), "{bad}");
    }
    assert!(Question::read(&form_of("  ")).is_ok(), "the API decides about blanks");
}

#[test]
fn the_page_has_the_very_bytes_and_the_checker() {
    let question = Question::read(&form_of(HOSTILE)).unwrap();
    let asked = question.body();
    let answered = json!({"choices": [{"message": {"role": "assistant", "content": HOSTILE}}]});
    let answered = answered.to_string().into_bytes();
    let checker = Checker::new("log.example/demo+01020304+AQID");
    let exchange = Exchange {
        status: 200,
        request: Some("req_1"),
        asked: &asked,
        answered: &answered,
        receipt: Ok(b"\xd2\x84"),
    };
    for lang in [Lang::En, Lang::De] {
        let html = page(&visit(Desk::Owner, lang), &checker, &question, &exchange);
        for bytes in [&asked[..], &answered, b"\xd2\x84"] {
            assert!(html.contains(&STANDARD.encode(bytes)));
        }
        assert!(html.contains("id=\"check\"") && html.contains("req_1") && html.contains(BACK));
        // The texts stay texts, and the one script is the checker's.
        assert!(html.contains("&lt;script&gt;") && !html.contains("<img"));
        assert_eq!(html.matches("<script").count(), 1);
        assert_eq!(html.matches("<h1>").count(), 1);
    }
    assert!(!format!("{exchange:?}").contains("alert"));
}

#[test]
fn a_refusal_is_shown_with_its_reason() {
    let question = Question::read(&form_of("hello")).unwrap();
    let refusal = br#"{"error": {"code": "429", "message": "too many requests"}}"#;
    let exchange = Exchange {
        status: 429,
        request: None,
        asked: &question.body(),
        answered: refusal,
        receipt: Err(receipt_refused()),
    };
    let checker = Checker::new("log.example/demo+01020304+AQID");
    let html = page(&visit(Desk::Owner, Lang::En), &checker, &question, &exchange);
    assert!(html.contains("too many requests") && html.contains("no role"));
    assert!(!html.contains("id=\"check\""), "nothing to check");
    // An answer that was lost has a reason and a next step, too.
    let lost = Exchange { status: 502, answered: b"", ..exchange };
    let html = page(&visit(Desk::Owner, Lang::En), &checker, &question, &lost);
    assert!(html.contains("answer cannot be read; try again"));
}

#[test]
fn only_deployments_for_chat_are_asked() {
    let all: Vec<Deployment> = serde_json::from_value(deployments()).unwrap();
    let visit = visit(Desk::Owner, Lang::En);
    let html = form(&visit, "acme-prod", &all).into_string();
    assert!(html.contains("value=\"chat\"") && !html.contains("value=\"embed\""));
    assert!(html.contains("value=\"the-token\"") && html.contains(ADDRESS));
    let html = form(&visit, "acme-prod", &all[1..]).into_string();
    assert!(html.contains("no deployment for chat"));
}
