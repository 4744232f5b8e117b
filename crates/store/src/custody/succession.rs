//! The custodian's move from a log to its successor: it requires the `Succeeded` entry, signed by
//! the log that ended, and a new log that loses nothing that the custodian has seen.

use tlog::{
    canon::Digest, checkpoint::Checkpoint, entry::Event, succession::Ended, tree::continues,
    witness::PROOF_HASHES_MAX,
};

use super::{Custodian, Head, Proven, Refusal, Response, newest::included};

impl Custodian {
    /// Returns the newest checkpoint that the custodian has seen.
    pub(super) fn pinned(&self) -> Result<Response, Refusal> {
        let Checkpoint { origin, size, root } = self.read.seen().clone();
        Ok(Response::Pinned(Head { origin, size, root }))
    }

    /// Follows the log that it has seen to its successor, from the entries that both have in
    /// common.
    pub(super) fn succeed(
        &mut self,
        proven: &Proven,
        proof: &[Digest],
    ) -> Result<Response, Refusal> {
        let checkpoint = self.trust.checkpoint(&proven.checkpoint)?;
        let entry = included(&proven.entry, &checkpoint)?;
        let Event::Succeeded { succession, signature } = entry.event else {
            return Err(Refusal::NotInTheLog);
        };
        let seen = self.read.seen();
        let old = self.trust.log.renamed(&seen.origin).map_err(|_| Refusal::OtherHistory)?;
        let note = succession.note(&old, &signature).ok_or(Refusal::OtherHistory)?;
        let ended = Ended::verify(&note, &old).map_err(|_| Refusal::NotInTheLog)?;
        let start = ended.start();
        if proven.entry.index != start.size {
            return Err(Refusal::NotInTheLog);
        }
        let is_common = proof.len() <= PROOF_HASHES_MAX
            && continues((seen.size, &seen.root), (start.size, &start.root), proof);
        if !ended.names(seen) && !is_common {
            return Err(Refusal::OtherHistory);
        }
        let size = start.size;
        // Entries after the cut do not count any more: the new log is read from its first entry.
        let read = self.read.succeed(start, is_common);
        self.keys.set_history(&read.encode()).map_err(|_| Refusal::Keys)?;
        (self.read, self.reading) = (read, None);
        Ok(Response::Seen(size))
    }
}
