//! Text that belongs to a customer, in a type that cannot be printed.
//!
//! The type has no `Display` and no `Serialize`, and its `Debug` shows only a length. A log line,
//! an error or a metric label therefore cannot contain content by accident. Its bytes are
//! overwritten when it is dropped.

use std::fmt;

use zeroize::Zeroizing;

/// A prompt, a completion, a tool's description or arguments, a stop string: any text that a
/// customer or a model wrote.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content(Zeroizing<String>);

impl Content {
    /// Takes ownership of a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text itself. Content can leave at every call of this function: keep the calls
    /// few, and check the destination of each result.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.len())
    }
}

/// Content as bytes: a body as sent on the wire, or the plaintext of a record.
///
/// Like [`Content`], it cannot be printed and is overwritten when it is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ContentBytes(Zeroizing<Vec<u8>>);

impl ContentBytes {
    /// Takes ownership of bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the bytes themselves. As with [`Content::reveal`], check the destination of the
    /// result.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Appends bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl fmt::Debug for ContentBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentBytes({} bytes)", self.0.len())
    }
}

/// Content on its way between the gateway and a worker.
///
/// `Content` itself does not implement serde's traits, so it cannot slip into a response, a log
/// line or a row. The frames of the worker protocol name this module for each field.
pub mod wire {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Content;

    /// Writes the text.
    ///
    /// # Errors
    /// The serializer's errors.
    pub fn serialize<S: Serializer>(content: &Content, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(content.reveal())
    }

    /// Reads the text.
    ///
    /// # Errors
    /// The deserializer's errors.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Content, D::Error> {
        String::deserialize(deserializer).map(Content::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_nothing_else() {
        let content = Content::new("the canary".into());
        assert_eq!(format!("{content:?}"), "Content(10 bytes)");
        let bytes = ContentBytes::new(b"the canary".to_vec());
        assert_eq!(format!("{bytes:?}"), "ContentBytes(10 bytes)");
    }
}
