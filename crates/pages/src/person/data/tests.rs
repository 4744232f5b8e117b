use serde_json::{Value, json};

use super::super::{
    Answer, Desk, Refused, find,
    testing::{NOW, page as page_at, shown},
};
use crate::{format::Query, time::DAY_MS};

fn page(address: &str, values: &[Value]) -> String {
    page_at(Desk::Owner, address, values)
}

/// Returns the requests that the forms of a page make.
fn requests(page: &str) -> Vec<&str> {
    let after = page.split("name=\"request\" value=\"").skip(1);
    after.filter_map(|rest| rest.split('"').next()).collect()
}

fn asks(address: &str) -> Vec<String> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    find(Desk::Owner, path, &Query::parse(query)).unwrap().asks()
}

/// A record in a list, as the API makes it.
fn record(number: u64) -> Value {
    let at = NOW - 27 * DAY_MS + number * 60_000;
    json!({
        "id": format!("req_{number:032x}"), "object": "record", "deployment": "gpt-4o",
        "started_ms": at, "finished_ms": at + 900, "status": 200, "prompt_tokens": 1200,
        "completion_tokens": 80, "deadline_ms": (at / DAY_MS + 31) * DAY_MS,
    })
}

fn records(numbers: std::ops::Range<u64>, has_more: bool) -> Value {
    let data: Vec<_> = numbers.map(record).collect();
    let id = |record: Option<&Value>| record.map(|record| record["id"].clone());
    json!({"object": "list", "first_id": id(data.first()), "last_id": id(data.last()), "data": data,
        "has_more": has_more})
}

/// The desk's list of resources.
fn resources() -> Value {
    let known = |name: &str, days: u8| {
        json!({"name": name, "tenant": "contoso", "region": "germanywestcentral",
            "retention_days": days, "lockbox": true, "prefix_cache": true,
            "subject_header": "x-end-user", "waiting_for_consent": 0})
    };
    json!([known("test", 7), known("prod", 30)])
}

/// The state of zero retention, as the API makes it.
fn retention(in_force: Value, pending: Value, ended: Value) -> Value {
    let logging = if in_force.is_null() { "true" } else { "false" };
    json!({"resource": "res_1", "kind": "content_logging", "content_logging": logging,
        "in_force": in_force, "pending": pending, "ended": ended, "prefix_cache": true})
}

fn inventory(data: Value) -> Value {
    json!({
        "object": "list", "data": data, "first_id": null, "last_id": null, "has_more": true,
        "also_kept": [
            {"what": "records", "content": true, "count": 1204, "days": 30, "until": NOW / 1000, "why": "w"},
            {"what": "log", "content": false, "days": null, "why": "w"},
            {"what": "new", "content": false, "days": 3, "why": "another reason"},
        ],
    })
}

#[test]
fn the_clock_says_when_the_oldest_key_dies() {
    let none = retention(Value::Null, Value::Null, Value::Null);
    let values = [resources(), none, records(0..3, false), inventory(json!([]))];
    let page = page("/data/prod", &values);
    assert!(page.contains("Stored records: 3. The key of the oldest is destroyed in 3 d 16 h."));
    assert!(page.contains("30 days at most") && page.contains("x-end-user"));
    assert!(page.contains("On: you must consent") && page.contains("1\u{202f}204"));
    assert!(page.contains("no end") && page.contains("another reason"));
    assert!(page.contains("href=\"/pages/data/prod/zero-retention\""));
}

#[test]
fn a_clock_of_many_records_says_what_it_does_not_count() {
    let active = json!({"approval": "apr_1", "since_ms": NOW - DAY_MS, "until_ms": NOW + 300 * DAY_MS,
        "review_after_abuse": true});
    let values = [
        resources(),
        retention(active, Value::Null, Value::Null),
        records(0..1000, true),
        inventory(json!([])),
    ];
    let page = page("/data/prod", &values);
    assert!(page.contains("More than 1\u{202f}000 records"));
    assert!(page.contains("Off: zero retention is active until 2027-09-26"));
}

#[test]
fn a_person_who_may_see_only_some_parts_gets_those() {
    let refused = || {
        let message = "only an officer".to_owned();
        Answer::Refused(Refused { status: 403, code: "Forbidden".to_owned(), message })
    };
    let page = shown(
        Desk::Owner,
        "/data/prod",
        &[Answer::Value(resources()), refused(), refused(), refused()],
    );
    assert!(page.contains("30 days at most") && page.matches("only an officer").count() == 3);
}

#[test]
fn records_are_paged_and_found_by_day() {
    let page = page("/data/prod/records", &[records(0..1000, true)]);
    assert_eq!(page.matches("<tr>").count(), 101);
    let last = format!("/pages/data/prod/records?after=req_{:032x}", 99);
    assert!(page.contains(&format!("href=\"{last}\"")), "the next page begins after the last row");
    assert!(page.contains(&format!("href=\"/pages/data/prod/records/req_{:032x}\"", 7)));

    let address = "/data/prod/records?after=req_1&from=2026-11-04&until=2026-11-04";
    assert_eq!(asks(address), ["/desk/v1/resources/prod/records?limit=1000&after=req_1"]);
    let page = page_at(Desk::Owner, address, &[records(0..1000, true)]);
    assert_eq!(page.matches("<tr>").count(), 40 + 1, "those after midnight");
    let last = format!("?after=req_{:032x}&amp;from=2026-11-04&amp;until=2026-11-04", 999);
    assert!(page.contains(&last), "the next page searches on");
    assert!(page.contains("First page"));
    assert!(
        page_at(Desk::Owner, "/data/prod/records", &[records(0..0, false)])
            .contains("No stored record fits.")
    );
}

#[test]
fn a_record_is_found_by_the_id_of_its_request() {
    let page = page("/data/prod/records?request=req_1", &[records(0..0, false)]);
    assert!(page.contains("href=\"/pages/data/prod/records/req_1\""));
    for bad in ["../x", "req_1?x", "a%2Fb", "<script>"] {
        let address = format!("/data/prod/records?request={}", crate::format::encoded(bad));
        let page = page_at(Desk::Owner, &address, &[records(0..0, false)]);
        assert!(page.contains("This is not the id of a request."), "{bad}");
    }
    // A cursor that is no id goes into no address.
    assert_eq!(
        asks("/data/prod/records?after=x%26limit=9"),
        ["/desk/v1/resources/prod/records?limit=1000"]
    );
}

fn looks() -> Value {
    let look = |request: &str, waiting: Value, opened: Value| {
        json!({"grant": "gra_1", "request": request, "reviewer": "per_1", "workstation": "1e24",
            "reason": "an attack", "waiting": waiting, "opened_ms": opened})
    };
    json!([
        look("req_1", Value::Null, json!(NOW - DAY_MS)),
        look("req_2", json!("customer"), Value::Null),
        look("req_3", json!("judgement"), json!(NOW - 60_000)),
    ])
}

fn acts() -> Value {
    json!({"object": "list", "first_id": 7, "last_id": 9, "has_more": true, "data": [
        {"entry": 7, "object": "act", "act": "read", "request": "req_1", "at_ms": NOW, "person": "per_2", "object_id": "guid"},
        {"entry": 9, "object": "act", "act": "deleted", "request": "req_4", "at_ms": NOW, "person": "per_2", "object_id": "guid"},
    ]})
}

#[test]
fn the_customer_consents_to_what_waits_for_it() {
    let page = page("/data/prod/looks", &[looks(), acts()]);
    assert_eq!(
        requests(&page),
        ["POST /desk/v1/records/req_2/consent", "POST /desk/v1/records/req_2/decline"]
    );
    assert!(page.contains("2026-11-29 08:00 UTC") && page.contains("2026-11-30 07:59 UTC"));
    assert!(page.contains("href=\"/pages/data/prod/looks?after=9\""));
    assert_eq!(
        asks("/data/prod/looks?after=9")[1],
        "/desk/v1/resources/prod/acts?limit=100&after=9"
    );
    page_at(Desk::Owner, "/data/prod/looks", &[json!([]), records(0..0, false)]);
}

#[test]
fn a_record_is_read_and_deleted_on_its_page() {
    let page = page("/data/prod/records/req_1", &[looks(), acts()]);
    let path = "/desk/v1/resources/prod/records/req_1";
    assert_eq!(requests(&page), [format!("GET {path}"), format!("DELETE {path}")]);
    assert!(page.contains("value=\"record\"") && page.contains("name=\"confirmed\" required"));
    assert!(!page.contains("req_4") && !page.contains("req_3"));
}

#[test]
fn an_object_is_deleted_by_a_person_who_may() {
    let object = |id: &str, deletable: bool| {
        json!({"id": id, "object": "inventory.object", "class": "file", "owner": "Key1", "shared": true,
            "created_at": NOW / 1000, "expires_at": null, "bytes": 48_610, "parent": null,
            "why": "a file was uploaded", "request": "req_1", "deletable": deletable})
    };
    let kept = inventory(json!([object("file-1", true), object("file-2", false)]));
    let page = page("/data/prod/state?class=file", &[kept]);
    assert_eq!(requests(&page), ["DELETE /desk/v1/resources/prod/inventory/file-1"]);
    assert!(page.contains("48\u{202f}610 bytes") && page.contains("until deleted"));
    assert!(page.contains("href=\"/pages/data/prod/state?after=file-2&amp;class=file\""));
    assert_eq!(
        asks("/data/prod/state?class=file&after=a%2Fb"),
        ["/desk/v1/resources/prod/inventory?limit=50&class=file&after=a%2Fb"]
    );
    assert_eq!(asks("/data/prod/state?class=x"), ["/desk/v1/resources/prod/inventory?limit=50"]);
}

#[test]
fn an_application_for_zero_retention_says_what_is_kept() {
    let none = retention(Value::Null, Value::Null, Value::Null);
    let page = page("/data/prod/zero-retention", &[none]);
    assert_eq!(requests(&page), ["POST /desk/v1/resources/prod/zeroRetention"]);
    for field in ["text:useCase", "text:measures", "number:days", "flag:reviewAfterAbuse"] {
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
    }
    assert_eq!(page.matches("name=\"list:keep\"").count(), 6);
    assert!(page.contains("The prefix cache is on"));
}

#[test]
fn an_approval_and_an_application_can_be_withdrawn() {
    let active = json!({"approval": "apr_1", "since_ms": NOW - DAY_MS, "until_ms": NOW + 20 * DAY_MS,
        "review_after_abuse": true, "keeps": ["files"]});
    let pending = json!({"approval": "apr_2", "applied_ms": NOW, "until_ms": NOW + 365 * DAY_MS,
        "lapses_ms": NOW + 30 * DAY_MS, "approvals": 1, "needed": 2});
    let ended =
        json!({"approval": "apr_0", "at_ms": NOW - 2 * DAY_MS, "how": "withdrawn_by_customer"});
    let page = page("/data/prod/zero-retention", &[retention(active, pending, ended)]);
    let withdrawal = "POST /desk/v1/resources/prod/zeroRetention/withdrawal";
    assert_eq!(requests(&page), [withdrawal, withdrawal], "and no second application");
    assert!(page.contains("No content is stored.") && page.contains("1 of 2"));
    assert!(page.contains("ended by the customer") && page.contains("in 20 d 0 h"));
}

#[test]
fn a_weaker_content_filter_is_another_application() {
    let status = json!({"resource": "res_1", "kind": "content_filter", "in_force": null,
        "pending": null, "ended": null});
    let page = page("/data/prod/content-filter", &[status]);
    assert_eq!(requests(&page), ["POST /desk/v1/resources/prod/contentFilterExemption"]);
    assert!(!page.contains("list:keep") && !page.contains("reviewAfterAbuse"));
}

#[test]
fn officers_decide_applications() {
    let application = json!([{
        "kind": "content_logging", "resource": "prod", "id": "res_1", "approval": "apr_2",
        "applicant": "per_1", "applicant_name": "Grace Hopper", "use_case": "medical letters",
        "measures": "filters of our own", "until_ms": NOW + 365 * DAY_MS, "lapses_ms": NOW + 30 * DAY_MS,
        "review_after_abuse": true, "approved_by": ["per_2"], "approved_by_names": ["Alan Turing"],
        "renewal": true,
    }]);
    let page = page("/applications", &[application, json!([])]);
    let decision = "POST /desk/v1/resources/prod/zeroRetention/decision";
    assert_eq!(requests(&page), [decision, decision]);
    assert!(page.contains("Grace Hopper") && page.contains("<strong>Alan Turing</strong>"));
    assert!(page.contains("name=\"flag:approve\" value=\"true\""));
    assert!(page.contains("name=\"flag:approve\" value=\"false\""));
}

#[test]
fn a_penalty_can_be_appealed_once() {
    let penalty = |appeal: Value| {
        json!({"resource": "prod", "id": "res_1", "since": "2026-11-25T13:05:00Z",
            "abusePenalty": {"action": "Block", "expiration": "2026-12-02T13:05:00Z"},
            "reason": "instructions for fraud", "appeal": appeal,
            "notices": [{"what": "blocked", "at": "2026-11-25T13:05:00Z", "reason": "fraud"}]})
    };
    let abuse = json!({
        "resource": "prod", "id": "res_1", "window": 1000, "limit": 12, "calibrated": false, "points": 3,
        "topCategories": [], "days": [],
        "endUsers": [{"endUser": "ab12", "lastSeen": "2026-11-29T00:00:00Z", "potentiallyAbusive": true,
            "points": 2, "categories": {"jailbreak": 2}}],
    });
    let with_appeal = json!({"state": "open", "person": "per_3", "at": "2026-11-26T08:00:00Z", "reason": "an exercise"});
    let hash = "POST /desk/v1/resources/prod/abuse/endUser";
    let page = page("/data/prod/penalty", &[penalty(Value::Null), abuse.clone()]);
    assert_eq!(requests(&page), ["POST /desk/v1/resources/prod/appeal", hash]);
    assert!(page.contains("instructions for fraud") && page.contains("potentially abusive"));
    let page = page_at(Desk::Owner, "/data/prod/penalty", &[penalty(with_appeal), abuse.clone()]);
    assert_eq!(requests(&page), [hash]);
    // A person that may only read the resource's settings sees neither reason nor notices.
    let short = json!({"resource": "prod", "id": "res_1", "abusePenalty": null});
    assert!(page_at(Desk::Owner, "/data/prod/penalty", &[short, abuse]).contains("No penalty"));
}

#[test]
fn a_company_is_allowed_and_withdrawn() {
    let item = |name: &str, allowed: bool| {
        json!({"processor": name, "allowed": allowed, "since_ms": allowed.then_some(NOW),
            "person": allowed.then_some("per_1"), "country": "DE", "contract": "DPA 7",
            "regions": ["swedencentral"], "deployments": ["gpt-4o"]})
    };
    let page =
        page("/data/prod/processors", &[json!([item("Fabrikam", true), item("Tail Spin", false)])]);
    assert_eq!(
        requests(&page),
        [
            "DELETE /desk/v1/resources/prod/processors/Fabrikam",
            "PUT /desk/v1/resources/prod/processors/Tail%20Spin",
        ]
    );
    assert!(page.contains("Allowed since 2026-11-30 08:00 UTC"));
    page_at(Desk::Owner, "/data/prod/processors", &[json!([])]);
}
