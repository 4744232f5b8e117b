//! Looks for harm in a text of any length, with all detectors of this program.
//!
//! One text in, one verdict out. A long text is cut into overlapping parts, so that one harmful
//! sentence is not diluted by harmless ones around it, and the highest severity of a part counts.
//! The caller embeds [`parts`] if there is an encoder, and hands their vectors in. A part in
//! disguise is also rated by n-grams alone, in each of its readings: the encoder sees only the
//! disguise.
//!
//! Not here: a resource's own blocklists (`blocklist`) and the operator's guard model. Their
//! verdicts are joined with this one by [`Verdict::and`].

mod cut;

pub use cut::{MOST_EMBEDDED, OVERLAP, PART};

use super::{
    heads::{Damaged, Features, Heads, OtherVector, Place, Ratings, TRAINED},
    lexicon::{Lexicon, Unreadable},
    normalise::{Form, Readings, TooLarge},
    verdict::{Severity, Side, Verdict},
};

/// The most bytes that are normalised at once. Normalising cannot grow so few bytes beyond its
/// limit, so every text can be read.
const CHUNK: usize = 1 << 18;

/// The characters that two chunks share.
const CHUNK_OVERLAP: usize = 2000;

/// The detectors of this program, ready to look. Preparing takes some milliseconds: prepare once.
#[derive(Debug)]
pub struct Detectors {
    heads: Heads,
    lexicon: Lexicon,
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

/// Returns the parts of a text that an encoder embeds, in order: at most [`MOST_EMBEDDED`] parts
/// of at most [`PART`] characters. Of a longer text these are the first four, the last four, and
/// others evenly between.
#[must_use]
pub fn parts(text: &str) -> Vec<&str> {
    let all = cut::parts(text);
    let chosen = cut::embedded(all.len()).into_iter();
    chosen.filter_map(|number| text.get(all.get(number)?.clone())).collect()
}

impl Detectors {
    /// Prepares the committed detectors.
    ///
    /// # Errors
    /// If one is damaged. A test reads them all, so no release has this error.
    pub fn built_in() -> Result<Self, Unusable> {
        Ok(Self { heads: Heads::parse(TRAINED)?, lexicon: Lexicon::built_in()? })
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
        let all = cut::parts(text);
        let chosen = cut::embedded(all.len());
        if let Some(Vectors(vectors)) = vectors
            && vectors.len() != chosen.len()
        {
            return Err(Unseen::Number { has: vectors.len(), wants: chosen.len() });
        }
        let mut found = Found::new(place);
        for (number, range) in all.iter().enumerate() {
            let part = text.get(range.clone()).unwrap_or_default();
            let vector = chosen.binary_search(&number).ok();
            let vector = vector.zip(vectors).and_then(|(at, Vectors(all))| all.get(at));
            self.part(part, vector.map(Vec::as_slice), &mut found)?;
        }
        let single = all.len() == 1;
        for range in cut::overlapping(text, CHUNK / 4, CHUNK_OVERLAP) {
            let readings = Readings::of(text.get(range).unwrap_or_default())?;
            found.join(self.lexicon.verdict(&readings, place.side()));
            // A cut can split an encoded word, so what was decoded is rated as a whole, too.
            let decoded = readings.views().iter();
            let decoded = decoded.filter(|view| !single && is_decoded(view.form()));
            for view in decoded {
                let text = view.text().reveal();
                for range in cut::parts(text) {
                    let features = Features::read(text.get(range).unwrap_or_default());
                    found.rated(&self.heads.rate(&features, None)?);
                }
            }
        }
        Ok(found.verdict)
    }

    /// Rates one part, with its vector if there is one.
    fn part(&self, part: &str, vector: Option<&[f32]>, found: &mut Found) -> Result<(), Unseen> {
        let readings = Readings::of(part)?;
        let features = Features::of(&readings);
        found.rated(&self.heads.rate(&features, vector)?);
        if vector.is_some() && is_disguised(&readings) {
            found.rated(&self.heads.rate(&features, None)?);
        }
        Ok(())
    }
}

/// The forms that undo an encoding, which can be longer than a part.
fn is_decoded(form: Form) -> bool {
    !matches!(form, Form::Plain | Form::Bare)
}

/// Returns true if normalising changes more of a text than upper case.
fn is_disguised(readings: &Readings<'_>) -> bool {
    let [plain] = readings.views() else { return true };
    readings.text().to_lowercase() != plain.text().reveal()
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
