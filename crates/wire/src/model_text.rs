//! Text from a model on its way into an answer: it can be written to the client, but not printed.

use std::{borrow::Cow, fmt};

use serde::Serialize;

/// Text from a model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ModelText<'a>(Cow<'a, str>);

impl<'a, T: Into<Cow<'a, str>>> From<T> for ModelText<'a> {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for ModelText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelText({} bytes)", self.0.len())
    }
}
