//! What `bailiwick verify` found: a verdict, the checks behind it, and what was read.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use serde::Serialize;
use tlog::verify::plural;

use crate::cli::output::{Failure, harmless};

/// The name of the JSON that is printed; docs/operate/verify.md describes it.
const SCHEMA: &str = "bailiwick/verify/1";

/// The outcome of all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Verdict {
    /// Every check that was made passed.
    Verified,
    /// A check failed: what was given is evidence.
    Failed,
    /// No check failed, and one could not be made because something is missing.
    Incomplete,
}

impl Verdict {
    /// The exit status; 2 is for wrong usage and unreadable input.
    pub(in crate::cli) fn status(self) -> u8 {
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
    /// How its line begins.
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
    /// The log's entry that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(in crate::cli) struct Report {
    checks: Vec<Check>,
    /// What the receipt says.
    pub(super) receipt: Option<super::receipt::Said>,
    /// What the log says.
    pub(super) log: Option<super::log::Said>,
}

/// As JSON.
#[derive(Serialize)]
struct View<'a> {
    schema: &'static str,
    verdict: Verdict,
    summary: String,
    checks: &'a [Check],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a super::receipt::Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a super::log::Said>,
}

impl Report {
    pub(super) fn good(&mut self, what: impl Into<String>) {
        self.add(Outcome::Ok, what.into(), None);
    }

    pub(in crate::cli) fn failed(&mut self, what: impl Into<String>) {
        self.add(Outcome::Failed, what.into(), None);
    }

    pub(in crate::cli) fn incomplete(&mut self, what: impl Into<String>) {
        self.add(Outcome::Incomplete, what.into(), None);
    }

    pub(in crate::cli) fn note(&mut self, what: impl Into<String>) {
        self.add(Outcome::Note, what.into(), None);
    }

    pub(super) fn unchecked(&mut self, what: impl Into<String>) {
        self.add(Outcome::NotChecked, what.into(), None);
    }

    /// What the log's replay found wrong.
    pub(super) fn finding(&mut self, finding: &tlog::verify::Finding) {
        self.add(Outcome::Failed, finding.what.clone(), finding.index);
    }

    /// What the log's replay found worth a question.
    pub(super) fn notice(&mut self, notice: &tlog::verify::Finding) {
        self.add(Outcome::Note, notice.what.clone(), notice.index);
    }

    /// One check: what it says when it passed, and what when not.
    pub(super) fn check(&mut self, passed: bool, good: &str, bad: &str) {
        if passed { self.good(good) } else { self.failed(bad) }
    }

    fn add(&mut self, result: Outcome, what: String, entry: Option<u64>) {
        self.checks.push(Check { result, what, entry });
    }

    /// How many checks failed so far.
    pub(super) fn failures(&self) -> usize {
        self.count(Outcome::Failed)
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.result == outcome).count()
    }

    /// The outcome of all checks together.
    pub(in crate::cli) fn verdict(&self) -> Verdict {
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
                "no check failed, and {} could not be made. Fetch what is missing, and verify again",
                plural(number(Outcome::Incomplete), "check", "checks")
            ),
        }
    }

    /// Prints the verdict and then what is behind it; says what to exit with.
    pub(in crate::cli) fn print(&self, json: bool) -> Result<ExitCode, Failure> {
        let verdict = self.verdict();
        if json {
            let view = View {
                schema: SCHEMA,
                verdict,
                summary: self.summary(),
                checks: &self.checks,
                receipt: self.receipt.as_ref(),
                log: self.log.as_ref(),
            };
            crate::cli::output::print(true, &view, |_, _| Ok(()))?;
        } else {
            self.text()?;
        }
        Ok(ExitCode::from(verdict.status()))
    }

    fn text(&self) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        let word = match self.verdict() {
            Verdict::Verified => "VERIFIED",
            Verdict::Failed => "FAILED",
            Verdict::Incomplete => "INCOMPLETE",
        };
        writeln!(out, "{word}: {}.\n", self.summary())?;
        let mut checks: Vec<_> = self.checks.iter().collect();
        // What matters most stands first; within one outcome the order stays.
        checks.sort_by_key(|check| check.result);
        let unreliable = self.failures() > 0;
        let mut told = false;
        for Check { result, what, entry } in checks {
            if unreliable && !told && *result > Outcome::Ok {
                told = true;
                writeln!(
                    out,
                    "note     a check failed, so what follows may be wrong, too: the same files say it"
                )?;
            }
            let place = entry.map_or_else(String::new, |index| format!("entry {index}: "));
            writeln!(out, "{}{place}{}", result.label(), harmless(what))?;
        }
        if let Some(receipt) = &self.receipt {
            receipt.text(&mut out)?;
        }
        if let Some(log) = &self.log {
            log.text(&mut out)?;
        }
        out.flush()
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
