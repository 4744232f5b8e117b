//! A report as one page of HTML, to print and to file.

use maud::{Markup, html};

use super::{Line, Report, Section};
use crate::html;

/// Returns the report as the text of one file of HTML.
#[must_use]
pub(crate) fn html(report: &Report) -> String {
    let title = format!("{}: {}", report.title, report.tenant);
    let body = html! {
        h1 { (report.title) }
        p class="note" { (report.law) }
        (head(report))
        @for remark in &report.remarks { p class="note" { (remark) } }
        @for section in &report.sections { (part(section)) }
    };
    html::page(&title, &body)
}

/// Returns the table about the report itself.
fn head(report: &Report) -> Markup {
    let log = report.log.as_ref();
    html! {
        table {
            tbody {
                (row("Customer", &report.tenant))
                (row("Resources", &report.resources.join(", ")))
                @if let (Some(from), Some(to)) = (&report.from, &report.to) {
                    (row("Period", &format!("{from} to {to}")))
                }
                (row("Made", &report.generated_at))
                (row("Program", &format!("bailiwick {}", report.version)))
                (row("Configuration", &report.configuration))
                @if let Some(log) = log {
                    (row("Log", &format!("{}, {} entries, root {}", log.origin, log.size, log.root)))
                }
            }
        }
    }
}

fn row(name: &str, value: &str) -> Markup {
    html! { tr { th scope="row" { (name) } td { (value) } } }
}

fn part(section: &Section) -> Markup {
    let of_resources = section.lines.iter().any(|line| line.resource.is_some());
    html! {
        h2 id=(section.id) { (section.title) }
        @if let Some(text) = &section.text { p { (text) } }
        @if section.lines.is_empty() {
            p { "None." }
        } @else if of_resources {
            (html::table(["Resource", "Item", "Statement", "Source", "Check"], section.lines.iter().map(|line| {
                let [item, value, source, check] = cells(line);
                let resource = html! { @if let Some(resource) = &line.resource { (resource) } };
                [resource, item, value, source, check]
            })))
        } @else {
            (html::table(["Item", "Statement", "Source", "Check"], section.lines.iter().map(cells)))
        }
    }
}

fn cells(line: &Line) -> [Markup; 4] {
    [
        html! { (line.item) },
        html! { @if line.missing { span class="missing" { (line.value) } } @else { (line.value) } },
        html! { span class="source" { @for source in &line.sources { (source.words()) br; } } },
        html! { @if let Some(check) = &line.check { span class="source" { (check) } } },
    ]
}
