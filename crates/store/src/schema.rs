//! The tables, and how an older database becomes a current one.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// Each step takes the database from the format of its place in the list to the next; a step that
/// was released is never edited.
const MIGRATIONS: &[&str] = &[
    // 1: what is needed to answer a request. `STRICT`, so that a column holds what it says. No
    // `ON DELETE CASCADE`: deleting what others need is refused, not carried on.
    "
    CREATE TABLE tenant (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE resource (
        id BLOB PRIMARY KEY,
        tenant BLOB NOT NULL REFERENCES tenant (id),
        name TEXT NOT NULL UNIQUE,
        region TEXT NOT NULL,
        key1 BLOB NOT NULL UNIQUE,
        key1_created_at INTEGER NOT NULL,
        key2 BLOB NOT NULL UNIQUE,
        key2_created_at INTEGER NOT NULL,
        prefix_cache INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX resource_tenant ON resource (tenant);

    CREATE TABLE model (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        path BLOB NOT NULL,
        sha256 TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        architecture TEXT NOT NULL,
        model_name TEXT,
        parameters INTEGER NOT NULL,
        context_train INTEGER NOT NULL,
        embedding_length INTEGER NOT NULL,
        vocabulary INTEGER NOT NULL,
        generates INTEGER NOT NULL,
        chat_template INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE deployment (
        id BLOB PRIMARY KEY,
        resource BLOB NOT NULL REFERENCES resource (id),
        name TEXT NOT NULL,
        model BLOB NOT NULL REFERENCES model (id),
        task TEXT NOT NULL,
        sku TEXT NOT NULL,
        tokens_per_minute INTEGER NOT NULL,
        requests_per_minute INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (resource, name)
    ) STRICT;
    CREATE INDEX deployment_model ON deployment (model);

    CREATE TABLE admin_key (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        digest BLOB NOT NULL
    ) STRICT;
    ",
];

/// Brings the database to the current format.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    // Immediate: two processes that open a new directory at once must not both create the tables.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
