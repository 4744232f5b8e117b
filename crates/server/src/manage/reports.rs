//! Reports for a data protection officer, for the operator on the machine: about all resources of a tenant,
//! or one.

use policy::{
    authz::facts::ResourceFacts,
    permit::{ReadInventory, ReadTenant},
};

use super::{Acting, ManageError, Period};
use crate::{
    clock,
    reports::{self, Covered, Kind, OfResource, Report, Window},
};

/// The part of the service that a report is about.
#[derive(Debug, Clone)]
pub(crate) enum About {
    /// All resources of a tenant.
    Tenant(String),
    /// One resource.
    Resource(String),
}

impl Acting {
    /// Makes a report.
    ///
    /// # Errors
    /// The tenant or the resource does not exist, the caller may not see its inventory, or the
    /// store cannot be read.
    pub(crate) fn report(
        &self,
        kind: Kind,
        about: &About,
        (from, to): (Option<Period>, Option<Period>),
    ) -> Result<Report, ManageError> {
        let directory = self.store.directory()?;
        let (tenant, names) = match about {
            About::Tenant(name) => {
                let tenant = self.tenant_for::<ReadTenant>(&directory, name)?.spend().tenant;
                let its = directory.resources().into_iter().filter(|one| one.tenant == tenant);
                (tenant, its.map(|resource| resource.name.clone()).collect::<Vec<_>>())
            }
            About::Resource(name) => {
                let permit = self.resource_for::<ReadInventory>(&directory, name)?;
                let ResourceFacts { tenant, .. } = permit.spend();
                (tenant, vec![name.clone()])
            }
        };
        let permits = |name: &String| {
            Ok(OfResource {
                records: self.resource_for::<ReadInventory>(&directory, name)?,
                objects: self.resource_for::<ReadInventory>(&directory, name)?,
                officer: None,
            })
        };
        let resources = names.iter().map(permits).collect::<Result<_, ManageError>>()?;
        let covered = Covered { tenant, resources };
        let config = self.configured.read(Clone::clone);
        let window = Window::new(from, to);
        let facts =
            reports::gather((&self.store, None), &config, covered, window, clock::now_ms())?;
        Ok(reports::report(kind, &facts))
    }
}
