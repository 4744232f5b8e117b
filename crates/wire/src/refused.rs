//! Fields of OpenAI's API that this service does not support: a request that sets one is refused by
//! its name, and `null` is accepted, because clients send it for fields that they do not set.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, MapAccess, Visitor, value::StrDeserializer},
};

use crate::error::UNSUPPORTED;

/// A field that is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    field: &'static str,
    /// Whether `false` is accepted like `null`.
    switch: bool,
    /// Continues a sentence that begins with the field.
    advice: &'static str,
}

impl Refused {
    /// A field without a replacement.
    pub(crate) const fn field(field: &'static str) -> Self {
        Self { field, switch: false, advice: "is not supported" }
    }

    /// A switch that must be off.
    pub(crate) const fn switch(field: &'static str) -> Self {
        Self { field, switch: true, advice: "is not supported; leave it out or send false" }
    }

    /// A field that `tools` and `tool_choice` replaced.
    pub(crate) const fn replaced_by_tools(field: &'static str) -> Self {
        let advice = "is not supported; use tools and tool_choice instead";
        Self { field, switch: false, advice }
    }
}

/// The fields of an object without those that are refused. They are checked on the way.
pub(crate) struct Supported<A> {
    map: A,
    refused: &'static [Refused],
    seen: Vec<&'static str>,
}

impl<A> Supported<A> {
    pub(crate) fn new(map: A, refused: &'static [Refused]) -> Self {
        Self { map, refused, seen: Vec::new() }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Supported<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        loop {
            let key = Key { seed, refused: self.refused };
            match self.map.next_key_seed(key)? {
                None => return Ok(None),
                Some(Found::Supported(key)) => return Ok(Some(key)),
                Some(Found::Refused(refused, returned)) => {
                    if self.seen.contains(&refused.field) {
                        return Err(de::Error::duplicate_field(refused.field));
                    }
                    self.seen.push(refused.field);
                    self.map.next_value_seed(refused)?;
                    seed = returned;
                }
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Reads a key: either a refused field, or a key for `seed`.
struct Key<K> {
    seed: K,
    refused: &'static [Refused],
}

enum Found<V, K> {
    Supported(V),
    /// The seed is unused, and reads the next key.
    Refused(&'static Refused, K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<K> {
    type Value = Found<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Key<K> {
    type Value = Found<K::Value, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        match self.refused.iter().find(|refused| refused.field == name) {
            Some(refused) => Ok(Found::Refused(refused, self.seed)),
            None => self.seed.deserialize(StrDeserializer::new(name)).map(Found::Supported),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Refused {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for &Refused {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null")
    }

    fn visit_none<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        // Reads the whole value first: broken JSON after a `false` must be reported as such.
        match serde_json::Value::deserialize(value)? {
            serde_json::Value::Bool(false) if self.switch => Ok(()),
            _ => Err(de::Error::custom(format_args!("{UNSUPPORTED}{}", self.advice))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, objects_only};

    #[derive(Debug, Deserialize)]
    #[serde(remote = "Self", deny_unknown_fields)]
    struct Body {
        n: Option<i64>,
        #[serde(default)]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(remote = "Self", deny_unknown_fields)]
    struct Item {
        text: String,
    }

    objects_only!(
        Body refuses [
            Refused::field("audio"),
            Refused::switch("stored"),
            Refused::replaced_by_tools("functions"),
        ],
        Item refuses [Refused::field("file")],
    );

    #[test]
    fn null_and_switches_that_are_off_are_accepted() {
        for text in [
            r#"{"audio":null,"n":1}"#,
            r#"{"n":1,"stored":false,"functions":null}"#,
            r#"{"stored":null,"n":1,"items":[{"file":null,"text":"a"}]}"#,
        ] {
            assert_eq!(json::parse::<Body>(text.as_bytes()).unwrap().n, Some(1), "{text}");
        }
    }

    #[test]
    fn other_values_are_refused_by_the_name_of_the_field() {
        for (text, param, code) in [
            (r#"{"audio":false}"#, "audio", "unsupported_parameter"),
            (r#"{"n":1,"audio":{"canary":"canary"}}"#, "audio", "unsupported_parameter"),
            (r#"{"stored":true}"#, "stored", "unsupported_parameter"),
            (r#"{"stored":"canary"}"#, "stored", "unsupported_parameter"),
            (r#"{"functions":["canary"]}"#, "functions", "unsupported_parameter"),
            (r#"{"items":[{"file":1,"text":"a"}]}"#, "items[0].file", "unsupported_parameter"),
            // Only where OpenAI's API has it.
            (r#"{"file":null}"#, "file", "unknown_parameter"),
            (r#"{"items":[{"text":"a","audio":1}]}"#, "items[0].audio", "unknown_parameter"),
            (r#"{"audio":null,"audio":null}"#, "audio", "invalid_value"),
            (r#"{"n":1,"n":1}"#, "n", "invalid_value"),
            (r#"{"audio":nul}"#, "", "invalid_json"),
            (r#"{"stored":false"#, "", "invalid_json"),
        ] {
            let wrong = json::parse::<Body>(text.as_bytes()).unwrap_err();
            let found = (wrong.param.as_deref().unwrap_or_default(), wrong.code.text());
            assert_eq!(found, (param, code), "{text}: {wrong:?}");
            assert!(!wrong.message.contains("canary"), "{text}: {wrong:?}");
        }
        let wrong = json::parse::<Body>(br#"{"functions":[]}"#).unwrap_err();
        let message = "Unsupported parameter: 'functions' is not supported; use tools and \
                       tool_choice instead.";
        assert_eq!(wrong.message, message);
    }
}
