//! The results of a batch's lines.

use policy::{
    content::ContentBytes,
    object::Class,
    permit::{ReadObject, WriteObject},
};
use store::{
    batches::{LineCounts, LineResult, NewLine, SealedLine},
    objects::Object,
};
use wire::batches::{Counts, Tokens};

use super::{Objects, failed};
use crate::openai::error::ApiError;

impl Objects<'_> {
    /// Seals the result of a line. Hand it to `Call::line`.
    ///
    /// # Errors
    /// If the caller may not write the batch, or it is gone.
    pub(crate) async fn seal_line(
        &self,
        batch: &Object,
        line: NewLine,
        content: ContentBytes,
    ) -> Result<SealedLine, ApiError> {
        let permit = self.allowed::<WriteObject>(&batch.facts)?;
        let sealed = self.store(move |objects| objects.seal_line(permit, line, &content)).await?;
        sealed.map_err(failed(Class::Batch))
    }

    /// Opens the results after a line, in the order of lines.
    ///
    /// # Errors
    /// If the caller may not read the batch, or it is gone.
    pub(crate) async fn lines(
        &self,
        batch: &Object,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<LineResult>, ApiError> {
        let permit = self.allowed::<ReadObject>(&batch.facts)?;
        let lines = self.store(move |objects| objects.lines(permit, after, limit)).await?;
        lines.map_err(failed(Class::Batch))
    }

    /// Returns the numbers of the lines that have a result.
    ///
    /// # Errors
    /// If the caller may not read the batch.
    pub(crate) async fn lines_done(&self, batch: &Object) -> Result<Vec<u32>, ApiError> {
        let batch = self.allowed::<ReadObject>(&batch.facts)?.spend().object;
        let done = self.store(move |objects| objects.lines_done(batch)).await?;
        done.map_err(failed(Class::Batch))
    }

    /// Counts the results of a batch.
    ///
    /// # Errors
    /// If the caller may not read the batch.
    pub(crate) async fn counts(&self, batch: &Object) -> Result<Counts, ApiError> {
        let batch = self.allowed::<ReadObject>(&batch.facts)?.spend().object;
        let counts = self.store(move |objects| objects.line_counts(batch)).await?;
        let LineCounts { completed, failed: bad, tokens } = counts.map_err(failed(Class::Batch))?;
        let [input, cached, output, reasoning] = tokens;
        Ok(Counts { completed, failed: bad, tokens: Tokens { input, cached, output, reasoning } })
    }
}
