//! Facts about an engine that is another program, as the operator states them. The directory stores
//! them; residency, routing and the adapters read them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use crate::capability::Capability;
use crate::{
    forward::Label,
    id::{EngineId, ModelId, TenantId},
    residency::EngineFacts,
};

/// An engine that is reached over the network. Its JSON is the text that the log commits to when
/// the engine is added or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Engine {
    /// The engine's id.
    pub id: EngineId,
    /// The engine's name; unique.
    pub name: String,
    /// The API that it speaks.
    pub api: Api,
    /// The base URL of its API, without a slash at the end. Its origin is a listed destination.
    pub address: String,
    /// The region in which it processes requests.
    pub region: String,
    /// The processor that operates it; `None` for the operator of this service.
    pub processor: Option<Processor>,
    /// The models that it serves.
    pub models: Vec<ServedModel>,
    /// The abilities that its models have.
    pub capabilities: BTreeSet<Capability>,
    /// What its prefix cache does.
    pub prefix_cache: PrefixCache,
    /// Maximum number of requests that it gets at once.
    pub concurrency: u32,
    /// Its share of the requests, relative to the other engines of the same model.
    pub weight: u32,
    /// Maximum time until its answer begins, in milliseconds.
    pub first_byte_ms: u64,
    /// Maximum time between two pieces of its answer, in milliseconds.
    pub silence_ms: u64,
    /// False while it gets no new requests.
    pub serving: bool,
    /// The time of its addition, in seconds since 1970.
    pub created_at: u64,
}

/// The API that an engine speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Api {
    /// OpenAI's API below the address: vLLM, SGLang, llama-server, Ollama and others.
    OpenAi,
    /// Azure OpenAI's API below the address.
    Azure {
        /// The version of the classic API, whose paths name the deployment; `None` for the v1 API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl Api {
    /// Returns the API's name: `openai` or `azure`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure { .. } => "azure",
        }
    }
}

/// A company that operates an engine, and is not the operator of this service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Processor {
    /// Its name, in the characters of names here: customers allow it by this name.
    pub name: String,
    /// The country of its seat: ISO 3166-1, two letters.
    pub country: String,
    /// The reference of its contract.
    pub contract: String,
}

/// A model that an engine serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedModel {
    /// The model.
    pub model: ModelId,
    /// The engine's own name for it; on Azure, the deployment's name.
    pub served: String,
}

/// What an engine's prefix cache does. A cache that several customers share reveals, by its timing,
/// that another customer sent the same prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrefixCache {
    /// The engine has no prefix cache, as the operator states.
    None,
    /// Each request carries a secret salt of its tenant: vLLM's `cache_salt`.
    Salted,
    /// Each request switches the cache off: llama-server's `cache_prompt`.
    Off,
    /// All requests share it, so the engine serves this tenant only.
    Shared(TenantId),
}

impl PrefixCache {
    /// Whether the engine may serve a tenant.
    #[must_use]
    pub fn admits(&self, tenant: TenantId) -> bool {
        match self {
            Self::None | Self::Salted | Self::Off => true,
            Self::Shared(only) => *only == tenant,
        }
    }

    /// Returns the setting's name: `none`, `salted`, `off` or `shared`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Salted => "salted",
            Self::Off => "off",
            Self::Shared(_) => "shared",
        }
    }
}

/// The form in which an engine gets a label of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelForm {
    /// As the caller sent it.
    AsSent,
    /// A keyed hash of it: the same for the same text of the same tenant, and of no use without the
    /// key.
    Pseudonym,
    /// Not at all.
    Never,
}

impl Engine {
    /// Returns the facts that residency reads.
    #[must_use]
    pub fn facts(&self) -> EngineFacts {
        EngineFacts {
            engine: Some(self.id),
            region: self.region.clone(),
            processor: self.processor.as_ref().map(|processor| processor.name.clone()),
        }
    }

    /// Returns the form in which the engine gets a label that the caller's resource forwards.
    ///
    /// A company gets no name of a caller's end user, only a pseudonym: it distinguishes end users,
    /// and does not learn their names. `metadata` has no such form: it is content, like the prompt.
    #[must_use]
    pub fn label_form(&self, label: Label) -> LabelForm {
        match (&self.api, label) {
            // The classic API knows neither `safety_identifier` nor `metadata`.
            (Api::Azure { version: Some(_) }, _) | (Api::Azure { version: None }, Label::User) => {
                LabelForm::Never
            }
            (Api::OpenAi | Api::Azure { version: None }, Label::Metadata) => LabelForm::AsSent,
            (Api::OpenAi, Label::User | Label::SafetyIdentifier) if self.processor.is_none() => {
                LabelForm::AsSent
            }
            (Api::OpenAi, Label::User | Label::SafetyIdentifier)
            | (Api::Azure { version: None }, Label::SafetyIdentifier) => LabelForm::Pseudonym,
        }
    }

    /// Returns the engine's own name for a model; `None` if it does not serve the model.
    #[must_use]
    pub fn served(&self, model: ModelId) -> Option<&str> {
        let found = self.models.iter().find(|served| served.model == model);
        found.map(|served| served.served.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_gets_no_end_user_in_clear() {
        let processor = Processor {
            name: "contoso".to_owned(),
            country: "SE".to_owned(),
            contract: "C-1".to_owned(),
        };
        let engine = |api: &Api, processor: Option<&Processor>| Engine {
            id: EngineId::from_random([1; 16]),
            name: "one".to_owned(),
            api: api.clone(),
            address: "https://one.example".to_owned(),
            region: "local".to_owned(),
            processor: processor.cloned(),
            models: Vec::new(),
            capabilities: BTreeSet::new(),
            prefix_cache: PrefixCache::None,
            concurrency: 1,
            weight: 1,
            first_byte_ms: 1,
            silence_ms: 1,
            serving: true,
            created_at: 0,
        };
        let forms = |api: &Api, processor: Option<&Processor>| {
            let engine = engine(api, processor);
            Label::ALL.map(|label| engine.label_form(label))
        };
        use LabelForm::{AsSent, Never, Pseudonym};
        assert_eq!(forms(&Api::OpenAi, None), [AsSent; 3]);
        assert_eq!(forms(&Api::OpenAi, Some(&processor)), [Pseudonym, Pseudonym, AsSent]);
        for operator in [None, Some(&processor)] {
            let v1 = Api::Azure { version: None };
            assert_eq!(forms(&v1, operator), [Never, Pseudonym, AsSent]);
            let classic = Api::Azure { version: Some("2024-10-21".to_owned()) };
            assert_eq!(forms(&classic, operator), [Never; 3]);
        }
    }
}
