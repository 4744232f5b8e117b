//! The active configuration. A reload replaces it as a whole; a request uses the configuration that
//! was active when it began.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::{config::Config, exchange::ServiceIdentity};

/// The active configuration; clones share the same value.
#[derive(Debug, Clone)]
pub(crate) struct Live(Arc<RwLock<Arc<Current>>>);

/// One configuration, and the service's identity for receipts under it.
#[derive(Debug)]
pub(crate) struct Current {
    /// The configuration.
    pub config: Config,
    /// The service's identity for receipts; it includes the digest of this configuration.
    pub identity: ServiceIdentity,
    /// The OpenAPI document with the limits of this configuration.
    pub document: Bytes,
}

/// The configuration that management reads: the active one of a running service, or the one that a
/// command read. Clones share it.
#[derive(Debug, Clone)]
pub(crate) enum Configured {
    /// The active configuration of a running service.
    Active(Live),
    /// The configuration that a command read.
    Read(Arc<Config>),
}

impl Configured {
    /// Reads from the configuration.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Config) -> T) -> T {
        match self {
            Self::Active(live) => read(&live.current().config),
            Self::Read(config) => read(config),
        }
    }
}

impl Current {
    /// Puts a configuration together with the values that follow from it.
    #[must_use]
    pub(crate) fn new(config: Config, identity: ServiceIdentity, document: Bytes) -> Self {
        Self { config, identity, document }
    }
}

impl Live {
    /// Starts with this configuration.
    #[must_use]
    pub(crate) fn new(current: Current) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(current))))
    }

    /// Returns the active configuration.
    #[must_use]
    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.0.read())
    }

    /// Activates another configuration.
    pub(crate) fn replace(&self, current: Current) {
        *self.0.write() = Arc::new(current);
    }
}
