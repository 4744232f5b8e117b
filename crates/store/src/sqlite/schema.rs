//! The tables, and the migration of an older database to the current format.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// The migration steps. The step at index n takes the database from format n to format n + 1. A
/// released step is never edited.
const MIGRATIONS: &[&str] = &[
    // 1: the tables that a request needs. `STRICT`, so that a column holds only values of its type.
    // No `ON DELETE CASCADE`: the database refuses to delete a row to which other rows refer.
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
    // 3: the first log entry of each day. The sweep finds old receipts by their entry's number.
    "
    CREATE TABLE log_day (
        day INTEGER PRIMARY KEY,
        first INTEGER NOT NULL
    ) STRICT;
    ",
    // 4: resources that accept tokens only.
    "
    ALTER TABLE resource ADD COLUMN disable_local_auth INTEGER NOT NULL DEFAULT 0;
    ",
    // 5: the network rules of a resource. `ip_rules` has one rule per line.
    "
    ALTER TABLE resource ADD COLUMN public_network_access TEXT NOT NULL DEFAULT 'Enabled';
    ALTER TABLE resource ADD COLUMN network_default_action TEXT NOT NULL DEFAULT 'Allow';
    ALTER TABLE resource ADD COLUMN ip_rules TEXT NOT NULL DEFAULT '';
    ",
    // 6: workflows, and the people and programs that take part in them.
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
    // 7: the list of destinations (egress), as recorded in the log.
    "
    CREATE TABLE egress_list (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        state TEXT NOT NULL
    ) STRICT;
    ",
    // 8: the place where a record is stored, as in its receipt. Many receipts share one row.
    "
    CREATE TABLE stored (
        id INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL UNIQUE
    ) STRICT;
    ALTER TABLE receipt ADD COLUMN stored INTEGER REFERENCES stored (id);
    ",
    // 9: sealed records in pieces that fill pages. `record.bytes` has the bytes after the pieces.
    "
    CREATE TABLE record_piece (
        id INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
    ALTER TABLE record ADD COLUMN piece INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE record ADD COLUMN pieces INTEGER NOT NULL DEFAULT 0;
    ",
    // 10: the result of proving a policy set: its log entry and the report.
    "
    CREATE TABLE proof (
        policies BLOB PRIMARY KEY,
        idx INTEGER NOT NULL,
        decided INTEGER NOT NULL,
        report TEXT NOT NULL
    ) STRICT;
    ",
    // 11: records that their owners deleted. `retired`: no more records are sealed to this key, and
    // it will be destroyed. `shredded`: the span no longer contains the record's key.
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
    // 12: `entry`: the log entry of a deletion. `retired_by`: the entry of the deletion for which a
    // key is retired; the custodian destroys the key for this entry. Older entries (0) name no key,
    // so their keys are destroyed at the deadline.
    "
    ALTER TABLE deletion ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE record_key ADD COLUMN retired_by INTEGER NOT NULL DEFAULT 0;
    ",
    // 13: finds a request by the time at the start of its id (`RequestId::at`), among the requests
    // of one millisecond, a few dozen rows at most. An index of whole ids would store the other
    // bytes of each id twice. SQLite uses it only for this exact expression:
    // `substr(request, 1, 6)`.
    "
    DROP INDEX receipt_request;
    CREATE INDEX receipt_request ON receipt (substr(request, 1, 6));
    ",
    // 14: the owners' reads and deletions of their records, shown to the owners. `idx` is the log
    // entry of the read or deletion, `record` the entry of the request.
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
    // 15: separate counts of refused and failed requests, and prompt tokens from the prefix cache.
    "
    ALTER TABLE usage ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE usage ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE usage ADD COLUMN cached_tokens INTEGER NOT NULL DEFAULT 0;
    ",
    // 16: the key directory of this database, by the id in the directory's marker file. `made`: the
    // directory existed and had all its keys. `replaced`: it replaces a lost one. `log_published`
    // has a row after the first checkpoint: from then on, an absent checkpoint is missing.
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
    // 17: the origin of a model's file, and the licence that its repository or the file names.
    "
    ALTER TABLE model ADD COLUMN source TEXT;
    ALTER TABLE model ADD COLUMN license TEXT;
    ",
    // 18: engines that are other programs, and the processors that operate them. A model that
    // engines serve has no file: its `path` and `sha256` are empty, and its `size_bytes` is 0.
    "
    -- `processor`, `country` and `contract` are NULL if the operator of this service operates it.
    -- `capabilities` has one name per line.
    CREATE TABLE engine (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        api TEXT NOT NULL,
        api_version TEXT,
        address TEXT NOT NULL,
        region TEXT NOT NULL,
        processor TEXT,
        country TEXT,
        contract TEXT,
        capabilities TEXT NOT NULL,
        prefix_cache TEXT NOT NULL,
        prefix_cache_tenant BLOB REFERENCES tenant (id),
        concurrency INTEGER NOT NULL,
        weight INTEGER NOT NULL,
        first_byte_ms INTEGER NOT NULL,
        silence_ms INTEGER NOT NULL,
        serving INTEGER NOT NULL,
        created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX engine_processor ON engine (processor);
    CREATE INDEX engine_prefix_cache_tenant ON engine (prefix_cache_tenant);

    -- The models of each engine, with the engine's own names for them.
    CREATE TABLE engine_model (
        engine BLOB NOT NULL REFERENCES engine (id),
        model BLOB NOT NULL REFERENCES model (id),
        served TEXT NOT NULL,
        PRIMARY KEY (engine, model)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX engine_model_model ON engine_model (model);

    -- The processors that a resource's customer allows, by name.
    CREATE TABLE resource_processor (
        resource BLOB NOT NULL REFERENCES resource (id),
        processor TEXT NOT NULL,
        person BLOB NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (resource, processor)
    ) STRICT, WITHOUT ROWID;

    -- The history of processors: which engines each operated, where and when. No reference to
    -- `engine`: the rows of deleted engines stay.
    CREATE TABLE processor_engine (
        id INTEGER PRIMARY KEY,
        engine BLOB NOT NULL,
        name TEXT NOT NULL,
        region TEXT NOT NULL,
        processor TEXT NOT NULL,
        country TEXT NOT NULL,
        contract TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        until_ms INTEGER
    ) STRICT;
    CREATE INDEX processor_engine_present ON processor_engine (engine) WHERE until_ms IS NULL;

    -- How many requests of each resource were sent to a processor. No reference to `resource`: the rows of
    -- deleted resources stay.
    CREATE TABLE processor_requests (
        processor TEXT NOT NULL,
        resource BLOB NOT NULL,
        requests INTEGER NOT NULL,
        PRIMARY KEY (processor, resource)
    ) STRICT, WITHOUT ROWID;

    -- The last entry of a change that hides nothing, so that it has no opening.
    CREATE TABLE open_change (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        idx INTEGER NOT NULL
    ) STRICT;
    ",
    // 19: the labels of requests that other engines get, as `policy::forward` writes them.
    "
    ALTER TABLE resource ADD COLUMN forward TEXT NOT NULL DEFAULT 'none';
    ",
    // 20: the deployment that takes the requests for which another one has no capacity.
    "
    ALTER TABLE deployment ADD COLUMN spillover BLOB REFERENCES deployment (id);
    CREATE INDEX deployment_spillover ON deployment (spillover);
    ",
    // 21: the blocklists of resources. `position` is the order in which the terms were added.
    "
    CREATE TABLE blocklist (
        id BLOB PRIMARY KEY,
        resource BLOB NOT NULL REFERENCES resource (id),
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        digest BLOB NOT NULL,
        terms INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (resource, name)
    ) STRICT;
    CREATE TABLE blocklist_item (
        blocklist BLOB NOT NULL REFERENCES blocklist (id),
        name TEXT NOT NULL,
        position INTEGER NOT NULL,
        regex INTEGER NOT NULL,
        pattern TEXT NOT NULL,
        PRIMARY KEY (blocklist, name)
    ) STRICT, WITHOUT ROWID;
    ",
    // 22: the content filters of resources, and the filter of a deployment: NULL for the built-in
    // one. Rules that are off have no row. A rule has a `category`, by Azure's name, or a
    // `blocklist`.
    "
    CREATE TABLE content_filter (
        id BLOB PRIMARY KEY,
        resource BLOB NOT NULL REFERENCES resource (id),
        name TEXT NOT NULL,
        mode TEXT NOT NULL,
        when_down TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        UNIQUE (resource, name)
    ) STRICT;
    CREATE TABLE content_filter_rule (
        id INTEGER PRIMARY KEY,
        filter BLOB NOT NULL REFERENCES content_filter (id),
        category TEXT,
        blocklist BLOB REFERENCES blocklist (id),
        side TEXT NOT NULL,
        action TEXT NOT NULL,
        threshold TEXT NOT NULL,
        CHECK ((category IS NULL) <> (blocklist IS NULL))
    ) STRICT;
    CREATE INDEX content_filter_rule_filter ON content_filter_rule (filter);
    CREATE INDEX content_filter_rule_blocklist ON content_filter_rule (blocklist);
    ALTER TABLE deployment ADD COLUMN content_filter BLOB REFERENCES content_filter (id);
    CREATE INDEX deployment_content_filter ON deployment (content_filter);
    ",
    // 25: abuse monitoring. No content: numbers, categories, and hashes under the tenant's key.
    "
    CREATE TABLE abuse_key (
        tenant BLOB PRIMARY KEY REFERENCES tenant (id),
        key BLOB NOT NULL,
        since_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE abuse_state (
        resource BLOB PRIMARY KEY REFERENCES resource (id),
        state TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE abuse_end_user (
        resource BLOB NOT NULL REFERENCES resource (id),
        end_user BLOB NOT NULL,
        last_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (resource, end_user)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX abuse_end_user_last ON abuse_end_user (resource, last_ms);

    CREATE TABLE abuse_day (
        resource BLOB NOT NULL REFERENCES resource (id),
        day INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        PRIMARY KEY (resource, day)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX abuse_day_day ON abuse_day (day);

    -- Findings of the content filter by day. All custom lists share one category.
    CREATE TABLE abuse_finding (
        resource BLOB NOT NULL REFERENCES resource (id),
        day INTEGER NOT NULL,
        side TEXT NOT NULL,
        category TEXT NOT NULL,
        severity TEXT NOT NULL,
        filtered INTEGER NOT NULL,
        requests INTEGER NOT NULL,
        PRIMARY KEY (resource, day, side, category, severity, filtered)
    ) STRICT, WITHOUT ROWID;
    ",
    // 24: what customers ask the service to keep. No content but the sealed head, which stands last:
    // lists do not read it.
    "
    CREATE TABLE object (
        id BLOB PRIMARY KEY,
        class INTEGER NOT NULL,
        tenant BLOB NOT NULL,
        resource BLOB NOT NULL,
        owner_kind INTEGER NOT NULL,
        owner BLOB NOT NULL,
        shared INTEGER NOT NULL,
        parent BLOB,
        request BLOB NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER,
        bytes INTEGER NOT NULL,
        state INTEGER NOT NULL,
        label TEXT NOT NULL,
        revision INTEGER NOT NULL,
        -- The log calls it destroyed: its key, its body and its row are about to be removed.
        gone INTEGER NOT NULL DEFAULT 0,
        -- The database was restored from a backup, and the key was not looked for yet.
        restored INTEGER NOT NULL DEFAULT 0,
        head_revision INTEGER NOT NULL,
        head BLOB NOT NULL
    ) STRICT;
    CREATE INDEX object_class ON object (resource, class, created_ms, id);
    CREATE INDEX object_created ON object (resource, created_ms, id);
    CREATE INDEX object_parent ON object (parent) WHERE parent IS NOT NULL;
    CREATE INDEX object_expires ON object (expires_ms) WHERE expires_ms IS NOT NULL;
    CREATE INDEX object_state ON object (class, state);
    CREATE INDEX object_gone ON object (gone) WHERE gone = 1;

    CREATE TABLE object_count (
        resource BLOB PRIMARY KEY,
        objects INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER object_added AFTER INSERT ON object BEGIN
        INSERT INTO object_count (resource, objects) VALUES (NEW.resource, 1)
            ON CONFLICT (resource) DO UPDATE SET objects = objects + 1;
    END;
    CREATE TRIGGER object_removed AFTER DELETE ON object BEGIN
        UPDATE object_count SET objects = objects - 1 WHERE resource = OLD.resource;
    END;
    ",
    // 25: what a resource keeps under zero retention (classes of objects, one bit for each), and
    // whether it stores chat completions; the roles that a token claimed when an object was made.
    "
    ALTER TABLE resource ADD COLUMN content_logging_keeps INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE resource ADD COLUMN stored_completions INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE object ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
    ",
    // 26: the results of batches' lines, sealed, until the files of the batch are written; and how many
    // there are.
    "
    CREATE TABLE batch_line (
        batch BLOB NOT NULL,
        line INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (batch, line)
    ) STRICT;
    CREATE TABLE batch_count (
        batch BLOB PRIMARY KEY,
        completed INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        prompt INTEGER NOT NULL,
        cached INTEGER NOT NULL,
        generated INTEGER NOT NULL,
        reasoning INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ",
    // 27: fine-tuned models.
    "
    -- Fine-tuned models: each for one resource. The rest of the model is in `model`.
    CREATE TABLE tuned_model (
        model BLOB PRIMARY KEY REFERENCES model (id),
        tenant BLOB NOT NULL REFERENCES tenant (id),
        resource BLOB NOT NULL REFERENCES resource (id),
        -- The kept object with the adapter, and the job that made it. They may be gone already.
        object BLOB NOT NULL,
        job BLOB NOT NULL,
        adapter BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tuned_model_resource ON tuned_model (resource);
    CREATE INDEX tuned_model_tenant ON tuned_model (tenant);
    ",
    // 28: what resources and processors are set to do with personal data, as JSON. One without a
    // setting has the default.
    "
    CREATE TABLE personal_setting (
        resource BLOB UNIQUE REFERENCES resource (id),
        processor TEXT UNIQUE,
        setting TEXT NOT NULL,
        CHECK ((resource IS NULL) <> (processor IS NULL))
    ) STRICT;
    ",
    // 29: the subject index: keyed hashes of data subjects, whose keys are the custodian's. A row goes
    // with its record or its object.
    "
    -- `idx` is the log entry of the record's request.
    CREATE TABLE subject_record (
        hash BLOB NOT NULL,
        idx INTEGER NOT NULL,
        PRIMARY KEY (hash, idx)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX subject_record_idx ON subject_record (idx);
    CREATE TRIGGER subject_record_removed AFTER DELETE ON record BEGIN
        DELETE FROM subject_record WHERE idx = OLD.idx;
    END;

    -- `lines` has the numbers of the lines, four bytes each; NULL for the whole object.
    CREATE TABLE subject_object (
        tenant BLOB NOT NULL,
        hash BLOB NOT NULL,
        object BLOB NOT NULL,
        lines BLOB,
        PRIMARY KEY (tenant, hash, object)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX subject_object_object ON subject_object (object);
    CREATE TRIGGER subject_object_removed AFTER DELETE ON object BEGIN
        DELETE FROM subject_object WHERE object = OLD.id;
    END;

    -- Results of a batch's lines that were erased: they are not written again.
    CREATE TABLE erased_line (
        batch BLOB NOT NULL,
        line INTEGER NOT NULL,
        PRIMARY KEY (batch, line)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER erased_line_removed AFTER DELETE ON object BEGIN
        DELETE FROM erased_line WHERE batch = OLD.id;
    END;

    -- Data subjects of whom nothing is kept. A row with the hash of the empty name shows that the key
    -- is the same as ever.
    CREATE TABLE subject_restriction (
        tenant BLOB NOT NULL,
        hash BLOB NOT NULL,
        since_ms INTEGER NOT NULL,
        PRIMARY KEY (tenant, hash)
    ) STRICT, WITHOUT ROWID;

    -- Erasures, by the request that they answer: the officer who began it, as in the log's statements; `subject` is the commitment of
    -- the certificate. `certificate` and `entry` are NULL until it is done.
    CREATE TABLE erasure (
        id BLOB PRIMARY KEY,
        tenant BLOB NOT NULL,
        subject BLOB NOT NULL,
        officer TEXT NOT NULL,
        salt BLOB NOT NULL,
        files INTEGER NOT NULL,
        started_ms INTEGER NOT NULL,
        certificate BLOB,
        entry INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX erasure_tenant ON erasure (tenant, started_ms);
    CREATE INDEX erasure_open ON erasure (id) WHERE entry IS NULL;

    -- Until it is done: the hashes of the data subject, what was counted, and what the log has.
    CREATE TABLE erasure_hash (
        erasure BLOB NOT NULL REFERENCES erasure (id),
        hash BLOB NOT NULL,
        PRIMARY KEY (erasure, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE erasure_count (
        erasure BLOB NOT NULL REFERENCES erasure (id),
        place INTEGER NOT NULL,
        found INTEGER NOT NULL,
        erased INTEGER NOT NULL,
        kept INTEGER,
        PRIMARY KEY (erasure, place)
    ) STRICT, WITHOUT ROWID;
    -- `record_key` is the key of an erased record, `object` an erased object.
    CREATE TABLE erasure_entry (
        erasure BLOB NOT NULL REFERENCES erasure (id),
        idx INTEGER NOT NULL,
        record_key BLOB,
        object BLOB,
        PRIMARY KEY (erasure, idx)
    ) STRICT, WITHOUT ROWID;
    ",
    // 30: the request header that names the data subject; NULL for none.
    "
    ALTER TABLE resource ADD COLUMN subject_header TEXT;
    ",
    // 31: the roots of tenants, each with the time from which it counts, and the identity providers
    // that they named. Both follow from the log's entries.
    "
    CREATE TABLE tenant_root (
        tenant BLOB NOT NULL REFERENCES tenant (id),
        since_ms INTEGER NOT NULL,
        fingerprint BLOB NOT NULL,
        PRIMARY KEY (tenant, since_ms)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE tenant_issuer (
        tenant BLOB NOT NULL REFERENCES tenant (id),
        issuer BLOB NOT NULL,
        PRIMARY KEY (tenant, issuer)
    ) STRICT, WITHOUT ROWID;
    ",
    // 32: the outcomes of notices. `id` is a hash of the destination and of the notice's reason. `ended` is
    // 1 for a delivered notice, 2 for one that was given up, NULL for one that is tried again.
    "
    CREATE TABLE notice (
        id BLOB PRIMARY KEY,
        first_ms INTEGER NOT NULL,
        tried_ms INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        ended INTEGER
    ) STRICT, WITHOUT ROWID;
    ",
];

/// Small tables that every request needs. Checking all their pages is cheap.
const CHECKED: [&str; 18] = [
    "tenant",
    "tenant_root",
    "tenant_issuer",
    "resource",
    "model",
    "deployment",
    "content_filter",
    "content_filter_rule",
    "blocklist",
    "blocklist_item",
    "engine",
    "engine_model",
    "resource_processor",
    "personal_setting",
    "log_head",
    "log_entry",
    "record_key",
    "span",
];

/// The tables of [`CHECKED`] that stay small while the service runs.
const GLANCED: [&str; 15] = [
    "tenant",
    "tenant_root",
    "tenant_issuer",
    "resource",
    "model",
    "deployment",
    "content_filter",
    "content_filter_rule",
    "blocklist",
    "engine",
    "engine_model",
    "resource_processor",
    "personal_setting",
    "log_head",
    "log_entry",
];

/// Checks the tables for damage at the start; otherwise a request would be the first to find it.
///
/// # Errors
/// [`StoreError::Damaged`], with the table's name, if a table is damaged.
pub(crate) fn check(connection: &Connection) -> Result<(), StoreError> {
    whole(connection, &CHECKED)
}

/// Checks only the tables for which this takes a moment, because requests wait.
///
/// # Errors
/// [`StoreError::Damaged`], with the table's name, if a table is damaged.
pub(crate) fn glance(connection: &Connection) -> Result<(), StoreError> {
    whole(connection, &GLANCED)
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

/// Returns true if the database has the current format. [`migrate`] updates an older one.
pub(crate) fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(found == known)
}

/// Migrates the database to the current format.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    // Immediate: of two processes that open a new directory, only one may create the tables.
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
