//! Undoes accents, spaced letters and digits that stand for letters.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use zeroize::Zeroizing;

use super::{Draft, TooLarge};

/// The characters, and apart from them where each came from, so that the characters are
/// overwritten when dropped.
struct Letters {
    characters: Zeroizing<Vec<char>>,
    places: Vec<Range<usize>>,
}

impl Letters {
    fn new(room: usize) -> Self {
        let characters = Zeroizing::new(Vec::with_capacity(room));
        Self { characters, places: Vec::with_capacity(room) }
    }

    /// Appends a character of other letters.
    fn extend(&mut self, other: &Self, place: usize) {
        self.characters.extend(other.characters.get(place));
        self.places.extend(other.places.get(place).cloned());
    }
}

/// The shortest run of spaced letters that is joined.
const FEWEST_SPACED: usize = 3;

/// Undoes accents, then spaced letters, then digits for letters. Also returns the spaced letters
/// after the words `a` and `I`, each run in a line, if there are any.
pub(super) fn bare(plain: &Draft) -> Result<(Draft, Option<Draft>), TooLarge> {
    let (letters, after_words) = join(&without_accents(plain));
    let spaced = written(&after_words, 0)?;
    Ok((written(&letters, plain.text().len())?, Some(spaced).filter(|one| !one.text().is_empty())))
}

/// Writes letters where digits and signs stand for them.
fn written(letters: &Letters, room: usize) -> Result<Draft, TooLarge> {
    let mut bare = Draft::new(room);
    let mut start = 0;
    while let Some(&first) = letters.characters.get(start) {
        let rest = letters.characters.iter().skip(start);
        let length = rest.take_while(|one| is_written(**one)).count().max(1);
        let run = || letters.characters.iter().skip(start).take(length);
        let word = is_written(first) && run().any(|one| one.is_alphabetic());
        // `!` ends sentences more often than it stands for a letter.
        let spoken = run().rposition(|one| *one != '!').map_or(0, |last| last + 1);
        for (place, character) in run().enumerate() {
            let letter = if word && place < spoken { letter(*character) } else { None };
            let original = letters.places.get(start + place).cloned().unwrap_or_default();
            bare.push(letter.unwrap_or(*character), original)?;
        }
        start += length;
    }
    Ok(bare)
}

/// Decomposes each character, and drops the marks on Latin letters.
fn without_accents(plain: &Draft) -> Letters {
    let room = plain.text().len();
    let mut letters = Letters::new(room);
    let mut latin = false;
    for (at, character) in plain.text().char_indices() {
        let original = plain.original(at..at + character.len_utf8());
        for part in std::iter::once(character).nfd() {
            if is_combining_mark(part) && latin {
                continue;
            }
            latin = part.is_ascii_alphabetic();
            letters.characters.push(part);
            letters.places.push(original.clone());
        }
    }
    letters
}

/// Drops the separators of spaced letters: at least three single letters, with the same
/// separator between each two. Also returns, in lines, the letters after the words `a` and `I`.
fn join(letters: &Letters) -> (Letters, Letters) {
    let all = &letters.characters;
    let (mut joined, mut after_words) = (Letters::new(all.len()), Letters::new(0));
    let mut at = 0;
    while let Some(&first) = all.get(at) {
        let count = spaced(all, at);
        let (step, end) = if count > 0 { (2, at + 2 * count - 1) } else { (1, at + 1) };
        let places = || (at..end).step_by(step);
        places().for_each(|place| joined.extend(letters, place));
        if matches!(first, 'a' | 'i') && all.get(at + 1) == Some(&' ') && count > FEWEST_SPACED {
            places().skip(1).for_each(|place| after_words.extend(letters, place));
            after_words.characters.push('\n');
            after_words
                .places
                .push(letters.places.get(end - 1).map_or(0..0, |one| one.end..one.end));
        }
        at = end;
    }
    (joined, after_words)
}

/// Returns the number of spaced letters that begin here, or zero.
fn spaced(all: &[char], at: usize) -> usize {
    let is_part = |place: usize| all.get(place).is_some_and(|one| is_written(*one));
    let separator = all.get(at + 1).copied().unwrap_or('a');
    let begins = is_part(at) && at.checked_sub(1).is_none_or(|before| !is_part(before));
    if !begins || separator.is_alphanumeric() || is_written(separator) {
        return 0;
    }
    let single = |count: &usize| {
        let place = at + 2 * count;
        let follows = *count == 0 || all.get(place - 1) == Some(&separator);
        let ends = all.get(place + 1).is_none_or(|next| !next.is_alphanumeric());
        is_part(place) && ends && follows
    };
    let count = (0..).take_while(single).count();
    let letters =
        (0..count).filter(|one| all.get(at + 2 * one).is_some_and(|one| one.is_alphabetic()));
    if letters.count() < FEWEST_SPACED { 0 } else { count }
}

/// Returns true for characters that words are written with, also in disguise.
fn is_written(character: char) -> bool {
    character.is_alphanumeric() || letter(character).is_some()
}

/// Returns the letter that a digit or a sign stands for.
fn letter(character: char) -> Option<char> {
    Some(match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        '8' => 'b',
        '|' => 'l',
        _ => return None,
    })
}
