//! Cuts a text that is still being written into windows to look at, and holds it back until they
//! passed.
//!
//! A window is about 64 tokens, and the next begins half a window later, so that a harmful phrase
//! is whole in one of them. From time to time, and at the end, the text so far is looked at as a
//! whole, too, up to a limit. Which windows there are depends on the text alone, and not on the
//! pieces in which it arrives: a text has the same verdict however it is cut. The text of an answer
//! that is not streamed goes through here in one piece.
//!
//! Not here: detectors and decisions. The caller looks at each [`Look`], and asks for
//! [`Windows::release`] only after a look passed.

use std::{fmt, ops::Range};

use unicode_segmentation::UnicodeSegmentation;
use zeroize::Zeroizing;

use crate::content::Content;

/// The length of a window, in bytes: about 64 tokens of English.
pub const WINDOW: usize = 320;

/// The distance from one window to the next, in bytes: about 32 tokens.
pub const STRIDE: usize = 160;

/// The text so far is looked at as a whole each time it has grown by this many bytes.
pub const WHOLE_EACH: usize = 1280;

/// The longest text that is looked at as a whole, in bytes: the end of a longer one.
pub const MOST_WHOLE: usize = 4000;

/// The most bytes that a window's edge moves back, so that it cuts no word.
const WORD: usize = 32;

/// The extent of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// A window. Worth the encoder's time.
    Window,
    /// The text so far. Rate it by n-grams alone: the encoder has seen its windows.
    Whole,
}

/// A part of the text to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether it is a window, or the text so far.
    pub extent: Extent,
    /// Its bytes in the whole text.
    pub bytes: Range<usize>,
    /// Its characters in the whole text: Azure's `content_filter_offsets` count characters.
    pub characters: Range<usize>,
    /// The text.
    pub text: Content,
    /// The bytes of the whole text that may go out once this look and all before it passed.
    pub free: usize,
}

/// The windows over one text, and the part of it that is held back.
#[derive(Default)]
pub struct Windows {
    /// The end of the text so far: all that is held back, and the begin of the next look.
    text: Zeroizing<String>,
    /// Bytes and characters of the whole text before `text`.
    base: usize,
    base_characters: usize,
    /// Bytes that went out.
    sent: usize,
    /// Bytes that may go out: the greatest `free` of a look.
    free: usize,
    /// Where the next window begins, before its edge moves to a word.
    window: usize,
    /// Where the last window ended.
    covered: usize,
    /// The length at which the whole was last looked at.
    whole: usize,
    ended: bool,
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Windows({} bytes, {} sent)", self.length(), self.sent)
    }
}

impl Windows {
    /// Begins with an empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns all looks at a text that is complete.
    #[must_use]
    pub fn all(text: &Content) -> Vec<Look> {
        let mut windows = Self::new();
        windows.push(text);
        windows.end();
        std::iter::from_fn(|| windows.next()).collect()
    }

    /// Appends a piece of any length. Pieces are joined byte for byte.
    pub fn push(&mut self, piece: &Content) {
        self.text.push_str(piece.reveal());
    }

    /// Says that the text is complete.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Returns the length of the text so far, in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.base + self.text.len()
    }

    /// Returns the bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.length() - self.sent
    }

    /// Returns the next part to look at, or `None` until more text arrives. After
    /// [`Windows::end`], `None` means that the whole text was looked at. An empty text has no look.
    #[expect(clippy::should_implement_trait, reason = "more text can follow a `None`")]
    pub fn next(&mut self) -> Option<Look> {
        let length = self.length();
        let end = self.window + WINDOW;
        // The whole first: nothing goes out before both passed.
        let due = self.whole + WHOLE_EACH;
        if due <= length && due <= end {
            self.whole = due;
            return self.whole_until(due);
        }
        if end <= length {
            let end = self.word_end(end);
            let look = self.window_until(end, self.window + STRIDE);
            self.window += STRIDE;
            return look;
        }
        if !self.ended {
            return None;
        }
        // A text of one window is its own whole.
        if self.whole < length && length > WINDOW {
            self.whole = length;
            return self.whole_until(length);
        }
        if self.covered < length {
            return self.window_until(length, length);
        }
        self.free = length;
        None
    }

    /// Takes the text up to this byte of the whole, as far as the looks so far allow. The text ends
    /// between two graphemes: what the reader sees as one character is never cut. (A grapheme longer
    /// than a window is.)
    pub fn release(&mut self, upto: usize) -> Content {
        let upto = upto.min(self.free).min(self.length());
        let held = self.text.get(self.sent - self.base..).unwrap_or_default();
        let wanted = upto.saturating_sub(self.sent);
        let complete = self.ended && upto == self.length();
        let length = if complete { held.len() } else { graphemes(held, wanted) };
        let out = Content::new(held.get(..length).unwrap_or_default().to_owned());
        self.sent += length;
        self.forget();
        out
    }

    fn window_until(&mut self, end: usize, free: usize) -> Option<Look> {
        let start = self.word_start(self.window);
        self.covered = end;
        self.free = self.free.max(free);
        self.look(Extent::Window, start..end)
    }

    fn whole_until(&mut self, end: usize) -> Option<Look> {
        let start = self.word_start(end.saturating_sub(MOST_WHOLE));
        self.look(Extent::Whole, start..end)
    }

    fn look(&self, extent: Extent, bytes: Range<usize>) -> Option<Look> {
        let (start, end) = (self.character(bytes.start), self.character(bytes.end));
        let text = self.text.get(start - self.base..end - self.base)?;
        let before = self.text.get(..start - self.base)?.chars().count() + self.base_characters;
        Some(Look {
            extent,
            bytes: start..end,
            characters: before..before + text.chars().count(),
            text: Content::new(text.to_owned()),
            free: self.free,
        })
    }

    /// Returns the last place from this one back at which a character begins.
    fn character(&self, at: usize) -> usize {
        let mut inside = at.saturating_sub(self.base).min(self.text.len());
        while !self.text.is_char_boundary(inside) {
            inside -= 1;
        }
        self.base + inside
    }

    /// Returns the begin of the word at a place, if it is near.
    fn word_start(&self, at: usize) -> usize {
        self.space_before(at).map_or(at, |(_, after)| after)
    }

    /// Returns the end of the last whole word before a place, if it is near.
    fn word_end(&self, at: usize) -> usize {
        self.space_before(at).map_or(at, |(before, _)| before)
    }

    /// Returns the white space next before a place: its begin and its end.
    fn space_before(&self, at: usize) -> Option<(usize, usize)> {
        let to = self.character(at);
        let from = self.character(to.saturating_sub(WORD).max(self.base));
        let near = self.text.get(from - self.base..to - self.base)?;
        let (place, space) = near.char_indices().rev().find(|(_, one)| one.is_whitespace())?;
        Some((from + place, from + place + space.len_utf8()))
    }

    /// Drops text that went out and that no look needs any more.
    fn forget(&mut self) {
        // The next whole can be any longer text: the last one is.
        let whole = self.whole.saturating_sub(MOST_WHOLE);
        let needed = self.sent.min(self.window).min(whole).saturating_sub(WORD + 4);
        let keep = self.character(needed.max(self.base)) - self.base;
        self.base_characters += self.text.get(..keep).unwrap_or_default().chars().count();
        let rest = Zeroizing::new(self.text.get(keep..).unwrap_or_default().to_owned());
        self.text = rest;
        self.base += keep;
    }
}

/// Returns the length of the graphemes that end at most here. More text can follow, so the last
/// grapheme of the text can still grow and does not count.
fn graphemes(text: &str, most: usize) -> usize {
    let mut starts = text.grapheme_indices(true).map(|(at, _)| at);
    let whole = starts.by_ref().take_while(|at| *at <= most).last().unwrap_or(0);
    if whole > 0 || most < WINDOW {
        return whole;
    }
    (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
