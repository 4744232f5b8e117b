//! What the model is asked about one request, and its answer.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use super::{
    decode,
    form::{ends_sentence, form},
    head::{Head, OtherVectors, Part},
    names::{Names, Surface},
    words::{beginning, words},
};
use crate::{
    content::Content,
    personal::{encoded, view::View},
    texts::{Piece, Texts},
};

/// The most words of one request that a model reads.
pub const MOST_NER_WORDS: usize = 65_536;

/// How many times base64 in base64 is opened.
const DEEPEST: usize = 3;

/// A request has more words than a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a model reads at most {MOST_NER_WORDS} words of a request")]
pub struct TooManyWords;

/// The texts of a request, word by word. Each text is read once, also if the request repeats it.
#[derive(Debug, Default)]
pub struct Words {
    texts: Vec<Read>,
    count: usize,
}

/// A text, with escapes undone and characters folded as the detectors read it.
#[derive(Debug)]
struct Read {
    text: Content,
    words: Vec<Range<usize>>,
}

impl Words {
    /// Cuts the texts of a request into words. Names of fields, functions and participants are not
    /// read, because they have no words around them. They are searched for the names that are found.
    ///
    /// # Errors
    /// If there are more than [`MOST_NER_WORDS`].
    pub fn of<T: Texts>(request: &mut T) -> Result<Self, TooManyWords> {
        let mut pieces = Vec::new();
        request.texts(&mut pieces);
        let mut seen = BTreeSet::new();
        let mut all = Self::default();
        for piece in &pieces {
            match piece {
                Piece::Text(content) | Piece::Json(content) => {
                    if seen.insert(content.reveal()) {
                        all.add(content.reveal(), DEEPEST)?;
                    }
                }
                Piece::Word(_) | Piece::Name(_) | Piece::Gap | Piece::Opaque(_) => {}
            }
        }
        Ok(all)
    }

    fn add(&mut self, text: &str, deep: usize) -> Result<(), TooManyWords> {
        let view = View::of(text);
        let text = view.text();
        if deep > 0 {
            for run in encoded::runs(text) {
                self.add(&run.text, deep - 1)?;
            }
        }
        if !text.chars().any(char::is_alphabetic) {
            return Ok(());
        }
        let words = words(text);
        self.count = self.count.saturating_add(words.len());
        if self.count > MOST_NER_WORDS {
            return Err(TooManyWords);
        }
        self.texts.push(Read { text: Content::new(text.to_owned()), words });
        Ok(())
    }

    /// Returns true if there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the words of each text, as the model gets them.
    #[must_use]
    pub fn asked(&self) -> Vec<Vec<Content>> {
        let one = |read: &Read, place: &Range<usize>| {
            let word = read.text.reveal().get(place.clone()).unwrap_or_default();
            Content::new(beginning(word).to_owned())
        };
        self.texts
            .iter()
            .map(|read| read.words.iter().map(|word| one(read, word)).collect())
            .collect()
    }
}

/// The words of a request, and the scores of their labels so far.
#[derive(Debug)]
pub struct Reading {
    head: Arc<Head>,
    texts: Vec<(Read, Scores)>,
    /// The words that have no vector yet.
    missing: usize,
}

/// The scores of the words of one text, one row a word.
#[derive(Debug)]
struct Scores {
    rows: Vec<f32>,
    is_read: Vec<bool>,
}

impl Reading {
    /// Begins to read.
    #[must_use]
    pub fn new(words: Words, head: Arc<Head>) -> Self {
        let missing = words.count;
        let (_, bias) = head.labels();
        let scores = |read: &Read| Scores {
            rows: bias.repeat(read.words.len()),
            is_read: vec![false; read.words.len()],
        };
        let texts = words
            .texts
            .into_iter()
            .map(|read| {
                let scores = scores(&read);
                (read, scores)
            })
            .collect();
        Self { head, texts, missing }
    }

    /// Takes the vectors of words that follow each other in one text, from the word `first` on.
    ///
    /// # Errors
    /// If they have another length than the head weighs, a number that is not finite, or belong to no
    /// word, or to one that has its vector already.
    pub fn take(&mut self, text: u32, first: u32, vectors: &[f32]) -> Result<(), OtherVectors> {
        let numbers = self.head.numbers();
        let place = |number: u32| usize::try_from(number).map_err(|_| OtherVectors);
        let (read, scores) = self.texts.get_mut(place(text)?).ok_or(OtherVectors)?;
        // The bound keeps sums finite.
        let good = vectors.iter().all(|number| number.abs() <= 1e6);
        if vectors.is_empty() || !vectors.len().is_multiple_of(numbers) || !good {
            return Err(OtherVectors);
        }
        for (word, vector) in (place(first)?..).zip(vectors.chunks_exact(numbers)) {
            let is_read = scores.is_read.get_mut(word).filter(|is_read| !**is_read);
            *is_read.ok_or(OtherVectors)? = true;
            self.missing = self.missing.saturating_sub(1);
            let form = form(read.word(word), read.starts(word));
            let width = self.head.labels().0.len();
            let of = [
                (Some(word), Part::Word),
                (word.checked_add(1), Part::Before),
                (word.checked_sub(1), Part::After),
            ];
            for (whose, part) in of {
                let Some(start) = whose.and_then(|whose| whose.checked_mul(width)) else {
                    continue;
                };
                if let Some(row) = scores.rows.get_mut(start..start.saturating_add(width)) {
                    self.head.weigh(part, vector, &form, row);
                }
            }
        }
        Ok(())
    }

    /// Ends the reading, and returns the names and addresses.
    ///
    /// # Errors
    /// If a word has no vector.
    pub fn names(self) -> Result<Names, OtherVectors> {
        if self.missing > 0 {
            return Err(OtherVectors);
        }
        let (labels, _) = self.head.labels();
        let mut found = BTreeSet::new();
        for (read, scores) in &self.texts {
            let text = read.text.reveal();
            let best = scores.rows.chunks_exact(labels.len()).map(|row| {
                let best = (0..).zip(row).max_by(|(_, one), (_, other)| one.total_cmp(other));
                let best = best.and_then(|(number, _): (usize, _)| labels.get(number)).copied();
                best.unwrap_or(super::Label::Outside)
            });
            let best: Vec<_> = best.collect();
            for place in decode::places(text, &read.words, &best) {
                let surface = text.get(place.span).and_then(|text| Surface::new(place.kind, text));
                found.extend(surface.map(|surface| (place.kind, surface)));
            }
        }
        Names::of(found).ok_or(OtherVectors)
    }
}

impl Read {
    fn word(&self, word: usize) -> &str {
        self.words
            .get(word)
            .and_then(|place| self.text.reveal().get(place.clone()))
            .unwrap_or_default()
    }

    /// Returns true if a word starts a sentence or a line.
    fn starts(&self, word: usize) -> bool {
        let Some(before) = word.checked_sub(1) else { return true };
        let end = self.words.get(before).map_or(0, |place| place.end);
        let start = self.words.get(word).map_or(end, |place| place.start);
        let between = self.text.reveal().get(end..start).unwrap_or_default();
        ends_sentence(self.word(before)) || between.contains('\n')
    }
}
