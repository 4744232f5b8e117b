//! The history of the log that the custodian accepts: every entry of it was read, it continues the
//! entries read before, and every witness has signed its head.
//!
//! The log's key alone is not enough. A thief of the key can sign a private log with a false
//! approval. But that log does not continue the public one, and no witness signs both.

use minicbor::{Decode, Encode, bytes::ByteVec};
use tlog::{
    checkpoint::Checkpoint,
    note::{Note, Verifier},
};

use super::{Custodian, Refusal, Response, reader::Reader};

/// Most bytes of entries in one message; at least one entry is always allowed.
pub const SHOWN_BYTES_MAX: usize = 1024 * 1024;

/// The signers that the custodian trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Key that signs the log.
    pub log: Verifier,
    /// Witnesses: all of them must have cosigned before any record is opened.
    pub witnesses: Vec<Verifier>,
}

/// A checkpoint that the server shows to the custodian, with entries to read before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Shown {
    /// Number of the first of the entries. The custodian reads them if it has read all entries
    /// before it, and no more.
    #[n(0)]
    pub from: u64,
    /// Entries in order, as far as they go: at most [`SHOWN_BYTES_MAX`] bytes.
    #[n(1)]
    pub entries: Vec<ByteVec>,
    /// The checkpoint: a signed note, with its cosignatures.
    #[n(2)]
    pub checkpoint: String,
}

impl Trust {
    /// Returns the checkpoint of a note that the log and all witnesses have signed.
    pub(super) fn checkpoint(&self, note: &str) -> Result<Checkpoint, Refusal> {
        let checkpoint = Checkpoint::verify(note, &self.log).map_err(|_| Refusal::NotInTheLog)?;
        let note = Note::parse(note).map_err(|_| Refusal::NotInTheLog)?;
        if self.witnesses.iter().any(|witness| note.verify(witness).is_err()) {
            return Err(Refusal::NotWitnessed);
        }
        Ok(checkpoint)
    }
}

impl Custodian {
    /// Reads entries. With the last one before the checkpoint, this is the newest, and is on disk
    /// before the answer. Returns the number of entries that were read: the next one to show.
    pub(super) fn see(&mut self, shown: &Shown, now_ms: u64) -> Result<Response, Refusal> {
        let newest = self.trust.checkpoint(&shown.checkpoint)?;
        let seen = self.read.seen();
        if seen.origin != newest.origin && seen.size > 0 {
            return Err(Refusal::Predecessor);
        }
        if newest.size < seen.size {
            return Ok(Response::Seen(seen.size));
        }
        if *seen == newest && self.read.is_complete() {
            self.reading = None;
            return Ok(Response::Seen(newest.size));
        }
        // Entries before the last piece do not count yet. After a refusal they are forgotten.
        let reading = self.reading.take().filter(|reading| reading.size() <= newest.size);
        let mut reading = reading.unwrap_or_else(|| Box::new(self.read.clone()));
        if shown.from == reading.size() {
            let bytes = shown.entries.iter().map(|entry| entry.len());
            if shown.entries.len() > 1 && bytes.sum::<usize>() > SHOWN_BYTES_MAX {
                return Err(Refusal::Unreadable);
            }
            reading.read(&shown.entries, newest.size, now_ms)?;
        }
        // Also without new entries: another root of the same size is another history.
        if reading.size() == newest.size {
            return self.count(*reading, newest);
        }
        let size = reading.size();
        self.reading = Some(reading);
        Ok(Response::Seen(size))
    }

    /// Takes the newly read state, if the checkpoint has its root.
    fn count(&mut self, read: Reader, newest: Checkpoint) -> Result<Response, Refusal> {
        let size = newest.size;
        let is_new = *self.read.seen() != newest;
        let read = read.ends_at(newest)?;
        if is_new {
            self.keys.set_history(&read.encode()).map_err(|_| Refusal::Keys)?;
        }
        self.read = read;
        Ok(Response::Seen(size))
    }
}
