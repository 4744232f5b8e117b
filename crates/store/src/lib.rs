//! The only disk: tenants, resources, deployments, models and digests of keys, in one SQLite file
//! inside one data directory.
//!
//! It keeps what was decided elsewhere. It knows no HTTP, opens no socket, makes no key, reads no
//! clock, and never sees a prompt or a completion.
#![forbid(unsafe_code)]

mod directory;
mod error;
mod files;
mod manage;
mod name;
mod schema;
mod store;

pub use directory::{Deployment, Directory, Model, ModelFactsRow, Resource, Sku, Tenant};
pub use error::{InUse, Kind, StoreError};
pub use manage::LimitsChange;
pub use name::{deployment_name, model_name, region_name, resource_name, tenant_name};
pub use store::Store;
