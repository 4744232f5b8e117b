//! Fine-tuned models.

use policy::id::{ModelId, ResourceId};
use rusqlite::params;

use super::{Database, Write};
use crate::{directory::Tuned, error::StoreError};

impl Database {
    /// Whether a model may run under a resource: a fine-tuned one only under its own.
    pub(crate) fn may_run(&self, resource: ResourceId, model: ModelId) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS
                       (SELECT 1 FROM tuned_model WHERE model = ?1 AND resource != ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![model.as_bytes(), resource.as_bytes()], |row| row.get(0))?)
    }
}

impl Write<'_> {
    /// Adds the adapter of a model.
    pub(crate) fn add_tuned(&self, model: ModelId, tuned: &Tuned) -> Result<(), StoreError> {
        let sql = "INSERT INTO tuned_model (model, tenant, resource, object, job, adapter)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let Tuned { of, object, job, adapter } = tuned;
        self.connection.execute(
            sql,
            params![
                model.as_bytes(),
                of.tenant.as_bytes(),
                of.resource.as_bytes(),
                object.as_bytes(),
                job.as_bytes(),
                adapter.0,
            ],
        )?;
        Ok(())
    }

    /// Deletes the row of a model's adapter, and returns whether there was one.
    pub(crate) fn delete_tuned(&self, model: ModelId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM tuned_model WHERE model = ?1";
        Ok(self.connection.execute(sql, [model.as_bytes()])? > 0)
    }

    /// Deletes the fine-tuned models of a resource.
    pub(crate) fn delete_tuned_of(&self, resource: ResourceId) -> Result<(), StoreError> {
        let sql = "DELETE FROM tuned_model WHERE resource = ?1 RETURNING model";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([resource.as_bytes()], |row| row.get(0))?;
        let models: Vec<[u8; 16]> = rows.collect::<Result<_, _>>()?;
        for model in models {
            self.delete_model(ModelId::from_random(model))?;
        }
        Ok(())
    }
}
