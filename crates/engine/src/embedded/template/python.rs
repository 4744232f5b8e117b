//! Writes values as Python does, for templates that were written for Python.

use std::{borrow::Cow, fmt::Write as _};

use minijinja::{
    Environment, Error, Value,
    value::{Kwargs, ValueKind},
};

use super::{
    json::write_number,
    methods::{Ends, PADDED_MAX, strip},
};

/// Converts a JSON value for templates. Keys keep their order.
pub(super) fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(truth),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => items.into_iter().map(value).collect(),
        serde_json::Value::Object(fields) => {
            Value::from_pairs(fields.into_iter().map(|(key, field)| (key, value(field))))
        }
        serde_json::Value::Number(number) => {
            if let Some(integer) = number.as_i64() {
                return Value::from(integer);
            }
            // Python's integers have no limit; minijinja's have 128 bits.
            let large = number.to_string().parse::<i128>().ok().map(Value::from);
            large.unwrap_or_else(|| Value::from(number.as_f64().unwrap_or(f64::NAN)))
        }
    }
}

/// Python's `str`.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value.kind() {
        ValueKind::String => Cow::Borrowed(value.as_str().unwrap_or_default()),
        ValueKind::Number | ValueKind::Seq | ValueKind::Map => {
            let mut out = String::new();
            represent(value, &mut out);
            Cow::Owned(out)
        }
        _ => Cow::Owned(value.to_string()),
    }
}

/// Adds filters and tests of Jinja for which minijinja's give other results.
pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("trim", |value: &Value, letters: Option<&str>| {
        Value::from(strip(&text(value), letters, Ends::Both))
    });
    environment.add_filter("string", |value: &Value| Value::from(text(value)));
    environment.add_filter("indent", indent);
    environment.add_filter("int", int);
    environment.add_filter("e", escape);
    environment.add_filter("escape", escape);
    environment.add_test("iterable", |value: &Value| match value.kind() {
        ValueKind::Undefined | ValueKind::String => true,
        ValueKind::None => false,
        _ => value.try_iter().is_ok(),
    });
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::String | ValueKind::Seq | ValueKind::Map | ValueKind::Undefined
        )
    });
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
}

/// Indents each line; the first line and empty lines only on request.
fn indent(
    value: &Value,
    width: Option<&Value>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Result<String, Error> {
    let width = width.cloned().or(named.get("width")?);
    let first = first.or(named.get("first")?).unwrap_or(false);
    let blank = blank.or(named.get("blank")?).unwrap_or(false);
    named.assert_all_used()?;
    let margin = match &width {
        None => " ".repeat(4),
        Some(width) => match width.as_str() {
            Some(margin) => margin.to_owned(),
            None => " ".repeat(usize::try_from(width.clone())?.min(PADDED_MAX)),
        },
    };
    let text = text(value);
    let mut indented = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            indented.push('\n');
        }
        if (at > 0 || first) && (blank || !line.is_empty() || at == 0) {
            indented.push_str(&margin);
        }
        indented.push_str(line);
    }
    Ok(indented)
}

/// Converts a value to an integer; a value that is not a number gives the default.
fn int(value: &Value, default: Option<Value>, named: Kwargs) -> Result<Value, Error> {
    let default = default.or(named.get("default")?).unwrap_or_else(|| Value::from(0));
    named.assert_all_used()?;
    let text = value.as_str().map(|text| text.trim().replace('_', ""));
    if let Some(integer) = text.as_deref().and_then(|text| text.parse::<i128>().ok()) {
        return Ok(Value::from(integer));
    }
    if value.is_integer() {
        return Ok(value.clone());
    }
    let float = match (&text, value.kind()) {
        (Some(text), _) => text.parse::<f64>().ok(),
        (None, ValueKind::Bool) => Some(f64::from(u8::from(value.is_true()))),
        (None, _) => f64::try_from(value.clone()).ok(),
    };
    Ok(float.filter(|float| float.is_finite()).map_or(default, |float| Value::from(float as i128)))
}

/// Escapes as MarkupSafe does.
fn escape(value: &Value) -> Value {
    let text = text(value);
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    Value::from_safe_string(escaped)
}

/// Python's `repr`.
fn represent(value: &Value, out: &mut String) {
    match value.kind() {
        ValueKind::Number => write_number(value, out),
        ValueKind::Seq if !value.is_tuple() => {
            out.push('[');
            for (at, item) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                represent(&item, out);
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                represent(&key, out);
                out.push_str(": ");
                represent(&value.get_item(&key).unwrap_or_default(), out);
            }
            out.push('}');
        }
        // minijinja writes all other kinds as Python does.
        _ => {
            let _ = write!(out, "{value:?}");
        }
    }
}
