//! Bytes that can be read at any place, also outside of them.

use std::ops::Range;

/// A text as bytes. A place outside reads as 0, which belongs to nothing that is looked for.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'t>(&'t [u8]);

impl<'t> Bytes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(text.as_bytes())
    }

    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    /// Returns the byte at a place.
    pub(super) fn at(self, place: usize) -> u8 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// Returns the byte before a place.
    pub(super) fn before(self, place: usize) -> u8 {
        place.checked_sub(1).map_or(0, |before| self.at(before))
    }

    /// Returns the bytes of a place, or none if it lies outside.
    pub(super) fn slice(self, place: Range<usize>) -> &'t [u8] {
        self.0.get(place).unwrap_or_default()
    }

    /// Returns true if these ASCII letters stand at a place, in any case.
    pub(super) fn starts(self, place: usize, with: &str) -> bool {
        self.slice(place..place.saturating_add(with.len())).eq_ignore_ascii_case(with.as_bytes())
    }

    /// Returns the end of the bytes from a place on that a class has, `most` bytes at most.
    pub(super) fn run(self, from: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
        let end = from.saturating_add(most).min(self.len());
        let run = self.slice(from..end).iter().position(|byte| !class(*byte));
        run.map_or(end.max(from), |length| from + length)
    }

    /// Returns the begin of the bytes before a place that a class has, `most` bytes at most.
    pub(super) fn run_back(self, to: usize, most: usize, class: impl Fn(u8) -> bool) -> usize {
        let start = to.saturating_sub(most);
        let run = self.slice(start..to).iter().rev().position(|byte| !class(*byte));
        run.map_or(start, |length| to - length)
    }
}

/// Returns true for ASCII letters and digits and for any byte of another character.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Returns true for ASCII letters and digits.
pub(super) fn is_alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}
