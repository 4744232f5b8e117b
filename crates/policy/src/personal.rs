//! Personal data and secrets in a text: where they stand, and of which kind they are.
//!
//! A [`Detector`] knows the kinds that a resource looks for, and the operator's own words and
//! patterns. It reads a text once, in time that is linear in the text's length, and returns places in
//! the bytes of the text as written. It knows fixed forms, checksums and words of context. It is no
//! model of a language: names and addresses are found only where the text says their kind, unless the
//! operator plugs in a model that finds them ([`ner`]).

mod address;
mod bytes;
mod card;
mod counts;
mod crypto;
mod detector;
mod email;
mod encoded;
mod escape;
mod fold;
mod hide;
mod iban;
mod json;
mod kind;
mod mode;
mod name;
mod national;
pub mod ner;
mod network;
mod number;
mod phone;
mod placeholder;
mod restore;
mod scan;
mod secret;
pub mod setting;
mod settle;
mod shield;
mod terms;
mod url;
mod vault;
mod view;
mod words;

use std::ops::Range;

pub use counts::Counts;
pub use detector::Detector;
pub use kind::{Kind, Kinds};
pub use mode::Mode;
pub use restore::{Form, MAX_HELD, Restorer, Tally};
pub use setting::{Opaque, Setting};
pub use shield::{
    Decided, Decider, Looking, NoDetector, Outgoing, Ruling, Shielded, Stopped, Unread,
};
pub use terms::{BadTerm, MOST_PATTERNS, MOST_WORD_BYTES, MOST_WORDS, Terms};
pub use vault::{Entropy, Vault};

/// One place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Kind of the text there.
    pub kind: Kind,
    /// The place, in bytes of the text as it was given, on the boundaries of characters. The places
    /// of one text are in order and do not overlap.
    pub span: Range<usize>,
}

#[cfg(test)]
mod tests;
