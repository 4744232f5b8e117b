//! The grammar of placeholders: `<EMAIL_1_x7>`, and the ways in which a model mangles one.
//!
//! A placeholder is a word for the kind, a number, and letters that were drawn for the request. All
//! three must be there. The brackets may be missing or escaped, the case may differ, and blanks, a
//! dash or an escaped `_` may stand in place of a `_`.

use super::Kind;

/// The number of letters that are drawn for a request.
pub(super) const NONCE_LENGTH: usize = 2;

/// The most digits of a number in a placeholder.
const DIGITS_MAX: usize = 6;

/// The result of reading a placeholder at the begin of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// No placeholder begins here.
    No,
    /// The text ends before this can be known.
    Unknown,
    /// This looks like a placeholder, and has no letters, or none of this length.
    Near,
    /// A placeholder.
    Whole(Whole<'a>),
}

/// A placeholder that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    pub(super) kind: Kind,
    pub(super) number: u32,
    /// The letters, as written.
    pub(super) nonce: &'a str,
    /// Its length in bytes, up to the letters; without its closing mark.
    pub(super) length: usize,
    /// Whether something opened it.
    pub(super) opened: bool,
}

/// Forms of the opening bracket.
const OPEN: [&str; 6] = ["<", "\\u003c", "\\u003C", "&lt;", "\\<", "\\\\<"];
/// Forms of the closing bracket.
const CLOSE: [&str; 6] = [">", "\\u003e", "\\u003E", "&gt;", "\\>", "\\\\>"];
/// Marks between the parts.
const BETWEEN: [&str; 7] = ["\\\\_", "\\_", "_", " ", "-", "\u{2011}", "\u{a0}"];

/// Writes a placeholder in brackets.
pub(super) fn write(kind: Kind, number: u32, nonce: &str) -> String {
    format!("<{}>", write_name(kind, number, nonce))
}

/// Writes a placeholder in the characters of names.
pub(super) fn write_name(kind: Kind, number: u32, nonce: &str) -> String {
    format!("{}_{number}_{nonce}", kind.placeholder())
}

/// Returns true if a placeholder can begin at a character.
pub(super) fn can_begin(first: char, before: Option<char>) -> bool {
    match first {
        '<' | '\\' | '&' => true,
        letter if letter.is_ascii_alphabetic() => is_border(before),
        _ => false,
    }
}

fn is_border(beside: Option<char>) -> bool {
    beside.is_none_or(|one| !one.is_ascii_alphanumeric() && one != '_')
}

/// Reads a placeholder at the begin of a text. `is_end` says that no more text follows.
pub(super) fn read(text: &str, is_end: bool) -> Read<'_> {
    let mut rest = text;
    let opened = match strip_any(rest, &OPEN) {
        Strip::Rest(after) => {
            rest = after;
            true
        }
        Strip::Short => return if is_end { Read::No } else { Read::Unknown },
        Strip::None => false,
    };
    if opened {
        rest = rest.trim_start_matches(' ');
    }
    let short = |near: bool| match (is_end, near && opened) {
        (false, _) => Read::Unknown,
        (true, true) => Read::Near,
        (true, false) => Read::No,
    };
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let Some((word, after)) = rest.split_at_checked(letters) else { return Read::No };
    let kind = Kind::ALL.iter().find(|kind| kind.placeholder().eq_ignore_ascii_case(word));
    if after.is_empty() {
        return match is_kind_begin(word) {
            true => short(false),
            false => Read::No,
        };
    }
    let Some(kind) = kind else { return Read::No };
    rest = match strip_any(after, &BETWEEN) {
        Strip::Rest(after) => after,
        Strip::Short => return short(false),
        Strip::None => return Read::No,
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let Some((number, after)) = rest.split_at_checked(digits) else { return Read::No };
    if rest.is_empty() {
        return short(false);
    }
    if digits == 0 || digits > DIGITS_MAX {
        return Read::No;
    }
    if after.is_empty() {
        return short(true);
    }
    let near = if opened { Read::Near } else { Read::No };
    rest = match strip_any(after, &BETWEEN) {
        Strip::Rest(after) => after,
        Strip::Short => return short(true),
        Strip::None => return near,
    };
    let letters = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    if letters > NONCE_LENGTH {
        return near;
    }
    let Some((nonce, after)) = rest.split_at_checked(letters) else { return near };
    if after.is_empty() && !is_end {
        return Read::Unknown;
    }
    if letters < NONCE_LENGTH || !is_border(after.chars().next()) {
        return near;
    }
    let Ok(number) = number.parse() else { return near };
    let length = text.len() - after.len();
    Read::Whole(Whole { kind: *kind, number, nonce, length, opened })
}

/// The result of looking for the end of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// As many bytes close it; 0 if nothing does.
    By(usize),
    /// The text ends before this can be known.
    Unknown,
}

/// Looks for the closing mark of a placeholder, at the begin of a text.
pub(super) fn close(text: &str, opened: bool, is_end: bool) -> Closed {
    let rest = if opened { text.trim_start_matches(' ') } else { text };
    match strip_any(rest, &CLOSE) {
        Strip::Rest(after) => Closed::By(text.len() - after.len()),
        Strip::Short if !is_end && text.len() < CLOSE_MAX => Closed::Unknown,
        Strip::Short | Strip::None => Closed::By(0),
    }
}

/// The longest text that is held back for an end: blanks and the longest form.
const CLOSE_MAX: usize = 8;

enum Strip<'a> {
    Rest(&'a str),
    /// The text is a begin of one of the forms.
    Short,
    None,
}

fn strip_any<'a>(text: &'a str, forms: &[&str]) -> Strip<'a> {
    for form in forms {
        if let Some(rest) = text.strip_prefix(form) {
            return Strip::Rest(rest);
        }
    }
    match forms.iter().any(|form| form.starts_with(text)) {
        true => Strip::Short,
        false => Strip::None,
    }
}

fn is_kind_begin(word: &str) -> bool {
    Kind::ALL.iter().any(|kind| {
        let whole = kind.placeholder();
        whole.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    })
}
