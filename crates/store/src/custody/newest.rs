//! The newest state of the log that the custodian has read, and the entries that count in it. Entries
//! of decisions are got here only with a check of their signers.

use policy::id::{GrantId, ResourceId, TenantId};
use tlog::{
    checkpoint::Checkpoint,
    entry::{Entry, Event},
    people::Party,
    roll::Promises,
    tree,
};

use super::{Custodian, Logged, Refusal, decisions::Requested, reader::Reader};

/// The newest state of the log. [`Custodian::newest`] makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest<'a> {
    read: &'a Reader,
}

impl Custodian {
    /// Returns the newest state, if this note names it.
    pub(super) fn newest(&self, note: &str) -> Result<Newest<'_>, Refusal> {
        let checkpoint = self.trust.checkpoint(note)?;
        let read = &self.read;
        if *read.seen() != checkpoint || !read.is_complete() {
            return Err(Refusal::OtherHistory);
        }
        Ok(Newest { read })
    }
}

impl Newest<'_> {
    /// Returns an entry that the log holds, and that the service writes by itself.
    pub(super) fn entry(self, logged: &Logged) -> Result<Entry, Refusal> {
        included(logged, self.read.seen())
    }

    /// Returns the entry of a decision by this party. Once the party has a root, its person must have
    /// signed it. Another party's signature never serves.
    pub(super) fn decision(self, logged: &Logged, party: Party) -> Result<Entry, Refusal> {
        let entry = self.entry(logged)?;
        match self.read.decisions().party(logged.index) {
            Some(by) if by != party => Err(Refusal::OtherParty),
            None if self.has_root(party) => Err(Refusal::NotSigned),
            Some(_) | None => Ok(entry),
        }
    }

    /// Returns the entry of a deletion. It is signed as any decision, or is a part of an erasure that
    /// the same person began with a signature.
    pub(super) fn deletion(self, logged: &Logged, tenant: TenantId) -> Result<Entry, Refusal> {
        match self.decision(logged, Party::Tenant { tenant }) {
            Err(Refusal::NotSigned) => {
                let entry = self.entry(logged)?;
                let Event::OwnerDeleted { owner, .. } = &entry.event else {
                    return Err(Refusal::NotInTheLog);
                };
                match self.read.decisions().is_erasing(tenant, owner, logged.index) {
                    true => Ok(entry),
                    false => Err(Refusal::NotSigned),
                }
            }
            decided => decided,
        }
    }

    /// Checks that the reviewer signed the request before the approval, once the operator has a root.
    pub(super) fn requested(self, requested: &Requested, before: u64) -> Result<(), Refusal> {
        let needs = self.has_root(Party::Operator);
        if needs && !self.read.decisions().has_requested(requested, before) {
            return Err(Refusal::NotSigned);
        }
        Ok(())
    }

    /// Checks that neither the operator nor the tenant refused the grant with a signature.
    pub(super) fn not_refused(self, grant: GrantId, tenant: TenantId) -> Result<(), Refusal> {
        let parties = [Party::Operator, Party::Tenant { tenant }];
        match self.read.decisions().has_refused(grant, parties) {
            true => Err(Refusal::TurnedDown),
            false => Ok(()),
        }
    }

    /// Whether the customer promised itself that it consents to each access request.
    pub(super) fn has_lockbox(self, tenant: TenantId, resource: ResourceId) -> bool {
        let promises: Option<&Promises> = self.read.roll().promises(tenant);
        promises.and_then(|promises| promises.lockbox(resource)) == Some(true)
    }

    fn has_root(self, party: Party) -> bool {
        self.read.roll().root(party).is_some()
    }
}

/// Returns an entry if the checkpoint's tree includes it. This is no check of its signers.
pub(super) fn included(logged: &Logged, checkpoint: &Checkpoint) -> Result<Entry, Refusal> {
    let leaf = tree::leaf_hash(&logged.entry);
    let Checkpoint { size, root, .. } = checkpoint;
    if !tree::includes(leaf, logged.index, *size, &logged.path, root) {
        return Err(Refusal::NotInTheLog);
    }
    Entry::decode(&logged.entry).map_err(|_| Refusal::NotInTheLog)
}
