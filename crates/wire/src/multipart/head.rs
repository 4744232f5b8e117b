//! The headers of a field: its name, and the name of the file that it carries.

use policy::content::Content;

use super::Malformed;

/// The headers of a field. The caller chooses the names, so they are content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldHead {
    /// The field's name.
    pub name: Content,
    /// The name of the file, if the field is one.
    pub filename: Option<Content>,
}

impl FieldHead {
    /// Reads a field's headers, without the empty line after them.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(head).map_err(|_| Malformed::Head)?;
        let text = text.strip_prefix("\r\n").ok_or(Malformed::Head)?;
        let mut disposition = None;
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(Malformed::Head)?;
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            let is_line = !value.contains(['\r', '\n', '\0']);
            if name.is_empty() || !name.bytes().all(is_token) || !is_line {
                return Err(Malformed::Head);
            }
            if name.eq_ignore_ascii_case("content-transfer-encoding") {
                let plain = ["7bit", "8bit", "binary"];
                if !plain.iter().any(|plain| value.trim().eq_ignore_ascii_case(plain)) {
                    return Err(Malformed::Encoding);
                }
            }
            if name.eq_ignore_ascii_case("content-disposition")
                && disposition.replace(value).is_some()
            {
                return Err(Malformed::Head);
            }
        }
        Self::of(disposition.ok_or(Malformed::Head)?).ok_or(Malformed::Head)
    }

    fn of(disposition: &str) -> Option<Self> {
        let (kind, rest) = disposition.split_once(';')?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return None;
        }
        let (mut name, mut filename, mut extended) = (None, None, None);
        for (parameter, value) in parameters(rest)? {
            let known = match parameter.to_ascii_lowercase().as_str() {
                "name" => name.replace(unescaped(&value)),
                "filename" => filename.replace(unescaped(&value)),
                // RFC 7578 forbids it; some clients send it beside the plain one.
                "filename*" => extended.replace(utf8(&value)?),
                _ => None,
            };
            if known.is_some() {
                return None;
            }
        }
        let filename = extended.or(filename).map(Content::new);
        Some(Self { name: Content::new(name?), filename })
    }
}

/// Reads `; name=value; name="value"`. In quotes, a backslash hides a quote or a backslash; others
/// stand for themselves, as in a path of Windows.
pub(super) fn parameters(text: &str) -> Option<Vec<(&str, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || name.contains([';', '"', ' ', '\t', ',']) {
            return None;
        }
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => self::quoted(quoted)?,
            None => {
                let (value, left) = after.split_once(';').unwrap_or((after, ""));
                if value.contains('"') {
                    return None;
                }
                (value.trim().to_owned(), left)
            }
        };
        found.push((name, value));
        rest = left.trim();
    }
    Some(found)
}

/// Reads a quoted text after its first quote; returns it and what follows the next semicolon.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let rest = text.get(at.checked_add(1)?..)?.trim_start();
                let left = if rest.is_empty() { "" } else { rest.strip_prefix(';')? };
                return Some((value, left));
            }
            '\\' => {
                let mut ahead = characters.clone();
                match ahead.next() {
                    Some((_, hidden @ ('"' | '\\'))) => {
                        value.push(hidden);
                        characters = ahead;
                    }
                    _ => value.push('\\'),
                }
            }
            other => value.push(other),
        }
    }
    None
}

/// Replaces the three characters that browsers and HTTP libraries write as `%22`, `%0D` and `%0A`.
fn unescaped(text: &str) -> String {
    text.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// Reads `UTF-8''` and percent-encoded bytes (RFC 8187).
fn utf8(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
