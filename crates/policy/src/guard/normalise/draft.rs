//! A text in the making, with the place in the original of each of its characters.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{MOST_BYTES, MOST_GROWTH, TooLarge};
use crate::content::Content;

/// A text and its marks.
#[derive(Debug)]
pub(super) struct Draft {
    text: Zeroizing<String>,
    marks: Marks,
}

impl Draft {
    /// Begins an empty text, with room for this many bytes.
    pub(super) fn new(room: usize) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(room)), marks: Marks(Vec::new()) }
    }

    /// Takes a text that is its own original.
    pub(super) fn identity(text: &str) -> Self {
        let marks = match text.is_empty() {
            true => Vec::new(),
            false => vec![Mark { at: 0, from: 0, to: text.len(), even: true }],
        };
        Self { text: Zeroizing::new(text.to_owned()), marks: Marks(marks) }
    }

    /// Appends a character that these bytes of the original became.
    ///
    /// # Errors
    /// If the text grows too much.
    pub(super) fn push(&mut self, character: char, original: Range<usize>) -> Result<(), TooLarge> {
        let at = self.text.len();
        if at >= MOST_GROWTH.saturating_mul(MOST_BYTES) {
            return Err(TooLarge);
        }
        self.text.push(character);
        let even = self.text.len() - at == original.len();
        if let Some(last) = self.marks.0.last_mut()
            && last.even
            && even
            && last.to == original.start
        {
            last.to = original.end;
            return Ok(());
        }
        let Range { start: from, end: to } = original;
        self.marks.0.push(Mark { at, from, to, even });
        Ok(())
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the bytes of the original that became these bytes.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        self.marks.original(range)
    }

    pub(super) fn into_parts(mut self) -> (Content, Marks) {
        (Content::new(std::mem::take(&mut *self.text)), self.marks)
    }
}

/// A part of the text, from `at` to the next mark, and the part of the original it came from.
#[derive(Debug, Clone)]
struct Mark {
    at: usize,
    from: usize,
    to: usize,
    /// True if both parts are equally long, byte for byte.
    even: bool,
}

/// The marks of a text, in its order.
#[derive(Debug, Clone)]
pub(super) struct Marks(Vec<Mark>);

impl Marks {
    /// Returns the bytes of the original that became these bytes.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start).map_or(0, |one| one.start);
        let Some(last) = range.end.checked_sub(1).filter(|last| *last >= range.start) else {
            return start..start;
        };
        let end = self.place(last).map_or(start, |one| one.end);
        start..end.max(start)
    }

    /// Returns the bytes of the original that became this byte.
    fn place(&self, byte: usize) -> Option<Range<usize>> {
        let next = self.0.partition_point(|mark| mark.at <= byte);
        let mark = self.0.get(next.checked_sub(1)?)?;
        if !mark.even {
            return Some(mark.from..mark.to);
        }
        let from = mark.from.saturating_add(byte - mark.at).min(mark.to);
        Some(from..from.saturating_add(1).min(mark.to))
    }
}
