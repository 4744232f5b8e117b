//! The papers that a data protection officer needs, generated from the settings in force: the
//! record of processing, the list of sub-processors, a map of transfers, the technical measures,
//! the facts for an impact assessment, the scope of a breach, and the terms of processing.
//!
//! [`gather`] reads the configuration, the directory, the log and the counts once; each kind of report
//! turns these [`Facts`] into lines, and reads nothing else. So a changed setting is in the next report.
//! Each line names its sources. No report has content of requests.

mod breach;
mod facts;
mod history;
mod impact;
mod measures;
mod page;
mod parties;
mod processing;
mod retention;
mod sub_processors;
mod terms;
mod text;
mod transfers;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::{
    facts::{Covered, Facts, OfResource, Window, gather},
    page::html,
    text::text,
};

/// The version of the JSON: fields may be added to it, none is renamed or removed.
const SCHEMA: &str = "bailiwick/report/v1";

/// A kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Record of processing activities (GDPR, Art. 30)
    ProcessingRecord,
    /// Sub-processors: the companies that get content, or would if they were allowed (Art. 28)
    SubProcessors,
    /// Transfers: the regions that content can reach, and those that it cannot (Art. 44)
    Transfers,
    /// Technical measures in force, each with a way to check it (Art. 32)
    Measures,
    /// Facts for a data protection impact assessment (Art. 35)
    Dpia,
    /// Scope of a breach: readers of each request in a period, and possible readers (Art. 33)
    BreachScope,
    /// Terms of processing between the operator and the customer, filled in (Art. 28)
    Dpa,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 7] = [
        Self::ProcessingRecord,
        Self::SubProcessors,
        Self::Transfers,
        Self::Measures,
        Self::Dpia,
        Self::BreachScope,
        Self::Dpa,
    ];

    /// Returns the name, as in paths and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ProcessingRecord => "processing-record",
            Self::SubProcessors => "sub-processors",
            Self::Transfers => "transfers",
            Self::Measures => "measures",
            Self::Dpia => "dpia",
            Self::BreachScope => "breach-scope",
            Self::Dpa => "dpa",
        }
    }

    /// Returns the title, and the articles of the GDPR that ask for the report.
    fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::ProcessingRecord => {
                ("Record of processing activities", "GDPR, Art. 30(1) and (2)")
            }
            Self::SubProcessors => ("Sub-processors", "GDPR, Art. 28(2) and (4)"),
            Self::Transfers => ("Transfers", "GDPR, Art. 44 to 49"),
            Self::Measures => ("Technical measures", "GDPR, Art. 32"),
            Self::Dpia => ("Facts for a data protection impact assessment", "GDPR, Art. 35"),
            Self::BreachScope => ("Scope of a breach", "GDPR, Art. 33 and 34"),
            Self::Dpa => ("Terms of processing", "GDPR, Art. 28(3)"),
        }
    }
}

/// The name is not the name of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no report has this name; there are processing-record, sub-processors, transfers, measures, dpia, \
     breach-scope and dpa"
)]
pub(crate) struct NoSuchReport;

impl FromStr for Kind {
    type Err = NoSuchReport;

    fn from_str(name: &str) -> Result<Self, NoSuchReport> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(NoSuchReport)
    }
}

/// A report. docs/operate/reports.md explains the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The version of this JSON.
    pub schema: String,
    /// The kind of report.
    pub kind: Kind,
    /// Its title.
    pub title: String,
    /// The articles of the GDPR that ask for it.
    pub law: String,
    /// Time at which it was made.
    pub generated_at: String,
    /// Version of the program that made it.
    pub version: String,
    /// SHA-256 of the configuration that it was made from.
    pub configuration: String,
    /// Head of the log; missing before the first checkpoint.
    pub log: Option<Head>,
    /// Name of the customer's tenant.
    pub tenant: String,
    /// Names of the resources that it covers.
    pub resources: Vec<String>,
    /// Begin of the period that it covers; missing if the report has no period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// End of that period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Remarks about the report itself.
    pub remarks: Vec<String>,
    /// The parts.
    pub sections: Vec<Section>,
}

/// The head of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Name of the log.
    pub origin: String,
    /// Number of entries that the checkpoint signs.
    pub size: u64,
    /// Root of these entries' tree, in hex.
    pub root: String,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Section {
    /// Name that stays the same.
    pub id: String,
    /// Title.
    pub title: String,
    /// Text before the lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One statement, with its sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Its subject.
    pub item: String,
    /// The resource that it is about; missing if it is about the service or the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The statement.
    pub value: String,
    /// True if a person must still supply it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missing: bool,
    /// Where it comes from.
    pub sources: Vec<Source>,
    /// How a reader can check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The same as values, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// The source of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Source {
    /// A key of the configuration.
    Configuration {
        /// The key, with its section.
        key: String,
    },
    /// A setting in the directory of tenants, resources and engines.
    Directory {
        /// The thing and the setting.
        row: String,
    },
    /// An entry of the log.
    Log {
        /// Its number.
        entry: u64,
    },
    /// A field of each request's receipt.
    Receipt {
        /// Its name.
        field: String,
    },
    /// Counts in the database, or the state of the running processes.
    Service {
        /// The count, or the question to the processes.
        what: String,
    },
    /// The program does this in any configuration; a document describes it.
    Program {
        /// The document, in the program's source.
        document: String,
    },
    /// The customer must supply it.
    Controller,
}

impl Source {
    fn configuration(key: &str) -> Self {
        Self::Configuration { key: key.to_owned() }
    }

    fn directory(row: impl Into<String>) -> Self {
        Self::Directory { row: row.into() }
    }

    fn receipt(field: &str) -> Self {
        Self::Receipt { field: field.to_owned() }
    }

    fn service(what: &str) -> Self {
        Self::Service { what: what.to_owned() }
    }

    fn program(document: &str) -> Self {
        Self::Program { document: document.to_owned() }
    }

    /// Returns the source in words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Configuration { key } => format!("configuration: {key}"),
            Self::Directory { row } => format!("directory: {row}"),
            Self::Log { entry } => format!("log: entry {entry}"),
            Self::Receipt { field } => format!("receipt: {field}"),
            Self::Service { what } => format!("service: {what}"),
            Self::Program { document } => format!("program: {document}"),
            Self::Controller => "the customer".to_owned(),
        }
    }
}

impl Section {
    fn new(id: &str, title: &str, lines: Vec<Line>) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), text: None, lines }
    }

    fn with_text(self, text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..self }
    }
}

impl Line {
    fn new(item: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            item: item.into(),
            resource: None,
            value: value.into(),
            missing: false,
            sources: Vec::new(),
            check: None,
            data: None,
        }
    }

    /// A line whose value is not configured.
    fn not_configured(item: impl Into<String>, key: &str) -> Self {
        let line = Self::new(item, format!("not configured: set {key}"));
        Self { missing: true, ..line }.source(Source::configuration(key))
    }

    /// A line that only the customer can fill in.
    fn to_fill_in(item: impl Into<String>, what: &str) -> Self {
        let line = Self::new(item, format!("to be filled in by the customer: {what}"));
        Self { missing: true, ..line }.source(Source::Controller)
    }

    fn of(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }

    fn source(mut self, source: Source) -> Self {
        self.sources.push(source);
        self
    }

    fn sources(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.sources.extend(sources);
        self
    }

    fn check(self, check: impl Into<String>) -> Self {
        Self { check: Some(check.into()), ..self }
    }

    fn data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }
}

/// Makes a report from facts.
#[must_use]
pub(crate) fn report(kind: Kind, facts: &Facts) -> Report {
    let (title, law) = kind.title();
    let sections = match kind {
        Kind::ProcessingRecord => processing::sections(facts),
        Kind::SubProcessors => sub_processors::sections(facts),
        Kind::Transfers => transfers::sections(facts),
        Kind::Measures => measures::sections(facts),
        Kind::Dpia => impact::sections(facts),
        Kind::BreachScope => breach::sections(facts),
        Kind::Dpa => terms::sections(facts),
    };
    let window = matches!(kind, Kind::BreachScope | Kind::Dpia).then_some(&facts.window);
    Report {
        schema: SCHEMA.to_owned(),
        kind,
        title: title.to_owned(),
        law: law.to_owned(),
        generated_at: audit::rfc3339(facts.now_ms / 1000),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        configuration: facts.config.digest().to_string(),
        log: facts.head.clone(),
        tenant: facts.tenant_name().to_owned(),
        resources: facts.resources().map(|resource| resource.name.clone()).collect(),
        from: window.map(Window::begin),
        to: window.map(|window| window.end(facts.now_ms)),
        remarks: facts.remarks(kind),
        sections,
    }
}

#[cfg(test)]
mod tests;
