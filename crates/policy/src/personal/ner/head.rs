//! The linear head over the vectors of an encoder: which label a word has.

use serde::Deserialize;

use super::form::FORMS;
use crate::{guard::verdict::Digest, personal::Kind};

/// The format's name and version.
const FORMAT: &str = "bailiwick-ner-1";

/// The most bytes of a head's file.
const MOST_BYTES: usize = 8 << 20;

/// The longest vector, and the most labels.
const MOST_NUMBERS: usize = 4096;
const MOST_LABELS: usize = 64;

/// A label of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// It belongs to nothing that is looked for.
    Outside,
    /// It is the first word of this kind.
    Begins(Kind),
    /// It goes on with this kind.
    Inside(Kind),
}

/// A head that was read and checked. `docs/personal-data.md` has the format of its file, which is JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    digest: Digest,
    encoder: String,
    numbers: usize,
    reads: Vec<Part>,
    forms: bool,
    labels: Vec<Label>,
    bias: Vec<f32>,
    weights: Vec<Vec<f32>>,
}

/// A head's file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the file of the head for names is no head that this release can use, because of {0}; docs/personal-data.md has the format"
)]
pub struct BadHead(&'static str);

/// Vectors that do not belong to the head or to the words that were asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the vectors do not belong to the head or to the words; use the encoder that the head names"
)]
pub struct OtherVectors;

/// The words that a head weighs for the label of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    /// The word itself.
    Word,
    /// The word before it.
    Before,
    /// The word after it.
    After,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    encoder_sha256: String,
    numbers: usize,
    reads: Vec<Part>,
    forms: bool,
    labels: Vec<String>,
    bias: Vec<f32>,
    weights: Vec<Vec<f32>>,
}

impl Head {
    /// The committed head, which `scripts/ner-head.py` makes.
    pub const TRAINED: &[u8] = include_bytes!("head.json");

    /// Reads a head's file.
    ///
    /// # Errors
    /// If a field is missing, unknown, or does not fit to the others.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadHead> {
        if bytes.len() > MOST_BYTES {
            return Err(BadHead("its size: at most 8 MiB"));
        }
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|_| BadHead("a field that is missing, unknown or of another kind"))?;
        let Written { format, encoder_sha256, numbers, reads, forms, labels, bias, weights } =
            written;
        if format != FORMAT {
            return Err(BadHead("`format`"));
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if encoder_sha256.len() != 64 || !encoder_sha256.bytes().all(is_hex) {
            return Err(BadHead("`encoder_sha256`: 64 lower-case hex digits"));
        }
        if numbers == 0 || numbers > MOST_NUMBERS {
            return Err(BadHead("`numbers`: 1 to 4096"));
        }
        let twice =
            (1..).zip(&reads).any(|(next, part)| reads.iter().skip(next).any(|one| one == part));
        if !reads.contains(&Part::Word) || twice {
            return Err(BadHead("`reads`: `word`, and perhaps `before` and `after`, once each"));
        }
        if labels.len() < 2 || labels.len() > MOST_LABELS {
            return Err(BadHead("`labels`: 2 to 64"));
        }
        let labels = labels.iter().map(|name| Label::named(name)).collect::<Option<Vec<_>>>();
        let labels = labels.ok_or(BadHead(
            "`labels`: each is one of O, B-name, I-name, B-address and I-address",
        ))?;
        let width = reads.len() * (numbers + if forms { FORMS } else { 0 });
        // The bound keeps sums finite.
        let good = |row: &[f32]| row.iter().all(|number| number.abs() <= 1e6);
        if bias.len() != labels.len() || !good(&bias) {
            return Err(BadHead("`bias`: a number for each label"));
        }
        if weights.len() != labels.len()
            || weights.iter().any(|row| row.len() != width || !good(row))
        {
            return Err(BadHead("`weights`: for each label a number for each of the inputs"));
        }
        let digest = Digest::of(bytes);
        Ok(Self { digest, encoder: encoder_sha256, numbers, reads, forms, labels, bias, weights })
    }

    /// Returns the SHA-256 of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the SHA-256 of the encoder's file, in lower-case hex.
    #[must_use]
    pub fn encoder(&self) -> &str {
        &self.encoder
    }

    /// Returns the length of the encoder's vectors.
    #[must_use]
    pub fn numbers(&self) -> usize {
        self.numbers
    }

    /// Returns the labels, and the bias of each.
    pub(super) fn labels(&self) -> (&[Label], &[f32]) {
        (&self.labels, &self.bias)
    }

    /// Adds what a word's vector and form say about the labels of a word: `part` is the place of the
    /// word that is weighed, as seen from the word whose `scores` these are.
    pub(super) fn weigh(&self, part: Part, vector: &[f32], form: &[f32], scores: &mut [f32]) {
        let Some(place) = self.reads.iter().position(|one| *one == part) else { return };
        let form = if self.forms { form } else { &[] };
        let width = vector.len() + form.len();
        for (score, row) in scores.iter_mut().zip(&self.weights) {
            let own = row.get(place * width..).unwrap_or_default();
            let products = own.iter().zip(vector.iter().chain(form));
            *score += products.map(|(weight, value)| weight * value).sum::<f32>();
        }
    }
}

impl Label {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "O" => Self::Outside,
            "B-name" => Self::Begins(Kind::Name),
            "I-name" => Self::Inside(Kind::Name),
            "B-address" => Self::Begins(Kind::Address),
            "I-address" => Self::Inside(Kind::Address),
            _ => return None,
        })
    }
}
