//! Engines that are other programs: their addition, change and removal, and the list of engines,
//! which begins with the embedded one.
//!
//! The store keeps the facts of an engine. Its credential, its authorities and its pinned key are
//! part of the configuration, and only `egress` reads them. This module names where the credential
//! comes from, and never reads it.

mod check;
mod request;
mod view;

use policy::{
    engine::{Api, Capability, Engine, PrefixCache, ServedModel},
    id::EngineId,
    permit::{ReadEngines, WriteEngine},
};
use store::{Directory, Kind, random};
use tlog::receipt::EMBEDDED;

pub(crate) use self::{
    check::{BadEngine, out_of_reach},
    request::{CacheSetting, Change, EngineKind, EngineUpdate, ModelOn, NewEngine},
    view::{EngineView, ServedModelView},
};
use super::{Acting, ManageError, find_model, not_found, now};

/// Default maximum number of requests that an engine gets at once.
const CONCURRENCY: u32 = 64;

/// Default share of the requests, relative to the other engines of the same model.
const WEIGHT: u32 = 1;

/// Default maximum time until an answer begins: a long prompt may wait for its turn.
const FIRST_BYTE_MS: u64 = 120_000;

/// Default maximum time between two pieces of an answer.
const SILENCE_MS: u64 = 30_000;

impl Acting {
    /// Adds an engine.
    ///
    /// # Errors
    /// The name is not allowed or taken, a model or tenant does not exist, the model has a file,
    /// the address or region is not listed in the configuration, or the caller may not.
    pub(crate) fn create_engine(&self, new: &NewEngine) -> Result<EngineView, ManageError> {
        let permit = self.of_service::<WriteEngine>()?;
        let directory = self.store.directory()?;
        let engine = Engine {
            id: EngineId::from_random(random()?),
            name: new.name.clone(),
            api: api(new.kind, new.api_version.clone())?,
            address: check::address(&new.url)?,
            region: new.region.clone(),
            processor: new.processor.clone(),
            models: models(&directory, &new.models)?,
            capabilities: new.capabilities.clone().unwrap_or_else(|| new.kind.capabilities()),
            prefix_cache: prefix_cache(&directory, &new.prefix_cache)?,
            concurrency: new.concurrency.unwrap_or(CONCURRENCY),
            weight: new.weight.unwrap_or(WEIGHT),
            first_byte_ms: new.first_byte_ms.unwrap_or(FIRST_BYTE_MS),
            silence_ms: new.silence_ms.unwrap_or(SILENCE_MS),
            serving: true,
            created_at: now(),
        };
        check::facts(&engine, &directory)?;
        self.same_terms(&engine)?;
        self.configured.read(|config| check::listed(&engine, config))?;
        self.store.create_engine(permit, &engine)?;
        self.shown_engine(&*self.store.directory()?, &new.name)
    }

    /// Lists the engines: the embedded one, and then the others by name.
    ///
    /// # Errors
    /// The caller may not see engines, or the store cannot be read.
    pub(crate) fn engines(&self) -> Result<Vec<EngineView>, ManageError> {
        let policy::authz::facts::Service = self.of_service::<ReadEngines>()?.spend();
        let directory = self.store.directory()?;
        Ok(self.configured.read(|config| {
            let others = directory.engines();
            let others = others.into_iter().map(|one| EngineView::of(one, &directory, config));
            std::iter::once(EngineView::embedded(&directory, config)).chain(others).collect()
        }))
    }

    /// Returns one engine.
    ///
    /// # Errors
    /// No engine has that name, or the caller may not see engines.
    pub(crate) fn engine(&self, name: &str) -> Result<EngineView, ManageError> {
        let policy::authz::facts::Service = self.of_service::<ReadEngines>()?.spend();
        let directory = self.store.directory()?;
        if name == EMBEDDED {
            return Ok(self.configured.read(|config| EngineView::embedded(&directory, config)));
        }
        self.shown_engine(&directory, name)
    }

    /// Changes an engine: every field that the update names, or none. An update of `serving` alone
    /// depends on no configuration: an engine can always be drained.
    ///
    /// # Errors
    /// As for [`Acting::create_engine`], or no engine has that name.
    pub(crate) fn update_engine(
        &self,
        name: &str,
        update: &EngineUpdate,
    ) -> Result<EngineView, ManageError> {
        let permit = self.of_service::<WriteEngine>()?;
        let directory = self.store.directory()?;
        let before = find_engine(&directory, name)?;
        let engine = changed(&directory, before, update)?;
        if engine != *before {
            check::facts(&engine, &directory)?;
            if engine.processor != before.processor {
                self.same_terms(&engine)?;
            }
            if (&engine.address, &engine.region) != (&before.address, &before.region) {
                self.configured.read(|config| check::listed(&engine, config))?;
            }
            self.store.update_engine(permit, &engine)?;
        }
        self.shown_engine(&*self.store.directory()?, name)
    }

    /// Removes an engine. Requests to a model that no other engine serves are refused from then on.
    ///
    /// # Errors
    /// No engine has that name, or the caller may not.
    pub(crate) fn delete_engine(&self, name: &str) -> Result<(), ManageError> {
        let permit = self.of_service::<WriteEngine>()?;
        let id = find_engine(&*self.store.directory()?, name)?.id;
        Ok(self.store.delete_engine(permit, id)?)
    }

    /// Refuses other terms for a processor that customers allow.
    fn same_terms(&self, engine: &Engine) -> Result<(), ManageError> {
        if engine.processor.is_none() {
            return Ok(());
        }
        Ok(check::same_terms(engine, &self.store.processor_uses()?)?)
    }

    fn shown_engine(&self, directory: &Directory, name: &str) -> Result<EngineView, ManageError> {
        let engine = find_engine(directory, name)?;
        Ok(self.configured.read(|config| EngineView::of(engine, directory, config)))
    }
}

/// Returns the engine after an update.
fn changed(
    directory: &Directory,
    before: &Engine,
    update: &EngineUpdate,
) -> Result<Engine, ManageError> {
    let EngineUpdate {
        kind,
        url,
        region,
        api_version,
        processor,
        models: served,
        capabilities,
        prefix_cache: cache,
        concurrency,
        weight,
        first_byte_ms,
        silence_ms,
        serving,
    } = update;
    let version = match (&before.api, kind) {
        // Another kind begins without a version.
        (Api::OpenAi, _) | (Api::Azure { .. }, Some(EngineKind::OpenAi)) => None,
        (Api::Azure { version }, None | Some(EngineKind::Azure)) => version.clone(),
    };
    let kind = kind.unwrap_or_else(|| EngineKind::of(&before.api));
    Ok(Engine {
        id: before.id,
        name: before.name.clone(),
        api: api(kind, api_version.after(version))?,
        address: url.as_deref().map_or_else(|| Ok(before.address.clone()), check::address)?,
        region: region.clone().unwrap_or_else(|| before.region.clone()),
        processor: processor.after(before.processor.clone()),
        models: match served {
            Some(served) => models(directory, served)?,
            None => before.models.clone(),
        },
        capabilities: capabilities.clone().unwrap_or_else(|| before.capabilities.clone()),
        prefix_cache: match cache {
            Some(cache) => prefix_cache(directory, cache)?,
            None => before.prefix_cache,
        },
        concurrency: concurrency.unwrap_or(before.concurrency),
        weight: weight.unwrap_or(before.weight),
        first_byte_ms: first_byte_ms.unwrap_or(before.first_byte_ms),
        silence_ms: silence_ms.unwrap_or(before.silence_ms),
        serving: serving.unwrap_or(before.serving),
        created_at: before.created_at,
    })
}

fn api(kind: EngineKind, version: Option<String>) -> Result<Api, BadEngine> {
    match (kind, version) {
        (EngineKind::OpenAi, None) => Ok(Api::OpenAi),
        (EngineKind::OpenAi, Some(_)) => Err(BadEngine::VersionOfOpenAi),
        (EngineKind::Azure, version) => Ok(Api::Azure { version }),
    }
}

/// Returns the models of an engine by id. Each must exist; the store refuses a model with a file.
fn models(directory: &Directory, named: &[ModelOn]) -> Result<Vec<ServedModel>, ManageError> {
    let served = |one: &ModelOn| {
        let model = find_model(directory, &one.model)?;
        if model.tuned.is_some() {
            return Err(not_found(Kind::Model, &one.model).into());
        }
        let served = one.served.clone().unwrap_or_else(|| one.model.clone());
        Ok(ServedModel { model: model.id, served })
    };
    named.iter().map(served).collect()
}

fn prefix_cache(directory: &Directory, named: &CacheSetting) -> Result<PrefixCache, ManageError> {
    match named {
        CacheSetting::None => Ok(PrefixCache::None),
        CacheSetting::Salted => Ok(PrefixCache::Salted),
        CacheSetting::Off => Ok(PrefixCache::Off),
        CacheSetting::Shared(tenant) => {
            let found = directory.tenant_by_name(tenant);
            let found = found.ok_or_else(|| not_found(Kind::Tenant, tenant))?;
            Ok(PrefixCache::Shared(found.id))
        }
    }
}

fn find_engine<'a>(directory: &'a Directory, name: &str) -> Result<&'a Engine, ManageError> {
    if name == EMBEDDED {
        return Err(BadEngine::Embedded.into());
    }
    directory.engine_by_name(name).ok_or_else(|| not_found(Kind::Engine, name).into())
}

impl EngineKind {
    /// Returns the abilities that an engine of this kind has, unless the operator names others.
    fn capabilities(self) -> std::collections::BTreeSet<Capability> {
        let both =
            [Capability::Tools, Capability::JsonSchema, Capability::Logprobs, Capability::Choices];
        let more = match self {
            Self::OpenAi => None,
            Self::Azure => Some(Capability::ToolsWithJsonSchema),
        };
        both.into_iter().chain(more).collect()
    }
}

#[cfg(test)]
mod tests;
