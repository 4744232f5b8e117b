//! What is kept for a resource, in numbers: for the inventory. Never content.

use policy::permit::{Permit, ReadInventory};

use crate::{
    error::StoreError,
    object::{Object, Select},
    store::Store,
};

/// The stored records of a resource, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Records {
    /// How many there are.
    pub count: u64,
    /// The time at which the last of them becomes unrecoverable, in milliseconds since 1970; `None`
    /// without records.
    pub until_ms: Option<u64>,
}

impl Store {
    /// Lists objects of the permit's resource, of all owners, without content: for a process beside the
    /// service.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn inventory(
        &self,
        permit: Permit<ReadInventory>,
        select: &Select,
        now_ms: u64,
    ) -> Result<Vec<Object>, StoreError> {
        self.reader().database.objects(permit.spend(), select, now_ms)
    }

    /// Counts the stored records of the permit's resource.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn count_records(&self, permit: Permit<ReadInventory>) -> Result<Records, StoreError> {
        let (count, until_ms) = self.reader().database.count_records(permit.spend())?;
        Ok(Records { count, until_ms })
    }
}
