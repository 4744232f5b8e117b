//! Validates a finished answer against its schema, with a library (`jsonschema`) that shares no
//! code with the compiler. A mistake in the compiler then fails the request instead of breaking the
//! guarantee.

use std::{collections::HashSet, fmt, sync::Arc};

use jsonschema::{Draft, PatternOptions, Validator};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::read::Edition;

/// A validator for finished answers.
#[derive(Clone)]
pub(crate) struct Check(Option<Arc<Validator>>);

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

/// The answer does not match. Holds no details, because these would quote the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// Removes annotations from a schema and its subschemas. They decide nothing, and the library refuses a
/// schema whose annotation has an unusual value, such as `"title": null`.
fn without_annotations(schema: &mut Value) {
    const ANNOTATIONS: [&str; 10] = [
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "contentEncoding",
        "contentMediaType",
    ];
    let Some(object) = schema.as_object_mut() else { return };
    for annotation in ANNOTATIONS {
        object.shift_remove(annotation);
    }
    for (keyword, value) in object.iter_mut() {
        match (keyword.as_str(), value) {
            ("allOf" | "anyOf" | "oneOf" | "prefixItems" | "items", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(without_annotations)
            }
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas"
                | "dependencies",
                Value::Object(schemas),
            ) => schemas.values_mut().for_each(without_annotations),
            (
                "not"
                | "if"
                | "then"
                | "else"
                | "items"
                | "additionalItems"
                | "additionalProperties"
                | "contains"
                | "propertyNames"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                schema,
            ) => without_annotations(schema),
            _ => {}
        }
    }
}

impl Check {
    /// Accepts any JSON object without duplicate keys.
    pub(crate) fn object() -> Self {
        Self(None)
    }

    /// Accepts the values of a schema; `None` if the library cannot read the schema.
    pub(crate) fn of(root: &Value) -> Option<Self> {
        let draft = match Edition::of(root) {
            Edition::Draft4 => Draft::Draft4,
            Edition::Draft6 => Draft::Draft6,
            Edition::Draft7 => Draft::Draft7,
            Edition::Draft2019 => Draft::Draft201909,
            Edition::Draft2020 => Draft::Draft202012,
        };
        let mut root = root.clone();
        if let Some(object) = root.as_object_mut() {
            object.shift_remove("$schema");
        }
        without_annotations(&mut root);
        // The library's errors may quote the schema, and it may panic: neither leaves this
        // function.
        let built = std::panic::catch_unwind(|| {
            jsonschema::options()
                .with_draft(draft)
                .should_validate_formats(false)
                .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(100_000))
                .build(&root)
        });
        built.ok()?.ok().map(|validator| Self(Some(Arc::new(validator))))
    }

    /// Validates an answer.
    ///
    /// # Errors
    /// If the text is not JSON, has a duplicate key or does not match, or if the library panics.
    pub(crate) fn read(&self, text: &str) -> Result<(), Broken> {
        let Once(value) = serde_json::from_str(text).map_err(|_| Broken)?;
        let kept = match &self.0 {
            None => value.is_object(),
            Some(validator) => {
                let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    validator.is_valid(&value)
                }));
                judged.unwrap_or(false)
            }
        };
        if kept { Ok(()) } else { Err(Broken) }
    }
}

/// A JSON value in which no object has a duplicate key; serde_json alone accepts these.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Once, E> {
                Ok(Once(Value::Null))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Once, E> {
                Ok(Once(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Once, E> {
                Ok(Once(value.into()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Once, E> {
                Ok(Once(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Once, E> {
                Ok(Once(value.into()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Once, E> {
                Ok(Once(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Once, A::Error> {
                let mut items = Vec::new();
                while let Some(Once(item)) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Once(Value::Array(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once, A::Error> {
                let (mut seen, mut object) = (HashSet::new(), serde_json::Map::new());
                while let Some((key, Once(value))) = map.next_entry::<String, Once>()? {
                    if !seen.insert(key.clone()) {
                        return Err(de::Error::custom("a key twice"));
                    }
                    object.insert(key, value);
                }
                Ok(Once(Value::Object(object)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
