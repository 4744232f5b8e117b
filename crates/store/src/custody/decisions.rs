//! The decisions that people signed, as the custodian read them in the log: for as long as an opening
//! or a destruction may need them.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use policy::id::{GrantId, PersonId, RequestId, TenantId};
use tlog::{
    canon::Digest,
    entry::{Event, SubjectStep},
    limits::DAY_MS,
    people::Party,
};

/// For how long a decision is kept by the log's time, in milliseconds.
pub const DECISIONS_MS_MAX: u64 = 5 * DAY_MS;

/// How many decisions are kept. If there are more, the oldest do not count any more.
pub const DECISIONS_MAX: usize = 1 << 16;

/// The signed decisions of the last days, by the numbers of their entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Decisions(#[n(0)] BTreeMap<u64, Decided>);

/// A signed decision. The roll checked that the signer may decide this.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Decided {
    /// The log's time.
    #[n(0)]
    time_ms: u64,
    /// The party of the signer.
    #[n(1)]
    by: Party,
    #[n(2)]
    what: What,
}

/// The part of a decision that is needed without its entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
enum What {
    #[n(0)]
    #[cbor(array)]
    Requested(#[n(0)] Requested),
    #[n(1)]
    #[cbor(array)]
    Refused(#[n(0)] GrantId),
    #[n(2)]
    #[cbor(array)]
    Erasing(#[n(0)] Digest),
    /// The entry is shown with the request that needs it.
    #[n(3)]
    #[cbor(array)]
    Other,
}

/// A reviewer's request to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct Requested {
    /// The id of the requested grant.
    #[n(0)]
    pub(super) grant: GrantId,
    /// The id of the record's request.
    #[n(1)]
    pub(super) request: RequestId,
    /// The reviewer.
    #[n(2)]
    pub(super) reviewer: PersonId,
    /// The certificate of the reviewer's workstation.
    #[n(3)]
    pub(super) workstation: Digest,
}

impl Decisions {
    /// Notes a decision, if it is one that may be needed.
    pub(super) fn note(&mut self, index: u64, time_ms: u64, by: Party, event: &Event) {
        let what = match event {
            Event::LookRequested { grant, request, reviewer, workstation, .. } => {
                What::Requested(Requested {
                    grant: *grant,
                    request: *request,
                    reviewer: *reviewer,
                    workstation: *workstation,
                })
            }
            Event::Refused { grant, .. } => What::Refused(*grant),
            Event::SubjectRequest { step: SubjectStep::Erasing, by, .. } => What::Erasing(*by),
            Event::Approved { .. }
            | Event::Consented { .. }
            | Event::OwnerRead { .. }
            | Event::OwnerDeleted { .. }
            | Event::SubjectRequest { .. } => What::Other,
            _ => return,
        };
        self.0.insert(index, Decided { time_ms, by, what });
    }

    /// Forgets decisions that are too old at this time of the log, and the oldest of too many.
    pub(super) fn forget(&mut self, now_ms: u64) {
        while let Some(oldest) = self.0.first_entry() {
            let is_old = oldest.get().time_ms.saturating_add(DECISIONS_MS_MAX) < now_ms;
            if !is_old && self.0.len() <= DECISIONS_MAX {
                return;
            }
            self.0.pop_first();
        }
    }

    /// Returns the party that signed the entry with this number.
    pub(super) fn party(&self, index: u64) -> Option<Party> {
        self.0.get(&index).map(|decided| decided.by)
    }

    /// Whether this request was signed before entry `index`.
    pub(super) fn has_requested(&self, requested: &Requested, index: u64) -> bool {
        let is_this =
            |decided: &Decided| matches!(&decided.what, What::Requested(this) if this == requested);
        self.0.range(..index).any(|(_, decided)| is_this(decided))
    }

    /// Whether one of these parties refused the grant.
    pub(super) fn has_refused(&self, id: GrantId, parties: [Party; 2]) -> bool {
        self.0.values().any(|decided| {
            parties.contains(&decided.by)
                && matches!(decided.what, What::Refused(grant) if grant == id)
        })
    }

    /// Whether the tenant signed, before entry `index`, an erasure by this person.
    pub(super) fn is_erasing(&self, tenant: TenantId, person: &Digest, index: u64) -> bool {
        self.0.range(..index).any(|(_, decided)| {
            decided.by == Party::Tenant { tenant }
                && matches!(&decided.what, What::Erasing(by) if by == person)
        })
    }
}
