//! Cuts a text into overlapping parts, and chooses the parts that an encoder sees.

use std::ops::Range;

/// The longest part, in characters: as much as the encoder's vector is of.
pub const PART: usize = 1000;

/// The characters that two neighbouring parts share, so that a sentence on a cut is whole in one.
pub const OVERLAP: usize = 200;

/// The most parts of one text that the encoder sees. A vector takes about a tenth of a second, so
/// the rest of a longer text is rated by n-grams alone.
pub const MOST_EMBEDDED: usize = 16;

/// Returns the bytes of each part of a text, in order. Every byte is in a part, and every part but
/// the first begins after white space if there is some in the overlap.
pub(super) fn parts(text: &str) -> Vec<Range<usize>> {
    overlapping(text, PART, OVERLAP)
}

/// Cuts a text into parts of at most `length` characters that share about `overlap` characters.
pub(super) fn overlapping(text: &str, length: usize, overlap: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let Some((length, _)) = rest.char_indices().nth(length) else {
            parts.push(start..text.len());
            return parts;
        };
        let end = start + length;
        parts.push(start..end);
        let part = text.get(start..end).unwrap_or_default();
        let back = part.char_indices().rev().nth(overlap.saturating_sub(1)).map_or(0, |one| one.0);
        let shared = part.get(back..).unwrap_or_default();
        let word = shared.find(char::is_whitespace).map_or(0, |at| at + 1);
        // A space of several bytes: go on to the next character.
        let mut next = start + back + word;
        while !text.is_char_boundary(next) {
            next += 1;
        }
        start = if next > start && next < end { next } else { end };
    }
}

/// The shortest run of sentences that is rated alone for harm, in characters.
pub(super) const SENTENCE: usize = 60;

/// The shortest run of sentences in which an indirect attack is looked for: a question has as many.
pub(super) const SHORT: usize = 15;

/// The longest sentence, in characters: a longer one is cut.
const LONGEST: usize = 250;

/// Returns the sentences of a text. One with fewer than `shortest` characters stands together with
/// the next.
pub(super) fn sentences(text: &str, shortest: usize) -> Vec<Range<usize>> {
    let mut sentences = Vec::new();
    let (mut start, mut length, mut stopped) = (0, 0_usize, false);
    for (at, one) in text.char_indices() {
        let over = stopped && one.is_whitespace() || one == '\n';
        if over && length >= shortest || length >= LONGEST {
            sentences.push(start..at);
            (start, length) = (at, 0);
        }
        stopped = matches!(one, '.' | '!' | '?' | '。' | '…') || one == '"' && stopped;
        length += 1;
    }
    sentences.push(start..text.len());
    sentences
}

/// Returns the numbers of the parts that the encoder sees, in ascending order: all, or the first
/// quarter and the last quarter of [`MOST_EMBEDDED`], and the others evenly between.
pub(super) fn embedded(number: usize) -> Vec<usize> {
    if number <= MOST_EMBEDDED {
        return (0..number).collect();
    }
    let edge = MOST_EMBEDDED / 4;
    let between = MOST_EMBEDDED - 2 * edge;
    let room = number - 2 * edge;
    let middle = (0..between).map(|at| edge + (2 * at + 1) * room / (2 * between));
    (0..edge).chain(middle).chain(number - edge..number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_in_a_part_and_parts_are_short() {
        let words = "Grüße, an ordinary sentence about nothing. ".repeat(200);
        let one = "x".repeat(5000);
        let wide = "言葉\u{3000}".repeat(1500);
        for text in [words.as_str(), &one, &wide, "", "short", "\u{3000}"] {
            let parts = parts(text);
            assert_eq!(parts.first().map(|part| part.start), Some(0));
            assert_eq!(parts.last().map(|part| part.end), Some(text.len()));
            for pair in parts.windows(2) {
                assert!(pair[1].start <= pair[0].end && pair[1].start > pair[0].start);
                assert!(pair[1].end > pair[0].end);
            }
            for part in parts {
                assert!(text.get(part).unwrap().chars().count() <= PART);
            }
        }
    }

    #[test]
    fn a_sentence_on_a_cut_is_whole_in_a_part() {
        let needle = "this is the sentence that must stay whole in one of the parts";
        for before in (0..2500).step_by(7) {
            let text = format!("{} {needle} {}", "ab ".repeat(before / 3), "cd ".repeat(900));
            let parts = parts(&text);
            assert!(parts.iter().any(|part| text.get(part.clone()).unwrap().contains(needle)));
        }
    }

    #[test]
    fn the_encoder_sees_the_first_the_last_and_some_between() {
        assert_eq!(embedded(3), [0, 1, 2]);
        assert_eq!(embedded(16).len(), 16);
        for number in [17, 18, 40, 1000] {
            let chosen = embedded(number);
            assert_eq!(chosen.len(), MOST_EMBEDDED);
            assert!(chosen.is_sorted_by(|one, next| one < next), "{chosen:?}");
            assert_eq!((chosen[0], chosen[15]), (0, number - 1));
        }
    }
}
