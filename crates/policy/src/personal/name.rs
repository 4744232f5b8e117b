//! Names of persons, where a title, a greeting or an introduction stands before them. This is no model
//! of names: a name alone is not found.

use super::{
    Kind,
    bytes::is_word,
    scan::Scan,
    words::{Hit, Word},
};

/// Looks at the words after a title or an introduction.
pub(super) fn after(scan: &mut Scan<'_>, hit: Hit) {
    let ends = scan.bytes.before(hit.end);
    let edge = !is_word(scan.bytes.before(hit.start))
        && (!is_word(ends) || !scan.bytes.at(hit.end).is_ascii_alphanumeric());
    let capital = scan.text.get(hit.start..).and_then(|rest| rest.chars().next());
    let title = matches!(hit.word, Word::Title | Word::Dear);
    if !edge && capital.is_some_and(|one| one.is_ascii())
        || title && !capital.is_some_and(char::is_uppercase)
    {
        return;
    }
    let mut start = hit.end;
    for _ in 0..3 {
        start = scan.bytes.run(start, 4, |byte| matches!(byte, b' ' | b'.' | b':' | b'\n' | b'\r'));
        let Some(title) = titled(scan, start) else { break };
        start = title;
    }
    if let Some(end) = words(scan, start) {
        scan.add(Kind::Name, start..end);
    }
}

/// Returns the end of a title at a place.
fn titled(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let titles = [
        "Mrs.",
        "Mr.",
        "Ms.",
        "Dr.",
        "Prof.",
        "Mrs ",
        "Mr ",
        "Ms ",
        "Dr ",
        "Herr ",
        "Frau ",
        "Herrn ",
        "Madame ",
        "Monsieur ",
        "Sra. ",
        "Sr. ",
    ];
    titles
        .iter()
        .find(|title| scan.bytes.slice(at..at + title.len()) == title.as_bytes())
        .map(|title| at + title.len())
}

/// Returns the end of one to four words that are written like a name.
fn words(scan: &mut Scan<'_>, start: usize) -> Option<usize> {
    let (mut at, mut end) = (start, None);
    for _ in 0..4 {
        let word = scan.text.get(at..)?;
        let length = word.char_indices().take(40).find(|(_, one)| {
            !one.is_alphabetic()
                && !matches!(*one, '-' | '\'' | '\u{300}'..='\u{36f}' | '\u{900}'..='\u{97f}')
        });
        let length = length.map_or(word.len().min(40), |(place, _)| place);
        let Some(word) = word.get(..length).filter(|word| !word.is_empty()) else { break };
        scan.work += length;
        let particle = matches!(
            word,
            "van"
                | "von"
                | "de"
                | "der"
                | "den"
                | "da"
                | "di"
                | "del"
                | "la"
                | "bin"
                | "al"
                | "el"
                | "dos"
                | "du"
                | "le"
        );
        let first = word.chars().next()?;
        let cased = first.is_lowercase() || first.is_uppercase();
        if cased && !first.is_uppercase() && !particle || is_common(word) {
            break;
        }
        let initial = word.chars().count() == 1 && scan.bytes.at(at + length) == b'.';
        if !cased && length > 24 {
            break;
        }
        at += length + usize::from(initial);
        if !particle {
            end = Some(at - usize::from(initial && scan.bytes.at(at) != b' '));
        }
        if scan.bytes.at(at) != b' ' {
            break;
        }
        at += 1;
    }
    end
}

/// Returns true for words that are written like a name after a title, and are none.
pub(super) fn is_common(word: &str) -> bool {
    matches!(
        word,
        "Sir"
            | "Madam"
            | "Team"
            | "Customer"
            | "All"
            | "There"
            | "The"
            | "A"
            | "An"
            | "I"
            | "My"
            | "You"
            | "We"
            | "Damen"
            | "Herren"
            | "Support"
            | "Friend"
            | "Friends"
            | "World"
            | "Everyone"
            | "Hiring"
            | "User"
            | "This"
            | "That"
            | "It"
            | "And"
            | "But"
            | "Not"
            | "For"
            | "If"
            | "In"
            | "On"
            | "To"
            | "What"
            | "How"
    )
}
