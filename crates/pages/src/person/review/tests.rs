use serde_json::{Value, json};

use super::super::{
    Answer, Desk,
    act::Asked,
    outcome,
    testing::{check, page, visit},
};
use crate::{format::Query, words::Lang};

const REQUEST: &str = "req_01a229c3ec8fd93ae2cacc80a934ba06";

/// An item of the queue, as the API makes it.
fn item(waiting: &str) -> Value {
    let asked = (waiting != "reviewer").then(|| {
        json!({
            "reviewer": "per_b047c1d6a1f04a7c9b8e0f7d2a6c5e41",
            "reviewer_name": "Grace Hopper",
            "workstation": "1e248e69a7a9d5b2c4f10d7fbb3c5a9e8d6f2b104c3e7a5981f2d3c4b5a69788",
            "workstation_name": "desk-1",
            "reason": "looks like an attack on the instructions",
        })
    });
    let grant = asked.is_some().then_some("gra_5c0e8f7a1b2d3c4e5f60718293a4b5c6");
    json!({
        "request": REQUEST, "region": "germanywestcentral", "category": "jailbreak",
        "source": "monitoring", "age_ms": 7_200_000, "escalated": false, "waiting": waiting,
        "grant": grant, "asked": asked,
    })
}

fn case(waiting: &str) -> String {
    page(Desk::Review, &format!("/case/{REQUEST}"), &[json!([item(waiting)])])
}

/// Returns the requests that the forms of a page make.
fn requests(page: &str) -> Vec<String> {
    let form = "name=\"request\" value=\"";
    let after = page.split(form).skip(1).filter_map(|rest| rest.split('"').next());
    after.map(|request| request.replace(REQUEST, "R")).collect()
}

#[test]
fn the_queue_lists_cases_with_names_and_whose_turn_it_is() {
    let mut others = item("manager");
    others["asked"] = Value::Null;
    let queue = json!([item("reviewer"), item("manager"), others]);
    let page = page(Desk::Review, "", &[queue]);
    assert!(page.contains(&format!("href=\"/pages/case/{REQUEST}\"")));
    assert!(page.contains("Grace Hopper") && page.contains("another team"));
    assert!(page.contains("2 h 00 min") && page.contains("Attack on the instructions"));
    assert_eq!(requests(&page), ["POST /review/v1/records/{}/flag"]);
}

#[test]
fn a_case_offers_the_steps_that_its_state_allows() {
    let post = |step: &str| format!("POST /review/v1/records/R/{step}");
    for (waiting, steps) in [
        ("reviewer", vec!["look"]),
        ("manager", vec!["approval", "refusal"]),
        ("customer", vec!["refusal"]),
        ("look", vec!["open", "refusal"]),
        ("judgement", vec!["judgement"]),
    ] {
        let expected: Vec<_> = steps.into_iter().map(post).collect();
        assert_eq!(requests(&case(waiting)), expected, "{waiting}");
    }
    let manager = case("manager");
    assert!(manager.contains("Grace Hopper") && manager.contains("desk-1"));
    assert!(
        manager.contains("The manager of the reviewer&#39;s team approves or refuses")
            || manager.contains("The manager of the reviewer's team approves or refuses")
    );
}

#[test]
fn a_record_is_escalated_once() {
    assert!(case("judgement").contains("value=\"escalated\""));
    let mut escalated = item("judgement");
    escalated["escalated"] = true.into();
    let page = page(Desk::Review, &format!("/case/{REQUEST}"), &[json!([escalated])]);
    assert!(!page.contains("value=\"escalated\""));
}

#[test]
fn a_record_outside_of_the_queue_can_be_flagged() {
    let page = page(Desk::Review, &format!("/case/{REQUEST}"), &[json!([])]);
    assert_eq!(requests(&page), ["POST /review/v1/records/R/flag"]);
}

#[test]
fn a_long_queue_is_cut() {
    let queue: Vec<_> = (0..5000).map(|_| item("manager")).collect();
    let page = page(Desk::Review, "", &[queue.into()]);
    assert!(page.contains("4850 more are not shown"));
}

#[test]
fn a_penalty_is_shown_with_its_appeal_and_the_decisions() {
    let imposed = |appeal: Value| {
        json!([{
            "resource": "prod", "id": "res_1", "since": "2026-11-25T13:05:00Z",
            "abusePenalty": {"action": "Throttle", "rateLimitPercentage": 20, "expiration": "2026-12-02T13:05:00Z"},
            "reason": "instructions for fraud", "appeal": appeal,
            "imposedBy": ["per_1", "per_2"], "imposedByNames": ["Ada Lovelace"],
        }])
    };
    let appeal = json!({"state": "open", "person": "per_3", "at": "2026-11-26T08:00:00Z", "reason": "an exercise"});
    let page = page(Desk::Review, "/penalties?resource=prod", &[imposed(appeal)]);
    let post = |step: &str| format!("POST /review/v1/resources/prod/{step}");
    assert_eq!(requests(&page), [post("lift"), post("uphold")]);
    assert!(page.contains("Throttled to 20 %") && page.contains("2026-12-02 13:05:00 UTC"));
    assert!(page.contains("Open appeal") && page.contains("an exercise"));
    assert!(page.contains("<code>per_2</code>") && page.contains("href=\"/pages/abuse/prod\""));
    // One name for two people: it cannot be put beside the right one.
    assert!(!page.contains("<strong>Ada Lovelace</strong>"));
    let heard = json!({"state": "heard", "person": "per_3", "at": "2026-11-26T08:00:00Z", "reason": "an exercise",
        "heardAt": "2026-11-27T08:00:00Z", "answer": "no"});
    let page = super::super::testing::page(Desk::Review, "/penalties", &[imposed(heard)]);
    assert_eq!(requests(&page), [post("lift")]);
    super::super::testing::page(Desk::Review, "/penalties", &[json!([])]);
}

#[test]
fn the_counts_of_a_resource_stand_beside_the_decisions() {
    let counts = json!({
        "resource": "prod", "id": "res_1", "since": "2026-11-01T00:00:00Z", "window": 1000, "limit": 12,
        "calibrated": true, "points": 3, "topCategories": [{"category": "jailbreak", "requests": 7}],
        "days": [{"date": "2026-11-29", "requests": 1200, "flags": 1, "findings": [
            {"side": "prompt", "category": "jailbreak", "severity": "high", "filtered": true, "requests": 7}]}],
    });
    let page = page(Desk::Review, "/abuse/prod", &[counts]);
    let post = |step: &str| format!("POST /review/v1/resources/prod/{step}");
    assert_eq!(requests(&page), [post("notice"), post("penalty"), post("penalty")]);
    assert!(page.contains("3 of 12") && page.contains("Attack on the instructions high: 7"));
}

#[test]
fn a_step_leads_to_a_page_with_the_end_of_the_permission() {
    let form = format!(
        "request=POST%20/review/v1/records/{REQUEST}/approval&then=step&back=/pages/case/{REQUEST}&number:minutes=15"
    );
    let asked = Asked::read(&Query::parse(&form)).unwrap();
    let answer = json!({"request": REQUEST, "waiting": "look", "grant": "gra_1",
        "expires_ms": super::super::testing::NOW + 900_000});
    let page = outcome(&visit(Desk::Review, Lang::En), &asked, &Answer::Value(answer)).unwrap();
    check(&page);
    assert!(page.contains("2026-11-30 08:15 UTC") && page.contains("in 15 min"));
    assert!(page.contains(&format!("href=\"/pages/case/{REQUEST}\"")));
    assert!(!page.contains("format=json"));
}
