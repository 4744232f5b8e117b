use serde_json::{Value, json};

use crate::{
    format::Query,
    person::{Desk, checks::checked, find},
};

fn comparison() -> Value {
    let needs = json!([{"id": "no-training", "asks": "Prompts are not used to train."},
                       {"id": "eu-only", "asks": "Content stays in the European Union."}]);
    json!({
        "needs": needs, "known": needs, "gathered": "2026-11-29",
        "offerings": [
            {"id": "bailiwick:acme-prod", "name": "Bailiwick, resource `acme-prod` as configured",
             "vendor": "the operator of this service", "outcome": "fits", "claims": [
                {"need": "no-training", "verdict": "yes", "note": "nothing trains on requests",
                 "because": [{"setting": "training", "value": "off", "source": "resource"}]},
                {"need": "eu-only", "verdict": "yes", "note": "all regions are in the EU"}]},
            {"id": "other", "name": "Other", "vendor": "Vendor", "outcome": "unknown", "claims": [
                {"need": "no-training", "verdict": "partly", "quote": "We may use it.", "title": "Terms",
                 "source": "https://other.example/terms", "dated": "2024-01-16", "read": "2026-11-29",
                 "old": "its date is 1000 days ago"},
                {"need": "eu-only", "verdict": "unknown"}]},
        ]
    })
}

#[test]
fn offerings_are_side_by_side() {
    let html = checked("/compare", &[comparison()]);
    for text in [
        "meets all",
        "does not say all",
        "Other",
        "no-training",
        "offering=bailiwick%3Aacme-prod#words",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    assert!(!html.contains("We may use it."), "words are on the page of their offering");
    let html = checked("/compare?offering=other&need=eu-only&need=%3Cb%3E", &[comparison()]);
    for text in [
        "“We may use it.”",
        "href=\"https://other.example/terms\"",
        "dated 2024-01-16",
        "old: its date is 1000 days ago",
        "The catalogue has no words",
        "value=\"eu-only\" checked",
    ] {
        assert!(html.contains(text), "{text}\n{html}");
    }
    let own = checked("/compare?offering=bailiwick%3Aacme-prod", &[comparison()]);
    assert!(own.contains("training = off"), "{own}");
}

/// A table full of this service's own resources would compare nothing.
#[test]
fn own_resources_do_not_hide_the_others() {
    let mut many = comparison();
    let own = many["offerings"][0].clone();
    let all = many["offerings"].as_array_mut().unwrap();
    for number in 0..500 {
        let mut one = own.clone();
        one["id"] = format!("bailiwick:acme-{number}").into();
        all.insert(0, one);
    }
    let html = checked("/compare", &[many]);
    assert!(html.contains("offering=other#words") && html.contains("501 resources"), "{html}");
}

#[test]
fn only_names_go_into_the_question() {
    let asks = |query: &str| find(Desk::Owner, "/compare", &Query::parse(query)).unwrap().asks();
    assert_eq!(asks(""), ["/admin/v1/compare"]);
    assert_eq!(asks("resource=acme"), ["/admin/v1/compare?resource=acme"]);
    assert_eq!(asks("need=a&resource=acme"), ["/admin/v1/compare?needs=a&resource=acme"]);
    assert_eq!(asks("need=a&need=b%26x&need=c"), ["/admin/v1/compare?needs=a,c"]);
}

#[test]
fn a_source_of_another_kind_is_no_link() {
    let mut hostile = comparison();
    hostile["offerings"][1]["claims"][0]["source"] = "javascript:alert(1)".into();
    let html = checked("/compare?offering=other", &[hostile]);
    assert!(html.contains("Terms"));
}
