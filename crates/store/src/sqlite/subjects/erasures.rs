//! Erasures that were begun, and their certificates.

use policy::id::{KeyId, SubjectRequestId, TenantId};
use rusqlite::{OptionalExtension as _, params};
use tlog::{
    canon::Digest,
    erasure::{Kept, Line, Place},
};

use super::{Database, Write};
use crate::{
    custody::SubjectHash,
    error::StoreError,
    row::{Erased, ErasureRow},
};

/// The reasons in the order of their numbers.
const REASONS: [Kept; 4] = [Kept::FileAsked, Kept::CannotUnlearn, Kept::Evidence, Kept::WithFile];

fn position<T: PartialEq>(all: &[T], one: &T) -> Option<usize> {
    all.iter().position(|other| other == one)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ErasureRow> {
    let certificate: Option<Vec<u8>> = row.get(7)?;
    let entry: Option<u64> = row.get(8)?;
    Ok(ErasureRow {
        request: SubjectRequestId::from_random(row.get(0)?),
        tenant: TenantId::from_random(row.get(1)?),
        subject: Digest(row.get(2)?),
        officer: row.get(3)?,
        salt: row.get(4)?,
        files: row.get(5)?,
        started_ms: row.get(6)?,
        done: certificate.zip(entry),
    })
}

macro_rules! columns {
    () => {
        "SELECT id, tenant, subject, officer, salt, files, started_ms, certificate, entry
         FROM erasure "
    };
}

impl Database {
    /// Returns an erasure.
    pub(crate) fn erasure(
        &self,
        request: SubjectRequestId,
    ) -> Result<Option<ErasureRow>, StoreError> {
        let sql = concat!(columns!(), "WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([request.as_bytes()], row).optional()?)
    }

    /// Returns the erasures of a tenant, the newest first.
    pub(crate) fn erasures(&self, tenant: TenantId) -> Result<Vec<ErasureRow>, StoreError> {
        let sql = concat!(columns!(), "WHERE tenant = ?1 ORDER BY started_ms DESC, id");
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([tenant.as_bytes()], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the erasures that are not done.
    pub(crate) fn erasures_open(&self) -> Result<Vec<ErasureRow>, StoreError> {
        let sql = concat!(columns!(), "WHERE entry IS NULL ORDER BY id");
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the hashes of an erasure's data subject.
    pub(crate) fn erasure_hashes(
        &self,
        request: SubjectRequestId,
    ) -> Result<Vec<SubjectHash>, StoreError> {
        let sql = "SELECT hash FROM erasure_hash WHERE erasure = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([request.as_bytes()], |row| row.get(0).map(SubjectHash))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns whether a key of an erased record is not destroyed yet, or an erased object not removed.
    pub(crate) fn erasure_waits(&self, request: SubjectRequestId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (
                       SELECT 1 FROM erasure_entry e JOIN record_key k ON k.id = e.record_key
                       WHERE e.erasure = ?1 AND k.destroyed = 0)
                   OR EXISTS (
                       SELECT 1 FROM erasure_entry e JOIN object o ON o.id = e.object
                       WHERE e.erasure = ?1)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([request.as_bytes()], |row| row.get(0))?)
    }

    /// Returns the numbers of the log's entries about an erasure, in order.
    pub(crate) fn erasure_entries(
        &self,
        request: SubjectRequestId,
    ) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT idx FROM erasure_entry WHERE erasure = ?1 ORDER BY idx";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([request.as_bytes()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what an erasure counted, in the order of a certificate.
    pub(crate) fn erasure_lines(&self, request: SubjectRequestId) -> Result<Vec<Line>, StoreError> {
        let sql = "SELECT place, found, erased, kept FROM erasure_count WHERE erasure = ?1
                   ORDER BY place";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([request.as_bytes()], |row| {
            let (place, kept) = (row.get::<_, usize>(0)?, row.get::<_, Option<usize>>(3)?);
            Ok((place, row.get(1)?, row.get(2)?, kept))
        })?;
        let damaged = || StoreError::Damaged { what: "erasure_count" };
        let line = |row: rusqlite::Result<(usize, u64, u64, Option<usize>)>| {
            let (place, found, erased, kept) = row?;
            let place = Place::ALL.get(place).copied().ok_or_else(damaged)?;
            let kept = kept.map(|kept| REASONS.get(kept).copied().ok_or_else(damaged));
            Ok(Line { place, found, erased, kept: kept.transpose()? })
        };
        rows.map(line).collect()
    }
}

impl Write<'_> {
    /// Adds an erasure with the hashes of its data subject. Returns false if there is one for this
    /// request.
    pub(crate) fn add_erasure(
        &self,
        erasure: &ErasureRow,
        hashes: &[SubjectHash],
    ) -> Result<bool, StoreError> {
        let ErasureRow { request, tenant, subject, officer, salt, files, started_ms, .. } = erasure;
        let sql = "INSERT OR IGNORE INTO erasure
                       (id, tenant, subject, officer, salt, files, started_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let added = self.connection.prepare_cached(sql)?.execute(params![
            request.as_bytes(),
            tenant.as_bytes(),
            subject.0,
            officer,
            salt,
            files,
            started_ms
        ])?;
        if added == 0 {
            return Ok(false);
        }
        let sql = "INSERT OR IGNORE INTO erasure_hash (erasure, hash) VALUES (?1, ?2)";
        let mut statement = self.connection.prepare_cached(sql)?;
        for hash in hashes {
            statement.execute(params![request.as_bytes(), hash.0])?;
        }
        Ok(true)
    }

    /// Adds to what an erasure counts in one place.
    pub(crate) fn count_erased(
        &self,
        request: SubjectRequestId,
        line: &Line,
    ) -> Result<(), StoreError> {
        let Line { place, found, erased, kept } = line;
        let sql = "INSERT INTO erasure_count (erasure, place, found, erased, kept)
                   VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO UPDATE SET found = found + excluded.found,
                       erased = erased + excluded.erased,
                       kept = coalesce(excluded.kept, kept)";
        let kept = kept.as_ref().and_then(|kept| position(&REASONS, kept));
        let place = position(&Place::ALL, place);
        let values = params![request.as_bytes(), place, found, erased, kept];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Notes an entry of the log about an erasure.
    pub(crate) fn note_erased(
        &self,
        request: SubjectRequestId,
        index: u64,
        erased: Erased,
    ) -> Result<(), StoreError> {
        let (key, object): (Option<KeyId>, _) = match erased {
            Erased::Record(key) => (Some(key), None),
            Erased::Object(object) => (None, Some(object)),
        };
        let sql = "INSERT OR IGNORE INTO erasure_entry (erasure, idx, record_key, object)
                   VALUES (?1, ?2, ?3, ?4)";
        let (key, object) = (key.map(|key| *key.as_bytes()), object.map(|id| *id.as_bytes()));
        self.connection.prepare_cached(sql)?.execute(params![
            request.as_bytes(),
            index,
            key,
            object
        ])?;
        Ok(())
    }

    /// Stores the certificate of an erasure, and deletes what is needed no longer: above all the hashes
    /// of the data subject. Returns false if it was done before.
    pub(crate) fn certify(
        &self,
        request: SubjectRequestId,
        certificate: &[u8],
        entry: u64,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE erasure SET certificate = ?2, entry = ?3
                   WHERE id = ?1 AND entry IS NULL";
        let values = params![request.as_bytes(), certificate, entry];
        if self.connection.prepare_cached(sql)?.execute(values)? == 0 {
            return Ok(false);
        }
        for sql in [
            "DELETE FROM erasure_hash WHERE erasure = ?1",
            "DELETE FROM erasure_count WHERE erasure = ?1",
            "DELETE FROM erasure_entry WHERE erasure = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([request.as_bytes()])?;
        }
        Ok(true)
    }
}
