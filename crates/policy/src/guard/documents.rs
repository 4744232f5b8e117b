//! Parts a turn into instruction and documents, as Azure's document embedding writes them:
//!
//! ```text
//! Summarise this. """ <documents> {text, escaped as in a JSON string} </documents> """
//! ```
//!
//! Azure asks for the three quotes and for the escapes. Both may be missing here: a document that is
//! marked a little wrong is still no instruction of the user. A document without an end goes on to
//! the end of the turn. Only marked text counts; all other text stays the user's own.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::content::Content;

/// The mark before a document, in lower case.
const BEGIN: &str = "<documents>";

/// The mark after a document, in lower case.
const END: &str = "</documents>";

/// A turn in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parted {
    /// The text outside of documents, each gap a line break. Look at it as the turn's own.
    pub instruction: Content,
    /// The documents in their order, with JSON's escapes undone. Look at them as documents.
    pub documents: Vec<Content>,
}

/// Parts a turn. Takes time linear in the text.
#[must_use]
pub fn part(turn: &str) -> Parted {
    let lower = Zeroizing::new(turn.to_ascii_lowercase());
    let mut instruction = Zeroizing::new(String::with_capacity(turn.len()));
    let mut documents = Vec::new();
    let mut at = 0;
    while let Some(begin) = find(&lower, at..turn.len(), BEGIN) {
        let inner = begin + BEGIN.len();
        let end = find(&lower, inner..turn.len(), END);
        let rest = end.map_or(turn.len(), |end| end + END.len());
        outside(turn.get(at..begin).unwrap_or_default(), &mut instruction);
        let document = turn.get(inner..end.unwrap_or(turn.len())).unwrap_or_default();
        documents.push(unescaped(document.trim()));
        at = rest;
    }
    outside(turn.get(at..).unwrap_or_default(), &mut instruction);
    Parted { instruction: Content::new(std::mem::take(&mut *instruction)), documents }
}

fn find(lower: &str, within: Range<usize>, mark: &str) -> Option<usize> {
    let start = within.start;
    lower.get(within)?.find(mark).map(|at| start + at)
}

/// Appends text outside of a document, without the quotes that belong to the marks.
fn outside(text: &str, instruction: &mut String) {
    let text = text.trim_end();
    let text =
        ["\\\"\\\"\\\"", "\"\"\""].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    let begin = text.trim_start();
    let text = ["\\\"\\\"\\\"", "\"\"\""].iter().find_map(|mark| begin.strip_prefix(mark));
    let text = text.unwrap_or(begin).trim();
    if text.is_empty() {
        return;
    }
    if !instruction.is_empty() {
        instruction.push('\n');
    }
    instruction.push_str(text);
}

/// Undoes the escapes of a JSON string (RFC 8259, section 7). Anything else stays as it is.
fn unescaped(text: &str) -> Content {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (character, length) = escape_of(escape).unwrap_or(('\\', 1));
        out.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Content::new(std::mem::take(&mut *out))
}

/// Returns the character of an escape, and the escape's length.
fn escape_of(text: &str) -> Option<(char, usize)> {
    let simple = match text.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = unit(text, 0)?;
            if let Some(one) = char::from_u32(unit) {
                return Some((one, 6));
            }
            let low = unit_low(text)?;
            return Some((char::from_u32(0x1_0000 + ((unit & 0x3ff) << 10) + low)?, 12));
        }
        _ => return None,
    };
    Some((simple, 2))
}

/// Returns the UTF-16 unit of the escape `\uXXXX` at a place.
fn unit(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    let good = digits.bytes().all(|one| one.is_ascii_hexdigit());
    good.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

fn unit_low(text: &str) -> Option<u32> {
    let high = unit(text, 0).filter(|unit| (0xd800..0xdc00).contains(unit));
    let low = unit(text, 6).filter(|unit| (0xdc00..0xe000).contains(unit));
    high.and(low).map(|low| low & 0x3ff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parted(turn: &str) -> (String, Vec<String>) {
        let Parted { instruction, documents } = part(turn);
        let documents = documents.iter().map(|one| one.reveal().to_owned()).collect();
        (instruction.reveal().to_owned(), documents)
    }

    #[test]
    fn azures_form_is_parted() {
        let turn = "Summarise this. \"\"\" <documents>\nHello Jos\\u00E9,\\nI hope this finds \
            you well.\n</documents> \"\"\"";
        let document = "Hello José,\nI hope this finds you well.";
        assert_eq!(parted(turn), ("Summarise this.".into(), vec![document.into()]));
        // As the documentation prints it, with escaped quotes.
        let turn = "Go. \\\"\\\"\\\" <documents> one </documents> \\\"\\\"\\\" And then?";
        assert_eq!(parted(turn), ("Go.\nAnd then?".into(), vec!["one".into()]));
    }

    #[test]
    fn every_marked_text_is_a_document_and_all_other_text_is_not() {
        let turn = "a <documents>one</documents> b <DOCUMENTS>two</Documents> c";
        assert_eq!(parted(turn), ("a\nb\nc".into(), vec!["one".into(), "two".into()]));
        assert_eq!(parted("a <documents>one"), ("a".into(), vec!["one".into()]));
        assert_eq!(parted("no marks \"\"\"here\"\"\"").1, Vec::<String>::new());
        assert_eq!(parted("</documents> a"), ("</documents> a".into(), vec![]));
        assert_eq!(parted(""), (String::new(), vec![]));
        // A mark in a document does not end in an instruction.
        let nested = "x <documents>a <documents> b</documents> c";
        assert_eq!(parted(nested), ("x\nc".into(), vec!["a <documents> b".into()]));
    }

    #[test]
    fn escapes_are_undone_and_others_stay() {
        let of = |text: &str| unescaped(text).reveal().to_owned();
        assert_eq!(of(r#"a\tb\\n \"q\" \/ \ud83d\ude00"#), "a\tb\\n \"q\" / 😀");
        for same in [r"C:\users", r"\u12", r"\ud83d alone", "\\", r"\uzzzz"] {
            assert_eq!(of(same), same);
        }
        assert_eq!(of(r"\uD83D\uDE00!"), "😀!");
    }

    #[test]
    fn nothing_of_a_turn_is_lost() {
        let turn = "one <documents>two</documents> three <documents>four \"\"\" five";
        let (instruction, documents) = parted(turn);
        for word in ["one", "two", "three", "four", "five"] {
            assert!(instruction.contains(word) || documents.iter().any(|one| one.contains(word)));
        }
    }
}
