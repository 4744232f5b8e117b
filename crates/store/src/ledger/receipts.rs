//! Makes receipts on request, from committed rows.

use policy::id::{RequestId, ResourceId};
use tlog::{
    canon,
    receipt::{Claims, Proof, Receipt},
    tree,
};

use super::{Ledger, facts, is_own};
use crate::{error::StoreError, row::ReceiptRow, tiles::LogError};

/// A receipt, for one of the resource's own callers.
#[derive(Debug)]
pub struct OwnReceipt {
    /// The claims of the receipt.
    pub claims: Claims,
    /// The receipt, signed and proved.
    pub receipt: Receipt,
}

impl Ledger {
    /// Returns the receipt of a request, if the request went to this resource. Publishes the log
    /// first if the published log does not contain the request yet.
    ///
    /// # Errors
    /// When the log cannot be read or published.
    pub fn receipt(
        &self,
        resource: ResourceId,
        request: RequestId,
    ) -> Result<Option<OwnReceipt>, LogError> {
        let Some((index, salt, claims)) = self.committed(request)? else { return Ok(None) };
        if !is_own(&claims.terms, resource) {
            return Ok(None);
        }
        self.publish(index)?;
        let shared = &self.inner.shared;
        let tiles = &shared.tiles;
        // Read once, so that size, proof and note belong together.
        let note = tiles.checkpoint()?.ok_or(LogError::Forked)?;
        let checkpoint = tlog::checkpoint::Checkpoint::verify(&note, &shared.signer.verifier())?;
        let size = checkpoint.size;
        let proof = Proof {
            salt,
            entry: tiles.entry(index, size)?,
            index,
            size,
            path: tree::inclusion_proof(&tiles.nodes(size), index, size)?,
            checkpoint: note,
        };
        let receipt = Receipt::sign(&claims, proof, &shared.signer);
        Ok(Some(OwnReceipt { claims, receipt }))
    }

    fn committed(&self, request: RequestId) -> Result<Option<(u64, [u8; 16], Claims)>, StoreError> {
        self.reader().receipt(request)?.map(|row| claims(row, request)).transpose()
    }
}

/// Returns a receipt's entry, its salt and its claims.
pub(crate) fn claims(
    row: ReceiptRow,
    request: RequestId,
) -> Result<(u64, [u8; 16], Claims), StoreError> {
    let ReceiptRow { index, salt, facts, terms, stored } = row;
    let damaged = |_| StoreError::Damaged { what: "receipt" };
    let stored = stored.map(|bytes| canon::decode(&bytes, "where a record is stored"));
    let facts = facts::decode(&facts, request, stored.transpose().map_err(damaged)?)?;
    let terms = canon::decode(&terms, "a receipt's terms").map_err(damaged)?;
    Ok((index, salt, Claims { terms, facts }))
}
