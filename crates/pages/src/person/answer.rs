//! Answers of the API, as pages read them.

use std::fmt;

use maud::{Markup, html};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Visit, parts::spans};
use crate::words::{Message as _, person::Person};

/// The API's answer to one request of a page.
#[derive(Clone)]
pub enum Answer {
    /// The value that it answered.
    Value(Value),
    /// It refused.
    Refused(Refused),
}

/// A refusal of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// Its code.
    pub code: String,
    /// The reason, with the next step, in English: the words of the API.
    pub message: String,
}

/// Omits the value: it may have content.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(..)"),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    error: Body,
}

#[derive(Deserialize)]
struct Body {
    code: Option<String>,
    message: String,
}

impl Answer {
    /// Reads an answer.
    #[must_use]
    pub fn of(status: u16, body: &[u8]) -> Self {
        if (200..300).contains(&status) {
            let body = if body.is_empty() { b"null" } else { body };
            if let Ok(value) = serde_json::from_slice(body) {
                return Self::Value(value);
            }
        }
        let read = serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error);
        let (code, message) = read.map_or_else(
            || (None, "the service's answer cannot be read; try again, and ask the operator to look into the \
                     service's log".to_owned()),
            |body| (body.code, body.message),
        );
        Self::Refused(Refused { status, code: code.unwrap_or_default(), message })
    }

    /// Reads the value.
    ///
    /// # Errors
    /// The API's refusal, or one that says that the value has another shape.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        match self {
            Self::Refused(refused) => Err(refused.clone()),
            Self::Value(value) => T::deserialize(value).map_err(|error| Refused {
                status: 500,
                code: "Unreadable".to_owned(),
                // The error names a field of ours, and no value.
                message: format!(
                    "this page cannot read the API's answer: {}; report it to the operator, and use the \
                     command line meanwhile",
                    shape(&error)
                ),
            }),
        }
    }

    /// Shows the value, or the refusal in its place.
    pub(crate) fn shown<T: DeserializeOwned>(
        &self,
        visit: &Visit<'_>,
        show: impl FnOnce(T) -> Markup,
    ) -> Markup {
        match self.read() {
            Ok(value) => show(value),
            Err(refused) => refused.notice(visit),
        }
    }
}

/// Returns the part of an error that names fields: a value of the answer must not be repeated.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") { text } else { "a field has another type".to_owned() }
}

impl Refused {
    /// Shows the refusal as a notice.
    pub(crate) fn notice(&self, visit: &Visit<'_>) -> Markup {
        let lang = visit.frame.lang;
        html! {
            div class="notice" role="alert" {
                p { strong { (Person::Refused.text(lang)) } }
                p lang="en" { (spans(&self.message)) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_a_value_or_a_refusal_without_content() {
        let good = Answer::of(200, br#"{"secret": "canary"}"#);
        assert_eq!(format!("{good:?}"), "Value(..)");
        let number = good.read::<u64>().unwrap_err();
        assert!(!number.message.contains("canary"), "{number:?}");
        assert!(matches!(Answer::of(204, b""), Answer::Value(Value::Null)));
        let body = json!({"error": {"code": "NotFound", "message": "no"}}).to_string();
        let refused = Answer::of(404, body.as_bytes()).read::<Value>().unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (404, "NotFound"));
        assert!(Answer::of(502, b"<html>").read::<Value>().is_err());
    }
}
