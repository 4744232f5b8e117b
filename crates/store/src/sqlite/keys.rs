//! The keys that records are sealed to, as the log knows them, and the key directory that has them.

use policy::id::{KeyDirectoryId, KeyId, TenantId};
use rusqlite::{OptionalExtension as _, params};

use super::{Database, Write};
use crate::{
    custody::{ListedKey, Named},
    error::StoreError,
    row::{KeyDirectoryRow, Retired},
};

impl Database {
    /// Returns the keys that are not destroyed.
    pub(crate) fn keys_alive(&self) -> Result<Vec<ListedKey>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, tenant, deadline_ms FROM record_key WHERE destroyed = 0")?;
        let keys = statement.query_map([], |row| {
            let id = KeyId::from_random(row.get(0)?);
            let tenant = TenantId::from_random(row.get(1)?);
            Ok(ListedKey { id, tenant, deadline_ms: row.get(2)? })
        })?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// Returns whether the log ever had a key.
    pub(crate) fn has_keys(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM record_key)";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Returns whether a key is destroyed, or `None` if the log does not know it.
    pub(crate) fn is_destroyed(&self, key: KeyId) -> Result<Option<bool>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT destroyed FROM record_key WHERE id = ?1")?;
        Ok(statement.query_row([key.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Returns whether a key is retired or destroyed.
    pub(crate) fn is_gone(&self, key: KeyId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS
                   (SELECT 1 FROM record_key WHERE id = ?1 AND (retired = 1 OR destroyed = 1))";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([key.as_bytes()], |row| row.get(0))?)
    }

    /// Returns the key of a tenant and deadline that is about to be destroyed, if there is one.
    pub(crate) fn retired_key(
        &self,
        tenant: TenantId,
        deadline_ms: u64,
    ) -> Result<Option<KeyId>, StoreError> {
        let sql = "SELECT id FROM record_key
                   WHERE tenant = ?1 AND deadline_ms = ?2 AND retired = 1 AND destroyed = 0";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(params![tenant.as_bytes(), deadline_ms], |row| row.get(0));
        Ok(found.optional()?.map(KeyId::from_random))
    }

    /// Returns the keys whose replacement has begun.
    pub(crate) fn keys_retired(&self) -> Result<Vec<Retired>, StoreError> {
        self.retired(
            "SELECT id, tenant, deadline_ms, retired_by FROM record_key
             WHERE retired = 1 AND retired_by > 0 AND destroyed = 0",
        )
    }

    /// Returns the keys of deleted records, each with the log entry of its first deletion: this entry
    /// is published the soonest.
    pub(crate) fn keys_of_deleted(&self) -> Result<Vec<Retired>, StoreError> {
        self.retired(
            "SELECT k.id, k.tenant, k.deadline_ms, min(d.entry)
             FROM deletion d
             JOIN span s ON s.id = d.span
             JOIN record_key k ON k.id = s.key
             WHERE d.shredded = 0 AND d.entry > 0 AND k.destroyed = 0
             GROUP BY k.id",
        )
    }

    fn retired(&self, sql: &str) -> Result<Vec<Retired>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let key = KeyId::from_random(row.get(0)?);
            let tenant = TenantId::from_random(row.get(1)?);
            let key = Named { key, tenant, deadline_ms: row.get(2)? };
            Ok(Retired { key, deletion: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Retires a key: from now on, no writer seals to it.
    pub(crate) fn retire(&self, key: &Retired) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE record_key SET retired = 1, retired_by = ?1 WHERE id = ?2")?
            .execute(params![key.deletion, key.key.key.as_bytes()])?;
        Ok(())
    }

    /// Returns the key directory that the database belongs to.
    pub(crate) fn key_directory(&self) -> Result<Option<KeyDirectoryRow>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT id, made, replaced FROM key_directory")?;
        let row = statement.query_row([], |row| {
            let id = KeyDirectoryId::from_random(row.get(0)?);
            Ok(KeyDirectoryRow { id, made: row.get(1)?, replaced: row.get(2)? })
        });
        Ok(row.optional()?)
    }

    /// Binds the database to a key directory that does not exist yet.
    pub(crate) fn bind_key_directory(&self, id: KeyDirectoryId) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO key_directory (one, id, made, replaced)
                   VALUES (1, ?1, 0, EXISTS (SELECT 1 FROM key_directory))";
        self.connection.execute(sql, [id.as_bytes()])?;
        Ok(())
    }

    /// Records that the key directory was found, with all its keys.
    pub(crate) fn set_key_directory_made(&self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE key_directory SET made = 1 WHERE made = 0", [])?;
        Ok(())
    }
}

impl Write<'_> {
    /// Adds a key, and returns whether it is new.
    pub(crate) fn add_key(
        &self,
        key: KeyId,
        tenant: TenantId,
        deadline_ms: u64,
    ) -> Result<bool, StoreError> {
        let new = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO record_key (id, tenant, deadline_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![key.as_bytes(), tenant.as_bytes(), deadline_ms])?;
        Ok(new > 0)
    }

    /// Records that a key is destroyed, and returns whether that is new.
    pub(crate) fn set_destroyed(&self, key: KeyId) -> Result<bool, StoreError> {
        let sql = "UPDATE record_key SET destroyed = 1 WHERE id = ?1 AND destroyed = 0";
        Ok(self.connection.prepare_cached(sql)?.execute([key.as_bytes()])? > 0)
    }
}
