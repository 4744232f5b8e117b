//! The claims about personal data: its treatment, the decider of that, and how much of each kind
//! there was.
//!
//! Nothing here holds content. The names of kinds are words of the service, not of the customer.

use alloc::{string::String, vec::Vec};

use minicbor::{Decode, Decoder, Encode, decode::Error};

pub use crate::entry::Handling;

/// The most kinds in a receipt.
pub const KINDS_MAX: usize = 32;

/// The maximum length of a kind's name, in bytes.
const KIND_BYTES_MAX: usize = 32;

/// Treatment of the personal data of a request, and its decider. Many requests share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Personal {
    /// The treatment: the strictest setting of the resource and of the processors of the engines
    /// that could get the request.
    #[n(0)]
    pub handling: Handling,
    /// The processor whose setting decided; `None` for the resource's own.
    #[n(1)]
    pub processor: Option<String>,
}

/// How much personal data was in a request, and what was restored in its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PersonalFound {
    /// The number of different values of each kind, in ascending order of the kinds' names. A list in
    /// another order is not decoded.
    #[n(0)]
    #[cbor(decode_with = "read_kinds")]
    pub kinds: Vec<KindCount>,
    /// The number of placeholders in the answer that were replaced by their values.
    #[n(1)]
    pub restored: u64,
    /// The number of texts in the answer that look like placeholders, and stand for no value. They went
    /// on unchanged.
    #[n(2)]
    pub unsure: u64,
    /// True if a part of the request went on that cannot be looked into: an image, a sound, tokens.
    #[n(3)]
    pub unseen: bool,
}

/// How many values of one kind there were.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KindCount {
    /// The name of the kind: `email`, `card` and so on, or that of a later version.
    #[n(0)]
    pub kind: String,
    /// The number of different values; at least one.
    #[n(1)]
    pub values: u64,
}

impl PersonalFound {
    /// Returns the number of different values of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.iter().fold(0, |sum, one| sum.saturating_add(one.values))
    }
}

fn read_kinds<C>(decoder: &mut Decoder<'_>, context: &mut C) -> Result<Vec<KindCount>, Error> {
    let kinds: Vec<KindCount> = decoder.decode_with(context)?;
    if kinds.len() > KINDS_MAX || !kinds.iter().is_sorted_by(|a, b| a.kind < b.kind) {
        return Err(Error::message("too many kinds, or in another order"));
    }
    if kinds.iter().any(|one| one.values == 0 || !is_kind(&one.kind)) {
        return Err(Error::message("not the name of a kind, or no value of it"));
    }
    Ok(kinds)
}

fn is_kind(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= KIND_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
