//! The content filter of a deployment, as its requests use it.

use std::sync::Arc;

use policy::guard::{blocklist::Blocklist, filter::Filter, verdict::Digest};

use super::{Deployment, Directory};

/// Name of the built-in filter, which every deployment has that names no other: Azure's.
pub const BUILT_IN: &str = "Microsoft.DefaultV2";

/// A content filter: Azure's `raiPolicies` object with the lists that it names.
#[derive(Debug, Clone)]
pub struct ContentFilter {
    /// Its name.
    pub name: String,
    /// SHA-256 of the filter and of the lists that it names.
    pub digest: Digest,
    /// What it annotates and what it blocks.
    pub filter: Filter,
    /// The lists that it names, compiled.
    pub blocklists: Vec<Arc<Blocklist>>,
}

impl ContentFilter {
    /// Returns the built-in filter.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            name: BUILT_IN.to_owned(),
            digest: Digest::of(BUILT_IN.as_bytes()),
            filter: Filter::standard(),
            blocklists: Vec::new(),
        }
    }

    /// Returns true for the built-in filter.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.name == BUILT_IN
    }
}

impl Directory {
    /// Returns the filter that requests of a deployment get at a time, in milliseconds since 1970.
    #[must_use]
    pub fn content_filter(&self, _deployment: &Deployment, _now_ms: u64) -> Arc<ContentFilter> {
        Arc::new(ContentFilter::built_in())
    }
}
