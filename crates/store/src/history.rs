//! The log's entries, read in order: for reports about past acts. They reveal neither content nor a
//! person, so this takes no permit.

use std::collections::BTreeMap;

use policy::{
    id::{RequestId, ResourceId},
    permit::{Permit, ReadInventory},
};
use tlog::{
    entry::Entry,
    object::Class,
    tile::{self, WIDTH},
};

use crate::{Store, error::StoreError, tiles::Tiles};

/// Kept objects of one class, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Objects {
    /// How many there are.
    pub count: u64,
    /// The bytes of their content.
    pub bytes: u64,
}

impl Store {
    /// Calls `each` with every entry of the log and its number, in order. The newest entries may not be
    /// published yet. The time it takes grows with the log.
    ///
    /// # Errors
    /// If the database or a file of the log cannot be read. [`StoreError::Damaged`] if an entry is not one.
    pub fn each_entry(&self, mut each: impl FnMut(u64, Entry)) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged { what: "log" };
        let mut give = |index, bytes: &[u8]| -> Result<(), StoreError> {
            each(index, Entry::decode(bytes).map_err(|_| damaged())?);
            Ok(())
        };
        // The database drops entries once they are in full bundles, which never change. Its part is
        // read in one transaction, so nothing is dropped meanwhile.
        let (first, rest) = {
            let mut reader = self.reader();
            let database = reader.database.read()?;
            let next = database.log_next()?;
            let first = database.first_entry()?.unwrap_or(next);
            (first, database.entries(first..next)?)
        };
        let tiles = Tiles::open(self.log())?;
        let mut index = 0;
        while index < first {
            let path = tile::bundle_path(index / WIDTH, WIDTH);
            let bundle = tiles.file(&path)?.ok_or_else(damaged)?;
            for bytes in tile::entries(&bundle).ok_or_else(damaged)? {
                if index < first {
                    give(index, bytes)?;
                    index = index.saturating_add(1);
                }
            }
            if index < first && index % WIDTH != 0 {
                return Err(damaged());
            }
        }
        for (index, bytes) in (first..).zip(&rest) {
            give(index, bytes)?;
        }
        Ok(())
    }

    /// Returns the log's published checkpoint, as its text with signatures; `None` before the first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, StoreError> {
        Tiles::open(self.log())?.checkpoint()
    }

    /// Returns the resource that a request called, as long as the request's receipt is stored.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn called(&self, request: RequestId) -> Result<Option<ResourceId>, StoreError> {
        self.reader().database.resource_of(request)
    }

    /// Counts the objects of the permit's resource by class.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn count_objects(
        &self,
        permit: Permit<ReadInventory>,
        now_ms: u64,
    ) -> Result<BTreeMap<&'static str, Objects>, StoreError> {
        let (of, reader) = (permit.spend(), self.reader());
        let mut counted = BTreeMap::new();
        for class in Class::ALL {
            let (count, bytes) = reader.database.count_objects(of, class, now_ms)?;
            if count > 0 {
                counted.insert(class.name(), Objects { count, bytes });
            }
        }
        Ok(counted)
    }
}
