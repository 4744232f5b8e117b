//! Finds and undoes rot13, by the frequencies of English letters.

use super::{Draft, TooLarge};

/// How much likelier a part must be in English after the rotation than before, in 1/100 nats: a
/// factor of about 3,000.
const LIKELY: i32 = 800;

/// How much of that a word at the end may take back: names and rare words are unsure.
const UNSURE: i32 = 300;

/// The most that one letter says: a `q` is rare in English, and yet in some words.
const MOST: i32 = 150;

/// Frequencies of `a` to `z` in English text, in 1/10,000 (Lewand, Cryptological Mathematics).
const FREQUENCIES: [f32; 26] = [
    817., 149., 278., 425., 1270., 223., 202., 609., 697., 15., 77., 403., 241., 675., 751., 193.,
    10., 599., 633., 906., 276., 98., 236., 15., 197., 7.,
];

/// Returns the parts of a folded text that are English after a rotation, each in a line, if there
/// are any.
pub(super) fn rot13(plain: &Draft) -> Result<Option<Draft>, TooLarge> {
    let gains = gains();
    let text = plain.text();
    let mut draft = Draft::new(0);
    // The part that begins here is likelier rotated, by this much; `best` has the most, and the end.
    let (mut begin, mut sum, mut best) = (0, 0_i32, (0, 0));
    for (at, character) in text.char_indices().chain([(text.len(), '\0')]) {
        let gain = index(character).and_then(|index| gains.get(index)).copied().unwrap_or(0);
        if sum == 0 {
            begin = at;
        }
        sum = if character == '\0' { 0 } else { sum.saturating_add(gain).max(0) };
        best.0 = best.0.max(sum);
        if sum > 0 && sum > best.0 - UNSURE {
            best.1 = at + character.len_utf8();
        }
        // The part is over when it is as likely unrotated, or its gain is lost again.
        let over = sum == 0 || best.0 - sum > LIKELY;
        if over && best.0 >= LIKELY {
            rotate(plain, begin, best.1, &mut draft)?;
        }
        if over {
            (sum, best) = (0, (0, 0));
        }
    }
    Ok(Some(draft).filter(|draft| !draft.text().is_empty()))
}

/// Appends a part, widened to whole words, and a line break.
fn rotate(plain: &Draft, from: usize, to: usize, draft: &mut Draft) -> Result<(), TooLarge> {
    let text = plain.text();
    let edge = |one: char| !one.is_ascii_alphabetic();
    let head = text.get(..from).unwrap_or_default();
    let before = head.char_indices().rev().find(|(_, one)| edge(*one));
    let from = before.map_or(0, |(at, one)| at + one.len_utf8());
    let to = text.get(to..).and_then(|tail| tail.find(edge)).map_or(text.len(), |at| to + at);
    for (at, character) in text.get(from..to).unwrap_or_default().char_indices() {
        let at = from + at;
        draft.push(rotated(character), plain.original(at..at + character.len_utf8()))?;
    }
    draft.push('\n', plain.original(to..to))
}

fn rotated(character: char) -> char {
    let rotate = |index: usize| u8::try_from((index + 13) % 26).ok();
    index(character).and_then(rotate).map_or(character, |index| char::from(b'a' + index))
}

fn index(character: char) -> Option<usize> {
    let index = u32::from(character).checked_sub(u32::from('a'))?;
    usize::try_from(index).ok().filter(|index| *index < 26)
}

/// Returns how much likelier each letter becomes by the rotation, in 1/100 nats.
#[expect(clippy::cast_possible_truncation, reason = "logarithms of quotients below 200")]
fn gains() -> [i32; 26] {
    let mut gains = [0; 26];
    let rotated = FREQUENCIES.iter().cycle().skip(13);
    for ((gain, plain), rotated) in gains.iter_mut().zip(&FREQUENCIES).zip(rotated) {
        *gain = (((rotated / plain).ln() * 100.) as i32).clamp(-MOST, MOST);
    }
    gains
}
