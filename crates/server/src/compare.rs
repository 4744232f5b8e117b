//! The chooser: which offerings meet a customer's needs, by their own words, and this service by its
//! settings.
//!
//! The catalogue quotes the words of offerings. It does not know their deeds. A pair without a quote is
//! unknown, and an unknown need is never counted as met.

pub(crate) mod catalogue;
mod own;

use serde::Serialize;

use self::catalogue::{Catalogue, Need, Offering, Verdict};
use crate::explain::{Facts, fact::Setting};

/// The offerings, compared by the needs that were asked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    /// The needs that were asked for.
    pub needs: Vec<Need>,
    /// All needs of the catalogue.
    pub known: Vec<Need>,
    /// Day on which the catalogue was written.
    pub gathered: String,
    /// The offerings: those that meet all needs first, those that do not last.
    pub offerings: Vec<Compared>,
}

/// An offering, compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Compared {
    /// The offering.
    #[serde(flatten)]
    pub offering: Offering,
    /// Whether it meets the needs.
    pub outcome: Outcome,
    /// Its words about each need, in the order of the needs.
    pub claims: Vec<Said>,
}

/// Whether an offering meets the needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It meets all.
    Fits,
    /// It meets all, some in part or under a condition.
    Conditions,
    /// It fails none, but about some it does not say.
    Unknown,
    /// It fails one or more.
    Fails,
}

impl Outcome {
    /// All outcomes, the best first.
    pub(crate) const ALL: [Self; 4] = [Self::Fits, Self::Conditions, Self::Unknown, Self::Fails];

    /// Returns the title of the offerings with this outcome.
    #[must_use]
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Fits => "Meets all needs",
            Self::Conditions => "Meets all needs, some in part or under a condition",
            Self::Unknown => "Fails none, but does not say all",
            Self::Fails => "Fails",
        }
    }

    fn of(claims: &[Said]) -> Self {
        let any = |verdict| claims.iter().any(|claim| claim.verdict == verdict);
        match () {
            () if any(Verdict::No) => Self::Fails,
            () if any(Verdict::Unknown) => Self::Unknown,
            () if any(Verdict::Partly) => Self::Conditions,
            () => Self::Fits,
        }
    }
}

/// The words of an offering about a need.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Said {
    /// Name of the need.
    pub need: String,
    /// Their meaning; for this service, the result of its settings.
    pub verdict: Verdict,
    /// The words, literally.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// Title of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Address of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Date that the document gives itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dated: Option<String>,
    /// Day on which the document was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<String>,
    /// Why the document counts as old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// A remark; for this service, the answer in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Of this service: the settings that decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<Setting>,
}

/// A need that the catalogue does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalogue has no such need; it has: {}", known.join(", "))]
pub(crate) struct NoSuchNeed {
    /// The needs that it has.
    pub known: Vec<String>,
}

impl Catalogue {
    /// Returns the needs with these names, each once; all of them without names.
    ///
    /// # Errors
    /// [`NoSuchNeed`] if there is none with a name.
    pub(crate) fn chosen(&self, names: &[String]) -> Result<Vec<Need>, NoSuchNeed> {
        if names.is_empty() {
            return Ok(self.needs.clone());
        }
        let mut chosen: Vec<Need> = Vec::new();
        for name in names {
            let known = || self.needs.iter().map(|need| need.id.clone()).collect();
            let need = self.need(name).ok_or_else(|| NoSuchNeed { known: known() })?;
            if !chosen.contains(need) {
                chosen.push(need.clone());
            }
        }
        Ok(chosen)
    }

    /// Compares the offerings, and this service's resources, by these needs. `now_ms` is the time, in
    /// milliseconds since 1970.
    #[must_use]
    pub(crate) fn compare(&self, needs: Vec<Need>, own: &[Facts], now_ms: u64) -> Comparison {
        let others = self.offerings.iter().map(|offering| {
            let said = |need: &Need| self.said(&offering.id, &need.id, now_ms);
            compared(offering.clone(), needs.iter().map(said).collect())
        });
        let own = own.iter().map(|facts| {
            let said = |need: &Need| of_this(facts, &need.id);
            compared(this(facts), needs.iter().map(said).collect())
        });
        let mut offerings: Vec<Compared> = own.chain(others).collect();
        offerings.sort_by_key(|one| one.outcome);
        let known = self.needs.clone();
        Comparison { needs, known, gathered: self.gathered.clone(), offerings }
    }

    fn said(&self, offering: &str, need: &str, now_ms: u64) -> Said {
        let Some(found) = self.claim(offering, need) else { return Said::unknown(need) };
        Said {
            verdict: found.verdict,
            quote: Some(found.quote.to_owned()),
            title: Some(found.source.title.clone()),
            source: Some(found.source.url.clone()),
            dated: found.source.dated.clone(),
            read: Some(found.source.read.clone()),
            old: self.old(found.source, now_ms),
            note: found.note.map(str::to_owned),
            ..Said::unknown(need)
        }
    }
}

impl Said {
    fn unknown(need: &str) -> Self {
        Self {
            need: need.to_owned(),
            verdict: Verdict::Unknown,
            quote: None,
            title: None,
            source: None,
            dated: None,
            read: None,
            old: None,
            note: None,
            because: Vec::new(),
        }
    }
}

fn compared(offering: Offering, claims: Vec<Said>) -> Compared {
    Compared { offering, outcome: Outcome::of(&claims), claims }
}

fn this(facts: &Facts) -> Offering {
    Offering {
        id: format!("bailiwick:{}", facts.resource),
        name: format!("Bailiwick, resource `{}` as configured", facts.resource),
        vendor: "the operator of this service".to_owned(),
    }
}

fn of_this(facts: &Facts, need: &str) -> Said {
    let Some(own) = own::about(facts, need) else { return Said::unknown(need) };
    Said { verdict: own.verdict, note: Some(own.says), because: own.because, ..Said::unknown(need) }
}

#[cfg(test)]
mod tests;
