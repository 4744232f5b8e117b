//! Groups of letters and digits from one place on: `DE 123 456`.

use super::bytes::{Bytes, is_alnum};

/// The most letters and digits that are read.
const MOST: usize = 28;

/// A number as written, without its separators, and the ends of its groups.
#[derive(Default)]
pub(super) struct Number {
    pub(super) start: usize,
    /// As written, with `9` for each digit, `A` for each letter, and the separators.
    shape: Vec<u8>,
    /// Letters in upper case, and digits.
    plain: Vec<u8>,
    cuts: Vec<Cut>,
}

/// A place where the number may end.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    /// The place in the text.
    pub(super) end: usize,
    shape: usize,
    plain: usize,
    /// There are only digits up to here.
    digits: bool,
}

impl Number {
    /// Reads from a place on.
    pub(super) fn read(&mut self, bytes: Bytes<'_>, start: usize) {
        self.start = start;
        self.shape.clear();
        self.plain.clear();
        self.cuts.clear();
        let (mut at, mut digits) = (start, true);
        loop {
            let byte = bytes.at(at);
            if is_alnum(byte) {
                if self.plain.len() == MOST {
                    return;
                }
                digits &= byte.is_ascii_digit();
                self.shape.push(if byte.is_ascii_digit() { b'9' } else { b'A' });
                self.plain.push(byte.to_ascii_uppercase());
                at += 1;
                continue;
            }
            self.cuts.push(Cut {
                end: at,
                shape: self.shape.len(),
                plain: self.plain.len(),
                digits,
            });
            if !matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(') || !is_alnum(bytes.at(at + 1)) {
                return;
            }
            self.shape.push(byte);
            at += 1;
        }
    }

    /// Returns how many bytes were read.
    pub(super) fn width(&self) -> usize {
        self.shape.len()
    }

    /// Returns the places where the number may end, the last first.
    pub(super) fn cuts(&self) -> impl Iterator<Item = Cut> {
        self.cuts.iter().rev().copied()
    }

    /// Returns the form up to a cut.
    pub(super) fn shape(&self, cut: Cut) -> &[u8] {
        self.shape.get(..cut.shape).unwrap_or_default()
    }

    /// Returns letters and digits up to a cut.
    pub(super) fn plain(&self, cut: Cut) -> &[u8] {
        self.plain.get(..cut.plain).unwrap_or_default()
    }

    /// Returns the values of the digits up to a cut, if there is nothing else.
    pub(super) fn digits(&self, cut: Cut) -> Option<impl DoubleEndedIterator<Item = u32> + Clone> {
        let digits = self.plain(cut).iter().map(|byte| u32::from(byte - b'0'));
        cut.digits.then_some(digits)
    }
}

/// Returns true if a number may begin here: no word, decimal or longer number goes on.
pub(super) fn begins(bytes: Bytes<'_>, start: usize) -> bool {
    let before = bytes.before(start);
    let joined = matches!(before, b'-' | b'.' | b'/' | b'+' | b'\\');
    let word = start.checked_sub(2).is_some_and(|two| is_alnum(bytes.at(two)));
    let goes_on = is_alnum(before) || (joined && word);
    !goes_on
}

/// Returns true if a number may end here. A point and a letter begin the end of a file's name.
pub(super) fn ends(bytes: Bytes<'_>, end: usize) -> bool {
    let (after, then) = (bytes.at(end), bytes.at(end + 1));
    let joined = matches!(after, b'-' | b'/' | b'+' | b'@') && is_alnum(then);
    let decimal = after == b'.' && then.is_ascii_digit();
    let goes_on = is_alnum(after) || joined || decimal;
    !goes_on
}
