//! The requests that add and change engines: the JSON of the admin API, which the command line
//! builds from its arguments.

use std::{collections::BTreeSet, fmt, str::FromStr};

use clap::ValueEnum;
use policy::engine::{Api, Capability, Processor};
use serde::{Deserialize, Deserializer};

/// A new engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewEngine {
    /// Name of the engine.
    pub name: String,
    /// The API that it speaks.
    pub kind: EngineKind,
    /// Base URL of its API.
    pub url: String,
    /// Region in which it processes requests.
    pub region: String,
    /// Version of Azure's classic API; the v1 API if missing.
    pub api_version: Option<String>,
    /// The processor that operates it; the operator of this service if missing.
    pub processor: Option<Processor>,
    /// The models that it serves.
    pub models: Vec<ModelOn>,
    /// Its abilities; the default of its kind if missing.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// What its prefix cache does.
    pub prefix_cache: CacheSetting,
    /// Maximum number of requests that it gets at once.
    pub concurrency: Option<u32>,
    /// Its share of the requests, relative to the other engines of the same model.
    pub weight: Option<u32>,
    /// Maximum time until its answer begins, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// Maximum time between two pieces of its answer, in milliseconds.
    pub silence_ms: Option<u64>,
}

/// A change of an engine; missing fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EngineUpdate {
    /// The API that it speaks.
    pub kind: Option<EngineKind>,
    /// Base URL of its API.
    pub url: Option<String>,
    /// Region in which it processes requests.
    pub region: Option<String>,
    /// Version of Azure's classic API; `null` for the v1 API.
    #[serde(default)]
    pub api_version: Change<String>,
    /// The processor that operates it; `null` for the operator of this service.
    #[serde(default)]
    pub processor: Change<Processor>,
    /// The models that it serves; they replace the existing ones.
    pub models: Option<Vec<ModelOn>>,
    /// Its abilities; they replace the existing ones.
    pub capabilities: Option<BTreeSet<Capability>>,
    /// What its prefix cache does.
    pub prefix_cache: Option<CacheSetting>,
    /// Maximum number of requests that it gets at once.
    pub concurrency: Option<u32>,
    /// Its share of the requests, relative to the other engines of the same model.
    pub weight: Option<u32>,
    /// Maximum time until its answer begins, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// Maximum time between two pieces of its answer, in milliseconds.
    pub silence_ms: Option<u64>,
    /// False to drain it: it finishes its requests, and gets no new ones.
    pub serving: Option<bool>,
}

/// The API that an engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineKind {
    /// OpenAI's API: vLLM, SGLang, TGI, llama-server, Ollama, another Bailiwick
    #[value(name = "openai")]
    OpenAi,
    /// Azure OpenAI's API
    Azure,
}

impl EngineKind {
    /// Returns the kind of an API.
    pub(super) fn of(api: &Api) -> Self {
        match api {
            Api::OpenAi => Self::OpenAi,
            Api::Azure { .. } => Self::Azure,
        }
    }
}

/// A model, with the engine's own name for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelOn {
    /// Name of the model here.
    pub model: String,
    /// The engine's own name for it; the same if missing.
    pub served: Option<String>,
}

/// Reads `MODEL` or `MODEL=SERVED`. Names of models here contain no `=`.
impl FromStr for ModelOn {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (model, served) = match text.split_once('=') {
            Some((model, served)) => (model, Some(served.to_owned())),
            None => (text, None),
        };
        Ok(Self { model: model.to_owned(), served })
    }
}

/// What an engine's prefix cache does, with the tenant's name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum CacheSetting {
    /// The engine has no prefix cache.
    None,
    /// Each request carries a secret salt of its tenant.
    Salted,
    /// Each request switches the cache off.
    Off,
    /// All requests share it: the engine serves this tenant only.
    Shared(String),
}

/// The text names no setting of a prefix cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write `none`, `salted`, `off`, or `shared=TENANT`")]
pub(crate) struct NoCacheSetting;

impl FromStr for CacheSetting {
    type Err = NoCacheSetting;

    fn from_str(text: &str) -> Result<Self, NoCacheSetting> {
        match (text, text.split_once('=')) {
            ("none", _) => Ok(Self::None),
            ("salted", _) => Ok(Self::Salted),
            ("off", _) => Ok(Self::Off),
            (_, Some(("shared", tenant))) if !tenant.is_empty() => {
                Ok(Self::Shared(tenant.to_owned()))
            }
            _ => Err(NoCacheSetting),
        }
    }
}

impl TryFrom<String> for CacheSetting {
    type Error = NoCacheSetting;

    fn try_from(text: String) -> Result<Self, NoCacheSetting> {
        text.parse()
    }
}

impl fmt::Display for CacheSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Salted => f.write_str("salted"),
            Self::Off => f.write_str("off"),
            Self::Shared(tenant) => write!(f, "shared={tenant}"),
        }
    }
}

/// A change of a field that may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field becomes empty.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T: Clone> Change<T> {
    /// Returns the field after the change.
    pub(super) fn after(&self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

/// `null` clears the field; a missing field is [`Change::Keep`] by its default.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}
