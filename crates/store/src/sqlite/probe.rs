//! Looks into the database and damages it, for the tests of other modules.

use rusqlite::Params;

use super::Database;

impl Database {
    /// Counts the rows of a table, or of a table with a condition.
    pub(crate) fn count(&self, rows: &str) -> u64 {
        let sql = format!("SELECT count(*) FROM {rows}");
        self.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    /// Returns the salt and the text that an entry's first commitment opens to.
    pub(crate) fn opening(&self, index: u64) -> ([u8; 16], String) {
        let sql = "SELECT salt, state FROM log_opening WHERE idx = ?1 AND place = 0";
        self.connection.query_row(sql, [index], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }

    /// Changes rows as no operation does, and returns their number.
    pub(crate) fn tamper(&self, sql: &str, values: impl Params) -> usize {
        self.connection.execute(sql, values).unwrap()
    }

    /// Returns all values of a column of bytes.
    pub(crate) fn blobs(&self, table: &str, column: &str) -> Vec<Vec<u8>> {
        let mut statement =
            self.connection.prepare(&format!("SELECT {column} FROM {table}")).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Returns all bytes of this length in any column of any table.
    pub(crate) fn all_blobs(&self, length: usize) -> Vec<Vec<u8>> {
        let columns = "SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p
                       WHERE m.type = 'table' AND p.type = 'BLOB'";
        let mut statement = self.connection.prepare(columns).unwrap();
        let columns: Vec<(String, String)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let all = columns.iter().flat_map(|(table, column)| {
            let where_long = format!("{table} WHERE length({column}) = {length}");
            self.blobs(&where_long, column)
        });
        all.collect()
    }

    /// Turns each term into a regular expression that does not compile.
    pub(crate) fn break_terms(&self) {
        self.tamper("UPDATE blocklist_item SET regex = 1, pattern = '('", []);
    }

    /// Copies the write-ahead log into the database's file, and truncates it.
    pub(crate) fn checkpoint(&self) {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    }

    /// Returns the bytes of all pages in use.
    pub(crate) fn bytes_used(&self) -> u64 {
        let sql = "SELECT (page_count - freelist_count) * page_size
                   FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}
