//! Bytes that are too many for one message, in parts.

use std::fmt;

use policy::content::ContentBytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

/// Bytes of an adapter or of a checkpoint. They are a customer's.
#[derive(Debug)]
pub struct Part(pub ContentBytes);

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Part;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Part, E> {
                Ok(Part(ContentBytes::new(bytes.to_vec())))
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

/// Cuts bytes into parts.
pub fn parts(bytes: &[u8]) -> impl Iterator<Item = Part> {
    bytes.chunks(PART_BYTES).map(|part| Part(ContentBytes::new(part.to_vec())))
}

/// Maximum length of a part, in bytes.
pub const PART_BYTES: usize = 1024 * 1024;

/// Maximum length of an adapter or a checkpoint, in bytes.
pub const WHOLE_BYTES_MAX: usize = 8 * 1024 * 1024 * 1024;

/// Bytes that arrive in parts.
#[derive(Debug, Default)]
pub struct Whole(ContentBytes);

impl Whole {
    /// Adds a part.
    ///
    /// # Errors
    /// If there are more than [`WHOLE_BYTES_MAX`] bytes.
    pub fn push(&mut self, part: &Part) -> Result<(), TooMany> {
        let length = self.0.reveal().len().saturating_add(part.0.reveal().len());
        if length > WHOLE_BYTES_MAX {
            return Err(TooMany);
        }
        self.0.extend(part.0.reveal());
        Ok(())
    }

    /// Takes all bytes out.
    pub fn take(&mut self) -> ContentBytes {
        std::mem::take(&mut self.0)
    }
}

/// More bytes than [`WHOLE_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an adapter or a checkpoint has more than WHOLE_BYTES_MAX ({WHOLE_BYTES_MAX}) bytes")]
pub struct TooMany;
