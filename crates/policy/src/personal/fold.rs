//! Meaning of a character: its ASCII form, where it is a digit, a wide letter, a space or a dash.

use unicode_normalization::UnicodeNormalization;

use crate::guard::normalise::is_invisible;

/// The folded form of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folded {
    /// It stays as it is.
    Same,
    /// It is invisible.
    Nothing,
    /// It is read as this ASCII character.
    As(char),
}

/// Folds a character that is not ASCII.
pub(super) fn fold(character: char) -> Folded {
    match character {
        // Most letters end here: of Latin, Greek, Cyrillic, Chinese and Korean.
        '\u{c0}'..='\u{34e}'
        | '\u{370}'..='\u{5ff}'
        | '\u{3041}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}'
            if character != '\u{3164}' =>
        {
            Folded::Same
        }
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Folded::As(' ')
        }
        '\u{2028}' | '\u{2029}' => Folded::As('\n'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Folded::As('-'),
        '\u{2018}' | '\u{2019}' => Folded::As('\''),
        '\u{201c}' | '\u{201d}' => Folded::As('"'),
        '\u{2024}' | '\u{fe52}' => Folded::As('.'),
        '\u{fe6b}' => Folded::As('@'),
        _ if is_invisible(character) => Folded::Nothing,
        '\u{ff01}'..='\u{ff5e}' => {
            char::from_u32(u32::from(character) - 0xfee0).map_or(Folded::Same, Folded::As)
        }
        // Letters and digits in circles, and those of mathematics.
        '\u{2460}'..='\u{24ff}' | '\u{1d400}'..='\u{1d7ff}' => {
            let mut folded = std::iter::once(character).nfkc();
            match (folded.next(), folded.next()) {
                (Some(one), None) if one.is_ascii() => Folded::As(one),
                _ => Folded::Same,
            }
        }
        _ => digit(character).map_or(Folded::Same, Folded::As),
    }
}

/// Returns the ASCII form of a decimal digit of any script (`Nd`).
fn digit(character: char) -> Option<char> {
    let code = u32::from(character);
    let next = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(next.checked_sub(1)?)?;
    char::from_digit(code - zero, 10)
}

/// The digits 0 of all scripts (Unicode 17, `General_Category=Decimal_Number`). The digits 1 to 9 follow
/// each of them.
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce,
    0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];
