//! A report as text, for a terminal.

use std::io::{self, Write};

use audit::harmless;

use super::{Line, Report, Section};

/// Writes the report. Texts of the configuration may have control characters, which are escaped.
///
/// # Errors
/// If the writer fails.
pub(crate) fn text(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Report { title, law, tenant, generated_at, version, configuration, .. } = report;
    writeln!(out, "{title} ({law})")?;
    writeln!(
        out,
        "Customer: {}; resources: {}",
        harmless(tenant),
        harmless(&report.resources.join(", "))
    )?;
    if let (Some(from), Some(to)) = (&report.from, &report.to) {
        writeln!(out, "Period: {from} to {to}")?;
    }
    writeln!(
        out,
        "Made {generated_at} by bailiwick {version} from the configuration {configuration}"
    )?;
    if let Some(log) = &report.log {
        writeln!(out, "Log: {}, {} entries, root {}", harmless(&log.origin), log.size, log.root)?;
    }
    for remark in &report.remarks {
        writeln!(out, "{}", harmless(remark))?;
    }
    report.sections.iter().try_for_each(|section| part(out, section))
}

fn part(out: &mut dyn Write, section: &Section) -> io::Result<()> {
    writeln!(out, "\n{}", section.title.to_uppercase())?;
    if let Some(text) = &section.text {
        writeln!(out, "{text}")?;
    }
    if section.lines.is_empty() {
        writeln!(out, "  none")?;
    }
    section.lines.iter().try_for_each(|one| line(out, one))
}

fn line(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    let resource = line.resource.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let mark = if line.missing { "! " } else { "  " };
    writeln!(
        out,
        "{mark}{}{}: {}",
        harmless(&resource),
        harmless(&line.item),
        harmless(&line.value)
    )?;
    let sources: Vec<String> = line.sources.iter().map(super::Source::words).collect();
    if !sources.is_empty() {
        writeln!(out, "      from {}", harmless(&sources.join("; ")))?;
    }
    if let Some(check) = &line.check {
        writeln!(out, "      check: {}", harmless(check))?;
    }
    Ok(())
}
