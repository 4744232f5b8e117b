//! All data on disk. The data directory holds tenants, resources, deployments, models, digests of
//! keys, sealed records, usage and the log. A separate directory holds the keys that open records.
//!
//! Other crates decide; this crate stores the decisions. It knows no HTTP, opens no network socket
//! and reads no clock. Only the custodian can open content after it was sealed.
#![forbid(unsafe_code)]

mod about;
pub mod abuse;
pub mod backup;
pub mod batches;
mod content;
pub mod custody;
mod directory;
pub mod doctor;
mod error;
mod files;
mod frames;
mod held;
pub mod history;
pub mod inventory;
pub mod keys;
pub mod ledger;
mod log;
mod manage;
mod name;
mod not_logged;
pub mod notices;
mod object;
mod people;
#[cfg(test)]
#[path = "../tests/people/mod.rs"]
mod people_for_tests;
mod processors;
mod promised;
mod proofs;
mod random;
mod row;
mod scope;
pub mod seal;
pub mod signed;
mod sqlite;
mod store;
pub mod subjects;
pub mod tiles;
#[cfg(test)]
mod vectors;
pub mod workflow;

/// Objects that customers asked the service to keep.
pub mod objects {
    pub use crate::{ledger::Objects, object::*};
}

pub use content::Content;
pub use directory::{
    BUILT_IN, ContentFilter, Deployment, Directory, Model, ModelFile, OwnBlocklist, OwnFilter,
    Resource, Sku, Tenant, Tuned,
};
pub use error::{InUse, Kind, StoreError};
pub use log::ReadClock;
pub use manage::{
    Adapter, BLOCKLISTS_MAX, DeploymentChange, Expect, FILTERS_MAX, FilterChange, ItemsChange,
    NetworkChange, NewBlocklist, NewContentFilter, NewDeployment, NewResource, ResourceChange,
    Settings, SpilloverChange, TrainingStart, handling,
};
pub use name::{
    deployment_name, engine_name, filter_name, item_name, model_name, processor_name, region_name,
    resource_name, tenant_name, tuned_name,
};
pub use people::{Assignment, DirectoryObject, Member};
pub use processors::{ProcessorEngine, ProcessorPermission, ProcessorRequests, ProcessorUse};
pub use random::{NoRandom, random};
pub use row::BlocklistItem;
pub use store::Store;
