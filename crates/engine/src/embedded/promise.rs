//! The promise that an answer matches its schema, and the check of the finished answer.
//!
//! The check uses [`Check`], which shares no code with the grammar that constrained the answer.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::schema::check::Check;

/// The reason why an answer is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call does not have the form that the grammar prescribes.
    Malformed,
    /// The text or the arguments do not match the schema that they were promised to match.
    Promise,
}

/// The guarantee that a request was given for its answer.
#[derive(Debug, Default)]
pub(crate) enum Promise {
    /// No guarantee.
    #[default]
    Nothing,
    /// The answer is JSON that passes the check.
    Json(Check),
    /// The answer may call functions.
    Calls {
        /// The check of each function's arguments. Without a schema that is enforced, it accepts any
        /// object.
        checks: HashMap<String, Check>,
        /// Whether the answer may hold more than one call.
        parallel: bool,
        /// The promise for an answer that calls nothing, if such an answer is JSON. The answer then
        /// is either calls or JSON. `None` if it may be any text, also beside calls.
        answer: Option<Box<Self>>,
    },
}

impl Promise {
    /// Checks the text of a complete answer without calls. Calls are checked one by one with
    /// [`Self::keeps`].
    ///
    /// # Errors
    /// [`Fault::Promise`] if the text does not match.
    pub(crate) fn is_kept_by(&self, answer: &str) -> Result<(), Fault> {
        match self {
            Self::Json(check) => check.read(answer).map_err(|_| Fault::Promise),
            Self::Calls { answer: Some(promise), .. } => promise.is_kept_by(answer),
            Self::Nothing | Self::Calls { answer: None, .. } => Ok(()),
        }
    }

    /// Checks the arguments of a call.
    ///
    /// # Errors
    /// [`Fault::Promise`] if they do not match, or the function is unknown.
    pub(crate) fn keeps(&self, name: &str, arguments: &str) -> Result<(), Fault> {
        match self {
            Self::Calls { checks, .. } => {
                let check = checks.get(name).ok_or(Fault::Promise)?;
                check.read(arguments).map_err(|_| Fault::Promise)
            }
            Self::Nothing | Self::Json(_) => Err(Fault::Promise),
        }
    }

    /// Whether the text of the complete answer is checked.
    pub(crate) fn is_of_text(&self) -> bool {
        match self {
            Self::Json(_) => true,
            Self::Calls { answer, .. } => answer.as_ref().is_some_and(|answer| answer.is_of_text()),
            Self::Nothing => false,
        }
    }

    /// Whether the answer is either calls or JSON.
    pub(crate) fn is_calls_or_json(&self) -> bool {
        matches!(self, Self::Calls { answer: Some(_), .. })
    }

    /// Whether the answer may contain calls.
    pub(crate) fn is_of_calls(&self) -> bool {
        matches!(self, Self::Calls { .. })
    }

    /// Whether the answer may hold more than one call.
    pub(crate) fn is_parallel(&self) -> bool {
        matches!(self, Self::Calls { parallel: true, .. })
    }

    /// Parses a call that the model wrote outside of the grammar. Returns its function and
    /// arguments; `None` unless the function is known and the arguments pass its check.
    pub(crate) fn call(&self, json: &str) -> Option<(String, String)> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Call<'a> {
            name: String,
            #[serde(borrow)]
            arguments: &'a RawValue,
        }
        let Call { name, arguments } = serde_json::from_str(json).ok()?;
        let arguments = arguments.get().to_owned();
        (arguments.starts_with('{') && self.keeps(&name, &arguments).is_ok())
            .then_some((name, arguments))
    }
}
