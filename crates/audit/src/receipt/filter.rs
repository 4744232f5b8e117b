//! The content filter in words: which one applied, which detectors looked, and what was found.

use std::io::{self, Write};

use serde::Serialize;
use tlog::receipt::{Check, Claims, Screened, Side, Verified};

use crate::{report::Report, terminal::harmless};

/// Reports texts that went on without a check. Contradictions are among the receipt's breaches.
pub(super) fn check(report: &mut Report, verified: &Verified) {
    let facts = &verified.claims.facts;
    let Some(screened) = &facts.screened else {
        if facts.completion_tokens > 0 {
            report.note("by the receipt no content filter looked at prompt and completion");
        }
        return;
    };
    for (side, check) in sides(screened) {
        if check == Check::NotFiltered {
            report.note(format!(
                "by the receipt the {}, or a part of it, went on without a check by the content \
                 filter",
                side.name()
            ));
        }
    }
}

/// The content filter that applied to a request, and what it did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentFilter {
    name: String,
    /// SHA-256 of the filter and of the lists that it names.
    digest: String,
    /// The detectors that looked.
    detectors: Vec<Detector>,
    prompt: &'static str,
    completion: &'static str,
    findings: Vec<Finding>,
    #[serde(skip)]
    words: [&'static str; 2],
}

#[derive(Debug, Serialize)]
struct Detector {
    layer: String,
    /// SHA-256 of the data that it decides with.
    digest: String,
}

#[derive(Debug, Serialize)]
struct Finding {
    side: &'static str,
    category: &'static str,
    /// Null for categories without severities.
    severity: Option<&'static str>,
    filtered: bool,
}

impl ContentFilter {
    pub(super) fn of(claims: &Claims) -> Option<Self> {
        let filter = claims.terms.content_filter.as_ref()?;
        let screened = claims.facts.screened.as_ref()?;
        let detectors = filter
            .detectors
            .iter()
            .map(|one| Detector { layer: one.layer.clone(), digest: one.digest.to_string() });
        let findings = screened.findings.iter().map(|one| Finding {
            side: one.side.name(),
            category: one.category.name(),
            severity: one.severity.map(tlog::receipt::Severity::name),
            filtered: one.filtered,
        });
        Some(Self {
            name: filter.name.clone(),
            digest: filter.policy.to_string(),
            detectors: detectors.collect(),
            prompt: screened.prompt.name(),
            completion: screened.completion.name(),
            findings: findings.collect(),
            words: [screened.prompt.in_words(), screened.completion.in_words()],
        })
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let named = harmless(&format!("`{}`, SHA-256 {}", self.name, self.digest));
        writeln!(out, "filter      {named}")?;
        for Detector { layer, digest } in &self.detectors {
            writeln!(out, "detector    {}", harmless(&format!("{layer}, SHA-256 {digest}")))?;
        }
        if self.detectors.is_empty() {
            writeln!(out, "detector    none looked")?;
        }
        let [prompt, completion] = self.words;
        writeln!(out, "prompt      {prompt}\ncompletion  {completion}")?;
        self.findings.iter().try_for_each(|one| writeln!(out, "found       {}", one.in_words()))
    }
}

impl Finding {
    fn in_words(&self) -> String {
        let Self { side, category, severity, filtered } = self;
        let severity = severity.unwrap_or("detected");
        let then = if *filtered { "BLOCKED" } else { "not blocked" };
        format!("{category} in the {side}: {severity}, {then}")
    }
}

fn sides(screened: &Screened) -> [(Side, Check); 2] {
    [(Side::Prompt, screened.prompt), (Side::Completion, screened.completion)]
}
