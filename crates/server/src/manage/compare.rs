//! The comparison of offerings with the resources that the caller may see.

use super::{Acting, ManageError};
use crate::{
    clock,
    compare::{Comparison, catalogue::Catalogue},
};

impl Acting {
    /// Compares the offerings of the catalogue, and one resource or all that the caller may see, by
    /// these needs; by all needs if none is named.
    ///
    /// # Errors
    /// The catalogue has no such need, no resource has that name, or the caller may not see it.
    pub(crate) fn compare(
        &self,
        needs: &[String],
        resource: Option<&str>,
    ) -> Result<Comparison, ManageError> {
        let catalogue =
            Catalogue::built_in().map_err(|error| ManageError::Aborted(error.to_string()))?;
        let needs = catalogue.chosen(needs)?;
        let own = match resource {
            Some(name) => vec![self.explained(name)?],
            None => self.all_explained()?,
        };
        Ok(catalogue.compare(needs, &own, clock::now_ms()))
    }
}
