//! Checks a value against the part of JSON Schema that these tests use. Deliberately independent of
//! the product's own decoder: two readings of one standard must agree.

use serde_json::Value;

/// Returns the error in `value`, if there is one.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    at(schema, schema, value)
}

fn at(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {value} does not match {schema}"));
    for (keyword, given) in schema.as_object().unwrap() {
        let text = value.as_str();
        let count = given.as_u64().and_then(|count| usize::try_from(count).ok());
        let fits = match keyword.as_str() {
            "type" => is_of_type(given.as_str().unwrap(), value),
            "enum" => given.as_array().unwrap().contains(value),
            "const" => given == value,
            "minimum" => value.as_f64().is_none_or(|number| number >= given.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= given.as_f64().unwrap()),
            "maxLength" => text.is_none_or(|text| text.chars().count() <= count.unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() >= count.unwrap()),
            "maxItems" => value.as_array().is_none_or(|items| items.len() <= count.unwrap()),
            "required" => value.as_object().is_none_or(|object| {
                given
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| object.contains_key(name.as_str().unwrap()))
            }),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let known = schema["properties"].as_object().unwrap();
                object.keys().all(|name| known.contains_key(name))
            }),
            "anyOf" => {
                given.as_array().unwrap().iter().any(|schema| at(root, schema, value).is_ok())
            }
            "$ref" => {
                let pointer = given.as_str().unwrap().strip_prefix('#').unwrap();
                return at(root, root.pointer(pointer).unwrap(), value);
            }
            // The only pattern in use.
            "pattern" => text.is_none_or(|text| {
                assert_eq!(given, "^[a-c]{2,4}$");
                (2..=4).contains(&text.len()) && text.bytes().all(|b| (b'a'..=b'c').contains(&b))
            }),
            "properties" => {
                for (name, schema) in given.as_object().unwrap() {
                    value.get(name).map_or(Ok(()), |value| at(root, schema, value))?;
                }
                true
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    at(root, given, item)?;
                }
                true
            }
            "$defs" | "description" => true,
            unknown => panic!("`{unknown}` is not a keyword that this check knows"),
        };
        if !fits {
            return wrong(keyword);
        }
    }
    Ok(())
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => panic!("`{name}` is not a type"),
    }
}
