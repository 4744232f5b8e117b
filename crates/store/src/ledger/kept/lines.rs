//! The results of a batch's lines.

use policy::{
    content::ContentBytes,
    id::ObjectId,
    permit::{Permit, ReadObject, WriteObject},
};

use super::{Objects, holder};
use crate::{
    batches::{LineCounts, LineResult, NewLine, SealedLine},
    custody::Use,
    object::{ObjectError, seal},
};

impl Objects {
    /// Seals the result of a line. It is committed with the receipt: `Ended::line`.
    ///
    /// # Errors
    /// If the batch is gone, or its key is.
    pub fn seal_line(
        &self,
        permit: Permit<WriteObject>,
        line: NewLine,
        content: &ContentBytes,
    ) -> Result<SealedLine, ObjectError> {
        let holder = holder(permit.by())?;
        let facts = permit.spend();
        let key = self.key(&facts, Use::Write, holder)?;
        let sealed = seal::seal_line(key.bytes(), &facts, (line.line, line.failed), content)?;
        Ok(SealedLine { batch: facts.object, line, sealed })
    }

    /// Opens the results after a line, in the order of lines.
    ///
    /// # Errors
    /// If the batch is gone, or its key is.
    pub fn lines(
        &self,
        permit: Permit<ReadObject>,
        after: Option<u32>,
        limit: usize,
    ) -> Result<Vec<LineResult>, ObjectError> {
        let holder = holder(permit.by())?;
        let facts = permit.spend();
        let key = self.key(&facts, Use::Read, holder)?;
        let found = self.reader().lines(facts.object, after, limit)?;
        let open = |(line, failed, sealed): (u32, bool, Vec<u8>)| {
            let content = seal::open_line(key.bytes(), &facts, (line, failed), &sealed)?;
            Ok(LineResult { line, failed, content })
        };
        found.into_iter().map(open).collect()
    }

    /// Returns the numbers of the lines that have a result.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn lines_done(&self, batch: ObjectId) -> Result<Vec<u32>, ObjectError> {
        Ok(self.reader().lines_done(batch)?)
    }

    /// Counts the results of a batch.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn line_counts(&self, batch: ObjectId) -> Result<LineCounts, ObjectError> {
        Ok(self.reader().line_counts(batch)?)
    }

    /// Deletes the results of all batches that have ended or are gone: those without one of these
    /// states.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub fn forget_lines(&self, unfinished: &[u32]) -> Result<(), ObjectError> {
        let mut writer = self.writer();
        let tx = writer.write()?;
        tx.forget_lines(unfinished)?;
        tx.commit()?;
        Ok(())
    }
}
