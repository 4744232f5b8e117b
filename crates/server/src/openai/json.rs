//! Reads a request's body into a typed struct, and says which field is wrong without repeating
//! what stands in it.
//!
//! serde's own messages quote the offending value, which is a customer's content. Here they are
//! taken apart: what was *expected* is ours and goes out, what was *given* never does.

use serde::Deserialize;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::error::{Code, Invalid};

/// How a field that is known and not supported says so; what follows is advice.
pub(super) const UNSUPPORTED: &str = "unsupported parameter: ";

/// Reads a JSON text that must be exactly one `T`.
///
/// # Errors
/// When it is not JSON, or not a `T`.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Invalid> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    // Once more, slower: now with the path to what is wrong.
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| explain(error.path(), error.inner()))?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Implements `Deserialize` for structs that derive it with `remote = "Self"`, from objects only:
/// serde's own implementation would take an array of the fields' values as well.
macro_rules! objects_only {
    ($($name:ident),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Object;
                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        map: A,
                    ) -> Result<$name, A::Error> {
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }
    )+};
}

pub(in crate::openai) use objects_only;

fn explain(path: &Path, error: &serde_json::Error) -> Invalid {
    let (text, param) = (error.to_string(), shown(path));
    match error.classify() {
        Category::Data => {}
        // serde_json counts a key that should be a number as broken syntax.
        Category::Syntax if text.starts_with(BAD_KEY) => {
            let message = "Invalid key in an object: expected token ids as keys.".to_owned();
            return Invalid { param, code: Code::InvalidValue, message };
        }
        Category::Io | Category::Syntax | Category::Eof => return not_json(error),
    }
    let named = param.as_deref().unwrap_or("the request body");
    let (code, message) = if let Some(rest) = text.strip_prefix(UNSUPPORTED) {
        let advice = rest.rsplit_once(" at line ").map_or(rest, |(advice, _)| advice);
        (Code::UnsupportedParameter, format!("Unsupported parameter: '{named}' {advice}."))
    } else if let Some(rest) = text.strip_prefix("unknown field `") {
        return unknown(param, rest);
    } else if let Some(field) = quoted(&text, "missing field `") {
        // The name is one of ours, not the caller's.
        let param = join(param, field);
        let message = format!("Missing required parameter: '{param}'.");
        return Invalid { param: Some(param), code: Code::Missing, message };
    } else if let Some(field) = quoted(&text, "duplicate field `") {
        let param = join(param, field);
        let message = format!("Duplicate parameter: '{param}'. Send it once.");
        return Invalid { param: Some(param), code: Code::InvalidValue, message };
    } else if text.starts_with("unknown variant") {
        let expected = expected(&text).replace('`', "'");
        (Code::InvalidValue, format!("Invalid value for '{named}': expected {expected}."))
    } else if text.starts_with("invalid type") {
        let (expected, got) = (expected(&text), got(&text));
        (
            Code::InvalidType,
            format!("Invalid type for '{named}': expected {expected}, but got {got} instead."),
        )
    } else {
        let expected = expected(&text);
        (Code::InvalidValue, format!("Invalid value for '{named}': expected {expected}."))
    };
    Invalid { param, code, message }
}

fn not_json(error: &serde_json::Error) -> Invalid {
    // For errors of syntax serde_json has a fixed list of texts, and adds line and column.
    let message = format!(
        "We could not parse the JSON body of your request: {error}. The body must be one JSON \
         object in UTF-8."
    );
    Invalid { param: None, code: Code::InvalidJson, message }
}

/// An unknown field is named where its name looks like a name; content that strayed into a key
/// does not come back.
fn unknown(parent: Option<String>, rest: &str) -> Invalid {
    // What follows the name is serde's and ours: nothing in a name can imitate its last occurrence.
    let ends = ["`, expected ", "`, there are no fields"];
    let name = ends.iter().find_map(|end| rest.rsplit_once(end)).map(|(name, _)| name);
    let name = name.filter(|name| is_name(name));
    // Inside arrays the path ends with the name already.
    let named = |parent: Option<String>, name: &str| match parent {
        Some(path) if path == name || path.ends_with(&format!(".{name}")) => path,
        parent => join(parent, name),
    };
    let param = name.map(|name| named(parent.clone(), name)).or(parent);
    let message = match name.and(param.as_deref()) {
        Some(param) => format!("Unknown parameter: '{param}'."),
        None => {
            let place = param.as_ref().map(|param| format!("'{param}'"));
            format!("Unknown parameter in {}.", place.as_deref().unwrap_or("the request body"))
        }
    };
    Invalid { param, code: Code::UnknownParameter, message }
}

/// The path to a field, up to the first key that the caller chose.
fn shown(path: &Path) -> Option<String> {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } if is_name(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
                if FREE_KEYS.contains(&key.as_str()) {
                    break;
                }
            }
            Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    (!text.is_empty()).then_some(text)
}

const BAD_KEY: &str = "invalid value: expected key to be a number in quotes";

/// Objects whose keys are the caller's.
const FREE_KEYS: [&str; 2] = ["metadata", "logit_bias"];

fn is_name(text: &str) -> bool {
    (1..=48).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn join(parent: Option<String>, field: &str) -> String {
    parent.map_or_else(|| field.to_owned(), |parent| format!("{parent}.{field}"))
}

fn quoted<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.split_once('`').map(|(name, _)| name)
}

/// What serde expected: the last of its texts, so that nothing in a value can imitate it.
fn expected(text: &str) -> String {
    let known = text.rsplit_once(", expected ").map_or("another value", |(_, rest)| rest);
    let known = known.rsplit_once(" at line ").map_or(known, |(known, _)| known);
    match known {
        "i64" | "u64" | "i32" | "u32" | "u8" => "an integer".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        _ if known.starts_with("struct ") => "an object".to_owned(),
        _ => known.to_owned(),
    }
}

fn got(text: &str) -> &'static str {
    let given = text.strip_prefix("invalid type: ").unwrap_or_default();
    match given.split([' ', ',']).next().unwrap_or_default() {
        "string" => "a string",
        "integer" => "an integer",
        "floating" => "a decimal number",
        "boolean" => "a boolean",
        "null" => "null",
        "map" => "an object",
        "sequence" => "an array",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(remote = "Self", deny_unknown_fields)]
    struct Body {
        n: Option<i64>,
        items: Vec<Item>,
        #[serde(default)]
        metadata: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(remote = "Self", deny_unknown_fields)]
    struct Item {
        text: String,
    }

    objects_only!(Body, Item);

    #[test]
    fn the_field_is_named_and_its_value_is_not() {
        let cases: [(&str, &str, &str); 12] = [
            (r#"{"n":"canary","items":[]}"#, "n", "invalid_type"),
            (r#"{"n":"canary, expected canary","items":[]}"#, "n", "invalid_type"),
            (r#"{"items":[{"text":1}]}"#, "items[0].text", "invalid_type"),
            (r#"{"items":[{"text":"a","canary x":1}]}"#, "items[0]", "unknown_parameter"),
            (r#"{"items":[{"text":"a","audio":1}]}"#, "items[0].audio", "unknown_parameter"),
            (r#"{"items":[{}]}"#, "items[0].text", "missing_required_parameter"),
            (r#"{"items":[],"items":[]}"#, "items", "invalid_value"),
            (r#"{"items":[],"metadata":{"canary":5}}"#, "metadata", "invalid_type"),
            (r#"{"n":99999999999999999999,"items":[]}"#, "n", "invalid_type"),
            ("[1]", "", "invalid_type"),
            (r#"{"n":NaN}"#, "", "invalid_json"),
            (r#"{"items":[]} canary"#, "", "invalid_json"),
        ];
        for (text, param, code) in cases {
            let wrong = parse::<Body>(text.as_bytes()).unwrap_err();
            let answer = super::super::error::ApiError::from(wrong.clone()).answer();
            assert_eq!(wrong.param.as_deref().unwrap_or_default(), param, "{text}: {wrong:?}");
            assert_eq!(answer.body.error.code, code, "{text}: {wrong:?}");
            assert!(!wrong.message.contains("canary"), "{text}: {wrong:?}");
        }
    }

    #[test]
    fn unknown_fields_are_named_in_openais_words() {
        for (text, message) in [
            (r#"{"foo":1,"items":[]}"#, "Unknown parameter: 'foo'."),
            (r#"{"items":[{"text":"a","foo":1}]}"#, "Unknown parameter: 'items[0].foo'."),
            // A name that may be content is not repeated.
            (r#"{"canary x":1,"items":[]}"#, "Unknown parameter in the request body."),
            (r#"{"a`, expected canary":1,"items":[]}"#, "Unknown parameter in the request body."),
            (r#"{"items":[{"text":"a","canary x":1}]}"#, "Unknown parameter in 'items[0]'."),
        ] {
            let wrong = parse::<Body>(text.as_bytes()).unwrap_err();
            assert_eq!(wrong.message, message, "{text}");
        }
    }
}
