//! A model's words on their way into an answer: they can be written to the client, and not printed.

use std::{borrow::Cow, fmt};

use serde::Serialize;

/// Words of a model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Said<'a>(Cow<'a, str>);

impl<'a, T: Into<Cow<'a, str>>> From<T> for Said<'a> {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({} bytes)", self.0.len())
    }
}
