//! The words for findings: categories, severities, sources, and the verdict about one text.
//!
//! Nothing here holds content: a verdict names categories and detectors, never the text.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A kind of harm, or of material, that detectors look for. The names are Azure's
/// (`raiPolicies` and `content_filter_results`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Hate and fairness.
    Hate,
    /// Sexual content.
    Sexual,
    /// Violence.
    Violence,
    /// Self-harm.
    SelfHarm,
    /// A user's attempt to make the model ignore its rules.
    Jailbreak,
    /// Instructions in a document or a tool's result, which no user wrote.
    IndirectAttack,
    /// Profanity.
    Profanity,
    /// Known text, for example lyrics.
    ProtectedMaterialText,
    /// Source code of public repositories.
    ProtectedMaterialCode,
    /// A term of a resource's own list.
    Blocklist(BlocklistName),
}

impl Category {
    /// All categories without the custom lists.
    pub const BUILT_IN: [Self; 9] = [
        Self::Hate,
        Self::Sexual,
        Self::Violence,
        Self::SelfHarm,
        Self::Jailbreak,
        Self::IndirectAttack,
        Self::Profanity,
        Self::ProtectedMaterialText,
        Self::ProtectedMaterialCode,
    ];

    /// The categories whose findings have a severity. All others are detected or not.
    pub const GRADED: [Self; 4] = [Self::Hate, Self::Sexual, Self::Violence, Self::SelfHarm];

    /// Returns the field of `content_filter_results`. All custom lists share one field.
    #[must_use]
    pub fn name(&self) -> &'static str {
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
            Self::Blocklist(_) => "custom_blocklists",
        }
    }

    /// Returns the name in the `contentFilters` of `raiPolicies`, or `None` for custom lists: a
    /// policy names those in `customBlocklists`.
    #[must_use]
    pub fn policy_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hate => "Hate",
            Self::Sexual => "Sexual",
            Self::Violence => "Violence",
            Self::SelfHarm => "Selfharm",
            Self::Jailbreak => "Jailbreak",
            Self::IndirectAttack => "Indirect Attack",
            Self::Profanity => "Profanity",
            Self::ProtectedMaterialText => "Protected Material Text",
            Self::ProtectedMaterialCode => "Protected Material Code",
            Self::Blocklist(_) => return None,
        })
    }

    /// Returns the category with this name in `contentFilters`. Like Azure, ignores case.
    #[must_use]
    pub fn from_policy_name(name: &str) -> Option<Self> {
        let same = |one: &Self| one.policy_name().is_some_and(|own| own.eq_ignore_ascii_case(name));
        Self::BUILT_IN.into_iter().find(same)
    }

    /// Returns true if findings have a severity.
    #[must_use]
    pub fn is_graded(&self) -> bool {
        Self::GRADED.contains(self)
    }
}

/// Name of a resource's own list: 1 to 64 characters, `[A-Za-z0-9][A-Za-z0-9_.-]*`, as Azure's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlocklistName(String);

/// The name of a list has other characters or another length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a blocklist's name has 1 to 64 letters, digits, `_`, `.` and `-`, and begins with a letter or a digit"
)]
pub struct BadName;

impl BlocklistName {
    /// Checks a name.
    ///
    /// # Errors
    /// If it is too long, empty, or has other characters.
    pub fn new(name: &str) -> Result<Self, BadName> {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        let first = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if first && name.len() <= 64 && name.as_bytes().iter().all(allowed) {
            return Ok(Self(name.to_owned()));
        }
        Err(BadName)
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The side of a request on which a text stands: Azure's `source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Messages of the caller, documents and tools' results.
    Prompt,
    /// Text and tool calls of the model.
    Completion,
}

impl Side {
    /// Both sides.
    pub const BOTH: [Self; 2] = [Self::Prompt, Self::Completion];

    /// Returns Azure's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "Prompt",
            Self::Completion => "Completion",
        }
    }
}

/// How severe a finding is. For a category without severities, `Safe` means not detected and
/// every other value detected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing, or nothing harmful.
    #[default]
    Safe,
    /// Mild.
    Low,
    /// Azure's default blocks from here.
    Medium,
    /// Extreme.
    High,
}

impl Severity {
    /// Returns the word of `content_filter_results`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// SHA-256 of the data that a detector decides with: a list, a lexicon, a head, a model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes a digest that was computed before.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Computes the digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kind of detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A resource's own list.
    Blocklist,
    /// The committed list of profanity.
    Lexicon,
    /// Committed weights over words and characters.
    Ngrams,
    /// Committed weights over the vectors of an encoder in a confined worker.
    Encoder,
    /// The operator's guard model.
    GuardModel,
}

impl Layer {
    /// Returns the layer's name, as in receipts and annotations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocklist => "blocklist",
            Self::Lexicon => "lexicon",
            Self::Ngrams => "ngrams",
            Self::Encoder => "encoder",
            Self::GuardModel => "guard_model",
        }
    }
}

/// A detector: its kind, and the data with which it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The kind of detector.
    pub layer: Layer,
    /// Digest of its data.
    pub digest: Digest,
}

/// One detector's finding in one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    category: Category,
    severity: Severity,
    source: Source,
}

impl Detection {
    /// Returns the category.
    #[must_use]
    pub fn category(&self) -> &Category {
        &self.category
    }

    /// Returns the severity; for a category without severities see [`Severity`].
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the detector that found it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}

/// What detectors say about one text. Only the detectors of `policy::guard` make one:
///
/// ```compile_fail
/// use policy::guard::verdict::{Side, Verdict};
/// let all_is_well = Verdict::by(Side::Prompt);
/// ```
///
/// A category that no detector looked for is not safe but unknown. [`Verdict::severity`] says so,
/// and the filter then treats the detector as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    side: Side,
    looked: BTreeMap<Category, BTreeSet<Source>>,
    detections: Vec<Detection>,
}

impl Verdict {
    /// Begins a verdict in which nothing has been looked for.
    pub(in crate::guard) fn by(side: Side) -> Self {
        Self { side, looked: BTreeMap::new(), detections: Vec::new() }
    }

    /// Adds the result of a detector that looked for one category. `Safe` is a result, too.
    pub(in crate::guard) fn add(
        mut self,
        category: Category,
        severity: Severity,
        source: Source,
    ) -> Self {
        self.looked.entry(category.clone()).or_default().insert(source);
        if severity > Severity::Safe {
            self.detections.push(Detection { category, severity, source });
        }
        self
    }

    /// Joins two verdicts, for example of two detectors about one text, or of one detector about
    /// two parts of it. Nothing that was found is lost.
    ///
    /// # Errors
    /// If one is about a prompt and the other about a completion.
    pub fn and(mut self, other: Self) -> Result<Self, OtherSide> {
        if self.side != other.side {
            return Err(OtherSide);
        }
        for (category, sources) in other.looked {
            self.looked.entry(category).or_default().extend(sources);
        }
        for detection in other.detections {
            if !self.detections.contains(&detection) {
                self.detections.push(detection);
            }
        }
        Ok(self)
    }

    /// Returns the side that the text stands on.
    #[must_use]
    pub fn side(&self) -> Side {
        self.side
    }

    /// Returns all findings. `Safe` is none.
    #[must_use]
    pub fn detections(&self) -> &[Detection] {
        &self.detections
    }

    /// Returns the highest severity found in a category, or `None` if no detector looked for it.
    #[must_use]
    pub fn severity(&self, category: &Category) -> Option<Severity> {
        self.looked.get(category)?;
        let found = self.detections.iter().filter(|one| one.category == *category);
        Some(found.map(|one| one.severity).max().unwrap_or_default())
    }

    /// Returns the detectors that looked for a category.
    pub fn sources(&self, category: &Category) -> impl Iterator<Item = Source> {
        self.looked.get(category).into_iter().flatten().copied()
    }
}

/// Two verdicts are about different sides of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one verdict is about a prompt and the other about a completion; judge them apart")]
pub struct OtherSide;

#[cfg(test)]
mod tests {
    use super::*;

    fn source(byte: u8) -> Source {
        Source { layer: Layer::Lexicon, digest: Digest::new([byte; 32]) }
    }

    #[test]
    fn every_category_has_a_name_of_its_own_and_is_read_back_in_any_case() {
        let names: BTreeSet<_> = Category::BUILT_IN.iter().map(Category::name).collect();
        assert_eq!(names.len(), Category::BUILT_IN.len());
        for one in Category::BUILT_IN {
            let name = one.policy_name().unwrap();
            assert_eq!(Category::from_policy_name(name), Some(one.clone()));
            assert_eq!(Category::from_policy_name(&name.to_uppercase()), Some(one));
        }
        assert_eq!(Category::from_policy_name("self_harm"), None);
    }

    #[test]
    fn a_category_that_nobody_looked_for_is_unknown_and_not_safe() {
        let verdict = Verdict::by(Side::Prompt).add(Category::Hate, Severity::Safe, source(1));
        assert_eq!(verdict.severity(&Category::Hate), Some(Severity::Safe));
        assert_eq!(verdict.severity(&Category::Violence), None);
    }

    #[test]
    fn joined_verdicts_keep_the_highest_severity_and_every_source() {
        let low = Verdict::by(Side::Prompt).add(Category::Hate, Severity::Low, source(1));
        let high = Verdict::by(Side::Prompt).add(Category::Hate, Severity::High, source(2));
        for joined in [low.clone().and(high.clone()), high.clone().and(low.clone())] {
            let joined = joined.unwrap();
            assert_eq!(joined.severity(&Category::Hate), Some(Severity::High));
            assert_eq!(joined.sources(&Category::Hate).count(), 2);
        }
        assert_eq!(low.and(Verdict::by(Side::Completion)), Err(OtherSide));
    }

    #[test]
    fn names_of_lists_have_bounds() {
        for good in ["a", "Words.v2_-", &"x".repeat(64)] {
            assert_eq!(BlocklistName::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(BlocklistName::new(bad), Err(BadName));
        }
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Safe < Severity::Low && Severity::Low < Severity::Medium);
        assert!(Severity::Medium < Severity::High);
    }
}
