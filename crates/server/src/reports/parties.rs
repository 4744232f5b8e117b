//! The two sides: the operator as the processor, the customer as the controller.

use super::{Facts, Line, Section, Source};
use crate::config::Party;

/// Returns the section about both sides.
pub(super) fn section(facts: &Facts) -> Section {
    let mut lines = Vec::new();
    lines.push(
        Line::new("Controller", facts.tenant_name())
            .source(Source::directory(format!("tenant {}: name", facts.tenant_name()))),
    );
    lines.extend(party(&facts.customer(), "Controller", "customers"));
    lines.extend(party(&facts.config.operator.party(), "Processor", "operator"));
    Section::new("parties", "Controller and processor", lines)
}

/// Returns the lines about one side; `section` is the section of the configuration.
fn party(party: &Party<'_>, side: &str, section: &str) -> Vec<Line> {
    let fields = [
        ("name", "name", party.name),
        ("address", "address", party.address),
        ("contact", "contact", party.contact),
        ("data protection officer", "data_protection_officer", party.data_protection_officer),
    ];
    let line = |(item, key, value): (&str, &str, Option<&str>)| {
        let (item, key) = (format!("{side}: {item}"), format!("{section}.{key}"));
        match value {
            Some(value) => Line::new(item, value).source(Source::configuration(&key)),
            None => Line::not_configured(item, &key),
        }
    };
    fields.into_iter().map(line).collect()
}
