//! The explanation of a resource: for the operator on the machine, and for people at the desk.

use policy::{authz::facts::ResourceFacts, permit::ReadInventory};
use store::{Directory, Resource};

use super::{Acting, Kind, ManageError, facts, not_found};
use crate::{
    clock,
    explain::{Explanation, Facts},
};

impl Acting {
    /// Explains the life of a request of a resource.
    ///
    /// # Errors
    /// No resource has that name, or the caller may not see it.
    pub(crate) fn explain(&self, name: &str) -> Result<Explanation, ManageError> {
        self.explained(name).map(|facts| Explanation::of(&facts))
    }

    /// Returns the facts that a resource's explanation is made from.
    ///
    /// # Errors
    /// As [`Self::explain`].
    pub(crate) fn explained(&self, name: &str) -> Result<Facts, ManageError> {
        let directory = self.store.directory()?;
        let of = self.resource_for::<ReadInventory>(&directory, name)?.spend();
        Ok(self.gather(&directory, of).ok_or_else(|| not_found(Kind::Resource, name))?)
    }

    /// Returns the facts of each resource that the caller may see, sorted by the resource's name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn all_explained(&self) -> Result<Vec<Facts>, ManageError> {
        let directory = self.store.directory()?;
        let explained = |resource: &Resource| {
            let of = self.shows::<ReadInventory>(facts(resource))?.spend();
            self.gather(&directory, of)
        };
        Ok(directory.resources().into_iter().filter_map(explained).collect())
    }

    fn gather(&self, directory: &Directory, of: ResourceFacts) -> Option<Facts> {
        let now_ms = clock::now_ms();
        self.configured.read(|config| Facts::gather(config, directory, of, now_ms))
    }
}
