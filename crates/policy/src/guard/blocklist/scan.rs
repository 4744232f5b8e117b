//! Searches a stream for the terms of lists, and holds back as little of it as that takes.

use std::{collections::BTreeSet, sync::Arc};

use unicode_segmentation::GraphemeCursor;
use zeroize::Zeroizing;

use super::{Blocklist, LONGEST_MATCH};
use crate::{
    content::Content,
    guard::{
        normalise::{Readings, TooLarge},
        verdict::{Side, Verdict},
    },
};

/// The most bytes that are held back.
pub const MOST_HELD: usize = 256;

/// Bytes that went out before and are still searched: a term in disguise can be longer than the
/// part that is held back.
const CONTEXT: usize = 512;

/// A term of ASCII has at most this many times its bytes in wide letters.
const WIDEST: usize = 4;

/// A list, and whether its terms stop the stream.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The list.
    pub list: Arc<Blocklist>,
    /// True if its terms stop the stream; otherwise they are only reported.
    pub blocking: bool,
}

/// The search in one stream.
///
/// A term that is written plainly never goes out in part, and is found wherever the stream is cut
/// into pieces. A term in disguise that is longer than the held part is found, but its begin may
/// be out. Base64 that is longer than the searched window, about 700 bytes, is not decoded: search
/// the whole text at its end, too. No piece ends within a grapheme cluster of up to 64 bytes.
#[derive(Debug)]
pub struct Scan {
    side: Side,
    lists: Vec<Watched>,
    /// The last bytes that went out, then the held ones.
    window: Window,
    /// The bytes of the window that went out.
    out: usize,
    /// True if the window does not begin where the stream began.
    cut: bool,
    hold: usize,
    found: BTreeSet<usize>,
    stopped: bool,
}

/// The text in the window; it cannot be printed.
#[derive(Default)]
struct Window(Zeroizing<String>);

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Window({} bytes)", self.0.len())
    }
}

impl Scan {
    /// Begins a search.
    #[must_use]
    pub fn new(side: Side, lists: Vec<Watched>) -> Self {
        let longest = lists.iter().map(|one| one.list.longest_match()).max();
        let hold = longest.map_or(0, |longest| (longest * WIDEST).min(LONGEST_MATCH));
        Self {
            side,
            lists,
            window: Window::default(),
            out: 0,
            cut: false,
            hold,
            found: BTreeSet::new(),
            stopped: false,
        }
    }

    /// Takes the next piece, and returns the text that may go out. After a term of a blocking
    /// list it returns nothing more.
    ///
    /// # Errors
    /// If the piece is too large to be searched. Nothing goes out then.
    pub fn push(&mut self, piece: &Content) -> Result<Content, TooLarge> {
        self.advance(piece.reveal(), false)
    }

    /// Returns the rest of the text, and what was found.
    ///
    /// # Errors
    /// If the rest cannot be searched.
    pub fn finish(mut self) -> Result<(Content, Verdict), TooLarge> {
        let rest = self.advance("", true)?;
        Ok((rest, self.verdict()))
    }

    /// Returns true once a term of a blocking list was found.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Returns what was found so far.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let lists = self.lists.iter().enumerate();
        lists.fold(Verdict::by(self.side), |verdict, (number, one)| {
            one.list.finding(verdict, self.found.contains(&number))
        })
    }

    /// Returns the bytes that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.window.0.len().saturating_sub(self.out)
    }

    fn advance(&mut self, piece: &str, whole: bool) -> Result<Content, TooLarge> {
        if self.stopped {
            return Ok(Content::default());
        }
        self.window.0.push_str(piece);
        let stop = match self.search(whole) {
            Ok(stop) => stop,
            Err(error) => {
                self.stopped = true;
                return Err(error);
            }
        };
        let to = match (stop, whole) {
            (Some(place), _) => boundary(&self.window.0, place.max(self.out), self.out),
            (None, true) => self.window.0.len(),
            (None, false) => {
                let place = self.window.0.len().saturating_sub(self.hold).max(self.out);
                boundary(&self.window.0, place, self.out)
            }
        };
        let free = Content::new(self.window.0.get(self.out..to).unwrap_or_default().to_owned());
        self.out = to;
        self.stopped = stop.is_some();
        self.forget();
        Ok(free)
    }

    /// Searches the window, notes the lists that have a term there, and returns the first place
    /// of a term that stops the stream.
    fn search(&mut self, whole: bool) -> Result<Option<usize>, TooLarge> {
        if self.lists.is_empty() {
            return Ok(None);
        }
        let readings = Readings::of(&self.window.0)?;
        let mut stop: Option<usize> = None;
        for (number, one) in self.lists.iter().enumerate() {
            let Some(place) = one.list.within(&readings, self.cut, whole) else { continue };
            self.found.insert(number);
            if one.blocking {
                stop = Some(stop.map_or(place.start, |other| other.min(place.start)));
            }
        }
        Ok(stop)
    }

    /// Drops the oldest text, up to the context.
    fn forget(&mut self) {
        let place = self.out.saturating_sub(CONTEXT);
        let from = boundary(&self.window.0, place, 0);
        if from == 0 {
            return;
        }
        let kept = Zeroizing::new(self.window.0.get(from..).unwrap_or_default().to_owned());
        (self.window, self.out, self.cut) = (Window(kept), self.out - from, true);
    }
}

/// Returns the last boundary of a grapheme cluster up to `place`, at most 64 bytes before it and
/// not before `least`. In a longer cluster, returns a boundary of a character.
fn boundary(text: &str, place: usize, least: usize) -> usize {
    let down = |from: usize| (least..=from).rev().find(|at| text.is_char_boundary(*at));
    let place = down(place).unwrap_or(least);
    let mut cursor = GraphemeCursor::new(place, text.len(), true);
    if place == least || cursor.is_boundary(text, 0).unwrap_or(true) {
        return place;
    }
    let before = cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(place);
    let nearest = place.saturating_sub(MOST_HELD - LONGEST_MATCH);
    if before >= nearest.max(least) { before } else { place }
}

#[cfg(test)]
mod tests;
