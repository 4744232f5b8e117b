//! The only disk: tenants, resources, deployments, models, digests of keys, sealed records, usage
//! and the log, in one data directory; and apart from it the directory of the keys that open records.
//!
//! It keeps what was decided elsewhere. It knows no HTTP, opens no socket, reads no clock, and hands
//! content to nobody but the custodian.
#![forbid(unsafe_code)]

pub mod backup;
mod content;
pub mod custody;
mod directory;
mod error;
mod files;
mod held;
pub mod keys;
pub mod ledger;
mod log;
mod manage;
mod name;
mod people;
#[cfg(test)]
#[path = "../tests/people/mod.rs"]
mod people_for_tests;
mod proofs;
mod random;
mod schema;
pub mod seal;
mod store;
pub mod tiles;
#[cfg(test)]
mod vectors;
pub mod witness;
pub mod workflow;

pub use content::Content;
pub use directory::{Deployment, Directory, Model, ModelFactsRow, Resource, Sku, Tenant};
pub use error::{InUse, Kind, StoreError};
pub use log::ReadClock;
pub use manage::{
    LimitsChange, NetworkChange, NewDeployment, NewResource, ResourceChange, Settings,
};
pub use name::{deployment_name, model_name, region_name, resource_name, tenant_name};
pub use people::{Assignment, Member, Somebody};
pub use random::{NoRandom, random};
pub use store::Store;
