//! Receipts, made when they are asked for from what was committed.

use policy::id::{RequestId, ResourceId};
use rusqlite::OptionalExtension as _;
use tlog::{
    canon,
    receipt::{Claims, Proof, Receipt},
    tree,
};

use super::{Ledger, facts, is_own};
use crate::{error::StoreError, tiles::LogError};

/// A receipt, for one of the resource's own callers.
#[derive(Debug)]
pub struct OwnReceipt {
    /// What it claims.
    pub claims: Claims,
    /// The receipt, signed and proved.
    pub receipt: Receipt,
}

impl Ledger {
    /// The receipt of a request, if it was one of this resource. Publishes the log first where the
    /// request is not in it yet.
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
        let reader = self.reader();
        let mut statement = reader.prepare_cached(
            "SELECT r.idx, r.salt, r.facts, t.bytes, s.bytes FROM receipt r
             JOIN terms t ON t.id = r.terms
             LEFT JOIN stored s ON s.id = r.stored
             WHERE substr(r.request, 1, 6) = substr(?1, 1, 6) AND r.request = ?1",
        )?;
        let row = statement.query_row([request.as_bytes()], |row| {
            Ok((
                row.get::<_, u64>(0)?,
                row.get::<_, [u8; 16]>(1)?,
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, Option<Vec<u8>>>(4)?,
            ))
        });
        let Some((index, salt, facts, terms, stored)) = row.optional()? else { return Ok(None) };
        let damaged = |_| StoreError::Damaged { what: "receipt" };
        let stored = stored.map(|bytes| canon::decode(&bytes, "where a record is stored"));
        let facts = facts::decode(&facts, request, stored.transpose().map_err(damaged)?)?;
        let terms = canon::decode(&terms, "a receipt's terms").map_err(damaged)?;
        Ok(Some((index, salt, Claims { terms, facts })))
    }
}
