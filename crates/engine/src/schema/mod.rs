//! Compiles a JSON schema to a grammar. Every text of the grammar matches the schema.
//!
//! [`inexact`] first finds numbers that 64 bits cannot hold. Then three steps follow:
//! 1. [`read`] parses the schema strictly. A keyword with a value of the wrong kind is an error.
//! 2. [`compile`] resolves `$ref` and `allOf`, and expands every choice (`anyOf`, `oneOf`, `not`,
//!    `if`) until each alternative is a list of plain assertions, such as `type` and `maximum`.
//! 3. [`grammar`] writes the alternatives as rules for llguidance.
//!
//! An example: `{"anyOf": [{"type": "integer", "minimum": 7, "maximum": 12}, {"enum": ["a"]}]}`
//! has two alternatives, and compiles to these rules (simplified):
//!
//! ```text
//! answer: NUMBER | WORD
//! NUMBER: /(?:[7-9]|1[0-2])/
//! WORD: "\"a\""
//! ```
//!
//! The grammar may hold fewer texts than the schema allows (one order of the keys, one spelling of
//! each string), but never more. A keyword that this module cannot enforce exactly becomes a
//! [`Problem`] with its place. A strict schema is then refused; any other schema is compiled
//! without that keyword, and the caller gets no guarantee.
//!
//! [`check`] validates the finished answer again, with a library that shares no code with these
//! steps.
//!
//! A schema is a customer's content: the types that hold parts of it have no `Debug`, so that nothing
//! can print them by accident. A [`Problem`] shows a place, a keyword and advice.

use std::fmt;

mod array;
pub(crate) mod check;
mod compile;
mod exact;
mod force;
mod grammar;
mod negate;
mod number;
mod object;
mod pattern;
mod read;
mod text;

pub(crate) use compile::{Budget, Compiled, Promise, compile};
pub(crate) use exact::inexact;

/// A place in a schema, written as in `$.properties.x`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place(String);

impl Place {
    /// Converts a JSON pointer. A key that is long or has special characters is shown as `*`,
    /// because error messages must not repeat arbitrary text of the caller.
    fn of(pointer: &str) -> Self {
        let mut place = "$".to_owned();
        for part in pointer.split('/').skip(1) {
            let plain = part.len() <= 64
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte));
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                place.push_str(&format!("[{part}]"));
            } else if plain {
                place.push('.');
                place.push_str(part);
            } else {
                place.push_str(".*");
            }
        }
        Self(place)
    }

    /// Reports a keyword that is invalid here, or that cannot be enforced. `advice` completes the
    /// sentence `'keyword' at $.place …`.
    fn wrong(&self, keyword: &str, advice: &str) -> Problem {
        Problem {
            place: self.clone(),
            keyword: Some(keyword.to_owned()),
            advice: advice.to_owned(),
        }
    }

    /// Reports that the schema at this place is invalid as a whole. `advice` completes the sentence
    /// `$.place …`.
    fn bad(&self, advice: &str) -> Problem {
        Problem { place: self.clone(), keyword: None, advice: advice.to_owned() }
    }
}

/// A problem in a schema: the place, the keyword and the advice. API callers see it as the text of
/// an `invalid_schema` error. It holds no value from the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    place: Place,
    keyword: Option<String>,
    advice: String,
}

impl Problem {
    /// Reports a problem of the whole schema, which no single keyword causes.
    pub(crate) fn whole(advice: &str) -> Self {
        Place::of("").bad(advice)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.keyword {
            Some(keyword) => write!(f, "'{keyword}' at {} {}", self.place.0, self.advice),
            None => write!(f, "{} {}", self.place.0, self.advice),
        }
    }
}
