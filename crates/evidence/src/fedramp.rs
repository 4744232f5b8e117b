//! The Key Security Indicators of FedRAMP 20x, in the form of a Security Decision Record.
//!
//! The form is that of `fedramp-security-decision-record-schema-2026-06-24.json`, version 0.1.0, of
//! github.com/FedRAMP/schemas. A provider merges the indicators into a record of its own: the other
//! indicators, the requirements and the assessor's statements are not ours to state.

use pages::{
    Lang,
    time::{day, rfc3339},
    trust::{Check, State},
};
use serde::Serialize;

use crate::{
    Control, Framework, Live,
    live::{Answer, state_words},
};

/// A Security Decision Record with those indicators to which promises contribute, to be serialized.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityDecisionRecord {
    certification_package_overview_uri: String,
    /// Empty: the provider describes its processes.
    fed_ramp_requirements: [(); 0],
    key_security_indicators: Vec<Indicator>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Indicator {
    ksi_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ksi_implementation_status: Option<&'static str>,
    ksi_implementation: Vec<String>,
    ksi_validation: Vec<String>,
    /// Empty: an independent assessor writes it.
    ksi_assessment: [(); 0],
    ksi_tests: Vec<String>,
    ksi_evidence: Vec<Evidence>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Evidence {
    evidence_type: &'static str,
    evidence_description: String,
    evidence_text: String,
    /// A day, such as `2026-11-30`.
    last_updated: String,
}

impl SecurityDecisionRecord {
    /// Makes the record. `overview_uri` is the address of the provider's Certification Package Overview.
    #[must_use]
    pub fn new(live: &Live<'_>, overview_uri: &str) -> Self {
        let controls = Framework::FedRamp20x.controls().iter();
        Self {
            certification_package_overview_uri: overview_uri.to_owned(),
            fed_ramp_requirements: [],
            key_security_indicators: controls.map(|one| Indicator::of(one, live)).collect(),
        }
    }
}

impl Indicator {
    fn of(control: &Control, live: &Live<'_>) -> Self {
        let states = control.promises.iter().map(|promise| {
            format!(
                "At {}, promise {} ({}) is {}.",
                rfc3339(live.now_ms),
                promise.id(),
                promise.name(Lang::En).to_lowercase(),
                state_words(live.state(*promise)),
            )
        });
        let answers = || control.promises.iter().flat_map(|promise| live.answers(*promise));
        Self {
            ksi_id: control.id,
            ksi_implementation_status: status(live.state_of(control)),
            ksi_implementation: vec![
                format!("The service contributes: {}", control.contributes),
                format!("Remains with the provider or the customer: {}", control.remains),
            ],
            ksi_validation: states.collect(),
            ksi_assessment: [],
            ksi_tests: answers().map(|one| test_name(&one)).collect(),
            ksi_evidence: answers().filter_map(|one| Evidence::of(&one)).collect(),
        }
    }
}

impl Evidence {
    /// Returns `None` for a check without an answer.
    fn of(answer: &Answer<'_>) -> Option<Self> {
        let found = answer.found?;
        let facts = found.about(answer.promise);
        let facts: Vec<_> = facts.iter().map(|fact| fact.words(Lang::En)).collect();
        Some(Self {
            evidence_type: kind(answer.check),
            evidence_description: format!(
                "{}, for promise {}",
                answer.check.title(Lang::En),
                answer.promise.id()
            ),
            evidence_text: format!(
                "checked at {}: {}. {}",
                rfc3339(found.checked_ms),
                answer.standing.name(),
                facts.join(" ")
            )
            .trim_end()
            .to_owned(),
            last_updated: day(found.checked_ms),
        })
    }
}

fn test_name(answer: &Answer<'_>) -> String {
    format!("{} for {}", answer.check.name(), answer.promise.id())
}

/// The status of an indicator. It is never `Implemented`, because a part remains with the provider, and
/// it is left out where no check says anything now.
fn status(state: State) -> Option<&'static str> {
    match state {
        State::Kept => Some("Partially Implemented"),
        State::NotKept | State::Broken => Some("Not Implemented"),
        State::Stale | State::Unchecked => None,
    }
}

/// The schema's type of evidence.
fn kind(check: Check) -> &'static str {
    match check {
        Check::Replay | Check::Witnesses => "Log",
        Check::Policies => "Policy",
        Check::Confinement | Check::Settings => "Configuration",
        Check::Deadlines | Check::Tables | Check::SelfTest => "Report",
    }
}
