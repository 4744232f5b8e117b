//! Undoes encodings: tag characters, URL encoding, base64.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{Draft, MOST_DECODED, TooLarge};

/// The fewest characters of base64 that are decoded: shorter runs are words.
const FEWEST_BASE64: usize = 16;

/// The fewest characters of a line that continues in the next.
const FEWEST_IN_LINE: usize = 40;

/// Returns the text written in tag characters (U+E0020 to U+E007E), if there is any.
pub(super) fn tags(original: &Draft) -> Result<Option<Draft>, TooLarge> {
    let mut found = Draft::new(0);
    for (at, character) in original.text().char_indices() {
        let ascii = u32::from(character).checked_sub(0xe_0000);
        let ascii = ascii.and_then(|code| u8::try_from(code).ok()).map(char::from);
        if let Some(ascii) = ascii.filter(|one| (' '..='~').contains(one)) {
            found.push(ascii, original.original(at..at + character.len_utf8()))?;
        }
    }
    Ok(Some(found).filter(|found| !found.text().is_empty()))
}

/// Returns the text with its URL encoding undone, if it has two encoded bytes and is text then.
pub(super) fn percent(original: &Draft) -> Result<Option<Draft>, TooLarge> {
    let bytes = original.text().as_bytes();
    let mut decoded = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut places = Vec::with_capacity(bytes.len());
    let (mut at, mut count) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        let pair = (byte == b'%').then(|| Some((digit(bytes, at + 1)?, digit(bytes, at + 2)?)));
        let (byte, length) = match pair.flatten() {
            Some((high, low)) => (high * 16 + low, 3),
            None => (byte, 1),
        };
        count += usize::from(length == 3);
        decoded.push(byte);
        places.push(at..at + length);
        at += length;
    }
    let Ok(text) = std::str::from_utf8(&decoded) else { return Ok(None) };
    if count < 2 {
        return Ok(None);
    }
    let mut draft = Draft::new(text.len());
    for (at, character) in text.char_indices() {
        let start = places.get(at).map_or(0, |place| place.start);
        let last = at + character.len_utf8() - 1;
        draft.push(character, start..places.get(last).map_or(start, |place| place.end))?;
    }
    Ok(Some(draft))
}

fn digit(bytes: &[u8], at: usize) -> Option<u8> {
    let value = char::from(*bytes.get(at)?).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Returns the texts in base64, each in a line, if there are any.
pub(super) fn base64(original: &Draft) -> Result<Option<Draft>, TooLarge> {
    let mut draft = Draft::new(0);
    for run in runs(original.text().as_bytes()) {
        let Some(text) = decoded(&run.digits) else { continue };
        for character in text.chars().chain(['\n']) {
            draft.push(character, run.start..run.end)?;
        }
        if draft.text().len() > MOST_DECODED {
            return Err(TooLarge);
        }
    }
    Ok(Some(draft).filter(|draft| !draft.text().is_empty()))
}

/// The digits of base64 between two places.
struct Run {
    digits: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

/// Finds the runs of digits of base64. Equally long lines are one run.
fn runs(bytes: &[u8]) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    // The length of the lines of the last run, while it can continue.
    let mut line = None;
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes.iter().skip(at).take_while(|byte| is_digit(**byte)).count();
        if length == 0 {
            at += 1;
            continue;
        }
        let end = at + length;
        let digits = bytes.iter().skip(at).take(length);
        let continues = found.last().is_some_and(|run| is_line_end(bytes, run.end, at))
            && line.is_some_and(|line| length <= line);
        match found.last_mut() {
            Some(run) if continues => {
                run.digits.extend(digits);
                run.end = end;
            }
            _ if length >= FEWEST_BASE64 => {
                found.push(Run {
                    digits: Zeroizing::new(digits.copied().collect()),
                    start: at,
                    end,
                });
                line = (length >= FEWEST_IN_LINE).then_some(length);
            }
            _ => line = None,
        }
        // A shorter line is the last.
        line = line.filter(|line| *line == length);
        at = end;
    }
    found
}

/// Returns true if exactly one line break lies between two places.
fn is_line_end(bytes: &[u8], from: usize, to: usize) -> bool {
    matches!(bytes.get(from..to), Some(b"\n" | b"\r\n"))
}

/// Returns true for the digits of both alphabets. Padding ends a run and is not needed.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// Decodes a run, if it is text.
fn decoded(digits: &[u8]) -> Option<Zeroizing<String>> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = digits.iter().map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    });
    let standard = Zeroizing::new(standard.collect::<Vec<_>>());
    let bytes = GeneralPurpose::new(&STANDARD, config).decode(&*standard).ok()?;
    let text = Zeroizing::new(String::from_utf8(bytes).ok()?);
    let readable = text.chars().all(|one| !one.is_control() || one.is_ascii_whitespace());
    readable.then_some(text)
}
