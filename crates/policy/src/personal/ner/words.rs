//! Cuts a text into the words that a model reads.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

/// The longest word that the model gets, in characters. It gets the beginning of a longer one.
const LONGEST: usize = 64;

/// Returns the places of the words: runs of letters and digits, and each other visible character alone.
/// A hyphen or an apostrophe between letters is a part of the word, except that of an English genitive.
/// Scripts that put no spaces between words (Han, Hiragana, Katakana) have a word for each character, as
/// BERT's tokenizers do. Thai and its neighbours have one for each run.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some((start, first)) = rest.next() {
        if first.is_whitespace() || first.is_control() {
            continue;
        }
        let mut end = start + first.len_utf8();
        if is_in_word(first) {
            while let Some((at, next)) = rest.peek().copied() {
                let joins = match next {
                    '-' | '\'' | '\u{2019}' => joins(text, at, next),
                    _ => is_in_word(next) || is_combining_mark(next),
                };
                if !joins {
                    break;
                }
                end = at + next.len_utf8();
                let _ = rest.next();
            }
        }
        found.push(start..end);
    }
    found
}

/// Returns the part of a word that the model gets.
pub(super) fn beginning(word: &str) -> &str {
    let end = word.char_indices().nth(LONGEST).map_or(word.len(), |(at, _)| at);
    word.get(..end).unwrap_or_default()
}

/// Returns true if a hyphen or an apostrophe after a letter is a part of the word.
fn joins(text: &str, at: usize, sign: char) -> bool {
    let mut after = text.get(at + sign.len_utf8()..).unwrap_or_default().chars();
    let first = after.next();
    let goes_on = after.next().is_some_and(is_in_word);
    let genitive = sign != '-' && matches!(first, Some('s' | 'S')) && !goes_on;
    first.is_some_and(is_in_word) && !genitive
}

fn is_in_word(one: char) -> bool {
    one.is_alphanumeric() && !stands_alone(one)
}

/// Returns true for characters of scripts without spaces, of which BERT makes words.
fn stands_alone(one: char) -> bool {
    matches!(one,
        '\u{3005}'..='\u{3007}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<&str> {
        words(text).into_iter().map(|place| text.get(place).unwrap()).collect()
    }

    #[test]
    fn signs_stand_alone_and_hyphens_join() {
        assert_eq!(
            of("Ask Jean-Luc O\u{2019}Brien's (Dr. X)!"),
            ["Ask", "Jean-Luc", "O\u{2019}Brien", "'", "s", "(", "Dr", ".", "X", ")", "!"]
        );
        assert_eq!(
            of("a- b -c rock'n'roll x--y"),
            ["a", "-", "b", "-", "c", "rock'n'roll", "x", "-", "-", "y"]
        );
        assert_eq!(of("12 Baker-St., 4/2"), ["12", "Baker-St", ".", ",", "4", "/", "2"]);
        assert!(of(" \n\t\u{0}").is_empty());
    }

    #[test]
    fn each_script_has_its_words() {
        assert_eq!(
            of("王小明さんは東京 in"),
            ["王", "小", "明", "さ", "ん", "は", "東", "京", "in"]
        );
        assert_eq!(of("김철수 씨"), ["김철수", "씨"]);
        assert_eq!(of("मेरा नाम हिन्दी"), ["मेरा", "नाम", "हिन्दी"], "marks belong to their letters");
        assert_eq!(of("e\u{301}lise"), ["e\u{301}lise"]);
        assert_eq!(of("hi 👩‍👧 Ann"), ["hi", "👩", "\u{200d}", "👧", "Ann"]);
        assert_eq!(of("ผมชื่อสมชาย").len(), 1);
    }

    #[test]
    fn a_long_word_is_cut_for_the_model_alone() {
        let long = "ä".repeat(1000);
        assert_eq!(of(&long), [&long]);
        assert_eq!(beginning(&long).chars().count(), LONGEST);
        assert_eq!(beginning("ab"), "ab");
    }
}
