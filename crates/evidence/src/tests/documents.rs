//! The documents of OSCAL and FedRAMP.

use std::collections::BTreeSet;

use pages::trust::{Check, Fact, Found, Promise, State};
use serde_json::Value;

use super::{NOW, all_well, disturbed, live};
use crate::{
    AssessmentResults, ComponentDefinition, Framework, Live, OSCAL_VERSION, SecurityDecisionRecord,
    oscal::control_id,
};

fn definition(live: &Live<'_>) -> Value {
    serde_json::to_value(ComponentDefinition::new(live)).unwrap()["component-definition"].take()
}

fn results(live: &Live<'_>) -> Value {
    serde_json::to_value(AssessmentResults::new(live)).unwrap()["assessment-results"].take()
}

fn record(live: &Live<'_>) -> Value {
    serde_json::to_value(SecurityDecisionRecord::new(live, "https://provider.example/o.json"))
        .unwrap()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

/// All values of a field in a document.
fn all<'a>(value: &'a Value, field: &str, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            into.extend(fields.get(field).and_then(Value::as_str));
            fields.values().for_each(|value| all(value, field, into));
        }
        Value::Array(items) => items.iter().for_each(|value| all(value, field, into)),
        _ => {}
    }
}

fn each_case() -> Vec<Vec<Found>> {
    let mut cases = vec![all_well(), Vec::new()];
    cases.extend(Check::ALL.into_iter().flat_map(disturbed));
    cases
}

#[test]
fn only_a_contribution_whose_promises_are_all_kept_now_is_satisfied() {
    let mut seen = BTreeSet::new();
    for found in each_case() {
        let live = live(&found);
        let results = results(&live);
        let findings = list(&results["results"][0], "findings");
        let controls = Framework::Nist80053.controls();
        assert_eq!(findings.len(), controls.len());
        for (finding, control) in findings.iter().zip(controls) {
            let status = &finding["target"]["status"];
            let is_kept = control.promises.iter().all(|one| live.state(*one) == State::Kept);
            let expected = if is_kept { "satisfied" } else { "not-satisfied" };
            assert_eq!(status["state"], expected, "{} with {found:?}", control.id);
            assert_eq!(finding["target"]["implementation-status"]["state"], "partial");
            seen.insert((status["state"].to_string(), status["reason"].to_string()));
        }
    }
    let expected = [("not-satisfied", "fail"), ("not-satisfied", "other"), ("satisfied", "pass")];
    let quoted = |text: &str| format!("\"{text}\"");
    assert_eq!(seen, expected.map(|(state, reason)| (quoted(state), quoted(reason))).into());
}

#[test]
fn before_the_first_check_nothing_is_satisfied_and_nothing_observed() {
    let results = results(&live(&[]));
    let result = &results["results"][0];
    assert!(result.get("observations").is_none());
    assert_eq!(result["start"], result["end"]);
    for finding in list(result, "findings") {
        assert_eq!(finding["target"]["status"]["state"], "not-satisfied");
        assert_eq!(finding["target"]["status"]["reason"], "other");
        assert!(finding.get("related-observations").is_none());
    }
}

#[test]
fn an_observation_has_check_time_and_evidence() {
    let mut found = all_well();
    found[0].checked_ms = NOW - 60_000;
    found[0].facts = vec![Fact::Keys { made: 31, destroyed: 12 }];
    let results = results(&live(&found));
    let observations = list(&results["results"][0], "observations");
    let count: usize = Promise::ALL.iter().map(|promise| promise.checks().len()).sum();
    assert_eq!(observations.len(), count);
    let has = |one: &Value, name: &str, value: &str| {
        list(one, "props").iter().any(|prop| prop["name"] == name && prop["value"] == value)
    };
    let replay: Vec<_> =
        observations.iter().filter(|one| has(one, "check", "log_replay")).collect();
    for one in &replay {
        assert_eq!(one["collected"], "2026-11-24T03:45:25Z");
        assert_eq!(one["expires"], "2026-11-24T04:45:25Z");
        let is_about_keys = has(one, "promise", "P6");
        assert_eq!(one.get("relevant-evidence").is_some(), is_about_keys, "{one}");
    }
    assert_eq!(results["results"][0]["start"], "2026-11-24T03:45:25Z");
}

#[test]
fn uuids_are_of_version_5_and_each_thing_has_its_own() {
    for found in each_case() {
        let live = live(&found);
        for document in [definition(&live), results(&live)] {
            let mut uuids = Vec::new();
            all(&document, "uuid", &mut uuids);
            for uuid in &uuids {
                let bytes = uuid.as_bytes();
                assert!(bytes.len() == 36 && bytes[14] == b'5', "{uuid}");
                assert!(matches!(bytes[19], b'8' | b'9' | b'a' | b'b'), "{uuid}");
            }
            assert_eq!(uuids.iter().collect::<BTreeSet<_>>().len(), uuids.len());
        }
    }
}

#[test]
fn each_reference_leads_to_a_thing() {
    let found = all_well();
    let live = live(&found);
    let (definition, results) = (definition(&live), results(&live));
    let mut there = Vec::new();
    all(&definition, "uuid", &mut there);
    all(&results, "uuid", &mut there);
    let mut references = Vec::new();
    for field in ["observation-uuid", "subject-uuid", "actor-uuid", "implementation-statement-uuid"]
    {
        let before = references.len();
        all(&results, field, &mut references);
        assert!(references.len() > before, "{field}");
    }
    assert!(references.iter().all(|reference| there.contains(reference)));
    let plan = results["import-ap"]["href"].as_str().unwrap();
    assert!(there.contains(&plan.trim_start_matches('#')));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let found = all_well();
    let bytes = |live: &Live<'_>| {
        let definition = serde_json::to_string(&ComponentDefinition::new(live)).unwrap();
        definition + &serde_json::to_string(&AssessmentResults::new(live)).unwrap()
    };
    assert_eq!(bytes(&live(&found)), bytes(&live(&found)));
    let one = definition(&live(&found));
    let other = definition(&Live { service: "bailiwick/other", ..live(&found) });
    let later = definition(&Live { now_ms: NOW + 1000, ..live(&found) });
    assert_ne!(one["uuid"], other["uuid"]);
    assert_ne!(one["components"][0]["uuid"], other["components"][0]["uuid"]);
    // A later document is another document, about the same component.
    assert_ne!(one["uuid"], later["uuid"]);
    assert_eq!(one["components"], later["components"]);
}

#[test]
fn the_definition_has_each_contribution_and_its_rest() {
    let definition = definition(&live(&[]));
    assert_eq!(definition["metadata"]["oscal-version"], OSCAL_VERSION);
    let implementation = &definition["components"][0]["control-implementations"][0];
    let requirements = list(implementation, "implemented-requirements");
    for (requirement, control) in requirements.iter().zip(Framework::Nist80053.controls()) {
        let id = control_id(control.id);
        assert_eq!(requirement["control-id"], id);
        let statement = &requirement["statements"][0];
        assert_eq!(statement["statement-id"], format!("{id}_smt"));
        assert!(statement["description"].as_str().unwrap().starts_with("Contributes: "));
        assert!(statement["remarks"].as_str().unwrap().ends_with(control.remains));
    }
    assert_eq!(control_id("AC-6(9)"), "ac-6.9");
}

#[test]
fn indicators_have_the_fields_and_values_of_the_schema() {
    let fields =
        ["ksiId", "ksiImplementation", "ksiValidation", "ksiAssessment", "ksiTests", "ksiEvidence"];
    let kinds = ["Log", "Report", "Configuration", "Policy"];
    for found in each_case() {
        let live = live(&found);
        let record = record(&live);
        assert_eq!(record["certificationPackageOverviewUri"], "https://provider.example/o.json");
        assert!(record["fedRampRequirements"].is_array());
        let controls = Framework::FedRamp20x.controls();
        let indicators = list(&record, "keySecurityIndicators");
        assert_eq!(indicators.len(), controls.len());
        for (indicator, control) in indicators.iter().zip(controls) {
            assert!(fields.iter().all(|field| indicator.get(field).is_some()), "{indicator}");
            assert!(list(indicator, "ksiAssessment").is_empty());
            let expected = match live.state_of(control) {
                State::Kept => Some("Partially Implemented"),
                State::NotKept | State::Broken => Some("Not Implemented"),
                State::Stale | State::Unchecked => None,
            };
            let status = indicator.get("ksiImplementationStatus").and_then(Value::as_str);
            assert_eq!(status, expected, "{} with {found:?}", control.id);
            for evidence in list(indicator, "ksiEvidence") {
                assert!(kinds.contains(&evidence["evidenceType"].as_str().unwrap()));
                assert_eq!(evidence["lastUpdated"].as_str().unwrap().len(), 10);
            }
        }
    }
}
