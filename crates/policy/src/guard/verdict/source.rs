//! Detectors, as receipts and annotations name them.

use std::fmt;

/// SHA-256 of the data that a detector decides with: a list, a lexicon, a head, a model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes a digest that was computed before.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Computes the digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Returns the bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kind of detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A resource's own list.
    Blocklist,
    /// The committed list of profanity.
    Lexicon,
    /// The operator's own texts that must not go out.
    KnownTexts,
    /// Committed weights over words and characters.
    Ngrams,
    /// Committed weights over the vectors of an encoder in a confined worker.
    Encoder,
    /// The operator's guard model.
    GuardModel,
}

impl Layer {
    /// Returns the layer's name, as in receipts and annotations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocklist => "blocklist",
            Self::Lexicon => "lexicon",
            Self::KnownTexts => "known_texts",
            Self::Ngrams => "ngrams",
            Self::Encoder => "encoder",
            Self::GuardModel => "guard_model",
        }
    }
}

/// A detector: its kind, and the data with which it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The kind of detector.
    pub layer: Layer,
    /// Digest of its data.
    pub digest: Digest,
}
