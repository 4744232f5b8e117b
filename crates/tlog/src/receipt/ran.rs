//! The claims about the place where a request was processed: the engine, its operator, its region,
//! and which regions and processors were allowed.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use minicbor::{Decode, Decoder, Encode};

/// The place where a request was processed, and the places that were allowed.
///
/// Sets are encoded as lists in ascending order; a list in another order is not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Ran {
    /// The kind of the engine.
    #[n(0)]
    pub kind: EngineKind,
    /// The name of the processor that operates the engine; `None` for the operator of the service.
    #[n(1)]
    pub processor: Option<String>,
    /// The country of the processor's seat (ISO 3166-1, two letters); present if the processor is.
    #[n(2)]
    pub country: Option<String>,
    /// The origin that the service dialed; `None` for the embedded engine.
    #[n(3)]
    pub destination: Option<String>,
    /// The engine's own name for the model; `None` for the embedded engine.
    #[n(4)]
    pub model: Option<String>,
    /// The SKU of the deployment, in Azure's names.
    #[n(5)]
    pub sku: String,
    /// The regions that the deployment's SKU allowed.
    #[n(6)]
    pub regions: BTreeSet<String>,
    /// The names of the processors that the resource's customer allowed.
    #[n(7)]
    pub processors: BTreeSet<String>,
}

/// The kind of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum EngineKind {
    /// The service's own engine.
    #[n(0)]
    Embedded,
    /// A program that speaks `OpenAI`'s API.
    #[n(1)]
    OpenAi,
    /// A program that speaks Azure `OpenAI`'s API.
    #[n(2)]
    Azure,
}

impl EngineKind {
    /// Returns the kind's name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => super::EMBEDDED,
            Self::OpenAi => "openai",
            Self::Azure => "azure",
        }
    }
}

/// An attempt on an engine that did not answer. The engine may have received the request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attempt {
    /// The name of the engine.
    #[n(0)]
    pub engine: String,
    /// The region of the engine.
    #[n(1)]
    pub region: String,
    /// The reason why it did not answer.
    #[n(2)]
    pub failure: AttemptFailure,
    /// The name of the processor that operates the engine; `None` for the operator of the service.
    #[n(3)]
    pub processor: Option<String>,
}

/// The reason why an engine did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AttemptFailure {
    /// No connection to it could be made.
    #[n(0)]
    Unreachable,
    /// It refused the request because of its load.
    #[n(1)]
    Busy,
    /// It answered with an error, or with bytes that are no answer.
    #[n(2)]
    Failed,
    /// It did not begin to answer in time.
    #[n(3)]
    TimedOut,
}

impl AttemptFailure {
    /// Returns the reason in plain words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "could not be reached",
            Self::Busy => "was busy",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
        }
    }
}

/// Decodes a list of attempts, which is not empty.
pub(super) fn attempts<C>(
    decoder: &mut Decoder<'_>,
    context: &mut C,
) -> Result<Option<Vec<Attempt>>, minicbor::decode::Error> {
    let attempts: Vec<Attempt> = decoder.decode_with(context)?;
    if attempts.is_empty() {
        return Err(minicbor::decode::Error::message("an empty list of attempts"));
    }
    Ok(Some(attempts))
}

#[cfg(test)]
pub(super) mod tests;
