//! Reads the input of a batch, line by line. The file is opened anew for each piece: once it is
//! deleted, nothing more of it is read.

use std::sync::Arc;

use policy::object::Class;
use store::objects::Object;
use tokio::task::spawn_blocking;
use wire::batches::{Lines, Numbered, TooLong};

use super::caller;
use crate::{
    gateway::Gateway,
    openai::{
        error::ApiError,
        state::objects::{Objects, failed},
    },
};

/// The input of a batch.
pub(super) struct Input {
    id: String,
    lines: Lines,
    at: u64,
    ended: bool,
}

/// A reason why there is no next line.
#[derive(Debug)]
pub(super) enum NotRead {
    /// The file was deleted or has expired, or the owner may not read it any more.
    Gone,
    /// The line is too long.
    TooLong(TooLong),
    /// The store cannot be read.
    Failed(ApiError),
}

impl Input {
    pub(super) fn new(id: String, line_bytes_max: usize) -> Self {
        Self { id, lines: Lines::new(line_bytes_max), at: 0, ended: false }
    }

    /// Returns the next line of a batch; `None` at the end.
    pub(super) async fn next(
        &mut self,
        gateway: &Gateway,
        batch: &Object,
    ) -> Result<Option<Numbered>, NotRead> {
        loop {
            if let Some(line) = self.lines.next_ready() {
                return Ok(Some(line));
            }
            if self.ended {
                return Ok(None);
            }
            self.read(gateway, batch).await?;
        }
    }

    async fn read(&mut self, gateway: &Gateway, batch: &Object) -> Result<(), NotRead> {
        let gone = |error| match error {
            ApiError::ObjectNotFound { .. } => NotRead::Gone,
            error => NotRead::Failed(error),
        };
        let caller = caller(gateway, batch).await.map_err(NotRead::Failed)?;
        let objects = Objects::of(&gateway.services, &caller);
        let file = objects.find(Class::File, &self.id).await.map_err(gone)?;
        let opened = Arc::new(objects.open(&file).await.map_err(gone)?);
        let at = self.at;
        let piece = spawn_blocking(move || opened.read(at)).await;
        let piece = piece.map_err(|_| NotRead::Failed(ApiError::Internal))?;
        let piece = piece.map_err(|error| gone(failed(Class::File)(error)))?;
        let bytes = piece.reveal();
        if bytes.is_empty() {
            self.ended = true;
            self.lines.finish();
            return Ok(());
        }
        self.at = self.at.saturating_add(bytes.len() as u64);
        self.lines.push(bytes).map_err(NotRead::TooLong)
    }
}
