//! Folds characters: compatibility forms, case, invisible characters, look-alikes.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_segmentation::UnicodeSegmentation;

use super::{Draft, TooLarge};

/// Folds each character of a text. Characters that are invisible leave nothing.
pub(super) fn fold(input: &Draft) -> Result<Draft, TooLarge> {
    let text = input.text();
    let mut folded = Draft::new(text.len());
    if text.is_ascii() {
        for (at, character) in text.char_indices() {
            folded.push(character.to_ascii_lowercase(), input.original(at..at + 1))?;
        }
        return Ok(folded);
    }
    // Characters compose within a cluster only, so each is normalised alone.
    for (at, cluster) in text.grapheme_indices(true) {
        let original = input.original(at..at + cluster.len());
        if cluster.len() == 1 {
            let lower = cluster.chars().map(|one| one.to_ascii_lowercase());
            lower.into_iter().try_for_each(|one| folded.push(one, original.clone()))?;
            continue;
        }
        let visible = cluster.chars().filter(|one| !is_invisible(*one));
        for character in visible.nfkc() {
            for lower in character.to_lowercase() {
                folded.push(latin(lower, character), original.clone())?;
            }
        }
    }
    Ok(folded)
}

/// Returns the Latin letter that a character looks like, or its lower case. `Ве` in Cyrillic has
/// the capital of `b`, and the small letter of `e`.
fn latin(lower: char, character: char) -> char {
    if lower.is_ascii() {
        return lower;
    }
    looks_like(lower).or_else(|| looks_like(character)).unwrap_or(lower)
}

/// Returns the ASCII letter or digit that a character looks like (UTS 39).
fn looks_like(character: char) -> Option<char> {
    let mut buffer = [0; 4];
    let mut prototype = skeleton(character.encode_utf8(&mut buffer));
    match (prototype.next()?, prototype.next(), prototype.next()) {
        (one, None, None) if one.is_ascii_alphanumeric() => Some(one.to_ascii_lowercase()),
        // UTS 39 has `rn` for all letters that look like an `m`.
        ('r', Some('n'), None) => Some('m'),
        _ => None,
    }
}

/// Returns true for characters without an image: Unicode's `Default_Ignorable_Code_Point`, which
/// has the controls of direction, too.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}
