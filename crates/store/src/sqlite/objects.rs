//! The rows of kept objects. They have no content but the sealed head.

use policy::{
    authz::{
        facts::{ObjectFacts, ResourceFacts},
        role::Roles,
    },
    id::{ObjectId, PersonId, RequestId, ResourceId, TenantId, WorkloadId},
    object::{Class, Owner},
    principal::KeyName,
};
use rusqlite::{OptionalExtension as _, Row as SqlRow, params, params_from_iter, types::Value};

use super::{Database, Write};
use crate::{
    error::StoreError,
    object::{
        Object, Row, Select,
        seal::{class_number, owner},
    },
};

/// The columns of an object, in the order that [`read`] expects.
macro_rules! columns {
    () => {
        " id, class, tenant, resource, owner_kind, owner, shared, parent, request, created_ms,
         expires_ms, bytes, state, label, revision, claimed"
    };
}

pub(super) use columns;

pub(super) fn read(row: &SqlRow<'_>) -> rusqlite::Result<Option<Object>> {
    let class: usize = row.get(1)?;
    let id: [u8; 16] = row.get(5)?;
    let owner = match row.get(4)? {
        0 => Owner::Key(KeyName::Key1),
        1 => Owner::Key(KeyName::Key2),
        2 => Owner::Person(PersonId::from_random(id)),
        3 => Owner::Workload(WorkloadId::from_random(id)),
        _ => return Ok(None),
    };
    let Some(class) = Class::ALL.get(class).copied() else { return Ok(None) };
    let tenant = TenantId::from_random(row.get(2)?);
    let resource = ResourceId::from_random(row.get(3)?);
    let facts = ObjectFacts {
        of: ResourceFacts { tenant, resource },
        object: ObjectId::from_random(row.get(0)?),
        class,
        owner,
        shared: row.get(6)?,
    };
    Ok(Some(Object {
        facts,
        parent: row.get::<_, Option<[u8; 16]>>(7)?.map(ObjectId::from_random),
        request: RequestId::from_random(row.get(8)?),
        created_ms: row.get(9)?,
        expires_ms: row.get(10)?,
        bytes: row.get(11)?,
        state: row.get(12)?,
        label: row.get(13)?,
        revision: row.get(14)?,
        claimed: Roles::from_bits(row.get(15)?),
    }))
}

/// Reads an object's id, class and tenant.
fn due(row: &SqlRow<'_>) -> rusqlite::Result<Option<(ObjectId, Class, TenantId)>> {
    let Some(class) = Class::ALL.get(row.get::<_, usize>(1)?).copied() else { return Ok(None) };
    let object = row.get(0).map(ObjectId::from_random)?;
    Ok(Some((object, class, row.get(2).map(TenantId::from_random)?)))
}

pub(super) fn damaged() -> StoreError {
    StoreError::Damaged { what: "object" }
}

impl Database {
    /// Returns an object of a resource that is not gone.
    pub(crate) fn object(
        &self,
        of: ResourceFacts,
        object: ObjectId,
        now_ms: u64,
    ) -> Result<Option<Object>, StoreError> {
        let sql = concat!(
            "SELECT",
            columns!(),
            " FROM object WHERE id = ?1 AND tenant = ?2 AND resource = ?3 AND gone = 0
              AND (expires_ms IS NULL OR expires_ms > ?4)"
        );
        let values =
            params![object.as_bytes(), of.tenant.as_bytes(), of.resource.as_bytes(), now_ms];
        let found = self.connection.prepare_cached(sql)?.query_row(values, read).optional()?;
        found.map(|object| object.ok_or_else(damaged)).transpose()
    }

    /// Returns the same, with its sealed head.
    pub(crate) fn object_row(
        &self,
        of: ResourceFacts,
        object: ObjectId,
        now_ms: u64,
    ) -> Result<Option<Row>, StoreError> {
        let sql = concat!(
            "SELECT",
            columns!(),
            ", head_revision, head FROM object
              WHERE id = ?1 AND tenant = ?2 AND resource = ?3 AND gone = 0
              AND (expires_ms IS NULL OR expires_ms > ?4)"
        );
        let values =
            params![object.as_bytes(), of.tenant.as_bytes(), of.resource.as_bytes(), now_ms];
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement
            .query_row(values, |row| Ok((read(row)?, row.get(16)?, row.get(17)?)))
            .optional()?;
        let whole = |(object, head_revision, head): (Option<Object>, u64, Vec<u8>)| {
            Ok(Row { object: object.ok_or_else(damaged)?, head, head_revision })
        };
        found.map(whole).transpose()
    }

    /// Lists objects of a resource by the time at which they were made.
    pub(crate) fn objects(
        &self,
        of: ResourceFacts,
        select: &Select,
        now_ms: u64,
    ) -> Result<Vec<Object>, StoreError> {
        let mut sql = concat!(
            "SELECT",
            columns!(),
            " FROM object WHERE resource = ? AND tenant = ? AND gone = 0
              AND (expires_ms IS NULL OR expires_ms > ?)"
        )
        .to_owned();
        let blob = |bytes: &[u8; 16]| Value::Blob(bytes.to_vec());
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let mut values =
            vec![blob(of.resource.as_bytes()), blob(of.tenant.as_bytes()), Value::Integer(now_ms)];
        if let Some(class) = select.class {
            sql.push_str(" AND class = ?");
            values.push(Value::Integer(class_number(class).into()));
        }
        if let Some(parent) = select.parent {
            sql.push_str(" AND parent = ?");
            values.push(blob(parent.as_bytes()));
        }
        if let Some(whose) = &select.visible_to {
            let (kind, id) = owner(whose);
            sql.push_str(" AND (shared OR (owner_kind = ? AND owner = ?))");
            values.extend([Value::Integer(kind.into()), Value::Blob(id.to_vec())]);
        }
        if let Some(label) = &select.label {
            sql.push_str(" AND label = ?");
            values.push(Value::Text(label.clone()));
        }
        let (begin, end) = if select.ascending { (">", "<") } else { ("<", ">") };
        for (bound, side) in [(select.after, begin), (select.before, end)] {
            let Some(object) = bound else { continue };
            // An object that is gone meanwhile bounds nothing.
            sql.push_str(" AND (created_ms, id) ");
            sql.push_str(side);
            sql.push_str(" (SELECT created_ms, id FROM object WHERE id = ? AND resource = ?)");
            values.extend([blob(object.as_bytes()), blob(of.resource.as_bytes())]);
        }
        sql.push_str(if select.ascending {
            " ORDER BY created_ms, id LIMIT ?"
        } else {
            " ORDER BY created_ms DESC, id DESC LIMIT ?"
        });
        values.push(Value::Integer(i64::try_from(select.limit).unwrap_or(i64::MAX)));
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), read)?;
        rows.map(|row| row?.ok_or_else(damaged)).collect()
    }

    /// Returns the objects of a class in one of these states, of all resources.
    pub(crate) fn unfinished_objects(
        &self,
        class: Class,
        states: &[u32],
        now_ms: u64,
    ) -> Result<Vec<Object>, StoreError> {
        let sql = concat!(
            "SELECT",
            columns!(),
            " FROM object WHERE class = ?1 AND state = ?2 AND gone = 0
              AND (expires_ms IS NULL OR expires_ms > ?3) ORDER BY created_ms, id"
        );
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for state in states {
            let rows = statement.query_map(params![class_number(class), state, now_ms], read)?;
            for row in rows {
                found.push(row?.ok_or_else(damaged)?);
            }
        }
        Ok(found)
    }

    /// Returns the number of a resource's objects.
    pub(crate) fn objects_of(&self, resource: ResourceId) -> Result<u64, StoreError> {
        let sql = "SELECT objects FROM object_count WHERE resource = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([resource.as_bytes()], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// Counts the objects of a resource that are of one class, and the bytes of their content.
    pub(crate) fn count_objects(
        &self,
        of: ResourceFacts,
        class: Class,
        now_ms: u64,
    ) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM object
                   WHERE resource = ?1 AND tenant = ?2 AND class = ?3 AND gone = 0
                   AND (expires_ms IS NULL OR expires_ms > ?4)";
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(sql)?;
        let values =
            params![of.resource.as_bytes(), of.tenant.as_bytes(), class_number(class), now_ms];
        Ok(statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Returns the end of an object, or `None` if there is no such row.
    pub(crate) fn object_end(&self, object: ObjectId) -> Result<Option<Option<u64>>, StoreError> {
        let sql = "SELECT expires_ms FROM object WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([object.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Returns the ends of the objects after one, in order; empty at the end of the table.
    pub(crate) fn object_ends(
        &self,
        after: Option<ObjectId>,
    ) -> Result<Vec<(ObjectId, Option<u64>)>, StoreError> {
        let sql = "SELECT id, expires_ms FROM object WHERE id > ?1 ORDER BY id LIMIT 10000";
        let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([after], |row| Ok((row.get(0).map(ObjectId::from_random)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns objects that are not gone and whose time is not over, after one and in order, each with whether the database was
    /// restored since.
    pub(crate) fn objects_not_gone(
        &self,
        after: Option<ObjectId>,
        now_ms: u64,
    ) -> Result<Vec<(ObjectId, Class, TenantId, bool)>, StoreError> {
        let sql = "SELECT id, class, tenant, restored FROM object
                   WHERE id > ?1 AND gone = 0 AND (expires_ms IS NULL OR expires_ms > ?2)
                   ORDER BY id LIMIT 10000";
        let after = after.map_or(Vec::new(), |after| after.as_bytes().to_vec());
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![after, now_ms], |row| {
            Ok((row.get(0)?, row.get::<_, usize>(1)?, row.get(2)?, row.get(3)?))
        })?;
        let whole = |row: rusqlite::Result<([u8; 16], usize, [u8; 16], bool)>| {
            let (object, class, tenant, restored) = row?;
            let class = Class::ALL.get(class).copied().ok_or_else(damaged)?;
            let (object, tenant) = (ObjectId::from_random(object), TenantId::from_random(tenant));
            Ok((object, class, tenant, restored))
        };
        rows.map(whole).collect()
    }

    /// Returns objects whose time is over, and which the log does not call destroyed yet.
    pub(crate) fn objects_due(
        &self,
        now_ms: u64,
        limit: usize,
    ) -> Result<Vec<(ObjectId, Class, TenantId)>, StoreError> {
        let sql = "SELECT id, class, tenant FROM object
                   WHERE expires_ms <= ?1 AND gone = 0 ORDER BY expires_ms LIMIT ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![now_ms, limit], due)?;
        rows.map(|row| row?.ok_or_else(damaged)).collect()
    }

    /// Returns objects that the log calls destroyed, and that are not removed yet.
    pub(crate) fn objects_gone(&self, limit: usize) -> Result<Vec<ObjectId>, StoreError> {
        let sql = "SELECT id FROM object WHERE gone = 1 LIMIT ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([limit], |row| row.get(0).map(ObjectId::from_random))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns an object with its parts, and their parts.
    pub(crate) fn object_and_parts(
        &self,
        object: ObjectId,
    ) -> Result<Vec<(ObjectId, Class)>, StoreError> {
        let sql = "WITH RECURSIVE part (id, class) AS (
                       SELECT id, class FROM object WHERE id = ?1
                       UNION SELECT o.id, o.class FROM object o JOIN part p ON o.parent = p.id
                       WHERE o.gone = 0
                   ) SELECT id, class FROM part";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([object.as_bytes()], |row| {
            Ok((row.get(0).map(ObjectId::from_random)?, row.get::<_, usize>(1)?))
        })?;
        let whole = |row: rusqlite::Result<(ObjectId, usize)>| {
            let (object, class) = row?;
            Ok((object, Class::ALL.get(class).copied().ok_or_else(damaged)?))
        };
        rows.map(whole).collect()
    }
}

impl Write<'_> {
    /// Adds an object.
    pub(crate) fn add_object(&self, row: &Row) -> Result<(), StoreError> {
        let Row { object, head, head_revision } = row;
        let facts = &object.facts;
        let (owner_kind, owner) = owner(&facts.owner);
        self.connection
            .prepare_cached(
                "INSERT INTO object (id, class, tenant, resource, owner_kind, owner, shared,
                     parent, request, created_ms, expires_ms, bytes, state, label, revision,
                     head_revision, head, claimed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                     ?18)",
            )?
            .execute(params![
                facts.object.as_bytes(),
                class_number(facts.class),
                facts.of.tenant.as_bytes(),
                facts.of.resource.as_bytes(),
                owner_kind,
                owner,
                facts.shared,
                object.parent.map(|parent| *parent.as_bytes()),
                object.request.as_bytes(),
                object.created_ms,
                object.expires_ms,
                object.bytes,
                object.state,
                object.label,
                object.revision,
                head_revision,
                head,
                object.claimed.bits(),
            ])?;
        Ok(())
    }

    /// Changes an object that still has the revision `before`, and returns whether it had.
    pub(crate) fn change_object(
        &self,
        object: &Object,
        before: u64,
        head: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        let changed = self
            .connection
            .prepare_cached(
                "UPDATE object SET shared = ?3, expires_ms = ?4, bytes = ?5, state = ?6,
                     revision = ?7 WHERE id = ?1 AND revision = ?2 AND gone = 0",
            )?
            .execute(params![
                object.facts.object.as_bytes(),
                before,
                object.facts.shared,
                object.expires_ms,
                object.bytes,
                object.state,
                object.revision,
            ])?;
        if let Some(head) = head.filter(|_| changed > 0) {
            self.connection
                .prepare_cached("UPDATE object SET head_revision = ?2, head = ?3 WHERE id = ?1")?
                .execute(params![object.facts.object.as_bytes(), object.revision, head])?;
        }
        Ok(changed > 0)
    }

    /// Marks all objects: the database is a restored one, and their keys may be gone.
    pub(crate) fn set_objects_restored(&self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE object SET restored = 1", [])?;
        Ok(())
    }

    /// Removes that mark: the remaining objects have their keys.
    pub(crate) fn unset_objects_restored(&self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE object SET restored = 0 WHERE restored = 1", [])?;
        Ok(())
    }

    /// Returns the objects of a resource that are not gone.
    pub(crate) fn objects_to_end(
        &self,
        resource: ResourceId,
    ) -> Result<Vec<(ObjectId, Class, TenantId)>, StoreError> {
        let sql = "SELECT id, class, tenant FROM object WHERE resource = ?1 AND gone = 0";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([resource.as_bytes()], due)?;
        rows.map(|row| row?.ok_or_else(damaged)).collect()
    }

    /// Marks an object as gone, and returns whether that is new.
    pub(crate) fn set_object_gone(&self, object: ObjectId) -> Result<bool, StoreError> {
        let sql = "UPDATE object SET gone = 1 WHERE id = ?1 AND gone = 0";
        Ok(self.connection.prepare_cached(sql)?.execute([object.as_bytes()])? > 0)
    }

    /// Deletes the row of an object that is gone.
    pub(crate) fn delete_object(&self, object: ObjectId) -> Result<(), StoreError> {
        let sql = "DELETE FROM object WHERE id = ?1 AND gone = 1";
        self.connection.prepare_cached(sql)?.execute([object.as_bytes()])?;
        Ok(())
    }
}
