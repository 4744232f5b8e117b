//! The errors that the customers read: the shape of their body, and the invalid fields of a request.
//!
//! `server` maps errors to statuses. Messages that clients know are in OpenAI's own words. No
//! message holds content.

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use utoipa::ToSchema;

use crate::filter::{FilterResults, InnerError, PROMPT_FILTERED};

/// An invalid field, in the API's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Path of the field, such as `messages[2].content`; `None` for the body as a whole.
    pub param: Option<String>,
    /// The kind of error.
    pub code: Code,
    /// The error and the expected value; never the given value.
    pub message: String,
}

impl Invalid {
    /// Creates the error for a value that is not allowed.
    pub fn value(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), code: Code::InvalidValue, message: message.into() }
    }

    /// Creates the error for a parameter of OpenAI's API that this service does not support.
    pub fn unsupported(param: &str, message: impl Into<String>) -> Self {
        let code = Code::UnsupportedParameter;
        Self { param: Some(param.to_owned()), code, message: message.into() }
    }

    /// Creates the error for a missing field.
    #[must_use]
    pub fn missing(param: &str) -> Self {
        Self {
            param: Some(param.to_owned()),
            code: Code::Missing,
            message: format!("Missing required parameter: '{param}'."),
        }
    }

    pub(crate) fn empty_array(param: &str) -> Self {
        Self {
            param: Some(param.to_owned()),
            code: Code::EmptyArray,
            message: format!(
                "Invalid '{param}': empty array. Expected an array with minimum length 1, but got \
                 an empty array instead."
            ),
        }
    }

    pub(crate) fn empty_text(param: &str) -> Self {
        Self {
            param: Some(param.to_owned()),
            code: Code::EmptyString,
            message: format!("Invalid '{param}': empty. Expected at least one character or token."),
        }
    }
}

/// OpenAI's codes for invalid fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is not JSON.
    InvalidJson,
    /// A field is missing.
    Missing,
    /// The field is unknown.
    UnknownParameter,
    /// A field of OpenAI's API that this service does not support.
    UnsupportedParameter,
    /// A value of OpenAI's API that this service does not support.
    UnsupportedValue,
    /// The value has the wrong type, such as a number instead of a string.
    InvalidType,
    /// A value that is not allowed.
    InvalidValue,
    /// A whole number is too small.
    IntegerBelowMin,
    /// A whole number is too large.
    IntegerAboveMax,
    /// A number is too small.
    DecimalBelowMin,
    /// A number is too large.
    DecimalAboveMax,
    /// An array has no items.
    EmptyArray,
    /// An array has too many items.
    ArrayAboveMax,
    /// A text is empty.
    EmptyString,
    /// A text is too long.
    StringAboveMax,
    /// An object has too many keys.
    ObjectAboveMax,
    /// No kept response continues here.
    PreviousNotFound,
}

impl Code {
    /// Returns the code as it is sent.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::Missing => "missing_required_parameter",
            Self::UnknownParameter => "unknown_parameter",
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::UnsupportedValue => "unsupported_value",
            Self::InvalidType => "invalid_type",
            Self::InvalidValue => "invalid_value",
            Self::IntegerBelowMin => "integer_below_min_value",
            Self::IntegerAboveMax => "integer_above_max_value",
            Self::DecimalBelowMin => "decimal_below_min_value",
            Self::DecimalAboveMax => "decimal_above_max_value",
            Self::EmptyArray => "empty_array",
            Self::ArrayAboveMax => "array_above_max_length",
            Self::EmptyString => "empty_string",
            Self::StringAboveMax => "string_above_max_length",
            Self::ObjectAboveMax => "object_above_max_properties",
            Self::PreviousNotFound => "previous_response_not_found",
        }
    }
}

/// Prefix of serde errors for known but unsupported fields; the rest of the text is advice.
pub(crate) const UNSUPPORTED: &str = "unsupported parameter: ";

/// An error.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// Details of an error.
#[derive(Debug, ToSchema)]
pub struct ErrorDetail {
    /// Error code, for programs.
    pub code: &'static str,
    /// Message, for people.
    pub message: String,
    /// OpenAI's class of error, if the error is one of OpenAI's.
    #[schema(rename = "type")]
    pub kind: Option<&'static str>,
    /// The invalid field, if there is one.
    pub param: Option<String>,
    /// The HTTP status, if the content filter blocked the prompt.
    status: Option<u16>,
    /// The filter's annotations, if the content filter blocked the prompt.
    innererror: Option<InnerError>,
}

impl ErrorDetail {
    /// Creates the details of an error that the content filter has no part in.
    #[must_use]
    pub fn new(
        code: &'static str,
        message: String,
        kind: Option<&'static str>,
        param: Option<String>,
    ) -> Self {
        Self { code, message, kind, param, status: None, innererror: None }
    }

    /// Creates Azure's error for a prompt that the content filter blocked. Its status is 400, on
    /// Azure's and OpenAI's paths.
    #[must_use]
    pub fn prompt_filtered(results: FilterResults) -> Self {
        Self {
            code: "content_filter",
            message: PROMPT_FILTERED.to_owned(),
            kind: None,
            param: Some("prompt".to_owned()),
            status: Some(400),
            innererror: Some(InnerError::new(results)),
        }
    }
}

/// Each with the order and the nulls of its origin.
impl Serialize for ErrorDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("ErrorDetail", 6)?;
        if let Some(inner) = &self.innererror {
            out.serialize_field("message", &self.message)?;
            out.serialize_field("type", &self.kind)?;
            out.serialize_field("param", &self.param)?;
            out.serialize_field("code", self.code)?;
            out.serialize_field("status", &self.status)?;
            out.serialize_field("innererror", inner)?;
            return out.end();
        }
        out.serialize_field("code", self.code)?;
        out.serialize_field("message", &self.message)?;
        if let Some(kind) = self.kind {
            out.serialize_field("type", kind)?;
        }
        if let Some(param) = &self.param {
            out.serialize_field("param", param)?;
        }
        out.end()
    }
}
