//! The catalogue: offerings, needs, and the words of each offering about each need. The data are in
//! `catalogue.toml`; this module reads and checks them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tlog::limits::DAY_MS;

/// The catalogue's file, which is a part of the program.
const FILE: &str = include_str!("catalogue.toml");

/// Most characters of a quote: enough to check it, and no copy of the source.
const QUOTE_CHARACTERS_MAX: usize = 300;

/// The words of offerings about privacy.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalogue {
    /// Day on which the catalogue was written: `2026-11-29`.
    pub gathered: String,
    /// Days after which a source counts as old.
    pub old_after_days: u64,
    /// The needs of customers.
    pub needs: Vec<Need>,
    /// The offerings, without this service.
    pub offerings: Vec<Offering>,
    /// The documents that claims quote.
    pub sources: Vec<Source>,
    /// The claims. A pair of offering and need without one is unknown.
    claims: Vec<Claim>,
}

/// Something that a customer may need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Need {
    /// Name of the need, as on the command line.
    pub id: String,
    /// The statement that must be true.
    pub asks: String,
}

/// An offering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offering {
    /// Short name.
    pub id: String,
    /// Name.
    pub name: String,
    /// The provider.
    pub vendor: String,
}

/// A document that claims quote.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// Short name in the catalogue.
    pub id: String,
    /// Title.
    pub title: String,
    /// Address.
    pub url: String,
    /// Date that the document gives itself.
    pub dated: Option<String>,
    /// Day on which the copy was read.
    pub read: String,
    /// Why the document is no longer the current one.
    pub superseded: Option<String>,
}

/// The meaning of an offering's own words about a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The need is met.
    Yes,
    /// The need is met in part, or under a condition.
    Partly,
    /// The need is not met.
    No,
    /// The words do not say.
    Unknown,
}

impl Verdict {
    /// All verdicts.
    pub(crate) const ALL: [Self; 4] = [Self::Yes, Self::Partly, Self::No, Self::Unknown];

    /// Returns the word.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// A claim, as the file has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    offerings: Vec<String>,
    need: String,
    verdict: Verdict,
    quote: String,
    source: String,
    note: Option<String>,
}

/// A claim about one offering and one need, with its source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    /// The meaning of the words.
    pub verdict: Verdict,
    /// The words.
    pub quote: &'a str,
    /// The document.
    pub source: &'a Source,
    /// A remark of the catalogue.
    pub note: Option<&'a str>,
}

/// The catalogue contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCatalogue {
    /// The file is not a catalogue.
    #[error("the catalogue cannot be read: {0}")]
    Malformed(String),
    /// Two things have one name, or a claim names something that is not there.
    #[error("the catalogue has {what} `{name}` {how}")]
    Name {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
        /// The mistake.
        how: &'static str,
    },
    /// A date is not a date, or a quote is empty or too long.
    #[error("the catalogue has a bad {what}: `{text}`")]
    Text {
        /// The kind of text that it should be.
        what: &'static str,
        /// The text.
        text: String,
    },
}

impl Catalogue {
    /// Returns the catalogue of this program.
    ///
    /// # Errors
    /// If it contradicts itself. A test reads it, so this does not happen in a release.
    pub(crate) fn built_in() -> Result<Self, BadCatalogue> {
        Self::read(FILE)
    }

    /// Reads and checks a catalogue.
    ///
    /// # Errors
    /// If it contradicts itself.
    pub(crate) fn read(text: &str) -> Result<Self, BadCatalogue> {
        let catalogue: Self = toml::from_str(text)
            .map_err(|error| BadCatalogue::Malformed(error.message().to_owned()))?;
        catalogue.check()?;
        Ok(catalogue)
    }

    fn check(&self) -> Result<(), BadCatalogue> {
        let needs = unique("the need", self.needs.iter().map(|need| &need.id))?;
        let offerings = unique("the offering", self.offerings.iter().map(|one| &one.id))?;
        let sources = unique("the source", self.sources.iter().map(|source| &source.id))?;
        date_ms(&self.gathered).ok_or_else(|| bad("date", &self.gathered))?;
        for source in &self.sources {
            let dates = [Some(&source.read), source.dated.as_ref()];
            for date in dates.into_iter().flatten() {
                date_ms(date).ok_or_else(|| bad("date", date))?;
            }
            if !source.url.starts_with("https://") {
                return Err(bad("address", &source.url));
            }
        }
        let mut pairs = BTreeSet::new();
        for claim in &self.claims {
            let named = |what, names: &BTreeSet<&String>, name: &String| match names.contains(name)
            {
                true => Ok(()),
                false => {
                    Err(BadCatalogue::Name { what, name: name.clone(), how: "in a claim only" })
                }
            };
            named("the need", &needs, &claim.need)?;
            named("the source", &sources, &claim.source)?;
            let characters = claim.quote.chars().count();
            if !(1..=QUOTE_CHARACTERS_MAX).contains(&characters) {
                return Err(bad("quote", &claim.quote));
            }
            for offering in &claim.offerings {
                named("the offering", &offerings, offering)?;
                if !pairs.insert((offering, &claim.need)) {
                    let name = format!("{offering} {}", claim.need);
                    return Err(BadCatalogue::Name { what: "the claim", name, how: "twice" });
                }
            }
        }
        Ok(())
    }

    /// Returns the need with this name.
    #[must_use]
    pub(crate) fn need(&self, id: &str) -> Option<&Need> {
        self.needs.iter().find(|need| need.id == id)
    }

    /// Returns the claim about an offering and a need; `None` if there is no quote.
    #[must_use]
    pub(crate) fn claim(&self, offering: &str, need: &str) -> Option<Found<'_>> {
        let about = |claim: &&Claim| {
            claim.need == need && claim.offerings.iter().any(|name| name == offering)
        };
        let claim = self.claims.iter().find(about)?;
        let source = self.sources.iter().find(|source| source.id == claim.source)?;
        Some(Found {
            verdict: claim.verdict,
            quote: &claim.quote,
            source,
            note: claim.note.as_deref(),
        })
    }

    /// Returns why a source counts as old at a time, in milliseconds since 1970; `None` if it does not,
    /// or has no date.
    #[must_use]
    pub(crate) fn old(&self, source: &Source, now_ms: u64) -> Option<String> {
        if let Some(why) = &source.superseded {
            return Some(why.clone());
        }
        let dated = source.dated.as_deref()?;
        let days = now_ms.saturating_sub(date_ms(dated)?) / DAY_MS;
        (days > self.old_after_days).then(|| format!("its date is {days} days ago"))
    }
}

fn bad(what: &'static str, text: &str) -> BadCatalogue {
    BadCatalogue::Text { what, text: text.to_owned() }
}

fn unique<'a>(
    what: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<BTreeSet<&'a String>, BadCatalogue> {
    let mut known = BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(BadCatalogue::Name { what, name: name.clone(), how: "twice" });
        }
    }
    Ok(known)
}

/// Reads a date, as milliseconds since 1970.
fn date_ms(date: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(&format!("{date}T00:00:00Z")).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}
