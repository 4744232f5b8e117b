//! The steps that make one record unrecoverable before its deadline: create another key of the same
//! tenant and deadline, seal the spans to it without the record's own key, and destroy the first
//! key. No content leaves the custodian, and no content lives longer.

use minicbor::{Decode, Encode, bytes::ByteVec};
use policy::id::{KeyId, TenantId};

use super::{Custodian, Proven, Refusal, Response, listed, missing, owner, unusable};
use crate::{
    keys::{DestroyStep, KeyEntry},
    seal::{self, PublicKey, RecordKeys, SealedSpan},
};

/// A key as the key directory names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Named {
    /// The key's id.
    #[n(0)]
    pub key: KeyId,
    /// Tenant that owns the records.
    #[n(1)]
    pub tenant: TenantId,
    /// Latest time at which the key is destroyed, in Unix milliseconds.
    #[n(2)]
    pub deadline_ms: u64,
}

impl Named {
    fn entry(&self) -> KeyEntry {
        KeyEntry { id: self.key, tenant: self.tenant, deadline_ms: self.deadline_ms }
    }
}

/// A span to seal again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SpanToReseal {
    /// The sealed span.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub span: Vec<u8>,
    /// Positions of deleted records.
    #[n(1)]
    pub deleted: Vec<u32>,
}

impl Custodian {
    /// Returns the public key that replaces another one.
    pub(super) fn successor(&self, of: &Named, now_ms: u64) -> Result<Response, Refusal> {
        super::is_deadline(of.deadline_ms, now_ms)?;
        let key = self.keys.successor(&of.entry()).map_err(unusable)?;
        Ok(Response::PublicKey { id: key.id, bytes: key.bytes })
    }

    /// Seals spans again.
    pub(super) fn reseal(
        &self,
        from: &Named,
        to: KeyId,
        spans: Vec<SpanToReseal>,
        now_ms: u64,
    ) -> Result<Response, Refusal> {
        if from.deadline_ms <= now_ms {
            return Err(Refusal::Destroyed);
        }
        let private = self.keys.private_key(&from.entry()).map_err(missing)?;
        let to = KeyEntry { id: to, ..from.entry() };
        let to = self.keys.public(&to).map_err(missing)?;
        let again = |span| reseal(&private, from, &to, span);
        let resealed = spans.into_iter().map(again).collect::<Result<_, _>>();
        seal::scrub_spans();
        Ok(Response::Resealed(resealed?))
    }

    /// Destroys a key before its deadline, for a deletion that the log proves.
    pub(super) fn destroy(&self, key: &Named, deletion: &Proven) -> Result<Response, Refusal> {
        let entry = key.entry();
        let there = self.keys.entries().map_err(|_| Refusal::Keys)?;
        if !there.contains(&entry) {
            // A client that was interrupted repeats its request. A key that is merely missing was
            // not destroyed.
            let destroyed = self.keys.destroyed().map_err(unusable)?;
            return match destroyed.contains(&entry) {
                true => Ok(listed(Vec::new())),
                false => Err(Refusal::NoDirectory),
            };
        }
        owner::deleted(deletion, self.newest(&deletion.checkpoint)?, key)?;
        // Without another key, the other records that were sealed under this one could not have
        // been sealed again.
        let takes_its_place = |other: &KeyEntry| {
            other.id != entry.id
                && (other.tenant, other.deadline_ms) == (entry.tenant, entry.deadline_ms)
        };
        if !there.iter().any(takes_its_place) {
            return Err(Refusal::NoSuccessor);
        }
        self.keys.destroy(&entry, &mut |_: DestroyStep| true).map_err(|_| Refusal::Keys)?;
        Ok(listed(vec![entry]))
    }
}

#[inline(never)]
fn reseal(
    private: &[u8; 32],
    from: &Named,
    to: &PublicKey,
    span: SpanToReseal,
) -> Result<ByteVec, Refusal> {
    let SpanToReseal { span: bytes, deleted } = span;
    let &Named { key, tenant, deadline_ms } = from;
    let Ok(mut keys) = RecordKeys::open(private, &SealedSpan { key, tenant, deadline_ms, bytes })
    else {
        // The span is damaged or belongs to another key: it stays unreadable with or without this
        // key.
        return Ok(ByteVec::from(Vec::new()));
    };
    for position in deleted {
        keys.forget(position);
    }
    Ok(ByteVec::from(keys.seal(to).map_err(|_| Refusal::Keys)?))
}
