//! The strings and numbers of a JSON text, so that a value in it can be replaced, and it stays JSON.

use std::{borrow::Cow, ops::Range};

use serde::de::IgnoredAny;

/// A string or another scalar of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// The place; of a string, without its quotation marks.
    pub(super) span: Range<usize>,
    pub(super) is_string: bool,
}

/// Returns the strings and the other scalars of a text, if it is a JSON object or array.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut tokens = Vec::new();
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let start = at.saturating_add(1);
                let mut end = start;
                while let Some((at, byte)) = bytes.next() {
                    end = at;
                    match byte {
                        b'\\' => {
                            bytes.next();
                        }
                        b'"' => break,
                        _ => {}
                    }
                }
                tokens.push(Token { span: start..end, is_string: true });
            }
            byte if is_scalar(byte) => {
                let mut end = at.saturating_add(1);
                while bytes.next_if(|(_, byte)| is_scalar(*byte)).is_some() {
                    end = end.saturating_add(1);
                }
                tokens.push(Token { span: at..end, is_string: false });
            }
            _ => {}
        }
    }
    Some(tokens)
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Returns a part of a JSON string without its escapes.
pub(super) fn plain(part: &str) -> Cow<'_, str> {
    if !part.contains('\\') {
        return Cow::Borrowed(part);
    }
    match serde_json::from_str(&format!("\"{part}\"")) {
        Ok(plain) => Cow::Owned(plain),
        Err(_) => Cow::Borrowed(part),
    }
}

/// Returns a text as the inside of a JSON string.
pub(super) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}
