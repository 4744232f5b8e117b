//! The processors of a resource: the customer's data protection officer sees the companies that
//! operate engines, and allows one for the resource, or withdraws that. Until then, none of the
//! resource's content gets to an engine of that company. The operator's people take no part.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, State},
};
use policy::{
    authz::{context::Processing, facts::ResourceFacts},
    engine::{Engine, Processor},
    id::{PersonId, ResourceId},
    permit::{AllowProcessor, Permit, ReadResource},
};
use serde::Serialize;
use store::{Directory, Kind, ProcessorPermission, Store, StoreError};

use super::{Desk, Visitor, blocking, error::DeskError};
use crate::clock;

/// A processor, for one resource.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    processor: String,
    /// True if the resource's content may get to the processor's engines.
    allowed: bool,
    /// Time at which it was allowed.
    since_ms: Option<u64>,
    /// Id in the log of the person who allowed it.
    person: Option<PersonId>,
    /// Country of its seat.
    country: String,
    /// Reference of the operator's contract with it.
    contract: String,
    /// Regions of its engines; empty if it operates none here any more.
    regions: Vec<String>,
    /// The resource's deployments whose model its engines serve. The SKU of each decides about the
    /// region.
    deployments: Vec<String>,
}

/// Lists the processors that are allowed or offered, for a person with permission to allow them, or
/// to read the resource.
pub(super) async fn list(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path(name): Path<String>,
) -> Result<Json<Vec<Item>>, DeskError> {
    let looked = visitor.resource(&name);
    let of = match visitor.permit_in::<AllowProcessor>(&looked, &context("", true)) {
        Ok(permit) => permit.spend(),
        Err(_) => visitor.permit::<ReadResource>(&looked)?.spend(),
    };
    shown(&desk, of).await
}

/// Allows a processor, on behalf of the customer.
pub(super) async fn allow(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, processor)): Path<(String, String)>,
) -> Result<Json<Vec<Item>>, DeskError> {
    let looked = visitor.resource(&name);
    let permit: Permit<AllowProcessor> = visitor.permit_in(&looked, &context(&processor, true))?;
    let of = *permit.scope();
    let is_it = |other: &Processor| other.name == processor;
    if !offered(visitor.directory(), of).any(|(_, other)| is_it(other)) {
        return Err(DeskError::NoSuchProcessor);
    }
    decide(&desk, &visitor, permit).await?;
    shown(&desk, of).await
}

/// Withdraws that a processor is allowed, also if no engine here is the processor's any more.
pub(super) async fn withdraw(
    State(desk): State<Desk>,
    visitor: Visitor,
    Path((name, processor)): Path<(String, String)>,
) -> Result<Json<Vec<Item>>, DeskError> {
    let looked = visitor.resource(&name);
    let permit: Permit<AllowProcessor> = visitor.permit_in(&looked, &context(&processor, false))?;
    let of = *permit.scope();
    decide(&desk, &visitor, permit).await?;
    shown(&desk, of).await
}

fn context(processor: &str, allowed: bool) -> Processing {
    Processing { now_ms: clock::now_ms(), processor: processor.to_owned(), allowed }
}

async fn decide(
    desk: &Desk,
    visitor: &Visitor,
    permit: Permit<AllowProcessor>,
) -> Result<(), DeskError> {
    let (store, rolls, signed) =
        (desk.store.clone(), desk.ledger.rolls().clone(), visitor.signed());
    blocking(move || {
        store.allow_processor(&rolls, permit, signed).map_err(|error| match error {
            StoreError::BadName { .. } | StoreError::NotFound { kind: Kind::Processor, .. } => {
                DeskError::NoSuchProcessor
            }
            error => error.into(),
        })
    })
    .await
    .map_err(|error| visitor.told(desk, error))
}

/// Returns the engines that processors offer to a resource. An engine that serves another tenant
/// only is no offer, and no business of this one.
fn offered(
    directory: &Directory,
    of: ResourceFacts,
) -> impl Iterator<Item = (&Engine, &Processor)> {
    let engines = directory.engines().into_iter();
    let engines = engines.filter(move |engine| engine.prefix_cache.admits(of.tenant));
    engines.filter_map(|engine| Some((engine, engine.processor.as_ref()?)))
}

async fn shown(desk: &Desk, of: ResourceFacts) -> Result<Json<Vec<Item>>, DeskError> {
    let store = desk.store.clone();
    blocking(move || items(&store, of)).await.map(Json)
}

fn items(store: &Store, of: ResourceFacts) -> Result<Vec<Item>, DeskError> {
    let uses = store.processor_uses()?;
    let directory = store.directory()?;
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    for one in uses {
        let allowed = one.permissions.iter().find(|allowed| allowed.resource == of.resource);
        if let Some(ProcessorPermission { since_ms, person, .. }) = allowed {
            let item = Item {
                allowed: true,
                since_ms: Some(*since_ms),
                person: Some(*person),
                ..Item::new(&one.processor)
            };
            items.insert(one.processor.name, item);
        }
    }
    for (engine, processor) in offered(&directory, of) {
        let item = items.entry(processor.name.clone()).or_insert_with(|| Item::new(processor));
        item.offer(engine, &directory, of.resource);
    }
    Ok(items.into_values().collect())
}

impl Item {
    /// Makes the item of a processor that is not allowed and has no engine.
    fn new(processor: &Processor) -> Self {
        let Processor { name, country, contract } = processor.clone();
        Self {
            processor: name,
            allowed: false,
            since_ms: None,
            person: None,
            country,
            contract,
            regions: Vec::new(),
            deployments: Vec::new(),
        }
    }

    /// Adds the facts of one engine of the processor.
    fn offer(&mut self, engine: &Engine, directory: &Directory, resource: ResourceId) {
        let served = directory.deployments_of(resource);
        let served = served.filter(|deployment| engine.served(deployment.model).is_some());
        self.deployments.extend(served.map(|deployment| deployment.name.clone()));
        self.regions.push(engine.region.clone());
        for list in [&mut self.regions, &mut self.deployments] {
            list.sort_unstable();
            list.dedup();
        }
    }
}
