//! Fields that are accepted but can have no effect here: hints about caches, tiers and reasoning
//! that the service or the deployment's engine does not support. Such a request is still answered.
//! The header `x-bailiwick-no-effect` and the receipt name the fields, so they are not ignored
//! silently.
//!
//! Fields that can change the answer are outside of this module: they either work or are refused by
//! name.

use std::{collections::BTreeSet, fmt};

use engine::request::Text;
use policy::capability::Capability;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::{
    error::Invalid,
    json::{objects_only, texts_only},
    limits,
};

/// The fields of one request that can have no effect.
///
/// The result is either [`Named`], which the answer reports to the caller, or a refusal. There is
/// no third way.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[must_use = "fields without effect must be reported to the caller"]
pub struct NoEffect(Vec<Field>);

/// A field that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    at: At,
    name: &'static str,
    /// The capability that gives it an effect, if there is one.
    unless: Option<Capability>,
}

/// Treatment of requests with fields that have no effect here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoEffectFields {
    /// Serves the request; the answer's headers and the receipt name the fields.
    #[default]
    Accept,
    /// Refuses the request; the error names the first of the fields.
    Refuse,
}

/// The place of a field in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// In the body itself.
    Body,
    /// In a message.
    Message(usize),
    /// In an item of a response's input.
    Item(usize),
    /// In a part of a message.
    Part(usize, usize),
    /// In a function call of an assistant's message.
    Call(usize, usize),
    /// In a tool.
    Tool(usize),
    /// In a tool's function.
    Function(usize),
}

impl At {
    /// Returns the path of a field at this place; with `any`, with `*` for the indices.
    fn path(self, field: &str, any: bool) -> String {
        let at = |index: usize| if any { "*".to_owned() } else { index.to_string() };
        match self {
            Self::Body => field.to_owned(),
            Self::Message(m) => format!("messages[{}].{field}", at(m)),
            Self::Item(i) => format!("input[{}].{field}", at(i)),
            Self::Part(m, p) => format!("messages[{}].content[{}].{field}", at(m), at(p)),
            Self::Call(m, c) => format!("messages[{}].tool_calls[{}].{field}", at(m), at(c)),
            Self::Tool(t) => format!("tools[{}].{field}", at(t)),
            Self::Function(t) => format!("tools[{}].function.{field}", at(t)),
        }
    }
}

impl NoEffect {
    /// Records the fields that were sent at one place. Names are the service's own, never a
    /// caller's.
    pub(crate) fn note(&mut self, at: At, fields: &[(&'static str, bool)]) {
        let sent = fields.iter().filter(|(_, sent)| *sent);
        self.0.extend(sent.map(|&(name, _)| Field { at, name, unless: None }));
    }

    /// Gives the fields other places and names; those without any are left out.
    pub(crate) fn renamed(
        mut self,
        name: impl Fn(At, &'static str) -> Option<(At, &'static str)>,
    ) -> Self {
        self.0.retain_mut(|field| {
            let found = name(field.at, field.name);
            if let Some((at, name)) = found {
                (field.at, field.name) = (at, name);
            }
            found.is_some()
        });
        self
    }

    /// Records a field that was sent, and has an effect on engines with a capability.
    pub(crate) fn note_unless(
        &mut self,
        capability: Capability,
        at: At,
        name: &'static str,
        sent: bool,
    ) {
        self.0.extend(sent.then_some(Field { at, name, unless: Some(capability) }));
    }

    /// Applies the operator's setting to the fields that have no effect on an engine with these
    /// capabilities.
    ///
    /// # Errors
    /// If the setting refuses such fields; the error names the first one.
    pub fn judged(
        self,
        setting: NoEffectFields,
        capabilities: &BTreeSet<Capability>,
    ) -> Result<Named, Invalid> {
        let idle = |field: &Field| !field.unless.is_some_and(|one| capabilities.contains(&one));
        let idle = || self.0.iter().filter(|field| idle(field));
        match (setting, idle().next()) {
            (NoEffectFields::Refuse, Some(field)) => {
                let path = field.path(false);
                Err(Invalid::unsupported(
                    &path,
                    format!(
                        "Unsupported parameter: '{path}' can have no effect here, and this service \
                         refuses such fields (requests.no_effect_fields). Leave it out."
                    ),
                ))
            }
            (NoEffectFields::Accept | NoEffectFields::Refuse, _) => {
                if idle().count() <= limits::NO_EFFECT_PATHS_MAX {
                    return Ok(Named(idle().map(|field| field.path(false)).collect()));
                }
                // The number of kinds is limited by the fields that this service knows.
                let kinds: BTreeSet<_> = idle().map(|field| field.path(true)).collect();
                Ok(Named(kinds.into_iter().collect()))
            }
        }
    }
}

impl Field {
    fn path(&self, any: bool) -> String {
        self.at.path(self.name, any)
    }
}

/// The paths of fields that were accepted and have no effect, as reported to the caller.
///
/// Only [`NoEffect`] creates a non-empty value.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Named(Vec<String>);

impl Named {
    /// Returns the value of `x-bailiwick-no-effect`; `None` if there are no such fields.
    #[must_use]
    pub fn header(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(", "))
    }

    /// Returns the value for the receipt.
    #[must_use]
    pub fn fact(self) -> Option<Vec<String>> {
        (!self.0.is_empty()).then_some(self.0)
    }
}

/// Reasoning effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// No reasoning.
    None,
    /// Minimal effort.
    Minimal,
    /// Low effort.
    Low,
    /// Medium effort.
    Medium,
    /// High effort.
    High,
    /// Very high effort.
    Xhigh,
    /// Maximum effort.
    Max,
}

impl ReasoningEffort {
    /// Returns OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// Desired length of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum Verbosity {
    /// Short answers.
    Low,
    /// Medium answers.
    Medium,
    /// Long answers.
    High,
}

impl Verbosity {
    /// Returns OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// OpenAI's service tiers. This service itself has one tier, `default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum ServiceTier {
    /// The default tier.
    Auto,
    /// The default tier.
    Default,
    /// A cheaper and slower tier.
    Flex,
    /// A prepaid tier.
    Scale,
    /// A faster tier.
    Priority,
    /// A faster tier.
    Fast,
}

impl ServiceTier {
    /// Whether this requests a tier that the service does not have.
    pub(crate) fn has_no_effect(self) -> bool {
        match self {
            Self::Auto | Self::Default => false,
            Self::Flex | Self::Scale | Self::Priority | Self::Fast => true,
        }
    }

    /// Returns OpenAI's word.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Default => "default",
            Self::Flex => "flex",
            Self::Scale => "scale",
            Self::Priority => "priority",
            Self::Fast => "fast",
        }
    }
}

/// The tier of all answers of this service itself; an answer contains it if the request names a
/// tier.
pub const SERVED_TIER: &str = "default";

/// Retention of a prompt's prefix in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self")]
pub enum PromptCacheRetention {
    /// As long as there is memory.
    #[serde(rename = "in_memory", alias = "in-memory")]
    InMemory,
    /// A day.
    #[serde(rename = "24h")]
    Day,
}

/// OpenAI's options for its prompt cache.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PromptCacheOptions {
    /// Positions at which prefixes may end.
    pub mode: Option<PromptCacheMode>,
    /// Time for which prefixes are stored.
    #[schema(value_type = Option<String>)]
    pub ttl: Option<Text>,
}

/// Positions at which prefixes may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "lowercase")]
pub enum PromptCacheMode {
    /// The service chooses.
    Implicit,
    /// Only at explicit marks.
    Explicit,
}

/// A cache mark as Anthropic, OpenAI or Copilot send it: any object.
#[derive(Debug, Clone, Copy)]
pub struct CacheMark;

impl<'de> Deserialize<'de> for CacheMark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = CacheMark;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CacheMark, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(CacheMark)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl PartialSchema for CacheMark {
    fn schema() -> RefOr<Schema> {
        Schema::from(ObjectBuilder::new().schema_type(Type::Object)).into()
    }
}

impl ToSchema for CacheMark {}

objects_only!(PromptCacheOptions);
texts_only!(ReasoningEffort, Verbosity, ServiceTier, PromptCacheRetention, PromptCacheMode);

#[cfg(test)]
mod tests;
