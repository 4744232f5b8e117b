//! Engines, the processors that operate them, and the customers' permissions for processors.

use std::collections::{BTreeSet, HashMap};

use policy::{
    engine::{Api, Capability, Engine, PrefixCache, Processor, ServedModel},
    id::{EngineId, ModelId, PersonId, ResourceId, TenantId},
};
use rusqlite::{Row, params};

use super::{Database, Write, directory::column};
use crate::{
    error::{Kind, StoreError},
    row::{ProcessorEngine, ProcessorPermission, ProcessorRequests},
};

impl Database {
    /// Returns all engines. The models of each are in the order of their ids.
    pub(crate) fn engines(&self) -> Result<Vec<Engine>, StoreError> {
        let mut models = self.served_models()?;
        let mut engines = self.all("SELECT * FROM engine", engine)?;
        for engine in &mut engines {
            engine.models = models.remove(&engine.id).unwrap_or_default();
        }
        Ok(engines)
    }

    fn served_models(&self) -> Result<HashMap<EngineId, Vec<ServedModel>>, StoreError> {
        let rows = self.all("SELECT * FROM engine_model ORDER BY engine, model", |row| {
            let model = ModelId::from_random(column(row, "model")?);
            let served = ServedModel { model, served: column(row, "served")? };
            Ok((EngineId::from_random(column(row, "engine")?), served))
        })?;
        let mut models: HashMap<_, Vec<_>> = HashMap::new();
        for (engine, served) in rows {
            models.entry(engine).or_default().push(served);
        }
        Ok(models)
    }

    /// Returns the names of the processors that each resource allows.
    pub(crate) fn allowed_processors(
        &self,
    ) -> Result<HashMap<ResourceId, BTreeSet<String>>, StoreError> {
        let mut allowed: HashMap<_, BTreeSet<_>> = HashMap::new();
        for (processor, permission) in self.processor_permissions()? {
            allowed.entry(permission.resource).or_default().insert(processor);
        }
        Ok(allowed)
    }

    /// Returns whether a model has a file.
    pub(crate) fn has_file(&self, model: ModelId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM model WHERE id = ?1 AND sha256 <> '')";
        Ok(self.connection.query_row(sql, [model.as_bytes()], |row| row.get(0))?)
    }

    /// Returns the names of the engines that serve a model.
    pub(crate) fn engines_with(&self, model: ModelId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT e.name FROM engine_model m JOIN engine e ON e.id = m.engine
             WHERE m.model = ?1 ORDER BY 1",
            model.as_bytes(),
        )
    }

    /// Returns the names of the engines whose prefix cache is for one tenant only.
    pub(crate) fn engines_for(&self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        self.names(
            "SELECT name FROM engine WHERE prefix_cache_tenant = ?1 ORDER BY 1",
            tenant.as_bytes(),
        )
    }

    /// Returns whether a processor operates an engine.
    pub(crate) fn has_processor(&self, name: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM engine WHERE processor = ?1)";
        Ok(self.connection.query_row(sql, [name], |row| row.get(0))?)
    }

    /// Returns the engines of all processors, present and former, the earliest first.
    pub(crate) fn processor_engines(
        &self,
    ) -> Result<Vec<(Processor, ProcessorEngine)>, StoreError> {
        self.all("SELECT * FROM processor_engine ORDER BY id", |row| {
            let processor = Processor {
                name: column(row, "processor")?,
                country: column(row, "country")?,
                contract: column(row, "contract")?,
            };
            let engine = ProcessorEngine {
                engine: EngineId::from_random(column(row, "engine")?),
                name: column(row, "name")?,
                region: column(row, "region")?,
                since_ms: column(row, "since_ms")?,
                until_ms: column(row, "until_ms")?,
            };
            Ok((processor, engine))
        })
    }

    /// Returns the permissions of all resources, each with its processor's name.
    pub(crate) fn processor_permissions(
        &self,
    ) -> Result<Vec<(String, ProcessorPermission)>, StoreError> {
        self.all("SELECT * FROM resource_processor ORDER BY since_ms, resource", |row| {
            let permission = ProcessorPermission {
                resource: ResourceId::from_random(column(row, "resource")?),
                person: PersonId::from_random(column(row, "person")?),
                since_ms: column(row, "since_ms")?,
            };
            Ok((column(row, "processor")?, permission))
        })
    }

    /// Returns the numbers of requests, each with its processor's name.
    pub(crate) fn processor_requests(
        &self,
    ) -> Result<Vec<(String, ProcessorRequests)>, StoreError> {
        self.all("SELECT * FROM processor_requests ORDER BY resource", |row| {
            let resource = ResourceId::from_random(column(row, "resource")?);
            let requests = ProcessorRequests { resource, requests: column(row, "requests")? };
            Ok((column(row, "processor")?, requests))
        })
    }
}

impl Write<'_> {
    /// Adds an engine with its models. Of a known engine, replaces everything but the name and the
    /// time of addition.
    pub(crate) fn put_engine(&self, engine: &Engine) -> Result<(), StoreError> {
        let version = match &engine.api {
            Api::OpenAi => None,
            Api::Azure { version } => version.as_deref(),
        };
        let tenant = match &engine.prefix_cache {
            PrefixCache::None | PrefixCache::Salted | PrefixCache::Off => None,
            PrefixCache::Shared(tenant) => Some(tenant.as_bytes()),
        };
        let processor = engine.processor.as_ref();
        let capabilities: Vec<&str> =
            engine.capabilities.iter().map(|capability| capability.name()).collect();
        self.add(
            (Kind::Engine, &engine.name),
            "INSERT INTO engine (id, name, api, api_version, address, region, processor, country,
                contract, capabilities, prefix_cache, prefix_cache_tenant, concurrency, weight,
                first_byte_ms, silence_ms, serving, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18)
             ON CONFLICT (id) DO UPDATE SET api = excluded.api,
                api_version = excluded.api_version, address = excluded.address,
                region = excluded.region, processor = excluded.processor,
                country = excluded.country, contract = excluded.contract,
                capabilities = excluded.capabilities, prefix_cache = excluded.prefix_cache,
                prefix_cache_tenant = excluded.prefix_cache_tenant,
                concurrency = excluded.concurrency, weight = excluded.weight,
                first_byte_ms = excluded.first_byte_ms, silence_ms = excluded.silence_ms,
                serving = excluded.serving",
            params![
                engine.id.as_bytes(),
                engine.name,
                engine.api.name(),
                version,
                engine.address,
                engine.region,
                processor.map(|processor| &processor.name),
                processor.map(|processor| &processor.country),
                processor.map(|processor| &processor.contract),
                capabilities.join("\n"),
                engine.prefix_cache.name(),
                tenant,
                engine.concurrency,
                engine.weight,
                engine.first_byte_ms,
                engine.silence_ms,
                engine.serving,
                engine.created_at,
            ],
        )?;
        self.delete_served_models(engine.id)?;
        let sql = "INSERT INTO engine_model (engine, model, served) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for ServedModel { model, served } in &engine.models {
            statement.execute(params![engine.id.as_bytes(), model.as_bytes(), served])?;
        }
        Ok(())
    }

    /// Deletes an engine.
    pub(crate) fn delete_engine(&self, engine: EngineId) -> Result<(), StoreError> {
        self.delete_served_models(engine)?;
        self.connection.execute("DELETE FROM engine WHERE id = ?1", [engine.as_bytes()])?;
        Ok(())
    }

    fn delete_served_models(&self, engine: EngineId) -> Result<(), StoreError> {
        let sql = "DELETE FROM engine_model WHERE engine = ?1";
        self.connection.execute(sql, [engine.as_bytes()])?;
        Ok(())
    }

    /// Notes that a processor operates an engine from now on.
    pub(crate) fn begin_processor_engine(
        &self,
        engine: &Engine,
        processor: &Processor,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO processor_engine (engine, name, region, processor, country, contract,
                since_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                engine.id.as_bytes(),
                engine.name,
                engine.region,
                processor.name,
                processor.country,
                processor.contract,
                now_ms,
            ],
        )?;
        Ok(())
    }

    /// Notes that no processor operates an engine any more, or not as before.
    pub(crate) fn end_processor_engine(
        &self,
        engine: EngineId,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE processor_engine SET until_ms = ?2
                   WHERE engine = ?1 AND until_ms IS NULL";
        self.connection.execute(sql, params![engine.as_bytes(), now_ms])?;
        Ok(())
    }

    /// Allows a processor for a resource, and returns false if it is allowed already.
    pub(crate) fn allow_processor(
        &self,
        resource: ResourceId,
        processor: &str,
        (person, now_ms): (PersonId, u64),
    ) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO resource_processor (resource, processor, person, since_ms)
                   VALUES (?1, ?2, ?3, ?4)";
        let values = params![resource.as_bytes(), processor, person.as_bytes(), now_ms];
        Ok(self.connection.execute(sql, values)? > 0)
    }

    /// Withdraws the permission for a processor, and returns false if there is none.
    pub(crate) fn withdraw_processor(
        &self,
        resource: ResourceId,
        processor: &str,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM resource_processor WHERE resource = ?1 AND processor = ?2";
        Ok(self.connection.execute(sql, params![resource.as_bytes(), processor])? > 0)
    }

    /// Counts a request of a resource that was sent to a processor.
    pub(crate) fn count_processor_request(
        &self,
        processor: &str,
        resource: ResourceId,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO processor_requests (processor, resource, requests)
                   VALUES (?1, ?2, 1)
                   ON CONFLICT DO UPDATE SET requests = requests + 1";
        self.connection.prepare_cached(sql)?.execute(params![processor, resource.as_bytes()])?;
        Ok(())
    }
}

fn engine(row: &Row<'_>) -> Result<Engine, StoreError> {
    let capabilities: String = column(row, "capabilities")?;
    let capability = |name: &str| {
        let known = Capability::from_name(name);
        known.ok_or(StoreError::Damaged { what: "engine.capabilities" })
    };
    Ok(Engine {
        id: EngineId::from_random(column(row, "id")?),
        name: column(row, "name")?,
        api: api(row)?,
        address: column(row, "address")?,
        region: column(row, "region")?,
        processor: processor(row)?,
        models: Vec::new(),
        capabilities: capabilities.lines().map(capability).collect::<Result<_, _>>()?,
        prefix_cache: prefix_cache(row)?,
        concurrency: column(row, "concurrency")?,
        weight: column(row, "weight")?,
        first_byte_ms: column(row, "first_byte_ms")?,
        silence_ms: column(row, "silence_ms")?,
        serving: column(row, "serving")?,
        created_at: column(row, "created_at")?,
    })
}

fn api(row: &Row<'_>) -> Result<Api, StoreError> {
    let name: String = column(row, "api")?;
    let known = [Api::OpenAi, Api::Azure { version: column(row, "api_version")? }];
    let found = known.into_iter().find(|known| known.name() == name);
    found.ok_or(StoreError::Damaged { what: "engine.api" })
}

fn processor(row: &Row<'_>) -> Result<Option<Processor>, StoreError> {
    let Some(name) = column(row, "processor")? else { return Ok(None) };
    let (country, contract) = (column(row, "country")?, column(row, "contract")?);
    Ok(Some(Processor { name, country, contract }))
}

fn prefix_cache(row: &Row<'_>) -> Result<PrefixCache, StoreError> {
    let name: String = column(row, "prefix_cache")?;
    let tenant: Option<[u8; 16]> = column(row, "prefix_cache_tenant")?;
    let shared = tenant.map(|id| PrefixCache::Shared(TenantId::from_random(id)));
    let known = [PrefixCache::None, PrefixCache::Salted, PrefixCache::Off].into_iter();
    let found = known.chain(shared).find(|known| known.name() == name);
    found.ok_or(StoreError::Damaged { what: "engine.prefix_cache" })
}
