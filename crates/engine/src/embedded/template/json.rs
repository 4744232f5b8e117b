//! Python's `json.dumps`.

use std::fmt::Write as _;

use minijinja::{Value, value::ValueKind};

use super::control::MARKER;

/// The options of `json.dumps`.
#[derive(Debug)]
pub(super) struct JsonStyle {
    /// Whether to write non-ASCII letters as escapes.
    pub(super) ensure_ascii: bool,
    /// If set, each item is on its own line, indented with this text for each level.
    pub(super) indent: Option<String>,
    /// Separator between items.
    pub(super) item: String,
    /// Separator between a key and its value.
    pub(super) key: String,
    /// Whether to sort keys.
    pub(super) sort_keys: bool,
}

/// Python's `json.dumps`. The error is the kind of a value that cannot be written as JSON.
pub(super) fn dumps(value: &Value, style: &JsonStyle) -> Result<String, ValueKind> {
    let mut out = String::new();
    write_json(value, style, 0, &mut out)?;
    Ok(out)
}

fn write_json(
    value: &Value,
    style: &JsonStyle,
    depth: usize,
    out: &mut String,
) -> Result<(), ValueKind> {
    let kind = value.kind();
    match kind {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => write_number(value, out),
        ValueKind::String => {
            quote(value.as_str().unwrap_or_default(), style.ensure_ascii, out);
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter().map_err(|_| kind)?.collect();
            enclose(('[', ']'), items.len(), style, depth, out, &mut |at, out| {
                items
                    .get(at)
                    .map_or(Ok(()), |item| write_json(item, style, depth.saturating_add(1), out))
            })?;
        }
        ValueKind::Map => {
            let mut fields = Vec::new();
            for key in value.try_iter().map_err(|_| kind)? {
                let field = value.get_item(&key).map_err(|_| kind)?;
                fields.push((key_text(&key)?, field));
            }
            if style.sort_keys {
                fields.sort_by(|a, b| a.0.cmp(&b.0));
            }
            enclose(('{', '}'), fields.len(), style, depth, out, &mut |at, out| {
                let Some((key, field)) = fields.get(at) else { return Ok(()) };
                quote(key, style.ensure_ascii, out);
                out.push_str(&style.key);
                write_json(field, style, depth.saturating_add(1), out)
            })?;
        }
        _ => return Err(kind),
    }
    Ok(())
}

/// Writes `count` entries between two brackets.
fn enclose(
    (open, close): (char, char),
    count: usize,
    style: &JsonStyle,
    depth: usize,
    out: &mut String,
    entry: &mut dyn FnMut(usize, &mut String) -> Result<(), ValueKind>,
) -> Result<(), ValueKind> {
    let line = |depth: usize, out: &mut String| {
        if let Some(indent) = &style.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(indent));
        }
    };
    out.push(open);
    for at in 0..count {
        if at > 0 {
            out.push_str(&style.item);
        }
        line(depth.saturating_add(1), out);
        entry(at, out)?;
    }
    if count > 0 {
        line(depth, out);
    }
    out.push(close);
    Ok(())
}

fn key_text(key: &Value) -> Result<String, ValueKind> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => {
            let mut text = String::new();
            write_number(key, &mut text);
            Ok(text)
        }
        kind => Err(kind),
    }
}

/// Writes a number as Python does.
pub(super) fn write_number(value: &Value, out: &mut String) {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => out.push_str(&float(number)),
        // Integers are written unchanged.
        _ => out.push_str(&value.to_string()),
    }
}

/// Python's `repr` of a float, and the names that `json.dumps` uses for NaN and infinity.
fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // Rust's shortest form has the same digits and the same limits as Python's, but a shorter
    // exponent.
    let text = format!("{number:?}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn quote(text: &str, ensure_ascii: bool, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => {
                // Writing to a `String` does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            // The marker is ours, and must be found again in the output.
            letter if ensure_ascii && !letter.is_ascii() && letter != MARKER => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// Returns the JSON form of a text, without quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    quote(text, false, &mut quoted);
    let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
