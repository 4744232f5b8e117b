//! Looks for harm in a text of any length, with all detectors of this program.
//!
//! One text in, one verdict out. A long text is cut into overlapping parts, so that one harmful
//! sentence is not diluted by harmless ones around it, and the highest severity of a part counts.
//! The caller embeds [`parts`] if there is an encoder, and hands their vectors in. A part in
//! disguise is rated in each of its readings, and the encoder sees these, too.
//!
//! Not here: a resource's own blocklists (`blocklist`) and the operator's guard model. Their
//! verdicts are joined with this one by [`Verdict::and`].

mod cut;
mod pieces;

pub use cut::{MOST_EMBEDDED, OVERLAP, PART};

use super::{
    heads::{Damaged, Features, Heads, OtherVector, Place, Ratings, TRAINED},
    known::Known,
    lexicon::{Lexicon, Unreadable},
    normalise::TooLarge,
    suffix::Suffix,
    verdict::{Category, Severity, Side, Verdict},
};
use crate::content::Content;

/// The detectors of this program, ready to look. Preparing takes some milliseconds: prepare once.
#[derive(Debug)]
pub struct Detectors {
    heads: Heads,
    indirect: Heads,
    lexicon: Lexicon,
    suffix: Suffix,
    known: Known,
}

/// The detectors cannot be prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The heads.
    #[error(transparent)]
    Heads(#[from] Damaged),
    /// The list of profanity.
    #[error(transparent)]
    Lexicon(#[from] Unreadable),
}

/// The encoder's vectors of the parts that [`parts`] returned for a text, in their order, each of
/// length one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Vectors(Vec<Vec<f32>>);

impl Vectors {
    /// Takes the vectors of [`parts`], in their order.
    #[must_use]
    pub fn new(vectors: Vec<Vec<f32>>) -> Self {
        Self(vectors)
    }
}

/// A text could not be looked at. Treat the detector as missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unseen {
    /// Not one vector for each part.
    #[error("{has} vectors came for {wants} parts; embed the parts that `look::parts` returns")]
    Number {
        /// The number of vectors.
        has: usize,
        /// The number of parts.
        wants: usize,
    },
    /// A vector of another encoder.
    #[error(transparent)]
    Vector(#[from] OtherVector),
    /// A part of the text cannot be normalised.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Returns the texts that an encoder embeds for a text, in order: at most [`MOST_EMBEDDED`], each
/// of at most [`PART`] characters. Of a part in disguise these are its readings, because the
/// encoder would see only the disguise. Of a longer text these are the first four pieces, the
/// last four, and others evenly between.
///
/// # Errors
/// If a part cannot be normalised.
pub fn parts(text: &str) -> Result<Vec<Content>, Unseen> {
    let pieces = pieces::of(text)?;
    let chosen = cut::embedded(pieces.len()).into_iter();
    Ok(chosen.filter_map(|at| Some(pieces.get(at)?.to_embed().clone())).collect())
}

/// Returns the sentences of a folded text in which an indirect attack is looked for.
#[must_use]
pub fn sentences(folded: &str) -> Vec<&str> {
    let sentences = cut::sentences(folded, cut::SHORT).into_iter();
    sentences.filter_map(|range| folded.get(range)).collect()
}

/// The committed head for indirect attacks, which `make guard` makes, in the format of the heads.
pub const INDIRECT: &[u8] = include_bytes!("look/indirect.bin");

/// The bytes from which a sentence is diluted by the others, so that each is rated alone, too. Rating
/// those of shorter texts finds little and blocks twice as many ordinary prompts.
const DILUTED: usize = 500;

/// How far the score of a single sentence must exceed a threshold. The highest of many sentences
/// counts: without a margin, seven times as many ordinary prompts would be blocked.
const SENTENCE_MARGIN: f32 = 2.0;

impl Detectors {
    /// Prepares the committed detectors.
    ///
    /// # Errors
    /// If one is damaged. A test reads them all, so no release has this error.
    pub fn built_in() -> Result<Self, Unusable> {
        Self::with_heads(Heads::parse(TRAINED)?)
    }

    /// Prepares the committed detectors, with other heads.
    ///
    /// # Errors
    /// As [`Detectors::built_in`].
    pub fn with_heads(heads: Heads) -> Result<Self, Unusable> {
        Ok(Self {
            heads,
            indirect: Heads::parse(INDIRECT)?,
            lexicon: Lexicon::built_in()?,
            suffix: Suffix::parse(super::suffix::TRAINED)?,
            known: Known::nothing(),
        })
    }

    /// Looks for these texts in completions. Without them nothing is known.
    #[must_use]
    pub fn with_known(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// Returns the heads, for example to compare their encoder's digest with the loaded one.
    #[must_use]
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// Returns the verdict about nothing: each detector was asked on this side, and found nothing.
    /// Begin with it where a request's texts are joined, because a request need not have a user's
    /// turn or a document, and a category that no detector looked for is unknown.
    ///
    /// # Errors
    /// As [`Detectors::look`].
    pub fn nothing(&self, side: Side) -> Result<Verdict, Unseen> {
        match side {
            Side::Completion => self.look("", Place::Completion, None),
            Side::Prompt => {
                let user = self.look("", Place::User, None)?;
                Ok(merged(user, self.look("", Place::Document, None)?))
            }
        }
    }

    /// Looks at one text of any length. `vectors` are those of [`parts`]; without them the n-grams
    /// decide alone, and the verdict's sources say so. Takes time linear in the text.
    ///
    /// # Errors
    /// If the vectors are not those of the parts. Then nothing is known about the text.
    pub fn look(
        &self,
        text: &str,
        place: Place,
        vectors: Option<&Vectors>,
    ) -> Result<Verdict, Unseen> {
        let pieces = pieces::of(text)?;
        let chosen = cut::embedded(pieces.len());
        if let Some(Vectors(vectors)) = vectors
            && vectors.len() != chosen.len()
        {
            return Err(Unseen::Number { has: vectors.len(), wants: chosen.len() });
        }
        let mut found = Found::new(place);
        for (number, piece) in pieces.iter().enumerate() {
            let vector = chosen.binary_search(&number).ok().zip(vectors);
            let vector = vector.and_then(|(at, Vectors(all))| all.get(at)).map(Vec::as_slice);
            let folded = piece.folded.reveal();
            let margin = brevity(folded);
            found.rated(&self.heads.rate_beyond(margin, &Features::read(folded), vector)?);
            let runs = cut::sentences(folded, cut::SENTENCE);
            for range in runs.iter().filter(|_| folded.len() > DILUTED) {
                let features = Features::read(folded.get(range.clone()).unwrap_or_default());
                found.rated(&self.heads.rate_beyond(SENTENCE_MARGIN, &features, None)?);
            }
            found.join(self.lexicon.verdict_of(folded, place.side()));
            for sentence in sentences(folded).into_iter().filter(|_| place == Place::Document) {
                found.rated(&self.indirect.rate(&Features::read(sentence), None)?);
            }
        }
        if place == Place::User {
            let is = if self.suffix.finds(text) { Severity::High } else { Severity::Safe };
            let verdict = Verdict::by(place.side());
            found.join(verdict.add(Category::Jailbreak, is, self.suffix.source()));
        }
        if place == Place::Completion {
            found.join(self.known.verdict(text));
        }
        Ok(found.verdict)
    }
}

/// Returns how far the score of a text with few words must exceed a threshold. Few n-grams have all the
/// weight of such a text, and the training data have hardly any harmless ones. One or two words without
/// a context are not rated at all: lists are for those.
fn brevity(folded: &str) -> f32 {
    const MARGIN: f32 = 6.0;
    const ENOUGH: usize = 7;
    let words = folded.split_whitespace().take(ENOUGH).count();
    if words < 3 {
        return f32::INFINITY;
    }
    let lacking = u8::try_from(ENOUGH.saturating_sub(words)).unwrap_or(0);
    let enough = u8::try_from(ENOUGH).unwrap_or(1);
    MARGIN * f32::from(lacking) / f32::from(enough)
}

/// What was found so far in the parts of a text.
struct Found {
    place: Place,
    verdict: Verdict,
}

impl Found {
    fn new(place: Place) -> Self {
        Self { place, verdict: Verdict::by(place.side()) }
    }

    fn rated(&mut self, ratings: &Ratings) {
        self.join(ratings.verdict(self.place));
    }

    fn join(&mut self, other: Verdict) {
        let before = std::mem::replace(&mut self.verdict, Verdict::by(self.place.side()));
        self.verdict = merged(before, other);
    }
}

/// Joins two verdicts about the same side.
fn merged(one: Verdict, other: Verdict) -> Verdict {
    let side = one.side();
    one.and(other).unwrap_or_else(|_| Verdict::by(side))
}

#[cfg(test)]
mod tests;
