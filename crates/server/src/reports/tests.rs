//! Reports from a real store: a changed setting is in the next one, and nothing else changes.

use policy::forward::{Forward, Label};
use serde_json::json;

use super::*;
use crate::manage::{
    About, NewDeployment, NewServedModel, PersonalOf, ResourceUpdate,
    tests::{Fixture, fixture_under, new_resource},
};

const CONFIG: &str = "
[regions]
here = 'local'
zones = { eu = ['local', 'france'], us = ['iowa'] }
countries = { local = 'SE', iowa = 'US' }
[operator]
name = 'Host <b>GmbH</b>'
[[egress]]
url = 'https://gpu.example'
";

fn fixture() -> Fixture {
    under(CONFIG)
}

fn under(config: &str) -> Fixture {
    let fixture = fixture_under(toml::from_str(config).unwrap());
    let management = &fixture.management;
    management.create_tenant("acme").unwrap();
    management.create_resource(&new_resource("prod")).unwrap();
    let new = NewServedModel {
        name: "qwen".into(),
        task: policy::task::Task::Chat,
        context_tokens: None,
    };
    management.add_served_model(&new).unwrap();
    for (name, region, processor) in [
        ("own", "france", None),
        ("far", "iowa", None),
        (
            "cloud",
            "france",
            Some(json!({"name": "big-cloud", "country": "IE", "contract": "DPA-7"})),
        ),
    ] {
        let mut new = json!({"name": name, "kind": "openai", "url": "https://gpu.example/v1",
            "region": region, "models": [{"model": "qwen"}], "prefixCache": "none"});
        if let Some(processor) = processor {
            new["processor"] = processor;
        }
        management.create_engine(&serde_json::from_value(new).unwrap()).unwrap();
    }
    let new = json!({"name": "chat", "model": "qwen", "task": "chat", "sku": "DataZoneStandard"});
    let new: NewDeployment = serde_json::from_value(new).unwrap();
    management.create_deployment("prod", &new).unwrap();
    fixture
}

fn made(fixture: &Fixture, kind: Kind) -> Report {
    fixture.management.report(kind, &About::Tenant("acme".into()), (None, None)).unwrap()
}

/// The lines as texts, without their sources.
fn lines(report: &Report) -> Vec<String> {
    let mut texts = Vec::new();
    for Section { id, lines, .. } in &report.sections {
        for Line { item, resource, value, .. } in lines {
            texts.push(format!("{id}/{}/{item}: {value}", resource.as_deref().unwrap_or("-")));
        }
    }
    texts
}

/// Returns the lines that differ, as they are now.
fn changed(before: &Report, after: &Report) -> Vec<String> {
    let before = lines(before);
    lines(after).into_iter().filter(|line| !before.contains(line)).collect()
}

fn line<'r>(report: &'r Report, section: &str, item: &str) -> &'r Line {
    let section = report.sections.iter().find(|one| one.id == section).unwrap();
    section
        .lines
        .iter()
        .find(|line| line.item == item)
        .unwrap_or_else(|| panic!("{item}: {section:?}"))
}

#[test]
fn a_changed_setting_is_in_the_next_report_and_nothing_else_changes() {
    let fixture = fixture();
    let before = made(&fixture, Kind::ProcessingRecord);
    let change =
        |update: ResourceUpdate| fixture.management.update_resource("prod", &update).unwrap();

    change(ResourceUpdate { retention_days: Some(7), ..ResourceUpdate::default() });
    let after = made(&fixture, Kind::ProcessingRecord);
    let texts = changed(&before, &after);
    assert!(!texts.is_empty());
    assert!(texts.iter().all(|text| text.contains("Prompts and answers: 7 days")), "{texts:?}");
    // The source is the entry about this change.
    let entry = |report: &Report| {
        let sources = line(report, "retention", "Prompts and answers").sources.clone();
        sources.iter().find_map(|source| match source {
            Source::Log { entry } => Some(*entry),
            _ => None,
        })
    };
    assert!(entry(&after) > entry(&before), "{:?} {:?}", entry(&before), entry(&after));

    let forward = [Label::User].into_iter().collect::<std::collections::BTreeSet<_>>();
    change(ResourceUpdate { forward: Some(Forward::from(forward)), ..ResourceUpdate::default() });
    let next = made(&fixture, Kind::ProcessingRecord);
    let texts = changed(&after, &next);
    assert_eq!(
        texts,
        ["data/prod/Labels: these labels of a request are sent to other engines: user"]
    );
}

#[test]
fn settings_about_people_and_personal_data_are_in_the_next_report() {
    let fixture = fixture();
    let made = |kind| made(&fixture, kind);
    let entries = |line: &Line| {
        line.sources.iter().filter(|source| matches!(source, Source::Log { .. })).count()
    };
    let set = |of: PersonalOf, update| {
        let update = serde_json::from_value(update).unwrap();
        fixture.management.set_personal(&of, &update).unwrap();
    };
    let prod = || PersonalOf::Resource("prod".to_owned());
    let cloud = || PersonalOf::Processor("big-cloud".to_owned());

    let before = made(Kind::Measures);
    let of_cloud = line(&before, "personal", "Personal data in requests to big-cloud");
    assert!(of_cloud.value.starts_with("pseudonymise: "), "{of_cloud:?}");
    assert_eq!(entries(of_cloud), 0);
    set(cloud(), json!({"mode": "report", "kinds": ["email", "term"], "words": ["Zebrafink"]}));
    let after = made(Kind::Measures);
    let texts = changed(&before, &after);
    assert_eq!(
        texts,
        [
            "personal/-/Personal data in requests to big-cloud: report: what is found is counted, and goes on \
          (term, email; own words and patterns: 1); a resource can only make it stricter"
        ]
    );
    assert_eq!(entries(line(&after, "personal", "Personal data in requests to big-cloud")), 1);
    assert!(!serde_json::to_string(&after).unwrap().contains("Zebrafink"));

    let impact = made(Kind::Dpia);
    let risk = "Personal data reaches another company in clear";
    assert!(line(&impact, "risks", risk).value.ends_with("big-cloud: report"));
    set(prod(), json!({"mode": "block", "everywhere": true}));
    let next = made(Kind::Measures);
    let texts = changed(&after, &next);
    let [text] = texts.as_slice() else { panic!("{texts:?}") };
    assert!(text.starts_with("personal/prod/Personal data in requests: block: "), "{text}");
    assert!(text.ends_with("; on all engines"), "{text}");
    assert!(line(&made(Kind::Dpia), "risks", risk).value.ends_with("big-cloud: block"));

    let before = made(Kind::ProcessingRecord);
    let update = serde_json::from_value(json!({"subjectHeader": "x-end-user"})).unwrap();
    fixture.management.update_resource("prod", &update).unwrap();
    let texts = changed(&before, &made(Kind::ProcessingRecord));
    let [text] = texts.as_slice() else { panic!("{texts:?}") };
    assert!(text.starts_with("data/prod/Names of people: "), "{text}");
    assert!(text.contains("or in the header `x-end-user`"), "{text}");

    let erasure = |report: &Report| line(report, "personal", "Erasure of one person").value.clone();
    assert!(erasure(&next).starts_with("not possible"));
    let desk = under(&format!("{CONFIG}[listen]\ndesk = '127.0.0.1:8082'\n"));
    assert!(erasure(&super::tests::made(&desk, Kind::Measures)).contains("signed certificate"));
}

#[test]
fn the_map_of_transfers_follows_sku_zone_and_processor() {
    let fixture = fixture();
    let map = made(&fixture, Kind::Transfers);
    let reached = &line(&map, "reached", "Deployment chat").data.as_ref().unwrap()["reached"];
    assert_eq!(*reached, json!([{"region": "france", "engine": "own", "processor": null}]));
    let not = |report: &Report, region: &str| line(report, "not_reached", region).value.clone();
    assert!(
        not(&map, "iowa").contains("allows only the regions of the resource's zone"),
        "{map:?}"
    );
    assert!(not(&map, "local").contains("no engine there serves"), "{map:?}");
    // The zone decides, and the countries are known or asked for.
    assert!(line(&map, "countries", "Region france").missing);
    assert!(line(&map, "countries", "Region local").value.contains("no transfer"));

    let update = serde_json::from_value(json!({"sku": "GlobalStandard"})).unwrap();
    fixture.management.update_deployment("prod", "chat", update).unwrap();
    let map = made(&fixture, Kind::Transfers);
    let regions: Vec<&str> =
        line(&map, "reached", "Deployment chat").data.as_ref().unwrap()["reached"]
            .as_array()
            .unwrap()
            .iter()
            .map(|way| way["region"].as_str().unwrap())
            .collect();
    assert_eq!(regions, ["iowa", "france"]);
    assert!(line(&map, "countries", "Region iowa").value.contains("a third country"));

    // The same service without zones: the engines in other regions are out of reach.
    let without = CONFIG.replace("zones = { eu = ['local', 'france'], us = ['iowa'] }", "");
    let alone = fixture_under(toml::from_str(&without).unwrap());
    let (tenant, resource) = ("acme", "prod");
    alone.management.create_tenant(tenant).unwrap();
    alone.management.create_resource(&new_resource(resource)).unwrap();
    let map = made(&alone, Kind::Transfers);
    assert_eq!(
        line(&map, "reached", "Deployments").value,
        "none: no request of this resource is processed"
    );
}

#[test]
fn a_processor_that_is_not_allowed_is_offered_and_gets_nothing() {
    let list = made(&fixture(), Kind::SubProcessors);
    assert!(line(&list, "allowed", "Processors").value.starts_with("none"));
    assert!(line(&list, "offered", "big-cloud").value.contains("gets no content"));
    assert_eq!(line(&list, "operator", "Engine own").value, "france: the operator");
}

#[test]
fn what_nobody_configured_is_named_with_its_key() {
    let record = made(&fixture(), Kind::ProcessingRecord);
    let address = line(&record, "parties", "Processor: address");
    assert!(
        address.missing && address.value == "not configured: set operator.address",
        "{address:?}"
    );
    assert_eq!(line(&record, "parties", "Processor: name").value, "Host <b>GmbH</b>");
    let more = "[[customers]]\ntenant = 'acme'\ncontact = 'privacy@acme.example'\n";
    let record = made(&under(&format!("{CONFIG}{more}")), Kind::ProcessingRecord);
    assert_eq!(line(&record, "parties", "Controller: contact").value, "privacy@acme.example");
    assert!(line(&record, "parties", "Controller: address").missing);
}

#[test]
fn every_report_is_the_same_in_all_its_forms() {
    let fixture = fixture();
    for kind in Kind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
        let report = made(&fixture, kind);
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report, "{kind:?}");
        assert_eq!(report.schema, "bailiwick/report/v1");
        let page = html(&report);
        let mut terminal = Vec::new();
        text(&mut terminal, &report).unwrap();
        let terminal = String::from_utf8(terminal).unwrap();
        for (line, text) in report.sections.iter().flat_map(|one| &one.lines).zip(lines(&report)) {
            assert!(!line.sources.is_empty(), "{kind:?}: no source: {text}");
            for source in &line.sources {
                let Source::Program { document } = source else { continue };
                let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
                assert!(root.join(document).is_file(), "{document} is not there");
            }
            assert!(page.contains(&maud::html! { (line.value) }.into_string()), "{kind:?} {text}");
            assert!(
                terminal.contains(audit::harmless(&line.value).to_string().as_str()),
                "{kind:?} {text}"
            );
        }
    }
    assert!("no-such".parse::<Kind>().is_err());
}

/// Names in the configuration are the operator's: they may hold anything.
#[test]
fn hostile_names_stay_text() {
    let hostile = "</td><script>alert(1)</script><img src=x onerror=a()>\\u001b[2J\\u202e\\\"'";
    let config = CONFIG.replace("'Host <b>GmbH</b>'", &format!("\"{hostile}\""));
    let fixture = under(&config);
    for kind in Kind::ALL {
        let report = made(&fixture, kind);
        let page = html(&report);
        for bad in ["<script", "<img", "<b>", "onerror=a()>"] {
            assert!(!page.contains(bad), "{kind:?}: {bad}");
        }
        let mut terminal = Vec::new();
        text(&mut terminal, &report).unwrap();
        assert!(!terminal.contains(&0x1b), "{kind:?}");
    }
    let terms = html(&made(&fixture, Kind::Dpa));
    assert!(terms.contains("&lt;script&gt;alert(1)"), "the name is there, as text");
}

#[test]
fn the_terms_have_a_value_or_a_gap_for_each_name_of_the_template() {
    let terms = made(&fixture(), Kind::Dpa);
    let texts = lines(&terms);
    assert!(texts.iter().all(|text| !text.contains('{') && !text.contains('}')), "{texts:?}");
    let duration = line(&terms, "subject", "Duration");
    assert!(duration.value.contains("exist: prod."), "{duration:?}");
    let contacts = line(&terms, "contacts", "Processor");
    assert!(contacts.missing && contacts.value.contains("[not configured: set operator.address]"));
    // The annexes are the same lines as in the other reports.
    let map = made(&fixture(), Kind::Transfers);
    let annex = &line(&terms, "annex.reached", "Deployment chat").value;
    assert_eq!(*annex, line(&map, "reached", "Deployment chat").value);
}

#[test]
fn a_report_is_about_what_exists() {
    let fixture = fixture();
    for about in [About::Tenant("none".into()), About::Resource("none".into())] {
        assert!(fixture.management.report(Kind::Dpia, &about, (None, None)).is_err(), "{about:?}");
    }
    let about = About::Resource("prod".into());
    let report = fixture.management.report(Kind::BreachScope, &about, (None, None)).unwrap();
    assert_eq!(report.resources, ["prod"]);
    assert!(
        report.remarks.iter().any(|remark| remark.contains("customer's data protection officer"))
    );
    assert_eq!(
        line(&report, "summary", "Read in the period").data.as_ref().unwrap()["requests"],
        0
    );
    assert!(line(&report, "credentials", "Key1").value.contains("call the models"));
}
