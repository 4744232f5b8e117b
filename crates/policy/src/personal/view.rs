//! A text as the detectors read it: escapes undone and characters folded, with the place in the
//! original of each byte.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{
    escape,
    fold::{Folded, fold},
};

/// A text to read.
pub(super) struct View<'t> {
    original: &'t str,
    /// None: the text is read as it was written.
    folded: Option<Zeroizing<String>>,
    pieces: Vec<Piece>,
}

/// From this place on, the text stands for this part of the original.
struct Piece {
    at: usize,
    from: usize,
    to: usize,
    /// Byte for byte.
    even: bool,
}

impl<'t> View<'t> {
    /// Reads a text. Most have nothing to undo.
    pub(super) fn of(original: &'t str) -> Self {
        let mut view = Self { original, folded: None, pieces: Vec::new() };
        let bytes = original.as_bytes();
        let (mut same, mut at) = (0, 0);
        while let Some(skip) =
            bytes.get(at..).and_then(|rest| rest.iter().position(|byte| is_special(*byte)))
        {
            at += skip;
            let Some(change) = change(original, at) else {
                at += original
                    .get(at..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(1, char::len_utf8);
                continue;
            };
            view.copy(same..at);
            view.put(change.to, at..change.end);
            (same, at) = (change.end, change.end);
        }
        if view.folded.is_some() {
            view.copy(same..original.len());
        }
        view
    }

    /// Returns the text to read.
    pub(super) fn text(&self) -> &str {
        self.folded.as_ref().map_or(self.original, |folded| folded.as_str())
    }

    /// Returns the place in the original of a place in the text.
    pub(super) fn original(&self, place: Range<usize>) -> Range<usize> {
        if self.folded.is_none() || place.is_empty() {
            return place;
        }
        let start = self.piece(place.start).map_or(0, |piece| match piece.even {
            true => piece.from + (place.start - piece.at),
            false => piece.from,
        });
        let end = self.piece(place.end - 1).map_or(start, |piece| match piece.even {
            true => piece.from + (place.end - piece.at),
            false => piece.to,
        });
        start..end.max(start)
    }

    fn piece(&self, at: usize) -> Option<&Piece> {
        let next = self.pieces.partition_point(|piece| piece.at <= at);
        self.pieces.get(next.checked_sub(1)?)
    }

    fn copy(&mut self, part: Range<usize>) {
        let folded = self
            .folded
            .get_or_insert_with(|| Zeroizing::new(String::with_capacity(self.original.len())));
        if let Some(text) = self.original.get(part.clone()).filter(|text| !text.is_empty()) {
            self.pieces.push(Piece {
                at: folded.len(),
                from: part.start,
                to: part.end,
                even: true,
            });
            folded.push_str(text);
        }
    }

    fn put(&mut self, character: Option<char>, part: Range<usize>) {
        if let (Some(folded), Some(character)) = (&mut self.folded, character) {
            self.pieces.push(Piece {
                at: folded.len(),
                from: part.start,
                to: part.end,
                even: false,
            });
            folded.push(character);
        }
    }
}

/// Replacement of the characters up to a place: a character, or nothing.
struct Change {
    to: Option<char>,
    end: usize,
}

/// Returns true for the first byte of a character that may change.
fn is_special(byte: u8) -> bool {
    byte >= 0x80 || matches!(byte, b'\\' | b'%' | b'&')
}

fn change(text: &str, at: usize) -> Option<Change> {
    let rest = text.get(at..)?;
    let first = rest.chars().next()?;
    let (character, end, escaped) = match first.is_ascii() {
        true => {
            let (character, length) = escape::undo(rest)?;
            (character, at + length, true)
        }
        false => (first, at + first.len_utf8(), false),
    };
    let folded = if character.is_ascii() { Folded::Same } else { fold(character) };
    match folded {
        Folded::Same if escaped => Some(Change { to: Some(character), end }),
        Folded::Same => None,
        Folded::Nothing => Some(Change { to: None, end }),
        Folded::As(other) => Some(Change { to: Some(other), end }),
    }
}
