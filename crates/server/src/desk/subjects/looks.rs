//! The accesses of reviewers to the records of a data subject.

use std::collections::BTreeMap;

use policy::id::RequestId;
use serde_json::Value;

/// The accesses of the operator's reviewers to records, by record.
#[derive(Debug, Default)]
pub(super) struct Looks(pub(super) BTreeMap<RequestId, Vec<Value>>);

impl Looks {
    /// Returns the accesses to one record.
    pub(super) fn of(&self, request: RequestId) -> &[Value] {
        self.0.get(&request).map_or(&[], Vec::as_slice)
    }
}
