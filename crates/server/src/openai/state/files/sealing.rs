//! The body of a new object, sealed while it arrives.

use policy::{content::ContentBytes, object::Class};
use store::objects::{Draft, ObjectError};

use crate::openai::{error::ApiError, state::objects};

/// A draft whose body arrives. Bytes are collected until it is worth to go to the disk; while a piece
/// is written, nothing more is read from the client.
#[derive(Debug)]
pub(in crate::openai::state) struct Sealing {
    /// `None` after an error.
    draft: Option<Draft>,
    held: ContentBytes,
    class: Class,
}

impl Sealing {
    /// Begins with an empty body.
    pub(in crate::openai::state) fn new(draft: Draft) -> Self {
        let class = draft.object().facts.class;
        Self { draft: Some(draft), held: empty(), class }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(in crate::openai::state) async fn append(
        &mut self,
        mut bytes: &[u8],
    ) -> Result<(), ApiError> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES.saturating_sub(self.held.reveal().len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.held.extend(now);
            bytes = later;
            if self.held.reveal().len() >= PIECE_BYTES {
                self.write(|_| Ok(())).await?;
            }
        }
        Ok(())
    }

    /// Ends the body, seals the head, and returns the draft.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(in crate::openai::state) async fn finish(
        mut self,
        end: impl FnOnce(&mut Draft) -> Result<(), ObjectError> + Send + 'static,
    ) -> Result<Draft, ApiError> {
        self.write(|draft| {
            draft.finish_body()?;
            end(draft)
        })
        .await?;
        self.draft.ok_or(ApiError::Internal)
    }

    /// Writes what is held, and then does `more`.
    async fn write(
        &mut self,
        more: impl FnOnce(&mut Draft) -> Result<(), ObjectError> + Send + 'static,
    ) -> Result<(), ApiError> {
        let mut draft = self.draft.take().ok_or(ApiError::Internal)?;
        let piece = std::mem::replace(&mut self.held, empty());
        let step = tokio::task::spawn_blocking(move || {
            draft.append(piece.reveal())?;
            more(&mut draft)?;
            Ok(draft)
        });
        let draft = step.await.map_err(|_| ApiError::Internal)?;
        self.draft = Some(draft.map_err(objects::failed(self.class))?);
        Ok(())
    }
}

/// Room for one piece, so that the content is never copied to another place while it grows.
fn empty() -> ContentBytes {
    ContentBytes::new(Vec::with_capacity(PIECE_BYTES))
}

/// Bytes that go to the disk at once.
const PIECE_BYTES: usize = 256 * 1024;
