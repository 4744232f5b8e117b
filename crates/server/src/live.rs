//! The configuration in force. A reload replaces it as a whole; a request keeps the one that it began
//! with.

use std::sync::{Arc, PoisonError, RwLock};

use crate::{config::Config, exchange::Identity};

/// The configuration in force; clones are the same one.
#[derive(Debug, Clone)]
pub struct Live(Arc<RwLock<Arc<Current>>>);

/// One configuration, and what receipts say of the service under it.
#[derive(Debug)]
pub struct Current {
    /// The configuration.
    pub config: Config,
    /// What receipts say: the digest of this configuration among it.
    pub identity: Identity,
}

impl Live {
    /// The configuration of the start.
    #[must_use]
    pub fn new(current: Current) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(current))))
    }

    /// What is in force now.
    #[must_use]
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another configuration in force.
    pub fn replace(&self, current: Current) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }
}
