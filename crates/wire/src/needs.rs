//! The capabilities that a request needs. Not every engine has them: `server` compares them with
//! those of the deployment's engine, and a request that needs a missing one is refused by name.
//!
//! Fields that an engine may ignore are not needs: [`crate::no_effect`] has them.

use std::collections::BTreeSet;

use engine::request::{Generate, Sampling};
use policy::capability::Capability;

use crate::error::Invalid;

/// One needed capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The capability.
    pub capability: Capability,
    /// Path of the first field that needs it.
    pub param: String,
}

/// The capabilities that one request needs: each once, in the order of their fields.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Needs(Vec<Need>);

impl Needs {
    /// Adds a capability if `needed`, unless an earlier field needs it.
    pub(crate) fn add(&mut self, capability: Capability, param: &str, needed: bool) {
        if needed && self.0.iter().all(|need| need.capability != capability) {
            self.0.push(Need { capability, param: param.to_owned() });
        }
    }

    /// Adds the capabilities for fields that chat and completions share.
    pub(crate) fn add_shared(&mut self, generate: &Generate) {
        self.add(Capability::Choices, "n", generate.choices > 1);
        self.add(Capability::Logprobs, "logprobs", generate.logprobs.is_some());
        // With the values that change nothing, the engine need not know the field.
        let Sampling { top_k, min_p, repeat_penalty, .. } = &generate.sampling;
        self.add(Capability::LocalSampling, "top_k", *top_k > 0);
        self.add(Capability::LocalSampling, "min_p", *min_p > 0.0);
        let penalizes = (repeat_penalty - 1.0).abs() > f32::EPSILON;
        self.add(Capability::LocalSampling, "repeat_penalty", penalizes);
    }

    /// Returns the first capability that is not among those of an engine.
    #[must_use]
    pub fn missing(&self, capabilities: &BTreeSet<Capability>) -> Option<&Need> {
        self.0.iter().find(|need| !capabilities.contains(&need.capability))
    }

    /// Checks that an engine has all of them.
    ///
    /// # Errors
    /// If one is missing; the error names the field that needs it.
    pub fn check(&self, capabilities: &BTreeSet<Capability>) -> Result<(), Invalid> {
        self.missing(capabilities).map_or(Ok(()), |need| Err(need.refusal()))
    }
}

impl Need {
    /// Returns the refusal of a request whose deployment lacks the capability.
    #[must_use]
    pub fn refusal(&self) -> Invalid {
        let advice = match self.capability {
            Capability::Tools => {
                "is not supported by this deployment: its model calls no functions"
            }
            Capability::JsonSchema => {
                "other than text is not supported by this deployment: its engine enforces no format"
            }
            Capability::ToolsWithJsonSchema => {
                "other than text together with 'tools' is not supported by this deployment. Send \
                 one of them, or 'tool_choice': 'none'"
            }
            Capability::Logprobs => {
                "is not supported by this deployment: its engine reports no log probabilities"
            }
            Capability::Choices => {
                "above 1 is not supported by this deployment. Send several requests"
            }
            Capability::Images => {
                "may not be 'image_url' here: this deployment's model reads no images"
            }
            Capability::Audio => {
                "may not be 'input_audio' here: this deployment's model reads no sound"
            }
            Capability::LocalSampling => {
                "is not supported by this deployment: its engine does not have this field"
            }
            Capability::Suffix => {
                "is not supported by this deployment: its model does not fill in the middle"
            }
            Capability::Reasoning
            | Capability::Verbosity
            | Capability::Prediction
            | Capability::ServiceTier => "is not supported by this deployment",
        };
        let param = &self.param;
        Invalid::unsupported(param, format!("Unsupported parameter: '{param}' {advice}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn the_first_field_that_needs_a_missing_capability_is_named() {
        let mut needs = Needs::default();
        needs.add(Capability::Images, "messages[1].content[0].type", true);
        needs.add(Capability::Audio, "messages[1].content[1].type", false);
        needs.add(Capability::Images, "messages[2].content[0].type", true);
        needs.add(Capability::Tools, "tools", true);
        let mut capabilities = BTreeSet::from(Capability::ALL);
        capabilities.remove(&Capability::Audio);
        assert_eq!(needs.check(&capabilities), Ok(()), "it is not needed");
        for (missing, param) in
            [(Capability::Tools, "tools"), (Capability::Images, "messages[1].content[0].type")]
        {
            capabilities.remove(&missing);
            let wrong = needs.check(&capabilities).unwrap_err();
            let found = (wrong.param.as_deref(), wrong.code);
            assert_eq!(found, (Some(param), Code::UnsupportedParameter));
        }
    }

    #[test]
    fn every_refusal_names_its_field() {
        for capability in Capability::ALL {
            let wrong = Need { capability, param: "here".to_owned() }.refusal();
            assert!(wrong.message.starts_with("Unsupported parameter: 'here' "), "{capability:?}");
            assert!(wrong.message.ends_with('.'), "{capability:?}");
        }
    }
}
