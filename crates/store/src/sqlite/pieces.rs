//! Stores sealed records in pieces of one size, of which a whole number fills a page of the
//! database.
//!
//! SQLite does not divide a row that fits a page, so rows of one or two kilobytes leave up to half
//! of each page empty. Pieces of one size leave no gaps. Only a record's last bytes, which are in
//! the record's own row, have another size. A long record begins with one long piece. SQLite stores
//! most of this piece on pages of its own, filled to the last byte; the rest takes as much of a
//! shared page as any other piece.

use rusqlite::{Connection, params};

use crate::error::StoreError;

/// Bytes of a piece. Six pieces fill a page of 4096 bytes: the page header takes 8 bytes, and each
/// piece up to 14 for its cell pointer, row id and length. Shorter pieces mean more pieces per
/// record. Longer pieces mean longer last bytes in the records' own rows, and more unused space on
/// the pages of these rows. Older databases contain pieces of other sizes, which are read in the
/// same way.
const PIECE_BYTES: usize = 667;

/// Bytes of a long row on each overflow page: the page less the number of the next one
/// (<https://www.sqlite.org/fileformat2.html#cell_payload_overflow_pages>).
const OVERFLOW_BYTES: usize = 4096 - 4;

/// Bytes of a long piece that stay with its row: as many as a piece has, less the number of the
/// first overflow page and the longer length fields.
const STAYING_BYTES: usize = PIECE_BYTES - 8;

/// The part of a stored record that is in its own row.
#[derive(Debug)]
pub(super) struct Kept<'b> {
    /// Row id of the first piece.
    pub(super) first: u64,
    /// Number of pieces; their row ids are consecutive.
    pub(super) count: u64,
    /// Bytes after the last piece.
    pub(super) tail: &'b [u8],
}

/// Writes a record's pieces, and returns the values for its own row.
pub(super) fn write<'b>(database: &Connection, bytes: &'b [u8]) -> Result<Kept<'b>, StoreError> {
    // A row id would cost bytes, so a record without pieces has 0 there.
    if bytes.len() < PIECE_BYTES {
        return Ok(Kept { first: 0, count: 0, tail: bytes });
    }
    let (long, rest) = bytes.split_at(long_piece(bytes.len()));
    let (pieces, tail) = rest.as_chunks::<PIECE_BYTES>();
    let pieces =
        (!long.is_empty()).then_some(long).into_iter().chain(pieces.iter().map(|p| &p[..]));
    let first: u64 = database
        .prepare_cached("SELECT coalesce(max(id) + 1, 0) FROM record_piece")?
        .query_row([], |row| row.get(0))?;
    let mut insert =
        database.prepare_cached("INSERT INTO record_piece (id, bytes) VALUES (?1, ?2)")?;
    let mut count = 0;
    for (id, piece) in (first..).zip(pieces) {
        insert.execute(params![id, piece])?;
        count += 1;
    }
    Ok(Kept { first, count, tail })
}

/// Returns the bytes of a record's long piece, or 0 if the piece would not fill an overflow page.
fn long_piece(record: usize) -> usize {
    match record.saturating_sub(STAYING_BYTES) / OVERFLOW_BYTES {
        0 => 0,
        pages => pages.saturating_mul(OVERFLOW_BYTES).saturating_add(STAYING_BYTES),
    }
}

/// Returns a record, joined from its pieces and its last bytes.
pub(super) fn read(database: &Connection, kept: &Kept<'_>) -> Result<Vec<u8>, StoreError> {
    let mut select = database
        .prepare_cached("SELECT bytes FROM record_piece WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = select.query([kept.first, kept.first.saturating_add(kept.count)])?;
    let mut bytes = Vec::new();
    // The record is sealed, so opening it detects a missing piece.
    while let Some(row) = rows.next()? {
        bytes.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
    }
    bytes.extend_from_slice(kept.tail);
    Ok(bytes)
}

/// Deletes some of a span's records with their pieces. Returns whether more may be left.
pub(super) fn delete_some(database: &Connection, span: i64) -> Result<bool, StoreError> {
    let records: Vec<(i64, u64, u64)> = database
        .prepare_cached("SELECT idx, piece, pieces FROM record WHERE span = ?1 LIMIT ?2")?
        .query_map(params![span, TOGETHER_MAX], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut pieces =
        database.prepare_cached("DELETE FROM record_piece WHERE id >= ?1 AND id < ?2")?;
    let mut record = database.prepare_cached("DELETE FROM record WHERE idx = ?1")?;
    for (index, first, count) in &records {
        pieces.execute([*first, first.saturating_add(*count)])?;
        record.execute([index])?;
    }
    Ok(records.len() == TOGETHER_MAX)
}

/// Deletes the pieces of one record.
pub(super) fn delete(database: &Connection, first: u64, count: u64) -> Result<(), StoreError> {
    database
        .prepare_cached("DELETE FROM record_piece WHERE id >= ?1 AND id < ?2")?
        .execute([first, first.saturating_add(count)])?;
    Ok(())
}

/// Most records that are deleted in one transaction: requests that end meanwhile wait for it.
const TOGETHER_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_and_go_with_their_span() {
        let mut database = Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE TABLE record_piece (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
                 CREATE TABLE record (
                    idx INTEGER PRIMARY KEY, span INTEGER, piece INTEGER, pieces INTEGER);",
            )
            .unwrap();
        let tx = database.transaction().unwrap();
        let sizes = [0, 1, 666, 667, 668, 1334, 4750, 4751, 4752, 5000, 8842, 8843, 8844, 300_000];
        let records = sizes.map(|size| (0..size).map(|n: u32| (n % 251) as u8).collect::<Vec<_>>());
        let kept: Vec<_> = records.iter().map(|record| write(&tx, record).unwrap()).collect();
        for (span, (record, kept)) in (0_i64..).zip(records.iter().zip(&kept)) {
            assert_eq!(&read(&tx, kept).unwrap(), record);
            assert!(kept.tail.len() < PIECE_BYTES);
            tx.execute(
                "INSERT INTO record (span, piece, pieces) VALUES (?1, ?2, ?3)",
                params![span % 2, kept.first, kept.count],
            )
            .unwrap();
        }
        let left = || -> u64 {
            tx.query_row("SELECT count(*) FROM record_piece", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(left(), kept.iter().map(|kept| kept.count).sum::<u64>());
        assert!(!delete_some(&tx, 1).unwrap());
        assert_eq!(left(), kept.iter().step_by(2).map(|kept| kept.count).sum::<u64>());
        assert!(!delete_some(&tx, 0).unwrap());
        assert_eq!(left(), 0);
        for n in 0..TOGETHER_MAX {
            tx.execute("INSERT INTO record (span, piece, pieces) VALUES (7, ?1, 1)", [n]).unwrap();
        }
        assert!(delete_some(&tx, 7).unwrap(), "nobody has looked further");
        assert!(!delete_some(&tx, 7).unwrap());
    }

    /// Such pieces are in databases of earlier versions.
    #[test]
    fn pieces_of_another_size_are_read_and_deleted() {
        let mut database = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE record_piece (id INTEGER PRIMARY KEY, bytes BLOB) STRICT";
        database.execute_batch(table).unwrap();
        let tx = database.transaction().unwrap();
        let record: Vec<u8> = (0..6000_u32).map(|n| (n % 251) as u8).collect();
        let (long, rest) = record.split_at(1000 + OVERFLOW_BYTES);
        let insert = "INSERT INTO record_piece (id, bytes) VALUES (?1, ?2)";
        tx.execute(insert, params![4, long]).unwrap();
        tx.execute(insert, params![5, &rest[..800]]).unwrap();
        let now = write(&tx, &record).unwrap();
        let earlier = Kept { first: 4, count: 2, tail: &rest[800..] };
        assert_eq!(read(&tx, &earlier).unwrap(), record);
        delete(&tx, 4, 2).unwrap();
        assert_eq!(read(&tx, &now).unwrap(), record);
        assert_ne!(read(&tx, &earlier).unwrap(), record);
    }

    /// The growth of the file for each record, beyond the record's size: a half-empty page would
    /// cost two kilobytes.
    #[test]
    fn long_records_fill_their_pages() {
        for size in [667, 1008, 2100, 4000, 4750, 4751, 8000, 16_000, 40_000] {
            let mut database = Connection::open_in_memory().unwrap();
            let table = "CREATE TABLE record_piece (id INTEGER PRIMARY KEY, bytes BLOB) STRICT";
            database.execute_batch(table).unwrap();
            let tx = database.transaction().unwrap();
            let records = 400;
            let mut tails = 0;
            for _ in 0..records {
                tails += write(&tx, &vec![7; size]).unwrap().tail.len();
            }
            let pages: usize = tx
                .query_row("SELECT page_count FROM pragma_page_count", [], |row| row.get(0))
                .unwrap();
            let more = (pages * 4096 + tails) / records - size;
            // Four bytes for each overflow page, a cell for each of at most seven pieces, and the
            // pages that index these.
            assert!(more <= 136 + 4 * (size / OVERFLOW_BYTES), "{size}: {more}");
        }
    }
}
