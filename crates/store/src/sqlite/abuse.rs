//! Counters of abuse monitoring.

use policy::{
    abuse::Pseudonym,
    id::{ResourceId, TenantId},
};
use rusqlite::{OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::{Database, Write, of_request};
use crate::{
    error::StoreError,
    row::{AbuseFinding, AbuseKey},
};

impl Database {
    /// Returns the tenant of a resource.
    pub(crate) fn tenant_of(&self, resource: ResourceId) -> Result<Option<TenantId>, StoreError> {
        let sql = "SELECT tenant FROM resource WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let id = statement.query_row([resource.as_bytes()], |row| row.get(0)).optional()?;
        Ok(id.map(TenantId::from_random))
    }

    /// Returns a tenant's key for hashes.
    pub(crate) fn abuse_key(&self, tenant: TenantId) -> Result<Option<AbuseKey>, StoreError> {
        let sql = "SELECT key, since_ms FROM abuse_key WHERE tenant = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(AbuseKey { bytes: Zeroizing::new(row.get(0)?), since_ms: row.get(1)? })
        };
        Ok(statement.query_row([tenant.as_bytes()], read).optional()?)
    }

    /// Returns the state of a resource.
    pub(crate) fn abuse_state(&self, resource: ResourceId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT state FROM abuse_state WHERE resource = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([resource.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Returns the state of an end user.
    pub(crate) fn abuse_end_user(
        &self,
        resource: ResourceId,
        user: Pseudonym,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT state FROM abuse_end_user WHERE resource = ?1 AND end_user = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let values = params![resource.as_bytes(), user.0];
        Ok(statement.query_row(values, |row| row.get(0)).optional()?)
    }

    /// Returns the states of all end users of a resource.
    pub(crate) fn all_abuse_end_users(
        &self,
        resource: ResourceId,
    ) -> Result<Vec<(Pseudonym, String)>, StoreError> {
        let sql = "SELECT end_user, state FROM abuse_end_user WHERE resource = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement
            .query_map([resource.as_bytes()], |row| Ok((Pseudonym(row.get(0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the number of stored end users of a resource.
    pub(crate) fn abuse_end_users(&self, resource: ResourceId) -> Result<usize, StoreError> {
        let sql = "SELECT COUNT(*) FROM abuse_end_user WHERE resource = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([resource.as_bytes()], |row| row.get(0))?)
    }

    /// Returns the days of a resource, from `first` on: the day, its requests and its flags.
    pub(crate) fn abuse_days(
        &self,
        resource: ResourceId,
        first: u64,
    ) -> Result<Vec<(u64, u64, u64)>, StoreError> {
        let sql = "SELECT day, requests, flags FROM abuse_day WHERE resource = ?1 AND day >= ?2
                   ORDER BY day";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![resource.as_bytes(), first], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the findings of a resource, from the day `first` on: the day, the kind of finding and
    /// the number of requests.
    pub(crate) fn abuse_findings(
        &self,
        resource: ResourceId,
        first: u64,
    ) -> Result<Vec<(u64, AbuseFinding, u64)>, StoreError> {
        let sql = "SELECT day, side, category, severity, filtered, requests FROM abuse_finding
                   WHERE resource = ?1 AND day >= ?2
                   ORDER BY day, side, category, severity, filtered";
        let mut statement = self.connection.prepare_cached(sql)?;
        let text = |row: &rusqlite::Row<'_>, place| -> rusqlite::Result<_> {
            Ok(row.get::<_, String>(place)?.into())
        };
        let rows = statement.query_map(params![resource.as_bytes(), first], |row| {
            let (side, category, severity) = (text(row, 1)?, text(row, 2)?, text(row, 3)?);
            let finding = AbuseFinding { side, category, severity, filtered: row.get(4)? };
            Ok((row.get(0)?, finding, row.get(5)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the terms of a request whose record is stored.
    pub(crate) fn terms_of_record(
        &self,
        request: policy::id::RequestId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached(concat!(
            "SELECT t.bytes FROM receipt c
             JOIN record r ON r.idx = c.idx
             JOIN span s ON s.id = r.span
             JOIN record_key k ON k.id = s.key
             JOIN terms t ON t.id = c.terms
             WHERE ",
            of_request!(),
            " AND k.destroyed = 0"
        ))?;
        Ok(statement.query_row([request.as_bytes()], |row| row.get(0)).optional()?)
    }

    /// Deletes the counts of days before `first`, and the keys that were made before `since_ms`
    /// with the counts of their tenants' end users.
    pub(crate) fn forget_abuse(&self, first: u64, since_ms: u64) -> Result<(), StoreError> {
        let old = "SELECT EXISTS (SELECT 1 FROM abuse_day WHERE day < ?1)
                       OR EXISTS (SELECT 1 FROM abuse_key WHERE since_ms < ?2)";
        // Search first: a deletion without rows locks the database as any other does.
        let mut statement = self.connection.prepare_cached(old)?;
        if !statement.query_row([first, since_ms], |row| row.get::<_, bool>(0))? {
            return Ok(());
        }
        self.connection.execute("DELETE FROM abuse_finding WHERE day < ?1", [first])?;
        self.connection.execute("DELETE FROM abuse_day WHERE day < ?1", [first])?;
        let users = "DELETE FROM abuse_end_user WHERE resource IN (
                        SELECT o.id FROM resource o JOIN abuse_key k ON k.tenant = o.tenant
                        WHERE k.since_ms < ?1)";
        self.connection.execute(users, [since_ms])?;
        // Zeros first: a deleted row's bytes stay in the file.
        let zeros = "UPDATE abuse_key SET key = zeroblob(32) WHERE since_ms < ?1";
        self.connection.execute(zeros, [since_ms])?;
        self.connection.execute("DELETE FROM abuse_key WHERE since_ms < ?1", [since_ms])?;
        Ok(())
    }
}

impl Write<'_> {
    /// Sets a tenant's key for hashes.
    pub(crate) fn set_abuse_key(
        &self,
        tenant: TenantId,
        key: &[u8; 32],
        since_ms: u64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO abuse_key (tenant, key, since_ms) VALUES (?1, ?2, ?3)";
        self.connection.prepare_cached(sql)?.execute(params![tenant.as_bytes(), key, since_ms])?;
        Ok(())
    }

    /// Deletes a tenant's key, and the counts of the tenant's end users.
    pub(crate) fn forget_abuse_key(&self, tenant: TenantId) -> Result<(), StoreError> {
        let users = "DELETE FROM abuse_end_user
                     WHERE resource IN (SELECT id FROM resource WHERE tenant = ?1)";
        self.connection.execute(users, [tenant.as_bytes()])?;
        // Zeros first: a deleted row's bytes stay in the file.
        let zeros = "UPDATE abuse_key SET key = zeroblob(32) WHERE tenant = ?1";
        self.connection.execute(zeros, [tenant.as_bytes()])?;
        self.connection.execute("DELETE FROM abuse_key WHERE tenant = ?1", [tenant.as_bytes()])?;
        Ok(())
    }

    /// Deletes all counts of a resource.
    pub(crate) fn forget_abuse_of(&self, resource: ResourceId) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM abuse_state WHERE resource = ?1",
            "DELETE FROM abuse_end_user WHERE resource = ?1",
            "DELETE FROM abuse_day WHERE resource = ?1",
            "DELETE FROM abuse_finding WHERE resource = ?1",
        ] {
            self.connection.execute(sql, [resource.as_bytes()])?;
        }
        Ok(())
    }

    /// Sets the state of a resource.
    pub(crate) fn set_abuse_state(
        &self,
        resource: ResourceId,
        state: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO abuse_state (resource, state) VALUES (?1, ?2)
                   ON CONFLICT DO UPDATE SET state = excluded.state";
        self.connection.prepare_cached(sql)?.execute(params![resource.as_bytes(), state])?;
        Ok(())
    }

    /// Sets the state of an end user.
    pub(crate) fn set_abuse_end_user(
        &self,
        resource: ResourceId,
        user: Pseudonym,
        last_ms: u64,
        state: &str,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO abuse_end_user (resource, end_user, last_ms, state)
                   VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT DO UPDATE SET last_ms = excluded.last_ms, state = excluded.state";
        let values = params![resource.as_bytes(), user.0, last_ms, state];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Deletes the state of an end user.
    pub(crate) fn forget_abuse_end_user(
        &self,
        resource: ResourceId,
        user: Pseudonym,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM abuse_end_user WHERE resource = ?1 AND end_user = ?2";
        self.connection.prepare_cached(sql)?.execute(params![resource.as_bytes(), user.0])?;
        Ok(())
    }

    /// Deletes the state of the end user whose last request is the oldest.
    pub(crate) fn forget_least_recent_abuse_end_user(
        &self,
        resource: ResourceId,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM abuse_end_user WHERE resource = ?1 AND end_user = (
                     SELECT end_user FROM abuse_end_user WHERE resource = ?1
                     ORDER BY last_ms, end_user LIMIT 1)";
        self.connection.prepare_cached(sql)?.execute([resource.as_bytes()])?;
        Ok(())
    }

    /// Adds requests to a day.
    pub(crate) fn add_abuse_requests(
        &self,
        resource: ResourceId,
        day: u64,
        requests: u64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO abuse_day (resource, day, requests, flags) VALUES (?1, ?2, ?3, 0)
                   ON CONFLICT DO UPDATE SET requests = requests + excluded.requests";
        self.connection.prepare_cached(sql)?.execute(params![
            resource.as_bytes(),
            day,
            requests
        ])?;
        Ok(())
    }

    /// Adds a flag to a day.
    pub(crate) fn add_abuse_flag(&self, resource: ResourceId, day: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO abuse_day (resource, day, requests, flags) VALUES (?1, ?2, 0, 1)
                   ON CONFLICT DO UPDATE SET flags = flags + 1";
        self.connection.prepare_cached(sql)?.execute(params![resource.as_bytes(), day])?;
        Ok(())
    }

    /// Adds a finding to a day.
    pub(crate) fn add_abuse_finding(
        &self,
        resource: ResourceId,
        day: u64,
        finding: AbuseFinding,
    ) -> Result<(), StoreError> {
        let AbuseFinding { side, category, severity, filtered } = finding;
        let sql = "INSERT INTO abuse_finding (resource, day, side, category, severity, filtered,
                        requests) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                   ON CONFLICT DO UPDATE SET requests = requests + 1";
        let values = params![resource.as_bytes(), day, side, category, severity, filtered];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
