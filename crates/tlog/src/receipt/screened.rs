//! The claims about the content filter: which one applied, which detectors looked, how far each
//! side of the request was checked, and what was found.
//!
//! Nothing here holds content. The names of a customer's own lists are not here either: a receipt
//! is shown to others, and such a name can say what the list looks for.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use minicbor::{Decode, Decoder, Encode, decode::Error};

/// The most detectors in a receipt. A filter has at most 20 lists; the others are few.
pub const DETECTORS_MAX: usize = 64;

/// The most findings in a receipt: one for each category on each side.
pub const FINDINGS_MAX: usize = 20;

/// Whether a content filter applied to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Filter {
    /// None: the request ended before its deployment's filter was known, or the service was of an
    /// earlier version, which had none.
    #[n(0)]
    None,
    /// The one in [`super::Terms::content_filter`].
    #[n(1)]
    Named,
}

impl Filter {
    /// Returns the word for the receipt's JSON form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Named => "content_filter",
        }
    }
}

/// The content filter that applied, and the detectors that looked. Many requests share them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct ContentFilter {
    /// The name of the filter.
    #[n(0)]
    pub name: String,
    /// SHA-256 of the filter and of the lists that it names.
    #[n(1)]
    pub policy: super::Digest,
    /// The detectors that looked at a text of the request, also if they found nothing; at most
    /// [`DETECTORS_MAX`]. Encoded in ascending order; a list in another order is not decoded.
    #[n(2)]
    #[cbor(decode_with = "read_detectors")]
    pub detectors: BTreeSet<Detector>,
}

/// A detector of the content filter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Detector {
    /// The kind of detector: `blocklist`, `lexicon`, `ngrams`, `encoder`, `guard_model`, or that of
    /// a later version.
    #[n(0)]
    pub layer: String,
    /// SHA-256 of the data that it decides with: a list, weights, a model.
    #[n(1)]
    pub digest: super::Digest,
}

/// How far the texts of one request were checked, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Screened {
    /// How far the prompt was checked.
    #[n(0)]
    pub prompt: Check,
    /// How far the completion was checked.
    #[n(1)]
    pub completion: Check,
    /// What was found, above safe: at most one finding for each side and category, ascending by
    /// these. [`FINDINGS_MAX`] follows. A list in another order is not decoded.
    #[n(2)]
    #[cbor(decode_with = "read_findings")]
    pub findings: Vec<Finding>,
}

/// How far the texts of one side were checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Check {
    /// No text of this side was checked, and none went on.
    #[default]
    #[n(0)]
    NothingToCheck,
    /// Each text was checked before it went on.
    #[n(1)]
    Filtered,
    /// Each text was checked, and at least one went on before that.
    #[n(2)]
    FilteredLater,
    /// At least one text went on and was not checked: the resource's filter allows that while a
    /// detector is down, or it looks for nothing on this side.
    #[n(3)]
    NotFiltered,
}

impl Check {
    /// Returns the word for the receipt's JSON form.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingToCheck => "nothing_to_check",
            Self::Filtered => "filtered",
            Self::FilteredLater => "filtered_later",
            Self::NotFiltered => "not_filtered",
        }
    }

    /// Describes it in plain words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NothingToCheck => "nothing was checked, and nothing went on",
            Self::Filtered => "filtered before it went on",
            Self::FilteredLater => "filtered, in part after it had gone on",
            Self::NotFiltered => "NOT filtered, or not all of it",
        }
    }
}

/// What was found in one category on one side of a request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Finding {
    /// The side.
    #[n(0)]
    pub side: Side,
    /// The category.
    #[n(1)]
    pub category: Category,
    /// The highest severity, for categories that have one; `None` for all others.
    #[n(2)]
    pub severity: Option<Severity>,
    /// True if a text was blocked because of it.
    #[n(3)]
    pub filtered: bool,
}

/// The side of a request on which a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Side {
    /// The caller's messages, documents and tools' results.
    #[n(0)]
    Prompt,
    /// Text and tool calls of the model.
    #[n(1)]
    Completion,
}

impl Side {
    /// Returns the side's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
        }
    }
}

/// A kind of harm or of material, in Azure's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Category {
    /// Hate and fairness.
    #[n(0)]
    Hate,
    /// Sexual content.
    #[n(1)]
    Sexual,
    /// Violence.
    #[n(2)]
    Violence,
    /// Self-harm.
    #[n(3)]
    SelfHarm,
    /// An attempt to make the model ignore its rules.
    #[n(4)]
    Jailbreak,
    /// Instructions in a document or a tool's result.
    #[n(5)]
    IndirectAttack,
    /// Profanity.
    #[n(6)]
    Profanity,
    /// Known text.
    #[n(7)]
    ProtectedMaterialText,
    /// Known source code.
    #[n(8)]
    ProtectedMaterialCode,
    /// A term of one of the resource's own lists.
    #[n(9)]
    Blocklist,
}

impl Category {
    /// All categories.
    pub const ALL: [Self; 10] = [
        Self::Hate,
        Self::Sexual,
        Self::Violence,
        Self::SelfHarm,
        Self::Jailbreak,
        Self::IndirectAttack,
        Self::Profanity,
        Self::ProtectedMaterialText,
        Self::ProtectedMaterialCode,
        Self::Blocklist,
    ];

    /// Returns the name of the answers' `content_filter_results`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hate => "hate",
            Self::Sexual => "sexual",
            Self::Violence => "violence",
            Self::SelfHarm => "self_harm",
            Self::Jailbreak => "jailbreak",
            Self::IndirectAttack => "indirect_attack",
            Self::Profanity => "profanity",
            Self::ProtectedMaterialText => "protected_material_text",
            Self::ProtectedMaterialCode => "protected_material_code",
            Self::Blocklist => "custom_blocklists",
        }
    }

    /// Returns true if findings have a severity. All others are detected or not.
    #[must_use]
    pub fn is_graded(self) -> bool {
        matches!(self, Self::Hate | Self::Sexual | Self::Violence | Self::SelfHarm)
    }
}

/// How severe a finding is. Safe is no finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Severity {
    /// Mild.
    #[n(1)]
    Low,
    /// Azure's default blocks from here.
    #[n(2)]
    Medium,
    /// Extreme.
    #[n(3)]
    High,
}

impl Severity {
    /// Returns the word of the answers' `content_filter_results`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// Decodes the detectors, of which there are not too many.
fn read_detectors<C>(
    decoder: &mut Decoder<'_>,
    context: &mut C,
) -> Result<BTreeSet<Detector>, Error> {
    let detectors: BTreeSet<Detector> = decoder.decode_with(context)?;
    if detectors.len() > DETECTORS_MAX {
        return Err(Error::message("too many detectors"));
    }
    Ok(detectors)
}

/// Decodes findings: ascending, each side and category once, and a severity exactly where the
/// category has one.
fn read_findings<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<Finding>, Error> {
    let findings: Vec<Finding> = decoder.decode_with(context)?;
    let place = |one: &Finding| (one.side, one.category);
    if !findings.iter().map(place).is_sorted_by(|a, b| a < b) {
        return Err(Error::message("findings in another order"));
    }
    if findings.iter().any(|one| one.severity.is_some() != one.category.is_graded()) {
        return Err(Error::message("a severity of a category without severities"));
    }
    Ok(findings)
}

#[cfg(test)]
pub(super) mod tests;
