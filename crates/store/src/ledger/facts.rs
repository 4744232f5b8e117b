//! A receipt's facts as its row keeps them: without what its other columns say, and without the names
//! of fields. A row is a third shorter than with the claims as they are signed.

use minicbor::{Decode, Encode};
use policy::id::RequestId;
use tlog::{
    canon::{self, Digest},
    receipt::{Facts, Outcome, Stored},
};

use crate::error::StoreError;

/// [`Facts`] without the request, which is a column, and without where it is stored, which is the
/// same for a day's records.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Row {
    #[n(0)]
    started_ms: u64,
    /// What is to be added for when it was finished. The log's clock says that, so it may be less.
    #[n(1)]
    took_ms: i64,
    #[n(2)]
    status: u16,
    #[n(3)]
    outcome: Outcome,
    #[n(4)]
    request_sha256: Digest,
    #[n(5)]
    response_sha256: Digest,
    #[n(6)]
    prompt_tokens: u64,
    #[n(7)]
    completion_tokens: u64,
}

/// The bytes that the row keeps.
pub(super) fn encode(facts: &Facts) -> Vec<u8> {
    canon::encode(&Row {
        started_ms: facts.started_ms,
        took_ms: facts.finished_ms.wrapping_sub(facts.started_ms).cast_signed(),
        status: facts.status,
        outcome: facts.outcome,
        request_sha256: facts.request_sha256,
        response_sha256: facts.response_sha256,
        prompt_tokens: facts.prompt_tokens,
        completion_tokens: facts.completion_tokens,
    })
}

/// The facts, put together from all columns.
///
/// # Errors
/// When the bytes are none.
pub(super) fn decode(
    bytes: &[u8],
    request: RequestId,
    stored: Option<Stored>,
) -> Result<Facts, StoreError> {
    let damaged = |_| StoreError::Damaged { what: "receipt" };
    // The format before this one kept them whole, as a map; a list is none.
    let Ok(row) = canon::decode::<Row>(bytes, "a receipt's row") else {
        return canon::decode(bytes, "a receipt's facts").map_err(damaged);
    };
    Ok(Facts {
        request,
        started_ms: row.started_ms,
        finished_ms: row.started_ms.wrapping_add(row.took_ms.cast_unsigned()),
        status: row.status,
        outcome: row.outcome,
        request_sha256: row.request_sha256,
        response_sha256: row.response_sha256,
        prompt_tokens: row.prompt_tokens,
        completion_tokens: row.completion_tokens,
        stored,
    })
}

#[cfg(test)]
mod tests {
    use policy::id::KeyId;

    use super::*;

    #[test]
    fn facts_are_read_as_they_were_kept_by_this_version_and_the_last() {
        let request = RequestId::from_random([1; 16]);
        for (started_ms, finished_ms) in [(5, 7), (7, 5), (0, u64::MAX), (u64::MAX, 0)] {
            for stored in [None, Some(Stored { key: KeyId::from_random([2; 16]), deadline_ms: 9 })]
            {
                let facts = Facts {
                    request,
                    started_ms,
                    finished_ms,
                    status: 499,
                    outcome: Outcome::HungUp,
                    request_sha256: Digest([3; 32]),
                    response_sha256: Digest([4; 32]),
                    prompt_tokens: 300,
                    completion_tokens: u64::MAX,
                    stored: stored.clone(),
                };
                let kept = encode(&facts);
                assert_eq!(decode(&kept, request, stored).unwrap(), facts);
                let whole = canon::encode(&facts);
                assert_eq!(decode(&whole, request, None).unwrap(), facts);
                assert!(kept.len() + 20 < whole.len(), "{} and {}", kept.len(), whole.len());
            }
        }
        assert!(decode(b"", request, None).is_err());
    }
}
