//! A report: the verdict, the checks behind it, and the contents of the receipt or the log.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use tlog::verify::plural;

use crate::{
    Failure, compact, erasure, log, receipt,
    terminal::{escaped, harmless},
};

/// The name of the JSON that is printed; docs/operate/verify.md describes it.
const SCHEMA: &str = "bailiwick/verify/1";

/// The outcome of all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every check that was made passed.
    Verified,
    /// A check failed: the files are evidence.
    Failed,
    /// No check failed, and one could not be made because something is missing.
    Incomplete,
}

impl Verdict {
    /// The exit status; 2 is for wrong usage and unreadable input.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Failed => 1,
            Self::Incomplete => 3,
        }
    }
}

/// The outcome of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Failed,
    Incomplete,
    Ok,
    Note,
    NotChecked,
}

impl Outcome {
    /// Returns the beginning of its line.
    fn label(self) -> &'static str {
        match self {
            Self::Failed => "FAILED   ",
            Self::Incomplete => "INCOMPLETE  ",
            Self::Ok => "ok       ",
            Self::Note => "note     ",
            Self::NotChecked => "not checked  ",
        }
    }
}

#[derive(Debug, Serialize)]
struct Check {
    result: Outcome,
    what: String,
    /// Index of the log entry that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

/// The results of all checks.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<Check>,
    /// Contents of the receipt.
    pub(crate) receipt: Option<receipt::Summary>,
    /// Contents of the log.
    pub(crate) log: Option<log::Summary>,
    /// Contents of the certificate of an erasure.
    pub(crate) erasure: Option<erasure::Summary>,
    /// Contents of the compact receipt.
    pub(crate) compact: Option<compact::Summary>,
}

/// The JSON form of a report.
#[derive(Serialize)]
struct View<'a> {
    schema: &'static str,
    verdict: Verdict,
    summary: String,
    checks: &'a [Check],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a receipt::Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a log::Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erasure: Option<&'a erasure::Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compact: Option<&'a compact::Summary>,
}

impl Report {
    pub(crate) fn good(&mut self, what: impl Into<String>) {
        self.add(Outcome::Ok, what.into(), None);
    }

    pub(crate) fn failed(&mut self, what: impl Into<String>) {
        self.add(Outcome::Failed, what.into(), None);
    }

    pub(crate) fn incomplete(&mut self, what: impl Into<String>) {
        self.add(Outcome::Incomplete, what.into(), None);
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.add(Outcome::Note, what.into(), None);
    }

    pub(crate) fn unchecked(&mut self, what: impl Into<String>) {
        self.add(Outcome::NotChecked, what.into(), None);
    }

    /// Adds an error that the log's replay found.
    pub(crate) fn finding(&mut self, finding: &tlog::verify::Finding) {
        self.add(Outcome::Failed, finding.what.clone(), finding.index);
    }

    /// Adds a remark of the log's replay, about which an auditor should ask the operator.
    pub(crate) fn notice(&mut self, notice: &tlog::verify::Finding) {
        self.add(Outcome::Note, notice.what.clone(), notice.index);
    }

    /// Adds a check, with one text for the case that it passed and one for the case that it failed.
    pub(crate) fn check(&mut self, passed: bool, good: &str, bad: &str) {
        if passed { self.good(good) } else { self.failed(bad) }
    }

    fn add(&mut self, result: Outcome, what: String, entry: Option<u64>) {
        self.checks.push(Check { result, what, entry });
    }

    /// Returns the number of checks that failed so far.
    pub(crate) fn failures(&self) -> usize {
        self.count(Outcome::Failed)
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.result == outcome).count()
    }

    /// Returns the outcome of all checks together.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.failures(), self.count(Outcome::Incomplete)) {
            (0, 0) => Verdict::Verified,
            (0, _) => Verdict::Incomplete,
            _ => Verdict::Failed,
        }
    }

    fn summary(&self) -> String {
        let number = |outcome| self.count(outcome) as u64;
        match self.verdict() {
            Verdict::Verified => {
                let checks = plural(number(Outcome::Ok), "check", "checks");
                format!("{checks} passed, none failed")
            }
            Verdict::Failed => format!(
                "{} failed. Keep these files as evidence, and ask the operator about them",
                plural(number(Outcome::Failed), "check", "checks")
            ),
            Verdict::Incomplete => format!(
                "no check failed, and {} could not be made. Fetch the missing files, and verify again",
                plural(number(Outcome::Incomplete), "check", "checks")
            ),
        }
    }

    /// Prints the verdict and then the checks behind it; returns the exit status.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn print(&self, json: bool) -> Result<ExitCode, Failure> {
        let mut out = io::stdout().lock();
        if json {
            writeln!(out, "{}", escaped(&self.json()))?;
        } else {
            self.text(&mut out)?;
        }
        out.flush()?;
        Ok(ExitCode::from(self.verdict().status()))
    }

    /// Returns the report as JSON; docs/operate/verify.md describes the fields.
    #[must_use]
    pub fn json(&self) -> String {
        let view = View {
            schema: SCHEMA,
            verdict: self.verdict(),
            summary: self.summary(),
            checks: &self.checks,
            receipt: self.receipt.as_ref(),
            log: self.log.as_ref(),
            erasure: self.erasure.as_ref(),
            compact: self.compact.as_ref(),
        };
        // Strings, numbers and lists can always be written.
        serde_json::to_string_pretty(&view).unwrap_or_default()
    }

    /// Writes the report for people.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let word = match self.verdict() {
            Verdict::Verified => "VERIFIED",
            Verdict::Failed => "FAILED",
            Verdict::Incomplete => "INCOMPLETE",
        };
        writeln!(out, "{word}: {}.\n", self.summary())?;
        let mut checks: Vec<_> = self.checks.iter().collect();
        // The most important checks come first; the sort keeps the order within one outcome.
        checks.sort_by_key(|check| check.result);
        let unreliable = self.failures() > 0;
        let mut warned = false;
        for Check { result, what, entry } in checks {
            if unreliable && !warned && *result > Outcome::Ok {
                warned = true;
                writeln!(
                    out,
                    "note     a check failed, and the lines below come from the same files: they may be wrong, too"
                )?;
            }
            let place = entry.map_or_else(String::new, |index| format!("entry {index}: "));
            writeln!(out, "{}{place}{}", result.label(), harmless(what))?;
        }
        if let Some(receipt) = &self.receipt {
            receipt.text(out)?;
        }
        if let Some(log) = &self.log {
            log.text(out)?;
        }
        if let Some(erasure) = &self.erasure {
            erasure.text(out)?;
        }
        if let Some(compact) = &self.compact {
            compact.text(out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_outweighs_what_is_missing_and_notes_weigh_nothing() {
        let mut report = Report::default();
        report.good("a");
        report.note("b");
        report.unchecked("c");
        assert_eq!((report.verdict(), report.verdict().status()), (Verdict::Verified, 0));
        assert_eq!(report.summary(), "1 check passed, none failed");
        report.incomplete("d");
        assert_eq!((report.verdict(), report.verdict().status()), (Verdict::Incomplete, 3));
        report.failed("e");
        assert_eq!((report.verdict(), report.verdict().status()), (Verdict::Failed, 1));
        assert!(report.summary().starts_with("1 check failed. "));
    }
}
