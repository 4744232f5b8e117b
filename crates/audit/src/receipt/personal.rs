//! Personal data in words: its treatment, and how much was found.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use tlog::receipt::Claims;

use crate::terminal::harmless;

/// Treatment of the personal data of a request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PersonalData {
    handling: &'static str,
    /// The processor whose setting decided; null for the resource's own.
    processor: Option<String>,
    found: BTreeMap<String, u64>,
    restored: u64,
    unsure: u64,
    unseen: bool,
    #[serde(skip)]
    words: &'static str,
}

impl PersonalData {
    pub(super) fn of(claims: &Claims) -> Option<Self> {
        let personal = claims.terms.personal.as_ref()?;
        let found = claims.facts.personal.as_ref()?;
        Some(Self {
            handling: personal.handling.name(),
            processor: personal.processor.clone(),
            found: found.kinds.iter().map(|one| (one.kind.clone(), one.values)).collect(),
            restored: found.restored,
            unsure: found.unsure,
            unseen: found.unseen,
            words: personal.handling.in_words(),
        })
    }

    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let by = match &self.processor {
            Some(name) => format!("the setting of the processor `{name}`"),
            None => "the resource's setting".to_owned(),
        };
        writeln!(out, "personal    {} ({}), by {}", self.handling, self.words, harmless(&by))?;
        let found: Vec<_> =
            self.found.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        writeln!(
            out,
            "  found     {}; {} restored in the answer, {} unsure",
            harmless(&found),
            self.restored,
            self.unsure
        )?;
        if self.unseen {
            writeln!(out, "  unseen    an image, a sound or tokens went on, NOT looked into")?;
        }
        Ok(())
    }
}
