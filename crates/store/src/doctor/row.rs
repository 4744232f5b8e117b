//! Plain values that the comparison reads from the database.

use policy::id::{GrantId, KeyId, RequestId, TenantId};

use crate::row::{GrantRow, ReceiptRow};

/// A text that a commitment of an entry opens to.
pub(crate) struct OpeningRow {
    /// The place of the commitment among those of its entry.
    pub(crate) place: u64,
    pub(crate) salt: [u8; 16],
    pub(crate) text: String,
}

/// The state of a workflow, as JSON.
pub(crate) struct WorkflowRow {
    pub(crate) id: Vec<u8>,
    pub(crate) state: String,
}

/// The places of a grant in the log.
#[derive(Debug)]
pub(crate) struct GrantedRow {
    pub(crate) grant: GrantId,
    pub(crate) entries: GrantRow,
}

/// A key that records were sealed to.
#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) key: KeyId,
    pub(crate) tenant: TenantId,
    pub(crate) deadline_ms: u64,
    pub(crate) destroyed: bool,
}

/// A receipt with everything that its commitment covers.
pub(crate) struct WholeReceipt {
    pub(crate) request: RequestId,
    pub(crate) row: ReceiptRow,
    /// The tenant and the deadline of the key that its record is sealed to, if one is stored.
    pub(crate) kept: Option<(TenantId, u64)>,
}
