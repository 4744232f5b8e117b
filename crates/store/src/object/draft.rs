//! A new object that is being written.

use std::sync::Arc;

use policy::content::ContentBytes;

use super::{
    HEAD_BYTES_MAX, Object, ObjectError, Row,
    body::{self, Writer},
    seal::{self, Commitment},
    state::{Key, State},
};
use crate::about::About;

/// A new object that is being written: its key exists, its row does not. It is committed with the
/// request that makes it (`Ended::objects`), or by [`Objects::commit`](crate::objects::Objects::commit). A
/// draft that is dropped before is destroyed.
#[derive(Debug)]
pub struct Draft {
    object: Object,
    key: Arc<Key>,
    head: ContentBytes,
    body: Option<Writer>,
    commitment: Option<Commitment>,
    state: Arc<State>,
    about: Vec<About>,
    is_committed: bool,
}

impl Draft {
    pub(crate) fn new(object: Object, key: Arc<Key>, state: Arc<State>) -> Self {
        let head = ContentBytes::default();
        Self {
            object,
            key,
            head,
            body: None,
            commitment: None,
            state,
            about: Vec::new(),
            is_committed: false,
        }
    }

    /// Returns the object as it will be.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Changes the state or the label before the commit.
    pub fn set(&mut self, state: u32, label: &str) {
        (self.object.state, self.object.label) = (state, label.to_owned());
    }

    /// Notes whom the object is about: the subject index gets it with the object. An object of a request
    /// that names a data subject is about that one without this.
    pub fn set_about(&mut self, about: About) {
        self.about.push(about);
    }

    /// Returns whom the object is about.
    pub(crate) fn about(&self) -> &[About] {
        &self.about
    }

    /// Notes the end that the key has now.
    pub(crate) fn set_end(&mut self, expires_ms: Option<u64>) {
        self.object.expires_ms = expires_ms;
    }

    /// Seals the head, and replaces an earlier one.
    ///
    /// # Errors
    /// If the head is longer than [`HEAD_BYTES_MAX`].
    pub fn seal_head(&mut self, head: &ContentBytes) -> Result<(), ObjectError> {
        if head.reveal().len() > HEAD_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        self.head = head.clone();
        self.count();
        Ok(())
    }

    /// Appends a piece of any length to the body. The body is sealed piece by piece and never in
    /// memory as a whole. Blocks on the disk.
    ///
    /// # Errors
    /// If the body cannot be written, or is finished.
    pub fn append(&mut self, piece: &[u8]) -> Result<(), ObjectError> {
        if self.commitment.is_some() {
            return Err(ObjectError::Unusable("its body is finished".to_owned()));
        }
        if self.body.is_none() {
            let (folder, key) = (self.state.folder(), self.key.bytes());
            self.body = Some(Writer::begin(folder, key, &self.object.facts)?);
        }
        self.body.as_mut().map_or(Ok(()), |body| body.append(piece))
    }

    /// Ends the body. Returns the salted commitment to the body, and its opening: for the log's
    /// entries of training. An object without a body gets an empty one. Blocks on the disk.
    ///
    /// # Errors
    /// If the body cannot be written.
    pub fn finish_body(&mut self) -> Result<Commitment, ObjectError> {
        if let Some(commitment) = self.commitment {
            return Ok(commitment);
        }
        self.append(&[])?;
        let body = self.body.take().ok_or_else(seal::damaged)?;
        let commitment = body.finish()?;
        self.commitment = Some(commitment);
        self.count();
        Ok(commitment)
    }

    fn count(&mut self) {
        let body = self.commitment.map_or(0, |commitment| commitment.bytes);
        self.object.bytes = body.saturating_add(self.head.reveal().len() as u64);
    }

    /// Returns the object's row. Ends the body, if the caller did not.
    pub(crate) fn row(&mut self) -> Result<Row, ObjectError> {
        if self.body.is_some() {
            self.finish_body()?;
        }
        let (key, facts) = (self.key.bytes(), &self.object.facts);
        let sealed = (&self.head, self.commitment);
        let head = seal::seal_head(key, facts, self.object.revision, sealed)?;
        let head_revision = self.object.revision;
        Ok(Row { object: self.object.clone(), head, head_revision })
    }

    /// Notes that the row is on disk: the object stays.
    pub(crate) fn committed(mut self) {
        self.is_committed = true;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_committed {
            let object = self.object.facts.object;
            self.body = None;
            // A file that stays is removed at the next start; no one can open it without the key.
            let _ = body::remove(self.state.folder(), object);
            self.state.forget(object);
            self.state.give_up(object);
        }
    }
}
