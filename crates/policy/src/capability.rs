//! The abilities that not every engine has: the operator states those of an engine, and a request
//! needs some.

use serde::{Deserialize, Serialize};

/// An ability that not every engine has. A request that needs a missing one is refused by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Calls functions.
    Tools,
    /// Keeps to a JSON schema, or to any JSON object.
    JsonSchema,
    /// Calls functions, and keeps to a JSON schema in the same request.
    ToolsWithJsonSchema,
    /// Reports log probabilities.
    Logprobs,
    /// Generates several choices.
    Choices,
    /// Reads images.
    Images,
    /// Reads sound.
    Audio,
    /// Reasons: takes `reasoning_effort` and the reasoning of earlier turns, and may report its
    /// reasoning.
    Reasoning,
    /// Takes `verbosity`.
    Verbosity,
    /// Takes `prediction`.
    Prediction,
    /// Takes `service_tier`.
    ServiceTier,
    /// Takes `top_k`, `min_p` and `repeat_penalty`.
    LocalSampling,
    /// Takes `suffix` in completions.
    Suffix,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 13] = [
        Self::Tools,
        Self::JsonSchema,
        Self::ToolsWithJsonSchema,
        Self::Logprobs,
        Self::Choices,
        Self::Images,
        Self::Audio,
        Self::Reasoning,
        Self::Verbosity,
        Self::Prediction,
        Self::ServiceTier,
        Self::LocalSampling,
        Self::Suffix,
    ];

    /// Returns the capability's name, as stored and as typed on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::JsonSchema => "json_schema",
            Self::ToolsWithJsonSchema => "tools_with_json_schema",
            Self::Logprobs => "logprobs",
            Self::Choices => "choices",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Reasoning => "reasoning",
            Self::Verbosity => "verbosity",
            Self::Prediction => "prediction",
            Self::ServiceTier => "service_tier",
            Self::LocalSampling => "local_sampling",
            Self::Suffix => "suffix",
        }
    }

    /// Returns the capability with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_capability_has_a_name_of_its_own_that_is_read_back() {
        let names: BTreeSet<_> = Capability::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Capability::ALL.len());
        for one in Capability::ALL {
            assert_eq!(Capability::from_name(one.name()), Some(one));
        }
        assert_eq!(Capability::from_name("Images"), None);
    }
}
