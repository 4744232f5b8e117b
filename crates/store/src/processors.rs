//! The processors: companies that operate engines, and are not the operator of this service. A
//! data-protection officer sees here which processors got requests of which resources.

use policy::engine::Processor;

pub use crate::row::{ProcessorEngine, ProcessorPermission, ProcessorRequests};
use crate::{Store, error::StoreError};

/// A processor, with its engines and the resources whose requests may run or ran there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorUse {
    /// Name, country and contract, as the operator last stated them.
    pub processor: Processor,
    /// Its engines, present and former, the earliest first. An engine whose region, country or
    /// contract was changed stands here once for each state.
    pub engines: Vec<ProcessorEngine>,
    /// The resources whose customers allow it now, the earliest first.
    pub permissions: Vec<ProcessorPermission>,
    /// The requests that were sent to it, by resource. A resource that was deleted stays in this list.
    pub requests: Vec<ProcessorRequests>,
}

impl ProcessorUse {
    /// Returns the time when its first engine was added, in milliseconds since 1970.
    #[must_use]
    pub fn since_ms(&self) -> Option<u64> {
        self.engines.iter().map(|engine| engine.since_ms).min()
    }
}

impl Store {
    /// Returns all processors that ever operated an engine here, sorted by name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn processor_uses(&self) -> Result<Vec<ProcessorUse>, StoreError> {
        let mut reader = self.reader();
        let database = reader.database.read()?;
        let mut uses: Vec<ProcessorUse> = Vec::new();
        for (processor, engine) in database.processor_engines()? {
            match uses.iter_mut().find(|known| known.processor.name == processor.name) {
                Some(known) => {
                    known.engines.push(engine);
                    known.processor = processor;
                }
                None => uses.push(ProcessorUse {
                    processor,
                    engines: vec![engine],
                    permissions: Vec::new(),
                    requests: Vec::new(),
                }),
            }
        }
        let (permissions, requests) =
            (database.processor_permissions()?, database.processor_requests()?);
        for each in &mut uses {
            let name = &each.processor.name;
            let its = permissions.iter().filter(|(of, _)| of == name);
            each.permissions = its.map(|(_, permission)| permission.clone()).collect();
            let its = requests.iter().filter(|(of, _)| of == name);
            each.requests = its.map(|(_, requests)| requests.clone()).collect();
        }
        uses.sort_by(|a, b| a.processor.name.cmp(&b.processor.name));
        Ok(uses)
    }
}
