//! The inventory of a resource, for the operator on the machine: what is kept, without content.

use policy::{permit::ReadInventory, retention::Metadata};
use serde::Deserialize;
use store::objects::Select;
use wire::inventory::Inventory;

use super::{Acting, ManageError};
use crate::{clock, inventory};

/// The part of an inventory that is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InventoryQuestion {
    /// One class only.
    pub class: Option<String>,
    /// After the object of this id.
    pub after: Option<String>,
    /// The most objects.
    pub limit: Option<usize>,
}

/// Objects per page if `limit` is missing.
const LIMIT_DEFAULT: usize = 100;

/// Most objects per page.
const LIMIT_MAX: usize = 1000;

impl Acting {
    /// Lists what is kept for a resource.
    ///
    /// # Errors
    /// No resource has that name, the caller may not see it, or the question is not valid.
    pub(crate) fn inventory(
        &self,
        name: &str,
        question: &InventoryQuestion,
        metadata: Metadata,
    ) -> Result<Inventory, ManageError> {
        let directory = self.store.directory()?;
        let permit = self.resource_for::<ReadInventory>(&directory, name)?;
        let counted = self.resource_for::<ReadInventory>(&directory, name)?;
        let limit = question.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(ManageError::Question(format!(
                "`limit` is a number from 1 to {LIMIT_MAX}"
            )));
        }
        let class = question.class.as_deref().map(inventory::class).transpose();
        let class = class.map_err(|wrong| ManageError::Question(wrong.message))?;
        let id = |id: &String| {
            let wrong = || ManageError::Question("`after` is not the id of an object".to_owned());
            inventory::any(id).map(|(_, object)| object).ok_or_else(wrong)
        };
        let after = question.after.as_ref().map(id).transpose()?;
        let select = Select { class, after, limit: limit.saturating_add(1), ..Select::default() };
        let of = *permit.scope();
        let mut found = self.store.inventory(permit, &select, clock::now_ms())?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let resource = directory.resource(of.resource);
        let records = self.store.count_records(counted)?;
        let also_kept = resource
            .map(|resource| inventory::also_kept(resource, records, metadata))
            .unwrap_or_default();
        // Objects are their owners': the operator deletes none.
        let data = found.iter().map(|object| inventory::kept(object, false)).collect();
        Ok(inventory::page(data, has_more, also_kept))
    }
}
