use serde_json::json;

use super::super::{Desk, testing::page};

#[test]
fn keys_say_whose_they_are_and_until_when() {
    let key = |until: &str, revoked: bool| {
        json!({"key": "227f1130f664", "tenant": "contoso", "person": "per_1",
            "capacities": ["officer", "new"], "until": until, "revoked": revoked})
    };
    let roll = json!({
        "roots": [
            {"tenant": null, "fingerprint": null, "keys": [], "threshold": 0, "recovery": null},
            {"tenant": "contoso", "fingerprint": "5f1c0a", "keys": ["a", "b", "c"], "threshold": 2,
             "recovery": {"fingerprint": "77", "effective": "2026-12-07T00:00:00Z"}},
        ],
        "keys": [key("2027-11-30T00:00:00Z", false), key("2026-11-30T00:00:00Z", false), key("2027-11-30T00:00:00Z", true)],
    });
    let page = page(Desk::Owner, "/keys", &[roll]);
    assert!(page.contains("2 of 3") && page.contains("This party has no root."));
    assert!(page.contains("officer: consents") && page.contains("<div>new</div>"));
    assert_eq!((page.matches(">over<").count(), page.matches(">revoked<").count()), (1, 1));
}

#[test]
fn an_empty_roll_is_a_page() {
    page(Desk::Owner, "/keys", &[json!({"roots": [], "keys": []})]);
}
