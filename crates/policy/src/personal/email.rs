//! E-mail addresses, also of other scripts (RFC 6531), and those that are written in words.

use std::ops::Range;

use super::{Kind, bytes::is_word, scan::Scan};

/// The longest local part, in characters (RFC 5321, 4.5.3.1.1).
const LOCAL: usize = 64;

/// The longest domain, in bytes (RFC 5321, 4.5.3.1.2).
const DOMAIN: usize = 253;

/// Looks around an `@`.
pub(super) fn at_sign(scan: &mut Scan<'_>, at: usize) {
    let bytes = scan.bytes;
    let spaced = bytes.before(at) == b' ' && bytes.at(at + 1) == b' ';
    let (left, right) = if spaced { (at - 1, at + 2) } else { (at, at + 1) };
    let Some(start) = local(scan, left) else { return };
    let Some(domain) = domain(scan, right) else { return };
    let last = scan.text.get(domain.last.clone()).unwrap_or_default();
    let name = scan.text.get(start..left).unwrap_or_default();
    if spaced && !is_usual(last) || is_file(last) || name == "git" {
        return;
    }
    scan.add(Kind::Email, start..domain.end);
}

/// Looks around an `@` that is written in words: `name [at] example [dot] com`.
pub(super) fn written(scan: &mut Scan<'_>, start: usize, end: usize) {
    let bytes = scan.bytes;
    let plain = bytes.at(start) == b' ';
    let left = bytes.run_back(start, 2, |byte| byte == b' ');
    let right = bytes.run(end, 2, |byte| byte == b' ');
    let Some(mut begin) = local(scan, left) else { return };
    let (mut to, mut dots, mut last) = (right, 0, right..right);
    let mut words = false;
    loop {
        let label = bytes.run(to, 63, |byte| is_word(byte) || byte == b'-');
        if label == to {
            break;
        }
        last = to..label;
        let Some((dot, word)) = dot(scan, label) else { break };
        if bytes.run(dot, 63, is_word) == dot || dots == 8 {
            break;
        }
        (to, dots, words) = (dot, dots + 1, words || word);
    }
    let text = scan.text.get(last.clone()).unwrap_or_default();
    let named = text.len() >= 2 && text.chars().all(char::is_alphabetic);
    if dots == 0 || !named || plain && !(words && is_usual(text)) {
        return;
    }
    // `john dot doe at example dot com`.
    for _ in 0..4 {
        let Some(before) = dot_back(scan, begin) else { break };
        let Some(further) = local(scan, before) else { break };
        begin = further;
    }
    scan.add(Kind::Email, begin..last.end);
}

/// Returns the end of a dot at a place, and whether it is written in words.
fn dot(scan: &Scan<'_>, at: usize) -> Option<(usize, bool)> {
    if scan.bytes.at(at) == b'.' {
        return Some((at + 1, false));
    }
    let found = DOTS.iter().find(|dot| scan.bytes.starts(at, dot))?;
    Some((at + found.len(), true))
}

fn dot_back(scan: &Scan<'_>, at: usize) -> Option<usize> {
    let fits =
        |dot: &&&str| at.checked_sub(dot.len()).is_some_and(|start| scan.bytes.starts(start, dot));
    DOTS.iter().find(fits).map(|dot| at - dot.len())
}

const DOTS: &[&str] = &[
    " dot ",
    " [dot] ",
    "[dot]",
    " (dot) ",
    "(dot)",
    " {dot} ",
    "{dot}",
    " . ",
    " [.] ",
    "[.]",
    " (.) ",
    "(.)",
    " punkt ",
    "[punkt]",
    "(punkt)",
    " punto ",
    "[punto]",
    "(punto)",
    " point ",
    "[point]",
    "(point)",
    " точка ",
    "[точка]",
    "(точка)",
];

/// Returns the begin of the local part before a place.
fn local(scan: &Scan<'_>, end: usize) -> Option<usize> {
    let text = scan.text.get(..end)?;
    if text.ends_with('"') {
        let inside = text.get(end.saturating_sub(LOCAL + 2)..end - 1)?;
        let quote = inside.rfind('"').filter(|quote| *quote + 1 < inside.len())?;
        return Some(end - 1 - (inside.len() - quote));
    }
    let mut start = end;
    let mut ascii = None;
    for (at, character) in text.char_indices().rev().take(LOCAL) {
        let letter = character.is_alphanumeric();
        if !letter && !matches!(character, '.' | '_' | '%' | '+' | '-' | '\'' | '&') {
            break;
        }
        if letter {
            // Scripts without spaces stand directly before an address.
            let joins = is_unspaced(character);
            if ascii == Some(true) && joins || ascii == Some(false) && character.is_ascii() {
                break;
            }
            ascii =
                if joins { Some(false) } else { ascii.or(character.is_ascii().then_some(true)) };
        }
        start = at;
    }
    let name = text.get(start..)?;
    let trimmed = name.trim_start_matches(['.', '%', '-', '\'', '&', '+']);
    let start = end - trimmed.len();
    let whole = trimmed.chars().any(char::is_alphanumeric) && !trimmed.ends_with(['.', '\'', '&']);
    whole.then_some(start)
}

struct Domain {
    end: usize,
    /// The last label.
    last: Range<usize>,
}

/// Reads a domain that begins here.
fn domain(scan: &mut Scan<'_>, start: usize) -> Option<Domain> {
    let bytes = scan.bytes;
    if bytes.at(start) == b'[' {
        let end = bytes.run(start + 1, 45, |byte| byte != b']');
        let address = scan.text.get(start + 1..end)?;
        address.trim_start_matches("IPv6:").parse::<std::net::IpAddr>().ok()?;
        return Some(Domain { end: end + 1, last: end..end });
    }
    let (mut end, mut label, mut dots) = (start, start, 0);
    let mut ascii = None;
    for (at, character) in scan.text.get(start..)?.char_indices() {
        let at = start + at;
        if at - start > DOMAIN {
            break;
        }
        let next = bytes.at(at + 1);
        if character == '.' && (is_word(next)) && at > label {
            (label, dots, end, ascii) = (at + 1, dots + 1, at + 1, None);
            continue;
        }
        let joined = matches!(character, '-' | '_') && (is_word(next) || next == b'-');
        if !character.is_alphanumeric() && !joined {
            break;
        }
        if character.is_alphanumeric() {
            let joins = is_unspaced(character);
            if ascii == Some(true) && joins {
                break;
            }
            ascii = ascii.or(Some(!joins));
        }
        end = at + character.len_utf8();
    }
    scan.work += end - start;
    let last = scan.text.get(label..end)?;
    let letters = last.chars().all(char::is_alphabetic) && last.chars().count() >= 2;
    let coded = last.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("xn--"));
    let marks = !last.is_ascii();
    (dots > 0 && (letters || coded || marks) && last.len() <= 63)
        .then_some(Domain { end, last: label..end })
}

/// Returns true for letters of scripts that have no spaces between words, or join particles.
fn is_unspaced(character: char) -> bool {
    let spaced =
        matches!(character, ..'\u{e00}' | '\u{10a0}'..='\u{10ff}' | '\u{1e00}'..='\u{1fff}');
    !spaced
}

/// Returns true for endings of files that are written after an `@`: `logo@2x.png`.
fn is_file(last: &str) -> bool {
    let lower = last.to_ascii_lowercase();
    matches!(
        &*lower,
        "png"
            | "jpg"
            | "jpeg"
            | "gif"
            | "svg"
            | "webp"
            | "css"
            | "js"
            | "jsx"
            | "ts"
            | "tsx"
            | "mjs"
            | "html"
            | "json"
            | "yaml"
            | "yml"
            | "toml"
            | "lock"
            | "txt"
            | "xml"
            | "service"
            | "mount"
            | "timer"
            | "socket"
            | "conf"
            | "log"
            | "dist"
            | "tar"
            | "tgz"
            | "git"
    )
}

/// Returns true for the most usual top-level domains.
fn is_usual(last: &str) -> bool {
    let lower = last.to_ascii_lowercase();
    matches!(
        &*lower,
        "com"
            | "org"
            | "net"
            | "edu"
            | "gov"
            | "mil"
            | "int"
            | "info"
            | "biz"
            | "io"
            | "co"
            | "ai"
            | "app"
            | "dev"
            | "eu"
            | "us"
            | "uk"
            | "de"
            | "fr"
            | "es"
            | "it"
            | "nl"
            | "be"
            | "ch"
            | "at"
            | "pl"
            | "se"
            | "no"
            | "dk"
            | "fi"
            | "pt"
            | "cz"
            | "ru"
            | "ua"
            | "tr"
            | "gr"
            | "jp"
            | "cn"
            | "kr"
            | "in"
            | "br"
            | "mx"
            | "ar"
            | "au"
            | "nz"
            | "za"
            | "ca"
            | "ie"
            | "example"
            | "test"
    )
}
