//! Lower-case hex digits.

use alloc::string::String;
use core::fmt;

/// Returns the digits of the bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    // The capacity is exact: the digits may be a secret, and growth would leave a copy behind.
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        text.extend(digits(*byte).map(char::from));
    }
    text
}

/// Reads exactly `N` bytes. Upper-case digits are refused, so that each value has one spelling.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    if pairs.len() != N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (value(*high)? << 4) | value(*low)?;
    }
    Some(bytes)
}

/// Writes the digits in one piece: every request writes ids and digests.
pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.chunks(32).try_for_each(|part| {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(part) {
            pair.copy_from_slice(&digits(*byte));
        }
        let text = text.get(..part.len().saturating_mul(2)).unwrap_or_default();
        f.write_str(core::str::from_utf8(text).map_err(|_| fmt::Error)?)
    })
}

fn digits(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    [digit(byte >> 4), digit(byte & 15)]
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn every_byte_has_two_digits_that_read_back() {
        for byte in 0..=u8::MAX {
            let text = encode(&[byte, 0]);
            assert_eq!(text, format!("{byte:02x}00"));
            assert_eq!(decode(&text), Some([byte, 0]));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "0", "000", "0000 ", "00000", "0A00", "0g00", "0/00", "0:00", "é0", "++00"]
        {
            assert_eq!(decode::<2>(text), None, "{text}");
        }
    }
}
