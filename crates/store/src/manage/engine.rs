//! Engines, and the customers' permissions for the processors that operate engines.

use std::collections::HashSet;

use policy::{
    authz::facts::{ResourceFacts, Service},
    engine::{Engine, PrefixCache, Processor},
    id::EngineId,
    permit::{AllowProcessor, Permit, WriteEngine},
};
use tlog::{
    entry::{Action, Event, Subject},
    signature::Signed,
};

use super::{name_of, not_found};
use crate::{
    error::{Kind, StoreError},
    log::Append,
    name,
    signed::{Decision, Rolls},
    sqlite::Write,
    store::Store,
};

/// The maximum length of an address, of a reference to a contract and of an engine's own name for a
/// model, in bytes.
const TEXT_LENGTH_MAX: usize = 512;

impl Store {
    /// Adds an engine. The log commits to the engine's JSON, with the models in the order of their
    /// ids.
    ///
    /// # Errors
    /// [`StoreError::BadName`] if the name of the engine, its region or its processor is not
    /// allowed. [`StoreError::BadEngine`] if another field is not allowed. [`StoreError::Exists`]
    /// if the name is taken. [`StoreError::NotFound`] if a model does not exist, or the tenant of
    /// its prefix cache. [`StoreError::HasFile`] if a model has a file.
    pub fn create_engine(
        &self,
        permit: Permit<WriteEngine>,
        engine: &Engine,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        let engine = checked(engine)?;
        self.change(|tx, log| {
            put(tx, &engine)?;
            if let Some(processor) = &engine.processor {
                tx.begin_processor_engine(&engine, processor, log.now_ms)?;
            }
            told(log, &engine, Action::Created)
        })
    }

    /// Replaces everything about the engine with this id, except its name and the time of its
    /// addition. Requests that run already are not affected.
    ///
    /// # Errors
    /// As [`Store::create_engine`]. [`StoreError::NotFound`] if no engine has this id.
    /// [`StoreError::BadEngine`] if the engine has another name.
    pub fn update_engine(
        &self,
        permit: Permit<WriteEngine>,
        engine: &Engine,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        let mut engine = checked(engine)?;
        self.change(|tx, log| {
            let before = tx.engines()?.into_iter().find(|before| before.id == engine.id);
            let before = before.ok_or_else(|| not_found(Kind::Engine, &engine.name))?;
            if before.name != engine.name {
                return Err(StoreError::BadEngine { field: "name", rule: "the name that it has" });
            }
            engine.created_at = before.created_at;
            put(tx, &engine)?;
            if operated(&before) != operated(&engine) {
                tx.end_processor_engine(engine.id, log.now_ms)?;
                if let Some(processor) = &engine.processor {
                    tx.begin_processor_engine(&engine, processor, log.now_ms)?;
                }
            }
            told(log, &engine, Action::Updated)
        })
    }

    /// Deletes an engine. Its models and their deployments stay, also if no other engine serves
    /// them: requests to such a deployment are then answered with status 503.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the engine does not exist.
    pub fn delete_engine(
        &self,
        permit: Permit<WriteEngine>,
        engine: EngineId,
    ) -> Result<(), StoreError> {
        let Service = permit.spend();
        self.change(|tx, log| {
            let id = *engine.as_bytes();
            let name = name_of(tx, Kind::Engine, &id, &engine)?;
            tx.end_processor_engine(engine, log.now_ms)?;
            tx.delete_engine(engine)?;
            log.changed(Subject::Engine, id, Action::Deleted, &format!("name={name}"))
        })
    }

    /// Allows the processor of the permit's context for the permit's resource, or withdraws that,
    /// from the next request on. Changes and logs nothing if the resource has this state already.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`] if the holder of the permit is not a person.
    /// [`StoreError::NotFound`] if the resource does not exist, or if a processor is to be allowed
    /// that operates no engine. [`StoreError::BadName`] if the processor's name is not allowed.
    /// [`StoreError::NotLogged`] if the customer has a root, and its officer did not sign.
    pub fn allow_processor(
        &self,
        rolls: &Rolls,
        permit: Permit<AllowProcessor>,
        signed: Vec<Signed>,
    ) -> Result<(), StoreError> {
        let person = permit.person()?;
        let (ResourceFacts { tenant, resource, .. }, context) = permit.spend_with_context();
        let (processor, allowed) = (context.processor, context.allowed);
        name::processor_name(&processor)?;
        self.change_decided(rolls, Decision { tenant, signed }, |tx, log| {
            name_of(tx, Kind::Resource, resource.as_bytes(), &resource)?;
            let changed = if allowed {
                if !tx.has_processor(&processor)? {
                    return Err(not_found(Kind::Processor, &processor));
                }
                tx.allow_processor(resource, &processor, (person, log.now_ms))?
            } else {
                tx.withdraw_processor(resource, &processor)?
            };
            if !changed {
                return Ok(());
            }
            let resource = *resource.as_bytes();
            log.push_open_change(Event::ProcessorAllowed { resource, processor, person, allowed })
        })
    }
}

/// Checks the fields that the database does not check, and sorts the models.
fn checked(engine: &Engine) -> Result<Engine, StoreError> {
    name::engine_name(&engine.name)?;
    name::region_name(&engine.region)?;
    let refuse = |field, rule| Err(StoreError::BadEngine { field, rule });
    if !is_address(&engine.address) {
        let rule = "a URL that begins with `http://` or `https://`, without user, query and \
                    fragment, and without a slash at the end";
        return refuse("address", rule);
    }
    if let Some(Processor { name, country, contract }) = &engine.processor {
        name::processor_name(name)?;
        if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return refuse("country", "the two capital letters of ISO 3166-1, such as `DE`");
        }
        if !is_text(contract) {
            return refuse("contract", "1 to 512 bytes without control characters");
        }
    }
    if !engine.models.iter().all(|served| is_text(&served.served)) {
        return refuse("models", "1 to 512 bytes without control characters for each name");
    }
    let mut known = HashSet::new();
    if !engine.models.iter().all(|served| known.insert(served.model)) {
        return refuse("models", "each model once");
    }
    let mut engine = engine.clone();
    engine.models.sort_by_key(|served| served.model);
    Ok(engine)
}

/// Returns whether a text is a base URL. A user or a query could hold a secret, which would get into
/// views and into the log's openings.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let outside = |byte| !matches!(byte, b'!'..=b'~') || matches!(byte, b'@' | b'?' | b'#');
        is_text(rest) && !rest.bytes().any(outside) && !rest.ends_with('/')
    })
}

fn is_text(text: &str) -> bool {
    (1..=TEXT_LENGTH_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

/// Writes an engine. Its models must be served, and the tenant of its prefix cache must exist.
fn put(tx: &Write<'_>, engine: &Engine) -> Result<(), StoreError> {
    for served in &engine.models {
        let name = name_of(tx, Kind::Model, served.model.as_bytes(), &served.model)?;
        if tx.has_file(served.model)? {
            return Err(StoreError::HasFile { model: name });
        }
    }
    match engine.prefix_cache {
        PrefixCache::None | PrefixCache::Salted | PrefixCache::Off => {}
        PrefixCache::Shared(tenant) => {
            name_of(tx, Kind::Tenant, tenant.as_bytes(), &tenant)?;
        }
    }
    tx.put_engine(engine)
}

/// Returns the facts of an engine that the history of processors has.
fn operated(engine: &Engine) -> Option<(&Processor, &str)> {
    engine.processor.as_ref().map(|processor| (processor, engine.region.as_str()))
}

/// Appends the log entry of an engine's new state.
fn told(log: &mut Append<'_>, engine: &Engine, action: Action) -> Result<(), StoreError> {
    let state =
        serde_json::to_string(engine).map_err(|_| StoreError::Damaged { what: "engine" })?;
    log.changed(Subject::Engine, *engine.id.as_bytes(), action, &state)
}

#[cfg(test)]
mod tests;
