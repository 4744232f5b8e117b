//! The files of a database, its format, and the border of this module.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::*;

/// Closing any descriptor of a file drops all locks of the process on it.
#[test]
fn the_files_are_closed_to_others_without_being_opened() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let database = Database::open(&data).unwrap();
    database.connection.execute_batch("CREATE TABLE a (b)").unwrap();
    let mode = |name| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    for name in FILES {
        assert_eq!(mode(name), 0o600, "{name}");
        fs::set_permissions(data.join(name), Permissions::from_mode(0o666)).unwrap();
    }
    Database::open(&data).unwrap();
    for name in FILES {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

/// The flags in `.cargo/config.toml` reach SQLite; of `HAVE_FDATASYNC`, SQLite reports nothing.
#[test]
fn sqlite_is_built_with_our_flags() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::open(home.path()).unwrap();
    let sql = "SELECT sqlite_compileoption_used('DEFAULT_MEMSTATUS=0')";
    assert!(database.connection.query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap());
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let database = Database::open(home.path()).unwrap();
    database.connection.pragma_update(None, "user_version", 99).unwrap();
    let newer = |result| matches!(result, Err(StoreError::Newer { found: 99, .. }));
    assert!(newer(Database::open(home.path()).map(drop)));
    assert!(newer(database.is_current().map(drop)));
}

/// A transaction that is not committed changes nothing, and lets the next one write.
#[test]
fn what_is_not_committed_is_undone() {
    let home = tempfile::tempdir().unwrap();
    let mut database = Database::open(home.path()).unwrap();
    let tx = database.write().unwrap();
    tx.set_egress_list("a").unwrap();
    assert_eq!(tx.egress_list().unwrap().as_deref(), Some("a"), "it sees its own changes");
    drop(tx);
    assert_eq!(database.egress_list().unwrap(), None);
    let tx = database.write().unwrap();
    tx.set_egress_list("b").unwrap();
    let mut other = Database::reopen(home.path()).unwrap();
    assert_eq!(other.egress_list().unwrap(), None, "other connections do not see them");
    assert!(matches!(other.write(), Err(StoreError::Busy)), "one writer at a time");
    tx.commit().unwrap();
    assert_eq!(other.egress_list().unwrap().as_deref(), Some("b"));
    other.refuse_writes().unwrap();
    assert!(other.write().and_then(|tx| tx.set_egress_list("c")).is_err());
}

#[test]
fn a_read_transaction_sees_one_moment() {
    let home = tempfile::tempdir().unwrap();
    let mut database = Database::open(home.path()).unwrap();
    let mut other = Database::open(home.path()).unwrap();
    let read = database.read().unwrap();
    assert_eq!(read.egress_list().unwrap(), None);
    let tx = other.write().unwrap();
    tx.set_egress_list("a").unwrap();
    tx.commit().unwrap();
    assert_eq!(read.egress_list().unwrap(), None, "as before");
    drop(read);
    assert_eq!(database.egress_list().unwrap().as_deref(), Some("a"));
}

/// Files outside this module with SQL in them: tests that look at the database as another program
/// does, or damage it, and a measurement.
const SPEAK_SQL: [&str; 19] = [
    "server/tests/it/broken.rs",
    "server/tests/it/chaos.rs",
    "server/tests/it/doctor.rs",
    "server/tests/it/forged.rs",
    "server/tests/it/kills.rs",
    "server/tests/it/records.rs",
    "server/tests/it/signed/promised.rs",
    "store/examples/shred.rs",
    "store/src/doctor/tests.rs",
    "store/src/held/tests.rs",
    "store/src/ledger/tests.rs",
    "store/src/ledger/tests/intact.rs",
    "store/src/ledger/tests/objects.rs",
    "store/src/ledger/tests/objects/ends.rs",
    "store/src/ledger/tests/objects/lines.rs",
    "store/src/ledger/tests/own.rs",
    "store/src/proofs/tests.rs",
    "store/src/workflow/tests.rs",
    "store/tests/crash.rs",
];

/// PostgreSQL can stand beside this module only if no other module has SQL or names the driver.
#[test]
fn sql_stands_in_this_module_only() {
    assert!(speaks_sql("let sql = \"SELECT 1\";") && speaks_sql("\"\n   update a\n  SET b = 1\""));
    assert!(speaks_sql("use rusqlite::Row;") && speaks_sql("(\"PRAGMA page_size\")"));
    assert!(!speaks_sql("// Select a key, delete from the end.\n\"update it\" \"select one of:\""));
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for path in files(crates) {
        let name = path.strip_prefix(crates).unwrap().to_str().unwrap();
        let is_here = name == "store/src/sqlite.rs" || name.starts_with("store/src/sqlite/");
        if !is_here && speaks_sql(&fs::read_to_string(&path).unwrap()) {
            found.push(name.to_owned());
        }
    }
    found.sort_unstable();
    assert_eq!(found, SPEAK_SQL);
}

/// Returns whether a file names the driver, or has a literal that begins like a statement.
fn speaks_sql(text: &str) -> bool {
    let begins = |literal: &str, words: &[&str]| {
        let mut found = literal.split_whitespace().map(str::to_ascii_uppercase);
        words.iter().all(|word| found.next().is_some_and(|next| *word == "*" || next == *word))
    };
    let is_sql = |literal: &str| {
        let upper = literal.trim_start().starts_with("SELECT");
        let statements: [&[&str]; 8] = [
            &["INSERT", "INTO"],
            &["INSERT", "OR"],
            &["DELETE", "FROM"],
            &["UPDATE", "*", "SET"],
            &["CREATE", "TABLE"],
            &["BEGIN", "IMMEDIATE"],
            &["VACUUM"],
            &["PRAGMA"],
        ];
        upper || statements.iter().any(|words| begins(literal, words))
    };
    text.contains("rusqlite") || text.split(['"', '\'']).any(is_sql)
}

/// Returns the source files of all crates.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}
