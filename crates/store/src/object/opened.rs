//! An object that is open.

use std::sync::Arc;

use policy::content::ContentBytes;

use super::{Object, ObjectError, body::Reader, seal::Commitment, state::Key};

/// An object whose key the custodian gave out against a permit.
#[derive(Debug)]
pub struct Opened {
    pub(crate) object: Object,
    pub(crate) head: ContentBytes,
    pub(crate) body: Option<Reader>,
    pub(crate) key: Arc<Key>,
}

impl Opened {
    /// Returns the object.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Returns the head.
    #[must_use]
    pub fn head(&self) -> &ContentBytes {
        &self.head
    }

    /// Reads the next piece of the body from `at` on, at most 64 KiB; empty at the end. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// If the body cannot be read or is damaged, and once the object is deleted or its tenant's key
    /// is withdrawn.
    pub fn read(&self, at: u64) -> Result<ContentBytes, ObjectError> {
        if self.key.is_revoked() {
            return Err(ObjectError::Gone);
        }
        self.body.as_ref().map_or_else(|| Ok(ContentBytes::default()), |body| body.read(at))
    }

    /// Returns the length of the body in clear, in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> u64 {
        self.commitment().map_or(0, |commitment| commitment.bytes)
    }

    /// Returns the salted commitment to the body, with its opening; `None` without a body.
    #[must_use]
    pub fn commitment(&self) -> Option<Commitment> {
        self.body.as_ref().map(Reader::commitment)
    }
}
