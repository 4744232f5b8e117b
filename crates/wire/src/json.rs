//! Parses a request's body into a typed struct. Errors name the invalid field and never repeat its
//! value.
//!
//! serde's own messages quote the invalid value, which is a customer's content. This module takes
//! them apart: the *expected* part is ours and is sent, the *given* part never is.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::error::{Code, Invalid, UNSUPPORTED};

/// Parses a JSON text that must be exactly one `T`.
///
/// # Errors
/// If it is not JSON, or not a `T`.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Invalid> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        let message =
            "We could not parse the JSON body of your request: it begins with a byte order \
                       mark. Send UTF-8 without one."
                .to_owned();
        return Err(Invalid { param: None, code: Code::InvalidJson, message });
    }
    // A second, slower pass finds the path of the error.
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| explain(error.path(), error.inner()))?;
    json.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// Parses an object with keys that the caller chooses. A repeated key is refused, because either
/// value could be the intended one.
///
/// # Errors
/// If it is no such object.
pub(crate) fn without_repeats<'de, D, K, V>(
    deserializer: D,
) -> Result<Option<BTreeMap<K, V>>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    struct Repeats<K, V>(PhantomData<(K, V)>);
    impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Visitor<'de> for Repeats<K, V> {
        type Value = Option<BTreeMap<K, V>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, object: D) -> Result<Self::Value, D::Error> {
            object.deserialize_map(self)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some((key, value)) = map.next_entry()? {
                if found.insert(key, value).is_some() {
                    let message = "invalid value, expected an object whose keys differ";
                    return Err(de::Error::custom(message));
                }
            }
            Ok(Some(found))
        }
    }
    deserializer.deserialize_option(Repeats(PhantomData))
}

/// Implements `Deserialize`, from objects only, for structs that derive it with `remote = "Self"`.
/// serde's own implementation would also accept an array of the fields' values.
///
/// `refuses` lists the fields of OpenAI's API that this service does not support at this place. The
/// struct does not have them, so the OpenAPI document leaves them out.
macro_rules! objects_only {
    ($($name:ident $(refuses [$($refused:expr),+ $(,)?])?),+ $(,)?) => {$(
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
                        const REFUSED: &[$crate::refused::Refused] = &[$($($refused),+)?];
                        let map = $crate::refused::Supported::new(map, REFUSED);
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }
                deserializer.deserialize_map(Object)
            }
        }
    )+};
}

/// Implements `Deserialize`, from strings only, for enums that derive it with `remote = "Self"`.
/// serde_json would also accept an object with one key, and would report a number as bad syntax.
macro_rules! texts_only {
    ($($name:ident),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::deserialize(serde::de::value::StrDeserializer::<E>::new(text))
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    )+};
}

/// Implements `Serialize`, to strings, for enums that derive it with `remote = "Self"`.
macro_rules! texts_out {
    ($($name:ident),+ $(,)?) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $name::serialize(self, serializer)
            }
        }
    )+};
}

pub(crate) use objects_only;
pub(crate) use texts_only;
pub(crate) use texts_out;

fn explain(path: &Path, error: &serde_json::Error) -> Invalid {
    let (text, param) = (error.to_string(), shown(path));
    match error.classify() {
        Category::Data => {}
        // serde_json reports a key that should be a number as broken syntax.
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
        // The name comes from our types, not from the caller.
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
    // For syntax errors serde_json has a fixed list of texts, and adds line and column.
    let message = format!(
        "We could not parse the JSON body of your request: {error}. The body must be one JSON \
         object in UTF-8."
    );
    Invalid { param: None, code: Code::InvalidJson, message }
}

/// Names an unknown field if its name looks like an identifier; content that strayed into a key is
/// not repeated.
fn unknown(parent: Option<String>, rest: &str) -> Invalid {
    // The text after the name comes from serde and our types, so a name cannot imitate the last
    // match.
    let ends = ["`, expected ", "`, there are no fields"];
    let name = ends.iter().find_map(|end| rest.rsplit_once(end)).map(|(name, _)| name);
    let name = name.filter(|name| is_name(name));
    // Inside arrays the path already ends with the name.
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

/// Returns the path of a field, up to the first key that the caller chose.
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

/// Some editors and shells put this before UTF-8 text; RFC 8259 §8.1 forbids sending it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Objects with keys that the caller chooses.
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

/// Returns the type that serde expected, from the last match in its text: a value cannot imitate
/// that.
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
            assert_eq!(wrong.param.as_deref().unwrap_or_default(), param, "{text}: {wrong:?}");
            assert_eq!(wrong.code.text(), code, "{text}: {wrong:?}");
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
