//! Postal addresses: a street with a number, in some languages. This is no list of streets.

use super::{
    Kind,
    bytes::is_word,
    scan::Scan,
    words::{Hit, Word},
};

/// Looks around a word for a street.
pub(super) fn around(scan: &mut Scan<'_>, hit: Hit) {
    match hit.word {
        Word::StreetBefore => before(scan, hit),
        _ => after(scan, hit),
    }
}

/// `rue de la Paix 12`, `12 rue de la Paix`, `Calle Mayor, 5`.
fn before(scan: &mut Scan<'_>, hit: Hit) {
    if is_word(scan.bytes.before(hit.start)) {
        return;
    }
    let Some(name) = capitals(scan, hit.end) else { return };
    let number = house(scan, name);
    let front = number_before(scan, hit.start);
    match (front, number) {
        (Some(start), _) => scan.add(Kind::Address, start..name),
        (None, Some(end)) => scan.add(Kind::Address, hit.start..end),
        (None, None) => {}
    }
}

/// `221B Baker Street`, `Hauptstraße 12`, `Kerkstraat 5a`.
fn after(scan: &mut Scan<'_>, hit: Hit) {
    let bytes = scan.bytes;
    let joined = bytes.before(hit.start) >= b'a';
    let edge = !is_word(bytes.at(hit.end));
    if !edge {
        return;
    }
    let text = scan.text.get(..hit.start).unwrap_or_default();
    if joined {
        let letters = text
            .char_indices()
            .rev()
            .take(32)
            .take_while(|(_, one)| one.is_alphabetic() || *one == '-')
            .last();
        let Some((start, first)) = letters else { return };
        if let Some(end) = house(scan, hit.end).filter(|_| first.is_uppercase()) {
            scan.add(Kind::Address, start..end);
        }
        return;
    }
    // Up to four words with capitals, and a number before them.
    let mut start = hit.start;
    for _ in 0..5 {
        if bytes.before(start) != b' ' {
            return;
        }
        let word = bytes
            .run_back(start - 1, 24, |byte| is_word(byte) || matches!(byte, b'\'' | b'.' | b'-'));
        let first = bytes.at(word);
        if word == start - 1 {
            return;
        }
        if first.is_ascii_digit()
            && bytes.slice(word..start - 1).iter().all(|byte| byte.is_ascii_alphanumeric())
            && start < hit.start
            && (start - 1 - word) <= 6
        {
            scan.add(Kind::Address, word..hit.end);
            return;
        }
        if !first.is_ascii_uppercase() && !first.is_ascii_digit() && first < 0x80 {
            return;
        }
        start = word;
    }
}

/// Returns the end of one to five words of a street's name.
fn capitals(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let (mut at, mut end) = (start, None);
    for _ in 0..5 {
        let word = scan.text.get(at..)?;
        let length = word
            .char_indices()
            .take(32)
            .find(|(_, one)| !one.is_alphanumeric() && !matches!(*one, '-' | '\''));
        let length = length.map_or(word.len().min(32), |(place, _)| place);
        let Some(word) = word.get(..length).filter(|word| !word.is_empty()) else { break };
        let first = word.chars().next()?;
        let particle = matches!(
            word,
            "de" | "la"
                | "du"
                | "des"
                | "le"
                | "les"
                | "del"
                | "di"
                | "da"
                | "dos"
                | "das"
                | "do"
                | "los"
                | "las"
                | "el"
                | "d"
                | "e"
                | "y"
        );
        if !first.is_uppercase() && !particle {
            break;
        }
        at += length;
        if !particle {
            end = Some(at);
        }
        if scan.bytes.at(at) != b' ' {
            break;
        }
        at += 1;
    }
    end
}

/// Returns the end of a number of a house after a place.
fn house(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let bytes = scan.bytes;
    let mut from = bytes.run(at, 2, |byte| byte == b' ' || byte == b',');
    for word in ["д. ", "nº ", "n. ", "no. ", "Nr. ", "nr "] {
        if bytes.starts(from, word) {
            from += word.len();
        }
    }
    let to = bytes.run(from, 5, |byte| byte.is_ascii_digit());
    let letter = usize::from(bytes.at(to).is_ascii_alphabetic() && !is_word(bytes.at(to + 1)));
    (to > from && from > at && !is_word(bytes.at(to + letter))).then_some(to + letter)
}

fn number_before(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let bytes = scan.bytes;
    let to = bytes.run_back(at, 2, |byte| byte == b' ' || byte == b',');
    let from = bytes.run_back(to, 5, |byte| byte.is_ascii_alphanumeric());
    (from < to && to < at && bytes.at(from).is_ascii_digit() && !is_word(bytes.before(from)))
        .then_some(from)
}
