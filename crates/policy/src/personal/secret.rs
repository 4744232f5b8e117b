//! Secrets: keys by their marks, tokens, private keys, and values beside words such as `password`.

use super::{
    Kind,
    bytes::is_alnum,
    scan::Scan,
    words::{Hit, Word},
};

/// The literal begin of a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The begin.
    pub(super) text: &'static str,
    /// The fewest characters after it.
    pub(super) fewest: usize,
}

const fn marked(text: &'static str, fewest: usize) -> Mark {
    Mark { text, fewest }
}

/// The marks of well-known issuers.
pub(super) const MARKS: &[Mark] = &[
    // OpenAI, Anthropic and others of their form.
    marked("sk-", 32),
    marked("sk-proj-", 20),
    marked("sk-ant-", 20),
    marked("sk-or-v1-", 32),
    marked("sk-svcacct-", 20),
    marked("gsk_", 40),
    marked("xai-", 40),
    marked("r8_", 36),
    marked("hf_", 30),
    marked("pplx-", 40),
    // AWS.
    marked("AKIA", 16),
    marked("ASIA", 16),
    marked("ABIA", 16),
    // GitHub and GitLab.
    marked("ghp_", 36),
    marked("gho_", 36),
    marked("ghu_", 36),
    marked("ghs_", 36),
    marked("ghr_", 36),
    marked("github_pat_", 22),
    marked("glpat-", 20),
    marked("gldt-", 20),
    marked("glrt-", 20),
    marked("glptt-", 20),
    // Slack.
    marked("xoxb-", 20),
    marked("xoxp-", 20),
    marked("xoxa-", 20),
    marked("xoxr-", 20),
    marked("xoxs-", 20),
    marked("xapp-", 20),
    marked("hooks.slack.com/services/", 20),
    // Payment.
    marked("sk_live_", 16),
    marked("sk_test_", 16),
    marked("rk_live_", 16),
    marked("rk_test_", 16),
    marked("whsec_", 24),
    marked("sq0atp-", 20),
    marked("sq0csp-", 30),
    marked("shpat_", 32),
    marked("shpss_", 32),
    // Google.
    marked("AIza", 35),
    marked("ya29.", 30),
    marked("GOCSPX-", 24),
    // Packages and services.
    marked("npm_", 36),
    marked("pypi-AgE", 40),
    marked("dop_v1_", 60),
    marked("SG.", 40),
    marked("key-", 32),
    marked("dapi", 32),
    marked("glsa_", 32),
    marked("lin_api_", 32),
    marked("hvs.", 24),
    marked("hvb.", 24),
    marked("AGE-SECRET-KEY-1", 50),
    marked("tskey-", 20),
    marked("figd_", 32),
    marked("PMAK-", 40),
    marked("sntrys_", 30),
    marked("NRAK-", 20),
    marked("ATATT3x", 40),
    marked("rubygems_", 40),
];

/// The longest value beside a word, in bytes.
const LONGEST_VALUE: usize = 256;

/// The longest private key, in bytes.
const LONGEST_KEY: usize = 1 << 15;

/// Looks at the text that begins with a mark. Returns the end of the part that was looked at.
pub(super) fn mark(scan: &mut Scan<'_>, hit: Hit) -> Option<usize> {
    match hit.word {
        Word::Prefix(mark) => prefixed(scan, hit, mark),
        Word::Jwt => jwt(scan, hit),
        Word::Pem => pem(scan, hit),
        Word::Bearer => bearer(scan, hit),
        _ => assigned(scan, hit),
    }
}

fn in_token(byte: u8) -> bool {
    is_alnum(byte) || matches!(byte, b'-' | b'_')
}

fn prefixed(scan: &mut Scan<'_>, hit: Hit, mark: &Mark) -> Option<usize> {
    let bytes = scan.bytes;
    // Marks are compared with case here: `SK-` is another word.
    let same = bytes.slice(hit.start..hit.end) == mark.text.as_bytes();
    if !same || in_token(bytes.before(hit.start)) {
        return None;
    }
    let dotted = mark.text.ends_with('.') || mark.text.contains('/');
    let most = if dotted { 160 } else { 4096 };
    let end =
        bytes.run(hit.end, most, |byte| in_token(byte) || dotted && matches!(byte, b'.' | b'/'));
    scan.work += end - hit.start;
    let value = bytes.slice(hit.end..end);
    let exact = !matches!(mark.text, "AKIA" | "ASIA" | "ABIA" | "dapi" | "key-" | "npm_")
        || value.len() <= mark.fewest + 4 && value.iter().all(|byte| is_alnum(*byte));
    if value.len() >= mark.fewest && exact && is_random(value) {
        scan.add(Kind::Secret, hit.start..end);
        return Some(end);
    }
    None
}

/// Returns true if bytes look like no word: there are digits or both cases, and many different
/// characters.
fn is_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let upper = value.iter().any(u8::is_ascii_uppercase);
    let lower = value.iter().any(u8::is_ascii_lowercase);
    let mut seen = [false; 256];
    for byte in value.iter().take(256) {
        if let Some(seen) = seen.get_mut(usize::from(*byte)) {
            *seen = true;
        }
    }
    let different = seen.iter().filter(|one| **one).count();
    (digits > 0 || upper && lower) && different >= 7.min(value.len() * 2 / 3)
}

/// Three parts in base64, of which the first begins with `{"`.
fn jwt(scan: &mut Scan<'_>, hit: Hit) -> Option<usize> {
    let bytes = scan.bytes;
    if bytes.slice(hit.start..hit.end) != b"eyJ"
        || in_token(bytes.before(hit.start))
        || bytes.before(hit.start) == b'.'
    {
        return None;
    }
    let end = bytes.run(hit.start, 1 << 14, |byte| in_token(byte) || byte == b'.');
    scan.work += end - hit.start;
    let text = scan.text.get(hit.start..end)?.trim_end_matches('.');
    let parts: Vec<&str> = text.split('.').collect();
    let second = parts.get(1).is_some_and(|part| part.len() >= 8);
    if (2..=5).contains(&parts.len())
        && second
        && parts.first().is_some_and(|part| part.len() >= 12)
    {
        scan.add(Kind::Secret, hit.start..hit.start + text.len());
        return Some(end);
    }
    None
}

fn pem(scan: &mut Scan<'_>, hit: Hit) -> Option<usize> {
    let bytes = scan.bytes;
    let line = bytes.run(hit.end, 64, |byte| {
        byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
    });
    let label = scan.text.get(hit.end..line)?;
    if !(label.contains("PRIVATE KEY")) {
        return None;
    }
    // A part that an earlier search passed over has no end.
    let mark: &[u8] = b"-----END ";
    let to = (line + LONGEST_KEY).min(bytes.len());
    let from = scan.pem_to.saturating_sub(mark.len()).clamp(line, to);
    let part = bytes.slice(from..to);
    let found = part.windows(mark.len()).position(|window| window == mark);
    scan.work += found.unwrap_or(part.len());
    let found = found.map(|at| from + at - line);
    if found.is_none() {
        scan.pem_to = to;
    }
    let end = match found {
        Some(at) => {
            let label = bytes.run(line + at + mark.len(), 64, |byte| byte != b'-' && byte != b'\n');
            bytes.run(label, 5, |byte| byte == b'-')
        }
        // A key whose end is missing: all that looks like one.
        None => {
            bytes.run(line, LONGEST_KEY, |byte| is_alnum(byte) || b"+/=- \r\n:,".contains(&byte))
        }
    };
    scan.add(Kind::Secret, hit.start..end);
    Some(end)
}

fn bearer(scan: &mut Scan<'_>, hit: Hit) -> Option<usize> {
    let bytes = scan.bytes;
    if is_alnum(bytes.before(hit.start)) {
        return None;
    }
    let start = bytes.run(hit.end, 4, |byte| byte == b' ');
    let end = bytes.run(start, 1 << 13, |byte| in_token(byte) || b".~+/=:".contains(&byte));
    scan.work += end - start;
    let value = scan.text.get(start..end)?.trim_end_matches(['.', ':']);
    let good = value.len() >= 16 && is_random(value.as_bytes()) && !value.starts_with(['.', '/']);
    if good {
        scan.add(Kind::Secret, start..start + value.len());
        return Some(end);
    }
    None
}

/// `password = "…"`, `api_key: …`, `my password is …`.
fn assigned(scan: &mut Scan<'_>, hit: Hit) -> Option<usize> {
    let bytes = scan.bytes;
    if !scan.stands_alone(&hit) && bytes.before(hit.start) != b'_' {
        return None;
    }
    // The name may go on: `password_prod`, `"secretAccessKey"`, `password]`.
    let name = bytes.run(hit.end, 24, in_token);
    let quote = bytes.run(name, 2, |byte| matches!(byte, b'"' | b'\'' | b']' | b'`' | b'*'));
    let space = bytes.run(quote, 4, |byte| byte == b' ' || byte == b'\t');
    let (mut at, spoken) = match bytes.at(space) {
        b'=' if bytes.at(space + 1) == b'>' => (space + 2, false),
        b'=' | b':' if !matches!(bytes.at(space + 1), b'=' | b':') => (space + 1, false),
        // Full-width colons are folded; other scripts have words.
        _ => {
            let is = IS.iter().find(|is| bytes.starts(space, is))?;
            (space + is.len(), true)
        }
    };
    at = bytes.run(at, 4, |byte| matches!(byte, b' ' | b'\t' | b'*'));
    let quoted = matches!(bytes.at(at), b'"' | b'\'' | b'`');
    let end = match quoted {
        true => {
            let mark = bytes.at(at);
            at += 1;
            bytes.run(at, LONGEST_VALUE, |byte| byte != mark && byte != b'\n')
        }
        false => bytes.run(at, LONGEST_VALUE, |byte| {
            !byte.is_ascii_whitespace() && !b"\"'`,;&<>".contains(&byte)
        }),
    };
    scan.work += end - hit.start;
    let raw = scan.text.get(at..end)?;
    let value =
        if quoted { raw } else { raw.trim_end_matches(['.', ')', ']', '}', '?', '!', '*']) };
    if !is_password(value, quoted, spoken) {
        return None;
    }
    let known = scan.found.last().is_some_and(|found| found.span.start == at);
    if !known {
        scan.add(Kind::Secret, at..at + value.len());
    }
    Some(at + value.len())
}

const IS: &[&str] =
    &["is ", "is: ", "ist ", "est ", "es ", "è ", "was ", "là ", "- ", "是", "は", "это "];

/// Returns true if a value is one, and no name, call or place for a value.
fn is_password(value: &str, quoted: bool, spoken: bool) -> bool {
    let bytes = value.as_bytes();
    let digit = bytes.iter().any(u8::is_ascii_digit);
    let letter = value.chars().any(char::is_alphabetic);
    let sign = bytes.iter().any(|byte| b"!@#$%^&*+=?~|".contains(byte));
    let mixed =
        bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
    let begin = bytes.first().copied().unwrap_or(0);
    // Code and places for values.
    let code = b"$<{[(*.&%/\\-|".contains(&begin)
        || bytes.iter().any(|byte| b"(){}[]<>".contains(byte))
        || value.contains("...")
        || value.contains("::")
        || value.contains("****")
        || value.contains(' ');
    let path = !quoted
        && ((value.contains('.') && !digit) || (value.contains('/') && !value.contains('=')));
    if code || path || value.len() < 6 || value.len() >= LONGEST_VALUE {
        return false;
    }
    match (quoted, spoken) {
        (_, true) => letter && (digit || sign),
        (true, false) => (digit && letter) || sign || (mixed && value.len() >= 12),
        (false, false) => letter && (digit || sign) && !is_name(value),
    }
}

/// Returns true for names in programs: `token_v2`, `Sha256Digest`.
fn is_name(value: &str) -> bool {
    let words = value.split(['_', '-', '.']).filter(|word| !word.is_empty());
    let word = |word: &str| {
        let letters = word.trim_end_matches(|one: char| one.is_ascii_digit());
        letters.len() >= 2
            && word.len() - letters.len() <= 3
            && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
            || word.len() <= 2
    };
    value.contains(['_', '-', '.']) && words.clone().all(word)
}
