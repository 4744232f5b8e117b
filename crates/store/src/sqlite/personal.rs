//! The settings of resources and processors for personal data.

use std::sync::Arc;

use policy::{content::Content, id::ResourceId, personal::Setting};
use rusqlite::{Row, params};

use super::{Database, Write, directory::column};
use crate::{
    directory::personal::{Of, Settings},
    error::StoreError,
};

impl Database {
    /// Returns the settings of all resources and processors that have one.
    pub(crate) fn personal_settings(&self) -> Result<Settings, StoreError> {
        Ok(self.all("SELECT * FROM personal_setting", setting)?.into_iter().collect())
    }
}

fn setting(row: &Row<'_>) -> Result<(Of, Arc<Setting>), StoreError> {
    let damaged = || StoreError::Damaged { what: "personal_setting" };
    let resource: Option<[u8; 16]> = column(row, "resource")?;
    let processor: Option<String> = column(row, "processor")?;
    let of = match (resource, processor) {
        (Some(resource), None) => Of::Resource(ResourceId::from_random(resource)),
        (None, Some(name)) => Of::Processor(name),
        _ => return Err(damaged()),
    };
    let text = Content::new(column(row, "setting")?);
    let setting = Setting::from_json(text.reveal()).map_err(|_| damaged())?;
    Ok((of, Arc::new(setting)))
}

impl Write<'_> {
    /// Replaces or removes a setting.
    pub(crate) fn set_personal(
        &self,
        of: &Of,
        setting: Option<&Setting>,
    ) -> Result<(), StoreError> {
        let (resource, processor) = match of {
            Of::Resource(resource) => (Some(resource.as_bytes()), None),
            Of::Processor(name) => (None, Some(name.as_str())),
        };
        self.connection.execute(
            "DELETE FROM personal_setting WHERE resource IS ?1 AND processor IS ?2",
            params![resource, processor],
        )?;
        if let Some(setting) = setting {
            self.connection.execute(
                "INSERT INTO personal_setting (resource, processor, setting) VALUES (?1, ?2, ?3)",
                params![resource, processor, setting.to_json().reveal()],
            )?;
        }
        Ok(())
    }

    /// Removes the setting of a resource.
    pub(super) fn forget_personal_of(&self, resource: ResourceId) -> Result<(), StoreError> {
        self.set_personal(&Of::Resource(resource), None)
    }
}
