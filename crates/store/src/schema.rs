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
    // 2: records, receipts, usage and the log.
    "
    -- How long content is kept; `ContentLogging` with since when and by which approval.
    ALTER TABLE resource ADD COLUMN retention_days INTEGER NOT NULL DEFAULT 30;
    ALTER TABLE resource ADD COLUMN content_logging INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE resource ADD COLUMN content_logging_since_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE resource ADD COLUMN content_logging_approval BLOB;
    UPDATE resource SET content_logging_since_ms = created_at * 1000;

    -- The log's length, and the clock that never runs backwards.
    CREATE TABLE log_head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        next INTEGER NOT NULL,
        clock BLOB NOT NULL
    ) STRICT;

    -- Entries that are not yet in a full bundle on disk.
    CREATE TABLE log_entry (
        idx INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;

    -- What the commitments of changes open to: the operator's to show.
    CREATE TABLE log_opening (
        idx INTEGER PRIMARY KEY,
        salt BLOB NOT NULL,
        state TEXT NOT NULL
    ) STRICT;

    -- Terms of receipts: the same for many requests.
    CREATE TABLE terms (
        id INTEGER PRIMARY KEY,
        resource BLOB NOT NULL,
        bytes BLOB NOT NULL UNIQUE
    ) STRICT;

    CREATE TABLE receipt (
        idx INTEGER PRIMARY KEY,
        request BLOB NOT NULL,
        terms INTEGER NOT NULL REFERENCES terms (id),
        salt BLOB NOT NULL,
        facts BLOB NOT NULL
    ) STRICT;
    CREATE INDEX receipt_request ON receipt (request);

    -- Keys that records are sealed to, as the log knows them.
    CREATE TABLE record_key (
        id BLOB PRIMARY KEY,
        tenant BLOB NOT NULL,
        deadline_ms INTEGER NOT NULL,
        destroyed INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    CREATE TABLE span (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL REFERENCES record_key (id),
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE INDEX span_key ON span (key);

    CREATE TABLE record (
        idx INTEGER PRIMARY KEY,
        span INTEGER NOT NULL REFERENCES span (id),
        position INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE INDEX record_span ON record (span);

    CREATE TABLE usage (
        tenant BLOB NOT NULL,
        resource BLOB NOT NULL,
        deployment BLOB NOT NULL,
        caller TEXT NOT NULL,
        hour INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL,
        completion_tokens INTEGER NOT NULL,
        PRIMARY KEY (hour, tenant, resource, deployment, caller)
    ) STRICT, WITHOUT ROWID;
    ",
    // 3: where each day begins in the log, so that what is kept for a time is found by its number.
    "
    CREATE TABLE log_day (
        day INTEGER PRIMARY KEY,
        first INTEGER NOT NULL
    ) STRICT;
    ",
    // 4: resources that take tokens only.
    "
    ALTER TABLE resource ADD COLUMN disable_local_auth INTEGER NOT NULL DEFAULT 0;
    ",
    // 5: which networks a resource answers; one rule a line.
    "
    ALTER TABLE resource ADD COLUMN public_network_access TEXT NOT NULL DEFAULT 'Enabled';
    ALTER TABLE resource ADD COLUMN network_default_action TEXT NOT NULL DEFAULT 'Allow';
    ALTER TABLE resource ADD COLUMN ip_rules TEXT NOT NULL DEFAULT '';
    ",
    // 6: workflows, and who takes part in them.
    "
    -- Several texts may belong to one entry.
    CREATE TABLE opening (
        idx INTEGER NOT NULL,
        place INTEGER NOT NULL,
        salt BLOB NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (idx, place)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO opening (idx, place, salt, state) SELECT idx, 0, salt, state FROM log_opening;
    DROP TABLE log_opening;
    ALTER TABLE opening RENAME TO log_opening;

    CREATE TABLE workflow (
        kind TEXT NOT NULL,
        id BLOB NOT NULL,
        state TEXT NOT NULL,
        due_ms INTEGER,
        PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;

    -- Where the log tells of a grant.
    CREATE TABLE grant_entry (
        grant_id BLOB PRIMARY KEY,
        approved INTEGER,
        consented INTEGER,
        looked INTEGER
    ) STRICT;

    -- People and programs, by the random ids that the log has of them.
    CREATE TABLE principal (
        id BLOB PRIMARY KEY,
        kind TEXT NOT NULL,
        tenant BLOB NOT NULL REFERENCES tenant (id),
        oid BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (tenant, oid)
    ) STRICT;

    -- Roles, at the service (an empty id), a tenant, a resource or a deployment.
    CREATE TABLE role_assignment (
        principal BLOB NOT NULL REFERENCES principal (id),
        role TEXT NOT NULL,
        scope TEXT NOT NULL,
        scope_id BLOB NOT NULL,
        PRIMARY KEY (principal, role, scope, scope_id)
    ) STRICT, WITHOUT ROWID;

    -- Teams of reviewers, and who is in which.
    CREATE TABLE team (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE team_member (
        person BLOB PRIMARY KEY REFERENCES principal (id),
        team BLOB NOT NULL REFERENCES team (id)
    ) STRICT;

    -- Until when an approval switches content logging off; and whether the customer consents to looks.
    ALTER TABLE resource ADD COLUMN content_logging_until_ms INTEGER;
    ALTER TABLE resource ADD COLUMN lockbox INTEGER NOT NULL DEFAULT 0;
    ",
    // 7: the list of destinations, as the log tells of it.
    "
    CREATE TABLE egress_list (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        state TEXT NOT NULL
    ) STRICT;
    ",
    // 8: where records are stored, as receipts say it: the same for many.
    "
    CREATE TABLE stored (
        id INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL UNIQUE
    ) STRICT;
    ALTER TABLE receipt ADD COLUMN stored INTEGER REFERENCES stored (id);
    ",
    // 9: sealed records in pieces that fill pages; `record.bytes` is what comes after them.
    "
    CREATE TABLE record_piece (
        id INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
    ALTER TABLE record ADD COLUMN piece INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE record ADD COLUMN pieces INTEGER NOT NULL DEFAULT 0;
    ",
    // 10: which entry of the log says what came out of proving a policy set, and the report.
    "
    CREATE TABLE proof (
        policies BLOB PRIMARY KEY,
        idx INTEGER NOT NULL,
        decided INTEGER NOT NULL,
        report TEXT NOT NULL
    ) STRICT;
    ",
    // 11: records that their owners deleted. `retired`: nothing is sealed to the key any more, and
    // it is about to be destroyed; `shredded`: the record's key is not in its span any more.
    "
    ALTER TABLE record_key ADD COLUMN retired INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE deletion (
        idx INTEGER PRIMARY KEY,
        span INTEGER NOT NULL REFERENCES span (id),
        position INTEGER NOT NULL,
        shredded INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX deletion_span ON deletion (span);
    CREATE INDEX deletion_due ON deletion (span) WHERE shredded = 0;
    ",
    // 12: which entry of the log tells of a deletion; and for which of them a key is retired. The
    // custodian destroys it for that one. Entries of before name no key: theirs go at their deadline.
    "
    ALTER TABLE deletion ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE record_key ADD COLUMN retired_by INTEGER NOT NULL DEFAULT 0;
    ",
    // 13: requests are found by the time that their ids begin with (`RequestId::at`): one of a few
    // dozen rows at most, as many as began in one millisecond. An index of whole ids would keep the
    // rest of each twice. It serves whoever asks for `substr(request, 1, 6)` in these very words.
    "
    DROP INDEX receipt_request;
    CREATE INDEX receipt_request ON receipt (substr(request, 1, 6));
    ",
    // 14: what owners did with their records, for them to see. `idx` is the log's entry that tells of
    // it, `record` that of the request.
    "
    CREATE TABLE own_act (
        idx INTEGER PRIMARY KEY,
        resource BLOB NOT NULL,
        record INTEGER NOT NULL,
        deleted INTEGER NOT NULL,
        at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX own_act_resource ON own_act (resource, idx);
    CREATE INDEX own_act_record ON own_act (record);
    ",
    // 15: refused and failed requests apart from those that were served, and tokens that a cache held.
    "
    ALTER TABLE usage ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE usage ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE usage ADD COLUMN cached_tokens INTEGER NOT NULL DEFAULT 0;
    ",
    // 16: the key directory that this database is bound to, by the id in its marker file. `made`: it
    // was there, with all keys that should be; `replaced`: it takes the place of one that is lost.
    // And whether a checkpoint was ever published: then one that is not there is missing.
    "
    CREATE TABLE key_directory (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        id BLOB NOT NULL,
        made INTEGER NOT NULL,
        replaced INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE log_published (
        one INTEGER PRIMARY KEY CHECK (one = 1)
    ) STRICT;
    -- Logs that ended before this one: the entry that says so, and the note that ended each.
    CREATE TABLE succession (
        idx INTEGER PRIMARY KEY,
        old TEXT NOT NULL,
        ended TEXT NOT NULL
    ) STRICT;
    -- That this is a backup, and no service may run on it before it is restored.
    CREATE TABLE backup_copy (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        made_ms INTEGER NOT NULL
    ) STRICT;
    ",
];

/// Tables that are small, and that every request needs: a look at each page of them is cheap.
const CHECKED: [&str; 8] =
    ["tenant", "resource", "model", "deployment", "log_head", "log_entry", "record_key", "span"];

/// Looks for damage that would otherwise show in the middle of a request.
///
/// # Errors
/// When there is any.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    whole(connection, &CHECKED)
}

/// Looks for damage where that takes a moment only, while requests wait.
///
/// # Errors
/// When there is any.
pub(crate) fn glance(connection: &Connection) -> Result<(), StoreError> {
    whole(connection, &["tenant", "resource", "model", "deployment", "log_head", "log_entry"])
}

fn whole(connection: &Connection, tables: &[&'static str]) -> Result<(), StoreError> {
    for table in tables {
        let found: String = connection.query_row(
            "SELECT quick_check FROM pragma_quick_check WHERE arg = ?1",
            [table],
            |row| row.get(0),
        )?;
        if found != "ok" {
            return Err(StoreError::Damaged { what: table });
        }
    }
    Ok(())
}

/// Whether the database has the current format; an older one is brought to it at a start.
pub(crate) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found == known)
}

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

#[cfg(test)]
mod tests;
