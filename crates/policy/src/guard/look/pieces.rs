//! The pieces of a text that are rated one by one: its parts, in each of their readings.

use super::{Unseen, cut};
use crate::{
    content::Content,
    guard::normalise::{Form, Readings},
};

/// The most bytes that are normalised at once. Normalising cannot grow so few bytes beyond its
/// limit, so every text can be read.
const CHUNK: usize = 1 << 18;

/// The characters that two chunks share.
const CHUNK_OVERLAP: usize = 2000;

/// One part of a text in one reading.
#[derive(Debug)]
pub(super) struct Piece {
    /// The reading, folded: n-grams are counted in it.
    pub(super) folded: Content,
    /// The text that the encoder sees, if it is not the reading: a text without disguise.
    raw: Option<Content>,
}

impl Piece {
    fn read(folded: &str) -> Self {
        Self { folded: owned(folded), raw: None }
    }

    /// Returns the text that the encoder sees.
    pub(super) fn to_embed(&self) -> &Content {
        self.raw.as_ref().unwrap_or(&self.folded)
    }
}

/// Returns the pieces of a text, in a fixed order: of each part its readings, and then the parts
/// of the encoded texts that are longer than a part.
pub(super) fn of(text: &str) -> Result<Vec<Piece>, Unseen> {
    let mut pieces = Vec::new();
    let parts = cut::parts(text);
    for range in &parts {
        let part = text.get(range.clone()).unwrap_or_default();
        let readings = Readings::of(part)?;
        for (at, view) in readings.views().iter().enumerate() {
            let folded = view.text().reveal();
            for range in cut::parts(folded) {
                pieces.push(Piece::read(folded.get(range).unwrap_or_default()));
            }
            // A text without disguise is the encoder's as it is: it was trained with such.
            let single = readings.views().len() == 1 && at == 0;
            if single
                && part.to_lowercase() == folded
                && let Some(piece) = pieces.last_mut()
            {
                piece.raw = Some(owned(part));
            }
        }
    }
    if parts.len() > 1 {
        // A cut can split an encoded word, and a text that shrinks has short pieces so far.
        for range in cut::overlapping(text, CHUNK / 4, CHUNK_OVERLAP) {
            let chunk = text.get(range).unwrap_or_default();
            let readings = Readings::of(chunk)?;
            for view in readings.views() {
                let folded = view.text().reveal();
                if !is_decoded(view.form()) && !shrank(chunk, folded) {
                    continue;
                }
                let parts = cut::parts(folded).into_iter().filter_map(|range| folded.get(range));
                pieces.extend(parts.map(Piece::read));
            }
        }
    }
    Ok(pieces)
}

/// The forms that undo an encoding, which can be longer than a part.
fn is_decoded(form: Form) -> bool {
    !matches!(form, Form::Plain | Form::Bare)
}

/// Returns true if a fifth or more of the characters is gone.
fn shrank(chunk: &str, folded: &str) -> bool {
    folded.chars().count() * 5 <= chunk.chars().count() * 4
}

fn owned(text: &str) -> Content {
    Content::new(text.to_owned())
}
