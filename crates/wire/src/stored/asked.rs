//! The parts of its request that a stored chat completion keeps.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    error::Invalid,
    json,
    stored::list::{Message, damaged},
};

/// The messages and settings of a chat request. The rest of it is not kept.
#[derive(Serialize, Deserialize)]
#[expect(missing_debug_implementations, reason = "holds content")]
pub struct Asked<'a> {
    #[serde(borrow)]
    pub(super) messages: Vec<Message<'a>>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    seed: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
}

impl<'a> Asked<'a> {
    /// Reads the body of a chat request, which was checked before.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(body: &'a [u8]) -> Result<Self, Invalid> {
        json::parse(body)
    }

    /// Adds the request's fields to the answer.
    pub(super) fn described(
        &self,
        completion: &RawValue,
        metadata: &RawValue,
        request: &str,
    ) -> Result<Box<RawValue>, Invalid> {
        to_raw_value(&Described { answer: completion, asked: self, metadata, request })
            .map_err(|_| damaged())
    }
}

/// A completion as the API describes it.
struct Described<'a> {
    answer: &'a RawValue,
    asked: &'a Asked<'a>,
    metadata: &'a RawValue,
    request: &'a str,
}

#[derive(Serialize)]
struct More<'a> {
    request_id: &'a str,
    metadata: &'a RawValue,
    tools: Option<&'a RawValue>,
    tool_choice: Option<&'a RawValue>,
    response_format: Option<&'a RawValue>,
    input_user: Option<&'a RawValue>,
    seed: Option<i64>,
    temperature: f64,
    top_p: f64,
    presence_penalty: f64,
    frequency_penalty: f64,
}

impl Serialize for Described<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error as _, SerializeMap as _};
        let answer: Fields<'_> =
            serde_json::from_str(self.answer.get()).map_err(|_| S::Error::custom("damaged"))?;
        let asked = self.asked;
        let more = More {
            request_id: self.request,
            metadata: self.metadata,
            tools: asked.tools,
            tool_choice: asked.tool_choice,
            response_format: asked.response_format,
            input_user: asked.user,
            seed: asked.seed,
            temperature: asked.temperature.unwrap_or(1.0),
            top_p: asked.top_p.unwrap_or(1.0),
            presence_penalty: asked.presence_penalty.unwrap_or(0.0),
            frequency_penalty: asked.frequency_penalty.unwrap_or(0.0),
        };
        let more = serde_json::to_string(&more).map_err(|_| S::Error::custom("damaged"))?;
        let more: Fields<'_> =
            serde_json::from_str(&more).map_err(|_| S::Error::custom("damaged"))?;
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in answer.0.iter().chain(&more.0) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The fields of an object, in order, each as its original text.
struct Fields<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Vec<(&'de str, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Visitor).map(Self)
    }
}
