//! The keys of a span's records, and sealing them again: to another key of the same tenant and
//! deadline, without the keys of deleted records.
//!
//! A chain leads from one record's key to all later ones. So where a record is left out, the keys
//! before it are stored one by one, and the chain continues after it: the missing key cannot be
//! derived from the rest.

use policy::id::{KeyId, TenantId};
use zeroize::Zeroizing;

use super::{
    BEGUN, CHAIN, CannotOpen, CannotSeal, PublicKey, SPAN_BYTES, SPAN_RECORDS_MAX, SealedSpan,
    expand, open_span, seal_span, turn,
};

/// HPKE purpose of an encapsulation: a span that is sealed again.
const AGAIN: &[u8] = b"bailiwick/span/v2\0";

/// Bytes before the first key: id of the key that the span began under, position of the chain, and
/// the chain.
const HEAD_BYTES: usize = 16 + 4 + 32;

/// Bytes of a position with its key.
const ITEM_BYTES: usize = 4 + 32;

/// The keys that open the records of a span.
pub(crate) struct RecordKeys {
    /// Id of the key that the span began under: its records are bound to that key.
    origin: KeyId,
    tenant: TenantId,
    deadline_ms: u64,
    /// The first position whose key the chain gives.
    next: u32,
    chain: Zeroizing<[u8; 32]>,
    /// The keys of the positions before that, ascending, without those of deleted records.
    before: Vec<(u32, Zeroizing<[u8; 32]>)>,
}

impl RecordKeys {
    /// Opens a span. Only the custodian can call it: it alone has the private key.
    pub(crate) fn open(private: &[u8; 32], span: &SealedSpan) -> Result<Self, CannotOpen> {
        let again = span.bytes.len() > SPAN_BYTES;
        let label = if again { AGAIN } else { BEGUN };
        let opened = open_span(private, span, label)?;
        if again { Self::decode(&opened, span) } else { Self::begun(&opened, span) }
    }

    /// Returns the keys of a new span: all follow from its seed.
    fn begun(seed: &[u8], span: &SealedSpan) -> Result<Self, CannotOpen> {
        let seed: Zeroizing<[u8; 32]> =
            seed.try_into().map(Zeroizing::new).map_err(|_| CannotOpen)?;
        let mut chain = Zeroizing::new([0; 32]);
        expand(&seed, CHAIN, &mut chain);
        let &SealedSpan { key: origin, tenant, deadline_ms, .. } = span;
        Ok(Self { origin, tenant, deadline_ms, next: 0, chain, before: Vec::new() })
    }

    /// Returns the id of the key that the span began under.
    pub(super) fn origin(&self) -> KeyId {
        self.origin
    }

    /// Returns the key of one record.
    pub(super) fn of(mut self, position: u32) -> Result<Zeroizing<[u8; 32]>, CannotOpen> {
        if position >= SPAN_RECORDS_MAX {
            return Err(CannotOpen);
        }
        if position < self.next {
            let at = self.before.binary_search_by_key(&position, |(at, _)| *at);
            let found = at.ok().and_then(|at| self.before.get_mut(at)).ok_or(CannotOpen)?;
            return Ok(std::mem::take(&mut found.1));
        }
        let mut key = Zeroizing::new([0; 32]);
        for _ in self.next..=position {
            turn(&mut self.chain, &mut key);
        }
        Ok(key)
    }

    /// Forgets the key of a record. The key cannot be derived from the remaining ones.
    pub(crate) fn forget(&mut self, position: u32) {
        // No record has such a position, so there is no key to forget.
        if position >= SPAN_RECORDS_MAX {
            return;
        }
        self.before.retain(|(at, _)| *at != position);
        let mut key = Zeroizing::new([0; 32]);
        for at in self.next..=position {
            turn(&mut self.chain, &mut key);
            if at != position {
                self.before.push((at, key.clone()));
            }
        }
        self.next = self.next.max(position.saturating_add(1));
    }

    /// Seals the keys to another public key. It must be of the same tenant and deadline: so the
    /// content lives no longer than agreed, and stays with its tenant.
    pub(crate) fn seal(&self, to: &PublicKey) -> Result<Vec<u8>, CannotSeal> {
        if (to.tenant, to.deadline_ms) != (self.tenant, self.deadline_ms) {
            return Err(CannotSeal::OtherSpan);
        }
        seal_span(to, AGAIN, &self.encode())
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let length = HEAD_BYTES.saturating_add(self.before.len().saturating_mul(ITEM_BYTES));
        // Allocate the full size at once: a vector that grows does not overwrite its old buffer.
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        bytes.extend_from_slice(self.origin.as_bytes());
        bytes.extend_from_slice(&self.next.to_be_bytes());
        bytes.extend_from_slice(self.chain.as_slice());
        for (position, key) in &self.before {
            bytes.extend_from_slice(&position.to_be_bytes());
            bytes.extend_from_slice(key.as_slice());
        }
        bytes
    }

    fn decode(bytes: &[u8], span: &SealedSpan) -> Result<Self, CannotOpen> {
        let (origin, rest) = bytes.split_first_chunk::<16>().ok_or(CannotOpen)?;
        let (next, rest) = rest.split_first_chunk::<4>().ok_or(CannotOpen)?;
        let (chain, rest) = rest.split_first_chunk::<32>().ok_or(CannotOpen)?;
        let (items, left) = rest.as_chunks::<ITEM_BYTES>();
        let next = u32::from_be_bytes(*next);
        if !left.is_empty() || next > SPAN_RECORDS_MAX {
            return Err(CannotOpen);
        }
        let mut before: Vec<(u32, Zeroizing<[u8; 32]>)> = Vec::with_capacity(items.len());
        for item in items {
            let (position, key) = item.split_first_chunk::<4>().ok_or(CannotOpen)?;
            let position = u32::from_be_bytes(*position);
            let ascends = before.last().is_none_or(|(last, _)| *last < position);
            if !ascends || position >= next {
                return Err(CannotOpen);
            }
            before.push((position, Zeroizing::new(key.try_into().map_err(|_| CannotOpen)?)));
        }
        let &SealedSpan { tenant, deadline_ms, .. } = span;
        let (origin, chain) = (KeyId::from_random(*origin), Zeroizing::new(*chain));
        Ok(Self { origin, tenant, deadline_ms, next, chain, before })
    }
}

impl std::fmt::Debug for RecordKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordKeys({}, from {})", self.origin, self.next)
    }
}
