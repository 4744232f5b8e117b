//! The views of engines.

use std::collections::BTreeSet;

use audit::rfc3339;
use policy::{
    engine::{Api, Capability, Engine, PrefixCache, Processor},
    id::{EngineId, TenantId},
};
use serde::Serialize;
use store::Directory;
use tlog::receipt::EMBEDDED;

use super::{CacheSetting, check};
use crate::{config::Config, engines::EngineDoing};

/// An engine.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EngineView {
    /// Name of the engine.
    pub name: String,
    /// `embedded`, `openai` or `azure`.
    pub kind: &'static str,
    /// Region in which it processes requests.
    pub region: String,
    /// Zone of the region; left out if it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The processor that operates it; left out if the operator of this service does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processor: Option<Processor>,
    /// The models that it serves.
    pub models: Vec<ServedModelView>,
    /// `serving`, or what the running service says: `ready`, `full`, `resting`, `ejected` or
    /// `trying`; `draining` while it gets no new requests; `unlisted` while the configuration does
    /// not list its address or its region.
    pub state: String,
    /// Reason that it gets no requests, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Facts of an engine that is another program.
    #[serde(flatten)]
    pub program: Option<ProgramView>,
}

/// Facts of an engine that is another program.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgramView {
    /// Id of the engine.
    pub id: EngineId,
    /// Base URL of its API.
    pub url: String,
    /// Version of Azure's classic API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Source of its credential in the configuration; left out if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Its abilities.
    pub capabilities: BTreeSet<Capability>,
    /// What its prefix cache does.
    pub prefix_cache: String,
    /// Maximum number of requests that it gets at once.
    pub concurrency: u32,
    /// Its share of the requests, relative to the other engines of the same model.
    pub weight: u32,
    /// Maximum time until its answer begins, in milliseconds.
    pub first_byte_ms: u64,
    /// Maximum time between two pieces of its answer, in milliseconds.
    pub silence_ms: u64,
    /// Time at which it was added.
    pub created_at: String,
}

/// A model that an engine serves.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServedModelView {
    /// Name of the model.
    pub model: String,
    /// The engine's own name for it.
    pub served: String,
}

impl EngineView {
    /// Returns the view of the embedded engine, which runs the models that have a file.
    pub(super) fn embedded(directory: &Directory, config: &Config) -> Self {
        let region = config.regions.here.clone();
        let models = directory.models();
        let models = models.into_iter().filter(|model| model.file.is_some());
        let view = |model: &store::Model| {
            let name = model.name.clone();
            ServedModelView { model: name.clone(), served: name }
        };
        Self {
            name: EMBEDDED.to_owned(),
            kind: EMBEDDED,
            zone: config.regions.zones.of(&region).map(str::to_owned),
            region,
            processor: None,
            models: models.map(view).collect(),
            state: "serving".to_owned(),
            reason: None,
            program: None,
        }
    }

    /// Returns the view of an engine that is another program.
    pub(super) fn of(engine: &Engine, directory: &Directory, config: &Config) -> Self {
        let named = |served: &policy::engine::ServedModel| ServedModelView {
            model: directory
                .model(served.model)
                .map_or_else(|| served.model.to_string(), |model| model.name.clone()),
            served: served.served.clone(),
        };
        let out_of_reach = check::out_of_reach(engine, config);
        let state = match (&out_of_reach, engine.serving) {
            (_, false) => "draining",
            (Some(_), true) => "unlisted",
            (None, true) => "serving",
        };
        Self {
            name: engine.name.clone(),
            kind: engine.api.name(),
            region: engine.region.clone(),
            zone: config.regions.zones.of(&engine.region).map(str::to_owned),
            processor: engine.processor.clone(),
            models: engine.models.iter().map(named).collect(),
            state: state.to_owned(),
            reason: out_of_reach.map(|error| format!("{error}; {}", error.help())),
            program: Some(ProgramView::of(engine, directory, config)),
        }
    }

    /// Adds what the running service says about the engine, if it gets requests at all.
    #[must_use]
    pub(crate) fn with(mut self, doing: &[EngineDoing]) -> Self {
        if self.state == "serving"
            && let Some(now) = doing.iter().find(|one| one.name == self.name)
        {
            self.state.clone_from(&now.state);
            self.reason.clone_from(&now.reason);
        }
        self
    }

    /// Returns the operator's name for people: the processor, or the operator of this service.
    #[must_use]
    pub(crate) fn operator(&self) -> &str {
        self.processor.as_ref().map_or("the operator", |processor| &processor.name)
    }
}

impl ProgramView {
    fn of(engine: &Engine, directory: &Directory, config: &Config) -> Self {
        let api_version = match &engine.api {
            Api::OpenAi => None,
            Api::Azure { version } => version.clone(),
        };
        Self {
            id: engine.id,
            url: engine.address.clone(),
            api_version,
            credential: check::credential(engine, config),
            capabilities: engine.capabilities.clone(),
            prefix_cache: cache(engine.prefix_cache, directory).to_string(),
            concurrency: engine.concurrency,
            weight: engine.weight,
            first_byte_ms: engine.first_byte_ms,
            silence_ms: engine.silence_ms,
            created_at: rfc3339(engine.created_at),
        }
    }
}

fn cache(cache: PrefixCache, directory: &Directory) -> CacheSetting {
    let name = |id: TenantId| {
        directory.tenant(id).map_or_else(|| id.to_string(), |tenant| tenant.name.clone())
    };
    match cache {
        PrefixCache::None => CacheSetting::None,
        PrefixCache::Salted => CacheSetting::Salted,
        PrefixCache::Off => CacheSetting::Off,
        PrefixCache::Shared(tenant) => CacheSetting::Shared(name(tenant)),
    }
}
