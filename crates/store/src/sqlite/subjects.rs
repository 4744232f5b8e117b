//! The subject index: keyed hashes of data subjects, and the records and objects that they lead to.

mod erasures;

use policy::{
    authz::facts::ResourceFacts,
    id::{ModelId, ObjectId, RequestId, ResourceId, TenantId},
};
use rusqlite::{OptionalExtension as _, params};

use super::{
    Database, Write,
    objects::{columns, damaged, read},
};
use crate::{
    custody::SubjectHash,
    error::StoreError,
    object::Object,
    row::{FoundAdapter, OwnActRow, OwnRecordRow, SubjectRecordRow},
};

/// The numbers of the lines that name a data subject; `None` for the whole object.
type Lines = Option<Vec<u32>>;

/// Writes the numbers of lines.
fn packed(lines: &[u32]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.to_be_bytes()).collect()
}

/// Reads them.
fn unpacked(bytes: &[u8]) -> Vec<u32> {
    bytes.as_chunks::<4>().0.iter().map(|line| u32::from_be_bytes(*line)).collect()
}

impl Database {
    /// Returns at most `limit` stored records of a data subject, after an entry.
    pub(crate) fn records_about(
        &self,
        tenant: TenantId,
        hash: SubjectHash,
        after: i64,
        limit: usize,
    ) -> Result<Vec<SubjectRecordRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT i.idx, t.resource, c.request, c.facts, t.bytes, k.deadline_ms
             FROM subject_record i
             CROSS JOIN record r ON r.idx = i.idx
             CROSS JOIN span s ON s.id = r.span
             CROSS JOIN record_key k ON k.id = s.key
             CROSS JOIN receipt c ON c.idx = r.idx
             CROSS JOIN terms t ON t.id = c.terms
             WHERE i.hash = ?1 AND i.idx > ?3 AND k.tenant = ?2 AND k.destroyed = 0
             ORDER BY i.idx LIMIT ?4",
        )?;
        let values = params![hash.0, tenant.as_bytes(), after, limit];
        let rows = statement.query_map(values, |row| {
            let resource = ResourceId::from_random(row.get(1)?);
            let record = OwnRecordRow {
                request: RequestId::from_random(row.get(2)?),
                facts: row.get(3)?,
                terms: row.get(4)?,
                deadline_ms: row.get(5)?,
            };
            Ok(SubjectRecordRow {
                index: row.get(0)?,
                of: ResourceFacts { tenant, resource },
                record,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the customer's acts with one record, by the entry of its request.
    pub(crate) fn acts_with(&self, record: i64) -> Result<Vec<OwnActRow>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT a.idx, a.deleted, a.at_ms, c.request, o.state
             FROM own_act a
             CROSS JOIN receipt c ON c.idx = a.record
             CROSS JOIN log_opening o ON o.idx = a.idx AND o.place = 0
             WHERE a.record = ?1 ORDER BY a.idx",
        )?;
        let rows = statement.query_map([record], |row| {
            Ok(OwnActRow {
                entry: row.get(0)?,
                deleted: row.get(1)?,
                at_ms: row.get(2)?,
                request: RequestId::from_random(row.get(3)?),
                statement: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the objects of a data subject that are not gone, with the lines that name it.
    pub(crate) fn objects_about(
        &self,
        tenant: TenantId,
        hash: SubjectHash,
        now_ms: u64,
    ) -> Result<Vec<(Object, Lines)>, StoreError> {
        let sql = concat!(
            "SELECT",
            columns!(),
            ", lines FROM (SELECT object AS about, lines FROM subject_object
                           WHERE tenant = ?1 AND hash = ?2)
              CROSS JOIN object ON id = about
              WHERE tenant = ?1 AND gone = 0 AND (expires_ms IS NULL OR expires_ms > ?3)
              ORDER BY class, created_ms, id"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![tenant.as_bytes(), hash.0, now_ms], |row| {
            Ok((read(row)?, row.get::<_, Option<Vec<u8>>>(16)?))
        })?;
        let whole = |row: rusqlite::Result<(Option<Object>, Option<Vec<u8>>)>| {
            let (object, lines) = row?;
            Ok((object.ok_or_else(damaged)?, lines.map(|lines| unpacked(&lines))))
        };
        rows.map(whole).collect()
    }

    /// Returns the fine-tuned models that a job made.
    pub(crate) fn adapters_of(
        &self,
        tenant: TenantId,
        job: ObjectId,
    ) -> Result<Vec<FoundAdapter>, StoreError> {
        let sql = "SELECT t.model, m.name, t.resource FROM tuned_model t
                   JOIN model m ON m.id = t.model WHERE t.tenant = ?1 AND t.job = ?2
                   ORDER BY m.name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![tenant.as_bytes(), job.as_bytes()], |row| {
            Ok(FoundAdapter {
                model: ModelId::from_random(row.get(0)?),
                name: row.get(1)?,
                resource: ResourceId::from_random(row.get(2)?),
                job,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the resources of a tenant.
    pub(crate) fn resource_ids_of(&self, tenant: TenantId) -> Result<Vec<ResourceId>, StoreError> {
        let sql = "SELECT id FROM resource WHERE tenant = ?1 ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([tenant.as_bytes()], |row| row.get(0).map(ResourceId::from_random))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns whether the index has any object of a tenant.
    pub(crate) fn has_objects_about(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM subject_object WHERE tenant = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([tenant.as_bytes()], |row| row.get(0))?)
    }

    /// Returns the tenants of whose objects nothing is indexed.
    pub(crate) fn tenants_without_index(&self) -> Result<Vec<TenantId>, StoreError> {
        let sql = "SELECT id FROM tenant t WHERE NOT EXISTS
                       (SELECT 1 FROM subject_object o WHERE o.tenant = t.id)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| row.get(0).map(TenantId::from_random))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns all restrictions: tenants and hashes.
    pub(crate) fn restrictions(&self) -> Result<Vec<(TenantId, SubjectHash)>, StoreError> {
        let sql = "SELECT tenant, hash FROM subject_restriction";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((TenantId::from_random(row.get(0)?), SubjectHash(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns whether an object is there and not gone.
    pub(crate) fn is_object(&self, object: ObjectId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM object WHERE id = ?1 AND gone = 0";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row([object.as_bytes()], |row| row.get::<_, i64>(0));
        Ok(found.optional()?.is_some())
    }
}

impl Write<'_> {
    /// Notes that a record is about a data subject.
    pub(crate) fn index_record(&self, hash: SubjectHash, index: u64) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO subject_record (hash, idx) VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute(params![hash.0, index])?;
        Ok(())
    }

    /// Notes that an object is about a data subject: in these lines, or as a whole.
    pub(crate) fn index_object(
        &self,
        (tenant, object): (TenantId, ObjectId),
        hash: SubjectHash,
        lines: Option<&[u32]>,
    ) -> Result<(), StoreError> {
        // A whole object stays one.
        let sql = "INSERT INTO subject_object (tenant, hash, object, lines)
                   VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET lines =
                       CASE WHEN lines IS NULL THEN NULL ELSE excluded.lines END";
        let values = params![tenant.as_bytes(), hash.0, object.as_bytes(), lines.map(packed)];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Notes that an object is about the same data subjects as another one of the tenant.
    pub(crate) fn index_same(
        &self,
        (tenant, object): (TenantId, ObjectId),
        from: ObjectId,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO subject_object (tenant, hash, object, lines)
                   SELECT tenant, hash, ?2, lines FROM subject_object
                   WHERE object = ?3 AND tenant = ?1";
        let values = params![tenant.as_bytes(), object.as_bytes(), from.as_bytes()];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Deletes the results of a batch's lines, and notes that they are erased. Returns how many there
    /// were.
    pub(crate) fn erase_lines(&self, batch: ObjectId, lines: &[u32]) -> Result<u64, StoreError> {
        let mut note = self
            .connection
            .prepare_cached("INSERT OR IGNORE INTO erased_line (batch, line) VALUES (?1, ?2)")?;
        let mut delete = self
            .connection
            .prepare_cached("DELETE FROM batch_line WHERE batch = ?1 AND line = ?2")?;
        let mut deleted = 0_u64;
        for line in lines {
            note.execute(params![batch.as_bytes(), line])?;
            let rows = delete.execute(params![batch.as_bytes(), line])?;
            deleted = deleted.saturating_add(rows as u64);
        }
        Ok(deleted)
    }

    /// Notes that nothing is kept of a data subject from now on.
    pub(crate) fn restrict(
        &self,
        tenant: TenantId,
        hash: SubjectHash,
        since_ms: u64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO subject_restriction (tenant, hash, since_ms)
                   VALUES (?1, ?2, ?3)";
        let values = params![tenant.as_bytes(), hash.0, since_ms];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Notes that this has ended.
    pub(crate) fn unrestrict(&self, tenant: TenantId, hash: SubjectHash) -> Result<(), StoreError> {
        let sql = "DELETE FROM subject_restriction WHERE tenant = ?1 AND hash = ?2";
        self.connection.prepare_cached(sql)?.execute(params![tenant.as_bytes(), hash.0])?;
        Ok(())
    }
}
