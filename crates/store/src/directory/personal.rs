//! The settings of resources and processors for personal data.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use policy::{id::ResourceId, personal::Setting};

use super::Directory;

/// The owner of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    /// A resource.
    Resource(ResourceId),
    /// A processor, by its name.
    Processor(String),
}

/// The settings of all that have one.
pub(crate) type Settings = HashMap<Of, Arc<Setting>>;

impl Directory {
    /// Returns the setting of a resource for personal data.
    #[must_use]
    pub fn personal_of_resource(&self, resource: ResourceId) -> Arc<Setting> {
        static DEFAULT: LazyLock<Arc<Setting>> = LazyLock::new(|| Arc::new(Setting::of_resource()));
        let own = self.operation.personal.get(&Of::Resource(resource));
        Arc::clone(own.unwrap_or(&DEFAULT))
    }

    /// Returns the treatment of personal data in requests to engines of a processor.
    #[must_use]
    pub fn personal_of_processor(&self, name: &str) -> Arc<Setting> {
        static DEFAULT: LazyLock<Arc<Setting>> =
            LazyLock::new(|| Arc::new(Setting::of_processor()));
        let own = self.operation.personal.get(&Of::Processor(name.to_owned()));
        Arc::clone(own.unwrap_or(&DEFAULT))
    }
}
