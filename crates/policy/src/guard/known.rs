//! Recognises texts that the operator names: Azure's protected material.
//!
//! The operator brings the texts, for example lyrics or source code that must not go out. Their runs of
//! thirteen words are stored as hashes; an answer with enough of them in a row is detected. This
//! program knows no lyrics and no code of its own. Without the operator's texts nothing is ever
//! detected, and a verdict's source has the digest of an empty index.
//!
//! A hash leads back to no text, but an index of a few texts can be tested with guesses.

use std::{collections::HashSet, fmt};

use super::verdict::{Category, Digest, Layer, Severity, Side, Source, Verdict};

/// The words of a run.
pub const RUN: usize = 13;

/// How many runs of one text, one word apart, must be in an answer: with [`RUN`] words each, this
/// is a passage of twenty words.
const IN_A_ROW: usize = 8;

/// The most runs of one index: 64 MiB of hashes.
pub const MOST_RUNS: usize = 1 << 23;

/// The kind of known text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Prose, poems, lyrics. Only letters and digits count.
    Text,
    /// Source code. Signs count as words, too.
    Code,
}

/// The index is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the known texts have more than {MOST_RUNS} runs of {RUN} words; leave some out")]
pub struct Full;

/// Collects known texts.
#[derive(Debug, Default)]
pub struct Builder {
    texts: HashSet<u64>,
    codes: HashSet<u64>,
}

/// An index of known texts.
#[derive(Clone)]
pub struct Known {
    texts: Vec<u64>,
    codes: Vec<u64>,
    digest: Digest,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({} runs of text, {} of code)", self.texts.len(), self.codes.len())
    }
}

impl Builder {
    /// Adds a text. One with fewer than [`RUN`] words is never detected; returns false for such.
    ///
    /// # Errors
    /// If the index is full. Then only some runs of the text were added: refuse the index.
    pub fn add(&mut self, kind: Kind, text: &str) -> Result<bool, Full> {
        let mut any = false;
        for hash in runs(kind, text) {
            if self.texts.len() + self.codes.len() >= MOST_RUNS {
                return Err(Full);
            }
            any = true;
            match kind {
                Kind::Text => self.texts.insert(hash),
                Kind::Code => self.codes.insert(hash),
            };
        }
        Ok(any)
    }

    /// Returns the index. The digest depends on the runs and not on the order of the texts.
    #[must_use]
    pub fn build(self) -> Known {
        let sorted = |hashes: HashSet<u64>| {
            let mut hashes: Vec<u64> = hashes.into_iter().collect();
            hashes.sort_unstable();
            hashes
        };
        let (texts, codes) = (sorted(self.texts), sorted(self.codes));
        let mut bytes = b"known texts 1".to_vec();
        for hashes in [&texts, &codes] {
            bytes.extend(u64::try_from(hashes.len()).unwrap_or(u64::MAX).to_le_bytes());
            hashes.iter().for_each(|hash| bytes.extend(hash.to_le_bytes()));
        }
        Known { texts, codes, digest: Digest::of(&bytes) }
    }
}

impl Known {
    /// Returns the index without texts, which detects nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Builder::default().build()
    }

    /// Returns true if there are no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.codes.is_empty()
    }

    /// Returns the SHA-256 of the index.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Looks for known texts in an answer. Prompts may quote them, as Azure's may.
    #[must_use]
    pub fn verdict(&self, text: &str) -> Verdict {
        let source = Source { layer: Layer::KnownTexts, digest: self.digest };
        let found = |kind, hashes: &[u64]| match Self::has(kind, hashes, text) {
            true => Severity::High,
            false => Severity::Safe,
        };
        Verdict::by(Side::Completion)
            .add(Category::ProtectedMaterialText, found(Kind::Text, &self.texts), source)
            .add(Category::ProtectedMaterialCode, found(Kind::Code, &self.codes), source)
    }

    fn has(kind: Kind, hashes: &[u64], text: &str) -> bool {
        if hashes.is_empty() {
            return false;
        }
        let mut row = 0;
        for hash in runs(kind, text) {
            row = if hashes.binary_search(&hash).is_ok() { row + 1 } else { 0 };
            if row >= IN_A_ROW {
                return true;
            }
        }
        false
    }
}

/// Returns the hash of each run of words.
fn runs(kind: Kind, text: &str) -> impl Iterator<Item = u64> {
    let mut last = [0_u64; RUN];
    let mut seen = 0_usize;
    words(kind, text).filter_map(move |word| {
        last.rotate_left(1);
        if let Some(place) = last.last_mut() {
            *place = word;
        }
        seen += 1;
        // FNV-1a over the words, with 64 bits.
        let step =
            |hash: u64, word: &u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        (seen >= RUN).then(|| last.iter().fold(0xcbf2_9ce4_8422_2325, step))
    })
}

/// Returns the hash of each word, without upper case: a run of letters and digits, and in code each
/// other sign that is no white space.
fn words(kind: Kind, text: &str) -> impl Iterator<Item = u64> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begins =
            |one: char| one.is_alphanumeric() || (kind == Kind::Code && !one.is_whitespace());
        let (at, first) = rest.char_indices().find(|(_, one)| begins(*one))?;
        let word = rest.get(at..)?;
        let length = match first.is_alphanumeric() {
            true => word.find(|one: char| !one.is_alphanumeric()).unwrap_or(word.len()),
            false => first.len_utf8(),
        };
        rest = word.get(length..)?;
        let letters = word.get(..length)?.chars().flat_map(char::to_lowercase);
        Some(letters.fold(0xcbf2_9ce4_8422_2325, |hash, one| {
            (hash ^ u64::from(u32::from(one))).wrapping_mul(0x0100_0000_01b3)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POEM: &str = "Shall I compare thee to a summer's day? Thou art more lovely and more \
        temperate: Rough winds do shake the darling buds of May, And summer's lease hath all too \
        short a date";
    const CODE: &str =
        "fn main() { let total: u32 = (1..=10).map(|n| n * n).sum(); println!(\"{total}\"); }";

    fn known() -> Known {
        let mut builder = Builder::default();
        assert_eq!(builder.add(Kind::Text, POEM), Ok(true));
        assert_eq!(builder.add(Kind::Code, CODE), Ok(true));
        assert_eq!(builder.add(Kind::Text, "Too short to be known"), Ok(false));
        builder.build()
    }

    fn found(text: &str) -> (bool, bool) {
        let verdict = known().verdict(text);
        let is = |category| verdict.severity(&category).unwrap() > Severity::Safe;
        (is(Category::ProtectedMaterialText), is(Category::ProtectedMaterialCode))
    }

    #[test]
    fn a_known_passage_is_found_in_any_writing() {
        assert!(found(POEM).0);
        let other = POEM.to_uppercase().replace([',', ':', '?'], " -\n");
        assert_eq!(
            found(&format!("Sure, here is the poem: {other}. I hope you like it.")),
            (true, false)
        );
        assert_eq!(found(&format!("```rust\n{}\n```", CODE.replace(' ', "\n    "))), (false, true));
    }

    #[test]
    fn a_quotation_of_a_few_words_and_other_texts_are_not_found() {
        assert_eq!(
            found("\"Shall I compare thee to a summer's day?\" is by Shakespeare."),
            (false, false)
        );
        assert_eq!(
            found(&"A summer's day is lovely and temperate in May. ".repeat(40)),
            (false, false)
        );
        assert_eq!(found("fn main() { println!(\"{}\", 1); }"), (false, false));
        assert_eq!(found(""), (false, false));
    }

    #[test]
    fn without_texts_nothing_is_found_and_the_source_says_which_index_it_was() {
        let nothing = Known::nothing();
        assert!(nothing.is_empty() && !known().is_empty());
        let verdict = nothing.verdict(POEM);
        assert!(verdict.detections().is_empty());
        let sources: Vec<_> = verdict.sources(&Category::ProtectedMaterialText).collect();
        assert_eq!(sources, [Source { layer: Layer::KnownTexts, digest: nothing.digest() }]);
        assert_ne!(nothing.digest(), known().digest());
        assert_eq!(known().digest(), known().digest());
    }

    #[test]
    fn debug_shows_no_hashes() {
        let shown = format!("{:?}", known());
        assert!(shown.starts_with("Known(") && shown.len() < 60, "{shown}");
    }
}
