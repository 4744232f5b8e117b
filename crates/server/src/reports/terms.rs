//! The terms of processing between operator and customer: a template, filled in from what is in force, with
//! the other reports' parts as annexes.
//!
//! The template is text: `## ID TITLE` begins a section, and each line `ITEM: TEXT` is one statement.
//! `{name}` stands for a value.

use super::{
    Facts, Line, Section, Source, measures, processing, retention, sub_processors, transfers,
};

const TEMPLATE: &str = include_str!("terms.md");

/// Returns the report's sections.
pub(super) fn sections(facts: &Facts) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in TEMPLATE.lines() {
        if let Some(head) = line.strip_prefix("## ") {
            let (id, title) = head.split_once(' ').unwrap_or((head, head));
            sections.push(Section::new(id, title, Vec::new()));
        } else if let (Some((item, text)), Some(section)) =
            (line.split_once(": "), sections.last_mut())
        {
            section.lines.push(filled(facts, item, text));
        }
    }
    let annexes = [
        processing::data(facts),
        processing::recipients(facts),
        sub_processors::allowed(facts),
        transfers::map(facts),
        retention::section(facts),
    ];
    let measures =
        measures::sections(facts).into_iter().flat_map(|section| section.lines).collect();
    let measures = Section::new("measures", "Technical measures", measures);
    sections.extend(annexes.into_iter().chain([measures]).map(annex));
    sections
}

fn annex(section: Section) -> Section {
    Section {
        id: format!("annex.{}", section.id),
        title: format!("Annex: {}", section.title),
        ..section
    }
}

/// Returns a line of the template with its values. A missing value is named, and marks the line.
fn filled(facts: &Facts, item: &str, text: &str) -> Line {
    let (mut value, mut sources, mut missing) = (String::new(), Vec::new(), false);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        value.push_str(before);
        let (given, source) = lookup(facts, name);
        missing |= given.is_none();
        value.push_str(&given.unwrap_or_else(|| format!("[{}]", source.to_supply())));
        sources.push(source);
        rest = after;
    }
    value.push_str(rest);
    let line = Line { missing, ..Line::new(item, value) };
    line.sources(sources).source(Source::program("crates/server/src/reports/terms.md"))
}

/// Returns a value by its name in the template, and its source.
fn lookup(facts: &Facts, name: &str) -> (Option<String>, Source) {
    let (operator, customer) = (facts.config.operator.party(), facts.customer());
    let of =
        |value: Option<&str>, key: &str| (value.map(str::to_owned), Source::configuration(key));
    match name {
        "processor" => of(operator.name, "operator.name"),
        "processor_address" => of(operator.address, "operator.address"),
        "processor_contact" => of(operator.contact, "operator.contact"),
        "processor_officer" => {
            of(operator.data_protection_officer, "operator.data_protection_officer")
        }
        "controller" => {
            let name = customer.name.unwrap_or_else(|| facts.tenant_name());
            of(Some(name), "customers.name")
        }
        "controller_address" => of(customer.address, "customers.address"),
        "controller_contact" => of(customer.contact, "customers.contact"),
        "controller_officer" => {
            of(customer.data_protection_officer, "customers.data_protection_officer")
        }
        "storage" => of(Some(&facts.config.regions.here), "regions.here"),
        "resources" => {
            let names: Vec<&str> =
                facts.resources().map(|resource| resource.name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            (Some(names), Source::directory("resources"))
        }
        "retention" => {
            let days = facts.resources().map(|resource| {
                let kept = resource.retention.content_logging.keeps(facts.now_ms);
                match kept {
                    true => {
                        format!("{} after {} days", resource.name, resource.retention.days.get())
                    }
                    false => format!("{} at once", resource.name),
                }
            });
            (
                Some(days.collect::<Vec<_>>().join(", ")),
                Source::directory("resources: retention_days"),
            )
        }
        _ => (None, Source::Controller),
    }
}

impl Source {
    /// Returns the missing parts, in words.
    fn to_supply(&self) -> String {
        match self {
            Self::Configuration { key } => format!("not configured: set {key}"),
            _ => "to be filled in by the customer".to_owned(),
        }
    }
}
