//! The fields of requests for objects that a customer asks the service to keep: `metadata` and
//! `expires_after`.

use std::{collections::BTreeMap, fmt};

use engine::request::Text;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::{
    error::{Code, Invalid},
    fields::{self, Labels},
    json::{self, objects_only},
};

/// `metadata`: up to 16 pairs, which the customer chooses. Both the keys and the values are content.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata(BTreeMap<String, Text>);

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} pairs)", self.0.len())
    }
}

impl Metadata {
    /// Checks the number of pairs and their lengths.
    ///
    /// # Errors
    /// If there are more than 16 pairs, or a key or value is too long.
    pub fn check(&self) -> Result<(), Invalid> {
        Labels { metadata: Some(&self.0), identifiers: &[] }.check()
    }

    /// Returns true if there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Text> {
        self.0.get(key)
    }

    /// Returns the pairs as a JSON object, for an answer or a sealed head. It is content.
    #[must_use]
    pub fn reveal(&self) -> serde_json::Value {
        let text = |text: &Text| serde_json::Value::from(text.0.reveal());
        self.0.iter().map(|(key, value)| (key.clone(), text(value))).collect()
    }
}

/// For a field that must be there: a field of a type that takes `null` may be missing otherwise.
///
/// # Errors
/// The deserializer's errors.
pub(crate) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
    Metadata::deserialize(deserializer)
}

/// `null` is the same as no pairs.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(json::without_repeats(deserializer)?.unwrap_or_default()))
    }
}

/// `expires_after`: when the service destroys an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ExpiresAfter {
    /// The time from which the seconds count: `created_at`.
    pub anchor: Anchor,
    /// The seconds: from one hour to 30 days.
    pub seconds: i64,
}

/// The time from which `expires_after` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub enum Anchor {
    /// The creation of the object.
    CreatedAt,
}

objects_only!(ExpiresAfter);
json::texts_only!(Anchor);

impl ExpiresAfter {
    /// Reads the two fields of a multipart form.
    ///
    /// # Errors
    /// If one is missing or invalid.
    pub fn of_form(anchor: Option<&str>, seconds: Option<&str>) -> Result<Option<Self>, Invalid> {
        let (anchor, seconds) = match (anchor, seconds) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(Invalid::missing("expires_after[anchor]")),
            (Some(_), None) => return Err(Invalid::missing("expires_after[seconds]")),
            (Some(anchor), Some(seconds)) => (anchor, seconds),
        };
        if anchor != "created_at" {
            let param = "expires_after[anchor]";
            let message = "Invalid 'expires_after[anchor]': the only value is 'created_at'.";
            return Err(Invalid::value(param, message));
        }
        let seconds = seconds.parse().map_err(|_| Invalid {
            param: Some("expires_after[seconds]".to_owned()),
            code: Code::InvalidType,
            message: "Invalid type for 'expires_after[seconds]': expected an integer.".to_owned(),
        })?;
        let after = Self { anchor: Anchor::CreatedAt, seconds };
        after.milliseconds("expires_after[seconds]")?;
        Ok(Some(after))
    }

    /// Returns the time between creation and end, in milliseconds. `param` is the name of the field
    /// with the seconds.
    ///
    /// # Errors
    /// If it is out of its range.
    pub fn milliseconds(&self, param: &str) -> Result<u64, Invalid> {
        let seconds =
            fields::integer(param, Some(self.seconds), EXPIRES_SECONDS_MIN, EXPIRES_SECONDS_MAX)?;
        Ok(u64::from(seconds.unwrap_or_default()).saturating_mul(1000))
    }
}

/// OpenAI's least: an hour.
pub const EXPIRES_SECONDS_MIN: i64 = 60 * 60;

/// OpenAI's most: 30 days.
pub const EXPIRES_SECONDS_MAX: i64 = 30 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_between_an_hour_and_30_days_away() {
        let parse = |text: &str| json::parse::<ExpiresAfter>(text.as_bytes());
        let after = parse(r#"{"anchor":"created_at","seconds":3600}"#).unwrap();
        assert_eq!(after.milliseconds("expires_after.seconds"), Ok(3_600_000));
        for seconds in [3599, 2_592_001, -1] {
            let after = ExpiresAfter { anchor: Anchor::CreatedAt, seconds };
            let wrong = after.milliseconds("expires_after.seconds").unwrap_err();
            assert_eq!(wrong.param.as_deref(), Some("expires_after.seconds"));
        }
        for bad in [
            r#"{"anchor":"canary","seconds":3600}"#,
            r#"{"anchor":"created_at"}"#,
            r#"["created_at",3600]"#,
            r#"{"anchor":"created_at","seconds":3600,"canary":1}"#,
        ] {
            let wrong = parse(bad).unwrap_err();
            assert!(!wrong.message.contains("canary") || bad.contains("\"canary\":1"), "{wrong:?}");
        }
    }

    #[test]
    fn a_form_has_both_fields_or_none() {
        let form = ExpiresAfter::of_form;
        assert_eq!(form(None, None), Ok(None));
        assert!(form(Some("created_at"), Some("86400")).unwrap().is_some());
        assert!(form(Some("created_at"), None).is_err());
        assert!(form(None, Some("86400")).is_err());
        assert!(form(Some("last_active_at"), Some("86400")).is_err());
        assert!(form(Some("created_at"), Some("1e9")).is_err());
        assert!(form(Some("created_at"), Some("1")).is_err());
    }

    #[test]
    fn metadata_keeps_its_pairs_and_its_bounds() {
        let parse = |text: &str| json::parse::<Metadata>(text.as_bytes());
        let pairs = parse(r#"{"b":"2","a":"1"}"#).unwrap();
        assert_eq!(pairs.check(), Ok(()));
        assert_eq!(pairs.reveal().to_string(), r#"{"a":"1","b":"2"}"#);
        assert!(parse("null").unwrap().is_empty());
        assert!(parse(r#"{"a":"1","a":"2"}"#).is_err());
        assert!(parse(r#"{"a":5}"#).is_err());
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(513));
        assert!(parse(&long).unwrap().check().is_err());
        let many: Vec<String> = (0..17).map(|n| format!(r#""{n}":"x""#)).collect();
        assert!(parse(&format!("{{{}}}", many.join(","))).unwrap().check().is_err());
        assert_eq!(format!("{pairs:?}"), "Metadata(2 pairs)");
    }
}
