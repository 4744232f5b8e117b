//! Runs of base64 that are text.

use std::ops::Range;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// The fewest digits that are decoded: shorter runs are words.
const FEWEST: usize = 24;

/// The fewest digits of a line that goes on in the next.
const LINE: usize = 40;

/// A run of base64.
pub(super) struct Run {
    /// Its place, with its padding.
    pub(super) span: Range<usize>,
    /// The decoded text.
    pub(super) text: Zeroizing<String>,
}

/// Finds the runs of a text that are text again.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(skip) =
        bytes.get(at..).and_then(|rest| rest.iter().position(|byte| is_digit(*byte)))
    {
        let start = at + skip;
        let mut end = line(bytes, start);
        at = end;
        if end - start < FEWEST {
            continue;
        }
        // Lines of one length are one run; the last may be shorter.
        let length = end - start;
        while length >= LINE && line_break(bytes, end) > end {
            let from = line_break(bytes, end);
            let to = line(bytes, from);
            if to == from || to - from > length {
                break;
            }
            end = to;
            if to - from < length {
                break;
            }
        }
        at = end;
        let digits = bytes.get(start..end).unwrap_or_default();
        if let Some(text) = decoded(digits) {
            let padding = bytes.get(end..).unwrap_or_default().iter().take(2);
            let padding = padding.take_while(|byte| **byte == b'=').count();
            found.push(Run { span: start..end + padding, text });
        }
    }
    found
}

fn line(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| !is_digit(*byte)).map_or(bytes.len(), |length| from + length)
}

/// Returns the place after a line break, or the place itself.
fn line_break(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 2) {
        Some(b"\r\n") => at + 2,
        Some([b'\n', _]) => at + 1,
        _ => at,
    }
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn decoded(digits: &[u8]) -> Option<Zeroizing<String>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let decode = |digits: &[u8]| {
        let digits = digits.iter().filter(|byte| !byte.is_ascii_whitespace());
        let standard = digits.map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        });
        let standard = Zeroizing::new(standard.collect::<Vec<u8>>());
        // A digit alone at the end says nothing.
        let whole = if standard.len() % 4 == 1 { standard.len() - 1 } else { standard.len() };
        Some(Zeroizing::new(engine.decode(standard.get(..whole)?).ok()?))
    };
    // Most runs are no text, as their first bytes show.
    let head = decode(digits.get(..20)?)?;
    if std::str::from_utf8(&head).is_err_and(|error| error.error_len().is_some()) {
        return None;
    }
    if head.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return None;
    }
    let bytes = decode(digits)?;
    let text = Zeroizing::new(std::str::from_utf8(&bytes).ok()?.to_owned());
    text.chars().all(|one| !one.is_control() || one.is_ascii_whitespace()).then_some(text)
}
