//! Categories, sides and severities, with Azure's names.

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

    /// Returns the side with this name. Ignores case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|one| one.name().eq_ignore_ascii_case(name))
    }

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

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
