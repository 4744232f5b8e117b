//! Numbers of the content filter's findings and of abuse monitoring. No tenant, no list's name.

use policy::abuse::Finding;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

#[derive(Debug)]
pub(super) struct AbuseNumbers {
    findings: Family<FindingLabels, Counter>,
    acts: Family<ActLabels, Counter>,
    uncounted: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    side: &'static str,
    category: &'static str,
    severity: &'static str,
    filtered: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActLabels {
    act: &'static str,
}

impl AbuseNumbers {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let (findings, acts) = (Family::default(), Family::default());
        let uncounted = Counter::default();
        registry.register(
            "filter_findings",
            "Requests with a finding of the content filter, by side, category, severity, and whether it blocked",
            findings.clone(),
        );
        registry.register(
            "abuse_acts",
            "Acts of abuse monitoring: flag, notice, throttle",
            acts.clone(),
        );
        registry.register(
            "abuse_uncounted",
            "Requests that abuse monitoring could not count",
            uncounted.clone(),
        );
        Self { findings, acts, uncounted }
    }

    pub(super) fn found(&self, finding: &Finding) {
        let labels = FindingLabels {
            side: super::side(finding.side),
            category: finding.category.name(),
            severity: finding.severity.name(),
            filtered: if finding.filtered { "true" } else { "false" },
        };
        self.findings.get_or_create(&labels).inc();
    }

    pub(super) fn acted(&self, act: &'static str) {
        self.acts.get_or_create(&ActLabels { act }).inc();
    }

    pub(super) fn uncounted(&self, requests: u64) {
        self.uncounted.inc_by(requests);
    }
}
