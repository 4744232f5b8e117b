//! URLs with a password, or with a token in their query.

use super::{Kind, scan::Scan};

/// The longest URL that is read, in bytes.
const LONGEST: usize = 4096;

/// Looks around `://`.
pub(super) fn scheme(scan: &mut Scan<'_>, at: usize) {
    if at < scan.url_to {
        return;
    }
    let bytes = scan.bytes;
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let start = bytes.run_back(at, 20, in_scheme);
    let end = bytes.run(at + 3, LONGEST, |byte| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'|' | b'\\')
    });
    scan.url_to = end;
    scan.work += end - at;
    if start == at || !bytes.at(start).is_ascii_alphabetic() {
        return;
    }
    let Some(text) = scan.text.get(at + 3..end) else { return };
    let text = text.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '*']);
    let authority = text.split(['/', '?', '#']).next().unwrap_or_default();
    // A password may have a slash or a hash that is not escaped.
    let user = text.split(['?', '&']).next().unwrap_or_default();
    if has_password(authority) || !authority.contains('.') && has_password(user) || has_token(text)
    {
        scan.add(Kind::Url, start..at + 3 + text.len());
    }
}

fn has_password(authority: &str) -> bool {
    let Some((user, host)) = authority.rsplit_once('@') else { return false };
    let password = user.split_once(':').map_or("", |(_, password)| password);
    is_value(password, 1) && !host.is_empty()
}

fn has_token(url: &str) -> bool {
    let Some((_, query)) = url.split_once(['?', '#']) else { return false };
    query.split(['&', ';', '#', '?']).filter_map(|pair| pair.split_once('=')).any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        TOKENS.iter().any(|token| key == *token || key.ends_with(token)) && is_value(value, 6)
    })
}

/// Returns true if a value is no place for one: `<token>`, `$TOKEN`, `{token}`, `...`.
fn is_value(value: &str, fewest: usize) -> bool {
    let filled = value.chars().filter(|one| one.is_alphanumeric()).count() >= fewest;
    filled && !value.starts_with(['$', '{', '<', '[', '%', '.', '*']) && !value.contains("{{")
}

const TOKENS: &[&str] = &[
    "token",
    "key",
    "apikey",
    "sig",
    "signature",
    "secret",
    "password",
    "passwd",
    "pwd",
    "auth",
    "jwt",
    "sessionid",
    "session_id",
    "credential",
    "code",
    "otp",
    "access",
    "sid",
];
