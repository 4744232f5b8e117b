//! Reads the files of a job. Only a [`TrainingSet`] opens one, and only the policies give that: there is
//! no way from anything else that is kept into a training.

use std::cell::Cell;

use engine::train::Example;
use policy::{object::Class, training::TrainingSet};
use store::objects::{Object, Opened};
use tokio::{sync::mpsc, task::spawn_blocking};
use wire::fine_tuning::examples::{self, BadLine, Lines};

use super::super::objects::{Objects, failed};
use crate::openai::error::ApiError;

/// A file that a job may read.
#[derive(Debug)]
pub(super) struct File {
    /// The permission.
    pub(super) set: TrainingSet,
    /// The file.
    pub(super) object: Object,
}

/// A line of a file, or why the file cannot be read to its end.
pub(super) type Line = Result<Result<examples::Example, BadLine>, ApiError>;

impl File {
    /// Finds a file of the caller.
    ///
    /// # Errors
    /// If there is no such file for this caller, and for fine-tuning.
    pub(super) async fn find(objects: &Objects<'_>, id: &str) -> Result<Self, ApiError> {
        let (set, object) = objects.training_set(id).await?;
        Ok(Self { set, object })
    }

    /// Opens the file.
    ///
    /// # Errors
    /// If its key is gone.
    pub(super) async fn open(&self, objects: &Objects<'_>) -> Result<Opened, ApiError> {
        // Decided again: reading takes a training set of its own.
        let id = Class::File.id(self.object.facts.object);
        let (set, _) = objects.training_set(&id).await?;
        objects.open_training(set).await
    }
}

/// Reads an opened file line by line, on a thread of its own. It waits while the lines are not taken.
pub(super) fn lines(opened: Opened) -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    drop(spawn_blocking(move || {
        let mut lines = Lines::default();
        let mut at = 0_u64;
        // The channel is closed: the rest is not needed.
        let gone = Cell::new(false);
        let mut each = |line| {
            if sender.blocking_send(Ok(line)).is_err() {
                gone.set(true);
            }
        };
        while !gone.get() {
            match opened.read(at) {
                Ok(piece) if piece.reveal().is_empty() => break,
                Ok(piece) => {
                    let bytes = u64::try_from(piece.reveal().len()).unwrap_or(u64::MAX);
                    at = at.saturating_add(bytes);
                    lines.push(piece.reveal(), &mut each);
                }
                Err(error) => {
                    drop(sender.blocking_send(Err(failed(Class::File)(error))));
                    return;
                }
            }
        }
        lines.finish(&mut each);
    }));
    receiver
}

/// Lines that wait in memory.
const WAITING_MAX: usize = 16;

/// Returns an example as the trainer gets it.
pub(super) fn example(example: examples::Example) -> Example {
    Example { messages: example.messages, tools: Vec::new(), weights: example.learnt }
}
