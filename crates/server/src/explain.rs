//! P16, explained: the life of a request of a resource, step by step, in plain sentences.
//!
//! An explanation is compiled, not written: [`Facts::gather`] reads the configuration in force and the
//! directory, and [`Explanation::of`] makes sentences of these facts alone. Each sentence carries the
//! settings that it depends on, and the ways to check it. It has no content, no keys and no addresses.

pub(crate) mod fact;
pub(crate) mod facts;
mod gather;
pub(crate) mod sentence;
mod steps;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::facts::Facts;
use self::sentence::Sentence;

/// The explanation of one resource, by the settings in force at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Explanation {
    /// Always `explanation`.
    object: &'static str,
    /// Name of the resource.
    pub resource: String,
    /// Name of its tenant.
    pub tenant: String,
    /// Time of the explanation: seconds since 1970.
    pub created_at: u64,
    /// SHA-256 of the configuration, as in the receipts of requests under it.
    pub configuration_sha256: String,
    /// The sentences, in the order in which a request meets the steps.
    pub sentences: Vec<Sentence>,
}

impl Explanation {
    /// Compiles the explanation from facts.
    #[must_use]
    pub(crate) fn of(facts: &Facts) -> Self {
        Self {
            object: "explanation",
            resource: facts.resource.clone(),
            tenant: facts.tenant.clone(),
            created_at: facts.at_ms / 1000,
            configuration_sha256: facts.configuration.to_string(),
            sentences: steps::all(facts),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
