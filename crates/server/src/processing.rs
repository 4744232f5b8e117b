//! Where a request is processed: the facts for its receipt, noted before any content leaves this
//! process.

use std::collections::BTreeSet;

use policy::{engine::Api, residency::Sku};
use store::Directory;
use tlog::receipt::{Attempt, AttemptFailure, EMBEDDED, EngineKind, Ran};
use upstream::{Attempted, Failure, Trail};

/// Where a request is processed, and which places were allowed.
#[derive(Debug, Clone)]
pub(crate) struct Processing {
    /// The SKU of the deployment.
    pub sku: Sku,
    /// The regions that the SKU allows.
    pub regions: BTreeSet<String>,
    /// The processors that the resource's customer allows.
    pub processors: BTreeSet<String>,
    /// The place.
    pub place: Place,
}

/// The place that processes a request.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A worker on this machine, in this region.
    Here {
        /// The service's region.
        region: String,
        /// The attempts at other engines before it.
        failed: Vec<Attempted>,
    },
    /// Other engines.
    Engines {
        /// The engines that may have got the request.
        trail: Trail,
        /// The origin that was dialed, once an engine answers.
        destination: Option<String>,
        /// The model as the engine names it, once it answers.
        model: Option<String>,
    },
}

/// The facts for a receipt.
#[derive(Debug)]
pub(crate) struct Processed {
    /// The engine's name.
    pub engine: String,
    /// The region that processed the request.
    pub region: String,
    /// The engine, and what was allowed.
    pub ran: Ran,
    /// The earlier attempts at other engines.
    pub attempts: Option<Vec<Attempt>>,
}

impl Processing {
    /// Returns the facts for the receipt; `None` if no engine got the request. The directory is the
    /// one that the request used, so it has the engines.
    pub(crate) fn facts(self, directory: &Directory) -> Option<Processed> {
        let Self { sku, regions, processors, place } = self;
        let sku = sku.name().to_owned();
        let (trail, destination, model) = match place {
            Place::Here { region, failed } => {
                let ran = Ran {
                    kind: EngineKind::Embedded,
                    processor: None,
                    country: None,
                    destination: None,
                    model: None,
                    sku,
                    regions,
                    processors,
                };
                let engine = EMBEDDED.to_owned();
                return Some(Processed {
                    engine,
                    region,
                    ran,
                    attempts: attempts(failed, directory),
                });
            }
            Place::Engines { trail, destination, model } => (trail, destination, model),
        };
        let Trail { mut failed, current } = trail;
        // If no engine answered, the last one that was tried stands for the request.
        let last = current.or_else(|| failed.pop().map(|last| last.engine))?;
        let engine = directory.engine(last)?;
        let kind = match engine.api {
            Api::OpenAi => EngineKind::OpenAi,
            Api::Azure { .. } => EngineKind::Azure,
        };
        let processor = engine.processor.as_ref();
        let ran = Ran {
            kind,
            processor: processor.map(|processor| processor.name.clone()),
            country: processor.map(|processor| processor.country.clone()),
            destination,
            model,
            sku,
            regions,
            processors,
        };
        Some(Processed {
            engine: engine.name.clone(),
            region: engine.region.clone(),
            ran,
            attempts: attempts(failed, directory),
        })
    }

    /// Returns the engines that may have got the request so far.
    pub(crate) fn trail(self) -> Trail {
        match self.place {
            Place::Here { failed, .. } => Trail { failed, current: None },
            Place::Engines { trail, .. } => trail,
        }
    }

    /// Returns the number of engines that may have got the request so far.
    pub(crate) fn attempts(&self) -> usize {
        match &self.place {
            Place::Here { failed, .. } => failed.len() + 1,
            Place::Engines { trail, .. } => {
                trail.failed.len() + usize::from(trail.current.is_some())
            }
        }
    }

    /// Returns the attempts that failed so far.
    pub(crate) fn failed(self) -> Vec<Attempted> {
        self.trail().failed
    }
}

/// Returns the earlier attempts for a receipt, if there were any.
fn attempts(failed: Vec<Attempted>, directory: &Directory) -> Option<Vec<Attempt>> {
    let attempts: Vec<_> = failed
        .into_iter()
        .filter_map(|attempted| {
            let engine = directory.engine(attempted.engine)?;
            Some(Attempt {
                engine: engine.name.clone(),
                region: engine.region.clone(),
                failure: failure(&attempted.failure),
                processor: engine.processor.as_ref().map(|processor| processor.name.clone()),
            })
        })
        .collect();
    (!attempts.is_empty()).then_some(attempts)
}

/// Returns the receipt's word for a failure.
fn failure(failure: &Failure) -> AttemptFailure {
    match failure {
        Failure::NotSent | Failure::NoToken(_) | Failure::NotListed => AttemptFailure::Unreachable,
        Failure::Busy { .. } => AttemptFailure::Busy,
        Failure::Slow | Failure::Silent | Failure::Deadline => AttemptFailure::TimedOut,
        Failure::WrongRoute
        | Failure::NotServed
        | Failure::PrefixCache
        | Failure::Unfit(_)
        | Failure::Broken
        | Failure::Redirect
        | Failure::ContentFiltered
        | Failure::ContextLength
        | Failure::Rejected { .. }
        | Failure::Unauthorized { .. }
        | Failure::Missing
        | Failure::Unavailable { .. }
        | Failure::Failed
        | Failure::OtherModel
        | Failure::OtherRegion
        | Failure::TooMuch
        | Failure::TooLong
        | Failure::Implausible
        | Failure::CutShort
        | Failure::Malformed => AttemptFailure::Failed,
    }
}
